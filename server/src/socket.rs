//! One WebSocket: bytes between a peer and the room, and the limits of a connection.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use base::Time;
use signal::message::MESSAGE_BYTES_MAX;
use signal::rate::Bucket;
use signal::room::ConnectionId;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite;
use tracing::debug;

use crate::app::App;
use crate::callers::Place;
use crate::host::{Command, Commands, Event};

/// Allocated for every connection for as long as it lives (hostile.md §1, fact 2).
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Written out when it holds this much.
const WRITE_BUFFER_BYTES: usize = 4 * 1024;
/// Held at most while the peer does not read; above the buffer and one message.
const WRITE_BUFFER_BYTES_MAX: usize = WRITE_BUFFER_BYTES + 2 * MESSAGE_BYTES_MAX;
/// How long, and for how many of its messages, a peer may take to answer a close: a socket that is
/// dropped with bytes unread resets, and the peer may not learn why.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(1);
const GOODBYE_MESSAGES_MAX: u32 = 64;
/// Pings and pongs that a peer may send at once; one more ends the connection.
const CONTROL_BURST_MAX: u32 = 20;
/// It regains one in this time.
const CONTROL_INTERVAL: Duration = Duration::from_secs(1);

/// Answers an upgrade: the connection lives in a task of its own from then on, and in `place`.
pub(crate) fn upgrade(upgrade: WebSocketUpgrade, app: Arc<App>, place: Place) -> Response {
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .on_upgrade(move |socket| async move {
            app.meters.sockets.fetch_add(1, Ordering::Relaxed);
            carry(socket, &app).await;
            app.meters.sockets.fetch_sub(1, Ordering::Relaxed);
            drop(place);
        })
}

/// Carries messages until either side ends the connection.
async fn carry(socket: WebSocket, app: &App) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let id = ConnectionId(NEXT.fetch_add(1, Ordering::Relaxed));
    let (queue, commands) = app.host.queues.open();
    if app.host.events.send(Event::Connected(id, queue)).await.is_err() {
        return;
    }
    let started = Instant::now();
    let control = Bucket::new(CONTROL_BURST_MAX, CONTROL_INTERVAL);
    let connection = Connection { id, socket, app, started, heard: started, control };
    let outcome = connection.run(commands).await;
    debug!(connection = id.0, outcome, "closed");
    // The room's task outlives its connections.
    let _ = app.host.events.send(Event::Disconnected(id)).await;
}

struct Connection<'a> {
    id: ConnectionId,
    socket: WebSocket,
    app: &'a App,
    started: Instant,
    /// When the peer last showed a sign of life.
    heard: Instant,
    control: Bucket,
}

/// Why a connection ends, for the log.
type Ending = &'static str;

impl Connection<'_> {
    async fn run(mut self, mut commands: Commands) -> Ending {
        let settings = &self.app.settings;
        let mut ping_at = self.started + settings.ping_interval;
        // One timer for all its life: it goes off at the earliest of what may be due, and is set
        // anew only then, not with every message.
        let mut alarm = pin!(sleep_until(ping_at.min(self.heard + settings.silence_timeout)));
        loop {
            let ending = tokio::select! {
                command = commands.next() => match command {
                    Some(Command::Send(message)) => self.write(Message::Binary(message)).await,
                    Some(Command::Close(reason)) => {
                        self.close(close_code::POLICY, reason).await;
                        Err(reason)
                    }
                    None if commands.overflowed() => {
                        self.close(close_code::POLICY, "the peer does not read").await;
                        Err("the outbound queue was full")
                    }
                    None => {
                        self.close(close_code::AWAY, "the server lets go").await;
                        Err("let go")
                    }
                },
                message = self.socket.recv() => self.on_message(message).await,
                () = &mut alarm => {
                    let now = Instant::now();
                    let is_due = now >= ping_at;
                    if is_due {
                        ping_at = now + settings.ping_interval;
                    }
                    alarm.as_mut().reset(ping_at.min(self.heard + settings.silence_timeout));
                    if self.heard.elapsed() >= settings.silence_timeout {
                        Err("silent for too long")
                    } else if is_due {
                        self.write(Message::Ping(bytes::Bytes::new())).await
                    } else {
                        Ok(())
                    }
                }
            };
            if let Err(ending) = ending {
                return ending;
            }
        }
    }

    async fn on_message(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<(), Ending> {
        self.heard = Instant::now();
        match message {
            Some(Ok(Message::Binary(message))) => {
                let event = Event::Received(self.id, message);
                self.app.host.events.send(event).await.map_err(|_| "the server stops")
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                let now = Time::ZERO + (self.heard - self.started);
                if self.control.take(now) {
                    return Ok(());
                }
                self.close(close_code::POLICY, "too many pings").await;
                Err("too many pings")
            }
            Some(Ok(Message::Text(_))) => {
                self.close(close_code::UNSUPPORTED, "messages are binary").await;
                Err("a text message")
            }
            Some(Ok(Message::Close(_))) | None => Err("the peer left"),
            Some(Err(error)) => {
                let (code, ending) = fault(error);
                self.close(code, ending).await;
                Err(ending)
            }
        }
    }

    async fn write(&mut self, message: Message) -> Result<(), Ending> {
        match self.within(message).await {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err("it cannot be written to"),
            None => Err("the peer does not read"),
        }
    }

    /// `None` when the message takes longer to write than a peer may take to read.
    async fn within(&mut self, message: Message) -> Option<Result<(), axum::Error>> {
        timeout(self.app.settings.write_timeout, self.socket.send(message)).await.ok()
    }

    /// Says why, if the peer still listens.
    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        if !matches!(self.within(Message::Close(Some(frame))).await, Some(Ok(()))) {
            return;
        }
        let goodbye = async {
            for _ in 0..GOODBYE_MESSAGES_MAX {
                if !matches!(self.socket.recv().await, Some(Ok(_))) {
                    break;
                }
            }
        };
        let _ = timeout(GOODBYE_PATIENCE, goodbye).await;
    }
}

/// The close code for what a peer did wrong.
fn fault(error: axum::Error) -> (u16, Ending) {
    match error.into_inner().downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(_)) => (close_code::SIZE, "a message is too long"),
        Some(tungstenite::Error::Utf8(_)) => (close_code::INVALID, "text that is not UTF-8"),
        _ => (close_code::PROTOCOL, "not the WebSocket protocol"),
    }
}
