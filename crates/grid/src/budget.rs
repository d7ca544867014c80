//! The payloads at this node, within a budget of bytes.
//!
//! Beyond the budget every node gives up first what others are likelier to keep: results are
//! ranked by a hash of job, task and node (rendezvous hashing, Thaler & Ravishankar 1998), so nodes
//! that each have room for a part of a job keep different parts of it.

use alloc::collections::BTreeMap;

use base::{Key, NodeId};
use bytes::Bytes;
use wire::grid::JobId;

use crate::Grid;

/// The payloads at this node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results {
    kept: BTreeMap<(JobId, u32), Bytes>,
    /// The same by rank within their job: the last is the first to go.
    ranked: BTreeMap<(JobId, Key), u32>,
    bytes: u64,
}

/// How little a result is this node's to keep.
fn rank(me: NodeId, job: JobId, task: u32) -> Key {
    Key::hash_of(&[&job.to_bytes(), &task.to_be_bytes(), &me.to_bytes()])
}

impl Results {
    pub(crate) fn get(&self, job: JobId, task: u32) -> Option<&Bytes> {
        self.kept.get(&(job, task))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn keep(&mut self, me: NodeId, job: JobId, task: u32, payload: Bytes) {
        self.bytes += payload.len() as u64;
        self.ranked.insert((job, rank(me, job, task)), task);
        if let Some(old) = self.kept.insert((job, task), payload) {
            self.bytes -= old.len() as u64;
        }
    }

    /// Drops the result of a job that is least this node's to keep. False if it has none.
    fn drop_last(&mut self, job: JobId) -> bool {
        let (first, last) = ((job, Key::ZERO), (job, Key::new(u128::MAX)));
        let last = self.ranked.range(first..=last).next_back().map(|(place, task)| (*place, *task));
        let Some((place, task)) = last else { return false };
        self.ranked.remove(&place);
        if let Some(payload) = self.kept.remove(&(job, task)) {
            self.bytes -= payload.len() as u64;
        }
        true
    }

    /// The result was none.
    pub(crate) fn drop_task(&mut self, me: NodeId, job: JobId, task: u32) {
        if let Some(payload) = self.kept.remove(&(job, task)) {
            self.ranked.remove(&(job, rank(me, job, task)));
            self.bytes -= payload.len() as u64;
        }
    }

    pub(crate) fn forget(&mut self, job: JobId) {
        while self.drop_last(job) {}
    }
}

impl Grid {
    /// Drops results beyond the budget: first of jobs that ended, then of others that run, each
    /// time others' jobs before own ones and the oldest first.
    pub(crate) fn make_room(&mut self) {
        let bytes_max = u64::try_from(self.config.result_bytes_max).unwrap_or(u64::MAX);
        if self.results.bytes() <= bytes_max {
            return;
        }
        let place = |job: &crate::Job| (job.is_open(), job.is_mine, job.age, job.id);
        for (.., job) in base::in_order(self.jobs.values().map(place)) {
            while self.results.bytes() > bytes_max && self.results.drop_last(job) {
                self.counters.evicted += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use std::collections::BTreeSet;

    #[test]
    fn a_job_loses_its_last_ranked_result_first() {
        let (me, job, other) = (NodeId::new(9), JobId::new(1), JobId::new(2));
        let mut results = Results::default();
        for task in 0..3 {
            results.keep(me, job, task, Bytes::from(vec![0; 10]));
            results.keep(me, other, task, Bytes::from(vec![0; 10]));
        }
        results.keep(me, job, 0, Bytes::from(vec![0; 5]));
        assert_eq!(results.bytes(), 55);
        let worst = (0..3).max_by_key(|task| rank(me, job, *task)).unwrap();
        assert!(results.drop_last(job));
        assert!(results.get(job, worst).is_none());
        results.forget(job);
        assert_eq!(results.bytes(), 30);
        assert!(!results.drop_last(job));
    }

    #[test]
    fn nodes_with_little_room_keep_different_results() {
        let (job, tasks) = (JobId::new(1), 400);
        let mut kept = BTreeSet::new();
        for node in 0..12 {
            let mut results = Results::default();
            for task in 0..tasks {
                results.keep(NodeId::new(node), job, task, Bytes::from_static(b"1"));
            }
            while results.bytes() > 100 {
                results.drop_last(job);
            }
            kept.extend(results.kept.into_keys());
        }
        // Each result is with each node with probability 1/4: (3/4)^12 of 400 are 13 with nobody.
        assert!(kept.len() > 360, "{} of {tasks} are somewhere", kept.len());
    }
}
