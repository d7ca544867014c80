//! The server's machine: who is connected, who may be introduced, whose signals go where.
//!
//! A connection is challenged, logs in, and is then a peer with an id. Peers that say they are
//! ready are members; a newcomer is named two of them at random (`introduce`). Offers and answers
//! pass between two peers only for a while after the room introduced them (`pairs`), under the id
//! that the login proved. The room learns nothing of the ring beyond "ready". `turn` makes the
//! credentials of relays, `stop` sends the peers away so that they come back spread out.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use base::{Bounded, Duration, NodeId, PROTOCOL_VERSION, PublicKey, Rng, Secret, Time};
use bytes::Bytes;

use crate::message::{ClientMessage, ICE_SERVERS_MAX, IceServer, PeerSignal, ServerMessage};
use crate::rate::Bucket;
use crate::sdp;
use pairs::{Pairs, Passage};
use turn::Renewals;

mod introduce;
mod login;
mod pairs;
mod stop;
#[cfg(test)]
mod tests;
mod turn;

pub use turn::{CREDENTIAL_LIFE, Turn};

/// Connections at once, logged in or not, unless the settings say otherwise; one more is closed at
/// once. Chosen: at about 10 KiB a connection in the driver this is 200 MiB.
pub const CONNECTIONS_MAX: u32 = 20_000;
/// One in this many of the places is kept for peers that this network vouched for before: a crowd
/// of fresh identities does not lock them out.
const KEPT_FOR_KNOWN: u32 = 10;
/// A connection that has not logged in by then is closed (hostile.md §3.1).
pub const LOGIN_PATIENCE: Duration = Duration::from_secs(5);
/// Messages that a connection may send at once, besides what it owes; one more closes it.
pub const MESSAGE_BURST_MAX: u32 = 20;
/// It regains one message in this time: 5 messages a second.
pub const MESSAGE_INTERVAL: Duration = Duration::from_millis(200);
/// Answers that a connection owes at most to the newcomers that the room sent it, and that it may
/// send above its rate: a crowd that arrives at once meets whoever is there. Chosen: several times
/// the visitors that a peer awaits; beyond it the rate alone counts.
pub const OWED_MAX: u32 = 256;
/// Offers that a connection may send at once, and the time in which it regains one: 30 a minute
/// (hostile.md §3.1). One more closes it: a newcomer sends one for each introduction.
pub const OFFER_BURST_MAX: u32 = 30;
/// See [`OFFER_BURST_MAX`].
pub const OFFER_INTERVAL: Duration = Duration::from_secs(2);
/// Introductions that a connection gets at once; beyond them it is told to wait.
pub const INTRODUCTION_BURST_MAX: u32 = 10;
/// It regains one introduction in this time. Chosen: a dial has a deadline of 10 s.
pub const INTRODUCTION_INTERVAL: Duration = Duration::from_secs(5);
/// How long the first newcomers of a restarted server wait for members to come back: above the
/// 30 s in which linked peers make their first try.
pub const GRACE: Duration = Duration::from_secs(35);
/// How long a founder may take to become ready before the next newcomer is told to found.
pub const FOUNDER_PATIENCE: Duration = Duration::from_secs(10);

/// Settings of a room.
#[derive(Clone, Debug)]
pub struct Config {
    /// Named to every peer.
    pub ice_servers: Bounded<IceServer, ICE_SERVERS_MAX>,
    /// Relays named to every peer besides, with credentials that it alone gets.
    pub turn: Option<Turn>,
    /// Connections at once.
    pub connections_max: u32,
    /// Whether a network may be running already (the introducer's key is older than this
    /// process): then the first newcomers wait for its members to come back instead of founding
    /// a second ring.
    pub may_have_members: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            ice_servers: Bounded::new(),
            turn: None,
            connections_max: CONNECTIONS_MAX,
            may_have_members: false,
        }
    }
}

/// A connection, numbered by the driver, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A WebSocket was accepted.
    Connected(ConnectionId),
    /// A binary message arrived.
    Received(ConnectionId, Bytes),
    /// A WebSocket is gone.
    Disconnected(ConnectionId),
    /// The server is about to end: peers are told when to come back. The driver closes their
    /// connections.
    Stop,
    /// A deadline of `poll_timeout` came.
    Timeout,
}

/// What the driver must do.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a binary message.
    Send(ConnectionId, Bytes),
    /// Send what is queued, then close, with the reason for the log. The room has forgotten the
    /// connection; a later `Received` or `Disconnected` of it changes nothing.
    Close(ConnectionId, &'static str),
}

/// Counters, for `/metrics`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Logged-in peers in browsers.
    pub browsers: u64,
    /// Logged-in native peers.
    pub natives: u64,
    /// Ready members that take newcomers.
    pub members: u64,
    /// Logins so far.
    pub logins: u64,
    /// Newcomers that were named at least one anchor.
    pub introductions: u64,
    /// Messages from peers.
    pub messages_in: u64,
    /// Messages to peers.
    pub messages_out: u64,
    /// Bytes from peers.
    pub bytes_in: u64,
    /// Bytes to peers.
    pub bytes_out: u64,
    /// Offers and answers passed on.
    pub signals: u64,
    /// Bytes of offers and answers passed on.
    pub signal_bytes: u64,
    /// Messages refused.
    pub refused: u64,
}

/// The server's machine.
#[derive(Debug)]
pub struct Room {
    config: Config,
    secret: Secret,
    network: PublicKey,
    rng: Rng,
    started: Time,
    /// At most `connections_max` of the settings.
    connections: BTreeMap<ConnectionId, Connection>,
    /// Connections that have not logged in, by deadline. Invariant: exactly those whose state is
    /// `Challenged`.
    logins: BTreeSet<(Time, ConnectionId)>,
    /// The connection of every peer. Invariant: exactly the `LoggedIn` ones.
    peers: BTreeMap<NodeId, ConnectionId>,
    /// Ready peers in ascending order. Invariant: a subset of `peers`.
    members: Vec<NodeId>,
    /// Whether any member has reported since the start.
    member_seen: bool,
    /// Who was told to found the ring and is not ready yet, and until when the others wait.
    founder: Option<(NodeId, Time)>,
    /// Newcomers that wait for [`GRACE`] to end. A subset of `connections`.
    waiting: BTreeSet<ConnectionId>,
    pairs: Pairs,
    renewals: Renewals,
    outputs: VecDeque<Output>,
    stats: Stats,
}

#[derive(Debug)]
struct Connection {
    state: State,
    messages: Bucket,
    introductions: Bucket,
    offers: Bucket,
    /// Visitors announced to it, less the messages that it sent above its rate. At most
    /// [`OWED_MAX`].
    owed: u32,
}

#[derive(Debug)]
enum State {
    Challenged { nonce: [u8; 16], deadline: Time },
    LoggedIn { peer: NodeId, epoch: u64, native: bool, renew_at: Option<Time> },
}

/// Why the room wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// A login is overdue.
    LoginDeadline,
    /// Newcomers have waited for the members of an older network long enough.
    Grace,
    /// Credentials of relays run out.
    Renewal,
}

impl Room {
    /// An empty room of the network that `secret` names.
    #[must_use]
    pub fn new(config: Config, secret: Secret, seed: u64, now: Time) -> Self {
        Room {
            config,
            network: secret.public(),
            secret,
            rng: Rng::new(seed),
            started: now,
            connections: BTreeMap::new(),
            logins: BTreeSet::new(),
            peers: BTreeMap::new(),
            members: Vec::new(),
            member_seen: false,
            founder: None,
            waiting: BTreeSet::new(),
            pairs: Pairs::default(),
            renewals: Renewals::default(),
            outputs: VecDeque::new(),
            stats: Stats::default(),
        }
    }

    /// Takes one input; drain [`Room::poll_output`] afterwards.
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Connected(connection) => self.on_connected(now, connection),
            Input::Received(connection, bytes) => self.on_received(now, connection, &bytes),
            Input::Disconnected(connection) => self.forget(connection),
            Input::Stop => self.on_stop(),
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call with [`Input::Timeout`] at the latest, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        let login = self.logins.first().map(|(deadline, _)| (*deadline, Wake::LoginDeadline));
        let grace = (!self.waiting.is_empty()).then(|| (self.started + GRACE, Wake::Grace));
        let renewal = self.renewals.first().map(|at| (at, Wake::Renewal));
        [login, grace, renewal].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats { members: self.members.len() as u64, ..self.stats }
    }

    fn on_connected(&mut self, now: Time, connection: ConnectionId) {
        if self.connections.len() as u64 >= u64::from(self.config.connections_max) {
            self.stats.refused += 1;
            self.outputs.push_back(Output::Close(connection, "the server is full"));
            return;
        }
        let mut nonce = [0; 16];
        self.rng.fill(&mut nonce);
        let deadline = now + LOGIN_PATIENCE;
        self.logins.insert((deadline, connection));
        self.connections.insert(
            connection,
            Connection {
                state: State::Challenged { nonce, deadline },
                messages: Bucket::new(MESSAGE_BURST_MAX, MESSAGE_INTERVAL),
                introductions: Bucket::new(INTRODUCTION_BURST_MAX, INTRODUCTION_INTERVAL),
                offers: Bucket::new(OFFER_BURST_MAX, OFFER_INTERVAL),
                owed: 0,
            },
        );
        let network = self.network;
        self.send(
            connection,
            &ServerMessage::Challenge { version: PROTOCOL_VERSION, network, nonce },
        );
    }

    fn on_received(&mut self, now: Time, connection: ConnectionId, bytes: &[u8]) {
        let Some(sender) = self.connections.get_mut(&connection) else { return };
        self.stats.messages_in += 1;
        self.stats.bytes_in += bytes.len() as u64;
        if !sender.messages.take(now) {
            let Some(owed) = sender.owed.checked_sub(1) else {
                return self.expel(connection, "too many messages");
            };
            sender.owed = owed;
        }
        let Ok(message) = ClientMessage::decode(bytes) else {
            return self.expel(connection, "a malformed message");
        };
        match (&sender.state, message) {
            (
                State::Challenged { nonce, .. },
                ClientMessage::Login { version, public_key, epoch, voucher, native, signature },
            ) => {
                let nonce = *nonce;
                let login = login::Login { version, public_key, epoch, voucher, native, signature };
                self.on_login(now, connection, &nonce, &login);
            }
            (State::LoggedIn { peer, .. }, ClientMessage::Member { ready }) => {
                let peer = *peer;
                self.on_member(peer, ready);
            }
            (State::LoggedIn { peer, .. }, ClientMessage::Introduce) => {
                let peer = *peer;
                self.on_introduce(now, connection, peer);
            }
            (State::LoggedIn { peer, .. }, ClientMessage::Signal { to, payload }) => {
                let peer = *peer;
                self.on_signal(now, connection, peer, to, payload);
            }
            (State::LoggedIn { .. }, ClientMessage::Ping) => {
                self.send(connection, &ServerMessage::Pong);
            }
            (State::Challenged { .. }, _) => self.expel(connection, "no login"),
            (State::LoggedIn { .. }, ClientMessage::Login { .. }) => {
                self.expel(connection, "a second login");
            }
        }
    }

    fn on_member(&mut self, peer: NodeId, ready: bool) {
        match (self.members.binary_search(&peer), ready) {
            (Err(at), true) => {
                self.members.insert(at, peer);
                self.member_seen = true;
                if self.founder.is_some_and(|(founder, _)| founder == peer) {
                    self.founder = None;
                }
            }
            (Ok(at), false) => {
                self.members.remove(at);
            }
            _ => {}
        }
    }

    /// Passes an offer or answer on, under the sender's proved id.
    fn on_signal(
        &mut self,
        now: Time,
        connection: ConnectionId,
        from: NodeId,
        to: NodeId,
        payload: Bytes,
    ) {
        // Schema-only: the room passes on nothing that it cannot read (hostile.md T16).
        match PeerSignal::decode(&payload) {
            Err(_) => return self.expel(connection, "a malformed signal"),
            Ok(PeerSignal::Offer(proposal) | PeerSignal::Answer(proposal))
                if !sdp::is_forwardable(&proposal.sdp) =>
            {
                return self.expel(connection, "a forbidden description");
            }
            Ok(PeerSignal::Offer(_)) => {
                let sender = self.connections.get_mut(&connection).expect("it sent this");
                if !sender.offers.take(now) {
                    return self.expel(connection, "too many offers");
                }
            }
            Ok(PeerSignal::Answer(_) | PeerSignal::Decline { .. }) => {}
        }
        let bytes = payload.len() as u64;
        match self.pairs.pass(now, from, to, bytes) {
            Passage::Stranger | Passage::OverQuota => self.stats.refused += 1,
            Passage::Granted => match self.peers.get(&to).copied() {
                None => self.send(connection, &ServerMessage::Absent { peer: to }),
                Some(receiver) => {
                    self.stats.signals += 1;
                    self.stats.signal_bytes += bytes;
                    self.send(receiver, &ServerMessage::Signal { from, payload });
                }
            },
        }
    }

    fn on_timeout(&mut self, now: Time) {
        while let Some((deadline, connection)) = self.logins.first().copied() {
            if deadline > now {
                break;
            }
            self.expel(connection, "no login in time");
        }
        self.renew(now);
        if now >= self.started + GRACE {
            for connection in core::mem::take(&mut self.waiting) {
                if let Some(State::LoggedIn { peer, .. }) =
                    self.connections.get(&connection).map(|waiting| &waiting.state)
                {
                    let peer = *peer;
                    self.on_introduce(now, connection, peer);
                }
            }
        }
    }

    fn send(&mut self, to: ConnectionId, message: &ServerMessage) {
        let bytes = message.encode();
        self.stats.messages_out += 1;
        self.stats.bytes_out += bytes.len() as u64;
        self.outputs.push_back(Output::Send(to, bytes.into()));
    }

    /// Tells a connection why it is not let in, and closes it.
    fn refuse(&mut self, connection: ConnectionId, words: String, reason: &'static str) {
        self.send(connection, &ServerMessage::Refused { reason: words });
        self.expel(connection, reason);
    }

    /// Counts a refusal and closes.
    fn expel(&mut self, connection: ConnectionId, reason: &'static str) {
        self.stats.refused += 1;
        self.close(connection, reason);
    }

    fn close(&mut self, connection: ConnectionId, reason: &'static str) {
        self.forget(connection);
        self.outputs.push_back(Output::Close(connection, reason));
    }

    /// Removes every trace of a connection, except the pairs: a peer that comes back within their
    /// time may finish its negotiation.
    fn forget(&mut self, connection: ConnectionId) {
        let Some(gone) = self.connections.remove(&connection) else { return };
        self.waiting.remove(&connection);
        match gone.state {
            State::Challenged { deadline, .. } => {
                self.logins.remove(&(deadline, connection));
            }
            State::LoggedIn { peer, native, renew_at, .. } => {
                if let Some(at) = renew_at {
                    self.renewals.remove(at, connection);
                }
                let kind = if native { &mut self.stats.natives } else { &mut self.stats.browsers };
                *kind -= 1;
                self.peers.remove(&peer);
                self.on_member(peer, false);
            }
        }
    }
}
