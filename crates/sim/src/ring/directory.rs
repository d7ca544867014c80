//! Who has which id: open addressing, because identifiers are uniform already.

use base::NodeId;

const EMPTY: u32 = u32::MAX;

/// From an id to the host that had it last.
#[derive(Debug)]
pub(crate) struct Directory {
    slots: Vec<(NodeId, u32)>,
    used: usize,
}

impl Default for Directory {
    fn default() -> Self {
        Directory { slots: vec![(NodeId::ZERO, EMPTY); 64], used: 0 }
    }
}

impl Directory {
    pub(crate) fn get(&self, id: NodeId) -> Option<u32> {
        let (_, host) = self.slots[self.slot_of(id)];
        (host != EMPTY).then_some(host)
    }

    pub(crate) fn insert(&mut self, id: NodeId, host: u32) {
        if self.used * 2 >= self.slots.len() {
            let larger = vec![(NodeId::ZERO, EMPTY); self.slots.len() * 2];
            let old = std::mem::replace(&mut self.slots, larger);
            for (id, host) in old.into_iter().filter(|(_, host)| *host != EMPTY) {
                let slot = self.slot_of(id);
                self.slots[slot] = (id, host);
            }
        }
        let slot = self.slot_of(id);
        self.used += usize::from(self.slots[slot].1 == EMPTY);
        self.slots[slot] = (id, host);
    }

    fn slot_of(&self, id: NodeId) -> usize {
        let mask = self.slots.len() - 1;
        let mixed = (id.value() ^ (id.value() >> 64)) & u128::from(u64::MAX);
        let mixed = u64::try_from(mixed).unwrap_or(0).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24;
        let mut slot = usize::try_from(mixed).unwrap_or(0) & mask;
        while self.slots[slot].1 != EMPTY && self.slots[slot].0 != id {
            slot = (slot + 1) & mask;
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_last_comes_out() {
        let mut directory = Directory::default();
        for number in 0..1_000u32 {
            directory.insert(NodeId::new(u128::from(number % 500)), number);
        }
        for number in 500..1_000u32 {
            assert_eq!(directory.get(NodeId::new(u128::from(number - 500))), Some(number));
        }
        assert_eq!(directory.get(NodeId::new(7_000)), None);
    }
}
