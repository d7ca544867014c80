//! How a connection ends: refused, expelled, replaced or gone of itself.

use alloc::string::String;

use super::{ConnectionId, Output, Room, State};
use crate::message::ServerMessage;

impl Room {
    /// Tells a connection why it is not let in, and closes it.
    pub(super) fn refuse(&mut self, connection: ConnectionId, words: String, reason: &'static str) {
        self.send(connection, &ServerMessage::Refused { reason: words });
        self.expel(connection, reason);
    }

    /// Counts a refusal and closes.
    pub(super) fn expel(&mut self, connection: ConnectionId, reason: &'static str) {
        self.stats.refused += 1;
        self.close(connection, reason);
    }

    pub(super) fn close(&mut self, connection: ConnectionId, reason: &'static str) {
        self.forget(connection);
        self.outputs.push_back(Output::Close(connection, reason));
    }

    /// Removes every trace of a connection, except the pairs: a peer that comes back within their
    /// time may finish its negotiation.
    pub(super) fn forget(&mut self, connection: ConnectionId) {
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
