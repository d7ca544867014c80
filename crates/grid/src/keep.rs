//! Results in the store: put there by whoever computed them, and counted.
//!
//! A worker that dies with its last results on the way to the store leaves them in the memories of
//! the others only, which end with them. So the owner puts once more what a lost worker did last, and
//! whoever inherits a job what its lost owner did, and those who were lost with it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use base::{Digest, Duration, NodeId, SortedSet, Time};
use bytes::Bytes;
use wire::grid::JobId;

use crate::job::Job;
use crate::{Grid, Output};

/// Results computed here whose holders are counted. Beyond it the one with the lowest digest is
/// forgotten: its copies stay at what was heard.
const KEEPING_MAX: usize = 4096;

/// Others' results that came last, as whoever takes part remembers them. Beyond it the oldest are
/// forgotten: they had the most time to reach the store.
const RECENT_MAX: usize = 1024;

/// Results put once more in one heartbeat. The others wait for the next.
const KEPT_ANEW_MAX: usize = 16;

/// The results of others that came last, with when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent(VecDeque<(Time, u32)>);

impl Recent {
    pub(crate) fn push(&mut self, now: Time, task: u32) {
        self.0.push_back((now, task));
        if self.0.len() > RECENT_MAX {
            self.0.pop_front();
        }
    }

    /// The tasks of those that came within so long. A result that was revoked came twice.
    fn within(&self, now: Time, span: Duration) -> SortedSet<u32> {
        let recent = self.0.iter().rev().take_while(|(at, _)| now.since(*at) < span);
        recent.map(|(_, task)| *task).collect()
    }
}

impl Grid {
    /// As owner, of a job that may have ended: a worker is gone. What it did since it was last known
    /// to live, and a while before, is put into the store by this node.
    pub(crate) fn keep_for(&mut self, now: Time, id: JobId, worker: NodeId) {
        let span = self.doubtful_span();
        let Some(job) = self.jobs.get(&id).filter(|job| job.is_owned()) else { return };
        let its = job.recent.within(now, span).into_iter().filter_map(|task| {
            let done = job.done.get(&task).filter(|done| done.worker == worker)?;
            let payload = self.results.get(id, task)?.clone();
            Some((task, done.digest, payload))
        });
        for (task, digest, payload) in its.collect::<Vec<_>>() {
            self.keep(id, task, digest, payload);
        }
    }

    /// As heir, of a job that may have ended, when all who live have had the time to speak: the others
    /// were lost with the former owner, or before it could keep anything for them.
    pub(crate) fn keep_for_the_unheard(&mut self, now: Time) {
        let span = self.doubtful_span();
        let mut unheard = SortedSet::new();
        for job in self.jobs.values_mut() {
            let Some(owned) = job.owned().filter(|owned| owned.survey_at <= now) else { continue };
            owned.survey_at = Time::FAR_FUTURE;
            let heard: SortedSet<NodeId> = owned.board.members().collect();
            let recent = job.recent.within(now, span).into_iter();
            let workers = recent.filter_map(|task| Some(job.done.get(&task)?.worker));
            let lost = workers.filter(|worker| !heard.contains(worker));
            unheard.extend(lost.map(|worker| (job.id, worker)));
        }
        for (job, worker) in unheard {
            self.keep_for(now, job, worker);
        }
    }

    /// What a worker did longer ago than this was in the store before it can have been lost: from its
    /// last sign of life to the verdict, and a while before.
    fn doubtful_span(&self) -> Duration {
        self.lease_time() * 3
    }

    /// Puts a result into the store, and counts who holds it.
    pub(crate) fn keep(&mut self, id: JobId, task: u32, digest: Digest, payload: Bytes) {
        self.outputs.push_back(Output::Keep { payload });
        self.keep_count(id, task, digest);
    }

    /// The store will say how many nodes hold this result.
    fn keep_count(&mut self, job: JobId, task: u32, digest: Digest) {
        self.keeping.entry(digest).or_default().insert((job, task));
        if self.keeping.len() > KEEPING_MAX
            && let Some((forgotten, _)) = self.keeping.pop_first()
        {
            self.unkept.remove(&forgotten);
        }
    }

    /// The store gave a result up: nobody holds it yet.
    pub(crate) fn on_not_kept(&mut self, digest: Digest) {
        if self.keeping.contains_key(&digest) {
            self.unkept.insert(digest);
        }
    }

    /// Each heartbeat: puts once more what the store gave up, as long as it is here.
    pub(crate) fn keep_anew(&mut self) {
        for _ in 0..KEPT_ANEW_MAX {
            let Some(digest) = self.unkept.pop_first() else { return };
            let places = self.keeping.get(&digest).into_iter().flatten();
            let mut here = places.filter_map(|(id, task)| {
                let done = self.jobs.get(id)?.done.get(task)?;
                self.results.get(*id, *task).filter(|_| done.digest == digest)
            });
            if let Some(payload) = here.next().cloned() {
                self.outputs.push_back(Output::Keep { payload });
            }
        }
    }

    pub(crate) fn on_kept(&mut self, digest: Digest, count: u16) {
        for (job, task) in self.keeping.get(&digest).into_iter().flatten() {
            let job = self.jobs.get_mut(job);
            let is_it = |job: &&mut Job| job.done.get(task).is_some_and(|d| d.digest == digest);
            if let Some(job) = job.filter(is_it) {
                job.kept.insert(*task, count);
            }
        }
    }
}
