//! `failures`: a tenth of the nodes dies without a word (the Pastry paper's Figs 9 and 10).

use base::Duration;

use super::build::{Aim, look_up, ring};
use super::{Bound, Experiment, Report, Request, Source, real};
use crate::ring::{KINDS, Summary, Tally, World, table_quality};

pub(super) const FAILURES: Experiment =
    Experiment { name: "failures", about: "a tenth dies at once: hops, repair (Fig 10)", run };

/// Of a run that names none; Fig 10 has 5,000.
const NODES: u32 = 1_000;
/// Lookups of each phase; as many as Fig 10 at its size.
const LOOKUPS_PER_NODE: u32 = 40;
/// The paper's k: hops are counted up to the first of the k nodes closest to the key, too.
const REPLICAS: usize = 5;
const QUIET: Duration = Duration::from_secs(600);
/// After the lookups that find the holes, until the repaired ring is measured.
const REPAIR: Duration = Duration::from_secs(300);
/// Kinds of messages before this one are lookups and what carries or acknowledges messages.
const UPKEEP_KINDS: usize = 3;
/// Its place among the kinds.
const HEARTBEAT: usize = 5;

fn run(request: &Request) -> Report {
    let nodes = request.nodes.unwrap_or(NODES);
    let mut report = Report::default();
    // The same ring, in which nobody dies: what it spends is not for repair.
    let usual = course(request, nodes, 0, &mut report).spent;
    let course = course(request, nodes, nodes / 10, &mut report);
    let Course { world, before, unrepaired, after, spent, killed } = course;
    let killed = real(killed.max(1));
    // To find out who is dead is no repair.
    let to_dead: u64 = spent.to_dead.iter().skip(UPKEEP_KINDS).sum();
    // Of a kind, to the living, beyond what the same ring spends in which nobody dies.
    let more = |kind: usize, of: &[u64; KINDS.len()], usual_of: &[u64; KINDS.len()], dead: u64| {
        let share = real(usual_of[kind]) / usual.node_seconds.max(1.0) * spent.node_seconds;
        (real(of[kind] - dead) - share) / killed
    };
    let messages = |kind| more(kind, &spent.kinds, &usual.kinds, spent.to_dead[kind]);
    // A question and its answer are one remote call.
    let calls = |kind| messages(kind) - more(kind, &spent.answers, &usual.answers, 0);
    let upkeep = UPKEEP_KINDS..KINDS.len();
    let all: f64 = upkeep.clone().map(calls).sum();

    tell(&mut report, &before, &unrepaired, &after);
    // Heartbeats repair nothing: nodes that saw many die send more of them.
    report.tell("remote calls of repair for each failed node", all - calls(HEARTBEAT), "");
    report.beside(57.0, Source::Published).firm(Bound::AtMost(57.0));
    report.tell("the same, and heartbeats", all, "");
    report.tell("the same in messages", upkeep.clone().map(messages).sum(), "");
    report.tell("besides, messages to the dead one", real(to_dead) / killed, "");
    for kind in upkeep {
        let name = KINDS[kind];
        report.tell(format!("of repair, {name} calls"), calls(kind), "");
        report.tell(format!("of repair, {name} messages"), messages(kind), "");
    }
    let rate = real(usual.upkeep()) / usual.node_seconds.max(1.0);
    report.tell("upkeep of the ring without the failure", rate, "/s/node");
    for (row, quality) in table_quality(&world, 500, request.seed).iter().enumerate().take(3) {
        report.tell(format!("row {row} after repair: dead entries"), quality.dead, "entries");
        report.tell(format!("row {row} after repair: missing"), quality.missing, "entries");
    }
    report.count(world.tally());
    report
}

/// What came of the whole course of events.
struct Course {
    world: World,
    before: Measured,
    unrepaired: Measured,
    after: Measured,
    /// From the failure to the end of the repair.
    spent: Tally,
    killed: u64,
}

fn course(request: &Request, nodes: u32, dying: u32, report: &mut Report) -> Course {
    let mut world = ring(request, request.idle(), nodes, report);
    world.watch_replicas(REPLICAS);
    world.run_for(QUIET);
    let lookups = nodes * LOOKUPS_PER_NODE;
    let before = phase(request, &mut world, lookups);
    let killed = kill(&mut world, dying);
    let start = *world.tally();
    // All at once, so that the first repairs come too late for them.
    let unrepaired = burst(request, &mut world, lookups);
    phase(request, &mut world, lookups);
    world.run_for(REPAIR);
    let spent = world.tally().since(&start);
    let after = phase(request, &mut world, lookups);
    Course { world, before, unrepaired, after, spent, killed }
}

fn kill(world: &mut World, count: u32) -> u64 {
    let mut killed = 0;
    while killed < u64::from(count) {
        let Some(host) = world.random_ready() else { break };
        world.kill(host);
        killed += 1;
    }
    killed
}

fn phase(request: &Request, world: &mut World, count: u32) -> Measured {
    let rate = world.live() / 5;
    measured(request, world, count, rate)
}

fn burst(request: &Request, world: &mut World, count: u32) -> Measured {
    measured(request, world, count, count / 50)
}

/// One phase: everything, and hops up to the first replica.
struct Measured {
    sum: Summary,
    replica: f64,
}

fn measured(request: &Request, world: &mut World, count: u32, rate: u32) -> Measured {
    let (first, sum) = look_up(request, world, count, Aim::Keys, rate);
    let lookups = &world.lookups()[first..];
    let hops: Vec<u64> = lookups
        .iter()
        .filter_map(|lookup| lookup.replica.map(|(_, hops)| u64::from(hops)))
        .collect();
    let replica = real(hops.iter().sum::<u64>()) / real(hops.len().max(1) as u64);
    Measured { sum, replica }
}

fn tell(report: &mut Report, before: &Measured, unrepaired: &Measured, after: &Measured) {
    report.tell("mean hops before", before.sum.hops, "");
    report.tell("mean hops after the failure, not repaired", unrepaired.sum.hops, "");
    report.tell("mean hops after the repair", after.sum.hops, "");
    report.tell("mean hops to the first of 5 replicas before", before.replica, "");
    report.tell("the same, not repaired", unrepaired.replica, "");
    report.tell("the same, repaired", after.replica, "");
    let growth = |hops: f64| hops / before.sum.hops.max(1e-9) - 1.0;
    report.tell("growth of hops, not repaired", growth(unrepaired.sum.hops), "");
    report.beside(0.084, Source::Published).firm(Bound::AtMost(0.084));
    report.tell("growth of hops, repaired", growth(after.sum.hops), "");
    report.beside(0.004, Source::Published).firm(Bound::AtMost(0.004));
    for (name, found) in [("not repaired", unrepaired), ("repaired", after)] {
        report.tell(format!("incorrect deliveries, {name}"), real(found.sum.wrong), "");
        report.firm(Bound::AtMost(0.0));
        let lost = real(found.sum.asked - found.sum.arrived);
        report.tell(format!("lookups not delivered, {name}"), lost, "");
        report.target(Bound::AtMost(0.0));
    }
}
