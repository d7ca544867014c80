//! The record of a job: what outlives every node that works on it.
//!
//! A record is an element of a join-semilattice: [`Record::merge`] is commutative, associative and
//! idempotent, so copies may be merged in any order, any number of times, and agree in the end. A
//! delta is a record with fewer entries: one form serves for both.
//!
//! What is proved: the description, by its creator's signature, and a cancellation, by another. What
//! is not: who owns the job and which tasks are done. Whoever may merge can lie about those; a lie
//! costs work (a result that nobody has is computed again, in a higher round) and never a wrong
//! picture, since payloads are checked by whoever believes them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use base::codec::{self, DecodeError};
use base::{Digest, IdentityError, Network, NodeId, Signature};
use serde::{Deserialize, Serialize};

use super::{JobId, PARAMS_BYTES_MAX, SignedDescription, TASKS_MAX};

/// Bytes of one entry at most: task, digest, worker, round.
const ENTRY_BYTES_MAX: usize = 3 + 32 + 19 + 1;
/// Bytes of a record without entries at most: description, cards, signatures, tenure.
const HEAD_BYTES_MAX: usize = PARAMS_BYTES_MAX + 512;
/// Bytes of a whole record at most. What is longer is refused unread.
pub const RECORD_BYTES_MAX: usize = HEAD_BYTES_MAX + TASKS_MAX as usize * ENTRY_BYTES_MAX;

/// What is known of a finished task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Done {
    /// How often an owner found that nobody had the result, and had another one computed.
    pub round: u8,
    /// SHA-256 of the payload.
    pub digest: Digest,
    /// Who computed it.
    pub worker: NodeId,
}

impl Done {
    /// Whether this entry stands where both are claimed: the higher round, then the smaller digest,
    /// then the smaller worker. Kernels are deterministic, so honest entries differ in the worker
    /// at most.
    #[must_use]
    pub fn beats(&self, other: &Done) -> bool {
        let rank = |done: &Done| (core::cmp::Reverse(done.round), done.digest, done.worker);
        rank(self) < rank(other)
    }
}

/// Who owns a job, and for the how-manieth time that changed. The greatest stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tenure {
    /// 1 for the creator at first; one more for each that takes over.
    pub epoch: u64,
    /// Who.
    pub owner: NodeId,
}

/// Why a record was refused. Nothing was kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Its bytes are no record.
    #[error("{0}")]
    Malformed(#[from] DecodeError),
    /// The description is no job of this network, or a signature is wrong.
    #[error("{0}")]
    Unproved(#[from] IdentityError),
    /// It is another job's, or a description that differs from the one that is held.
    #[error("another job")]
    OtherJob,
    /// More tasks or parameters than a job has, or entries of tasks that the job does not have.
    #[error("out of bounds")]
    OutOfBounds,
}

/// A job as its holders know it, or a part of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What the job is.
    pub job: SignedDescription,
    /// Who owns it, as far as this copy knows.
    pub tenure: Tenure,
    /// The creator's signature over [`cancel_bytes`]: the job is over for good.
    pub cancelled: Option<Signature>,
    /// Finished tasks by number.
    pub done: BTreeMap<u32, Done>,
}

const CANCEL_DOMAIN: &[u8] = b"millefeuille/cancel/1";

/// What the creator signs to cancel a job.
#[must_use]
pub fn cancel_bytes(job: JobId) -> Vec<u8> {
    [CANCEL_DOMAIN, &job.to_bytes()].concat()
}

impl Record {
    /// A job that its creator owns and of which nothing is done.
    #[must_use]
    pub fn new(job: SignedDescription) -> Self {
        let tenure = Tenure { epoch: 1, owner: job.description.creator.id() };
        Record { job, tenure, cancelled: None, done: BTreeMap::new() }
    }

    /// The same with nothing done: a piece to be filled.
    fn head(&self) -> Self {
        Record { job: self.job.clone(), done: BTreeMap::new(), ..*self }
    }

    /// Every task is done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        u32::try_from(self.done.len()) == Ok(self.job.description.tasks)
    }

    /// The one byte form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a record that was checked before.
    ///
    /// # Errors
    /// [`DecodeError`] when these are no record's bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, RECORD_BYTES_MAX)
    }

    /// Reads a record or delta of `key` and checks what can be checked of it.
    ///
    /// # Errors
    /// [`Invalid`]; nothing was kept of the bytes.
    pub fn open(bytes: &[u8], key: JobId, network: &Network) -> Result<Self, Invalid> {
        let record = Record::read(bytes)?;
        record.check(key)?;
        record.job.verify(network)?;
        record.check_cancellation(key)?;
        Ok(record)
    }

    /// The same for a job that is known: an equal description was proved before.
    ///
    /// # Errors
    /// [`Invalid`]; nothing was kept of the bytes.
    pub fn open_known(
        bytes: &[u8],
        key: JobId,
        known: &SignedDescription,
    ) -> Result<Self, Invalid> {
        let record = Record::read(bytes)?;
        record.check(key)?;
        if record.job != *known {
            return Err(Invalid::OtherJob);
        }
        record.check_cancellation(key)?;
        Ok(record)
    }

    /// What needs no signature.
    fn check(&self, key: JobId) -> Result<(), Invalid> {
        let description = &self.job.description;
        let last = self.done.last_key_value().map(|(task, _)| *task);
        if !description.is_bounded() || last.is_some_and(|task| task >= description.tasks) {
            return Err(Invalid::OutOfBounds);
        }
        if description.job() != key {
            return Err(Invalid::OtherJob);
        }
        Ok(())
    }

    fn check_cancellation(&self, key: JobId) -> Result<(), Invalid> {
        let Some(signature) = &self.cancelled else { return Ok(()) };
        let creator = self.job.description.creator.public_key;
        Ok(creator.verify(&cancel_bytes(key), signature)?)
    }

    /// Takes in what `news` of the same job knows. True if anything changed.
    pub fn merge(&mut self, news: &Record) -> bool {
        let mut changed = false;
        if news.tenure > self.tenure {
            self.tenure = news.tenure;
            changed = true;
        }
        // Two valid signatures say the same; the smaller stands, so that copies agree.
        if let Some(theirs) = news.cancelled
            && self.cancelled.is_none_or(|ours| theirs.0 < ours.0)
        {
            self.cancelled = Some(theirs);
            changed = true;
        }
        for (task, done) in &news.done {
            if self.done.get(task).is_none_or(|ours| done.beats(ours)) {
                self.done.insert(*task, *done);
                changed = true;
            }
        }
        changed
    }

    /// What `self` knows and `other` does not; merging it into `other` gives the join of both.
    /// `None` if that is nothing.
    #[must_use]
    pub fn beyond(&self, other: &Record) -> Option<Record> {
        let mut delta = self.head();
        let is_news = |(task, done): &(&u32, &Done)| {
            other.done.get(task).is_none_or(|theirs| done.beats(theirs))
        };
        delta.done.extend(self.done.iter().filter(is_news).map(|(task, done)| (*task, *done)));
        let is_empty = delta.done.is_empty()
            && self.tenure <= other.tenure
            && (self.cancelled.is_none() || self.cancelled == other.cancelled);
        (!is_empty).then_some(delta)
    }

    /// Deltas of at most `bytes_max` bytes each that merge to this record; at least one. A limit
    /// below a head and one entry (5 KiB) is taken as that.
    pub fn pieces(&self, bytes_max: usize) -> impl Iterator<Item = Record> + '_ {
        let room = bytes_max.saturating_sub(codec::encode(&self.head()).len());
        let count = (room / ENTRY_BYTES_MAX).max(1);
        let mut rest = self.done.iter().peekable();
        let mut is_first = true;
        core::iter::from_fn(move || {
            if rest.peek().is_none() && !core::mem::take(&mut is_first) {
                return None;
            }
            is_first = false;
            let mut piece = self.head();
            piece.done.extend(rest.by_ref().take(count).map(|(task, done)| (*task, *done)));
            Some(piece)
        })
    }
}

/// What a holder of `key` holds after `news`, and whether that differs from what it held. Both are
/// bytes of records; `held` was checked when it came.
///
/// # Errors
/// [`Invalid`] when `news` is no record of this job in this network. What is held stays.
pub fn merged(
    key: JobId,
    held: Option<&[u8]>,
    news: &[u8],
    network: &Network,
) -> Result<(Vec<u8>, bool), Invalid> {
    let Some(held) = held else {
        return Ok((Record::open(news, key, network)?.encode(), true));
    };
    let mut record = Record::read(held)?;
    let news = Record::open_known(news, key, &record.job)?;
    let changed = record.merge(&news);
    Ok((record.encode(), changed))
}

#[cfg(test)]
mod tests;
