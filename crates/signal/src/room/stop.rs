//! Peers that are sent away, and told when to come back: all at once after a restart would be the
//! flood that a server least needs.

use super::{ConnectionId, Room};
use crate::message::ServerMessage;

/// How long a restart takes at least.
const RESTART_MILLIS: u64 = 2_000;
/// Peers that come back in a second: below what a server admits (hostile.md G8).
const RETURNS_PER_SECOND: u64 = 333;
/// Peers wait no longer than this for anybody.
const RETURN_MILLIS_MAX: u64 = 60_000;
/// How long a stranger waits that found the server full, and as long again at random.
const FULL_MILLIS: u64 = 20_000;

impl Room {
    /// Every peer learns its own moment, spread over the time that all of them need.
    pub(super) fn on_stop(&mut self) {
        let span = (self.peers.len() as u64 * 1_000 / RETURNS_PER_SECOND)
            .clamp(1_000, RETURN_MILLIS_MAX - RESTART_MILLIS);
        let connections: alloc::vec::Vec<ConnectionId> = self.peers.values().copied().collect();
        for connection in connections {
            let millis = RESTART_MILLIS + self.rng.below(span);
            self.later(connection, millis);
        }
    }

    /// There is no place for a stranger.
    pub(super) fn send_away(&mut self, connection: ConnectionId) {
        let millis = FULL_MILLIS + self.rng.below(FULL_MILLIS);
        self.later(connection, millis);
    }

    fn later(&mut self, connection: ConnectionId, millis: u64) {
        let millis = u32::try_from(millis).unwrap_or(u32::MAX);
        self.send(connection, &ServerMessage::Later { millis });
    }
}
