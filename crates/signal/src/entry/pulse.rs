//! Whether a silent server is still there, asked by peers whose WebSocket does not tell: a page
//! neither sends nor sees the protocol's own pings, so a connection that a network dropped without
//! a word looks open to it for ever. Native peers see the server's pings and ask nothing.

use base::{Duration, Time};

/// Silence after which the server is asked. Chosen: twice a minute is 1/150 of a peer's rate at the
/// server, and a lost server is no hurry while links are up.
pub(super) const SILENCE: Duration = Duration::from_secs(30);

/// When the server was last heard.
#[derive(Debug)]
pub(super) struct Pulse {
    /// Whether this peer asks at all.
    asks: bool,
    heard: Time,
}

impl Pulse {
    pub(super) fn new(asks: bool, now: Time) -> Self {
        Pulse { asks, heard: now }
    }

    /// The server said something.
    pub(super) fn hear(&mut self, now: Time) {
        self.heard = now;
    }

    /// When to ask it.
    pub(super) fn due(&self) -> Option<Time> {
        self.asks.then(|| self.heard + SILENCE)
    }
}
