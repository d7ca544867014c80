//! What a driver, a person or a test may look at. Reading it changes nothing.

use alloc::vec::Vec;

use bytes::Bytes;
use wire::grid::JobId;

use crate::job::{Job, Role};
use crate::{Counters, Grid, JobSummary};

impl Grid {
    /// Every job that this node knows, the oldest first.
    #[must_use]
    pub fn jobs(&self) -> Vec<JobSummary> {
        let ages = base::in_order(self.jobs.values().map(|job| (job.age, job.id)));
        ages.into_iter().filter_map(|(_, id)| self.job(id)).collect()
    }

    /// One job.
    #[must_use]
    pub fn job(&self, job: JobId) -> Option<JobSummary> {
        self.jobs.get(&job).map(|job| job.summary(&self.results))
    }

    /// Whether a job is under way in which this node takes part.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.jobs.values().any(Job::is_running)
    }

    /// A task's numbers, if they are in memory here.
    #[must_use]
    pub fn result(&self, job: JobId, task: u32) -> Option<&Bytes> {
        self.results.get(job, task)
    }

    /// Bytes of results in memory here.
    #[must_use]
    pub fn result_bytes(&self) -> u64 {
        self.results.bytes()
    }

    /// Tasks that wait here for a free slot.
    #[must_use]
    pub fn queue_len(&self) -> u32 {
        self.worker.queue_count()
    }

    /// What this node did so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let board = |job: &Job| match &job.role {
            Role::Owner(owned) => u64::from(owned.board.reassigned()),
            Role::Participant(_) => 0,
        };
        let reassigned = self.counters.reassigned + self.jobs.values().map(board).sum::<u64>();
        Counters { reassigned, audited: self.audited, ..self.counters }
    }
}
