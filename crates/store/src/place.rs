//! Where a value belongs: the k nodes closest to its key, as this node's leaf set shows them.
//!
//! Eight neighbours on each side are enough to know everyone who is closer to a key than this node,
//! as long as they are fewer than eight: whoever is missing from one side leaves room on the other.
//! So every holder computes the same set, and a node that is too far to compute it knows that, too.

use alloc::vec::Vec;

use base::{Key, NodeId};
use wire::overlay::LEAF_HALF;
use wire::store::COPIES;

use crate::Neighbour;

/// Nodes among which the holders of a key are chosen. All of them see each other.
pub(crate) const WINDOW: usize = LEAF_HALF;

/// Who should hold a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The nodes that should hold it, nearest first. Empty when this node is too far to know.
    pub(crate) members: Vec<NodeId>,
    /// Nodes closer than this one.
    pub(crate) rank: u32,
    /// This node is near enough to know, and to be asked to hold it.
    pub(crate) is_near: bool,
}

/// What this node knows of the ring.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    me: Neighbour,
    /// Both sides, each node once.
    others: Vec<Neighbour>,
    /// A side is short: the ring is small and all of it is known.
    is_whole: bool,
    /// This node leaves: it counts itself out.
    pub(crate) is_leaving: bool,
}

impl Place {
    pub(crate) fn new(me: Neighbour) -> Self {
        Place { me, others: Vec::new(), is_whole: true, is_leaving: false }
    }

    /// Lists are cut at [`LEAF_HALF`].
    pub(crate) fn set(&mut self, left: &[Neighbour], right: &[Neighbour]) {
        self.is_whole = left.len() < LEAF_HALF || right.len() < LEAF_HALF;
        self.others.clear();
        for node in left.iter().take(LEAF_HALF).chain(right.iter().take(LEAF_HALF)) {
            if node.id != self.me.id && !self.knows(node.id) {
                self.others.push(*node);
            }
        }
    }

    pub(crate) fn forget(&mut self, id: NodeId) {
        self.others.retain(|node| node.id != id);
    }

    pub(crate) fn knows(&self, id: NodeId) -> bool {
        self.others.iter().any(|node| node.id == id)
    }

    pub(crate) fn is_alone(&self) -> bool {
        self.others.is_empty()
    }

    /// Whether this node is the closest it knows.
    pub(crate) fn is_root(&self, key: Key) -> bool {
        !self.is_leaving && self.others.iter().all(|node| key.closer(self.me.id, node.id).is_lt())
    }

    /// Who should hold `key`, without those that `refuse` it.
    pub(crate) fn standing(&self, key: Key, refuses: impl Fn(NodeId) -> bool) -> Standing {
        let by_distance = |node: &Neighbour| (key.distance(node.id), node.id, node.group);
        let nodes = base::in_order(self.others.iter().map(by_distance)).into_iter();
        let mut nodes: Vec<_> = nodes.map(|(_, id, group)| Neighbour { id, group }).collect();
        let closer = nodes.iter().filter(|node| key.closer(node.id, self.me.id).is_lt()).count();
        let rank = u32::try_from(closer).unwrap_or(u32::MAX);
        if !self.is_whole && closer >= WINDOW {
            return Standing { members: Vec::new(), rank, is_near: false };
        }
        if !self.is_leaving {
            nodes.insert(closer, self.me);
        }
        nodes.retain(|node| !refuses(node.id));
        nodes.truncate(WINDOW);
        Standing { members: choose(&nodes), rank, is_near: closer < WINDOW }
    }
}

/// The first k, no two of one group where there is a choice; in the order of `nodes`.
fn choose(nodes: &[Neighbour]) -> Vec<NodeId> {
    let is_double = |at: usize| {
        let group = nodes[at].group;
        group.is_some() && nodes[..at].iter().any(|node| node.group == group)
    };
    let (double, single): (Vec<usize>, Vec<usize>) =
        (0..nodes.len()).partition(|at| is_double(*at));
    let chosen = base::in_order(single.into_iter().chain(double).take(COPIES));
    chosen.into_iter().map(|at| nodes[at].id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(id: u128, group: Option<u32>) -> Neighbour {
        Neighbour { id: NodeId::new(id), group }
    }

    fn ids(values: &[u128]) -> Vec<NodeId> {
        values.iter().copied().map(NodeId::new).collect()
    }

    #[test]
    fn two_of_one_group_are_avoided_where_there_is_a_choice() {
        let groups = [Some(1), Some(1), Some(2), None, None, Some(2), Some(3), Some(4)];
        let nodes: Vec<Neighbour> = (0..8).zip(groups).map(|(id, group)| node(id, group)).collect();
        assert_eq!(choose(&nodes), ids(&[0, 2, 3, 4, 6]));
        let all_one: Vec<Neighbour> = (0..8).map(|id| node(id, Some(7))).collect();
        assert_eq!(choose(&all_one), ids(&[0, 1, 2, 3, 4]));
        assert_eq!(choose(&nodes[..2]), ids(&[0, 1]));
    }

    #[test]
    fn who_refuses_is_replaced_by_the_next() {
        let mut place = Place::new(node(100, None));
        let near: Vec<Neighbour> = (101..107).map(|id| node(id, None)).collect();
        place.set(&[], &near);
        let standing = place.standing(Key::new(100), |id| id == NodeId::new(102));
        assert_eq!(standing.members, ids(&[100, 101, 103, 104, 105]));
    }

    #[test]
    fn a_leaving_node_counts_itself_out() {
        let mut place = Place::new(node(100, None));
        place.set(&[node(90, None)], &[node(101, None)]);
        assert!(place.is_root(Key::new(100)));
        place.is_leaving = true;
        assert!(!place.is_root(Key::new(100)));
        assert_eq!(place.standing(Key::new(100), |_| false).members, ids(&[101, 90]));
    }

    proptest! {
        /// Whoever is near enough to answer names the k closest of the whole ring; and whoever is
        /// among those knows that it is.
        #[test]
        fn every_holder_names_the_same_holders(
            ring in proptest::collection::btree_set(any::<u128>(), 1..60),
            key: u128,
        ) {
            let ring: Vec<NodeId> = ring.into_iter().map(NodeId::new).collect();
            let key = Key::new(key);
            let mut closest = ring.clone();
            closest.sort_by(|a, b| key.closer(*a, *b));
            closest.truncate(COPIES);
            for (at, me) in ring.iter().enumerate() {
                let reach = LEAF_HALF.min(ring.len() - 1);
                let step = |by: usize| Neighbour::from(ring[(at + by) % ring.len()]);
                let left: Vec<_> = (1..=reach).map(|by| step(ring.len() - by)).collect();
                let right: Vec<_> = (1..=reach).map(step).collect();
                let mut place = Place::new(Neighbour::from(*me));
                place.set(&left, &right);
                let standing = place.standing(key, |_| false);
                if !standing.members.is_empty() {
                    prop_assert_eq!(&standing.members, &closest);
                }
                if closest.contains(me) {
                    prop_assert!(standing.is_near);
                    prop_assert!(standing.members.contains(me));
                }
                prop_assert_eq!(place.is_root(key), closest[0] == *me);
            }
        }
    }
}
