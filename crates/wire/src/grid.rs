//! What peers of a job say to each other, over opaque payloads.

use alloc::vec::Vec;

use base::codec;
use base::{Bounded, Card, Digest, IdentityError, Key, Network, NodeId, Signature};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Class;

mod directory;
mod record;

pub use directory::{LISTINGS_MAX, Listing, Listings, PAGES, listings, page_key, page_of};
pub use record::{Done, Invalid, RECORD_BYTES_MAX, Record, Tenure, cancel_bytes, merged};

/// Bytes of a job's parameters.
pub const PARAMS_BYTES_MAX: usize = 4096;
/// Tasks of one job.
pub const TASKS_MAX: u32 = 1 << 16;
/// Tasks named in one message.
pub const TASK_LIST_MAX: usize = 256;
/// Bytes of a reason in words.
pub const REASON_BYTES_MAX: usize = 256;

/// A job's name: the creator's id with its low 64 bits replaced by a hash of the description
/// (design §6), so the creator is the live node closest to it.
pub type JobId = Key;

/// Tasks of a job, by number.
pub type Tasks = Bounded<u32, TASK_LIST_MAX>;

/// A reason in words, for people. At most [`REASON_BYTES_MAX`] bytes of UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason(Bounded<u8, REASON_BYTES_MAX>);

impl Reason {
    /// The first [`REASON_BYTES_MAX`] bytes of `text`, cut at a character.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut end = text.len().min(REASON_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Reason(Bounded::truncating(text.bytes().take(end)))
    }

    /// The text; what is no UTF-8 is shown as replacement characters.
    #[must_use]
    pub fn text(&self) -> alloc::string::String {
        alloc::string::String::from_utf8_lossy(&self.0).into_owned()
    }
}

/// What a job is, as its creator signed it. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Who created it; the card is its proof.
    pub creator: Card,
    /// When, by the creator's clock: microseconds since 1970. It also distinguishes two equal jobs
    /// of one creator, which may not use it twice.
    pub created: u64,
    /// Which workload understands the parameters.
    pub kind: u16,
    /// How many tasks there are; they are numbered from 0 in the order of their importance.
    pub tasks: u32,
    /// Opaque to the grid, at most [`PARAMS_BYTES_MAX`] bytes.
    pub params: Bytes,
}

const JOB_DOMAIN: &[u8] = b"millefeuille/job/1";

impl Description {
    /// The bytes that the creator signs.
    #[must_use]
    pub fn signing_bytes(&self) -> Vec<u8> {
        [JOB_DOMAIN, &Digest::of(&[&codec::encode(self)]).0].concat()
    }

    /// The job's id.
    #[must_use]
    pub fn job(&self) -> JobId {
        let hash = Key::hash_of(&[JOB_DOMAIN, &codec::encode(self)]).value();
        let low = u128::from(u64::MAX);
        Key::new((self.creator.id().value() & !low) | (hash & low))
    }

    /// Within the bounds of this page. What the parameters mean is for the workload to check.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        (1..=TASKS_MAX).contains(&self.tasks) && self.params.len() <= PARAMS_BYTES_MAX
    }
}

/// A description with its creator's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDescription {
    /// The job.
    pub description: Description,
    /// Over [`Description::signing_bytes`].
    pub signature: Signature,
}

impl SignedDescription {
    /// Checks creator and signature and returns the job's id. The bounds are
    /// [`Description::is_bounded`]'s.
    ///
    /// # Errors
    /// [`IdentityError`] when the creator, a node of this `network`, did not sign it.
    pub fn verify(&self, network: &Network) -> Result<JobId, IdentityError> {
        self.description.creator.verify(network)?;
        let key = self.description.creator.public_key;
        key.verify(&self.description.signing_bytes(), &self.signature)?;
        Ok(self.description.job())
    }
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Every task is done. SHA-256 of the digests of all results in the order of their tasks; zeros
    /// where not all are known.
    Done(Digest),
    /// Its creator cancelled it: the signature over [`cancel_bytes`]. None where the creator itself says
    /// so.
    Cancelled(Option<Signature>),
    /// A task failed on everybody, as the owner says. No word for anybody but itself.
    GivenUp,
}

/// One message between two peers, to everyone in a job's group, or to the root of a job's key.
///
/// What travels through a group or a walk passes strangers, so its receiver believes nothing of it
/// but a payload whose digest it can check; the rest is a reason to ask whom it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "a welcome is rare, and queues are drained at once")]
pub enum Message {
    /// Through the group of the idle, until somebody accepts: this job could use you.
    Invite {
        /// The job.
        job: JobId,
        /// Who owns it.
        owner: NodeId,
    },
    /// To the owner: the sender would take part in the job.
    Enlist {
        /// The job.
        job: JobId,
        /// Workers it would bring.
        slots: u16,
    },
    /// From the owner to a participant: what the job is and what is done of it.
    Welcome {
        /// The job.
        job: SignedDescription,
        /// Since when the sender owns it.
        epoch: u64,
        /// One bit a task, task 0 in the lowest bit of the first byte; set when it is done.
        done: Bytes,
    },
    /// To a peer that wanted to take part: no.
    Sorry {
        /// The job.
        job: JobId,
        /// Why.
        reason: Reason,
    },
    /// To the owner: more tasks, please. Also extends the sender's leases.
    Pull {
        /// The job.
        job: JobId,
        /// How many more.
        wanted: u16,
    },
    /// To a worker: these tasks are yours while you are heard from.
    Lease {
        /// The job.
        job: JobId,
        /// Since when the sender owns it.
        epoch: u64,
        /// Which.
        tasks: Tasks,
    },
    /// To the owner, or to the root of the job's key when the owner is gone: still working on
    /// these. A task the owner leased and that is not named here was lost on the way.
    Extend {
        /// The job.
        job: JobId,
        /// Workers the sender brings.
        slots: u16,
        /// Held by the sender, queued or computing.
        tasks: Tasks,
    },
    /// To the owner: these will not be done by the sender.
    Return {
        /// The job.
        job: JobId,
        /// Which.
        tasks: Tasks,
        /// Whether the tasks failed, rather than the sender stopping.
        failed: bool,
        /// Why, in words.
        reason: Reason,
    },
    /// To the owner: the sender computed this task; the payload comes through the group.
    Commit {
        /// The job.
        job: JobId,
        /// Which task.
        task: u32,
        /// SHA-256 of the payload.
        digest: Digest,
    },
    /// To everyone in the job's group, or to who asked: a finished task.
    Result {
        /// The job.
        job: JobId,
        /// Which task.
        task: u32,
        /// Who computed it.
        worker: NodeId,
        /// SHA-256 of the payload.
        digest: Digest,
        /// The numbers, at most [`crate::limits::PAYLOAD_BYTES_MAX`] bytes.
        payload: Bytes,
    },
    /// From the owner, each heartbeat, to everyone in the job's group: who owns it, how far it is.
    Status {
        /// The job.
        job: JobId,
        /// Since when the sender owns it.
        epoch: u64,
        /// Everyone who works on it, the owner included.
        participants: u32,
        /// Tasks done.
        done: u32,
    },
    /// To a participant: send the results of these tasks.
    Fetch {
        /// The job.
        job: JobId,
        /// Which.
        tasks: Tasks,
    },
    /// To who asked for results that are not here, or to an owner that lacks them: what is known
    /// of these tasks.
    Known {
        /// The job.
        job: JobId,
        /// Each task once.
        done: Bounded<(u32, Done), TASK_LIST_MAX>,
    },
    /// From the owner: the job is over.
    Finished {
        /// The job.
        job: JobId,
        /// Since when the sender owns it.
        epoch: u64,
        /// How.
        ending: Ending,
    },
    /// To somebody who speaks as an owner of the past: who owns the job as far as the sender knows.
    Stale {
        /// The job.
        job: JobId,
        /// Who, and since when.
        tenure: Tenure,
    },
    /// To the owner: the sender takes no part any more, its leases are free at once. From the
    /// owner: it leaves, and somebody takes over.
    Quit {
        /// The job.
        job: JobId,
    },
    /// To the root of a page of the directory: the sender is the root of these jobs' records.
    /// Repeated while that is so; whoever is told forgets it after a while.
    List {
        /// Jobs of that page.
        jobs: Listings,
    },
    /// To the root of a page: what does it list?
    AskPage {
        /// Echoed by the answer: a number that nobody guesses.
        ticket: u64,
        /// Which page.
        page: u8,
    },
    /// The answer, in as many messages as it needs.
    Page {
        /// Of the question.
        ticket: u64,
        /// Which page.
        page: u8,
        /// Which of the messages this is, from 0.
        part: u8,
        /// How many there are, at least 1.
        parts: u8,
        /// What it lists.
        jobs: Listings,
    },
    /// From the owner, to everyone who works on the job and to the worker itself: it was caught with
    /// a wrong result, and has no part in the job any more.
    Barred {
        /// The job.
        job: JobId,
        /// Since when the sender owns it.
        epoch: u64,
        /// Who.
        worker: NodeId,
    },
}

impl Message {
    /// The channel it belongs on.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Message::Result { .. } => Class::Bulk,
            _ => Class::Control,
        }
    }
}
