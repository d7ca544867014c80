//! `owner`: the owner of a job dies without a word. When does another act?
//!
//! From the moment of the death to the first lease that the new owner grants or confirms. Once the
//! owner dies alone, once with all but one of the others that hold the job's record.

use base::{Duration, HEARTBEAT, Key, Time};
use node::{GridEvent, JobId};
use peer::Event;
use wire::store::COPIES;

use super::peers::{heartbeats, is_finished, native, owner_of, quantile, ring, until};
use super::{Bound, Chart, Experiment, Report, Request, Series, Source, real};
use crate::check::no_wrong_result;
use crate::{HostId, Network, Work, World};

pub(super) const OWNER: Experiment =
    Experiment { name: "owner", about: "an owner dies, alone or with 4 of 5 holders", run };

const NODES: u32 = 24;
/// Deaths in one world of one seed.
const DEATHS: u32 = 20;
const TASKS: u32 = 100;
const WORK: Work = Work { salt: 0, cost: Duration::from_secs(2), result_bytes: 2_000 };
/// A job is this old at least when its owner dies, and at most twice that.
const AGE: Duration = Duration::from_secs(4);
/// Nobody who has not acted by then will.
const ACTED_MAX: Duration = Duration::from_secs(60);
const FINISHED_MAX: Duration = Duration::from_secs(180);
const REPLACED: Duration = Duration::from_secs(15);

/// Median and 99 of 100, in heartbeats, alone and with the other holders.
const ALONE: (f64, f64) = (5.0, 8.0);
const TOGETHER: (f64, f64) = (12.0, 12.0);

fn run(request: &Request) -> Report {
    let mut report = Report::default();
    for (case, others, (median, most)) in
        [("the owner dies", 0, ALONE), ("4 of 5 holders die", COPIES - 2, TOGETHER)]
    {
        if request.wants(case) {
            let mut waits = Vec::new();
            let mut unfinished = 0;
            for number in 0..request.seeds {
                (request.progress)(case, number, request.seeds);
                let seed = request.seed + number;
                unfinished += one(request, seed, others, &mut waits, &mut report);
            }
            waits.sort_by(f64::total_cmp);
            report.tell(format!("{case}: deaths"), real(waits.len() as u64), "");
            report.tell(format!("{case}: median"), quantile(&waits, 500), "heartbeats");
            report.beside(median, Source::Chosen).firm(Bound::AtMost(median));
            report.tell(format!("{case}: 99 of 100"), quantile(&waits, 990), "heartbeats");
            report.beside(most, Source::Chosen).firm(Bound::AtMost(most));
            report.tell(format!("{case}: longest"), quantile(&waits, 1_000), "heartbeats");
            report.tell(format!("{case}: jobs not finished"), real(unfinished), "");
            report.firm(Bound::AtMost(0.0));
            report.charts.push(chart(case, others, &waits));
        }
    }
    report
}

/// One world; returns how many jobs were not finished, or not right.
fn one(
    request: &Request,
    seed: u64,
    others: usize,
    waits: &mut Vec<f64>,
    report: &mut Report,
) -> u64 {
    let mut world = ring(request, seed, Network::default(), NODES);
    let mut unfinished = 0;
    for death in 0..DEATHS {
        let Some((creator, job)) = submit(&mut world, death) else { continue };
        let more = Duration::from_millis(world.draw(AGE.as_millis().try_into().unwrap_or(0)));
        world.run_for(AGE + more);
        let owner = owner_of(&world, job).unwrap_or(creator);
        let mut dying = closest(&world, job, owner, others);
        dying.push(owner);
        let died = world.now();
        dying.iter().for_each(|host| world.kill(*host));
        let acted =
            until(&mut world, died + ACTED_MAX, |world| acted_at(world, job, died).is_some());
        let wait = acted_at(&world, job, died).map_or(1e9, |at| heartbeats(at.since(died)));
        waits.push(if acted { wait } else { 1e9 });
        let end = world.now() + FINISHED_MAX;
        let work = Work { salt: u64::from(death), ..WORK };
        let is_right = until(&mut world, end, |world| is_finished(world, job))
            && no_wrong_result(&world, job, &work).is_ok();
        if !is_right {
            unfinished += 1;
            report.note(format!("seed {seed}, death {death}: not finished, or not right"));
        }
        for _ in &dying {
            world.start(native());
        }
        world.run_for(REPLACED);
    }
    report.events += world.steps();
    report.node_seconds += world.now().as_secs_f64() * f64::from(NODES);
    unfinished
}

/// A job of any of the live.
fn submit(world: &mut World, death: u32) -> Option<(HostId, JobId)> {
    let ready: Vec<HostId> =
        world.alive().filter(|(_, host)| host.is_ready()).map(|(at, _)| at).collect();
    let chosen = usize::try_from(world.draw(ready.len() as u64)).unwrap_or(0);
    let creator = *ready.get(chosen)?;
    let job = world.submit(creator, TASKS, Work { salt: u64::from(death), ..WORK })?;
    Some((creator, job))
}

/// Live hosts nearest to the job's key, but the owner.
fn closest(world: &World, job: Key, owner: HostId, count: usize) -> Vec<HostId> {
    let others = world.alive().filter(|(at, _)| *at != owner);
    let mut others: Vec<_> = others.filter_map(|(at, host)| Some((host.id()?, at))).collect();
    others.sort_by(|(a, _), (b, _)| job.closer(*a, *b));
    others.into_iter().take(count).map(|(_, at)| at).collect()
}

/// When a new owner first acted after `since`.
fn acted_at(world: &World, job: JobId, since: Time) -> Option<Time> {
    let acted = world.alive().flat_map(|(_, host)| &host.events).filter_map(|(at, event)| {
        let is_it = matches!(event, Event::Node(node::Event::Grid(GridEvent::Recovered {
            job: of, ..
        })) if *of == job);
        (is_it && *at >= since).then_some(*at)
    });
    acted.min()
}

/// How many of the deaths were answered after how long.
fn chart(case: &str, others: usize, waits: &[f64]) -> Chart {
    let count = real(waits.len().max(1) as u64);
    let point = |(at, wait): (usize, &f64)| (*wait, real(at as u64 + 1) / count);
    let points = waits.iter().enumerate().map(point).filter(|(wait, _)| *wait < 1e9).collect();
    Chart {
        file: if others == 0 { "owner" } else { "owner-holders" },
        title: format!("{case}: until another acts (one heartbeat is {HEARTBEAT:?})"),
        x: "heartbeats",
        y: "part of the deaths",
        log_x: false,
        series: vec![Series { name: "measured".into(), points, published: false }],
    }
}
