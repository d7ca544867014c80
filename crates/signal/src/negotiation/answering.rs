//! Offers of others: which of them are worth a peer connection.

use base::{NodeId, Time};

use super::{Attempt, Negotiator, Output, Path, Role};
use crate::message::Proposal;
use crate::sdp;

impl Negotiator {
    pub(super) fn on_offer(&mut self, now: Time, from: NodeId, path: Path, offer: &Proposal) {
        if self.proof.is_repeat(from, offer) || offer.card.id() != from || from == self.me {
            return;
        }
        // Without a permit only a server's introduction counts.
        let unarranged = offer.permit == 0 && !matches!(path, Path::Server(_));
        if unarranged || !self.expected.contains(from, offer.permit) {
            return self.decline(from, path, offer.attempt, "the peer expects no such offer");
        }
        if self.proof.verify_offer(now, from, offer).is_err() {
            return;
        }
        let earlier = self.find(|dialogue| dialogue.peer == from);
        if earlier.is_none() && self.is_full() {
            return self.decline(from, path, offer.attempt, "the peer is building too many links");
        }
        self.expected.remove(from, offer.permit);
        let mut introduced = false;
        if let Some(earlier) = earlier {
            let dialogue = &self.attempts[&earlier];
            // Two offers crossed: both sides keep the one of the smaller id.
            if dialogue.is_open_offer() && self.me < from {
                return;
            }
            introduced = dialogue.introduced;
            self.supersede(earlier);
        }
        let role = Role::Answerer { number: offer.attempt, card: offer.card };
        let attempt = self.begin(now, (from, offer.permit, path), role, introduced);
        let visitor = (offer.permit == 0).then_some(from);
        let sdp = sdp::cleaned(&offer.sdp, self.loopback);
        self.outputs.push_back(Output::CreateAnswer { attempt, sdp, visitor });
    }

    /// Gives up an attempt without a word: the peer's fresh offer stands for both.
    fn supersede(&mut self, attempt: Attempt) {
        self.attempts.remove(&attempt);
        self.outputs.push_back(Output::Close(attempt));
    }
}
