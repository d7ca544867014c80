//! Routes and headers: the page, the WebSocket, health and metrics.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tower_http::services::ServeDir;
use tracing::debug;

use crate::host::Host;
use crate::{metrics, socket};

/// What the page may load: its own files, wasm, and its own server (`'self'` covers the WebSocket
/// of the same host).
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    worker-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// For files whose path changes with their content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// First path segment of such files: `cargo xtask web` hashes that folder.
const HASHED_PREFIX: &str = "app-";
const UNBUILT: &str = "The page is not built.\n\nBuild it with: cargo xtask web\nand load this \
    address again, or name its folder with --web-dir.\n";

/// The page's side of the settings.
pub(crate) struct Page {
    pub(crate) web_dir: PathBuf,
    /// Origins of other sites whose pages may connect.
    pub(crate) allow_origins: Vec<String>,
}

#[derive(Clone)]
struct App {
    host: Host,
    allow_origins: Arc<[String]>,
}

/// Everything on the main address.
pub(crate) fn routes(page: Page, host: Host, metrics_apart: bool) -> Router {
    let files = ServeDir::new(page.web_dir)
        .precompressed_br()
        .precompressed_gzip()
        .fallback(get(not_found));
    let app = App { host: host.clone(), allow_origins: page.allow_origins.into() };
    let mut routes = Router::new()
        .route("/ws", get(web_socket))
        .with_state(app)
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback_service(files);
    if metrics_apart {
        routes = routes.route("/metrics", get(not_found));
    } else {
        routes = routes.merge(metrics_routes(host));
    }
    routes.layer(middleware::from_fn(add_headers))
}

/// `/metrics` alone.
pub(crate) fn metrics_routes(host: Host) -> Router {
    let metrics = async |State(host): State<Host>| {
        let text = metrics::render(&host.stats.borrow());
        ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text)
    };
    Router::new().route("/metrics", get(metrics)).with_state(host)
}

async fn web_socket(
    State(app): State<App>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_welcome(&headers, &app.allow_origins) {
        debug!(origin = ?headers.get(ORIGIN), "a foreign origin");
        return (StatusCode::FORBIDDEN, "this origin may not connect\n").into_response();
    }
    socket::upgrade(upgrade, app.host)
}

/// Whether a page of this origin may connect. Browsers always name theirs; a native peer has none.
/// The scheme does not count, since a proxy may speak TLS for this server; host and port do.
fn is_welcome(headers: &HeaderMap, allow_origins: &[String]) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let (Ok(origin), None) = (origin.to_str(), origins.next()) else { return false };
    if allow_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) {
        return true;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    matches!((own, host), (Some(own), Some(host)) if own.eq_ignore_ascii_case(host))
}

async fn not_found(uri: Uri) -> Response {
    if uri.path() == "/" {
        (StatusCode::SERVICE_UNAVAILABLE, UNBUILT).into_response()
    } else {
        (StatusCode::NOT_FOUND, "there is nothing here\n").into_response()
    }
}

async fn add_headers(request: Request, next: Next) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let is_hashed = path.starts_with(HASHED_PREFIX) && path.contains('/');
    let mut response = next.run(request).await;
    // An error is never kept: the file may be there after the next build.
    let is_kept = is_hashed
        && (response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED);
    let headers = response.headers_mut();
    let fixed = [
        (CACHE_CONTROL, if is_kept { IMMUTABLE } else { "no-cache" }),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_origin(origin: Option<&str>, host: &str, welcome: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().expect("a value"));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().expect("a value"));
        }
        let allowed = ["https://friend.example".to_owned()];
        assert_eq!(is_welcome(&headers, &allowed), welcome, "{origin:?} at {host}");
    }

    #[test]
    fn only_the_own_and_allowed_origins_are_welcome() {
        check_origin(None, "ours.example", true);
        check_origin(Some("https://ours.example"), "ours.example", true);
        check_origin(Some("http://OURS.example:8080"), "ours.example:8080", true);
        check_origin(Some("https://friend.example"), "ours.example", true);
        check_origin(Some("null"), "ours.example", false);
        check_origin(Some("https://ours.example.evil.example"), "ours.example", false);
        check_origin(Some("https://evil.example"), "ours.example", false);
        check_origin(Some("http://friend.example"), "ours.example", false);
        check_origin(Some("https://ours.example:1"), "ours.example", false);
        check_origin(Some("ours.example"), "ours.example", false);
    }
}
