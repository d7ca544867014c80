//! Near the end of a job: tasks that one worker has had for too long are given to an idle one as
//! well. Whoever answers first is taken.

use base::{NodeId, SortedMap, Time};

use super::{Board, Lease};

/// Workers that compute one task at once near the end of a job. Chosen: the second helps against a
/// slow or silent first, a third hardly ever.
const HOLDERS_MAX: usize = 2;
/// A lease is a straggler after this many times the usual time to a result (hostile.md J3).
const STRAGGLER_FACTOR: u32 = 3;

impl Board {
    /// Leases to `worker`, which waits, a task that others have had for far longer than usual.
    pub(crate) fn grant_straggler(&mut self, worker: NodeId, now: Time) -> Option<u32> {
        let task = self.straggler_for(worker, now)?;
        let member = self.members.get_mut(&worker).filter(|m| m.wanted > 0 && m.slots > 0)?;
        member.wanted -= 1;
        member.leased.insert(task, Lease::new(now));
        Some(task)
    }

    /// The task that others have had longest, far beyond the usual, and that `worker` could do.
    fn straggler_for(&self, worker: NodeId, now: Time) -> Option<u32> {
        let patience = self.usual? * STRAGGLER_FACTOR;
        let mut holders: SortedMap<u32, (Time, usize)> = SortedMap::new();
        for (task, lease) in self.members.values().flat_map(|member| &member.leased) {
            let (since, count) = holders.entry(*task).or_insert((lease.granted, 0));
            *since = lease.granted.max(*since);
            *count += 1;
        }
        let own = &self.members.get(&worker)?.leased;
        holders
            .into_iter()
            .filter(|(task, (since, count))| {
                *count < HOLDERS_MAX
                    && now.since(*since) >= patience
                    && !own.contains_key(task)
                    && !self.failed_on(*task, worker)
            })
            .min_by_key(|(task, (since, _))| (*since, *task))
            .map(|(task, _)| task)
    }
}
