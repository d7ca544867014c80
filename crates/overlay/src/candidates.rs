//! Contacts that others named and this node has not asked yet.
//!
//! Hearsay enters no table; it waits here, the most promising first, until it is probed. What may
//! enter the leaf set goes before what fills a hole of the routing table, and that before what is
//! only nearer than what is there.

use base::{NodeId, SortedMap, SortedSet};
use wire::overlay::Contact;

/// Contacts waiting. When full, the least promising makes room: it will be named again.
const CANDIDATES_MAX: usize = 256;

/// What a candidate is good for, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    /// The leaf set has a place for it, at this distance on the ring.
    Leaf(u128),
    /// A slot of the routing table is empty.
    Hole,
    /// It may be nearer than what is there: this near at the least, in microseconds.
    Nearer(u32),
}

/// What is said of somebody: what it is good for, who it is, and who said so.
pub(crate) type Candidate = (Promise, Contact, Option<NodeId>);

/// All that wait.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    waiting: SortedMap<NodeId, Candidate>,
    order: SortedSet<(Promise, NodeId)>,
}

impl Candidates {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.waiting.keys().copied()
    }

    /// Puts `contact` in line, or forward if it stands there with less promise.
    pub(crate) fn put(&mut self, promise: Promise, contact: Contact, teller: Option<NodeId>) {
        let mut entry = (promise, contact, teller);
        if let Some(before) = self.remove(contact.id) {
            entry.0 = entry.0.min(before.0);
            entry.1.epoch = entry.1.epoch.max(before.1.epoch);
        }
        if self.waiting.len() >= CANDIDATES_MAX {
            let Some(last) = self.order.last().copied().filter(|last| entry.0 < last.0) else {
                return;
            };
            self.remove(last.1);
        }
        self.order.insert((entry.0, contact.id));
        self.waiting.insert(contact.id, entry);
    }

    pub(crate) fn remove(&mut self, id: NodeId) -> Option<Candidate> {
        let entry = self.waiting.remove(&id)?;
        self.order.remove(&(entry.0, id));
        Some(entry)
    }

    /// Takes out the most promising.
    pub(crate) fn pop(&mut self) -> Option<Candidate> {
        let (_, id) = self.order.pop_first()?;
        self.waiting.remove(&id)
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(id: u128) -> Contact {
        Contact { id: NodeId::new(id), epoch: 1 }
    }

    #[test]
    fn the_most_promising_comes_first() {
        let mut candidates = Candidates::default();
        candidates.put(Promise::Nearer(5), contact(1), None);
        candidates.put(Promise::Hole, contact(2), None);
        candidates.put(Promise::Leaf(9), contact(3), None);
        candidates.put(Promise::Leaf(7), contact(4), None);
        candidates.put(Promise::Nearer(2), contact(1), None);
        candidates.put(Promise::Nearer(3), contact(5), None);
        let order: alloc::vec::Vec<u128> =
            core::iter::from_fn(|| candidates.pop()).map(|(_, c, _)| c.id.value()).collect();
        assert_eq!(order, [4, 3, 2, 1, 5]);
        assert!(candidates.is_empty());
    }

    #[test]
    fn the_line_is_bounded_and_keeps_the_best() {
        let mut candidates = Candidates::default();
        for rtt in 0..1_000u32 {
            candidates.put(Promise::Nearer(1_000 - rtt), contact(u128::from(rtt)), None);
        }
        assert_eq!(candidates.waiting.len(), CANDIDATES_MAX);
        assert_eq!(candidates.order.len(), CANDIDATES_MAX);
        assert_eq!(candidates.pop().map(|(promise, ..)| promise), Some(Promise::Nearer(1)));
    }
}
