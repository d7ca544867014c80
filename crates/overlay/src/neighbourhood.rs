//! The neighbourhood set: the nodes nearest to this one by measured round trip (Pastry §2.3, |M| =
//! 32). For locality and repair; routes use it only where nothing better is linked.

use alloc::vec::Vec;

use base::{Bounded, NodeId};
use wire::overlay::{Contact, NEAR_ENTRIES, Sighting};

/// At most 32 contacts, the nearest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Neighbourhood {
    entries: Vec<Sighting>,
}

impl Neighbourhood {
    pub(crate) fn entries(&self) -> &[Sighting] {
        &self.entries
    }

    pub(crate) fn contains(&self, id: NodeId) -> bool {
        self.entries.iter().any(|entry| entry.contact.id == id)
    }

    /// Whether a node this far away, in microseconds, has a place.
    pub(crate) fn wants(&self, rtt: u32) -> bool {
        self.entries.len() < NEAR_ENTRIES || self.entries.last().is_some_and(|last| rtt < last.rtt)
    }

    /// Takes `contact` in, or moves it, if it is near enough. Returns whether it is a member, and
    /// who had to go.
    pub(crate) fn insert(&mut self, contact: Contact, rtt: u32) -> (bool, Option<Contact>) {
        self.entries.retain(|entry| entry.contact.id != contact.id);
        if !self.wants(rtt) {
            return (false, None);
        }
        let entry = Sighting { contact, rtt };
        let at = self.entries.partition_point(|other| (other.rtt, other.contact) < (rtt, contact));
        self.entries.insert(at, entry);
        let gone = if self.entries.len() > NEAR_ENTRIES { self.entries.pop() } else { None };
        (true, gone.map(|entry| entry.contact))
    }

    /// Takes `id` out; whether it was a member.
    pub(crate) fn remove(&mut self, id: NodeId) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.contact.id != id);
        self.entries.len() < before
    }

    /// What others are told.
    pub(crate) fn message(&self) -> Bounded<Sighting, NEAR_ENTRIES> {
        Bounded::truncating(self.entries.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(id: u128) -> Contact {
        Contact { id: NodeId::new(id), epoch: 1 }
    }

    #[test]
    fn the_nearest_stay() {
        let mut near = Neighbourhood::default();
        for id in 0..100u32 {
            near.insert(contact(u128::from(id)), 1_000 - id);
        }
        assert_eq!(near.entries().len(), NEAR_ENTRIES);
        assert_eq!(near.entries()[0].rtt, 901);
        assert!(!near.wants(932) && near.wants(931));
        assert_eq!(near.insert(contact(5), 10), (true, Some(contact(68))));
        assert_eq!(near.insert(contact(5), 950), (true, None), "it moved, and is the farthest now");
        assert!(near.wants(949) && near.remove(contact(99).id) && !near.remove(contact(99).id));
    }
}
