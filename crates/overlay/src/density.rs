//! Whether a leaf set can be that of a root (OSDI'02's failure test).
//!
//! Bad nodes that claim to be the root of a key can name only each other, and there are few of
//! them: their leaf sets are sparse. Identifiers are uniform, so how far members of an honest leaf
//! set are apart is about the same everywhere on the ring.

use base::NodeId;
use wire::overlay::{LEAF_HALF_MAX, LeafState};

use crate::Overlay;
use crate::leaf_set::is_plausible;

/// How many times as sparse as another leaf set an honest one may be, in hundredths.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gamma {
    /// γ = 1.8, as the paper has it for |L| = 16: one honest leaf set in fourteen fails, which costs
    /// an answer that is asked for again.
    Answer = 180,
    /// γ = 1.58, as the paper has it for |L| = 32: two larger samples differ less.
    LargeAnswer = 158,
    /// γ = 3: one in five hundred fails, which costs a newcomer another entrance.
    Join = 300,
}

/// The mean distance between the members of `owner`'s leaf set. `None` where it names nobody, or
/// goes all the way round: then it says nothing of density.
pub(crate) fn spacing(owner: NodeId, leaf: &LeafState) -> Option<u128> {
    let left = leaf.left.last().map_or(0, |last| last.id.clockwise_to(owner));
    let right = leaf.right.last().map_or(0, |last| owner.clockwise_to(last.id));
    let span = left.checked_add(right)?;
    let members = (leaf.left.len() + leaf.right.len()) as u128;
    let goes_round = leaf.left.iter().any(|contact| leaf.right.contains(contact));
    (members > 0 && !goes_round).then(|| span / members)
}

/// Whether `claimed` is too sparse beside `known`.
pub(crate) fn is_sparse(claimed: u128, known: u128, gamma: Gamma) -> bool {
    claimed / (gamma as u128) > known / 100
}

impl Overlay {
    /// Whether `root`, which claims to be the root of some key and shows this leaf set, can be: an
    /// answer that fails here is worth no more than none. One honest one in fourteen fails, and all do
    /// that come from a much smaller ring.
    #[must_use]
    pub fn believes_root(&self, root: NodeId, leaf: &LeafState) -> bool {
        let mine = spacing(self.me.id, &self.leaf.state(self.ready));
        let Some(mine) = mine else { return is_plausible(root, leaf) };
        let is_large = self.leaf.half() >= LEAF_HALF_MAX;
        let gamma = if is_large { Gamma::LargeAnswer } else { Gamma::Answer };
        is_plausible(root, leaf)
            && spacing(root, leaf).is_some_and(|claimed| !is_sparse(claimed, mine, gamma))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Bounded, Rng};
    use std::vec::Vec;
    use wire::overlay::{Contact, LEAF_HALF};

    /// The leaf set of the node at `at` in a sorted list of all.
    fn leaf_of(ring: &[u128], at: usize) -> LeafState {
        let count = ring.len();
        let contact = |place: usize| Contact { id: NodeId::new(ring[place % count]), epoch: 1 };
        LeafState {
            ready: true,
            left: Bounded::truncating(
                (1..=LEAF_HALF).map(|step| contact(at + count * LEAF_HALF - step)),
            ),
            right: Bounded::truncating((1..=LEAF_HALF).map(|step| contact(at + step))),
        }
    }

    fn ring(rng: &mut Rng, count: usize) -> Vec<u128> {
        let mut ids: Vec<u128> = (0..count).map(|_| rng.next_u128()).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn honest_leaf_sets_pass_and_those_of_a_quarter_of_the_ring_do_not() {
        let mut rng = Rng::new(4);
        let all = ring(&mut rng, 2_000);
        let bad: Vec<u128> = all.iter().copied().filter(|_| rng.below(4) == 0).collect();
        let space = |ring: &[u128], at: usize| spacing(NodeId::new(ring[at]), &leaf_of(ring, at));
        let known: Vec<u128> = (0..2_000).filter_map(|at| space(&all, at)).collect();
        assert_eq!(known.len(), 2_000);
        let share = |claims: &[u128], gamma| {
            let pairs = claims.iter().flat_map(|claim| known.iter().map(move |own| (*claim, *own)));
            let sparse = pairs.filter(|(claim, own)| is_sparse(*claim, *own, gamma)).count();
            sparse as f64 / (claims.len() * known.len()) as f64
        };
        let honest: Vec<u128> = (0..100).filter_map(|at| space(&all, at * 20)).collect();
        let lies: Vec<u128> = (0..100).filter_map(|at| space(&bad, at * 4)).collect();
        let found = [&honest, &lies].map(|of| [share(of, Gamma::Answer), share(of, Gamma::Join)]);
        assert!(found[0][0] < 0.08 && found[0][1] < 0.003, "honest ones that fail: {:?}", found[0]);
        assert!(found[1][0] > 0.95 && found[1][1] > 0.6, "lies seen through: {:?}", found[1]);
    }

    #[test]
    fn a_small_ring_says_nothing_of_density() {
        let ids = [10, 20, 30, 40, 50];
        assert_eq!(spacing(NodeId::new(30), &leaf_of(&ids, 2)), None);
        assert_eq!(spacing(NodeId::new(30), &LeafState::default()), None);
    }
}
