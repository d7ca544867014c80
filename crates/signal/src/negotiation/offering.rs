//! This side's offers and what becomes of them.

use alloc::string::ToString as _;

use base::{NodeId, Time};

use super::attempts::cut;
use super::{Attempt, Negotiator, Output, Path, REASON_BYTES_MAX, Role, Stage};
use crate::message::Proposal;
use crate::sdp;

impl Negotiator {
    pub(super) fn on_dial(&mut self, now: Time, peer: NodeId, permit: u64, path: Path) {
        let introduced = matches!(path, Path::Server(_)) && permit == 0;
        if let Some(under_way) = self.find(|dialogue| dialogue.peer == peer) {
            let dialogue = self.attempts.get_mut(&under_way).expect("it was just found");
            dialogue.introduced |= introduced;
            return;
        }
        let refusal = if peer == self.me {
            Some("that is this node")
        } else if self.is_full() {
            Some("too many links are being built")
        } else {
            None
        };
        if let Some(reason) = refusal {
            let reason = reason.to_string();
            self.outputs.push_back(Output::Failed { peer, reason, introduced });
            return;
        }
        let attempt = self.begin(now, (peer, permit, path), Role::Offerer, introduced);
        self.outputs.push_back(Output::CreateOffer(attempt));
    }

    /// Takes the answer to an open offer, if it is the offered peer's own. Anything else may be
    /// forged and is ignored: the deadline decides.
    pub(super) fn on_answer(&mut self, now: Time, from: NodeId, answer: Proposal) {
        let attempt = Attempt(answer.attempt);
        let Some(dialogue) = self.attempts.get_mut(&attempt) else { return };
        let is_awaited = dialogue.role == Role::Offerer
            && matches!(dialogue.stage, Stage::Offered)
            && dialogue.peer == from
            && dialogue.permit == answer.permit;
        if !is_awaited || self.proof.verify_answer(now, from, &answer).is_err() {
            return;
        }
        dialogue.stage = Stage::Connecting { card: answer.card };
        let sdp = sdp::cleaned(&answer.sdp, self.loopback);
        self.outputs.push_back(Output::ApplyAnswer { attempt, sdp });
    }

    pub(super) fn on_decline(&mut self, from: NodeId, attempt: Attempt, reason: &str) {
        let is_awaited = self.attempts.get(&attempt).is_some_and(|dialogue| {
            dialogue.role == Role::Offerer
                && matches!(dialogue.stage, Stage::Offered)
                && dialogue.peer == from
        });
        if is_awaited {
            self.fail(attempt, cut(reason, REASON_BYTES_MAX));
        }
    }
}
