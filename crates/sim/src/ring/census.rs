//! Who answers for which key, as somebody would say who sees every host at once.

use std::collections::BTreeMap;

use base::{Key, NodeId, Rng};
use wire::overlay::Contact;

use super::World;

/// The live, ready and awake nodes, in the order of the ring.
#[derive(Debug, Default)]
pub struct Census {
    nodes: BTreeMap<NodeId, u32>,
    /// The same without order, to draw from.
    list: Vec<(NodeId, u32)>,
    /// Where each host stands in the list.
    places: Vec<usize>,
}

impl Census {
    pub(crate) fn enter(&mut self, id: NodeId, host: u32) {
        if let Some(before) = self.nodes.insert(id, host) {
            self.strike(before);
        }
        let index = host as usize;
        self.places.resize(self.places.len().max(index + 1), usize::MAX);
        self.places[index] = self.list.len();
        self.list.push((id, host));
    }

    pub(crate) fn leave(&mut self, id: NodeId, host: u32) {
        if self.nodes.get(&id) == Some(&host) {
            self.nodes.remove(&id);
            self.strike(host);
        }
    }

    /// Takes a host off the list; the last one takes its place.
    fn strike(&mut self, host: u32) {
        let place = std::mem::replace(&mut self.places[host as usize], usize::MAX);
        self.list.swap_remove(place);
        if let Some((_, moved)) = self.list.get(place) {
            self.places[*moved as usize] = place;
        }
    }

    pub(crate) fn pick(&self, rng: &mut Rng) -> Option<u32> {
        rng.pick(&self.list).map(|(_, host)| *host)
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nobody is ready.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether this id takes part.
    #[must_use]
    pub fn contains(&self, id: NodeId) -> bool {
        self.nodes.contains_key(&id)
    }

    /// All, in the order of the ring.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, u32)> + '_ {
        self.nodes.iter().map(|(id, host)| (*id, *host))
    }

    /// The node that answers for `key`.
    #[must_use]
    pub fn root(&self, key: Key) -> Option<(NodeId, u32)> {
        let after = self.nodes.range(key..).next().or_else(|| self.nodes.first_key_value());
        let before = self.nodes.range(..key).next_back().or_else(|| self.nodes.last_key_value());
        let (after, before) = (after?, before?);
        let nearer = if key.closer(*after.0, *before.0).is_le() { after } else { before };
        Some((*nearer.0, *nearer.1))
    }

    /// The `count` nodes closest to `key`, the closest first.
    #[must_use]
    pub fn closest(&self, key: Key, count: usize) -> Vec<(NodeId, u32)> {
        let after = self.nodes.range(key..).chain(self.nodes.range(..key)).take(count);
        let before = self.nodes.range(..key).rev().chain(self.nodes.range(key..).rev()).take(count);
        let mut near: Vec<(NodeId, u32)> =
            after.chain(before).map(|(id, host)| (*id, *host)).collect();
        near.sort_by(|a, b| key.closer(a.0, b.0));
        near.dedup();
        near.truncate(count);
        near
    }
}

/// How many ready nodes have another leaf set than the census says they should.
#[must_use]
pub fn wrong_leaf_sets(world: &World) -> usize {
    wrong_leaf_sets_of(world, &world.census().iter().collect::<Vec<_>>())
}

/// The same, with `nodes` (in the order of the ring) as the whole ring.
#[must_use]
pub fn wrong_leaf_sets_of(world: &World, nodes: &[(NodeId, u32)]) -> usize {
    let count = nodes.len();
    let reach = world.leaf_half().min(count.saturating_sub(1));
    let is = |side: &[Contact], place: &dyn Fn(usize) -> usize| {
        side.len() == reach
            && side.iter().zip(1..).all(|(contact, step)| contact.id == nodes[place(step)].0)
    };
    let is_wrong = |at: usize| {
        let Some(overlay) = world.overlay(nodes[at].1) else { return true };
        let (left, right) = overlay.leaf_set();
        !is(right, &|step| (at + step) % count) || !is(left, &|step| (at + count - step) % count)
    };
    (0..count).filter(|at| is_wrong(*at)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_closest_round_the_ring() {
        let mut census = Census::default();
        for (host, id) in (0..).zip([10u128, 1_000, u128::MAX - 5]) {
            census.enter(NodeId::new(id), host);
        }
        let root = |key: u128| census.root(Key::new(key)).map(|(_, host)| host);
        assert_eq!([root(0), root(9), root(505), root(506)], [2, 0, 0, 1].map(Some));
        assert_eq!(root(u128::MAX), Some(2));
        let near: Vec<u32> =
            census.closest(Key::new(3), 2).into_iter().map(|(_, host)| host).collect();
        assert_eq!(near, [0, 2]);
        assert_eq!(census.closest(Key::new(3), 9).len(), 3);
    }
}
