//! A peer's conversation with one server: log in, get a voucher, be introduced, come back.
//!
//! The server is needed to enter, never to stay: while an overlay link is up, a lost server is
//! tried again at leisure. A peer has a conversation with each introducer of its network, and the
//! same name in all of them ([`Input::Named`]). `login` is the way to a welcome, `asking` says when to ask for an
//! introduction, `pulse` when to ask whether the server is there, `retry` when to connect again.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString as _};

use base::{Bounded, Card, Duration, Network, NodeId, PublicKey, Rng, Signature, Time, Voucher};
use bytes::Bytes;

use crate::message::{
    COMPANIONS_MAX, ClientMessage, Companion, ICE_SERVERS_MAX, IceServer, ServerMessage,
};
use asking::Asking;
use pulse::Pulse;
use retry::Retry;

mod address;
mod asking;
mod login;
mod pulse;
mod retry;
#[cfg(test)]
mod tests;

pub use address::is_loopback;

/// How long the WebSocket may take to open. Chosen: a slow phone's DNS, TCP and TLS.
pub const OPEN_PATIENCE: Duration = Duration::from_secs(15);
/// How long each answer of the server may take, signing included.
pub const ANSWER_PATIENCE: Duration = Duration::from_secs(5);

/// Names one of a peer's conversations with servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerId(pub u8);

/// What a peer brings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its key.
    pub public_key: PublicKey,
    /// Its start.
    pub epoch: u64,
    /// The voucher it kept, with the introducer's key in it.
    pub voucher: Option<Voucher>,
    /// Its network, if another conversation gave it its name already.
    pub network: Option<Network>,
    /// Whether it is a native process.
    pub native: bool,
}

/// What happened, or what is asked.
#[derive(Clone, Debug)]
pub enum Input {
    /// The WebSocket that [`Output::Connect`] asked for is open.
    Opened,
    /// It is closed, or could not be opened; why, in words.
    Closed(String),
    /// A binary message arrived.
    Received(Bytes),
    /// The signature that [`Output::Sign`] asked for.
    Signed(Signature),
    /// The node's standing: links that are up, and whether it is a ready member.
    Standing {
        /// Open links.
        links: u32,
        /// Ready, and willing to take newcomers.
        ready: bool,
    },
    /// The node has no ring: ask for an introduction.
    Introduce,
    /// Pass an encoded [`crate::message::PeerSignal`] on through the server.
    Signal {
        /// To whom.
        to: NodeId,
        /// What.
        payload: Bytes,
    },
    /// Another conversation gave this peer its name, for all of its start.
    Named {
        /// Shown here from now on.
        voucher: Voucher,
        /// Any other is left.
        network: Network,
    },
    /// Whether this peer is logged in elsewhere: then this server is no hurry.
    Spared(bool),
    /// Try to connect now instead of waiting (a person pressed "retry").
    RetryNow,
    /// Close for good.
    Leave,
    /// A deadline of `poll_timeout` came.
    Timeout,
}

/// What the driver must do or learn.
#[derive(Clone, Debug)]
pub enum Output {
    /// Open the WebSocket; answer with `Opened` or `Closed`.
    Connect,
    /// Close it, and report nothing of it afterwards: the next `Opened` or `Closed` belongs to
    /// the next [`Output::Connect`].
    Disconnect,
    /// Send a binary message.
    Send(Bytes),
    /// Sign with the node's key; answer with [`Input::Signed`].
    Sign(Bytes),
    /// Logged in: the node's card, to be kept, and the ICE servers to use. Every welcome of one
    /// start has the same card.
    Welcome {
        /// Key, voucher, epoch.
        card: Card,
        /// The other introducers of the server's network.
        companions: Bounded<Companion, COMPANIONS_MAX>,
        /// STUN and TURN.
        ice_servers: Bounded<IceServer, ICE_SERVERS_MAX>,
        /// Peers at the server.
        peers: u32,
    },
    /// The ICE servers have fresh credentials: for links from now on.
    IceServers(Bounded<IceServer, ICE_SERVERS_MAX>),
    /// Dial one of these (`Negotiator`), then join through it.
    Introduced(Bounded<NodeId, { crate::message::ANCHORS_MAX }>),
    /// Expect an offer from this newcomer.
    Visitor(NodeId),
    /// Nobody is there: found the ring.
    Alone,
    /// An offer or answer came through the server.
    Signal {
        /// From whom, as the server says.
        from: NodeId,
        /// An encoded [`crate::message::PeerSignal`].
        payload: Bytes,
    },
    /// A signal could not be delivered: its receiver is not at the server, or this peer is not.
    Absent(NodeId),
    /// The server is out of reach; the next try is this far away.
    Unreachable {
        /// In words.
        reason: String,
        /// Until the next try.
        retry: Duration,
    },
    /// The server refuses this peer for good, in words (other version, bad voucher).
    Refused(String),
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Time to connect again.
    Reconnect,
    /// The server has not answered.
    Deadline,
    /// Time to ask for an introduction again.
    Introduce,
    /// The server has been silent; is it there?
    Pulse,
}

/// The machine.
#[derive(Debug)]
pub struct Entry {
    public_key: PublicKey,
    epoch: u64,
    native: bool,
    /// The kept one, then that of the last welcome.
    voucher: Option<Voucher>,
    /// From the first welcome on, here or elsewhere: the id is in use.
    network: Option<Network>,
    /// What the server said of itself when it was last connected.
    told: Option<login::Told>,
    rng: Rng,
    state: State,
    retry: Retry,
    asking: Asking,
    pulse: Pulse,
    links: u32,
    ready: bool,
    is_spared: bool,
    outputs: VecDeque<Output>,
}

/// Where a conversation stands, for whoever has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not connected; until the next try, or for good unless a person asks.
    Away(Option<Time>),
    /// On the way in.
    UnderWay,
    /// Welcome.
    LoggedIn,
    /// It was left, and will say nothing more.
    Left,
}

/// Where the conversation stands.
#[derive(Debug)]
enum State {
    /// No WebSocket; the next try is at this time, or never by itself after a refusal.
    Away { retry_at: Option<Time> },
    /// A WebSocket was asked for.
    Opening { deadline: Time },
    /// It is open; the server speaks first.
    Opened { deadline: Time },
    /// Challenged: the node's key signs.
    Signing { login: login::Pending, deadline: Time },
    /// The login is sent.
    Answering { deadline: Time },
    /// Welcome; `deadline` while an introduction or a ping is unanswered.
    LoggedIn { deadline: Option<Time> },
    /// Closed for good.
    Left,
}

impl Entry {
    /// A peer that is not connected; the first output is [`Output::Connect`].
    #[must_use]
    pub fn new(config: Config, seed: u64, now: Time) -> Self {
        let Config { public_key, epoch, voucher, network, native } = config;
        let mut entry = Entry {
            public_key,
            epoch,
            native,
            voucher,
            network,
            told: None,
            rng: Rng::new(seed),
            state: State::Away { retry_at: None },
            retry: Retry::default(),
            asking: Asking::default(),
            pulse: Pulse::new(!native, now),
            links: 0,
            ready: false,
            is_spared: false,
            outputs: VecDeque::new(),
        };
        entry.connect(now);
        entry
    }

    /// Takes one input; drain [`Entry::poll_output`] afterwards.
    pub fn handle(&mut self, now: Time, input: Input) {
        if matches!(self.state, State::Left) {
            return;
        }
        match input {
            Input::Opened => self.on_opened(now),
            Input::Closed(reason) => self.on_closed(now, reason),
            Input::Received(bytes) => self.on_received(now, &bytes),
            Input::Signed(signature) => self.on_signed(now, signature),
            Input::Standing { links, ready } => self.on_standing(now, links, ready),
            Input::Introduce => {
                self.asking.wish(now);
                self.ask_when_due(now);
            }
            Input::Signal { to, payload } => self.on_signal(to, payload),
            Input::Named { voucher, network } => {
                (self.voucher, self.network) = (Some(voucher), Some(network));
            }
            Input::Spared(is_spared) => self.on_spared(now, is_spared),
            Input::RetryNow => {
                if matches!(self.state, State::Away { .. }) {
                    self.connect(now);
                }
            }
            Input::Leave => {
                self.disconnect();
                self.state = State::Left;
            }
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Where the conversation stands.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.state {
            State::Away { retry_at } => Status::Away(retry_at),
            State::LoggedIn { .. } => Status::LoggedIn,
            State::Left => Status::Left,
            _ => Status::UnderWay,
        }
    }

    /// This peer's network, from the first welcome on.
    #[must_use]
    pub fn network(&self) -> Option<Network> {
        self.network
    }

    /// The key of the server, once it has shown itself.
    #[must_use]
    pub fn introducer(&self) -> Option<PublicKey> {
        self.told.as_ref().map(|told| told.introducer)
    }

    /// When to call with [`Input::Timeout`] at the latest, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        match &self.state {
            State::Away { retry_at } => retry_at.map(|at| (at, Wake::Reconnect)),
            State::Opening { deadline }
            | State::Opened { deadline }
            | State::Signing { deadline, .. }
            | State::Answering { deadline } => Some((*deadline, Wake::Deadline)),
            State::LoggedIn { deadline: Some(deadline) } => Some((*deadline, Wake::Deadline)),
            State::LoggedIn { deadline: None } => {
                let asking = self.asking.due().map(|due| (due, Wake::Introduce));
                let pulse = self.pulse.due().map(|due| (due, Wake::Pulse));
                asking.into_iter().chain(pulse).min_by_key(|(due, _)| *due)
            }
            State::Left => None,
        }
    }

    fn on_received(&mut self, now: Time, bytes: &[u8]) {
        if matches!(self.state, State::Away { .. } | State::Opening { .. }) {
            return;
        }
        let Ok(message) = ServerMessage::decode(bytes) else {
            return self.lose(now, "the server sent what this peer cannot read".to_string());
        };
        self.pulse.hear(now);
        match (&self.state, message) {
            (_, ServerMessage::Refused { reason }) => self.give_up(reason),
            (_, ServerMessage::Later { millis }) => self.come_back_later(now, millis),
            (
                State::Opened { .. },
                ServerMessage::Challenge { version, introducer, companions, nonce },
            ) => {
                let told = login::Told::new(introducer, companions);
                self.on_challenge(now, version, told, &nonce);
            }
            (State::Answering { .. }, ServerMessage::Welcome { voucher, ice_servers, peers }) => {
                self.on_welcome(now, voucher, ice_servers, peers);
            }
            (State::LoggedIn { .. }, message) => self.on_service(now, message),
            _ => self.lose(now, "the server spoke out of turn".to_string()),
        }
    }

    /// A message of a server that has welcomed this peer.
    fn on_service(&mut self, now: Time, message: ServerMessage) {
        match message {
            ServerMessage::Introduced { anchors } => {
                if self.answered(now, None) && !anchors.is_empty() {
                    self.outputs.push_back(Output::Introduced(anchors));
                }
            }
            ServerMessage::Alone => {
                // A ready node has founded its ring already.
                if self.answered(now, None) && !self.ready {
                    self.outputs.push_back(Output::Alone);
                }
            }
            ServerMessage::Wait { millis } => {
                self.answered(now, Some(Duration::from_millis(u64::from(millis))));
            }
            ServerMessage::Visitor { peer } => self.outputs.push_back(Output::Visitor(peer)),
            ServerMessage::Signal { from, payload } => {
                self.outputs.push_back(Output::Signal { from, payload });
            }
            ServerMessage::Absent { peer } => self.outputs.push_back(Output::Absent(peer)),
            ServerMessage::Pong => self.await_nothing(),
            ServerMessage::IceServers { ice_servers } => {
                self.outputs.push_back(Output::IceServers(ice_servers));
            }
            ServerMessage::Challenge { .. }
            | ServerMessage::Welcome { .. }
            | ServerMessage::Refused { .. }
            | ServerMessage::Later { .. } => {
                self.lose(now, "the server spoke out of turn".to_string());
            }
        }
    }

    fn on_standing(&mut self, now: Time, links: u32, ready: bool) {
        let (had_links, was_ready) = (self.links > 0, self.ready);
        (self.links, self.ready) = (links, ready);
        self.asking.standing(now, links, ready, &mut self.rng);
        match &mut self.state {
            State::LoggedIn { .. } if ready != was_ready => {
                self.send(&ClientMessage::Member { ready });
            }
            // Alone and without the server: what was leisure is urgent.
            State::Away { retry_at: Some(retry_at) } if had_links && links == 0 => {
                *retry_at = (*retry_at).min(now + Retry::first(links, &mut self.rng));
            }
            _ => {}
        }
        self.ask_when_due(now);
    }

    /// The other server is lost: what could wait for minutes cannot any more.
    fn on_spared(&mut self, now: Time, is_spared: bool) {
        let was_spared = core::mem::replace(&mut self.is_spared, is_spared);
        if let State::Away { retry_at: Some(retry_at) } = &mut self.state
            && was_spared
            && !is_spared
        {
            *retry_at = (*retry_at).min(now + Retry::first(self.links, &mut self.rng));
        }
    }

    fn on_signal(&mut self, to: NodeId, payload: Bytes) {
        if matches!(self.state, State::LoggedIn { .. }) {
            self.send(&ClientMessage::Signal { to, payload });
        } else {
            self.outputs.push_back(Output::Absent(to));
        }
    }

    fn on_timeout(&mut self, now: Time) {
        let due = self.poll_timeout().filter(|(at, _)| *at <= now);
        match due {
            None => {}
            Some((_, Wake::Reconnect)) => self.connect(now),
            Some((_, Wake::Introduce)) => self.ask_when_due(now),
            Some((_, Wake::Pulse)) => self.ask(now, &ClientMessage::Ping),
            Some((_, Wake::Deadline)) => {
                self.lose(now, "the server does not answer".to_string());
            }
        }
    }

    /// Asks for an introduction if one is wanted, due, and nothing is under way.
    fn ask_when_due(&mut self, now: Time) {
        if self.asking.due().is_some_and(|due| due <= now) {
            self.ask(now, &ClientMessage::Introduce);
        }
    }

    /// Asks the server what it must answer, unless an answer is awaited already.
    fn ask(&mut self, now: Time, question: &ClientMessage) {
        if let State::LoggedIn { deadline: deadline @ None } = &mut self.state {
            *deadline = Some(now + ANSWER_PATIENCE);
            self.send(question);
        }
    }

    /// Notes the answer to an introduction; false when none is wanted any more.
    fn answered(&mut self, now: Time, wait: Option<Duration>) -> bool {
        self.await_nothing();
        self.asking.answered(now, wait, &mut self.rng)
    }

    /// The server has answered.
    fn await_nothing(&mut self) {
        if let State::LoggedIn { deadline } = &mut self.state {
            *deadline = None;
        }
    }

    fn send(&mut self, message: &ClientMessage) {
        self.outputs.push_back(Output::Send(message.encode().into()));
    }
}
