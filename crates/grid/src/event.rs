//! What a person may want to know of a job: events, summaries, counters.

use alloc::string::String;
use alloc::vec::Vec;

use base::{Duration, NodeId};
use bytes::Bytes;
use wire::grid::JobId;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Tasks are open.
    Running,
    /// Every task is done.
    Finished,
    /// Ended before every task was done.
    Cancelled,
    /// The owner is gone and nobody took over yet; what is in hand goes on, what is done is kept.
    Orphaned,
}

/// What happened in the grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This node takes part in a job, its own or another's.
    JobOpened {
        /// Which.
        job: JobId,
        /// Who owns it.
        owner: NodeId,
        /// The workload.
        kind: u16,
        /// Its parameters.
        params: Bytes,
        /// How many tasks.
        tasks: u32,
    },
    /// A submission or an invitation was refused.
    JobRefused {
        /// Which.
        job: JobId,
        /// Why, in words.
        reason: String,
    },
    /// A task's result is here, for the first time.
    TaskDone {
        /// The job.
        job: JobId,
        /// The task.
        task: u32,
        /// Who computed it.
        worker: NodeId,
        /// The numbers.
        payload: Bytes,
    },
    /// The number of a job's participants changed.
    Participants {
        /// The job.
        job: JobId,
        /// How many there are, the owner included.
        count: u16,
    },
    /// The job's record is held by as many nodes as it should be: the job outlives its creator.
    Accepted {
        /// The job.
        job: JobId,
        /// How many hold it: k, or all nodes of a smaller ring.
        copies: u16,
    },
    /// The job has another owner; this node may be it.
    OwnerChanged {
        /// The job.
        job: JobId,
        /// Who owns it.
        owner: NodeId,
        /// For the how-manieth time that changed.
        epoch: u64,
    },
    /// As the new owner: the job goes on.
    Recovered {
        /// The job.
        job: JobId,
        /// From the moment that this node knew the former owner to be gone, or itself to be the
        /// root, to the first lease that it granted or confirmed.
        after: Duration,
    },
    /// As owner: a worker could not compute a task, and said so. It goes to others, and once more
    /// to all when there are none; after [`FAILURES_MAX`](crate::FAILURES_MAX) of them, or when
    /// that fails too, the job is cancelled.
    TaskFailed {
        /// The job.
        job: JobId,
        /// The task.
        task: u32,
        /// Where it failed.
        worker: NodeId,
        /// Why, in words.
        reason: String,
    },
    /// As owner: a worker left or was silent, and its tasks went back to the queue.
    WorkerLost {
        /// The job.
        job: JobId,
        /// Who.
        worker: NodeId,
        /// How many tasks it held.
        tasks: u32,
        /// Whether it said goodbye.
        left: bool,
    },
    /// The job ended or changed its state.
    JobChanged {
        /// The job.
        job: JobId,
        /// Where it stands.
        state: JobState,
    },
    /// The answer to [`Input::ListJobs`](crate::Input::ListJobs).
    Listed {
        /// The jobs that were found, by id.
        jobs: Vec<JobListing>,
        /// Pages of the directory that did not answer, of [`wire::grid::PAGES`].
        missing: u8,
    },
    /// A peer sent what no honest peer sends.
    Misbehaved {
        /// Who.
        peer: NodeId,
        /// What it did.
        why: &'static str,
    },
}

/// A job of the network, as its directory lists it: what it is, its creator signed; how far it is,
/// somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobListing {
    /// Which.
    pub job: JobId,
    /// Who created it.
    pub creator: NodeId,
    /// When, by the creator's clock: microseconds since 1970.
    pub created: u64,
    /// Who owns it now.
    pub owner: NodeId,
    /// For the how-manieth time the owner changed.
    pub epoch: u64,
    /// Where it stands; never [`JobState::Orphaned`].
    pub state: JobState,
    /// The workload.
    pub kind: u16,
    /// Its parameters.
    pub params: Bytes,
    /// How many tasks.
    pub tasks: u32,
    /// How many of them are done, some heartbeats ago.
    pub done: u32,
}

/// A worker's part in a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerSummary {
    /// Who.
    pub worker: NodeId,
    /// Tasks whose first result was its.
    pub done: u32,
    /// Tasks leased to it now (known to the owner only).
    pub leased: u32,
}

/// A job as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSummary {
    /// Which.
    pub job: JobId,
    /// Who owns it.
    pub owner: NodeId,
    /// Where it stands.
    pub state: JobState,
    /// The workload.
    pub kind: u16,
    /// Its parameters.
    pub params: Bytes,
    /// How many tasks.
    pub tasks: u32,
    /// How many results were here, at some time.
    pub done: u32,
    /// Who works on it, the owner included, as the owner said last.
    pub participants: u32,
    /// For the how-manieth time the owner changed.
    pub epoch: u64,
    /// Nodes that hold the job's record, as far as this node heard.
    pub record_copies: u16,
    /// The fewest copies of a finished task's result that this node knows of: its own, and those
    /// that holders acknowledged to it when it had computed the result. Others may exist that it
    /// has not heard of. 0 while nothing is done.
    pub copies_min: u32,
    /// All such copies of all finished tasks.
    pub copies_total: u64,
    /// Who did how much, of what was here.
    pub workers: Vec<WorkerSummary>,
    /// Tasks leased again after their worker left, failed or was silent (known to the owner).
    pub reassigned: u32,
    /// Results that arrived for tasks already done (at this node).
    pub duplicates: u32,
}

/// What a node did so far, for the five things that load sharing minimises (design §1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Tasks computed here.
    pub computed: u64,
    /// Computations stopped before their end: paused, or done elsewhere.
    pub abandoned: u64,
    /// As owner: tasks handed out, each time anew.
    pub leased: u64,
    /// As owner: tasks that came back undone.
    pub reassigned: u64,
    /// Results that arrived for tasks already done at this node.
    pub duplicates: u64,
    /// Results asked for because they had not arrived by themselves.
    pub fetched: u64,
    /// Results dropped from memory for want of room.
    pub evicted: u64,
    /// Messages that meant nothing here: unknown job, stale, not from whom it should be.
    pub ignored: u64,
    /// Messages that no honest peer sends.
    pub misbehaved: u64,
}
