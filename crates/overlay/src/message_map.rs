//! A map from the names of messages: open addressing over a slab.
//!
//! A node looks up the name of every message it passes on in several of these, and a tree that
//! compares names of 32 bytes is the dearest part of a hop. Strangers choose names, so the hash is
//! keyed. [`MessageMap::iter`] goes through the slab: its order follows from what was put in and
//! taken out before, never from the key.

use alloc::vec::Vec;

use wire::overlay::MessageId;

/// No place in the slab.
const VACANT: u32 = u32::MAX;
/// Slots of the index at first; a power of two.
const SLOTS_MIN: usize = 16;

/// As many entries as its user puts in, which is where the bound is.
#[derive(Clone, Debug)]
pub(crate) struct MessageMap<T> {
    /// Of the hash; nobody else knows it.
    secret: u64,
    /// Places in the slab by hash, the next free slot taken. A power of two, half of it used at
    /// most.
    index: Vec<u32>,
    slab: Vec<Option<(MessageId, T)>>,
    /// Places in the slab that are free.
    free: Vec<u32>,
}

impl<T> MessageMap<T> {
    pub(crate) fn new(secret: u64) -> Self {
        MessageMap { secret, index: Vec::new(), slab: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len() - self.free.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn contains(&self, id: &MessageId) -> bool {
        self.get(id).is_some()
    }

    pub(crate) fn get(&self, id: &MessageId) -> Option<&T> {
        let (_, place) = self.find(id).ok()?;
        self.slab[place as usize].as_ref().map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, id: &MessageId) -> Option<&mut T> {
        let (_, place) = self.find(id).ok()?;
        self.slab[place as usize].as_mut().map(|(_, value)| value)
    }

    /// Puts `value` in, in place of what was there under this name.
    pub(crate) fn insert(&mut self, id: MessageId, value: T) {
        if (self.len() + 1) * 2 > self.index.len() {
            self.grow();
        }
        match self.find(&id) {
            Ok((_, place)) => self.slab[place as usize] = Some((id, value)),
            Err(slot) => {
                let entry = Some((id, value));
                let place = self.free.pop().unwrap_or(self.slab.len() as u32);
                match self.slab.get_mut(place as usize) {
                    Some(free) => *free = entry,
                    None => self.slab.push(entry),
                }
                self.index[slot] = place;
            }
        }
    }

    pub(crate) fn remove(&mut self, id: &MessageId) -> Option<T> {
        let (slot, place) = self.find(id).ok()?;
        self.vacate(slot);
        self.free.push(place);
        self.slab[place as usize].take().map(|(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&MessageId, &T)> {
        self.slab.iter().flatten().map(|(id, value)| (id, value))
    }

    /// The slot and the place of `id`, or the slot that it would take.
    fn find(&self, id: &MessageId) -> Result<(usize, u32), usize> {
        if self.index.is_empty() {
            return Err(0);
        }
        let mut slot = self.home(id);
        loop {
            let place = self.index[slot];
            if place == VACANT {
                return Err(slot);
            }
            if self.slab[place as usize].as_ref().is_some_and(|(other, _)| other == id) {
                return Ok((slot, place));
            }
            slot = self.after(slot);
        }
    }

    fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.index.len() - 1)
    }

    /// The slot that `id` has if nobody else took it.
    fn home(&self, id: &MessageId) -> usize {
        let fold = |sum: u64, word: u64| {
            let wide = u128::from(sum ^ word) * 0x9e37_79b9_7f4a_7c15;
            (wide >> 64) as u64 ^ wide as u64
        };
        let source = id.source.value();
        let words = [source as u64, (source >> 64) as u64, id.epoch, id.number];
        words.into_iter().fold(self.secret, fold) as usize & (self.index.len() - 1)
    }

    /// Frees `hole`. Whoever stands behind it and belongs before it moves up.
    fn vacate(&mut self, mut hole: usize) {
        let mask = self.index.len() - 1;
        let mut slot = hole;
        loop {
            slot = self.after(slot);
            let place = self.index[slot];
            if place == VACANT {
                break;
            }
            let home = self.slab[place as usize].as_ref().map_or(slot, |(id, _)| self.home(id));
            let way = |from: usize| slot.wrapping_sub(from) & mask;
            if way(home) >= way(hole) {
                self.index[hole] = place;
                hole = slot;
            }
        }
        self.index[hole] = VACANT;
    }

    fn grow(&mut self) {
        self.index = alloc::vec![VACANT; (self.index.len() * 2).max(SLOTS_MIN)];
        for place in 0..self.slab.len() {
            let Some((id, _)) = &self.slab[place] else { continue };
            let mut slot = self.home(id);
            while self.index[slot] != VACANT {
                slot = self.after(slot);
            }
            self.index[slot] = place as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::NodeId;
    use base::SortedMap;
    use proptest::prelude::*;

    fn id(number: u64) -> MessageId {
        MessageId { source: NodeId::new(u128::from(number % 7)), epoch: 1, number }
    }

    proptest! {
        #[test]
        fn it_holds_what_a_tree_holds(
            secret: u64,
            steps in proptest::collection::vec((0u64..60, any::<bool>()), 0..400),
        ) {
            let (mut map, mut tree) = (MessageMap::new(secret), SortedMap::new());
            for (at, (number, comes)) in steps.into_iter().enumerate() {
                if comes {
                    map.insert(id(number), at);
                    tree.insert(id(number), at);
                } else {
                    prop_assert_eq!(map.remove(&id(number)), tree.remove(&id(number)));
                }
                prop_assert_eq!((map.len(), map.is_empty()), (tree.len(), tree.is_empty()));
                for number in 0..60 {
                    prop_assert_eq!(map.get(&id(number)), tree.get(&id(number)));
                }
                let mut held: Vec<_> = map.iter().map(|(id, value)| (*id, *value)).collect();
                held.sort_unstable();
                prop_assert!(held.into_iter().eq(tree.iter().map(|(id, value)| (*id, *value))));
            }
        }
    }
}
