//! Offers and answers on their way from one peer to another.

use base::{NodeId, Time};
use bytes::Bytes;

use super::pairs::Passage;
use super::{ConnectionId, Room};
use crate::message::{PeerSignal, ServerMessage};
use crate::sdp;

impl Room {
    /// Passes an offer or answer on, under the sender's proved id.
    pub(super) fn on_signal(
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
}
