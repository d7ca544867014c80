//! Small rings of bare overlay nodes: every topology, every fault, one seed one run. Seeds that once
//! found a mistake stay in `FAILED_ONCE`.

use base::{Duration, NodeId};
use overlay::{Config, Reach};
use sim::experiment::trace_of;
use sim::ring::{
    Churn, Faults, Sessions, Settings, Shape, Summary, World, summary, table_quality,
    wrong_leaf_sets, wrong_leaf_sets_of,
};
use wire::overlay::Contact;

/// Seeds that found a mistake, kept for ever.
const FAILED_ONCE: &[u64] = &[];

const SECOND: Duration = Duration::from_secs(1);

fn seeds(count: u64) -> impl Iterator<Item = u64> {
    FAILED_ONCE.iter().copied().chain(1..=count)
}

fn settings(seed: u64) -> Settings {
    Settings { seed, ..Settings::default() }
}

fn linked(seed: u64, links_max: u16) -> Settings {
    let overlay = Config { reach: Reach::Links, links_max, ..Config::default() };
    Settings { seed, overlay, link_setup: SECOND / 2, ..Settings::default() }
}

/// A ring of `count`, all ready, its leaf sets exact.
fn ring(settings: Settings, count: u32) -> World {
    let mut world = World::new(settings);
    world.found();
    for _ in 1..count {
        world.run_for(SECOND / 2);
        world.join(None);
    }
    let limit = world.now() + 120 * SECOND;
    while world.census().len() < count as usize || wrong_leaf_sets(&world) > 0 {
        assert!(world.now() < limit, "{settings:?}: {} of {count} ready", world.census().len());
        world.run_for(SECOND);
    }
    world
}

/// Each node looks `each` keys up, over ten seconds; half a minute later they have arrived.
fn exchange(world: &mut World, each: u32) -> Summary {
    let first = world.lookups().len();
    for _ in 0..each * 10 {
        for _ in 0..world.live().div_ceil(10) {
            if let Some(from) = world.random_ready() {
                let key = world.random_key();
                world.look_up(from, key);
            }
        }
        world.run_for(SECOND / each / 10);
    }
    world.run_for(30 * SECOND);
    summary(world, &world.lookups()[first..])
}

fn is_clean(sum: &Summary) -> bool {
    sum.asked > 0 && sum.arrived == sum.asked && (sum.wrong, sum.again, sum.elsewhere) == (0, 0, 0)
}

#[test]
fn a_ring_forms_on_every_topology() {
    for shape in [Shape::Plane, Shape::Sphere, Shape::TransitStub, Shape::Measured] {
        for seed in seeds(2) {
            let mut world = ring(Settings { shape, ..settings(seed) }, 40);
            let sum = exchange(&mut world, 5);
            assert!(is_clean(&sum), "{shape:?}, seed {seed}: {sum:?}");
            assert!(sum.hops < 2.0, "{shape:?}, seed {seed}: {} hops", sum.hops);
        }
    }
}

#[test]
fn a_ring_forms_over_few_links() {
    for seed in seeds(2) {
        let mut world = ring(linked(seed, 24), 40);
        let sum = exchange(&mut world, 5);
        assert!(is_clean(&sum), "seed {seed}: {sum:?}");
        assert_eq!(world.tally().over_cap, 0, "seed {seed}");
        assert!(world.tally().slots_peak <= 24, "seed {seed}");
    }
}

#[test]
fn tables_hold_what_there_is() {
    let mut world = ring(settings(5), 60);
    world.run_for(60 * SECOND);
    let rows = table_quality(&world, 60, 5);
    assert!(rows[0].missing < 0.5 && rows[0].dead == 0.0, "{:?}", rows[0]);
    let entries = rows[0].optimal + rows[0].suboptimal + rows[0].empty();
    assert!((entries - 15.0).abs() < 1e-9);
}

#[test]
fn one_seed_is_one_run() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 1..=20 {
        let trace = trace_of(seed);
        assert_eq!(trace, trace_of(seed), "seed {seed}");
        assert!(seen.insert(trace), "seed {seed} is like another one");
    }
}

#[test]
fn lost_doubled_and_late_messages_change_nothing() {
    for seed in seeds(3) {
        let mut world = ring(settings(seed), 30);
        *world.faults_mut() = Faults {
            loss: 0.05,
            duplication: 0.05,
            jitter: Duration::from_millis(100),
            ..Faults::default()
        };
        let sum = exchange(&mut world, 10);
        assert!(is_clean(&sum), "seed {seed}: {sum:?}");
    }
}

#[test]
fn a_quarter_dies_at_once() {
    for kind in seeds(2).flat_map(|seed| [settings(seed), linked(seed, 24)]) {
        let mut world = ring(kind, 40);
        let hosts: Vec<u32> = world.census().iter().map(|(_, host)| host).collect();
        hosts.iter().step_by(4).for_each(|host| world.kill(*host));
        world.run_for(90 * SECOND);
        assert_eq!(wrong_leaf_sets(&world), 0, "{kind:?}");
        assert!(is_clean(&exchange(&mut world, 5)), "{kind:?}");
    }
}

#[test]
fn goodbyes_leave_no_holes() {
    let mut world = ring(settings(3), 40);
    let hosts: Vec<u32> = world.census().iter().map(|(_, host)| host).collect();
    for host in hosts.iter().step_by(3) {
        world.leave(*host);
        world.run_for(SECOND);
    }
    world.run_for(5 * SECOND);
    assert_eq!(wrong_leaf_sets(&world), 0);
    assert!(is_clean(&exchange(&mut world, 5)));
}

#[test]
fn churn_delivers_nothing_to_the_wrong_node() {
    for seed in seeds(3) {
        let mut world = ring(settings(seed), 30);
        let sessions = Some(Sessions::Exponential { median: 600 * SECOND });
        let churn = Churn { sessions, goodbyes: 0.5, lookups: 0.5 };
        churn.begin(&mut world);
        churn.run(&mut world, 300 * SECOND);
        let sum = summary(&world, world.lookups());
        assert_eq!((sum.wrong, sum.again), (0, 0), "seed {seed}: {sum:?}");
        assert!(sum.arrived * 100 >= sum.asked * 98, "seed {seed}: {sum:?}");
    }
}

#[test]
fn whoever_stood_still_comes_back() {
    for seed in seeds(2) {
        let mut world = ring(settings(seed), 30);
        let hosts: Vec<u32> = world.census().iter().map(|(_, host)| host).step_by(10).collect();
        hosts.iter().for_each(|host| world.freeze(*host));
        world.run_for(120 * SECOND);
        assert_eq!(wrong_leaf_sets(&world), 0, "seed {seed}: the others repaired their ring");
        hosts.iter().for_each(|host| world.thaw(*host));
        world.run_for(60 * SECOND);
        assert_eq!(world.census().len(), 30, "seed {seed}");
        assert_eq!(wrong_leaf_sets(&world), 0, "seed {seed}");
        assert!(is_clean(&exchange(&mut world, 5)), "seed {seed}");
    }
}

#[test]
fn halves_of_a_split_network_are_rings_and_become_one() {
    for seed in seeds(2) {
        let mut world = ring(settings(seed), 30);
        let all: Vec<(NodeId, u32)> = world.census().iter().collect();
        let (left, right): (Vec<_>, Vec<_>) = all.iter().partition(|(_, host)| host % 2 == 0);
        left.iter().for_each(|(_, host)| world.set_side(*host, 1));
        world.part();
        world.run_for(600 * SECOND);
        assert_eq!(wrong_leaf_sets_of(&world, &left), 0, "seed {seed}");
        assert_eq!(wrong_leaf_sets_of(&world, &right), 0, "seed {seed}");
        world.heal();
        world.run_for(300 * SECOND);
        assert_eq!((world.census().len(), wrong_leaf_sets(&world)), (30, 0), "seed {seed}");
        assert!(is_clean(&exchange(&mut world, 5)), "seed {seed}");
    }
}

#[test]
fn bad_nodes_swallow_what_passes_through_them() {
    let mut world = ring(settings(7), 60);
    let hosts: Vec<u32> = world.census().iter().map(|(_, host)| host).collect();
    hosts.iter().step_by(4).for_each(|host| world.corrupt(*host, true, false));
    let sum = exchange(&mut world, 10);
    assert!(sum.arrived < sum.asked, "{sum:?}");
    assert!(sum.arrived * 10 > sum.asked * 5, "{sum:?}");
    assert_eq!(sum.wrong, 0, "{sum:?}");
}

#[test]
fn what_bad_nodes_swallow_arrives_over_many_ways() {
    let mut world = ring(settings(7), 60);
    let hosts: Vec<u32> = world.census().iter().map(|(_, host)| host).collect();
    hosts.iter().step_by(4).for_each(|host| world.corrupt(*host, true, true));
    let honest: Vec<u32> = hosts.into_iter().filter(|host| !world.is_bad(*host)).collect();
    let mut swallowed = Vec::new();
    for from in honest.iter().cycle().take(400) {
        let key = world.random_key();
        let number = world.look_up(*from, key);
        swallowed.push((*from, key, number));
    }
    world.run_for(30 * SECOND);
    swallowed.retain(|(_, key, number)| {
        let to_bad = world.census().root(*key).is_some_and(|(_, host)| world.is_bad(host));
        !to_bad && world.lookups()[*number].arrived.is_none()
    });
    assert!(swallowed.len() > 20, "one way is not enough: {}", swallowed.len());
    let first = world.lookups().len();
    for (from, key, _) in &swallowed {
        world.look_up_widely(*from, *key);
    }
    world.run_for(30 * SECOND);
    let sum = summary(&world, &world.lookups()[first..]);
    assert!(sum.arrived * 100 >= sum.asked * 95, "{sum:?}");
    assert_eq!((sum.wrong, sum.again), (0, 0), "{sum:?}");
}

#[test]
fn pairs_that_are_deaf_one_way_lose_no_message() {
    for seed in seeds(3) {
        let mut world = ring(settings(seed), 40);
        world.faults_mut().asymmetry = 0.03;
        world.run_for(60 * SECOND);
        let sum = exchange(&mut world, 10);
        assert!(sum.arrived * 1_000 >= sum.asked * 998, "seed {seed}: {sum:?}");
        assert_eq!((sum.wrong, sum.again), (0, 0), "seed {seed}: {sum:?}");
    }
}

#[test]
fn an_id_that_comes_back_is_another_start() {
    let mut world = ring(settings(9), 20);
    let (id, host) = world.census().iter().nth(4).unwrap_or_default();
    world.kill(host);
    world.run_for(SECOND);
    let again = world.start_as(Contact { id, epoch: 2 });
    let entrance = world.random_ready().unwrap_or(0);
    world.introduce_to(again, entrance);
    world.run_for(60 * SECOND);
    assert!(world.census().contains(id));
    assert_eq!((world.census().len(), wrong_leaf_sets(&world)), (20, 0));
    assert!(is_clean(&exchange(&mut world, 5)));
}
