//! What goes into the machine and what comes out.

use alloc::string::String;
use alloc::vec::Vec;

use base::{Key, NodeId};
use bytes::Bytes;
use wire::Class;
use wire::grid::{JobId, Message, SignedDescription};

/// Names one computation between the machine and its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkId(pub u64);

/// Why a computation gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The driver stopped it: paused, out of workers, shutting down.
    Stopped,
    /// The task cannot be computed here.
    Failed(String),
}

/// What happened, or what is asked.
#[derive(Clone, Debug)]
pub enum Input {
    /// Own this job. The caller signed it and checked its parameters.
    Submit(SignedDescription),
    /// End a job that this node owns; or take no further part in one of another's.
    Cancel(JobId),
    /// An authenticated message, directly or sealed.
    Received {
        /// Who said it.
        from: NodeId,
        /// What.
        message: Message,
    },
    /// An authenticated message routed to a key that this node is the root of.
    Delivered {
        /// The key.
        key: Key,
        /// Who said it.
        from: NodeId,
        /// What.
        message: Message,
    },
    /// The overlay knows that this peer left or died.
    PeerGone {
        /// Who.
        peer: NodeId,
        /// It said goodbye.
        left: bool,
    },
    /// A computation that [`Output::Compute`] started has ended.
    Computed {
        /// Which.
        work: WorkId,
        /// The payload, or why there is none.
        outcome: Result<Bytes, Failure>,
    },
    /// The answer to [`Output::Appraise`]: the job can be worked on here, or the reason why not.
    Appraised {
        /// Which job.
        job: JobId,
        /// The reason in words.
        verdict: Result<(), String>,
    },
    /// How many computations may run at once; 0 is a pause. Started ones are stopped if it falls.
    Slots(u16),
    /// Whether the overlay routes.
    Ready(bool),
    /// The overlay's neighbours changed: keys may have another root.
    RootsMoved,
    /// Hand back every lease and say goodbye to every job.
    Leave,
    /// A deadline of `poll_timeout` came; early, late and repeated ones are fine.
    Timeout,
}

/// What the driver must do or learn.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send to a peer, on the channel of its class.
    Send {
        /// To whom.
        to: NodeId,
        /// Which channel.
        class: Class,
        /// What.
        message: Message,
    },
    /// Send to every participant of a job.
    Publish {
        /// Who they are, without this node.
        to: Vec<NodeId>,
        /// What.
        message: Message,
    },
    /// Route to the root of a key.
    Route {
        /// Which key.
        key: Key,
        /// What.
        message: Message,
    },
    /// Much will be exchanged with this peer; a direct link is worth its slot.
    Prefer(NodeId),
    /// No longer.
    Unprefer(NodeId),
    /// May this job be worked on here? Answer with [`Input::Appraised`].
    Appraise {
        /// Which job.
        job: JobId,
        /// The workload.
        kind: u16,
        /// Its parameters.
        params: Bytes,
        /// How many tasks the creator claims.
        tasks: u32,
    },
    /// Compute a task on a free worker. Answer with [`Input::Computed`].
    Compute {
        /// Names the computation.
        work: WorkId,
        /// Of which job.
        job: JobId,
        /// Which task.
        task: u32,
        /// The workload.
        kind: u16,
        /// The job's parameters.
        params: Bytes,
    },
    /// Stop a computation; an answer that is under way is ignored.
    Abandon(WorkId),
    /// Something a person may want to know.
    Event(Event),
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Tasks are open.
    Running,
    /// Every task is done.
    Finished,
    /// Ended before every task was done.
    Cancelled,
    /// The owner is gone and nobody took over; what is done is kept.
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
    /// The participants of a job changed.
    Participants {
        /// The job.
        job: JobId,
        /// How many there are, this node included.
        count: u16,
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
    /// A peer sent what no honest peer sends.
    Misbehaved {
        /// Who.
        peer: NodeId,
        /// What it did.
        why: &'static str,
    },
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
    /// How many are done.
    pub done: u32,
    /// Participants, this node included.
    pub participants: u32,
    /// Who did how much.
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

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Extensions, status and idle messages are due.
    Heartbeat,
    /// A worker has been silent for as long as its leases last.
    LeaseExpiry,
    /// A request has waited long enough to be repeated.
    Retry,
}
