//! The task that owns the room: one event in, the room's outputs out to the connections.
//!
//! The task never waits for a connection: a full outbound queue ends that connection. Connections
//! wait for the task, through a bounded channel; that is the back-pressure on a flood.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Context as _;
use base::{Secret, Time};
use bytes::Bytes;
use signal::room::{Config, ConnectionId, Input, Output, Room, Stats};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, sleep_until};
use tracing::debug;

/// Events on their way to the room; connections wait beyond them.
const EVENTS_MAX: usize = 1024;
/// Events that are taken together, between two looks at the clock's deadlines.
const TURN_EVENTS_MAX: usize = 256;
/// Messages on their way to one connection; one more ends it.
pub(crate) const QUEUE_MESSAGES_MAX: usize = 64;
/// Bytes on their way to one connection; more end it.
const QUEUE_BYTES_MAX: usize = 256 * 1024;
/// Bytes on their way to all connections. Beyond them, a connection that has not taken what it was
/// sent before ends with the next message: whoever reads has nothing in its queue and is not
/// concerned. Chosen: a crowd that never reads costs less than the peers of a usual day.
const ALL_QUEUES_BYTES_MAX: usize = 24 * 1024 * 1024;
/// What a queue may hold all the same: one message.
const QUEUE_BYTES_FREE: usize = signal::message::MESSAGE_BYTES_MAX;

/// What a connection tells the room's task.
pub(crate) enum Event {
    /// A WebSocket is open; messages for it go into the queue.
    Connected(ConnectionId, Queue),
    Received(ConnectionId, Bytes),
    Disconnected(ConnectionId),
}

/// What a connection's task does next.
pub(crate) enum Command {
    Send(Bytes),
    /// Close, for this reason.
    Close(&'static str),
}

/// The sending end of a connection's outbound queue.
pub(crate) struct Queue {
    commands: mpsc::Sender<Command>,
    load: Arc<Load>,
}

/// How full a queue is.
struct Load {
    bytes: AtomicUsize,
    /// Whether it was too full once: it ends then.
    overflowed: AtomicBool,
    /// Bytes in all queues.
    all: Arc<AtomicUsize>,
}

impl Drop for Load {
    fn drop(&mut self) {
        // What was not taken goes with the queue.
        self.all.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

/// What all queues hold together.
#[derive(Clone, Default)]
pub(crate) struct Queues(Arc<AtomicUsize>);

/// The receiving end.
pub(crate) struct Commands {
    commands: mpsc::Receiver<Command>,
    load: Arc<Load>,
}

impl Queues {
    /// A bounded outbound queue.
    pub(crate) fn open(&self) -> (Queue, Commands) {
        let (sender, receiver) = mpsc::channel(QUEUE_MESSAGES_MAX);
        let load = Arc::new(Load {
            bytes: AtomicUsize::new(0),
            overflowed: AtomicBool::new(false),
            all: Arc::clone(&self.0),
        });
        let queue = Queue { commands: sender, load: Arc::clone(&load) };
        (queue, Commands { commands: receiver, load })
    }
}

impl Queue {
    /// False when the queue is full, or all are and this one is not read.
    fn push(&self, command: Command) -> bool {
        let length = match &command {
            Command::Send(message) => message.len(),
            Command::Close(_) => 0,
        };
        let queued = self.load.bytes.fetch_add(length, Ordering::Relaxed) + length;
        let all = self.load.all.fetch_add(length, Ordering::Relaxed) + length;
        let has_room = queued <= QUEUE_BYTES_MAX
            && (queued <= QUEUE_BYTES_FREE || all <= ALL_QUEUES_BYTES_MAX);
        let fits = has_room && self.commands.try_send(command).is_ok();
        if !fits {
            self.load.take(length);
            self.load.overflowed.store(true, Ordering::Relaxed);
        }
        fits
    }
}

impl Load {
    fn take(&self, length: usize) {
        self.bytes.fetch_sub(length, Ordering::Relaxed);
        self.all.fetch_sub(length, Ordering::Relaxed);
    }
}

impl Commands {
    /// The next command; `None` when the room has let go of the connection.
    pub(crate) async fn next(&mut self) -> Option<Command> {
        let command = self.commands.recv().await?;
        if let Command::Send(message) = &command {
            self.load.take(message.len());
        }
        Some(command)
    }

    /// Whether the room let go because nothing more fitted in.
    pub(crate) fn overflowed(&self) -> bool {
        self.load.overflowed.load(Ordering::Relaxed)
    }
}

/// The room's task, as the rest of the server sees it.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) queues: Queues,
    pub(crate) stats: watch::Receiver<Stats>,
}

/// Unix time in seconds: credentials of relays are dated.
#[expect(clippy::disallowed_types, reason = "the one date, read at the start")]
pub(crate) fn unix_now() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Starts the task; it ends when it was told to stop and the last connection is gone.
pub(crate) fn start(
    config: Config,
    secret: Secret,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<(Host, JoinHandle<()>)> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).context("the system has no randomness")?;
    let (events, inbox) = mpsc::channel(EVENTS_MAX);
    let (published, stats) = watch::channel(Stats::default());
    let host = Hosting {
        room: Room::new(config, secret, u64::from_le_bytes(seed), Time::ZERO),
        started: Instant::now(),
        queues: BTreeMap::new(),
        open: 0,
        published,
    };
    Ok((Host { events, queues: Queues::default(), stats }, tokio::spawn(host.run(inbox, stopped))))
}

struct Hosting {
    room: Room,
    started: Instant,
    /// Of the connections that the room knows.
    queues: BTreeMap<ConnectionId, Queue>,
    /// Connections whose tasks still run.
    open: u64,
    published: watch::Sender<Stats>,
}

impl Hosting {
    async fn run(mut self, mut inbox: mpsc::Receiver<Event>, mut stopped: watch::Receiver<bool>) {
        let mut stopping = false;
        while !(stopping && self.open == 0) {
            let deadline = self
                .room
                .poll_timeout()
                .map(|(at, _)| self.started + Duration::from_micros(at.as_micros()));
            let timeout = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                event = inbox.recv() => match event {
                    Some(event) => {
                        self.on_event(event, stopping);
                        for _ in 1..TURN_EVENTS_MAX {
                            let Ok(event) = inbox.try_recv() else { break };
                            self.on_event(event, stopping);
                        }
                    }
                    None => break,
                },
                () = timeout => self.handle(Input::Timeout),
                _ = stopped.wait_for(|stopped| *stopped), if !stopping => {
                    self.handle(Input::Stop);
                    stopping = true;
                    self.queues.clear();
                }
            }
            self.published.send_replace(self.room.stats());
        }
    }

    fn on_event(&mut self, event: Event, stopping: bool) {
        match event {
            Event::Connected(connection, queue) => {
                self.open += 1;
                if !stopping {
                    self.queues.insert(connection, queue);
                    self.handle(Input::Connected(connection));
                }
            }
            Event::Received(connection, message) => {
                self.handle(Input::Received(connection, message));
            }
            Event::Disconnected(connection) => {
                self.open -= 1;
                self.queues.remove(&connection);
                self.handle(Input::Disconnected(connection));
            }
        }
    }

    fn handle(&mut self, input: Input) {
        // The one clock read of a turn.
        let now = Time::ZERO + self.started.elapsed();
        let mut next = Some(input);
        let mut lost = Vec::new();
        while let Some(input) = next {
            self.room.handle(now, input);
            while let Some(output) = self.room.poll_output() {
                lost.extend(self.perform(output));
            }
            next = lost.pop().map(Input::Disconnected);
        }
    }

    /// Does what the room asks; a connection that cannot keep up is lost.
    fn perform(&mut self, output: Output) -> Option<ConnectionId> {
        match output {
            Output::Send(connection, message) => {
                let queue = self.queues.get(&connection)?;
                if queue.push(Command::Send(message)) {
                    return None;
                }
                // It does not read what it asked for. Without its queue its task ends.
                debug!(connection = connection.0, "the outbound queue is full");
                self.queues.remove(&connection);
                Some(connection)
            }
            Output::Close(connection, reason) => {
                debug!(connection = connection.0, reason, "closing");
                if let Some(queue) = self.queues.remove(&connection) {
                    queue.push(Command::Close(reason));
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(queue: &Queue, bytes: usize) -> usize {
        let pushes = (0..).take_while(|_| queue.push(Command::Send(vec![0; bytes].into())));
        pushes.count()
    }

    #[test]
    fn a_queue_holds_so_much() {
        let queues = Queues::default();
        let (queue, commands) = queues.open();
        assert_eq!(fill(&queue, 1), QUEUE_MESSAGES_MAX);
        assert!(commands.overflowed());
        let (queue, _commands) = queues.open();
        assert_eq!(fill(&queue, 16 * 1024), QUEUE_BYTES_MAX / (16 * 1024));
    }

    #[tokio::test]
    async fn a_crowd_that_never_reads_holds_so_much_together_and_readers_are_served() {
        let queues = Queues::default();
        let crowd: Vec<_> = (0..1_000).map(|_| queues.open()).collect();
        for (queue, _) in &crowd {
            fill(queue, 12_000);
        }
        let held = queues.0.load(Ordering::Relaxed);
        assert!(held <= ALL_QUEUES_BYTES_MAX + 1_000 * QUEUE_BYTES_FREE, "{held}");
        let (queue, mut commands) = queues.open();
        for _ in 0..100 {
            assert!(queue.push(Command::Send(vec![0; QUEUE_BYTES_FREE].into())));
            assert!(matches!(commands.next().await, Some(Command::Send(_))));
        }
        drop((crowd, queue, commands));
        assert_eq!(queues.0.load(Ordering::Relaxed), 0, "it is given back");
    }
}
