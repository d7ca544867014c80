//! The WebSockets to the servers: one task per connection, a bounded channel each way.
//!
//! When to connect and what is said are [`signal::entry::Entry`]'s; here are only bytes.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use peer::ServerId;
use signal::message::MESSAGE_BYTES_MAX;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Messages that wait in one direction. Outgoing: above it the connection is given up. Incoming:
/// above it the server waits.
const QUEUE_MAX: usize = 64;
/// A connection that is not open by then has failed.
const OPEN_MAX: Duration = Duration::from_secs(10);
/// A server that is not heard from for this long is gone: it pings every 20 s, and TCP notices
/// the silent end of a connection much later.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What a connection tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It is open.
    Opened,
    /// It is closed or could not be opened, and why. The last event of a connection.
    Closed(String),
    /// A binary message.
    Received(Bytes),
}

/// The connections to servers: those that the peer asked for, and that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Sockets(Vec<(ServerId, Connection)>);

#[derive(Debug)]
struct Connection {
    outgoing: Sender<Bytes>,
    incoming: Receiver<Event>,
}

impl Sockets {
    /// Opens a connection in place of the server's last. `url` is of [`socket_url`], or as another
    /// server tells it.
    pub(crate) fn connect(&mut self, server: ServerId, url: String) {
        let (outgoing, from_driver) = channel(QUEUE_MAX);
        let (to_driver, incoming) = channel(QUEUE_MAX);
        tokio::spawn(run(url, from_driver, to_driver));
        self.disconnect(server);
        self.0.push((server, Connection { outgoing, incoming }));
    }

    /// Closes it after what was sent; no event follows.
    pub(crate) fn disconnect(&mut self, server: ServerId) {
        self.0.retain(|(other, _)| *other != server);
    }

    /// Sends a binary message; false when the connection does not keep up and must be given up.
    pub(crate) fn send(&mut self, server: ServerId, message: Bytes) -> bool {
        let connection = self.0.iter().find(|(other, _)| *other == server);
        connection.is_some_and(|(_, connection)| connection.outgoing.try_send(message).is_ok())
    }

    /// Waits for the next event of any; for ever while there is no connection. Cancel-safe.
    pub(crate) async fn event(&mut self) -> (ServerId, Event) {
        poll_fn(|context| {
            let mut all = self.0.iter_mut().enumerate();
            let ready = all.find_map(|(at, (_, connection))| {
                match connection.incoming.poll_recv(context) {
                    Poll::Ready(event) => Some((at, event)),
                    Poll::Pending => None,
                }
            });
            let Some((at, event)) = ready else { return Poll::Pending };
            let event = event.unwrap_or_else(|| Event::Closed("the connection ended".into()));
            // The others are heard before it is heard again.
            let (server, connection) = self.0.remove(at);
            if !matches!(event, Event::Closed(_)) {
                self.0.push((server, connection));
            }
            Poll::Ready((server, event))
        })
        .await
    }
}

/// The WebSocket URL of the server at `server`, an `http://` URL.
pub fn socket_url(server: &str) -> anyhow::Result<String> {
    let Some((scheme, rest)) = server.split_once("://") else {
        bail!("{server:?} is not a URL; write http://HOST:PORT");
    };
    match scheme {
        "http" | "ws" => {}
        "https" | "wss" => bail!(
            "this version cannot speak TLS; name the server's http:// address, or put a local \
             tunnel in front of it"
        ),
        _ => bail!("{server:?} is not a server's URL; write http://HOST:PORT"),
    }
    let rest = rest.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    if rest.is_empty() || rest.starts_with(['/', ':']) {
        bail!("{server:?} names no host");
    }
    let path = if rest.ends_with("/v1/ws") { "" } else { "/v1/ws" };
    Ok(format!("ws://{rest}{path}"))
}

async fn run(url: String, mut from_driver: Receiver<Bytes>, to_driver: Sender<Event>) {
    let reason = match converse(&url, &mut from_driver, &to_driver, SILENCE_MAX).await {
        Ok(()) => "the server closed the connection".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    // Nobody listens after `disconnect`.
    let _ = to_driver.send(Event::Closed(reason)).await;
}

async fn converse(
    url: &str,
    from_driver: &mut Receiver<Bytes>,
    to_driver: &Sender<Event>,
    silence_max: Duration,
) -> anyhow::Result<()> {
    // Room for the server's largest message and its frame.
    let bytes_max = Some(MESSAGE_BYTES_MAX + 1024);
    let config = WebSocketConfig::default().max_message_size(bytes_max).max_frame_size(bytes_max);
    let opening = timeout(OPEN_MAX, connect_async_with_config(url, Some(config), true));
    let (mut stream, _) = tokio::select! {
        opened = opening => opened.context("the server does not answer")??,
        () = to_driver.closed() => return Ok(()),
    };
    to_driver.send(Event::Opened).await?;
    let mut silent_at = Instant::now() + silence_max;
    loop {
        tokio::select! {
            message = from_driver.recv() => match message {
                Some(message) => {
                    let sending = timeout(silence_max, stream.send(Message::Binary(message)));
                    sending.await.context("the server does not keep up")??;
                }
                None => return Ok(stream.close(None).await?),
            },
            message = stream.next() => {
                match message {
                    Some(Ok(Message::Binary(bytes))) => {
                        to_driver.send(Event::Received(bytes)).await?;
                    }
                    Some(Ok(Message::Close(_))) | None => return Ok(()),
                    // Pings are answered by the stream; a server has nothing to say in text.
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                }
                silent_at = Instant::now() + silence_max;
            }
            () = sleep_until(silent_at) => bail!("the server is silent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    #[test]
    fn urls() {
        for (server, expected) in [
            ("http://host:8080", "ws://host:8080/v1/ws"),
            ("http://host:8080/", "ws://host:8080/v1/ws"),
            ("http://[::1]:80/", "ws://[::1]:80/v1/ws"),
            ("http://host/behind/?x#y", "ws://host/behind/v1/ws"),
            ("ws://host:1/v1/ws", "ws://host:1/v1/ws"),
        ] {
            assert_eq!(socket_url(server).unwrap(), expected);
        }
        for server in ["host:8080", "", "https://host", "ftp://host", "http://", "http://:80"] {
            assert!(socket_url(server).is_err(), "{server}");
        }
    }

    #[tokio::test]
    async fn an_unreachable_server_is_an_event() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let (mut sockets, server) = (Sockets::default(), ServerId(3));
        sockets.connect(server, format!("ws://127.0.0.1:{port}/ws"));
        assert!(matches!(sockets.event().await, (ServerId(3), Event::Closed(_))));
        assert!(!sockets.send(server, Bytes::new()));
    }

    #[tokio::test]
    async fn a_server_that_talks_does_not_drown_another() {
        let mut sockets = Sockets::default();
        let mut connections = Vec::new();
        for server in [ServerId(0), ServerId(1)] {
            let (outgoing, from_driver) = channel(QUEUE_MAX);
            let (to_driver, incoming) = channel(QUEUE_MAX);
            for _ in 0..3 {
                to_driver.try_send(Event::Opened).unwrap();
            }
            sockets.0.push((server, Connection { outgoing, incoming }));
            connections.push((from_driver, to_driver));
        }
        let mut heard = Vec::new();
        for _ in 0..4 {
            heard.push(sockets.event().await.0.0);
        }
        assert_eq!(heard, [0, 1, 0, 1]);
        sockets.disconnect(ServerId(0));
        drop(connections);
        assert_eq!(sockets.event().await, (ServerId(1), Event::Opened));
        assert!(matches!(sockets.event().await, (ServerId(1), Event::Closed(_))));
        assert!(sockets.0.is_empty());
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up_and_one_that_pings_is_not() {
        let silence_max = Duration::from_millis(400);
        for pings in [0, 6] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("ws://{}/ws", listener.local_addr().unwrap());
            tokio::spawn(async move {
                let (tcp, _) = listener.accept().await.unwrap();
                let mut server = tokio_tungstenite::accept_async(tcp).await.unwrap();
                for _ in 0..pings {
                    tokio::time::sleep(silence_max / 4).await;
                    server.send(Message::Ping(Bytes::new())).await.unwrap();
                }
                pending::<()>().await;
            });
            let (_outgoing, mut from_driver) = channel(1);
            let (to_driver, mut incoming) = channel(1);
            let begun = Instant::now();
            let end = converse(&url, &mut from_driver, &to_driver, silence_max).await;
            assert!(end.unwrap_err().to_string().contains("silent"));
            assert!(begun.elapsed() >= silence_max + silence_max / 4 * pings);
            assert_eq!(incoming.recv().await, Some(Event::Opened));
        }
    }
}
