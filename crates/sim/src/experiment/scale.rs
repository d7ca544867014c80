//! `scale`: one job of many small tasks, shared among more and more equal workers; who stay, or
//! come and go.

use std::collections::BTreeMap;

use base::{Duration, Time};

use super::peers::{LAN, is_finished, owner_of, ratio, ring, together};
use super::{Bound, Experiment, Report, Request, Source, real};
use crate::ring::Sessions;
use crate::{HostConfig, HostId, Work, World};

pub(super) const SCALE: Experiment =
    Experiment { name: "scale", about: "one job, 10 and 100 (--nodes) workers: efficiency", run };

const WORKERS: [u32; 2] = [10, 100];
const TASKS: u32 = 20_000;
const COST: Duration = Duration::from_millis(500);
/// A tile of 256 × 256 pixels, compressed.
const RESULT_BYTES: u32 = 16 * 1024;
/// Workers at work are counted this often.
const LOOK: Duration = Duration::from_millis(250);
/// Longer than this part of the ideal time nobody waits.
const PATIENCE: u32 = 8;
/// What a fat tree of tabs reached with 320 workers.
const FAT_TREE: f64 = 0.39;

fn run(request: &Request) -> Report {
    let mut report = Report::default();
    let chosen = request.nodes.map(|nodes| vec![nodes]);
    for workers in chosen.unwrap_or(WORKERS.to_vec()) {
        one(request, workers, &mut report);
    }
    report
}

/// What a job must reach at so many workers, who stay or come and go.
fn line(workers: u32, stay: bool) -> f64 {
    match workers {
        _ if !stay => 0.85,
        0..=100 => 0.95,
        101..=320 => 0.90,
        _ => 0.80,
    }
}

/// Hosts that come and go: half of them without a word, half with a goodbye. Each that goes is
/// replaced by a newcomer.
struct Churn {
    sessions: Sessions,
    config: HostConfig,
    ends: BTreeMap<HostId, Time>,
    ended: u64,
}

impl Churn {
    fn new(world: &mut World, median: Duration) -> Self {
        let config = world.host(HostId(0)).config;
        let sessions = Sessions::Exponential { median };
        let mut churn = Churn { sessions, config, ends: BTreeMap::new(), ended: 0 };
        let hosts: Vec<HostId> = world.alive().map(|(host, _)| host).collect();
        hosts.into_iter().for_each(|host| churn.sentence(world, host));
        churn
    }

    fn sentence(&mut self, world: &mut World, host: HostId) {
        let session = self.sessions.draw(&mut world.rng);
        self.ends.insert(host, world.now() + Duration::from_secs_f64(session));
    }

    fn step(&mut self, world: &mut World) {
        let now = world.now();
        let due = self.ends.iter().filter(|(_, at)| **at <= now).map(|(host, _)| *host);
        for host in due.collect::<Vec<_>>() {
            self.ends.remove(&host);
            self.ended += 1;
            if world.draw(2) == 0 {
                world.kill(host);
            } else {
                world.leave(host);
            }
            let newcomer = world.start(self.config);
            self.sentence(world, newcomer);
        }
    }
}

fn one(request: &Request, workers: u32, report: &mut Report) {
    let tasks = request.tasks.unwrap_or(TASKS);
    let mut world = ring(request, request.seed, LAN, workers);
    world.forget_results();
    world.run_for(Duration::from_secs(30));
    let (_, before) = together(&world);
    let begun = world.now();
    let work = Work { salt: request.seed, cost: COST, result_bytes: RESULT_BYTES };
    let Some(job) = world.submit(HostId(0), tasks, work) else {
        return report.note("the first peer has no voucher");
    };
    let ideal = COST * tasks / workers;
    let mut churn = request.sessions.map(|median| Churn::new(&mut world, median));
    let mut busy: Vec<u32> = Vec::new();
    while !is_finished(&world, job) && world.now().since(begun) < ideal * PATIENCE {
        world.run_for(LOOK);
        churn.iter_mut().for_each(|churn| churn.step(&mut world));
        busy.push(world.computing());
        let done = owner_of(&world, job).and_then(|at| world.host(at).node()?.job(job));
        let done = done.map_or(0, |job| job.done);
        (request.progress)("computing", done.into(), tasks.into());
    }
    let (measures, sent) = together(&world);
    let took = world.now().since(begun);
    let name = |what: &str| format!("{workers} workers: {what}");
    let efficiency = ideal.as_secs_f64() / took.as_secs_f64();
    report.tell(name("efficiency"), efficiency, "");
    if workers == 320 {
        report.beside(FAT_TREE, Source::Published);
    }
    report.firm(Bound::AtLeast(line(workers, churn.is_none())));
    if let Some(churn) = churn {
        report.tell(name("sessions that ended"), real(churn.ended), "");
        let at_end = owner_of(&world, job).and_then(|at| world.host(at).node()?.job(job));
        report.tell(name("owners"), real(at_end.map_or(0, |job| job.epoch)), "");
    }
    report.tell(name("time"), took.as_secs_f64(), "s");
    report.beside(ideal.as_secs_f64(), Source::Chosen);
    report.tell(name("to 95 % of the peak"), ramp(&busy).as_secs_f64(), "s");
    report.firm(Bound::AtMost(15.0));
    report.tell(name("idle share"), measures.idle_share(), "");
    let control = ratio(sent.control - before.control, sent.results - before.results);
    report.tell(name("control bytes for a result byte"), control, "");
    report.firm(Bound::AtMost(0.03));
    let redundant = world.computed().saturating_sub(tasks.into());
    report.tell(name("tasks computed more than once"), ratio(redundant, tasks.into()), "");
    report.firm(Bound::AtMost(0.02));
    let deliveries = u64::from(tasks) * u64::from(workers);
    let twice = ratio(measures.redundant_deliveries, deliveries);
    report.tell(name("results delivered more than once"), twice, "");
    report.tell(name("finished tasks lost"), real(measures.lost), "");
    report.firm(Bound::AtMost(0.0));
    account(&world, report);
}

/// When so many were at work for the first time.
fn ramp(busy: &[u32]) -> Duration {
    let peak = busy.iter().max().copied().unwrap_or(0);
    let at = busy.iter().position(|count| count * 100 >= peak * 95).unwrap_or(0);
    LOOK * u32::try_from(at + 1).unwrap_or(u32::MAX)
}

fn account(world: &World, report: &mut Report) {
    report.events += world.steps();
    let hosts = world.hosts().count() as u64;
    report.node_seconds += world.now().as_secs_f64() * real(hosts);
}
