//! Deaths, births, loss, new roots: every member receives again, once.

use base::{Key, NodeId};
use bytes::Bytes;
use groups::{Event, Input};

use crate::trees::{GROUP, grown};
use crate::world::{World, millis, secs};

fn body(number: u64) -> Bytes {
    Bytes::from(number.to_le_bytes().to_vec())
}

/// A multicast of each of `origins` reaches every member that lives.
#[track_caller]
fn assert_heard(world: &mut World, members: &[usize], origins: &[usize], number: u64) {
    for origin in origins {
        world.multicast(*origin, GROUP, body(number));
    }
    world.run_for(secs(10));
    for origin in origins.iter().filter(|node| world.hosts[**node].alive) {
        assert!(world.all_got(members, GROUP, *origin, &body(number)), "of {origin}");
    }
}

#[test]
fn a_quarter_dies_and_every_member_receives_again() {
    let mut longest = base::Duration::ZERO;
    for (seed, count, size) in [(1, 200, 100), (2, 400, 50), (3, 1000, 1000)] {
        let mut world = World::new(seed, count);
        let members = world.some(size);
        grown(&mut world, &members);
        for node in world.some(count / 4) {
            world.kill(node);
        }
        // Multicasts go on while nobody has noticed.
        let origin = *members.iter().find(|node| world.hosts[**node].alive).unwrap();
        for number in 0..5 {
            world.multicast(origin, GROUP, body(number));
            world.run_for(secs(1));
        }
        world.settle();
        let took = world.grow(secs(60), GROUP);
        longest = longest.max(took);
        assert_heard(&mut world, &members, &[members[size - 2], members[size - 1]], 100);
        for number in 0..5 {
            assert!(world.all_got(&members, GROUP, origin, &body(number)), "sent meanwhile");
        }
        println!("{count} nodes, {size} members, a quarter dies: whole {took:?} after the news");
    }
    assert!(longest <= secs(60));
}

#[test]
fn deaths_that_the_overlay_never_tells_of_are_noticed_by_their_silence() {
    let mut world = World::new(4, 300);
    let members: Vec<usize> = world.living().collect();
    grown(&mut world, &members);
    let parents = |world: &World| {
        let has_children = |node: &usize| {
            world.hosts[*node].groups.place(GROUP).is_some_and(|place| !place.children.is_empty())
        };
        world.living().filter(has_children).collect::<Vec<_>>()
    };
    let victim = parents(&world).into_iter().find(|node| world.climb(*node, GROUP) == Some(2));
    let victim = victim.unwrap();
    let id = world.hosts[victim].id;
    let orphans = world.hosts[victim].groups.place(GROUP).unwrap().children.len();
    assert!(orphans > 0);
    world.kill(victim);
    world.run_for(secs(20));
    let above: Vec<usize> = world
        .living()
        .filter(|node| {
            let place = world.hosts[*node].groups.place(GROUP).unwrap();
            place.children.contains(&id) || place.depth.is_some() && place.parent == Some(id)
        })
        .collect();
    assert_eq!(above, [0; 0], "nobody has an edge to the dead any more");
}

/// The overlay may go on naming a dead node as the way: only who waits for its answer knows.
#[test]
fn the_overlay_is_told_who_does_not_answer_and_of_nobody_else() {
    let mut world = World::new(12, 300);
    let members = world.some(150);
    grown(&mut world, &members);
    let parent_of = |world: &World, node: usize| {
        let parent = world.hosts[node].groups.place(GROUP)?.parent?;
        world.living().find(|other| world.hosts[*other].id == parent)
    };
    let is_deep = |world: &World, node: &usize| world.climb(*node, GROUP) == Some(3);
    let child = members.iter().copied().find(|node| is_deep(&world, node)).unwrap();
    let victim = parent_of(&world, child).unwrap();
    let id = world.hosts[victim].id;
    let children: Vec<usize> =
        world.living().filter(|node| parent_of(&world, *node) == Some(victim)).collect();
    world.kill(victim);
    world.run_for(secs(15));
    for node in &children {
        assert!(world.hosts[*node].doubted.contains(&id), "its parent was silent");
    }
    // Whoever comes now is sent to the dead, too, and did not know it before.
    let outside: Vec<usize> =
        world.living().filter(|node| world.hosts[*node].groups.place(GROUP).is_none()).collect();
    for node in outside {
        world.join(node, GROUP);
    }
    world.run_for(secs(10));
    let told = world.living().filter(|node| world.hosts[*node].doubted.contains(&id)).count();
    assert!(told > children.len(), "a newcomer that was sent to it: {told}");
    let others = |host: &crate::world::Host| host.doubted.iter().any(|doubted| *doubted != id);
    // Those who wait for somebody who waits for the dead do not know for whom.
    assert!(!children.iter().any(|node| others(&world.hosts[*node])));
    world.settle();
    world.grow(secs(30), GROUP);
    assert_heard(&mut world, &members, &members[..2], 1);
}

#[test]
fn gaps_close_under_loss() {
    for seed in 0..5 {
        let mut world = World::new(seed, 200);
        let members = world.some(80);
        grown(&mut world, &members);
        world.loss = 0.05;
        for number in 0..200 {
            world.multicast(members[0], GROUP, body(number));
            world.multicast(members[1], GROUP, body(number));
            world.run_for(millis(100));
        }
        world.run_for(secs(30));
        for origin in [members[0], members[1]] {
            for number in 0..200 {
                assert!(world.all_got(&members, GROUP, origin, &body(number)), "{number}");
            }
        }
        let sum = |count: fn(&groups::Counters) -> u64| -> u64 {
            world.hosts.iter().map(|host| count(&host.groups.counters())).sum()
        };
        let casts = sum(|counters| counters.forwarded);
        println!(
            "5 % loss, seed {seed}: {} sent again, {} arrived twice, of {casts}",
            sum(|counters| counters.resent),
            sum(|counters| counters.duplicates),
        );
        assert!(sum(|counters| counters.resent) < casts / 8);
        assert_eq!(sum(|counters| counters.missed), 0);
    }
}

#[test]
fn the_last_multicast_of_a_burst_is_not_lost() {
    for seed in 0..20 {
        let mut world = World::new(seed, 40);
        let members = world.some(20);
        grown(&mut world, &members);
        world.loss = 0.3;
        world.multicast(members[0], GROUP, body(1));
        world.run_for(millis(400));
        world.loss = 0.05;
        world.run_for(secs(30));
        assert!(world.all_got(&members, GROUP, members[0], &body(1)), "seed {seed}");
    }
}

#[test]
fn what_nobody_has_any_more_is_missed_and_said_so() {
    let config = groups::Config { kept_bytes_max: 0, ..groups::Config::default() };
    let mut world = World::with(1, 20, config);
    let members = world.some(10);
    grown(&mut world, &members);
    world.multicast(members[0], GROUP, body(0));
    world.run_for(secs(1));
    world.loss = 1.0;
    world.multicast(members[0], GROUP, body(1));
    world.run_for(millis(500));
    world.loss = 0.0;
    world.run_for(secs(30));
    world.multicast(members[0], GROUP, body(2));
    world.run_for(secs(2));
    let origin = world.hosts[members[0]].id;
    let missed = Event::Missed { group: GROUP, origin, count: 1 };
    for node in &members[1..] {
        let host = &world.hosts[*node];
        let said = host.events.iter().filter(|event| **event == missed).count();
        assert_eq!((said, host.got.len()), (1, 2), "said once; what came before and after is here");
    }
}

#[test]
fn a_large_multicast_is_not_asked_for_while_it_may_be_under_way() {
    let mut world = World::new(7, 60);
    let members = world.some(30);
    grown(&mut world, &members);
    world.bulk_time = secs(4);
    let large = Bytes::from(vec![7; 900 * 1024]);
    let before = world.sent;
    world.multicast(members[0], GROUP, large.clone());
    world.run_for(secs(60));
    assert!(world.all_got(&members, GROUP, members[0], &large));
    let edges =
        world.living().filter(|node| world.hosts[*node].groups.place(GROUP).is_some()).count() - 1;
    assert_eq!(world.sent.casts - before.casts, edges as u64, "over each edge once");
}

#[test]
fn a_newcomer_nearer_to_the_key_becomes_the_root() {
    let mut world = World::new(8, 300);
    let members = world.some(150);
    grown(&mut world, &members);
    let mut number = 0;
    for offset in [1000, 10, 0] {
        let newcomer = world.add_at(NodeId::new(GROUP.value() + offset));
        world.settle();
        world.multicast(members[3], GROUP, body(number));
        let took = world.grow(secs(30), GROUP);
        assert!(took < secs(10), "{took:?}");
        assert!(world.hosts[newcomer].groups.place(GROUP).unwrap().is_root);
        assert!(!world.hosts[newcomer].groups.place(GROUP).unwrap().is_member);
        assert_heard(&mut world, &members, &members[..3], number + 1);
        assert!(world.all_got(&members, GROUP, members[3], &body(number)), "during the change");
        number += 2;
    }
    // And goes again, the last one first.
    for _ in 0..3 {
        let root = world.root(GROUP);
        let root = world.living().find(|node| world.hosts[*node].id == root).unwrap();
        world.input(root, Input::Shutdown);
        world.kill(root);
        world.run_for(millis(200));
        world.settle();
        world.multicast(members[3], GROUP, body(number));
        world.grow(secs(30), GROUP);
        assert_heard(&mut world, &members, &members[..3], number + 1);
        assert!(world.all_got(&members, GROUP, members[3], &body(number)), "during the change");
        number += 2;
    }
}

#[test]
fn a_goodbye_is_repaired_at_once() {
    let mut world = World::new(9, 200);
    let members: Vec<usize> = world.living().collect();
    grown(&mut world, &members);
    let leaving = world.some(20);
    for node in &leaving {
        world.input(*node, Input::Shutdown);
        assert_eq!(world.hosts[*node].groups.poll_timeout(), None);
        world.kill(*node);
    }
    world.settle();
    let took = world.grow(secs(20), GROUP);
    assert!(took <= secs(5), "{took:?}");
}

#[test]
fn ways_that_run_in_circles_close_no_loop_that_lasts() {
    for seed in 0..20 {
        let mut world = World::new(seed, 60);
        let members = world.some(40);
        let was_whole = seed % 2 == 0;
        if was_whole {
            grown(&mut world, &members);
        }
        // For a minute every way is a random one, asked for again and again.
        world.is_confused = true;
        for node in &members {
            world.join(*node, GROUP);
        }
        for _ in 0..30 {
            for node in world.some(20) {
                world.input(node, Input::WaysChanged);
            }
            world.run_for(secs(2));
        }
        let astray = world.living().filter(|node| {
            let place = world.hosts[*node].groups.place(GROUP);
            place.is_some_and(|place| place.depth.is_some()) && world.climb(*node, GROUP).is_none()
        });
        assert_eq!(astray.count(), 0, "seed {seed}: a node with a way to the root reaches it");
        world.is_confused = false;
        for node in world.living().collect::<Vec<_>>() {
            world.input(node, Input::WaysChanged);
        }
        let took = world.grow(secs(60), GROUP);
        println!("confused ways, seed {seed}: whole {took:?} after the overlay is right again");
        assert_heard(&mut world, &members, &members[..2], seed);
    }
}

#[test]
fn churn_closes_no_loop_and_leaves_no_orphan() {
    for seed in 0..6 {
        let mut world = World::new(seed, 200);
        let group = Key::new(world.rng.next_u128());
        let members = world.some(100);
        for node in &members {
            world.join(*node, group);
        }
        world.grow(secs(30), group);
        world.loss = 0.02;
        let mut members = members;
        for round in 0..30u64 {
            for node in world.some(3) {
                world.kill(node);
            }
            for _ in 0..3 {
                members.push(world.add());
            }
            // The overlay is late, by different times.
            let late = world.rng.below(4000);
            world.run_for(millis(late));
            world.settle();
            let born = members.len() - 3;
            for node in &members[born..] {
                world.join(*node, group);
            }
            for node in world.some(2) {
                world.input(node, Input::Leave { group });
                members.retain(|member| *member != node);
            }
            let origin = *members.iter().find(|node| world.hosts[**node].alive).unwrap();
            world.multicast(origin, group, body(round));
            world.run_for(secs(1));
        }
        world.loss = 0.0;
        let took = world.grow(secs(60), group);
        println!("churn, seed {seed}: whole {took:?} after the last change");
        let origin = *members.iter().find(|node| world.hosts[**node].alive).unwrap();
        world.multicast(origin, group, body(1000));
        world.run_for(secs(5));
        assert!(world.all_got(&members, group, origin, &body(1000)));
    }
}
