//! Leases on the key range between neighbours (FreePastry's consistency, design §4).
//!
//! A heartbeat to a ring neighbour is also a promise: "for this long I will not answer for your
//! keys, whatever I come to believe of you". A node answers for the keys on one side only while it
//! holds such a promise from its neighbour on that side. So a node that is wrongly thought dead
//! goes on answering for its keys, or notices in time that it must not; at no time do two nodes
//! answer for one key. A goodbye gives the promise back at once.
//!
//! Waiting for a promise to end would be long where the neighbour is dead in truth, as it mostly is.
//! So its keys are free as soon as its neighbour on the other side has found it dead, too: then it
//! could only be alive beyond a split of the network, which no promise mends.
//!
//! The receiver counts from the moment it handles the heartbeat, the sender from the sending plus
//! [`Overlay::unnoticed_stop`]. A heartbeat may have waited that long before a process that was
//! stopped; one that was stopped for longer finds out by the gap in its own time, before it looks
//! at any lease, and asks its neighbours before it delivers anything.

use alloc::vec::Vec;

use base::{Duration, Key, NodeId, Time};

use crate::Overlay;
use crate::heartbeat::RIGHT_RARER;

/// The leases of heartbeats to the left neighbour and to the right one, in halves of a period:
/// neighbours on the left hear from this node every period, those on the right more rarely, and one
/// heartbeat may be lost.
const LEFT_HALVES: u32 = 5;
const RIGHT_HALVES: u32 = 4 * RIGHT_RARER + 1;
/// Promises given to neighbours that are gone, kept at once; each ends by itself. When full, the
/// one that ends first makes room.
const WITHHELD_MAX: usize = 32;

/// Promises that outlive their receivers' places in the tables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Withheld {
    ranges: Vec<(NodeId, Time)>,
}

impl Withheld {
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.ranges.iter().map(|(_, until)| *until).min()
    }
}

impl Overlay {
    /// The lease that a heartbeat to a neighbour carries.
    pub(crate) fn lease_for(&self, id: NodeId) -> Duration {
        let is_left = self.leaf.is_left_neighbour(id);
        self.period() * if is_left { LEFT_HALVES } else { RIGHT_HALVES } / 2
    }

    /// The longest stop of this process that changes nothing: the shortest lease that there is.
    pub(crate) fn unnoticed_stop(&self) -> Duration {
        self.config.heartbeat * LEFT_HALVES / 2
    }

    /// This node promises `id` not to answer for its keys.
    pub(crate) fn note_lease_given(&mut self, id: NodeId, lease: Duration) {
        let until = self.now + lease + self.unnoticed_stop();
        if let Some(beats) = self.peers.beats_mut(id) {
            beats.given_until = beats.given_until.max(until);
        }
    }

    /// `id` promises not to answer for this node's keys.
    pub(crate) fn note_lease_taken(&mut self, id: NodeId, lease: Duration) {
        let until = self.now + lease;
        if let Some(beats) = self.peers.beats_mut(id) {
            self.stale.ways |= beats.held_until <= self.now;
            beats.held_until = until;
        }
    }

    /// `id` leaves the tables, but may live: its keys stay untouched until the promise ends.
    pub(crate) fn withhold(&mut self, id: NodeId) {
        let until = self.peers.beats(id).given_until;
        if until <= self.now {
            return;
        }
        if self.withheld.ranges.len() >= WITHHELD_MAX {
            let first = self.withheld.ranges.iter().enumerate().min_by_key(|(_, (_, at))| *at);
            if let Some(first) = first.map(|(place, _)| place) {
                self.withheld.ranges.swap_remove(first);
            }
        }
        self.withheld.ranges.push((id, until));
    }

    /// `id` is gone for certain, or is back.
    pub(crate) fn end_withholding(&mut self, id: NodeId) {
        if !self.withheld.ranges.is_empty() {
            self.withheld.ranges.retain(|(withheld, _)| *withheld != id);
            self.stale.ways = true;
        }
    }

    pub(crate) fn on_withheld_due(&mut self) {
        let (now, before) = (self.now, self.withheld.ranges.len());
        self.withheld.ranges.retain(|(_, until)| *until > now);
        self.stale.ways |= self.withheld.ranges.len() < before;
    }

    /// Whether this node, the closest it knows to `key`, may answer for it.
    pub(crate) fn may_answer(&self, key: Key) -> bool {
        let clockwise = self.me.id.clockwise_to(key) <= key.clockwise_to(self.me.id);
        let side = if clockwise { self.leaf.right() } else { self.leaf.left() };
        let is_ready = |id| self.peers.get(id).is_some_and(|peer| peer.ready);
        let holds = |id| self.peers.beats(id).held_until > self.now;
        let neighbour = side.first().map(|contact| contact.id);
        let leased = neighbour.is_none_or(|id| holds(id) || !is_ready(id));
        let closer = |(id, _): &(NodeId, Time)| key.closer(*id, self.me.id).is_lt();
        leased && !self.withheld.ranges.iter().any(closer)
    }
}
