//! What goes into the machine and what comes out.

use alloc::string::String;

use base::{Digest, Key, NodeId, Signature};
use bytes::Bytes;
use wire::Class;
use wire::grid::{JobId, Message, SignedDescription};

use crate::Event;

/// Names one computation between the machine and its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkId(pub u64);

/// Names one audit between the machine and its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditId(pub u64);

/// A result to be looked at.
#[derive(Clone, Debug)]
pub struct AuditOrder {
    /// Names the audit.
    pub audit: AuditId,
    /// Of which job.
    pub job: JobId,
    /// Which task.
    pub task: u32,
    /// The workload.
    pub kind: u16,
    /// The job's parameters.
    pub params: Bytes,
    /// What is said to be the task's result.
    pub payload: Bytes,
    /// Says which places. Whoever computed the result could not know it.
    pub seed: u64,
    /// How many places.
    pub places: u32,
}

/// What an audit of a result showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is right wherever one looked.
    Sound,
    /// It is wrong.
    Unsound,
    /// The driver could not look: out of workers, shutting down. It is asked again later.
    Stopped,
}

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
    /// Follow a job by its id without working on it, whoever owns it, even if it has ended: its
    /// record is looked up, and its results come as if it were joined. If this node takes part in
    /// it already, all that was told of it is told again, from [`Event::JobOpened`] on.
    Watch(JobId),
    /// Which jobs does the network have? [`Event::Listed`] answers, after some heartbeats at the
    /// latest.
    ListJobs,
    /// As creator: end the job for everybody. Otherwise: take no further part in it.
    Cancel(JobId),
    /// The creator's signature that [`Output::SignCancel`] asked for.
    CancelSigned {
        /// Which job.
        job: JobId,
        /// Over the bytes that were given.
        signature: Signature,
    },
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
    /// A message published in a group that this node follows. Who is said to have published it is
    /// not proved.
    Published {
        /// The group.
        group: Key,
        /// Who is said to have published it.
        origin: NodeId,
        /// What.
        message: Message,
    },
    /// A walk through the group of the idle reached this node. Answered at once by
    /// [`Output::Answer`].
    Offered {
        /// The driver's name for the walk.
        walk: u64,
        /// What it offers; nobody vouches for it.
        message: Message,
    },
    /// A job's record as it is stored: it changed here, this node became or ceased to be the root
    /// of its key, or it was recalled.
    Record {
        /// Which job.
        job: JobId,
        /// A whole record.
        record: Bytes,
        /// This node is the live node closest to the job's id.
        is_root: bool,
    },
    /// None of those asked who may hold a job's record has it: the answer to [`Output::Recall`] where there
    /// is no record. Where nobody answers there is none.
    NoRecord {
        /// Which job.
        job: JobId,
    },
    /// This node does not hold a job's record any more.
    RecordGone {
        /// Which job.
        job: JobId,
    },
    /// How many nodes hold a job's record.
    Copies {
        /// Which job.
        job: JobId,
        /// How many acknowledged it.
        count: u16,
        /// How many there should be: k, or all nodes of a smaller ring.
        wanted: u16,
    },
    /// How many nodes hold a payload that this node gave away with [`Output::Keep`].
    Kept {
        /// SHA-256 of the payload.
        digest: Digest,
        /// How many acknowledged it.
        count: u16,
    },
    /// The store gave a payload up that this node gave away with [`Output::Keep`]: it has too much to
    /// do, or found nobody who takes it.
    NotKept {
        /// SHA-256 of the payload.
        digest: Digest,
    },
    /// The store gave up what was to be merged into a job's record.
    NotRecorded {
        /// Which job.
        job: JobId,
    },
    /// The answer to [`Output::Load`].
    Loaded {
        /// SHA-256 of the payload.
        digest: Digest,
        /// The payload; `None` if nobody has it.
        payload: Option<Bytes>,
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
    /// An audit that [`Output::Audit`] started has ended.
    Audited {
        /// Which.
        audit: AuditId,
        /// What it showed.
        verdict: Verdict,
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
    /// Somebody came into the leaf set, or left it.
    NeighboursChanged,
    /// Hand back every lease and say goodbye to every job. Owned jobs go on without this node.
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
    /// Publish to everyone who follows a group.
    Publish {
        /// The group.
        group: Key,
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
    /// Be a member of a group, until [`Output::Unfollow`].
    Follow {
        /// The group.
        group: Key,
    },
    /// No longer.
    Unfollow {
        /// The group.
        group: Key,
    },
    /// Walk through a group until so many members accepted.
    Anycast {
        /// The group.
        group: Key,
        /// How many.
        wanted: u16,
        /// What is offered.
        message: Message,
    },
    /// The answer to [`Input::Offered`].
    Answer {
        /// Which walk.
        walk: u64,
        /// Whether this node takes the offer.
        accepted: bool,
    },
    /// Merge this into the job's record at its holders.
    Record {
        /// Which job.
        job: JobId,
        /// A delta, or the whole record; at most 64 KiB.
        delta: Bytes,
    },
    /// Look up a job's record; [`Input::Record`] follows if there is one.
    Recall {
        /// Which job.
        job: JobId,
    },
    /// Store this payload under its digest. [`Input::Kept`] says how many nodes hold it.
    Keep {
        /// The numbers of a task.
        payload: Bytes,
    },
    /// Look up a payload by its digest. Answer with [`Input::Loaded`].
    Load {
        /// SHA-256 of the payload.
        digest: Digest,
    },
    /// Sign with the node's key that a job is cancelled. Answer with [`Input::CancelSigned`].
    SignCancel {
        /// Which job.
        job: JobId,
        /// What to sign.
        bytes: Bytes,
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
    /// Compute some places of a task again and compare: soon, for others wait. A few at once, each
    /// a small part of a task. Answer with [`Input::Audited`].
    Audit(AuditOrder),
    /// Something a person may want to know.
    Event(Event),
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
