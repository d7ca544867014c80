//! Records: merged everywhere, across splits, at any length.

use std::collections::BTreeSet;

use base::{Key, NodeId};
use bytes::Bytes;
use store::{Config, Event, Input};
use wire::store::{COPIES, Name};

use crate::union::{ENTRY_BYTES, numbers, record};
use crate::world::{HOUR, SECOND, World};

fn merge(world: &mut World, at: NodeId, key: Key, numbers: impl IntoIterator<Item = u32>) {
    world.input(at, Input::Merge { key, delta: record(numbers), lifetime: HOUR * 5 });
}

fn key(world: &mut World) -> Key {
    Key::new(world.rng.next_u128())
}

fn held(world: &World, at: NodeId, key: Key) -> BTreeSet<u32> {
    world.hosts[&at]
        .store
        .value(&Name::Record(key))
        .map(|record| numbers(record))
        .unwrap_or_default()
}

/// Exactly the five closest hold exactly these.
fn all_hold(world: &World, key: Key, numbers: &BTreeSet<u32>) -> bool {
    let holders = world.closest(key, COPIES);
    world.is_settled(&Name::Record(key))
        && holders.iter().all(|id| held(world, *id, key) == *numbers)
}

#[test]
fn news_from_anywhere_reaches_every_holder() {
    let mut world = World::ring(20, 40);
    world.loss = 30;
    let key = key(&mut world);
    for number in 0..60 {
        let at = world.pick();
        merge(&mut world, at, key, [number]);
        world.run(SECOND / 10);
    }
    let all: BTreeSet<u32> = (0..60).collect();
    assert!(world.run_until(90 * SECOND, |world| all_hold(world, key, &all)));
    let is_stored = |event: &Event| matches!(event, Event::Stored { copies: 3.., .. });
    assert!(world.events.iter().filter(|(_, _, event)| is_stored(event)).count() >= 60);
    assert!(!world.events.iter().any(|(_, _, event)| matches!(event, Event::NotStored { .. })));
}

#[test]
fn a_delta_costs_a_delta_and_not_a_record() {
    let mut world = World::ring(21, 30);
    let (key, at) = (key(&mut world), world.pick());
    merge(&mut world, at, key, 0..20_000);
    let all: BTreeSet<u32> = (0..20_000).collect();
    assert!(world.run_until(30 * SECOND, |world| all_hold(world, key, &all)));
    world.run(60 * SECOND);
    let (before, sent) = (world.value_bytes, sent_bytes(&world));
    merge(&mut world, at, key, [30_000]);
    world.run(120 * SECOND);
    assert_eq!(world.value_bytes, before, "pieces were sent for news that arrived");
    let entry = ENTRY_BYTES as u64;
    assert!(sent_bytes(&world) - sent <= 5 * entry, "{}", sent_bytes(&world) - sent);
}

fn sent_bytes(world: &World) -> u64 {
    world.hosts.values().map(|host| host.store.counters().sent_bytes).sum()
}

#[test]
fn lost_news_is_found_by_comparing_and_costs_one_piece() {
    let mut world = World::ring(22, 30);
    let (key, at) = (key(&mut world), world.pick());
    merge(&mut world, at, key, 0..20_000);
    let mut all: BTreeSet<u32> = (0..20_000).collect();
    assert!(world.run_until(30 * SECOND, |world| all_hold(world, key, &all)));
    world.run(60 * SECOND);
    // The third holder's side of a split hears nothing for a while.
    let before = world.value_bytes;
    world.split(15);
    world.run(5 * SECOND);
    let apart = world.closest(key, COPIES);
    let near = apart[0];
    merge(&mut world, near, key, [30_000]);
    world.run(8 * SECOND);
    let during = world.value_bytes;
    world.heal();
    all.insert(30_000);
    assert!(world.run_until(90 * SECOND, |world| all_hold(world, key, &all)));
    let after = world.value_bytes;
    println!("split: {} bytes, healing: {} bytes", during - before, after - during);
    // Those who held it before lack one entry: one short piece each.
    assert!(after - during <= 20 * ENTRY_BYTES as u64, "{}", after - during);
}

#[test]
fn two_sides_of_a_split_lose_nothing() {
    for seed in 0..4 {
        let mut world = World::ring(30 + seed, 40);
        let key = key(&mut world);
        let at = world.pick();
        merge(&mut world, at, key, 0..10);
        world.run(20 * SECOND);
        world.loss = 20;
        world.split(20);
        world.run(10 * SECOND);
        let mut all: BTreeSet<u32> = (0..10).collect();
        for number in 10..50 {
            let at = world.pick();
            merge(&mut world, at, key, [number]);
            all.insert(number);
            world.run(SECOND);
        }
        world.run(20 * SECOND);
        let is_lone_side = |side: bool| {
            let on = |id: &&NodeId| world.is_on(**id) == side;
            world.holders(&Name::Record(key)).iter().filter(on).count() >= COPIES
        };
        assert!(is_lone_side(true) && is_lone_side(false), "each side has its own copies");
        world.heal();
        let settled = world.run_until(180 * SECOND, |world| all_hold(world, key, &all));
        let sets = world.closest(key, COPIES).into_iter().map(|id| held(&world, id, key).len());
        assert!(
            settled,
            "seed {seed}: {:?} {:?}",
            world.holders(&Name::Record(key)),
            sets.collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_record_of_65_536_entries_reaches_a_new_holder() {
    let mut world = World::ring(23, 20);
    let (key, at) = (key(&mut world), world.pick());
    merge(&mut world, at, key, 0..65_536);
    let all: BTreeSet<u32> = (0..65_536).collect();
    assert!(world.run_until(60 * SECOND, |world| all_hold(world, key, &all)));
    world.run(60 * SECOND);
    world.loss = 20;
    let before = world.value_bytes;
    let joiner = NodeId::new(key.value().wrapping_add(1));
    world.join(joiner);
    assert!(world.run_until(60 * SECOND, |world| all_hold(world, key, &all)));
    let bytes = 65_536 * ENTRY_BYTES as u64;
    let sent = world.value_bytes - before;
    println!("{bytes} bytes needed, {sent} sent; biggest message {}", world.biggest);
    assert!(sent * 10 < bytes * 12, "{sent} bytes for {bytes}");
    assert!(world.biggest < 64 * 1024);
    let is_root = |event: &Event| matches!(event, Event::Record { is_root: true, .. });
    let told = world.events.iter().filter(|(_, id, event)| *id == joiner && is_root(event)).last();
    let Some((_, _, Event::Record { record: told, .. })) = told else { panic!("{told:?}") };
    assert_eq!(numbers(told), all);
}

#[test]
fn the_next_closest_learns_that_it_is_the_root_now() {
    let mut world = World::ring(24, 30);
    let (key, at) = (key(&mut world), world.pick());
    merge(&mut world, at, key, 0..5);
    world.run(20 * SECOND);
    let [first, second] = world.closest(key, 2)[..] else { panic!("two") };
    world.kill(first);
    world.run(10 * SECOND);
    let last = world.events.iter().rev().find_map(|(_, id, event)| match event {
        Event::Record { key: of, is_root, record } if (*id, *of) == (second, key) => {
            Some((*is_root, numbers(record)))
        }
        _ => None,
    });
    assert_eq!(last, Some((true, (0..5).collect())));
}

#[test]
fn a_record_is_found_from_everywhere_under_loss() {
    let mut world = World::ring(25, 30);
    let (key, at) = (key(&mut world), world.pick());
    merge(&mut world, at, key, 0..3000);
    world.run(20 * SECOND);
    world.loss = 50;
    for id in world.ids() {
        world.input(id, Input::GetRecord(key));
    }
    world.run(90 * SECOND);
    let wanted = Event::FoundRecord { key, record: record(0..3000) };
    for id in world.ids() {
        assert!(world.events.iter().any(|(_, at, event)| (*at, event) == (id, &wanted)), "{id:?}");
    }
}

#[test]
fn a_lone_node_gets_its_record_back_from_its_disk() {
    let mut world = World::empty(26, Config::default());
    world.has_disks = true;
    let id = NodeId::new(9);
    world.join(id);
    world.run(SECOND);
    let key = Key::new(77);
    merge(&mut world, id, key, 0..3000);
    let disk = world.kill(id).disk;
    world.join(id);
    world.hosts.get_mut(&id).unwrap().disk = disk;
    world.run(SECOND);
    world.input(id, Input::GetRecord(key));
    world.run(SECOND);
    let found = Event::FoundRecord { key, record: record(0..3000) };
    assert!(world.events.iter().any(|(_, _, event)| *event == found));
}

#[test]
fn impossible_news_of_the_own_upper_layer_is_not_stored() {
    let mut world = World::ring(27, 10);
    let (key, at) = (key(&mut world), world.closest(Key::new(1), 1)[0]);
    world.input(at, Input::Merge { key, delta: Bytes::from_static(b"no"), lifetime: HOUR });
    world.run(120 * SECOND);
    assert!(world.holders(&Name::Record(key)).is_empty());
    let name = Name::Record(key);
    assert!(world.events.iter().any(|(_, _, event)| *event == Event::NotStored { name }));
}
