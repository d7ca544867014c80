//! What peers of a job say to each other, over opaque payloads.

use alloc::vec::Vec;

use base::codec;
use base::{Bounded, Card, Digest, IdentityError, Key, NodeId, PublicKey, Signature};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Class;

/// Bytes of a job's parameters.
pub const PARAMS_BYTES_MAX: usize = 4096;
/// Tasks of one job.
pub const TASKS_MAX: u32 = 1 << 16;
/// Tasks named in one message.
pub const TASK_LIST_MAX: usize = 256;
/// Participants of one job that a message can name. Beyond it an owner refuses to enlist.
pub const PARTICIPANTS_MAX: usize = 256;
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
    /// Distinguishes two equal jobs of one creator: any number it has not used.
    pub serial: u64,
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
    pub fn verify(&self, network: &PublicKey) -> Result<JobId, IdentityError> {
        self.description.creator.verify(network)?;
        let key = self.description.creator.public_key;
        key.verify(&self.description.signing_bytes(), &self.signature)?;
        Ok(self.description.job())
    }
}

/// One message between two peers, or to the root of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "a welcome is rare, and queues are drained at once")]
pub enum Message {
    /// To the idle key: the sender has free workers. Soft state, repeated.
    Idle {
        /// How many.
        slots: u16,
    },
    /// To the idle key: the sender owns a job that could use more workers. Soft state, repeated.
    Recruit {
        /// The job.
        job: JobId,
        /// How many workers it could use.
        wanted: u16,
    },
    /// From the root of the idle key to an idle peer: this owner could use you.
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
    /// To a new participant: what the job is and what is done of it.
    Welcome {
        /// The job.
        job: SignedDescription,
        /// Everyone who gets the results, the owner included.
        participants: Bounded<NodeId, PARTICIPANTS_MAX>,
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
        /// Which.
        tasks: Tasks,
    },
    /// To the owner: still working on these. A task the owner leased and that is not named here
    /// was lost on the way.
    Extend {
        /// The job.
        job: JobId,
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
    /// To every participant: a finished task.
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
    /// From the owner to every participant, each heartbeat and on change: who takes part, how far
    /// it is.
    Status {
        /// The job.
        job: JobId,
        /// Everyone who gets the results, the owner included.
        participants: Bounded<NodeId, PARTICIPANTS_MAX>,
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
    /// From the owner: every task is done, or the job is over (`cancelled`).
    Finished {
        /// The job.
        job: JobId,
        /// Ended by its owner before every task was done.
        cancelled: bool,
    },
    /// To the owner: the sender takes no part any more. Its leases are free at once.
    Quit {
        /// The job.
        job: JobId,
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
