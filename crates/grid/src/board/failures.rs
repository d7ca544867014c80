//! Tasks that fail: given to other workers, once more to all when there are none, and then given
//! up.

use base::{Duration, NodeId, SortedSet, Time};

use super::Board;

/// What became of a task that cannot be done everywhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Failures {
    /// Where it failed. It is not given to these again, but for one retry.
    pub(super) on: SortedSet<NodeId>,
    /// Since when everybody who is there is among them.
    stuck_since: Option<Time>,
    /// It had its retry.
    is_retried: bool,
}

impl Board {
    /// The task failed on `worker`. Returns on how many workers it failed so far; `None` if it was
    /// not the worker's to fail.
    pub(crate) fn fail(&mut self, worker: NodeId, task: u32) -> Option<u32> {
        if !self.release(worker, task) {
            return None;
        }
        let failed = self.failures.entry(task).or_default();
        failed.on.insert(worker);
        Some(u32::try_from(failed.on.len()).unwrap_or(u32::MAX))
    }

    /// Whether the task had its retry, and failed again on everybody who is there.
    pub(crate) fn is_hopeless(&self, task: u32) -> bool {
        let failed = self.failures.get(&task);
        failed.is_some_and(|failed| failed.is_retried && self.is_stuck(task, failed))
    }

    /// Opens tasks that failed on everybody who is there, and for `patience` nobody else came,
    /// once more to all. True if one of them had that before.
    pub(crate) fn retry_stuck(&mut self, now: Time, patience: Duration) -> bool {
        let is_stuck =
            |(task, failed): (&u32, &Failures)| self.is_stuck(*task, failed).then_some(*task);
        let stuck: SortedSet<u32> = self.failures.iter().filter_map(is_stuck).collect();
        let mut is_hopeless = false;
        for (task, failed) in &mut self.failures {
            if !stuck.contains(task) {
                failed.stuck_since = None;
                continue;
            }
            let since = *failed.stuck_since.get_or_insert(now);
            if now.since(since) >= patience {
                is_hopeless |= failed.is_retried;
                *failed = Failures { is_retried: true, ..Failures::default() };
            }
        }
        is_hopeless
    }

    /// Whoever pauses is no hindrance, and no help.
    fn is_stuck(&self, task: u32, failed: &Failures) -> bool {
        let mut able = self.members.iter().filter(|(_, member)| member.slots > 0).peekable();
        self.open.contains(&task)
            && able.peek().is_some()
            && able.all(|(worker, _)| failed.on.contains(worker))
    }

    pub(super) fn failed_on(&self, task: u32, worker: NodeId) -> bool {
        self.failures.get(&task).is_some_and(|failed| failed.on.contains(&worker))
    }
}
