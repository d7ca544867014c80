//! Routes: the page, the WebSocket, and what is said of the server.
//!
//! Everything on the main address passes `around`: who asks (`proxy`), whether they may ask now
//! (`callers`), the headers of every response (`headers`).

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Extension, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use base::{Duration, PROTOCOL_VERSION, PublicKey, Time};
use serde_json::{Value, json};
use signal::message::{Companion, IceServer, MESSAGE_BYTES_MAX};
use signal::rate::Bucket;
use tokio::time::Instant;
use tower_http::services::ServeDir;
use tracing::{debug, warn};

use crate::callers::{Callers, Nearly, Use};
use crate::headers::Headers;
use crate::host::Host;
use crate::meters::Meters;
use crate::origins::Origins;
use crate::problem::{later, problem, refusal};
use crate::settings::{Settings, is_local, secret_from_file};
use crate::{metrics, proxy, socket};

const UNBUILT: &str = "The page is not built.\n\nBuild it with: cargo xtask web\nand load this \
    address again, or name its folder with --web-dir.\n";
/// How long who came too soon waits, in seconds.
const JOIN_WAIT_SECONDS: u64 = 2;
/// Joins at once: this part of a second's.
const JOIN_BURST_PART: u32 = 10;
const JOIN_BURST_MIN: u32 = 20;

/// The socket's other end, put into every request by `accept`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketPeer(pub(crate) IpAddr);

/// Who asks, put into every request by `around`.
#[derive(Clone, Copy, Debug)]
struct Caller(IpAddr);

/// What every request may need.
pub(crate) struct App {
    pub(crate) host: Host,
    pub(crate) callers: Arc<Callers>,
    pub(crate) meters: Meters,
    /// False while the server ends.
    pub(crate) accepting: AtomicBool,
    pub(crate) settings: Settings,
    headers: Headers,
    origins: Origins,
    native_token: Option<Vec<u8>>,
    joins: Mutex<Bucket>,
    started: Instant,
    network: PublicKey,
    /// A proxy that nobody announced is warned of once.
    warned: AtomicBool,
}

impl App {
    pub(crate) fn new(settings: Settings, host: Host, network: PublicKey) -> anyhow::Result<Self> {
        let rate = settings.joins_per_second.max(1);
        let burst = (rate / JOIN_BURST_PART).max(JOIN_BURST_MIN);
        Ok(App {
            host,
            callers: Callers::new(settings.callers()),
            meters: Meters::default(),
            accepting: AtomicBool::new(true),
            headers: Headers::new(&settings),
            origins: Origins::new(settings.origins.clone()),
            native_token: settings
                .native_token_file
                .as_deref()
                .map(secret_from_file)
                .transpose()?,
            joins: Mutex::new(Bucket::new(burst, Duration::from_secs(1) / rate)),
            started: Instant::now(),
            network,
            warned: AtomicBool::new(false),
            settings,
        })
    }

    fn may_join_now(&self) -> bool {
        let now = Time::ZERO + self.started.elapsed();
        self.joins.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }
}

/// Everything on the main address.
pub(crate) fn routes(app: Arc<App>) -> Router {
    let files = ServeDir::new(&app.settings.web_dir)
        .precompressed_br()
        .precompressed_gzip()
        .fallback(get(not_found));
    Router::new()
        .route("/v1/ws", get(web_socket))
        .route("/v1/config", get(config))
        .route("/v1/stats", get(stats))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_here))
        .method_not_allowed_fallback(async || {
            problem(StatusCode::METHOD_NOT_ALLOWED, "this is read with GET")
        })
        .fallback_service(files)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), around))
        .with_state(app)
}

/// `/metrics` alone.
pub(crate) fn metrics_routes(app: Arc<App>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(app)
}

async fn web_socket(
    State(app): State<Arc<App>>,
    Extension(Caller(caller)): Extension<Caller>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_welcome(&app, &headers) {
        debug!(caller = %Nearly(caller), origin = ?headers.get(ORIGIN), "not welcome");
        let detail = "this origin may not connect, or a native client lacks its token";
        return problem(StatusCode::FORBIDDEN, detail);
    }
    if !app.accepting.load(Ordering::Relaxed) {
        let detail = "the server is about to end";
        return later(StatusCode::SERVICE_UNAVAILABLE, detail, JOIN_WAIT_SECONDS);
    }
    let place = match app.callers.connect(caller, Use::WebSocket) {
        Ok(place) => place,
        Err(reason) => {
            app.meters.limited();
            return refusal(reason);
        }
    };
    if !app.may_join_now() {
        app.meters.limited();
        let detail = "many join at this moment";
        return later(StatusCode::SERVICE_UNAVAILABLE, detail, JOIN_WAIT_SECONDS);
    }
    socket::upgrade(upgrade, app, place)
}

/// Pages are known by their origin, which a browser always names; others by the token, if one is
/// asked for.
fn is_welcome(app: &App, headers: &HeaderMap) -> bool {
    if headers.contains_key(ORIGIN) {
        return app.origins.are_welcome(headers);
    }
    let Some(token) = &app.native_token else { return true };
    let brought =
        headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    brought.is_some_and(|brought| is_same(brought, token))
}

/// In a time that does not tell how much was right.
fn is_same(brought: &[u8], token: &[u8]) -> bool {
    brought.len() == token.len()
        && brought.iter().zip(token).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}

/// What a peer may know before it joins. Credentials of relays come with the welcome: they are a
/// peer's own.
async fn config(State(app): State<Arc<App>>) -> Json<Value> {
    let stun = app.settings.ice_servers.iter().filter(|server| server.username.is_empty());
    let urls: Vec<&String> = stun.map(|IceServer { url, .. }| url).collect();
    let companion =
        |Companion { key, url }: &Companion| json!({ "key": key.to_string(), "url": url });
    Json(json!({
        "protocol": PROTOCOL_VERSION,
        "network": app.network.to_string(),
        "introducers": app.settings.companions.iter().map(companion).collect::<Vec<_>>(),
        "stun": urls,
        "relays": app.settings.turn_urls,
        "limits": {
            "message_bytes": MESSAGE_BYTES_MAX,
            "messages_per_second": 1_000 / signal::room::MESSAGE_INTERVAL.as_millis(),
            "connections_per_address": app.settings.connections_per_address,
        },
    }))
}

/// Counts, of nobody in particular.
async fn stats(State(app): State<Arc<App>>) -> Json<Value> {
    let stats = *app.host.stats.borrow();
    Json(json!({
        "peers": stats.browsers + stats.natives,
        "browsers": stats.browsers,
        "natives": stats.natives,
        "members": stats.members,
    }))
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.accepting.load(Ordering::Relaxed) && !app.host.events.is_closed() {
        "ready\n".into_response()
    } else {
        problem(StatusCode::SERVICE_UNAVAILABLE, "the server is about to end")
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let text = metrics::render(&app.host.stats.borrow(), &app.meters);
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

/// On the main address the metrics are this machine's own.
async fn metrics_here(
    State(app): State<Arc<App>>,
    Extension(Caller(caller)): Extension<Caller>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let proxied = proxy::is_unannounced(&app.settings.trusted_proxies, caller, &headers);
    if app.settings.metrics_listen.is_some() || !is_local(caller) || proxied {
        return not_found(uri).await;
    }
    metrics(State(app)).await
}

async fn not_found(uri: Uri) -> Response {
    if uri.path() == "/" {
        (StatusCode::SERVICE_UNAVAILABLE, UNBUILT).into_response()
    } else {
        problem(StatusCode::NOT_FOUND, "there is nothing here")
    }
}

/// What happens to every request and response.
async fn around(
    State(app): State<Arc<App>>,
    Extension(SocketPeer(peer)): Extension<SocketPeer>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let proxies = &app.settings.trusted_proxies;
    if proxy::is_unannounced(proxies, peer, request.headers())
        && !app.warned.swap(true, Ordering::Relaxed)
    {
        warn!(
            "a proxy seems to stand in front; all its callers count as one without --trust-proxy"
        );
    }
    let caller = proxy::caller(proxies, peer, request.headers());
    let mut about = app.headers.about(&request, proxy::is_secure(proxies, peer, request.headers()));
    about.shared_with = app.origins.listed(request.headers());
    request.extensions_mut().insert(Caller(caller));
    let mut response = match app.callers.request(caller) {
        Ok(()) => next.run(request).await,
        Err(reason) => {
            app.meters.limited();
            debug!(caller = %Nearly(caller), ?reason, "turned away");
            refusal(reason)
        }
    };
    app.headers.add(about, &mut response);
    app.meters.request(begun.elapsed());
    response
}
