//! How slow this node itself is: before it calls others silent, it asks whether it hears well
//! (Lifeguard's local health multiplier, Dadgar, Phillips and Currey 2018, §IV-A).
//!
//! Where processors, links or both are overloaded, answers come late, are taken for silence, and what
//! follows a death is more load: without this a crowd on one machine kills itself for good. So a node
//! that has reason to doubt itself waits longer for answers, asks fewer at once, and returns to its usual ways when
//! nothing goes wrong any more. A dead peer is no such reason.

use base::{Duration, NodeId, Time};

/// The patience of a node in doubt is at most this many times its usual one and one more.
const DOUBT_MAX: u32 = 7;
/// Two signs within so long are of one cause.
const SAME_CAUSE: Duration = Duration::from_millis(500);
/// Without a sign for so long, a node is a step less in doubt.
const CALM: Duration = Duration::from_secs(5);
/// A deadline that is looked at so late was missed. Chosen: half of what an answer may take.
const LATE: Duration = Duration::from_millis(500);
/// Signs that follow each other by the same peer count once in so long: one alone, which may be a liar,
/// makes nobody slow.
const SAME_PEER: Duration = Duration::from_secs(60);

/// How much a node doubts itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Health {
    doubt: u32,
    /// The last sign, and who gave it if that was a peer.
    sign: Time,
    by: Option<NodeId>,
    /// The last sign, or the last step back.
    changed: Time,
}

impl Health {
    /// Something went wrong that a slow node would see: `peer`, which did not answer in time, speaks after
    /// all, or thinks this node dead.
    pub(crate) fn note_sign(&mut self, now: Time, peer: NodeId) {
        if self.by == Some(peer) && now.since(self.sign) < SAME_PEER {
            return;
        }
        self.note(now, Some(peer));
    }

    /// The process gets its turn at `now`, and asked for one at `due`. Whether that is late: then what came
    /// meanwhile is to be heard before anybody is judged.
    pub(crate) fn note_turn(&mut self, now: Time, due: Option<Time>) -> bool {
        let is_late = due.is_some_and(|due| now.since(due) >= LATE);
        if is_late {
            self.note(now, None);
        }
        is_late
    }

    fn note(&mut self, now: Time, by: Option<NodeId>) {
        self.recover(now);
        if self.doubt == 0 || now.since(self.sign) >= SAME_CAUSE {
            self.doubt = (self.doubt + 1).min(DOUBT_MAX);
            (self.sign, self.changed, self.by) = (now, now, by);
        }
    }

    /// How long to wait for what usually takes `usual` at most.
    pub(crate) fn patience(&self, now: Time, usual: Duration) -> Duration {
        let mut health = *self;
        health.recover(now);
        usual * (1 + health.doubt)
    }

    /// How many questions to have under way where `usual` are otherwise: whoever waits longer and asks
    /// fewer at once says less by the square of its doubt.
    pub(crate) fn share(&self, now: Time, usual: usize) -> usize {
        let mut health = *self;
        health.recover(now);
        (usual / (1 + health.doubt as usize)).max(1)
    }

    fn recover(&mut self, now: Time) {
        while self.doubt > 0 && now.since(self.changed) >= CALM {
            self.doubt -= 1;
            self.changed = self.changed + CALM;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Time {
        Time::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn patience_grows_with_each_sign_and_shrinks_without() {
        let mut health = Health::default();
        assert_eq!(health.patience(at(0), USUAL), USUAL);
        for sign in 0..20 {
            health.note_sign(at(1_000 + sign * 500), NodeId::new(sign.into()));
        }
        assert_eq!(health.patience(at(10_500), USUAL), USUAL * (1 + DOUBT_MAX));
        assert_eq!(health.patience(at(15_500), USUAL), USUAL * DOUBT_MAX);
        assert_eq!(health.patience(at(60_000), USUAL), USUAL);
    }

    #[test]
    fn what_has_one_cause_counts_once() {
        let mut health = Health::default();
        for sign in 0..10 {
            health.note_sign(at(1_000 + sign), NodeId::new(sign.into()));
        }
        assert_eq!(health.patience(at(1_100), USUAL), USUAL * 2);
    }

    #[test]
    fn one_peer_alone_makes_nobody_slow() {
        let mut health = Health::default();
        for sign in 0..120 {
            health.note_sign(at(1_000 + sign * 500), NodeId::new(7));
            assert!(health.patience(at(1_000 + sign * 500), USUAL) <= USUAL * 2);
        }
    }

    #[test]
    fn only_a_turn_that_came_late_is_a_sign() {
        let mut health = Health::default();
        assert!(!health.note_turn(at(5_000), None));
        assert!(!health.note_turn(at(5_000), Some(at(4_600))));
        assert_eq!(health.patience(at(5_000), USUAL), USUAL);
        assert!(health.note_turn(at(5_000), Some(at(4_500))));
        assert_eq!(health.patience(at(5_000), USUAL), USUAL * 2);
    }
}
