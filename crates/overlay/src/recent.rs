//! Which messages this node has seen: so that one is delivered once, and passed on once.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use base::{NodeId, Time};
use wire::overlay::MessageId;

/// Sources whose delivered messages are remembered. When full, the source that was silent longest
/// is forgotten: its retransmissions have ended long ago.
const SOURCES_MAX: usize = 512;
/// Numbers remembered for each source. What is older than all of them counts as delivered.
const WINDOW_MAX: usize = 512;
/// Messages remembered after they were passed on. When full, the oldest is forgotten: should it
/// come back, it is passed on once more, and its target recognises it.
const PASSED_MAX: usize = 1024;
/// Hops remembered for each message passed on (chosen: more relays than a node tries in a row).
pub(crate) const TRIED_MAX: usize = 8;

/// The latest numbers of one source that were delivered here.
#[derive(Clone, Debug)]
struct Window {
    epoch: u64,
    numbers: BTreeSet<u64>,
    at: Time,
}

/// Messages delivered here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivered {
    sources: BTreeMap<NodeId, Window>,
}

impl Delivered {
    /// Whether `id` was delivered here, or is too old to tell.
    pub(crate) fn contains(&self, id: &MessageId) -> bool {
        self.sources.get(&id.source).is_some_and(|window| {
            let full = window.numbers.len() >= WINDOW_MAX;
            let old = full && window.numbers.first().is_some_and(|first| id.number < *first);
            id.epoch < window.epoch
                || id.epoch == window.epoch && (old || window.numbers.contains(&id.number))
        })
    }

    /// Notes that `id` was delivered.
    pub(crate) fn insert(&mut self, now: Time, id: &MessageId) {
        if !self.sources.contains_key(&id.source) && self.sources.len() >= SOURCES_MAX {
            let oldest = self.sources.iter().min_by_key(|(_, window)| window.at);
            if let Some(source) = oldest.map(|(source, _)| *source) {
                self.sources.remove(&source);
            }
        }
        let window = self.sources.entry(id.source).or_insert_with(|| Window {
            epoch: id.epoch,
            numbers: BTreeSet::new(),
            at: now,
        });
        if window.epoch < id.epoch {
            window.epoch = id.epoch;
            window.numbers.clear();
        }
        window.at = now;
        window.numbers.insert(id.number);
        if window.numbers.len() > WINDOW_MAX {
            window.numbers.pop_first();
        }
    }
}

/// How a message went on from here.
#[derive(Clone, Debug)]
pub(crate) struct Passage {
    /// Links it had crossed when it came first, and when that was.
    pub(crate) hops: u8,
    pub(crate) since: Time,
    /// Times it was sent on.
    pub(crate) sends: u8,
    /// Where it was sent; at most [`TRIED_MAX`], then the oldest is forgotten.
    pub(crate) tried: Vec<NodeId>,
}

/// Messages passed on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passed {
    passages: BTreeMap<MessageId, Passage>,
    order: VecDeque<MessageId>,
}

impl Passed {
    pub(crate) fn get(&self, id: &MessageId) -> Option<&Passage> {
        self.passages.get(id)
    }

    /// Notes that `id` was sent to `hop`. `fresh` is kept if nothing is known of it.
    pub(crate) fn note(&mut self, id: MessageId, hop: NodeId, fresh: Passage) {
        if !self.passages.contains_key(&id) {
            if self.order.len() >= PASSED_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.passages.remove(&oldest);
            }
            self.order.push_back(id);
        }
        let passage = self.passages.entry(id).or_insert(fresh);
        passage.sends = passage.sends.saturating_add(1);
        if !passage.tried.contains(&hop) {
            if passage.tried.len() >= TRIED_MAX {
                passage.tried.remove(0);
            }
            passage.tried.push(hop);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(source: u128, epoch: u64, number: u64) -> MessageId {
        MessageId { source: NodeId::new(source), epoch, number }
    }

    #[test]
    fn a_message_is_new_once() {
        let mut delivered = Delivered::default();
        assert!(!delivered.contains(&id(1, 1, 5)));
        delivered.insert(Time::ZERO, &id(1, 1, 5));
        for (message, known) in [
            (id(1, 1, 5), true),
            (id(1, 1, 4), false),
            (id(2, 1, 5), false),
            (id(1, 2, 5), false),
            (id(1, 0, 6), true),
        ] {
            assert_eq!(delivered.contains(&message), known, "{message:?}");
        }
    }

    #[test]
    fn memory_is_bounded_and_what_fell_out_stays_delivered() {
        let mut delivered = Delivered::default();
        for number in 0..5_000 {
            delivered.insert(Time::ZERO, &id(1, 1, number));
        }
        assert!(delivered.contains(&id(1, 1, 0)));
        assert_eq!(delivered.sources[&NodeId::new(1)].numbers.len(), WINDOW_MAX);
        for source in 0..2_000 {
            delivered.insert(Time::from_millis(1), &id(source, 1, 1));
        }
        assert_eq!(delivered.sources.len(), SOURCES_MAX);
        let mut passed = Passed::default();
        for number in 0..5_000 {
            for hop in 0..20 {
                let (since, tried) = (Time::ZERO, Vec::new());
                let fresh = Passage { hops: 0, since, sends: 0, tried };
                passed.note(id(1, 1, number), NodeId::new(hop), fresh);
            }
        }
        assert_eq!((passed.passages.len(), passed.order.len()), (PASSED_MAX, PASSED_MAX));
        assert_eq!(passed.get(&id(1, 1, 4_999)).map(|p| p.tried.len()), Some(TRIED_MAX));
    }
}
