//! An hour of joins, goodbyes and deaths over many values: none is lost that could be kept.

use std::collections::{BTreeMap, BTreeSet};

use base::{Duration, Key, NodeId, Time};
use store::{Event, Input};
use wire::store::{COPIES, Name};

use crate::union::{numbers, record};
use crate::world::{HOUR, SECOND, World, blob};

const NODES: usize = 60;
/// A death is found within six seconds; the survivors look a second to six later, and repeat what
/// is lost; a transfer takes another few.
const REPAIR_WINDOW: Duration = Duration::from_secs(30);

/// Which values have how many live holders, and when each last had all of them.
struct Checker {
    full_at: BTreeMap<Name, Time>,
    excused: Vec<Name>,
}

impl Checker {
    /// Excuses a loss only where all holders, five or more a repair window ago, died within it.
    fn look(&mut self, world: &World) {
        let mut copies: BTreeMap<Name, usize> = BTreeMap::new();
        for name in self.full_at.keys() {
            copies.insert(*name, world.holders(name).len());
        }
        for (name, count) in copies {
            if count >= COPIES {
                self.full_at.insert(name, world.now);
            } else if count == 0 {
                let full_at = self.full_at.remove(&name).unwrap();
                let since = world.now.since(full_at);
                assert!(since <= REPAIR_WINDOW, "{name:?} lost, last complete {since:?} ago");
                self.excused.push(name);
            }
        }
    }
}

/// Nodes leave the ring after `median` on average; every fifth says goodbye. As many join.
fn churn(world: &mut World, checker: &mut Checker, span: Duration, mean: Duration) {
    let end = world.now + span;
    let between = mean / u32::try_from(NODES).unwrap();
    while world.now < end {
        let pause = u64::try_from(between.as_micros()).unwrap() * 2;
        let pause = Duration::from_micros(world.rng.below(pause));
        world.run(pause);
        let victim = world.pick();
        if world.rng.below(5) == 0 {
            world.input(victim, Input::Leave);
            let gone = |event: &Event| matches!(event, Event::HandedOver { .. });
            let from = world.events.len();
            world.run_until(11 * SECOND, |world| {
                let events = world.events[from..].iter();
                events.filter(|(_, _, event)| gone(event)).any(|(_, id, _)| *id == victim)
            });
        }
        world.kill(victim);
        checker.look(world);
        let joiner = NodeId::new(world.rng.next_u128());
        world.join(joiner);
    }
}

#[test]
fn an_hour_of_churn_loses_nothing_that_a_holder_survived() {
    for seed in 0..2 {
        let mut world = World::ring(500 + seed, NODES);
        let mut names = BTreeSet::new();
        let mut put_bytes = 0;
        for _ in 0..100 {
            let (at, bytes) = (world.pick(), blob(&mut world.rng, 2_000));
            put_bytes += bytes.len() as u64;
            names.insert(world.put(at, &bytes, HOUR * 10));
        }
        let records: Vec<Key> = (0..10).map(|_| Key::new(world.rng.next_u128())).collect();
        for key in &records {
            let at = world.pick();
            let delta = record(0..20);
            world.input(at, Input::Merge { key: *key, delta, lifetime: HOUR * 10 });
            names.insert(Name::Record(*key));
        }
        let all_settled = |world: &World| names.iter().all(|name| world.is_settled(name));
        world.run(30 * SECOND);
        assert!(all_settled(&world));
        world.loss = 10;
        let before = (world.value_bytes, world.messages);
        let full_at = names.iter().map(|name| (*name, world.now)).collect();
        let mut checker = Checker { full_at, excused: Vec::new() };
        churn(&mut world, &mut checker, HOUR, Duration::from_secs(15 * 60));
        let (bytes, messages) = (world.value_bytes - before.0, world.messages - before.1);
        let moved: u64 = world.hosts.values().map(|host| host.store.counters().fetched_bytes).sum();
        let twice: u64 =
            world.hosts.values().map(|host| host.store.counters().redundant_bytes).sum();
        println!(
            "seed {seed}: {} values of {put_bytes} bytes, {bytes} bytes of values in {messages} \
             messages; at the living {moved} bytes wanted, {twice} redundant; excused {:?}",
            names.len(),
            checker.excused
        );
        assert!(twice * 20 <= moved, "{twice} redundant of {moved}");
        assert!(checker.excused.len() <= 2, "{:?}", checker.excused);
        world.loss = 0;
        let kept: Vec<Name> = checker.full_at.keys().copied().collect();
        let settles = |world: &World| kept.iter().all(|name| world.is_settled(name));
        world.run(200 * SECOND);
        assert!(world.run_until(200 * SECOND, settles), "seed {seed}");
        for key in records.iter().filter(|key| kept.contains(&Name::Record(**key))) {
            for holder in world.closest(*key, COPIES) {
                let record = world.hosts[&holder].store.value(&Name::Record(*key)).unwrap();
                assert_eq!(numbers(record), (0..20).collect());
            }
        }
    }
}

#[test]
fn one_seed_gives_one_history() {
    let history = || {
        let mut world = World::ring(600, 20);
        world.loss = 50;
        for _ in 0..20 {
            let (at, bytes) = (world.pick(), blob(&mut world.rng, 500));
            world.put(at, &bytes, HOUR);
        }
        let mut checker = Checker { full_at: BTreeMap::new(), excused: Vec::new() };
        churn(&mut world, &mut checker, HOUR / 12, Duration::from_secs(300));
        (world.messages, world.value_bytes, world.ids(), world.events)
    };
    assert_eq!(history(), history());
}
