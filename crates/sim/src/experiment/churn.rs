//! `churn`: nodes come and go while everybody looks keys up (MSPastry, Bamboo).

use base::Duration;

use super::build::grow;
use super::reference::SESSIONS;
use super::{Bound, Chart, Experiment, Report, Request, Series, Source, real};
use crate::ring::{Churn, Sessions, Settings, Summary, Tally, World, summary};

pub(super) const CHURN: Experiment =
    Experiment { name: "churn", about: "sessions from hours to minutes, no loss", run };

const NODES: u32 = 1_000;
/// Lookups of a node in a second (`pastry.md` §2.5).
const LOOKUPS: f64 = 0.01;
/// Before anything is counted.
const WARM_UP: Duration = Duration::from_secs(600);
const SPAN: Duration = Duration::from_secs(1_800);
/// A lookup that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was measured in one ring under churn.
pub(super) struct Measured {
    pub(super) sum: Summary,
    pub(super) tally: Tally,
    /// Lookups that were not delivered although their source lived on.
    pub(super) lost_by_living: u64,
    pub(super) ready: f64,
}

/// One ring under churn.
pub(super) fn measure(request: &Request, settings: Settings, churn: Churn, nodes: u32) -> Measured {
    let mut report = Report::default();
    let faults = settings.faults;
    let mut world = World::new(Settings { faults: crate::ring::Faults::default(), ..settings });
    world.found();
    grow(request, &mut world, nodes, &mut report);
    *world.faults_mut() = faults;
    churn.begin(&mut world);
    let span = request.span.unwrap_or(SPAN);
    run_with_bar(request, &mut world, churn, WARM_UP.min(span), "warm-up");
    world.forget_lookups();
    let before = *world.tally();
    run_with_bar(request, &mut world, churn, span, "churn");
    let tally = world.tally().since(&before);
    let asked = world.lookups().len();
    run_with_bar(request, &mut world, churn, PATIENCE, "last lookups");
    let lookups = &world.lookups()[..asked];
    let lost = lookups.iter().filter(|lookup| lookup.arrived.is_none());
    let lost_by_living = lost.filter(|lookup| world.overlay(lookup.from).is_some()).count() as u64;
    let ready = real(world.census().len() as u64) / f64::from(world.live().max(1));
    Measured { sum: summary(&world, lookups), tally, lost_by_living, ready }
}

fn run_with_bar(request: &Request, world: &mut World, churn: Churn, span: Duration, what: &str) {
    let steps = 100;
    for step in 0..steps {
        (request.progress)(what, step, steps);
        churn.run(world, span / 100);
    }
}

/// Tells what was measured; `firm` and `target` are lines for delivery and wrong deliveries.
pub(super) fn tell(report: &mut Report, name: &str, found: &Measured) {
    let sum = &found.sum;
    let asked = real(sum.asked.max(1));
    report.tell(format!("{name}: lookups"), real(sum.asked), "");
    report.tell(format!("{name}: incorrect deliveries"), real(sum.wrong) / asked, "of lookups");
    report.tell(format!("{name}: lost"), real(sum.asked - sum.arrived) / asked, "of lookups");
    let lost = real(found.lost_by_living) / asked;
    report.tell(format!("{name}: lost though the source lived on"), lost, "of lookups");
    report.tell(format!("{name}: mean hops"), sum.hops, "");
    report.tell(format!("{name}: delay over direct delay"), sum.stretch, "");
    report.tell(format!("{name}: longest delay"), sum.delay_max.as_secs_f64(), "s");
    let nodes = found.tally.node_seconds.max(1.0);
    let control = real(found.tally.control()) / nodes;
    report.tell(format!("{name}: control messages"), control, "/s/node");
    let bytes = real(found.tally.bytes()) / nodes;
    report.tell(format!("{name}: all messages"), bytes, "B/s/node");
    for (kind, count) in crate::ring::KINDS.iter().zip(found.tally.kinds) {
        report.tell(format!("{name}: {kind} messages"), real(count) / nodes, "/s/node");
    }
    report.tell(format!("{name}: nodes that are ready at the end"), found.ready, "of live");
    report.count(&found.tally);
}

fn bound(report: &mut Report, name: &str, bound: Bound, firm: bool) {
    if let Some(at) = report.figures.iter().position(|figure| figure.name == name) {
        let figure = report.figures.remove(at);
        report.figures.push(figure);
        if firm {
            report.firm(bound);
        } else {
            report.target(bound);
        }
    }
}

fn run(request: &Request) -> Report {
    let nodes = request.nodes.unwrap_or(NODES);
    let mut report = Report::default();
    let minutes = |minutes: f64| Duration::from_secs_f64(minutes * 60.0);
    let mut cases: Vec<(String, Sessions, f64)> = Vec::new();
    for median in [60.0, 30.0, 15.0, 5.0] {
        let sessions = Sessions::Exponential { median: minutes(median) };
        cases.push((format!("Poisson {median} min"), sessions, LOOKUPS));
        let sessions = Sessions::Weibull { median: minutes(median), shape: 0.5 };
        cases.push((format!("Weibull {median} min"), sessions, LOOKUPS));
    }
    cases.push(("Gnutella".into(), Sessions::gnutella(), LOOKUPS));
    let mut delivered = Vec::new();
    for (name, sessions, lookups) in cases {
        let churn = Churn { sessions: Some(sessions), goodbyes: 0.0, lookups };
        let found = measure(request, request.quiet(), churn, nodes);
        tell(&mut report, &name, &found);
        bound(&mut report, &format!("{name}: incorrect deliveries"), Bound::AtMost(0.0), true);
        bound(&mut report, &format!("{name}: delay over direct delay"), Bound::AtMost(2.0), true);
        if name == "Gnutella" {
            let name = format!("{name}: control messages");
            bound(&mut report, &name, Bound::AtMost(0.5), true);
            report.beside(0.25, Source::Recalled);
        }
    }
    for median in SESSIONS {
        let sessions = Sessions::Exponential { median: minutes(median) };
        let churn = Churn { sessions: Some(sessions), goodbyes: 0.0, lookups: LOOKUPS };
        let found = measure(request, request.quiet(), churn, nodes);
        let name = format!("Bamboo {median} min");
        tell(&mut report, &name, &found);
        delivered.push((median, real(found.sum.arrived) / real(found.sum.asked.max(1))));
    }
    report.charts.push(Chart {
        file: "churn",
        title: format!("Lookups delivered by median session, {nodes} nodes"),
        x: "minutes",
        y: "part of the lookups",
        log_x: true,
        series: vec![Series { name: "measured".into(), points: delivered, published: false }],
    });
    report
}
