//! Blobs: stored, found, repaired, moved, expired.

use base::{Digest, Duration, Key, NodeId};
use bytes::Bytes;
use proptest::prelude::*;
use store::{Config, Event, Input, Wake};
use wire::store::{COPIES, Name};

use crate::world::{HOUR, SECOND, World, blob, name_of};

fn stored(world: &World, at: NodeId, name: Name) -> Vec<u8> {
    let told = world.events.iter().filter_map(|(_, id, event)| match event {
        Event::Stored { name: of, copies } if (*id, *of) == (at, name) => Some(*copies),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_blob_that_is_put_reaches_k_nodes_and_its_putter_hears_of_it() {
    let mut world = World::ring(1, 40);
    for _ in 0..30 {
        let (at, bytes) = (world.pick(), blob(&mut world.rng, 10_000));
        let name = world.put(at, &bytes, HOUR);
        let is_told = |world: &World| stored(world, at, name).last() == Some(&5);
        assert!(world.run_until(5 * SECOND, is_told), "{:?}", stored(&world, at, name));
        assert!(world.is_settled(&name));
        // Nothing waits to be repeated.
        let timeout = world.hosts[&at].store.poll_timeout();
        assert!(timeout.is_none_or(|(_, why)| why == Wake::Check), "{timeout:?}");
    }
}

#[test]
fn without_loss_a_value_crosses_the_network_once_for_each_copy() {
    let mut world = World::ring(2, 30);
    for _ in 0..20 {
        let (at, bytes) = (world.pick(), blob(&mut world.rng, 50_000));
        let before = world.value_bytes;
        let name = world.put(at, &bytes, HOUR);
        world.run(100 * SECOND);
        assert!(world.is_settled(&name));
        let needed = COPIES - usize::from(world.closest(name.key(), COPIES).contains(&at));
        assert_eq!(world.value_bytes - before, needed as u64 * 50_000);
    }
}

#[test]
fn who_saw_a_blob_go_by_holds_it_without_a_transfer() {
    let mut world = World::ring(3, 30);
    let bytes = blob(&mut world.rng, 50_000);
    for id in world.ids() {
        world.input(id, Input::Cache(bytes.clone()));
    }
    let at = world.pick();
    let name = world.put(at, &bytes, HOUR);
    assert!(world.run_until(5 * SECOND, |world| world.is_settled(&name)));
    assert_eq!(world.value_bytes, 0);
}

#[test]
fn a_blob_is_found_from_everywhere_under_loss() {
    let mut world = World::ring(4, 40);
    let at = world.pick();
    let bytes = blob(&mut world.rng, 10_000);
    let name = world.put(at, &bytes, HOUR);
    world.run(10 * SECOND);
    world.loss = 50;
    for id in world.ids() {
        world.input(id, Input::Get(Digest::of(&[&bytes])));
    }
    let digest = Digest::of(&[&bytes]);
    world.run(60 * SECOND);
    for id in world.ids() {
        let found = Event::Found { digest, blob: bytes.clone() };
        assert!(world.events.iter().any(|(_, at, event)| (*at, event) == (id, &found)), "{id:?}");
    }
    assert_eq!(world.holders(&name).len(), COPIES);
}

#[test]
fn what_nobody_has_is_missing() {
    let mut world = World::ring(5, 20);
    let digest = Digest::of(&[b"never put"]);
    for id in world.ids() {
        world.input(id, Input::Get(digest));
    }
    world.run(60 * SECOND);
    let missing = Event::Missing { name: Name::Blob(digest), denied: true };
    assert_eq!(world.events.iter().filter(|(_, _, event)| *event == missing).count(), 20);
}

#[test]
fn the_last_holder_of_a_value_restores_its_copies_within_a_period() {
    for seed in 0..10 {
        let mut world = World::ring(seed, 40);
        let at = world.pick();
        let bytes = blob(&mut world.rng, 20_000);
        let name = world.put(at, &bytes, HOUR);
        assert!(world.run_until(10 * SECOND, |world| world.is_settled(&name)));
        world.run(SECOND * 40);
        let mut holders: Vec<NodeId> = world.holders(&name).into_iter().collect();
        world.rng.shuffle(&mut holders);
        // The putter's own memory of it does not count.
        for holder in &holders[1..] {
            world.kill(*holder);
        }
        assert_eq!(world.holders(&name).len(), 1);
        world.loss = 20;
        let period = world.config.period;
        let is_repaired = |world: &World| world.holders(&name).len() >= COPIES;
        assert!(world.run_until(period, is_repaired), "seed {seed}: {:?}", world.holders(&name));
        assert!(world.run_until(period * 3, |world| world.is_settled(&name)), "{seed}");
    }
}

#[test]
fn nobody_drops_a_copy_before_the_new_holder_has_one() {
    for seed in 0..5 {
        let mut world = World::ring(100 + seed, 30);
        let at = world.pick();
        let bytes = blob(&mut world.rng, 20_000);
        let name = world.put(at, &bytes, 10 * HOUR);
        assert!(world.run_until(10 * SECOND, |world| world.is_settled(&name)));
        world.loss = 200;
        for nearer in (1..=6).rev() {
            let joiner = NodeId::new(name.key().value().wrapping_add(nearer * 1000));
            world.join(joiner);
            let mut fewest = usize::MAX;
            let moved = world.run_until(600 * SECOND, |world| {
                fewest = fewest.min(world.holders(&name).len());
                world.is_settled(&name) && world.holders(&name).contains(&joiner)
            });
            assert!(moved, "seed {seed}: {:?}", world.holders(&name));
            assert!(fewest >= COPIES, "seed {seed}: {fewest} copies");
        }
    }
}

#[test]
fn a_holder_that_ends_up_far_away_lets_go_when_the_root_vouches() {
    let mut world = World::ring(7, 12);
    let at = world.pick();
    let bytes = blob(&mut world.rng, 1000);
    let name = world.put(at, &bytes, HOUR);
    assert!(world.run_until(10 * SECOND, |world| world.is_settled(&name)));
    // Forty nodes join at once, all closer: the old holders do not see the new ones.
    for nearer in 1..=20u128 {
        world.join(NodeId::new(name.key().value().wrapping_add(nearer << 40)));
        world.join(NodeId::new(name.key().value().wrapping_sub(nearer << 40)));
    }
    assert!(world.run_until(300 * SECOND, |world| world.is_settled(&name)));
}

#[test]
fn a_leaver_hands_over_before_it_goes() {
    let mut world = World::ring(8, 8);
    let mut names = Vec::new();
    for _ in 0..30 {
        let (at, bytes) = (world.pick(), blob(&mut world.rng, 5_000));
        names.push(world.put(at, &bytes, HOUR));
    }
    world.run(20 * SECOND);
    world.loss = 50;
    // All but one leave, one after the other: what the last one lacks is lost.
    for id in world.ids().into_iter().skip(1) {
        world.input(id, Input::Leave);
        let is_over = |world: &World| {
            let over = |event: &Event| matches!(event, Event::HandedOver { short: 0 });
            world.events.iter().any(|(_, at, event)| *at == id && over(event))
        };
        assert!(world.run_until(11 * SECOND, is_over));
        world.kill(id);
        world.all_look(500);
        world.run(SECOND);
    }
    for name in names {
        assert_eq!(world.holders(&name).len(), 1);
    }
}

#[test]
fn two_of_one_address_group_do_not_hold_the_same_value() {
    let mut world = World::empty(9, Config::default());
    for place in 0..40 {
        let id = NodeId::new(world.rng.next_u128());
        world.groups.insert(id, place % 8);
        world.join(id);
    }
    world.run(5 * SECOND);
    let (mut doubles, mut nearest_doubles) = (0, 0);
    let double = |world: &World, ids: &[NodeId]| {
        let groups: std::collections::BTreeSet<u32> =
            ids.iter().map(|id| world.groups[id]).collect();
        ids.len() - groups.len()
    };
    for _ in 0..40 {
        let (at, bytes) = (world.pick(), blob(&mut world.rng, 100));
        let name = world.put(at, &bytes, HOUR);
        world.run(10 * SECOND);
        let holders: Vec<NodeId> = world.holders(&name).into_iter().collect();
        assert_eq!(holders.len(), COPIES);
        doubles += double(&world, &holders);
        nearest_doubles += double(&world, &world.closest(name.key(), COPIES));
    }
    println!("copies that share a group: {doubles}; of the five closest: {nearest_doubles}");
    assert!(doubles * 4 < nearest_doubles, "{doubles} of {nearest_doubles}");
}

#[test]
fn a_value_expires_unless_somebody_extends_its_life() {
    let mut world = World::ring(10, 20);
    let at = world.pick();
    let (short, long) = (blob(&mut world.rng, 100), blob(&mut world.rng, 100));
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let short_name = world.put(at, &short, minutes(10));
    let long_name = world.put(at, &long, minutes(10));
    world.run(minutes(5));
    let other = world.pick();
    world.put(other, &long, minutes(20));
    world.run(minutes(4));
    assert_eq!(world.holders(&short_name).len(), COPIES);
    world.run(minutes(2));
    assert_eq!(world.holders(&short_name).len(), 0);
    assert_eq!(world.holders(&long_name).len(), COPIES);
    world.run(minutes(15));
    assert_eq!(world.holders(&long_name).len(), 0);
}

#[test]
fn a_node_that_comes_back_takes_its_values_from_its_disk() {
    let mut world = World::ring(11, 20);
    world.has_disks = true;
    let mut names = Vec::new();
    for _ in 0..20 {
        let (at, bytes) = (world.pick(), blob(&mut world.rng, 10_000));
        names.push(world.put(at, &bytes, HOUR));
    }
    world.run(60 * SECOND);
    let gone = world.closest(names[0].key(), 1)[0];
    let disk = world.kill(gone).disk;
    world.run(2 * SECOND);
    let before = world.value_bytes;
    world.join(gone);
    world.hosts.get_mut(&gone).unwrap().disk = disk;
    let is_back = |world: &World| names.iter().all(|name| world.is_settled(name));
    assert!(world.run_until(200 * SECOND, is_back));
    assert_eq!(world.value_bytes, before);
}

#[test]
fn a_ring_whose_nodes_all_stopped_comes_back_with_what_they_had() {
    let mut world = World::ring(15, 12);
    world.has_disks = true;
    let mut names = Vec::new();
    for _ in 0..10 {
        let (at, bytes) = (world.pick(), blob(&mut world.rng, 10_000));
        names.push(world.put(at, &bytes, HOUR));
    }
    world.run(60 * SECOND);
    let before = world.value_bytes;
    let ids: Vec<_> = world.hosts.keys().copied().collect();
    let disks: Vec<_> = ids.iter().map(|id| (*id, world.kill(*id).disk)).collect();
    for (id, disk) in disks {
        world.join(id);
        for (name, value) in disk {
            world.input(id, Input::Restored { name, value, lifetime: HOUR });
        }
    }
    world.run(2 * SECOND);
    let is_back = |world: &World| names.iter().all(|name| world.is_settled(name));
    assert!(world.run_until(200 * SECOND, is_back));
    let moved = world.value_bytes - before;
    assert!(moved < 10 * 10_000, "hardly anything had to be sent: {moved}");
}

#[test]
fn what_the_disk_spoilt_or_kept_too_long_is_not_held() {
    let mut world = World::ring(16, 3);
    let (at, bytes) = (world.pick(), blob(&mut world.rng, 1000));
    world.has_disks = true;
    let name = name_of(&bytes);
    world.hosts.get_mut(&at).unwrap().disk.insert(name, bytes.clone());
    let value = Bytes::from_static(b"spoilt");
    world.input(at, Input::Restored { name, value, lifetime: HOUR });
    assert!(!world.hosts[&at].store.holds(&name) && world.hosts[&at].disk.is_empty());
    world.input(at, Input::Restored { name, value: bytes.clone(), lifetime: Duration::ZERO });
    assert!(!world.hosts[&at].store.holds(&name));
    world.input(at, Input::Restored { name, value: bytes, lifetime: HOUR });
    assert!(world.hosts[&at].store.holds(&name));
}

#[test]
fn a_full_node_is_passed_over() {
    let mut world = World::ring(12, 25);
    let bytes = blob(&mut world.rng, 1000);
    let name = name_of(&bytes);
    let third = world.closest(name.key(), 3)[2];
    world.config.held_bytes_max = 100;
    world.kill(third);
    world.run(10 * SECOND);
    world.join(third);
    world.run(10 * SECOND);
    let at = world.closest(Key::new(name.key().value() ^ (1 << 127)), 1)[0];
    world.put(at, &bytes, HOUR);
    assert!(world.run_until(20 * SECOND, |world| world.holders(&name).len() == COPIES));
    assert!(!world.holders(&name).contains(&third));
    assert!(world.holders(&name).contains(&world.closest(name.key(), 6)[5]));
    world.run(200 * SECOND);
    assert_eq!(world.holders(&name).len(), COPIES);
}

#[test]
fn a_lone_node_keeps_what_it_puts() {
    let mut world = World::ring(13, 1);
    let (at, bytes) = (world.pick(), Bytes::from_static(b"alone"));
    let name = world.put(at, &bytes, HOUR);
    assert_eq!(stored(&world, at, name), [1]);
    world.join(NodeId::new(5));
    assert!(world.run_until(10 * SECOND, |world| world.holders(&name).len() == 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn whatever_joins_and_dies_the_closest_hold_in_the_end(
        seed: u64,
        steps in proptest::collection::vec((any::<bool>(), 0u64..20), 1..12),
    ) {
        let mut world = World::ring(seed, 20);
        world.loss = 30;
        let at = world.pick();
        let bytes = blob(&mut world.rng, 500);
        let name = world.put(at, &bytes, 10 * HOUR);
        world.run(15 * SECOND);
        for (is_join, pause) in steps {
            if is_join {
                let id = NodeId::new(world.rng.next_u128());
                world.join(id);
            } else {
                // At most one death within a repair window, or the value may rightly be gone.
                let id = world.pick();
                world.kill(id);
                world.run(15 * SECOND);
            }
            world.run(Duration::from_secs(pause));
        }
        let settled = world.run_until(200 * SECOND, |world| world.is_settled(&name));
        prop_assert!(settled, "{:?}", world.holders(&name));
    }
}
