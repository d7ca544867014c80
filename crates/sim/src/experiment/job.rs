//! `job`: hours of jobs in a ring whose nodes stay for minutes, and whose network splits once an
//! hour. Is any job forgotten that its creator was told to be safe, or any finished tile lost?
//!
//! Nodes die without a word, say goodbye, or stand still for a while; each that goes is replaced.
//! Jobs are submitted by anybody, and some time after each is finished a node that had no part in
//! it asks for it by its id: it must be shown every result, right, and once.

mod cases;
mod scenario;

use base::Duration;

use super::peers::{quantile, ring, together};
use super::{Bound, Experiment, Report, Request, real};
use crate::{Network, World};
use cases::CLOSED_WITHIN;
use scenario::Scenario;

pub(super) const JOB: Experiment =
    Experiment { name: "job", about: "hours of jobs under churn and splits: what is lost", run };

/// Of a run that names none; the pass line wants 100.
const NODES: u32 = 40;
/// The same; the pass line wants 2,000 hours, in as many runs as one likes.
const SPAN: Duration = Duration::from_secs(3_600);
const STEP: Duration = Duration::from_secs(1);

fn run(request: &Request) -> Report {
    let mut report = Report::default();
    let nodes = request.nodes.unwrap_or(NODES);
    let span = request.span.unwrap_or(SPAN);
    let mut found = Found::default();
    for number in 0..request.seeds {
        let world = ring(request, request.seed + number, Network::default(), nodes);
        let mut scenario = Scenario::new(world, nodes);
        let steps = span.as_millis() / STEP.as_millis();
        for step in 0..steps {
            let all = u64::try_from(steps).unwrap_or(u64::MAX);
            (request.progress)("jobs", u64::try_from(step).unwrap_or(0), all);
            scenario.step(&mut found, true);
        }
        scenario.world.heal();
        let end = scenario.world.now() + CLOSED_WITHIN;
        while scenario.world.now() < end && !scenario.cases.is_empty() {
            scenario.step(&mut found, false);
        }
        found.hours += span.as_secs_f64() / 3_600.0;
        report.events += scenario.world.steps();
        report.node_seconds += scenario.world.now().as_secs_f64() * f64::from(nodes);
        found.unjudged += scenario.cases.len() as u64;
        found.tell_measures(&scenario.world);
    }
    found.tell(&mut report);
    report
}

/// What was counted.
#[derive(Default)]
struct Found {
    hours: f64,
    ends: u64,
    splits: u64,
    submitted: u64,
    accepted: u64,
    owners: u64,
    stuck: u64,
    unaccepted: u64,
    refused_once: u64,
    forgotten: u64,
    unjudged: u64,
    lost_tiles: u64,
    excused: u64,
    died: u64,
    wrong: u64,
    twice: u64,
    recomputed: u64,
    /// Seconds until one ring, after each split.
    mended: Vec<f64>,
    took: Vec<f64>,
    opened: Vec<f64>,
    shown: Vec<f64>,
    notes: Vec<String>,
}

impl Found {
    fn tell_measures(&mut self, world: &World) {
        self.recomputed += together(world).0.lost;
    }

    fn tell(mut self, report: &mut Report) {
        self.mended.sort_by(f64::total_cmp);
        self.took.sort_by(f64::total_cmp);
        self.opened.sort_by(f64::total_cmp);
        self.shown.sort_by(f64::total_cmp);
        report.tell("hours", self.hours, "");
        report.tell("ends of sessions", real(self.ends), "");
        report.tell("splits of the network", real(self.splits), "");
        if !self.mended.is_empty() {
            let mended = |part| quantile(&self.mended, part);
            report.tell("one ring again after a split: median", mended(500), "s");
            report.tell("one ring again after a split: longest", mended(1_000), "s");
        }
        report.tell("jobs submitted", real(self.submitted), "");
        report.tell("jobs accepted", real(self.accepted), "");
        report.tell("jobs whose creator went before they were accepted", real(self.unaccepted), "");
        report.tell("changes of owners", real(self.owners), "");
        report.tell("from submission to the end: median", quantile(&self.took, 500), "s");
        report.tell("from submission to the end: 99 of 100", quantile(&self.took, 990), "s");
        report.tell("asked for by id: found, median", quantile(&self.opened, 500), "s");
        report.tell("asked for by id: found, 99 of 100", quantile(&self.opened, 990), "s");
        report.tell("asked for by id: everything shown, median", quantile(&self.shown, 500), "s");
        report.tell("asked for by id: 99 of 100", quantile(&self.shown, 990), "s");
        report.tell("asked for by id: not at the first attempt", real(self.refused_once), "");
        report.tell("accepted jobs that never ended", real(self.stuck), "");
        report.firm(Bound::AtMost(0.0));
        report.tell("accepted jobs forgotten", real(self.forgotten), "");
        report.firm(Bound::AtMost(0.0));
        report.tell("jobs of which nothing is known at the end", real(self.unjudged), "");
        report.firm(Bound::AtMost(0.0));
        report.tell("finished tiles lost", real(self.lost_tiles), "");
        report.firm(Bound::AtMost(0.0));
        report.tell("lost with all who held them within one repair", real(self.excused), "");
        report.tell("finished tiles that for a while nobody had", real(self.died), "");
        report.tell("wrong tiles shown", real(self.wrong), "");
        report.firm(Bound::AtMost(0.0));
        report.tell("tiles shown or counted twice", real(self.twice), "");
        report.firm(Bound::AtMost(0.0));
        report.tell("tiles computed again by the living", real(self.recomputed), "");
        report.notes.append(&mut self.notes);
    }
}
