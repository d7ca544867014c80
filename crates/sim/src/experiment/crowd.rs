//! What happens to many nodes at once: `massfailure`, `partition`, `freeze`.

use base::Duration;

use super::build::{Aim, health, look_up, ring, send, shuffled, until};
use super::{Bound, Experiment, Report, Request, Source, real};
use crate::ring::{World, summary, wrong_leaf_sets, wrong_leaf_sets_of};

pub(super) const MASSFAILURE: Experiment = Experiment {
    name: "massfailure",
    about: "a quarter dies at once: leaf sets",
    run: massfailure,
};
pub(super) const PARTITION: Experiment = Experiment {
    name: "partition",
    about: "a network split for ten minutes, then healed",
    run: partition,
};
pub(super) const FREEZE: Experiment =
    Experiment { name: "freeze", about: "a twentieth stands still for a minute", run: freeze };

/// Of `massfailure`; its line is for 10,000.
const MANY: u32 = 2_000;
const SOME: u32 = 200;
/// Before the fault.
const SETTLE: Duration = Duration::from_secs(60);
const SPLIT: Duration = Duration::from_secs(600);
/// FreePastry's interval between looks for another ring (`pastry.md` §1.4).
const CHECK: f64 = 300.0;
const FROZEN: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(250);

fn massfailure(request: &Request) -> Report {
    let nodes = request.nodes.unwrap_or(MANY);
    let mut report = Report::default();
    let mut world = settled(request, nodes, &mut report);
    report.tell("leaf sets that were wrong before", real(wrong_leaf_sets(&world) as u64), "");
    let ring = shuffled(&mut world);
    for host in &ring[..ring.len() / 4] {
        world.kill(*host);
    }
    let exact = |world: &World| wrong_leaf_sets(world) == 0;
    let took = until(request, &mut world, "repair", (STEP, Duration::from_secs(300)), exact);
    report.tell("leaf sets exact after", seconds(took), "s");
    report.beside(60.0, Source::Published).firm(Bound::AtMost(60.0));
    report.tell("leaf sets that are wrong at the end", real(wrong_leaf_sets(&world) as u64), "");
    check(request, &mut world, &mut report, "after it: ");
    report.count(world.tally());
    report
}

fn partition(request: &Request) -> Report {
    let nodes = request.nodes.unwrap_or(SOME);
    let mut report = Report::default();
    let mut world = settled(request, nodes, &mut report);
    let all: Vec<_> = world.census().iter().collect();
    let mut halves = [Vec::new(), Vec::new()];
    for entry in all {
        let side = world.rng().below(2) as u8;
        world.set_side(entry.1, side);
        halves[usize::from(side)].push(entry);
    }
    world.part();
    let apart = |world: &World| halves.iter().all(|half| wrong_leaf_sets_of(world, half) == 0);
    let took = until(request, &mut world, "split", (STEP, SPLIT), apart);
    report.tell("each half is a ring of its own after", seconds(took), "s");
    report.target(Bound::AtMost(60.0));
    let rest = SPLIT.saturating_sub(took.unwrap_or(SPLIT));
    world.run_for(rest);
    world.heal();
    let took = until(request, &mut world, "healing", (STEP, Duration::from_secs(900)), is_one_ring);
    report.tell("one ring after", seconds(took), "s");
    report.firm(Bound::AtMost(CHECK));
    report.tell("leaf sets that are wrong at the end", real(wrong_leaf_sets(&world) as u64), "");
    check(request, &mut world, &mut report, "after it: ");
    report.count(world.tally());
    report
}

fn freeze(request: &Request) -> Report {
    let nodes = request.nodes.unwrap_or(SOME);
    let mut report = Report::default();
    let mut world = settled(request, nodes, &mut report);
    let ring = shuffled(&mut world);
    let frozen = &ring[..(ring.len() / 20).max(1)];
    for host in frozen {
        world.freeze(*host);
    }
    let first = world.lookups().len();
    // One lookup a node in ten seconds, while they stand still and when they come back.
    let rate = (nodes / 1_000).max(1);
    let during = u32::try_from(FROZEN.as_millis() / 10).unwrap_or(u32::MAX) * rate;
    send(request, &mut world, during, Aim::Keys, rate);
    for host in frozen {
        world.thaw(*host);
    }
    send(request, &mut world, during / 2, Aim::Keys, rate);
    let took = until(request, &mut world, "thaw", (STEP, Duration::from_secs(300)), is_one_ring);
    let after = seconds(took) + during as f64 / 2.0 / rate as f64 / 100.0;
    report.tell("all ready and leaf sets exact, after the thaw, within", after, "s");
    report.firm(Bound::AtMost(60.0));
    world.run_for(Duration::from_secs(30));
    let sum = summary(&world, &world.lookups()[first..]);
    health(&mut report, "while they stood still and came back: ", &sum);
    report.tell("longest delay", sum.delay_max.as_secs_f64(), "s");
    report.count(world.tally());
    report
}

/// A ring with jobs everywhere, at rest.
fn settled(request: &Request, nodes: u32, report: &mut Report) -> World {
    let mut world = ring(request, request.busy(), nodes, report);
    world.run_for(SETTLE);
    world
}

/// Whether every live node is ready and its leaf set exact.
fn is_one_ring(world: &World) -> bool {
    wrong_leaf_sets(world) == 0 && world.census().len() as u32 == world.live()
}

/// Lookups in the ring as it is now.
fn check(request: &Request, world: &mut World, report: &mut Report, name: &str) {
    let live = world.live();
    let (_, sum) = look_up(request, world, live * 10, Aim::Keys, live / 10);
    health(report, name, &sum);
}

/// Never is a very long time.
fn seconds(took: Option<Duration>) -> f64 {
    took.map_or(1e9, |took| took.as_secs_f64())
}
