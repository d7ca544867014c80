//! The routing table: for every length of a shared prefix and every next digit, one node (Pastry
//! §2.3).
//!
//! Entries are contacts that have spoken to this node, linked or not. Routes use links, of which
//! this table is the plan; see `hop` and `links`.

use base::{Bounded, Digits, NodeId, SortedMap};
use wire::overlay::{Contact, Row, STATE_ENTRIES, Sighting, UNMEASURED};

/// A place in the table: row (digits shared with the owner) and column (the digit after).
pub(crate) type Slot = (u8, u8);

/// What became of a contact that was offered to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// Its slot keeps what it has.
    Nowhere,
    /// It was there before.
    There,
    /// It filled a hole.
    Filled,
    /// It took the place of this contact.
    Instead(Contact),
}

/// With digits of 4 bits at most 32 rows of 15 entries; about log₁₆ N rows are in use. Each entry is
/// the nearest node with its prefix that this node has met (Pastry §2.5).
#[derive(Clone, Debug)]
pub(crate) struct RoutingTable {
    me: NodeId,
    digits: Digits,
    /// By how many percent a node must be nearer to take another's place: changing costs a link
    /// where links cost something.
    gain: u32,
    slots: SortedMap<Slot, Sighting>,
}

impl RoutingTable {
    pub(crate) fn new(me: NodeId, digits: Digits, gain: u32) -> Self {
        RoutingTable { me, digits, gain, slots: SortedMap::new() }
    }

    /// How many digits `id` shares with the owner of this table.
    pub(crate) fn shared(&self, id: NodeId) -> u8 {
        self.digits.shared(self.me, id)
    }

    /// Rows that there can be.
    pub(crate) fn rows(&self) -> u8 {
        self.digits.rows()
    }

    /// Where `id` belongs in the table of `me`; nowhere if it is `me`.
    pub(crate) fn slot(&self, id: NodeId) -> Option<Slot> {
        let row = self.shared(id);
        (row < self.rows()).then(|| (row, self.digits.digit(id, row)))
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<Contact> {
        self.slots.get(&slot).map(|entry| entry.contact)
    }

    pub(crate) fn contains(&self, id: NodeId) -> bool {
        self.slot(id).and_then(|slot| self.get(slot)).is_some_and(|entry| entry.id == id)
    }

    /// Another node in the slot of `id`.
    pub(crate) fn rival(&self, id: NodeId) -> Option<NodeId> {
        let entry = self.slot(id).and_then(|slot| self.get(slot))?;
        (entry.id != id).then_some(entry.id)
    }

    /// Whether `id` would fill a hole.
    pub(crate) fn has_hole(&self, id: NodeId) -> bool {
        self.slot(id).is_some_and(|slot| !self.slots.contains_key(&slot))
    }

    /// Whether `id`, at a distance of `rtt` microseconds, would enter.
    pub(crate) fn wants(&self, id: NodeId, rtt: u32) -> bool {
        let Some(slot) = self.slot(id) else { return false };
        self.slots
            .get(&slot)
            .is_none_or(|entry| entry.contact.id != id && self.beats(rtt, entry.rtt))
    }

    fn beats(&self, rtt: u32, entry: u32) -> bool {
        let needed = u64::from(entry) * u64::from(100 - self.gain.min(100)) / 100;
        rtt < entry && (entry == UNMEASURED || u64::from(rtt) < needed || self.gain == 0)
    }

    /// Offers `contact`, `rtt` microseconds away or [`UNMEASURED`]: fills a hole, takes the place
    /// of one that is farther away, or raises the epoch and refreshes the distance of the entry.
    pub(crate) fn insert(&mut self, contact: Contact, rtt: u32) -> Placed {
        let Some(slot) = self.slot(contact.id) else { return Placed::Nowhere };
        let Some(entry) = self.slots.get_mut(&slot) else {
            self.slots.insert(slot, Sighting { contact, rtt });
            return Placed::Filled;
        };
        if entry.contact.id == contact.id {
            entry.contact.epoch = entry.contact.epoch.max(contact.epoch);
            entry.rtt = if rtt == UNMEASURED { entry.rtt } else { rtt };
            return Placed::There;
        }
        let (old, before) = (entry.contact, entry.rtt);
        if !self.beats(rtt, before) {
            return Placed::Nowhere;
        }
        self.slots.insert(slot, Sighting { contact, rtt });
        Placed::Instead(old)
    }

    /// Takes `id` out; its place, if it had one.
    pub(crate) fn remove(&mut self, id: NodeId) -> Option<Slot> {
        let slot = self.slot(id).filter(|_| self.contains(id))?;
        self.slots.remove(&slot);
        Some(slot)
    }

    /// Every entry with its place, row by row.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Slot, Contact)> + '_ {
        self.slots.iter().map(|(slot, entry)| (*slot, entry.contact))
    }

    /// The entries of one row.
    pub(crate) fn row(&self, row: u8) -> impl Iterator<Item = Sighting> + '_ {
        self.slots.range((row, 0)..=(row, u8::MAX)).map(|(_, entry)| *entry)
    }

    /// One row as others are told.
    pub(crate) fn row_message(&self, row: u8) -> Row {
        Bounded::truncating(self.row(row))
    }

    /// What `other` can use of this table: the rows up to the prefix the two share.
    pub(crate) fn state_message(&self, other: NodeId) -> Bounded<Sighting, STATE_ENTRIES> {
        let last = self.shared(other);
        let usable = self.slots.range(..=(last, u8::MAX)).map(|(_, entry)| *entry);
        Bounded::truncating(usable.filter(|entry| entry.contact.id != other))
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
        let mut table = RoutingTable::new(NodeId::new(0), Digits::default(), 30);
        let (first, second) = (contact(0x1 << 124, 1), contact(0x11 << 120, 1));
        assert_eq!(table.insert(first, UNMEASURED), Placed::Filled);
        assert_eq!(table.insert(second, UNMEASURED), Placed::Nowhere);
        assert_eq!(table.insert(contact(0x1 << 124, 7), 1_000), Placed::There);
        assert_eq!(table.get((0, 1)), Some(contact(0x1 << 124, 7)));
        assert_eq!(table.insert(contact(0, 1), 1), Placed::Nowhere, "never itself");
        assert_eq!(table.remove(second.id), None);
        assert_eq!(table.remove(first.id), Some((0, 1)));
        assert_eq!(table.depth(), 0);
    }

    #[test]
    fn the_clearly_nearer_takes_the_place() {
        let (far, near) = (contact(0x1 << 124, 1), contact(0x11 << 120, 1));
        let mut table = RoutingTable::new(NodeId::new(0), Digits::default(), 30);
        assert_eq!(table.insert(far, 1_000), Placed::Filled);
        assert_eq!(table.insert(near, 701), Placed::Nowhere, "not worth a new link");
        assert_eq!(table.insert(near, 699), Placed::Instead(far));
        let mut table = RoutingTable::new(NodeId::new(0), Digits::default(), 0);
        table.insert(far, 1_000);
        assert!(table.wants(near.id, 999) && !table.wants(near.id, 1_000));
        assert_eq!(table.insert(near, 999), Placed::Instead(far));
    }

    proptest! {
        #[test]
        fn an_entry_shares_its_row_and_has_its_column(
            me: u128,
            ids in proptest::collection::vec(any::<u128>(), 0..100),
        ) {
            let me = NodeId::new(me);
            for digits in [Digits::Hexadecimal, Digits::Octal] {
                let mut table = RoutingTable::new(me, digits, 0);
                for id in &ids {
                    table.insert(contact(*id, 1), UNMEASURED);
                }
                for ((row, column), entry) in table.entries() {
                    prop_assert_eq!(digits.shared(me, entry.id), row);
                    prop_assert_eq!(digits.digit(entry.id, row), column);
                    prop_assert_ne!(digits.digit(me, row), column);
                    prop_assert!(row < table.depth());
                }
            }
        }
    }
}
