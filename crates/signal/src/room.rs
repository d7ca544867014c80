//! The server's machine: who is connected, who may be introduced, whose signals go where.
//!
//! A connection is challenged, logs in, and is then a peer with an id (`login`). Peers that say they
//! are ready are members; a newcomer is named two of them at random (`introduce`). Offers and
//! answers pass between two peers (`relay`) only for a while after the room introduced them
//! (`pairs`), under the id that the login proved. The room learns nothing of the ring beyond
//! "ready". `turn` makes the credentials of relays, `leave` ends connections, `stop` sends the peers
//! away so that they come back spread out.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use base::{Network, NodeId, Rng, Secret, Time};

use crate::message::{ClientMessage, ServerMessage, network_of};
use crate::rate::Bucket;
use pairs::Pairs;
use turn::Renewals;

mod face;
mod introduce;
mod leave;
mod limits;
mod login;
mod pairs;
mod relay;
mod stop;
#[cfg(test)]
mod tests;
mod turn;

pub use face::{Config, ConnectionId, Input, Output, Stats, Wake};
pub use limits::{
    CONNECTIONS_MAX, FOUNDER_PATIENCE, GRACE, INTRODUCTION_BURST_MAX, INTRODUCTION_INTERVAL,
    LOGIN_PATIENCE, MESSAGE_BURST_MAX, MESSAGE_INTERVAL, OFFER_BURST_MAX, OFFER_INTERVAL, OWED_MAX,
};
pub use turn::{CREDENTIAL_LIFE, Turn};

/// The server's machine.
#[derive(Debug)]
pub struct Room {
    config: Config,
    secret: Secret,
    /// Whose vouchers count.
    network: Network,
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

impl Room {
    /// An empty room of the introducer that `secret` is, and of its companions' network.
    #[must_use]
    pub fn new(config: Config, secret: Secret, seed: u64, now: Time) -> Self {
        Room {
            network: network_of(secret.public(), &config.companions),
            config,
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
}
