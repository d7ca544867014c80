//! The leaf set against a sorted list of everybody.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use wire::overlay::LEAF_HALF;

fn contact(id: u128) -> Contact {
    Contact { id: NodeId::new(id), epoch: 1 }
}

/// The sides as somebody who knows every node would fill them.
fn model(me: u128, others: &BTreeSet<u128>) -> (Vec<Contact>, Vec<Contact>) {
    let mut right: Vec<u128> = others.iter().copied().filter(|id| *id != me).collect();
    let mut left = right.clone();
    right.sort_by_key(|id| id.wrapping_sub(me));
    left.sort_by_key(|id| me.wrapping_sub(*id));
    let side = |ids: Vec<u128>| ids.into_iter().take(LEAF_HALF).map(contact).collect();
    (side(left), side(right))
}

fn check(me: u128, inserted: &[u128], removed: &[u128]) {
    let mut leaf = LeafSet::new(NodeId::new(me), LEAF_HALF);
    let mut known = BTreeSet::new();
    for id in inserted {
        let wanted = leaf.wants(NodeId::new(*id));
        assert_eq!(leaf.insert(contact(*id)), wanted, "insert {id:x}");
        known.insert(*id);
        let (left, right) = model(me, &known);
        assert_eq!((leaf.left(), leaf.right()), (&left[..], &right[..]));
    }
    for id in removed {
        leaf.remove(NodeId::new(*id));
        known.remove(id);
        let members: BTreeSet<u128> = leaf.members().iter().map(|c| c.id.value()).collect();
        let (left, right) = model(me, &members);
        assert_eq!((leaf.left(), leaf.right()), (&left[..], &right[..]));
        assert!(members.is_subset(&known));
    }
    assert!(is_plausible(NodeId::new(me), &leaf.state(true)));
}

#[test]
fn a_ring_of_two_and_three_closes_on_both_sides() {
    check(10, &[20], &[]);
    check(10, &[20, 5], &[20, 5]);
    check(0, &[u128::MAX, 1], &[1]);
}

#[test]
fn a_small_ring_refills_a_side_from_the_other() {
    let everybody: Vec<u128> = (1..=10).map(|n| n * 1000).collect();
    check(500, &everybody, &[1000, 10_000]);
}

#[test]
fn implausible_states_are_recognised() {
    let me = NodeId::new(100);
    let state = |left: &[u128], right: &[u128]| LeafState {
        ready: true,
        left: Bounded::truncating(left.iter().copied().map(contact)),
        right: Bounded::truncating(right.iter().copied().map(contact)),
    };
    assert!(is_plausible(me, &state(&[], &[])));
    assert!(is_plausible(me, &state(&[90, 200], &[200, 90])));
    assert!(!is_plausible(me, &state(&[100], &[])), "lists itself");
    assert!(!is_plausible(me, &state(&[80, 90], &[])), "not sorted");
    assert!(!is_plausible(me, &state(&[], &[110, 110])), "repeats");
}

#[test]
fn a_full_set_covers_what_lies_between_its_extremes() {
    let mut leaf = LeafSet::new(NodeId::new(1000), LEAF_HALF);
    assert!(leaf.covers(NodeId::new(5)), "a node alone covers everything");
    for n in 1..=9u128 {
        leaf.insert(contact(1000 + n * 10));
        leaf.insert(contact(1000 - n * 10));
    }
    for (key, covered) in [(920, true), (919, false), (1080, true), (1081, false), (0, false)] {
        assert_eq!(leaf.covers(NodeId::new(key)), covered, "{key}");
    }
}

proptest! {
    #[test]
    fn it_holds_the_nearest_on_each_side(
        me: u128,
        inserted in proptest::collection::vec(any::<u128>(), 0..40),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let removed: Vec<u128> = if inserted.is_empty() { Vec::new() } else {
            picks.iter().map(|pick| *pick.get(&inserted)).collect()
        };
        check(me, &inserted, &removed);
    }

    /// Ids crowded round zero, where the ring wraps.
    #[test]
    fn it_wraps(me in 0u128..64, inserted in proptest::collection::vec(0u128..64, 0..40)) {
        let shift = |id: u128| id.wrapping_sub(32);
        let inserted: Vec<u128> = inserted.into_iter().map(shift).collect();
        check(shift(me), &inserted, &inserted);
    }
}
