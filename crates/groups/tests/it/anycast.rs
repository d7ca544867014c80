//! Anycasts find members that accept, if there are any, and end.

use base::Duration;
use groups::{Event, Input};
use wire::groups::WalkId;

use crate::trees::{GROUP, grown};
use crate::world::{World, millis, secs};

fn acceptors(world: &World, node: usize, walk: WalkId) -> Vec<usize> {
    let by = |event: &Event| match event {
        Event::Accepted { walk: other, by } if *other == walk => Some(*by),
        _ => None,
    };
    let ids: Vec<_> = world.hosts[node].events.iter().filter_map(by).collect();
    ids.iter().map(|id| world.living().find(|node| world.hosts[*node].id == *id).unwrap()).collect()
}

/// How many accepted, and who.
fn anycast(world: &mut World, node: usize, wanted: u16, span: Duration) -> (u16, Vec<usize>) {
    let walk = world.anycast(node, GROUP, wanted);
    world.run_until(span, |world| world.ended(node, walk).is_some());
    (world.ended(node, walk).unwrap(), acceptors(world, node, walk))
}

#[test]
fn an_anycast_finds_the_one_member_that_accepts() {
    for seed in 0..10 {
        let mut world = World::new(seed, 300);
        let members = world.some(60);
        grown(&mut world, &members);
        let free = members[7];
        world.hosts[free].accepts = true;
        for sender in world.some(20) {
            let expected = if sender == free { vec![] } else { vec![free] };
            let (count, by) = anycast(&mut world, sender, 1, secs(60));
            assert_eq!((usize::from(count), by), (expected.len(), expected));
        }
        assert!(world.hosts.iter().all(|host| host.offers <= 20), "each asks a member once");
    }
}

#[test]
fn an_anycast_ends_empty_where_nobody_accepts_and_everyone_was_asked_once() {
    let mut world = World::new(1, 400);
    let members = world.some(100);
    let sender = members[0];
    grown(&mut world, &members);
    assert_eq!(anycast(&mut world, sender, 3, secs(100)), (0, vec![]));
    for node in &members {
        assert_eq!(world.hosts[*node].offers, u32::from(*node != sender));
    }
}

#[test]
fn an_anycast_to_a_group_without_members_ends() {
    let mut world = World::new(2, 100);
    assert_eq!(anycast(&mut world, 3, 1, secs(5)), (0, vec![]));
    world.run_for(secs(60));
    assert!(world.hosts.iter().all(|host| host.groups.poll_timeout().is_none()));
}

#[test]
fn an_anycast_finds_several_and_as_many_as_there_are() {
    let mut world = World::new(3, 500);
    let members = world.some(120);
    grown(&mut world, &members);
    for node in members.iter().take(20) {
        world.hosts[*node].accepts = true;
    }
    let sender = world.living().find(|node| !members.contains(node)).unwrap();
    let (count, by) = anycast(&mut world, sender, 8, secs(100));
    assert_eq!((count, by.len()), (8, 8));
    assert!(by.iter().all(|node| members[..20].contains(node)));
    let (count, mut by) = anycast(&mut world, sender, 50, secs(100));
    by.sort_unstable();
    let mut free = members[..20].to_vec();
    free.sort_unstable();
    assert_eq!((count, by), (20, free));
}

#[test]
fn a_thousand_that_refuse_are_walked_to_the_one_that_accepts() {
    let mut world = World::new(4, 1000);
    let members: Vec<usize> = world.living().collect();
    grown(&mut world, &members);
    world.hosts[617].accepts = true;
    for sender in [0, 333, 999] {
        assert_eq!(anycast(&mut world, sender, 1, secs(300)), (1, vec![617]));
    }
}

#[test]
fn walks_survive_loss() {
    let mut found = 0;
    for seed in 0..20 {
        let mut world = World::new(seed, 300);
        let members = world.some(60);
        grown(&mut world, &members);
        world.loss = 0.05;
        for node in &members[..5] {
            world.hosts[*node].accepts = true;
        }
        let sender = members[10];
        let (count, by) = anycast(&mut world, sender, 3, secs(120));
        assert!(
            usize::from(count) == by.len() && by.iter().all(|node| members[..5].contains(node))
        );
        found += usize::from(count >= 3);
    }
    assert_eq!(found, 20);
}

#[test]
fn a_walk_goes_on_when_those_that_carry_it_die() {
    for seed in 0..20 {
        let mut world = World::new(seed, 300);
        let members = world.some(80);
        grown(&mut world, &members);
        let (sender, free) = (members[0], members[1]);
        world.hosts[free].accepts = true;
        let walk = world.anycast(sender, GROUP, 1);
        world.run_for(millis(300));
        // Every fourth dies, and the overlay notices later.
        for node in world.some(300) {
            if node % 4 == 0 && ![sender, free].contains(&node) {
                world.kill(node);
            }
        }
        world.run_for(secs(5));
        world.settle();
        world.run_until(secs(300), |world| world.ended(sender, walk).is_some());
        assert_eq!(acceptors(&world, sender, walk), [free], "seed {seed}");
    }
}

#[test]
fn a_member_that_never_answers_holds_nobody_up() {
    let mut world = World::new(5, 50);
    let members = world.some(10);
    grown(&mut world, &members);
    world.hosts[members[9]].accepts = true;
    world.silent = members[1..9].iter().copied().collect();
    let (count, by) = anycast(&mut world, members[0], 1, secs(60));
    assert_eq!((count, by), (1, vec![members[9]]));
}

#[test]
fn a_walk_that_cannot_start_is_refused() {
    let mut world = World::new(6, 10);
    let origin = world.hosts[0].id;
    let walk = WalkId { origin, number: 1 };
    let long = vec![0; wire::groups::OFFER_BYTES_MAX + 1];
    world.input(0, Input::Anycast { walk, group: GROUP, wanted: 1, body: long.into() });
    let stranger = WalkId { origin: world.hosts[1].id, number: 1 };
    let body = bytes::Bytes::new();
    world.input(0, Input::Anycast { walk: stranger, group: GROUP, wanted: 1, body });
    let refused = |event: &&Event| matches!(event, Event::Refused { .. });
    assert_eq!(world.hosts[0].events.iter().filter(refused).count(), 2);
    assert_eq!(world.hosts[0].groups.poll_timeout(), None);
}
