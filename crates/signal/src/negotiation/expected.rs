//! Whose offer may come, with which permit, until when.

use base::{NodeId, SortedMap, Time};

use super::ATTEMPT_PATIENCE;

/// Visitors that the server announced and that are awaited; one more fails at once.
pub const VISITORS_MAX: u32 = 64;
/// Peers with a permit of this node that are awaited; one more fails at once. Counted apart, so
/// that no flood of visitors keeps out those that the overlay admitted.
pub const EXPECTED_MAX: u32 = 128;

#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Until when, by peer and permit. At most [`VISITORS_MAX`] with permit 0 and
    /// [`EXPECTED_MAX`] others.
    deadlines: SortedMap<(NodeId, u64), Time>,
}

impl Expected {
    /// Expects an offer, or goes on expecting it; false when too many are expected already.
    pub(super) fn insert(&mut self, now: Time, peer: NodeId, permit: u64) -> bool {
        let (alike, max) = if permit == 0 {
            (self.count(|other| other == 0), VISITORS_MAX)
        } else {
            (self.count(|other| other != 0), EXPECTED_MAX)
        };
        if alike >= u64::from(max) && !self.contains(peer, permit) {
            return false;
        }
        self.deadlines.insert((peer, permit), now + ATTEMPT_PATIENCE);
        true
    }

    pub(super) fn contains(&self, peer: NodeId, permit: u64) -> bool {
        self.deadlines.contains_key(&(peer, permit))
    }

    pub(super) fn remove(&mut self, peer: NodeId, permit: u64) {
        self.deadlines.remove(&(peer, permit));
    }

    pub(super) fn remove_all(&mut self, peer: NodeId) {
        self.deadlines.retain(|(expected, _), _| *expected != peer);
    }

    /// The next peer and permit whose offer did not come in time.
    pub(super) fn pop_overdue(&mut self, now: Time) -> Option<(NodeId, u64)> {
        let overdue = *self.deadlines.iter().find(|(_, deadline)| **deadline <= now)?.0;
        self.deadlines.remove(&overdue);
        Some(overdue)
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.deadlines.values().min().copied()
    }

    fn count(&self, which: impl Fn(u64) -> bool) -> u64 {
        self.deadlines.keys().filter(|(_, permit)| which(*permit)).count() as u64
    }
}
