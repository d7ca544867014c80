//! What the experiments on jobs share: rings of whole peers, and what they did together.

use base::{Duration, HEARTBEAT, Time};
use node::{Amount, JobId, JobState, JobSummary, Measures};

use super::{Request, real};
use crate::check::leaf_sets_are_right;
use crate::{HostConfig, HostId, Network, World};

/// Newcomers start this far apart.
const APART: Duration = Duration::from_millis(200);
/// Until a ring that nobody joins any more has settled.
const SETTLED_MAX: Duration = Duration::from_secs(300);
/// Checking is dearer than a step.
const LOOK: Duration = Duration::from_millis(250);

/// Bytes of results in the memory of all hosts together. Each of a thousand peers has a machine to
/// itself; here they have one.
const ROOM: usize = 2 * 1024 * 1024 * 1024;

/// A local network: half a millisecond to two, a gigabit.
pub(super) const LAN: Network = Network {
    latency_min: Duration::from_micros(500),
    latency_max: Duration::from_millis(2),
    bytes_per_second: 125_000_000,
    link_setup: Duration::from_millis(100),
    death_notice: Duration::from_secs(8),
};

/// Native peers with one worker each, which joined one after the other.
pub(super) fn ring(request: &Request, seed: u64, network: Network, count: u32) -> World {
    let mut world = World::new(seed, network);
    for number in 0..count {
        (request.progress)("joining", number.into(), count.into());
        world.start(one_of(count));
        world.run_for(APART);
    }
    let end = world.now() + SETTLED_MAX;
    until(&mut world, end, |world| leaf_sets_are_right(world).is_ok());
    world
}

pub(super) fn native() -> HostConfig {
    HostConfig { links_max: 256, ..HostConfig::default() }
}

/// The same, one of so many whose results are all in the memory of this machine.
fn one_of(count: u32) -> HostConfig {
    let share = ROOM / count.max(1) as usize;
    HostConfig { result_bytes_max: share.min(peer::RESULT_BYTES_MAX), ..native() }
}

/// Advances until `done` holds, which is looked at four times a second; whether it held.
pub(super) fn until(world: &mut World, end: Time, done: impl Fn(&World) -> bool) -> bool {
    while world.now() < end {
        if done(world) {
            return true;
        }
        world.run_for(LOOK);
    }
    done(world)
}

/// A job as a live host sees it.
pub(super) fn job_at(world: &World, host: HostId, job: JobId) -> Option<JobSummary> {
    world.host(host).node().and_then(|node| node.job(job))
}

/// The live host that owns the job by its own account, in the highest epoch.
pub(super) fn owner_of(world: &World, job: JobId) -> Option<HostId> {
    let owner = |(at, host): (HostId, &crate::Host)| {
        let summary = host.node()?.job(job)?;
        (host.id() == Some(summary.owner)).then_some((summary.epoch, at))
    };
    world.alive().filter_map(owner).max().map(|(_, at)| at)
}

/// Whoever owns the job, or looked on, has all of it.
pub(super) fn is_finished(world: &World, job: JobId) -> bool {
    let summary = owner_of(world, job).and_then(|owner| job_at(world, owner, job));
    summary.is_some_and(|job| job.state == JobState::Finished && job.done == job.tasks)
}

/// What all nodes did together.
pub(super) fn together(world: &World) -> (Measures, Amount) {
    let (mut measures, mut sent) = (Measures::default(), Amount::default());
    for (_, host) in world.hosts() {
        let Some(node) = host.node() else { continue };
        measures.add(&node.measures());
        let traffic = node.traffic().sent;
        sent.control += traffic.control;
        sent.results += traffic.results;
    }
    (measures, sent)
}

/// In heartbeats of a ring with jobs.
pub(super) fn heartbeats(span: Duration) -> f64 {
    span.as_secs_f64() / HEARTBEAT.as_secs_f64()
}

/// The value below which `part` in 1,000 of the sorted values lie.
pub(super) fn quantile(sorted: &[f64], part: usize) -> f64 {
    let at = (sorted.len() * part).div_ceil(1_000).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(1e9)
}

/// `a` for each `b`; 0 for nothing.
pub(super) fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { real(a) / real(b) }
}
