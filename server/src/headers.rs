//! The headers of every response: what a page may load, who may frame or read it, how long files
//! are kept.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use crate::settings::Settings;

/// What the page may load: its own files and wasm; what it may be in and send stands below.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    base-uri 'none'; form-action 'none'";
/// For files whose path changes with their content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// First path segment of such files: `cargo xtask web` hashes that folder.
const HASHED_PREFIX: &str = "app-";
/// Two years, as the preload lists ask.
const SECURE: &str = "max-age=63072000";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const EMBEDDER_POLICY: HeaderName = HeaderName::from_static("cross-origin-embedder-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The headers as this server is set up.
#[derive(Debug)]
pub(crate) struct Headers {
    policy: HeaderValue,
    /// Whether pages of other origins may use the files.
    is_shared: bool,
    requests: AtomicU64,
}

/// What a response's headers depend on besides.
#[derive(Debug)]
pub(crate) struct About {
    is_hashed: bool,
    is_secure: bool,
    /// The origin that may read the response.
    pub(crate) shared_with: Option<HeaderValue>,
}

impl Headers {
    pub(crate) fn new(settings: &Settings) -> Self {
        let ancestors = match settings.frame_ancestors.as_slice() {
            [] => "'none'".to_owned(),
            some => some.join(" "),
        };
        // `'self'` covers the WebSocket of the same host.
        let others = settings.companions.iter().map(|companion| origin_of(&companion.url));
        let servers = others.fold("'self'".to_owned(), |all, other| format!("{all} {other}"));
        let policy = HeaderValue::from_str(&format!(
            "{POLICY}; connect-src {servers}; frame-ancestors {ancestors}"
        ));
        Headers {
            policy: policy.expect("origins and addresses are plain"),
            is_shared: !settings.origins.is_empty(),
            requests: AtomicU64::new(0),
        }
    }

    pub(crate) fn about(&self, request: &Request, is_secure: bool) -> About {
        let path = request.uri().path().trim_start_matches('/');
        let is_hashed = path.starts_with(HASHED_PREFIX) && path.contains('/');
        About { is_hashed, is_secure, shared_with: None }
    }

    pub(crate) fn add(&self, about: About, response: &mut Response) {
        let status = response.status();
        // An error is never kept: the file may be there after the next build.
        let is_kept =
            about.is_hashed && (status.is_success() || status == StatusCode::NOT_MODIFIED);
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let headers = response.headers_mut();
        let fixed = [
            (CACHE_CONTROL, if is_kept { IMMUTABLE } else { "no-cache" }),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
            (OPENER_POLICY, "same-origin"),
            (EMBEDDER_POLICY, "require-corp"),
            (RESOURCE_POLICY, if self.is_shared { "cross-origin" } else { "same-origin" }),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(REQUEST_ID, HeaderValue::from(number));
        if about.is_secure {
            headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(SECURE));
        }
        if self.is_shared {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        if let Some(origin) = about.shared_with {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
    }
}

/// Scheme and host of a URL.
fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |path| &url[..host + path])
}
