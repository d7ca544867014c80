//! `churn`: nodes come and go while everybody looks keys up (MSPastry, Bamboo).

use base::Duration;

use super::build::grow;
use super::reference::SESSIONS;
use super::{Bound, Chart, Experiment, Report, Request, Series, real};
use crate::ring::{Churn, Faults, Sessions, Settings, Summary, Tally, World, summary};
use Bound::{AtLeast, AtMost};

pub(super) const CHURN: Experiment =
    Experiment { name: "churn", about: "sessions from hours to minutes, no loss", run };
pub(super) const LOSS: Experiment = Experiment {
    name: "loss",
    about: "lost, doubled and late messages under churn",
    run: run_loss,
};

/// Of a run that names none; the pass lines want 1,000 to 2,000.
const NODES: u32 = 300;
/// Lookups of a node in a second (`pastry.md` §2.5).
const LOOKUPS: f64 = 0.01;
/// Before anything is counted.
const WARM_UP: Duration = Duration::from_secs(300);
const SPAN: Duration = Duration::from_secs(600);
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
    let mut world = World::new(Settings { faults: Faults::default(), ..settings });
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

/// Tells what was measured.
pub(super) fn tell(report: &mut Report, name: &str, found: &Measured) {
    let sum = &found.sum;
    let asked = real(sum.asked.max(1));
    report.tell(format!("{name}: lookups"), real(sum.asked), "");
    report.tell(format!("{name}: incorrect deliveries"), real(sum.wrong) / asked, "of lookups");
    report.tell(
        format!("{name}: repeated deliveries at one node"),
        real(sum.again) / asked,
        "of lookups",
    );
    let elsewhere = real(sum.elsewhere) / asked;
    report.tell(format!("{name}: deliveries at a second node"), elsewhere, "of lookups");
    report.tell(format!("{name}: delivered"), real(sum.arrived) / asked, "of lookups");
    report.tell(format!("{name}: lost"), real(sum.asked - sum.arrived) / asked, "of lookups");
    let lost = real(found.lost_by_living) / asked;
    report.tell(format!("{name}: lost though the source lived on"), lost, "of lookups");
    report.tell(format!("{name}: mean hops"), sum.hops, "");
    report.tell(format!("{name}: delay over direct delay"), sum.stretch, "");
    report.tell(format!("{name}: median delay over direct delay"), sum.stretch_median, "");
    report.tell(format!("{name}: longest delay"), sum.delay_max.as_secs_f64(), "s");
    let nodes = found.tally.node_seconds.max(1.0);
    let control = real(found.tally.control()) / nodes;
    report.tell(format!("{name}: control messages"), control, "/s/node");
    let bytes = found.tally.bytes();
    let all = real(bytes.iter().sum()) / nodes;
    report.tell(format!("{name}: all messages"), all, "B/s/node");
    for ((kind, count), bytes) in crate::ring::KINDS.iter().zip(found.tally.kinds).zip(bytes) {
        report.tell(format!("{name}: {kind} messages"), real(count) / nodes, "/s/node");
        report.tell(format!("{name}: {kind} bytes"), real(bytes) / nodes, "B/s/node");
    }
    report.tell(format!("{name}: nodes that are ready at the end"), found.ready, "of live");
    report.count(&found.tally);
}

/// One ring to measure, and the lines it must keep to.
struct Case {
    name: String,
    sessions: Option<Sessions>,
    faults: Faults,
    /// Jobs are under way everywhere.
    busy: bool,
    /// Figure, bound, whether it is firm.
    lines: Vec<(&'static str, Bound, bool)>,
}

impl Case {
    fn new(name: impl Into<String>, sessions: Option<Sessions>, faults: Faults) -> Self {
        Case { name: name.into(), sessions, faults, busy: false, lines: Vec::new() }
    }

    fn line(mut self, figure: &'static str, bound: Bound, firm: bool) -> Self {
        self.lines.push((figure, bound, firm));
        self
    }

    fn measure(&self, request: &Request, nodes: u32, report: &mut Report) -> Measured {
        let churn = Churn { sessions: self.sessions, goodbyes: 0.0, lookups: LOOKUPS };
        let settings = if self.busy { request.busy() } else { request.idle() };
        let settings = Settings { faults: self.faults, ..settings };
        let found = measure(request, settings, churn, nodes);
        tell(report, &self.name, &found);
        for (figure, bound, firm) in &self.lines {
            let name = format!("{}: {figure}", self.name);
            report.bound_of(&name, *bound, *firm);
        }
        found
    }
}

fn minutes(minutes: f64) -> Duration {
    Duration::from_secs_f64(minutes * 60.0)
}

fn poisson(median: f64) -> Option<Sessions> {
    Some(Sessions::Exponential { median: minutes(median) })
}

fn run(request: &Request) -> Report {
    let nodes = request.nodes.unwrap_or(NODES);
    let mut report = Report::default();
    let still = Faults::default();
    let mut cases = Vec::new();
    for median in [60.0, 30.0, 15.0, 5.0] {
        let weibull = Some(Sessions::Weibull { median: minutes(median), shape: 0.5 });
        cases.push(Case::new(format!("Poisson {median} min"), poisson(median), still));
        cases.push(Case::new(format!("Weibull {median} min"), weibull, still));
    }
    let gnutella = Case::new("Gnutella", Some(Sessions::gnutella()), still);
    let gnutella = gnutella.line("delay over direct delay", AtMost(2.0), true);
    cases.push(gnutella.line("control messages", AtMost(0.5), true));
    let at_work = Case::new("Gnutella, jobs everywhere", Some(Sessions::gnutella()), still);
    let at_work = Case { busy: true, ..at_work };
    cases.push(at_work.line("control messages", AtMost(1.0), true));
    for case in cases.into_iter().filter(|case| request.wants(&case.name)) {
        let case = case.line("incorrect deliveries", AtMost(0.0), true);
        case.measure(request, nodes, &mut report);
    }
    let mut delivered = Vec::new();
    for median in SESSIONS {
        let case = Case::new(format!("Bamboo {median} min"), poisson(median), still);
        if !request.wants(&case.name) {
            continue;
        }
        let case = match median {
            47.0 => case.line("delivered", AtLeast(0.999), true),
            1.4 => case.line("delivered", AtLeast(0.95), false),
            _ => case,
        };
        let found =
            case.line("all messages", AtMost(900.0), true).measure(request, nodes, &mut report);
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

fn run_loss(request: &Request) -> Report {
    let nodes = request.nodes.unwrap_or(NODES);
    let mut report = Report::default();
    let lossy = |loss| Faults { loss, ..Faults::default() };
    let rough = Faults { duplication: 0.05, jitter: Duration::from_millis(200), ..lossy(0.05) };
    let cases = [
        Case::new("5 % lost, doubled, late; no churn", None, rough)
            .line("incorrect deliveries", AtMost(0.0), true)
            .line("repeated deliveries at one node", AtMost(0.0), true)
            .line("delivered", AtLeast(0.9999), true),
        Case::new("15 min, 1 % lost", poisson(15.0), lossy(0.01))
            .line("delivered", AtLeast(0.9999), true)
            .line("incorrect deliveries", AtMost(1e-4), true),
        Case::new(
            "5 min, 5 % lost, 1 % asymmetric",
            poisson(5.0),
            Faults { asymmetry: 0.01, ..lossy(0.05) },
        )
        .line("delivered", AtLeast(0.999), true),
        Case::new("Gnutella, 5 % lost", Some(Sessions::gnutella()), lossy(0.05))
            .line("incorrect deliveries", AtMost(1.6e-5), false)
            .line("lost", AtMost(3.3e-5), false),
    ];
    for case in cases.into_iter().filter(|case| request.wants(&case.name)) {
        case.measure(request, nodes, &mut report);
    }
    report
}
