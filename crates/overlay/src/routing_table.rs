//! The routing table: for every length of a shared prefix and every next digit, one node (Pastry
//! §2.3, b = 4).
//!
//! Entries are contacts that have spoken to this node, linked or not. Routes use links, of which
//! this table is the plan; see `hop` and `links`.

use alloc::collections::BTreeMap;

use base::{Bounded, DIGITS, NodeId};
use wire::overlay::{Contact, Row};

/// A place in the table: row (digits shared with the owner) and column (the digit after).
pub(crate) type Slot = (u8, u8);

/// At most 32 rows of 15 entries; about log₁₆ N rows are in use.
#[derive(Clone, Debug)]
pub(crate) struct RoutingTable {
    me: NodeId,
    slots: BTreeMap<Slot, Contact>,
}

impl RoutingTable {
    pub(crate) fn new(me: NodeId) -> Self {
        RoutingTable { me, slots: BTreeMap::new() }
    }

    /// Where `id` belongs in the table of `me`; nowhere if it is `me`.
    pub(crate) fn slot(&self, id: NodeId) -> Option<Slot> {
        let row = self.me.shared_digits(id);
        (row < DIGITS).then(|| (row, id.digit(row)))
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<Contact> {
        self.slots.get(&slot).copied()
    }

    pub(crate) fn contains(&self, id: NodeId) -> bool {
        self.slot(id).and_then(|slot| self.get(slot)).is_some_and(|entry| entry.id == id)
    }

    /// Whether `id` would fill a hole.
    pub(crate) fn wants(&self, id: NodeId) -> bool {
        self.slot(id).is_some_and(|slot| !self.slots.contains_key(&slot))
    }

    /// Fills a hole with `contact`, or raises the epoch of the entry. A slot that is taken keeps
    /// its entry.
    pub(crate) fn insert(&mut self, contact: Contact) -> bool {
        let Some(slot) = self.slot(contact.id) else { return false };
        let entry = self.slots.entry(slot).or_insert(contact);
        if entry.id != contact.id {
            return false;
        }
        entry.epoch = entry.epoch.max(contact.epoch);
        true
    }

    /// Takes `id` out; its place, if it had one.
    pub(crate) fn remove(&mut self, id: NodeId) -> Option<Slot> {
        let slot = self.slot(id).filter(|_| self.contains(id))?;
        self.slots.remove(&slot);
        Some(slot)
    }

    /// Every entry with its place, row by row.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Slot, Contact)> + '_ {
        self.slots.iter().map(|(slot, contact)| (*slot, *contact))
    }

    /// The entries of one row.
    pub(crate) fn row(&self, row: u8) -> impl Iterator<Item = Contact> + '_ {
        self.slots.range((row, 0)..=(row, u8::MAX)).map(|(_, contact)| *contact)
    }

    /// One row as others are told.
    pub(crate) fn row_message(&self, row: u8) -> Row {
        Bounded::truncating(self.row(row))
    }

    /// Rows with an entry at or below them: 0 when the table is empty.
    pub(crate) fn depth(&self) -> u8 {
        self.slots.last_key_value().map_or(0, |((row, _), _)| row + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contact(id: u128, epoch: u64) -> Contact {
        Contact { id: NodeId::new(id), epoch }
    }

    #[test]
    fn a_slot_keeps_its_entry() {
        let mut table = RoutingTable::new(NodeId::new(0));
        let (first, second) = (contact(0x1 << 124, 1), contact(0x11 << 120, 1));
        assert!(table.insert(first));
        assert!(!table.insert(second));
        assert!(table.insert(contact(0x1 << 124, 7)));
        assert_eq!(table.get((0, 1)), Some(contact(0x1 << 124, 7)));
        assert!(!table.insert(contact(0, 1)), "never itself");
        assert_eq!(table.remove(second.id), None);
        assert_eq!(table.remove(first.id), Some((0, 1)));
        assert_eq!(table.depth(), 0);
    }

    proptest! {
        #[test]
        fn an_entry_shares_its_row_and_has_its_column(
            me: u128,
            ids in proptest::collection::vec(any::<u128>(), 0..100),
        ) {
            let me = NodeId::new(me);
            let mut table = RoutingTable::new(me);
            for id in ids {
                table.insert(contact(id, 1));
            }
            for ((row, column), entry) in table.entries() {
                prop_assert_eq!(me.shared_digits(entry.id), row);
                prop_assert_eq!(entry.id.digit(row), column);
                prop_assert_ne!(me.digit(row), column);
                prop_assert!(row < table.depth());
            }
        }
    }
}
