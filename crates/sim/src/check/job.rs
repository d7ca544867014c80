//! A job's results as they should be, against what each participant was told.

use std::collections::BTreeMap;

use bytes::Bytes;
use node::{GridEvent, JobId};
use peer::Event;

use crate::{Host, HostId, Work, World, payload};

fn results(host: &Host, job: JobId) -> Vec<(u32, &Bytes)> {
    host.events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Node(node::Event::Grid(GridEvent::TaskDone {
                job: of, task, payload, ..
            })) if *of == job => Some((*task, payload)),
            _ => None,
        })
        .collect()
}

/// Nobody was ever shown a wrong result, or one task twice.
///
/// # Errors
/// The first host that was.
pub fn no_wrong_result(world: &World, job: JobId, work: &Work) -> Result<(), String> {
    for (at, host) in world.hosts() {
        let mut seen = BTreeMap::new();
        for (task, bytes) in results(host, job) {
            if *bytes != payload(work, task) {
                return Err(format!("{at:?} was shown a wrong result of task {task}"));
            }
            if seen.insert(task, ()).is_some() {
                return Err(format!("{at:?} was shown task {task} twice"));
            }
        }
    }
    Ok(())
}

/// Each of these hosts was shown every task of the job, once, and right.
///
/// # Errors
/// The first that was not.
pub fn everyone_has_everything(
    world: &World,
    hosts: &[HostId],
    job: JobId,
    tasks: u32,
    work: &Work,
) -> Result<(), String> {
    no_wrong_result(world, job, work)?;
    for at in hosts {
        let count = results(world.host(*at), job).len();
        if u32::try_from(count) != Ok(tasks) {
            return Err(format!("{at:?} was shown {count} of {tasks} tasks"));
        }
    }
    Ok(())
}
