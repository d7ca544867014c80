//! A peer's conversation with the server: log in, get a voucher, be introduced, come back.
//!
//! The server is needed to enter, never to stay: while an overlay link is up, a lost server is
//! tried again at leisure.

use alloc::string::String;

use base::{Bounded, Card, Duration, NodeId, PublicKey, Signature, Time, Voucher};
use bytes::Bytes;

use crate::message::{ICE_SERVERS_MAX, IceServer};

/// What a peer brings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its key.
    pub public_key: PublicKey,
    /// Its start.
    pub epoch: u64,
    /// The voucher it kept, with the introducer's key in it.
    pub voucher: Option<Voucher>,
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
    /// Close it.
    Disconnect,
    /// Send a binary message.
    Send(Bytes),
    /// Sign with the node's key; answer with [`Input::Signed`].
    Sign(Bytes),
    /// Logged in: the node's card, to be kept, and the ICE servers to use.
    Welcome {
        /// Key, voucher, epoch.
        card: Card,
        /// STUN and TURN.
        ice_servers: Bounded<IceServer, ICE_SERVERS_MAX>,
        /// Peers at the server.
        peers: u32,
    },
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
    /// A signal could not be delivered: its receiver is not at the server.
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
}

/// The machine.
#[derive(Debug)]
pub struct Entry {}

impl Entry {
    /// A peer that is not connected; the first output is [`Output::Connect`].
    #[must_use]
    pub fn new(_config: Config, _seed: u64, _now: Time) -> Self {
        Entry {}
    }

    /// Takes one input; drain [`Entry::poll_output`] afterwards.
    pub fn handle(&mut self, _now: Time, _input: Input) {}

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }

    /// When to call with [`Input::Timeout`] at the latest, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        None
    }
}
