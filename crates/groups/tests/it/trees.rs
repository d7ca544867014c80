//! Trees of all sizes, in a network without faults.

use base::{Duration, Key};
use bytes::Bytes;
use proptest::prelude::*;

use crate::world::{World, secs};

pub(crate) const GROUP: Key = Key::new(0x5a5a << 112);

fn body(number: u64) -> Bytes {
    Bytes::from(number.to_le_bytes().to_vec())
}

/// A tree of `members`, grown.
pub(crate) fn grown(world: &mut World, members: &[usize]) -> Duration {
    for node in members {
        world.join(*node, GROUP);
    }
    world.grow(secs(30), GROUP)
}

#[test]
fn every_member_gets_each_multicast_over_each_edge_once() {
    for (seed, count, size) in [(1, 1, 1), (2, 2, 2), (3, 20, 7), (4, 200, 60), (5, 1000, 300)] {
        let mut world = World::new(seed, count);
        let members = world.some(size);
        grown(&mut world, &members);
        let in_tree = |node: &usize| world.hosts[*node].groups.place(GROUP).is_some();
        let edges = world.living().filter(in_tree).count() - 1;
        for (number, origin) in members.clone().into_iter().take(20).enumerate() {
            let before = world.sent.casts;
            world.multicast(origin, GROUP, body(number as u64));
            world.run_for(secs(3));
            assert!(world.all_got(&members, GROUP, origin, &body(number as u64)));
            assert_eq!(world.sent.casts - before, edges as u64, "each edge once");
        }
        let got: usize = world.hosts.iter().map(|host| host.got.len()).sum();
        assert_eq!(got, members.len().min(20) * (members.len() - 1), "members only");
    }
}

#[test]
fn a_multicast_from_outside_enters_the_tree_where_its_way_meets_it() {
    let mut world = World::new(6, 300);
    let members = world.some(40);
    grown(&mut world, &members);
    let outside: Vec<usize> =
        world.living().filter(|node| world.hosts[*node].groups.place(GROUP).is_none()).collect();
    for (number, origin) in outside.into_iter().take(30).enumerate() {
        world.multicast(origin, GROUP, body(number as u64));
        world.run_for(secs(3));
        assert!(world.all_got(&members, GROUP, origin, &body(number as u64)));
        assert_eq!(world.hosts[origin].groups.place(GROUP), None);
    }
}

#[test]
fn a_thousand_members_have_no_more_children_than_they_may() {
    let mut world = World::new(7, 1000);
    let members: Vec<usize> = world.living().collect();
    grown(&mut world, &members);
    let most =
        members.iter().map(|node| world.hosts[*node].groups.place(GROUP).unwrap().children.len());
    assert_eq!(most.max(), Some(16), "the bound is reached, and kept");
    let deepest = members.iter().map(|node| world.climb(*node, GROUP).unwrap()).max().unwrap();
    assert!(deepest <= 10, "pushed down, not strung out: {deepest}");
}

#[test]
fn an_idle_tree_costs_three_short_messages_an_edge_in_two_heartbeats() {
    let mut world = World::new(11, 300);
    let members: Vec<usize> = world.living().collect();
    grown(&mut world, &members);
    world.run_for(secs(20));
    let before = world.sent;
    world.run_for(secs(400));
    let sent = (world.sent.control - before.control) as f64 / 299.0 / 400.0;
    let bytes = (world.sent.bytes - before.bytes) as f64 / 299.0 / 400.0;
    println!("idle, 300 members: {sent:.3} messages, {bytes:.1} bytes an edge and second");
    assert!((0.72..=0.76).contains(&sent), "{sent}");
    assert!(bytes < 60.0, "{bytes}");
}

#[test]
fn a_group_that_everyone_left_is_forgotten_by_everyone() {
    let mut world = World::new(8, 300);
    let members = world.some(100);
    grown(&mut world, &members);
    world.multicast(members[0], GROUP, body(1));
    world.run_for(secs(2));
    let (leaving, staying) = members.split_at(60);
    for node in leaving {
        world.input(*node, groups::Input::Leave { group: GROUP });
    }
    world.grow(secs(30), GROUP);
    world.multicast(staying[0], GROUP, body(2));
    world.run_for(secs(2));
    assert!(world.all_got(staying, GROUP, staying[0], &body(2)));
    assert!(leaving.iter().all(|node| !world.has_got(*node, GROUP, staying[0], &body(2))));
    for node in staying {
        world.input(*node, groups::Input::Leave { group: GROUP });
    }
    world.run_for(secs(30));
    for host in &world.hosts {
        assert_eq!(host.groups.groups().count(), 0, "{:?}", host.groups.place(GROUP));
        assert_eq!((host.groups.kept_bytes(), host.groups.poll_timeout()), (0, None));
        assert!(host.preferred.is_empty());
    }
}

#[test]
fn a_newcomer_hears_nothing_from_before_its_time() {
    let mut world = World::new(9, 100);
    let members = world.some(30);
    let (early, late) = members.split_at(20);
    grown(&mut world, early);
    for number in 0..10 {
        world.multicast(early[0], GROUP, body(number));
    }
    world.run_for(secs(3));
    for node in late {
        world.join(*node, GROUP);
    }
    world.grow(secs(30), GROUP);
    world.run_for(secs(10));
    assert!(late.iter().all(|node| world.hosts[*node].got.is_empty()));
    world.multicast(early[0], GROUP, body(10));
    world.run_for(secs(3));
    assert!(world.all_got(&members, GROUP, early[0], &body(10)));
    assert!(late.iter().all(|node| world.hosts[*node].got.len() == 1));
}

#[test]
fn one_seed_gives_one_run() {
    let run = || {
        let mut world = World::new(10, 60);
        world.loss = 0.05;
        let members = world.some(30);
        grown(&mut world, &members);
        world.multicast(members[0], GROUP, body(1));
        world.run_for(secs(20));
        world.trace
    };
    assert_eq!(run(), run());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_members_of_any_network_form_a_tree(seed: u64, count in 1usize..120, key: u128) {
        let mut world = World::new(seed, count);
        let group = Key::new(key);
        let members = world.some(count.div_ceil(3));
        for node in &members {
            world.join(*node, group);
        }
        world.grow(secs(30), group);
        world.multicast(members[0], group, body(seed));
        world.run_for(secs(3));
        prop_assert!(world.all_got(&members, group, members[0], &body(seed)));
    }
}
