//! Whole rings in a small world: they form, deliver, and survive.

#[path = "worldd/mod.rs"]
mod world;

use base::{Key, NodeId};
use overlay::{Event, GoneReason, Input};
use wire::overlay::{Contact, Target};
use world::{MILLISECOND, SECOND, World};

/// Seeds that every scenario runs with; `OVERLAY_SEEDS=50 cargo test -p overlay` runs more.
fn seeds() -> core::ops::Range<u64> {
    let count = std::env::var("OVERLAY_SEEDS").ok().and_then(|text| text.parse().ok());
    0..count.unwrap_or(4)
}


#[test]
fn debug_ready() {
    let mut world = World::new(4, 8);
    world.found();
    for _ in 1..40 {
        let ready = world.ready();
        let entrance = *world.rng.pick(&ready).unwrap();
        let joiner = world.add();
        let e0 = world.events.len(); let t0 = world.now;
        world.introduce(joiner, entrance);
        let joined = world.run_until(20 * SECOND, |world| world.is_ready(joiner));
        if !joined { println!("joiner {joiner:?} through {entrance:?} at {t0:?}"); for e in &world.events[e0..] { if !matches!(e.2, Event::Undeliverable{..}) { println!("{e:?}"); } }
          println!("links {:?} entrance links {:?}", world.peers_of(joiner), world.peers_of(entrance));
          println!("{:?}", world.hosts[&joiner].overlay);
          break; }
    }
}
#[test]
fn debug_frozen() {
    for seed in 0..30 { for (span, noticed) in [(40, false), (40, true), (400, true)] {
        let mut world = World::ring(seed, 25, 64);
        world.run(10 * SECOND);
        let id = world.ids()[9];
        world.hosts.get_mut(&id).unwrap().frozen = true;
        if noticed { world.run(5 * SECOND); world.cut_all(id); }
        world.run(span * SECOND);
        let number = world.post(id, id, Target::Root);
        let e0 = world.events.len(); let t0 = world.now;
        world.trace = Some(number as u64);
        world.thaw(id);
        world.run_until(60 * SECOND, |world| world.is_ready(id));
        println!("seed {seed} {span} {noticed} ready after {:?}", world.now.since(t0));
        world.run(15 * SECOND);
        if world.letters[number].arrived.is_empty() {
            println!("LOST seed {seed} {span} {noticed}");
            for e in &world.events[e0..] { if e.1 == id || matches!(e.2, Event::Undeliverable{..}) { println!("{e:?}"); } }
            return;
        }
    } }
}
