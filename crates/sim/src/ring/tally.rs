//! Counters of a world. A scenario takes them before and after, and subtracts.

use base::{Duration, Time};

use super::Parcels;
use super::kind::KINDS;

/// Of so many messages one is measured.
pub(crate) const SAMPLE: u64 = 64;

/// What happened so far, in the whole world.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Messages that hosts sent, by [`super::kind`].
    pub kinds: [u64; KINDS.len()],
    /// Those of them that answer a question.
    pub answers: [u64; KINDS.len()],
    /// Messages of overlays sent.
    pub sent: u64,
    /// Messages of groups and stores.
    pub parcels: Parcels,
    /// Messages that the network lost.
    pub lost: u64,
    /// Those of them to hosts that were dead by then: what it costs to be sure of a death.
    pub to_dead: [u64; KINDS.len()],
    /// Bytes of every [`SAMPLE`]th message by its kind, without headers of whatever carries it.
    pub sampled_bytes: [u64; KINDS.len()],
    /// Happenings taken from the agenda.
    pub events: u64,
    /// Seconds that nodes lived, all together.
    pub node_seconds: f64,
    /// Links built.
    pub links_built: u64,
    /// Links that could not be built.
    pub links_failed: u64,
    /// The most link slots that any host used at once.
    pub slots_peak: u64,
    /// Host inputs after which a host had more link slots in use than its cap.
    pub over_cap: u64,
    /// Times that somebody called somebody misbehaved.
    pub misbehaved: u64,
    /// Joins that found no answer, and started again elsewhere.
    pub joins_failed: u64,
    /// Times that a ready node stopped to be.
    pub unready: u64,
}

impl Tally {
    /// What happened since `earlier`; peaks stay as they are.
    #[must_use]
    pub fn since(&self, earlier: &Tally) -> Tally {
        let kinds = difference(self.kinds, earlier.kinds);
        let answers = difference(self.answers, earlier.answers);
        let to_dead = difference(self.to_dead, earlier.to_dead);
        Tally {
            kinds,
            answers,
            to_dead,
            sent: self.sent - earlier.sent,
            parcels: self.parcels.since(&earlier.parcels),
            lost: self.lost - earlier.lost,
            sampled_bytes: difference(self.sampled_bytes, earlier.sampled_bytes),
            events: self.events - earlier.events,
            node_seconds: self.node_seconds - earlier.node_seconds,
            links_built: self.links_built - earlier.links_built,
            links_failed: self.links_failed - earlier.links_failed,
            slots_peak: self.slots_peak,
            over_cap: self.over_cap - earlier.over_cap,
            misbehaved: self.misbehaved - earlier.misbehaved,
            joins_failed: self.joins_failed - earlier.joins_failed,
            unready: self.unready - earlier.unready,
        }
    }

    /// Messages that are not an application's own: everything but lookups.
    #[must_use]
    pub fn control(&self) -> u64 {
        self.sent - self.kinds[0]
    }

    /// Messages that keep tables right: neither lookups nor what carries or acknowledges messages.
    #[must_use]
    pub fn upkeep(&self) -> u64 {
        self.sent - self.kinds[0] - self.kinds[1] - self.kinds[2]
    }

    /// Bytes of all messages by kind, estimated from the sample.
    #[must_use]
    pub fn bytes(&self) -> [u64; KINDS.len()] {
        self.sampled_bytes.map(|bytes| bytes * SAMPLE)
    }

    pub(crate) fn live(&mut self, nodes: u32, from: Time, to: Time) {
        self.node_seconds += f64::from(nodes) * to.since(from).max(Duration::ZERO).as_secs_f64();
    }
}

fn difference(mut counts: [u64; KINDS.len()], earlier: [u64; KINDS.len()]) -> [u64; KINDS.len()] {
    for (count, before) in counts.iter_mut().zip(earlier) {
        *count -= before;
    }
    counts
}
