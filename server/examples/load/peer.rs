//! The clients: the entry machine of the product on a real WebSocket, many of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context as _, Result};
use base::{Card, NodeId, Rng, SECRET_BYTES, Secret, Signature, Time};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use signal::entry::{Config, Entry, Input, Output};
use signal::message::{PeerSignal, Proposal};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::histogram::Histogram;

/// Clients at one address and addresses in one network: the server's own caps.
const PER_ADDRESS: usize = 8;
const ADDRESSES_PER_NETWORK: usize = 8;
/// The length of a browser's description of one data channel with a few candidates.
const DESCRIPTION_BYTES: usize = 820;

type Socket = WebSocketStream<TcpStream>;

/// What happened to all of them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Logged in now.
    pub(crate) here: AtomicU64,
    pub(crate) logins: AtomicU64,
    /// Peers that were introduced, or told to found.
    pub(crate) introduced: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) arrived: AtomicU64,
    /// Connections that could not be opened.
    pub(crate) failed: AtomicU64,
    /// From the connection to the introduction.
    pub(crate) joins: Histogram,
    /// From one peer to the other.
    pub(crate) signals: Histogram,
    pub(crate) changed: Notify,
    /// How many more may be on their way in at once.
    room_to_enter: AtomicU64,
}

/// What all clients do now.
#[derive(Clone, Copy, Debug)]
enum Order {
    Stay,
    /// Each sends a signal after each pause, until then.
    Chat {
        pause: Duration,
        until: Instant,
    },
    Leave,
}

pub(crate) struct Crowd {
    pub(crate) tally: Arc<Tally>,
    orders: watch::Sender<Order>,
    tasks: JoinSet<()>,
}

impl Crowd {
    /// Starts `peers` clients; `entering_max` of them are on their way in at once, and at the
    /// beginning no more than are there already: else all would meet the first.
    pub(crate) async fn enter(
        server: &str,
        peers: usize,
        entering_max: usize,
        tally: Arc<Tally>,
    ) -> Self {
        let (orders, order) = watch::channel(Order::Stay);
        let entering = Arc::new(Semaphore::new(1));
        tally.room_to_enter.store(entering_max as u64 - 1, Relaxed);
        let server: SocketAddr = server.parse().expect("the server's own word");
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for number in 0..peers {
            let place = Arc::clone(&entering).acquire_owned().await.expect("it is never closed");
            let peer = Peer::new(number, server, started, Arc::clone(&tally));
            tasks.spawn(peer.live(order.clone(), place));
        }
        Crowd { tally, orders, tasks }
    }

    pub(crate) fn chat(&self, pause: Duration, until: Instant) {
        self.orders.send_replace(Order::Chat { pause, until });
    }

    pub(crate) async fn leave(mut self) {
        self.orders.send_replace(Order::Leave);
        while self.tasks.join_next().await.is_some() {}
    }
}

struct Peer {
    secret: Secret,
    entry: Entry,
    rng: Rng,
    card: Option<Card>,
    /// Peers that the server introduced to this one.
    friends: Vec<NodeId>,
    socket: Option<Socket>,
    address: Ipv4Addr,
    server: SocketAddr,
    started: Instant,
    begun: Instant,
    introduced: bool,
    tally: Arc<Tally>,
}

impl Peer {
    fn new(number: usize, server: SocketAddr, started: Instant, tally: Arc<Tally>) -> Self {
        let mut seed = [0; SECRET_BYTES];
        seed[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let secret = Secret::from_seed(&seed);
        let config = Config {
            public_key: secret.public(),
            epoch: 1,
            voucher: None,
            network: None,
            native: number.is_multiple_of(2),
        };
        let mut entry = Entry::new(config, number as u64, Time::ZERO + started.elapsed());
        entry.handle(Time::ZERO + started.elapsed(), Input::Introduce);
        Peer {
            secret,
            entry,
            rng: Rng::new(number as u64),
            card: None,
            friends: Vec::new(),
            socket: None,
            address: address(number),
            server,
            started,
            begun: Instant::now(),
            introduced: false,
            tally,
        }
    }

    async fn live(
        mut self,
        mut orders: watch::Receiver<Order>,
        place: tokio::sync::OwnedSemaphorePermit,
    ) {
        // On its way in; given up when it is there.
        let mut entering = Some(place);
        let mut chat: Option<(Instant, Duration, Instant)> = None;
        loop {
            while let Some(output) = self.entry.poll_output() {
                self.perform(output).await;
            }
            if self.introduced
                && let Some(place) = entering.take()
                && self
                    .tally
                    .room_to_enter
                    .fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1))
                    .is_ok()
            {
                place.semaphore().add_permits(1);
            }
            let timer = self
                .entry
                .poll_timeout()
                .map(|(at, _)| self.started + Duration::from_micros(at.as_micros()));
            let next_word = chat.map(|(at, ..)| at);
            tokio::select! {
                changed = orders.changed() => match *orders.borrow_and_update() {
                    Order::Stay => {}
                    Order::Chat { pause, until } => {
                        let first = Instant::now() + pause.mul_f64(self.rng.unit());
                        chat = Some((first, pause, until));
                    }
                    Order::Leave => {
                        debug_assert!(changed.is_ok(), "the crowd outlives its orders");
                        return;
                    }
                },
                input = receive(&mut self.socket) => self.tell(input),
                () = until(timer) => self.tell(Input::Timeout),
                () = until(next_word) => {
                    self.say_something();
                    // What a busy machine missed is not caught up on: nobody may say it at once.
                    let now = Instant::now();
                    chat = chat.map(|(at, pause, end)| ((at + pause).max(now), pause, end));
                    chat = chat.filter(|(at, _, end)| at < end);
                }
            }
        }
    }

    fn tell(&mut self, input: Input) {
        if matches!(input, Input::Closed(_)) && self.socket.take().is_some() && self.card.is_some()
        {
            self.tally.here.fetch_sub(1, Relaxed);
        }
        self.entry.handle(Time::ZERO + self.started.elapsed(), input);
    }

    /// A signal of a real one's size; the moment of sending stands for the attempt's number.
    fn say_something(&mut self) {
        let (Some(card), Some(at)) = (self.card, self.rng.index(self.friends.len())) else {
            return;
        };
        let attempt = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(0);
        let proposal = Proposal {
            card,
            attempt,
            permit: 0,
            sdp: "x".repeat(DESCRIPTION_BYTES),
            signature: Signature([7; 64]),
        };
        let payload = PeerSignal::Answer(proposal).encode().into();
        self.tally.sent.fetch_add(1, Relaxed);
        self.tell(Input::Signal { to: self.friends[at], payload });
    }

    async fn perform(&mut self, output: Output) {
        match output {
            Output::Connect => {
                let input = match self.connect().await {
                    Ok(socket) => {
                        self.socket = Some(socket);
                        Input::Opened
                    }
                    Err(error) => {
                        self.tally.failed.fetch_add(1, Relaxed);
                        Input::Closed(format!("{error:#}"))
                    }
                };
                self.tell(input);
            }
            Output::Disconnect => self.socket = None,
            Output::Send(bytes) => {
                if let Some(socket) = &mut self.socket {
                    // A failure shows as a close at the next read.
                    let _ = socket.send(Message::Binary(bytes)).await;
                }
            }
            Output::Sign(bytes) => {
                let signature = self.secret.sign(&bytes);
                self.tell(Input::Signed(signature));
            }
            Output::Welcome { card, .. } => {
                self.card = Some(card);
                self.tally.here.fetch_add(1, Relaxed);
                self.tally.logins.fetch_add(1, Relaxed);
            }
            Output::Introduced(anchors) => {
                self.friends = anchors.to_vec();
                self.enter_ring();
            }
            Output::Alone => self.enter_ring(),
            Output::Signal { payload, .. } => self.hear(&payload),
            _ => {}
        }
    }

    /// A peer that was introduced is soon linked and ready.
    fn enter_ring(&mut self) {
        if !self.introduced {
            self.introduced = true;
            self.tally.joins.add(self.begun.elapsed());
            self.tally.introduced.fetch_add(1, Relaxed);
            self.tally.changed.notify_one();
        }
        self.tell(Input::Standing { links: 1, ready: true });
    }

    fn hear(&mut self, payload: &Bytes) {
        let Ok(PeerSignal::Answer(Proposal { attempt, .. })) = PeerSignal::decode(payload) else {
            return;
        };
        self.tally.arrived.fetch_add(1, Relaxed);
        self.tally.signals.add(self.started.elapsed() - Duration::from_micros(attempt));
    }

    async fn connect(&self) -> Result<Socket> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.address, 0).into()).context("no source address")?;
        let stream = socket.connect(self.server).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(4 * 1024);
        let url = format!("ws://{}/v1/ws", self.server);
        Ok(client_async_with_config(url, stream, Some(config)).await?.0)
    }
}

/// The next thing that the server says; never without a connection.
async fn receive(socket: &mut Option<Socket>) -> Input {
    let Some(socket) = socket else { return std::future::pending().await };
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => return Input::Received(bytes),
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                return Input::Closed("closed".to_owned());
            }
            Some(Ok(_)) => {}
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Of the loopback's 127/8: as many clients at an address and in a network as the server takes.
fn address(number: usize) -> Ipv4Addr {
    let host = number / PER_ADDRESS;
    let network = u32::try_from(host / ADDRESSES_PER_NETWORK).expect("a few thousand");
    let last = u32::try_from(host % ADDRESSES_PER_NETWORK).expect("below eight") + 1;
    Ipv4Addr::from_bits(0x7f01_0000 + network * 256 + last)
}
