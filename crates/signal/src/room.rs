//! The server's machine: who is connected, who may be introduced, whose signals go where.

use base::{Bounded, Secret, Time};
use bytes::Bytes;

use crate::message::{ICE_SERVERS_MAX, IceServer};

/// Settings of a room.
#[derive(Clone, Debug)]
pub struct Config {
    /// Named to every peer.
    pub ice_servers: Bounded<IceServer, ICE_SERVERS_MAX>,
    /// Whether a network may be running already (the introducer's key is older than this
    /// process): then the first newcomers wait for its members to come back instead of founding
    /// a second ring.
    pub may_have_members: bool,
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
    /// A deadline of `poll_timeout` came.
    Timeout,
}

/// What the driver must do.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a binary message.
    Send(ConnectionId, Bytes),
    /// Send what is queued, then close, with the reason for the log.
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
pub struct Room {}

/// Why the room wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// A login is overdue.
    LoginDeadline,
    /// Newcomers have waited for the members of an older network long enough.
    Grace,
}

impl Room {
    /// An empty room of the network that `secret` names.
    #[must_use]
    pub fn new(_config: Config, _secret: Secret, _seed: u64, _now: Time) -> Self {
        Room {}
    }

    /// Takes one input; drain [`Room::poll_output`] afterwards.
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

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::default()
    }
}
