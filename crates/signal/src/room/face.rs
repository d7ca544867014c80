//! What the driver sees of a room: settings, inputs, outputs, counters.

use base::Bounded;
use bytes::Bytes;

use super::limits::CONNECTIONS_MAX;
use super::turn::Turn;
use crate::message::{COMPANIONS_MAX, Companion, ICE_SERVERS_MAX, IceServer};

/// Settings of a room.
#[derive(Clone, Debug)]
pub struct Config {
    /// Named to every peer.
    pub ice_servers: Bounded<IceServer, ICE_SERVERS_MAX>,
    /// Relays named to every peer besides, with credentials that it alone gets.
    pub turn: Option<Turn>,
    /// The network's other introducers, named to every peer: their vouchers count here, and the
    /// peers keep up a conversation with each.
    pub companions: Bounded<Companion, COMPANIONS_MAX>,
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
            companions: Bounded::new(),
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
