//! The door: who may connect, for how long before a request is there, with how much kernel memory.
//!
//! `axum::serve` has no deadline for a request's head (hostile.md §1, fact 1), so the loop is our
//! own. Idle connections fall under the same deadline between requests; what is written has one
//! too (`patient`). A caller that holds its share is closed without a word: an answer would cost
//! more than the question.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::app::{App, SocketPeer};
use crate::callers::{Nearly, Place, Refusal, Use};
use crate::patient::Patient;
use crate::proxy;

/// Connections in HTTP at once; further ones wait in the kernel's queue. WebSockets have left HTTP
/// and are bounded by the room.
const HTTP_CONNECTIONS_MAX: usize = 16_384;
/// Bytes and fields of a request head; more are answered with 431.
const HEAD_BYTES_MAX: usize = 8 * 1024;
const HEAD_FIELDS_MAX: usize = 50;
/// Kernel buffers of each connection: a peer that does not read holds no more (hostile.md §1, fact
/// 9).
const SOCKET_BUFFER_BYTES: u32 = 64 * 1024;
/// How long the kernel keeps what a peer does not take, also after this process has closed: above
/// every deadline of the process. Left to itself it tries for a quarter of an hour.
#[cfg(target_os = "linux")]
const UNREAD_PATIENCE: Duration = Duration::from_secs(60);
/// Connections that the kernel keeps while this process is busy.
const BACKLOG: u32 = 1_024;
/// Pause after a failed accept (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Between two lines in the log about it.
const WARNING_PAUSE: Duration = Duration::from_secs(60);

/// Opens a listener.
pub(crate) fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart need not wait for the last connections of the process before it.
        socket.set_reuseaddr(true)?;
        // Accepted sockets inherit these.
        socket.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
        socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
        #[cfg(target_os = "linux")]
        socket2::SockRef::from(&socket).set_tcp_user_timeout(Some(UNREAD_PATIENCE))?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    open().with_context(|| format!("cannot listen on {address}"))
}

/// Accepts until the task is aborted.
pub(crate) async fn serve(listener: TcpListener, routes: Router, app: Arc<App>) {
    let places = Arc::new(Semaphore::new(HTTP_CONNECTIONS_MAX));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(app.settings.head_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEAD_FIELDS_MAX);
    let mut warned: Option<Instant> = None;
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("it is never closed");
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                if warned.is_none_or(|at| at.elapsed() >= WARNING_PAUSE) {
                    warn!(%error, "cannot accept connections");
                    warned = Some(Instant::now());
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Signals are small and wait for an answer.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "no TCP_NODELAY");
        }
        let peer = address.ip();
        let share = match share(&app, peer) {
            Ok(share) => share,
            Err(reason) => {
                app.meters.limited();
                debug!(caller = %Nearly(peer), ?reason, "closed at the door");
                continue;
            }
        };
        let routes = routes.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(SocketPeer(peer));
            TowerToHyperService::new(routes.clone()).call(request)
        });
        let stream = TokioIo::new(Patient::new(stream, app.settings.write_timeout));
        let connection = http.serve_connection(stream, service).with_upgrades();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended");
            }
            drop((place, share));
        });
    }
}

/// A caller's share of the connections in HTTP; a proxy has none, it stands for many.
fn share(app: &App, peer: IpAddr) -> Result<Option<Place>, Refusal> {
    if proxy::is_trusted(&app.settings.trusted_proxies, peer) {
        return Ok(None);
    }
    app.callers.connect(peer, Use::Http).map(Some)
}
