//! Heartbeats between ring neighbours (MSPastry §3, design §4).
//!
//! Each node sends heartbeats to its left neighbour, and to its right one a third as often. Each says
//! when the next one is due and renews a lease (`lease`); one that is late starts a probe
//! (`liveness`). The pace is quick while jobs are under way here or at a neighbour.

use base::{Duration, NodeId, Time};
use wire::overlay::{Beat, Message};

use crate::Overlay;
use crate::peers::Beats;

/// What a heartbeat may be late, in parts of its sender's period.
const LATE_PART: u32 = 4;
/// The right neighbour hears so many times more rarely, as that only renews a promise: the left one finds
/// a dead node first, and tells it.
pub(crate) const RIGHT_RARER: u32 = 3;
/// Bounds of what a peer may say of its period and its lease.
const BEAT_MAX: Duration = Duration::from_secs(60);

impl Overlay {
    pub(crate) fn on_busy(&mut self, busy: bool) {
        self.busy = busy;
    }

    /// Between heartbeats to the left neighbour: quick while jobs are under way here or at a
    /// neighbour.
    pub(crate) fn period(&self) -> Duration {
        let mut neighbours = self.leaf.neighbours();
        let near = |id| self.peers.beats(id).busy;
        if self.busy || neighbours.any(|contact| near(contact.id)) {
            self.config.heartbeat
        } else {
            let idle = self.tuning.idle_period().min(self.config.idle_heartbeat);
            idle.max(self.config.heartbeat)
        }
    }

    /// Between heartbeats to this neighbour. In a ring of two, it is both the left and the right.
    fn period_for(&self, id: NodeId) -> Duration {
        if self.leaf.is_left_neighbour(id) { self.period() } else { self.period() * RIGHT_RARER }
    }

    pub(crate) fn on_heartbeat(&mut self, from: NodeId, beat: Beat) {
        let span = |millis: u32| Duration::from_millis(u64::from(millis)).min(BEAT_MAX);
        let (period, now) = (span(beat.period), self.now);
        if let Some(beats) = self.peers.beats_mut(from) {
            beats.late_at = now + period + period / LATE_PART;
            beats.busy = beat.busy;
        }
        self.note_lease_taken(from, span(beat.lease));
    }

    /// When a ring neighbour must hear from this node, or must have been heard.
    pub(crate) fn neighbours_due(&self) -> Option<Time> {
        if !self.ready {
            return None;
        }
        let due = self.leaf.neighbours().map(|contact| {
            let id = contact.id;
            let Beats { sent, late_at, .. } = self.peers.beats(id);
            let beat = sent + self.period_for(id);
            if self.watch.is_probing(id) { beat } else { beat.min(late_at) }
        });
        due.min()
    }

    pub(crate) fn on_neighbours_due(&mut self) {
        if !self.ready {
            return;
        }
        for contact in self.leaf.neighbours() {
            let id = contact.id;
            let Beats { sent, late_at, .. } = self.peers.beats(id);
            if late_at <= self.now {
                self.suspect(id);
                let again = self.now + self.config.idle_heartbeat;
                if let Some(beats) = self.peers.beats_mut(id) {
                    beats.late_at = again;
                }
            }
            if sent + self.period_for(id) <= self.now {
                self.send_heartbeat(id, None);
            }
        }
    }

    /// `via` as in the question that this one answers, if it does.
    pub(crate) fn send_heartbeat(&mut self, id: NodeId, via: Option<NodeId>) {
        let (period, lease) = (self.period_for(id), self.lease_for(id));
        let millis = |span: Duration| u32::try_from(span.as_millis()).unwrap_or(u32::MAX);
        let beat = Beat { period: millis(period), lease: millis(lease), busy: self.busy };
        let first = self.now + self.config.idle_heartbeat * 2;
        if let Some(beats) = self.peers.beats_mut(id) {
            beats.sent = self.now;
            // One that never sends a heartbeat may not know of this node.
            if beats.late_at == Time::FAR_FUTURE {
                beats.late_at = first;
            }
        }
        self.note_lease_given(id, lease);
        self.send_back(id, via, Message::Heartbeat(beat));
    }
}
