//! Whole rings in a small world: they form, deliver, and survive.

mod world;

use base::{Key, NodeId};
use overlay::{Event, GoneReason, Input};
use wire::overlay::{Contact, Target};
use world::{MILLISECOND, SECOND, World};

const SEEDS: u64 = 12;

#[test]
fn rings_form_one_by_one() {
    for count in [1, 2, 3, 9, 17, 18, 40] {
        for seed in 0..3 {
            let mut world = World::ring(seed, count, 64);
            world.run(10 * SECOND);
            assert_eq!(world.wrong_leaf_sets(), [], "{count} nodes, seed {seed}");
            world.exchange(5, true);
        }
    }
}

#[test]
fn rings_form_in_a_burst() {
    for count in [2, 3, 17, 40] {
        for seed in 0..SEEDS {
            let mut world = World::new(seed, 64);
            let founder = world.found();
            for _ in 1..count {
                let joiner = world.add();
                world.introduce(joiner, founder);
                world.run(MILLISECOND * 25);
            }
            let all = world.run_until(60 * SECOND, |world| world.ready().len() == count);
            assert!(all, "{count} nodes, seed {seed}: {} are ready", world.ready().len());
            world.run(15 * SECOND);
            assert_eq!(world.wrong_leaf_sets(), [], "{count} nodes, seed {seed}");
            world.exchange(3, true);
        }
    }
}

#[test]
fn eight_links_each_suffice() {
    for seed in 0..SEEDS {
        let mut world = World::ring(seed, 40, 8);
        world.run(20 * SECOND);
        assert_eq!(world.wrong_leaf_sets(), [], "seed {seed}");
        world.exchange(10, true);
        assert_eq!(world.total(|stats| stats.dropped), 0, "seed {seed}");
    }
}

#[test]
fn debug_view() {
    let mut world = World::ring(0, 40, 8);
    for _ in 0..6 {
        world.run(10 * SECOND);
        println!("{:?} wrong {} ready {} events {}", world.now, world.wrong_leaf_sets().len(), world.ready().len(), world.events.len());
    }
    let mut kinds = std::collections::BTreeMap::<String, u64>::new();
    for (_, _, event) in &world.events { let t = format!("{event:?}"); *kinds.entry(t.split(|c| c == ' ' || c == '{').next().unwrap().into()).or_default() += 1; }
    println!("{kinds:?}");
    for (t, who, event) in world.events.iter().filter(|e| !matches!(e.2, Event::NeighboursChanged|Event::Ready)).take(40) { println!("{t:?} {who:?} {event:?}"); }
    println!("{:?} dropped {} held {} fw {}", world.kinds, world.total(|s| s.dropped), world.total(|s| s.held), world.total(|s| s.forwarded));
    for (id, host) in &world.hosts {
        let (l, r) = host.overlay.leaf_set();
        let n = |s: &[Contact]| s.iter().map(|c| c.id).collect::<Vec<_>>();
        println!("{id:?} ready {} left {:?} right {:?} links {:?} slots {}", host.overlay.is_ready(), n(l), n(r), host.overlay.links().map(|c| c.id).collect::<Vec<_>>(), host.overlay.slots_used());
    }
}
