//! Edge cases of Pastry, each by name. Those of joining, losing messages and links are in `ring.rs`.
#![allow(clippy::unwrap_used, reason = "what breaks the harness must fail the test")]
#![allow(dead_code, reason = "the world is shared with `ring.rs`, which uses more of it")]

mod world;

use base::{Key, NodeId};
use overlay::{Input, NextHop};
use wire::overlay::{Contact, LeafState, Message, Target};
use world::{SECOND, World};

/// Posts a letter for `key` from every node; each must reach `place` once.
fn all_reach(world: &mut World, key: Key, place: NodeId) {
    let first = world.letters.len();
    for from in world.ids() {
        world.post(from, key, Target::Root);
    }
    world.run(20 * SECOND);
    for letter in &world.letters[first..] {
        let arrived: Vec<NodeId> = letter.arrived.iter().map(|(_, at)| *at).collect();
        assert_eq!(arrived, [place], "{:?} from {:?}", letter.key, letter.from);
    }
}

#[test]
fn a_key_where_the_ring_wraps_has_one_root_from_everywhere() {
    let mut world = World::ring(3, 25, 64);
    world.run(10 * SECOND);
    let ids = world.ids();
    for key in [u128::MAX, 0, 1].map(Key::new) {
        let root = key.closest(ids.iter().copied()).unwrap();
        assert!(root == ids[0] || root == ids[24], "next to zero");
        all_reach(&mut world, key, root);
    }
}

#[test]
fn a_key_that_is_an_id_goes_to_that_node_or_to_its_closest_survivor() {
    let mut world = World::ring(4, 25, 64);
    world.run(10 * SECOND);
    let id = world.ids()[11];
    assert_eq!(world.hosts[&id].overlay.next_hop(id), Some(NextHop::Root), "its own id");
    all_reach(&mut world, id, id);
    world.kill(id, false);
    world.run(30 * SECOND);
    let survivor = id.closest(world.ids()).unwrap();
    all_reach(&mut world, id, survivor);
}

#[test]
fn an_earlier_start_of_an_id_is_not_heard() {
    let mut world = World::ring(5, 12, 64);
    world.run(10 * SECOND);
    let (id, other) = (world.ids()[3], world.ids()[4]);
    let impostor = Contact { id, epoch: 0 };
    let message = Message::Leaving(LeafState::default());
    world.input(other, Input::Received { from: impostor, via: None, message });
    world.run(5 * SECOND);
    assert_eq!(world.wrong_leaf_sets(), [], "the later start is still there");
    all_reach(&mut world, id, id);
}

#[test]
fn half_a_leaf_set_less_one_dies_in_a_row_and_the_leaf_sets_are_exact_again() {
    for seed in 0..2 {
        let mut world = World::ring(seed, 40, 64);
        world.run(15 * SECOND);
        let first = world.ids()[7];
        for id in world.neighbours_of(first, 7) {
            world.kill(id, false);
        }
        let healed = world.run_until(120 * SECOND, |world| world.wrong_leaf_sets().is_empty());
        assert!(healed, "seed {seed}: {:?}", world.wrong_leaf_sets());
        world.exchange(3, true);
    }
}

#[test]
fn more_than_half_a_leaf_set_dies_in_a_row_and_the_ring_closes() {
    for seed in 0..2 {
        let mut world = World::ring(seed, 40, 64);
        world.run(15 * SECOND);
        let first = world.ids()[7];
        for id in world.neighbours_of(first, 11) {
            world.kill(id, false);
        }
        let healed = world.run_until(400 * SECOND, |world| world.wrong_leaf_sets().is_empty());
        assert!(healed, "seed {seed}: {:?}", world.wrong_leaf_sets());
        // Links to the dead that nobody used are found dead by and by; then everything arrives.
        world.run(150 * SECOND);
        world.exchange(3, true);
    }
}
