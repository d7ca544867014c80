//! An overlay that is always right about those it knows: leaf sets of eight a side, a routing table
//! with the nearest node for each entry, as on a plane, Pastry's rule for the next hop. It learns of births and
//! deaths when it is told to.

use std::collections::{BTreeMap, BTreeSet};

use base::{Digits, Key, NodeId};
use groups::Way;

const LEAVES_A_SIDE: usize = 8;
const DIGITS: Digits = Digits::Hexadecimal;

/// The square of the distance between two nodes on a plane, where a node's id has put it: by bits
/// that no routing looks at.
fn way_between(a: NodeId, b: NodeId) -> u128 {
    let x = |id: NodeId| id.value() >> 32 & 0xffff_ffff;
    let y = |id: NodeId| id.value() & 0xffff_ffff;
    x(a).abs_diff(x(b)).pow(2) + y(a).abs_diff(y(b)).pow(2)
}

/// What one node knows.
#[derive(Clone, Default)]
pub(crate) struct Tables {
    leaves: BTreeSet<NodeId>,
    /// By row and column.
    table: BTreeMap<(u8, u8), NodeId>,
    /// Leaf sets cover the whole ring.
    is_small: bool,
}

impl Tables {
    /// The tables of `me` among `ring`, sorted, which contains it.
    pub(crate) fn fill(&mut self, me: NodeId, ring: &[NodeId]) {
        let at = ring.binary_search(&me).unwrap();
        let count = ring.len();
        let side = LEAVES_A_SIDE.min(count - 1);
        self.is_small = count <= 2 * LEAVES_A_SIDE + 1;
        let right = (1..=side).map(|step| ring[(at + step) % count]);
        let left = (1..=side).map(|step| ring[(at + count - step) % count]);
        self.leaves = right.chain(left).filter(|id| *id != me).collect();
        self.table.clear();
        for row in 0..DIGITS.rows() {
            let bits = 128 - 4 * u32::from(row);
            let prefix = me.value().checked_shr(bits).unwrap_or(0).checked_shl(bits).unwrap_or(0);
            let span = |low: u128, bits: u32| {
                let high = low | 1u128.checked_shl(bits).map_or(u128::MAX, |one| one - 1);
                let from = ring.partition_point(|id| id.value() < low);
                &ring[from..ring.partition_point(|id| id.value() <= high)]
            };
            if span(prefix, bits).len() <= 1 {
                break;
            }
            for digit in (0..DIGITS.radix()).filter(|digit| *digit != DIGITS.digit(me, row)) {
                let slot = span(prefix | u128::from(digit) << (bits - 4), bits - 4);
                if let Some(entry) = slot.iter().min_by_key(|id| way_between(me, **id)) {
                    self.table.insert((row, digit), *entry);
                }
            }
        }
    }

    pub(crate) fn known(&self) -> impl Iterator<Item = NodeId> {
        self.leaves.iter().chain(self.table.values()).copied()
    }

    pub(crate) fn leaves(&self) -> &BTreeSet<NodeId> {
        &self.leaves
    }

    /// Pastry §2.3: the leaf set, the prefix, the rare case.
    pub(crate) fn way(&self, me: NodeId, key: Key) -> Way {
        let near = key.closest(self.leaves.iter().copied().chain([me])).unwrap();
        let reach = self.leaves.iter().map(|leaf| me.distance(*leaf)).max().unwrap_or(0);
        if self.is_small || me.distance(key) <= reach {
            return if near == me { Way::Root } else { Way::Hop(near) };
        }
        let shared = DIGITS.shared(me, key);
        if let Some(hop) = self.table.get(&(shared, DIGITS.digit(key, shared))) {
            return Way::Hop(*hop);
        }
        let is_nearer =
            |id: &NodeId| DIGITS.shared(*id, key) >= shared && key.closer(*id, me).is_lt();
        match key.closest(self.known().filter(is_nearer)) {
            Some(hop) => Way::Hop(hop),
            None => Way::Root,
        }
    }
}
