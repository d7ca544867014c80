//! That a sorted vector does what a tree does.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{SortedMap, SortedSet};

/// What can be done to a map.
#[derive(Clone, Debug)]
enum Step {
    Insert(u8, u16),
    Remove(u8),
    Bump(u8),
    PopFirst,
    PopLast,
    KeepMultiples(u8),
    Extend(Vec<(u8, u16)>),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<u8>(), any::<u16>()).prop_map(|(key, value)| Step::Insert(key, value)),
        2 => any::<u8>().prop_map(Step::Remove),
        2 => any::<u8>().prop_map(Step::Bump),
        1 => Just(Step::PopFirst),
        1 => Just(Step::PopLast),
        1 => (1u8..4).prop_map(Step::KeepMultiples),
        1 => prop::collection::vec(any::<(u8, u16)>(), 0..9).prop_map(Step::Extend),
    ]
}

proptest! {
    /// Whatever is done, it is what a tree would be.
    #[test]
    fn a_map_is_what_a_tree_is(
        steps in prop::collection::vec(any_step(), 0..120), (a, b) in any::<(u8, u8)>(),
    ) {
        let (mut map, mut tree) = (SortedMap::new(), BTreeMap::new());
        for step in steps {
            match step {
                Step::Insert(k, v) => prop_assert_eq!(map.insert(k, v), tree.insert(k, v)),
                Step::Remove(k) => prop_assert_eq!(map.remove(&k), tree.remove(&k)),
                Step::Bump(k) => {
                    let (one, other) = (map.entry(k).or_default(), tree.entry(k).or_default());
                    (*one, *other) = (one.wrapping_add(1), other.wrapping_add(1));
                }
                Step::PopFirst => prop_assert_eq!(map.pop_first(), tree.pop_first()),
                Step::PopLast => prop_assert_eq!(map.pop_last(), tree.pop_last()),
                Step::KeepMultiples(n) => {
                    map.retain(|k, _| k % n == 0);
                    tree.retain(|k, _| k % n == 0);
                }
                Step::Extend(more) => {
                    map.extend(more.iter().copied());
                    tree.extend(more);
                }
            }
            prop_assert!(map.iter().eq(tree.iter()));
            prop_assert!(map.iter().rev().eq(tree.iter().rev()));
        }
        prop_assert_eq!((map.len(), map.get(&a)), (tree.len(), tree.get(&a)));
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(map.range(low..high).eq(tree.range(low..high)));
        prop_assert!(map.range(low..=high).eq(tree.range(low..=high)));
        prop_assert!(map.range(..low).eq(tree.range(..low)));
        prop_assert!(map.range(high..).rev().eq(tree.range(high..).rev()));
        prop_assert_eq!(high == low || map.range(high..low).next().is_none(), true);
    }

    #[test]
    fn a_set_is_what_a_tree_is(one in any::<Vec<u8>>(), other in any::<Vec<u8>>()) {
        let set: SortedSet<u8> = one.iter().copied().collect();
        let tree: BTreeSet<u8> = one.iter().copied().collect();
        let (minus, without) = (other.iter().copied().collect(), other.iter().copied().collect());
        prop_assert!(set.iter().eq(tree.iter()));
        prop_assert!(set.difference(&minus).eq(tree.difference(&without)));
        prop_assert_eq!((set.first(), set.last()), (tree.first(), tree.last()));
        prop_assert!(set.into_iter().eq(tree));
    }
}
