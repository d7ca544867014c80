//! `job`: hours of jobs in a ring whose nodes stay for minutes, and whose network splits once an
//! hour. Is any job forgotten that its creator was told to be safe, or any finished tile lost?
//!
//! Nodes die without a word, say goodbye, or stand still for a while; each that goes is replaced.
//! Jobs are submitted by anybody, and some time after each is finished a node that had no part in
//! it asks for it by its id: it must be shown every result, right, and once.

use std::collections::BTreeMap;

use base::{Duration, Time};
use node::JobId;

use super::peers::{quantile, ring, together};
use super::{Bound, Experiment, Report, Request, real};
use crate::check::Ledger;
use crate::ring::Sessions;
use crate::{HostConfig, HostId, Network, Work, World};

pub(super) const JOB: Experiment =
    Experiment { name: "job", about: "hours of jobs under churn and splits: what is lost", run };

/// Of a run that names none; the pass line wants 100.
const NODES: u32 = 40;
/// The same; the pass line wants 2,000 hours, in as many runs as one likes.
const SPAN: Duration = Duration::from_secs(3_600);
const SESSIONS: Sessions = Sessions::Exponential { median: Duration::from_secs(300) };
const STEP: Duration = Duration::from_secs(1);

/// In 100 ends of sessions: without a word, with a goodbye; the others stand still and come back.
const KILLS: u64 = 50;
const GOODBYES: u64 = 40;
const FROZEN_MAX: u64 = 90;

/// Between two submissions, at most twice that.
const PAUSE: u64 = 40;
const TASKS: u32 = 60;
const WORK: Work = Work { salt: 0, cost: Duration::from_secs(12), result_bytes: 600 };
/// A job that takes longer is stuck. Splits do not count.
const FINISHED_MAX: Duration = Duration::from_secs(1_200);
/// A finished job is asked for within so long.
const ASKED_MAX: u64 = 900;
/// Whoever asks has everything after this long.
const SHOWN_MAX: Duration = Duration::from_secs(180);
/// Nodes that ask, one after the other, before the job counts as forgotten.
const ASKERS: u32 = 3;

/// One split an hour, for so long.
const HOUR: Duration = Duration::from_secs(3_600);
const SPLIT: Duration = Duration::from_secs(300);
/// After a split nobody asks for this long: the rings find each other.
const MENDING: Duration = Duration::from_secs(300);

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
        let end = scenario.world.now() + FINISHED_MAX + SHOWN_MAX * (ASKERS + 1);
        while scenario.world.now() < end && !scenario.cases.is_empty() {
            scenario.step(&mut found, false);
        }
        found.hours += span.as_secs_f64() / 3_600.0;
        report.events += scenario.world.steps();
        report.node_seconds += scenario.world.now().as_secs_f64() * f64::from(nodes);
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
    lost_tiles: u64,
    wrong: u64,
    twice: u64,
    recomputed: u64,
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
        self.took.sort_by(f64::total_cmp);
        self.opened.sort_by(f64::total_cmp);
        self.shown.sort_by(f64::total_cmp);
        report.tell("hours", self.hours, "");
        report.tell("ends of sessions", real(self.ends), "");
        report.tell("splits of the network", real(self.splits), "");
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
        report.tell("finished tiles lost", real(self.lost_tiles), "");
        report.firm(Bound::AtMost(0.0));
        report.tell("wrong tiles shown", real(self.wrong), "");
        report.firm(Bound::AtMost(0.0));
        report.tell("tiles shown or counted twice", real(self.twice), "");
        report.firm(Bound::AtMost(0.0));
        report.tell("tiles computed again by the living", real(self.recomputed), "");
        report.notes.append(&mut self.notes);
    }
}

/// A job that is looked after.
struct Case {
    creator: HostId,
    /// Without the time of splits.
    age: Duration,
    ask_at: Option<Time>,
    asker: Option<(HostId, Time)>,
    askers: u32,
}

struct Scenario {
    world: World,
    config: HostConfig,
    ledger: Ledger,
    /// Who goes when.
    ends: BTreeMap<HostId, Time>,
    thaws: BTreeMap<HostId, Time>,
    cases: BTreeMap<JobId, Case>,
    jobs: u64,
    submit_at: Time,
    split_at: Time,
    whole_since: Time,
}

impl Scenario {
    fn new(world: World, nodes: u32) -> Self {
        let now = world.now();
        let mut scenario = Scenario {
            config: world.host(HostId(0)).config,
            world,
            ledger: Ledger::default(),
            ends: BTreeMap::new(),
            thaws: BTreeMap::new(),
            cases: BTreeMap::new(),
            jobs: 0,
            submit_at: now,
            split_at: now + HOUR / 2,
            whole_since: now,
        };
        (0..nodes).map(HostId).for_each(|host| scenario.sentence(host));
        scenario
    }

    fn sentence(&mut self, host: HostId) {
        let session = SESSIONS.draw(&mut self.world.rng);
        self.ends.insert(host, self.world.now() + Duration::from_secs_f64(session));
    }

    fn step(&mut self, found: &mut Found, goes_on: bool) {
        self.world.run_for(STEP);
        self.thaw();
        self.end_sessions(found);
        if goes_on {
            self.split(found);
            self.submit(found);
        }
        self.listen();
        self.look(found);
    }

    fn thaw(&mut self) {
        let now = self.world.now();
        let due: Vec<HostId> =
            self.thaws.iter().filter(|(_, at)| **at <= now).map(|(host, _)| *host).collect();
        for host in due {
            self.thaws.remove(&host);
            self.world.thaw(host);
            self.sentence(host);
        }
    }

    fn end_sessions(&mut self, found: &mut Found) {
        let now = self.world.now();
        let due: Vec<HostId> =
            self.ends.iter().filter(|(_, at)| **at <= now).map(|(host, _)| *host).collect();
        for host in due {
            self.ends.remove(&host);
            found.ends += 1;
            match self.world.draw(100) {
                0..KILLS => {
                    self.world.kill(host);
                    self.replace();
                }
                at if at < KILLS + GOODBYES => {
                    self.world.leave(host);
                    self.replace();
                }
                _ => {
                    self.world.freeze(host);
                    let span = Duration::from_secs(1 + self.world.draw(FROZEN_MAX));
                    self.thaws.insert(host, now + span);
                }
            }
        }
    }

    fn replace(&mut self) {
        let host = self.world.start(self.config);
        self.sentence(host);
    }

    fn split(&mut self, found: &mut Found) {
        let now = self.world.now();
        if now < self.split_at {
            return;
        }
        if self.world.is_parted() {
            self.world.heal();
            self.whole_since = now;
            self.split_at = now + HOUR - SPLIT;
            return;
        }
        let hosts: Vec<HostId> = self.world.alive().map(|(host, _)| host).collect();
        let far: Vec<HostId> = hosts.into_iter().filter(|_| self.world.draw(2) == 0).collect();
        self.world.part(&far);
        self.split_at = now + SPLIT;
        found.splits += 1;
        self.cases.values_mut().for_each(|case| case.asker = None);
    }

    fn submit(&mut self, found: &mut Found) {
        if self.world.now() < self.submit_at {
            return;
        }
        self.submit_at = self.world.now() + Duration::from_secs(1 + self.world.draw(PAUSE * 2));
        let Some(creator) = self.somebody(|_| true) else { return };
        let work = Work { salt: self.jobs, ..WORK };
        self.jobs += 1;
        let Some(job) = self.world.submit(creator, TASKS, work) else { return };
        found.submitted += 1;
        self.ledger.submitted(self.world.now(), job, TASKS, work);
        let age = Duration::ZERO;
        let case = Case { creator, age, ask_at: None, asker: None, askers: 0 };
        self.cases.insert(job, case);
    }

    /// A ready host that moves, by chance.
    fn somebody(&mut self, is_meant: impl Fn(&crate::Host) -> bool) -> Option<HostId> {
        let is_it = |host: &crate::Host| host.is_ready() && !host.frozen && is_meant(host);
        let all: Vec<HostId> =
            self.world.alive().filter(|(_, host)| is_it(host)).map(|(at, _)| at).collect();
        let at = self.world.draw(all.len() as u64);
        all.get(usize::try_from(at).ok()?).copied()
    }

    /// Takes note of what everybody was told; the dead are forgotten.
    fn listen(&mut self) {
        let hosts: Vec<HostId> = self.world.hosts().map(|(host, _)| host).collect();
        for host in hosts {
            for (at, event) in self.world.take_events(host) {
                self.ledger.note(host, at, &event);
            }
            let dead = self.world.host(host);
            if !dead.is_alive() && dead.node().is_some() {
                self.world.bury(host);
                self.ledger.gone(host);
            }
        }
    }

    fn look(&mut self, found: &mut Found) {
        for job in self.cases.keys().copied().collect::<Vec<_>>() {
            let Some(mut case) = self.cases.remove(&job) else { continue };
            if !self.is_over(job, &mut case, found) {
                self.cases.insert(job, case);
            }
        }
    }

    /// Looks after one job; true when nothing more is to be seen of it.
    fn is_over(&mut self, job: JobId, case: &mut Case, found: &mut Found) -> bool {
        let Some(entry) = self.ledger.job(job) else { return true };
        let now = self.world.now();
        let (is_accepted, finished) = (entry.accepted.is_some(), entry.finished);
        let creator_lives = self.world.host(case.creator).is_alive();
        if !is_accepted && finished.is_none() && !creator_lives && case.age > SHOWN_MAX {
            found.unaccepted += 1;
            self.ledger.close(job);
            return true;
        }
        case.age += if self.world.is_parted() { Duration::ZERO } else { STEP };
        let is_late = case.age >= FINISHED_MAX;
        if finished.is_none() && !is_late {
            return false;
        }
        let ask_at = *case.ask_at.get_or_insert_with(|| {
            let wait = if is_late { 0 } else { self.world.draw(ASKED_MAX) };
            now + Duration::from_secs(wait)
        });
        let is_whole = !self.world.is_parted() && now.since(self.whole_since) >= MENDING;
        if now < ask_at || !is_whole {
            return false;
        }
        self.ask(job, case, found)
    }

    /// Somebody who has no part in the job asks for it; true once all is shown, or nobody can.
    fn ask(&mut self, job: JobId, case: &mut Case, found: &mut Found) -> bool {
        let now = self.world.now();
        let able = |host: &crate::Host| host.is_ready() && !host.frozen;
        let Some((asker, since)) = case.asker.filter(|(host, _)| able(self.world.host(*host)))
        else {
            let has_no_part =
                |host: &crate::Host| host.node().is_some_and(|node| node.job(job).is_none());
            if let Some(asker) = self.somebody(has_no_part) {
                self.world.drive(asker, peer::Input::Watch(job));
                case.asker = Some((asker, now));
            }
            return false;
        };
        let Some(entry) = self.ledger.job(job) else { return true };
        let shown = entry.shown(asker);
        if shown == entry.tasks {
            found.shown.push(now.since(since).as_secs_f64());
            let opened = entry.opened(asker).unwrap_or(now);
            found.opened.push(opened.since(since).as_secs_f64());
            self.end(job, case, found, 0);
            return true;
        }
        let is_refused = entry.is_refused(asker);
        if !is_refused && now.since(since) < SHOWN_MAX {
            return false;
        }
        case.asker = None;
        case.askers += 1;
        found.refused_once += u64::from(case.askers == 1);
        let lacks = entry.tasks - shown;
        found.notes.push(format!(
            "{:?}: {job:?} asked for by {asker:?}: {} (finished {:?}, accepted {:?})",
            now,
            if is_refused { "nobody knows it".into() } else { format!("{lacks} lacking") },
            entry.finished,
            entry.accepted,
        ));
        if case.askers < ASKERS {
            return false;
        }
        self.end(job, case, found, if is_refused { u32::MAX } else { lacks });
        true
    }

    /// The verdict: so many tiles could not be had; all of them when nobody knows the job.
    fn end(&mut self, job: JobId, case: &Case, found: &mut Found, lacks: u32) {
        let Some(entry) = self.ledger.close(job) else { return };
        found.accepted += u64::from(entry.accepted.is_some());
        found.owners += entry.epochs.len() as u64;
        found.wrong += entry.wrong;
        found.twice += entry.twice;
        if let Some(at) = entry.finished {
            found.took.push(at.since(entry.submitted).as_secs_f64());
        }
        let is_stuck = entry.finished.is_none() && case.age >= FINISHED_MAX;
        let is_counted = entry.accepted.is_some();
        found.stuck += u64::from(is_stuck && is_counted);
        match lacks {
            0 => {}
            u32::MAX => found.forgotten += u64::from(is_counted),
            _ if entry.finished.is_some() => found.lost_tiles += u64::from(lacks),
            _ => {}
        }
    }
}
