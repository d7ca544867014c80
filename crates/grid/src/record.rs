//! The job's record, as this node writes to it and reads from it. Where it is kept, and by how many,
//! is the store's business.

use alloc::vec::Vec;

use base::{Signature, Time};
use bytes::Bytes;
use wire::grid::{JobId, Record, cancel_bytes};

use crate::job::Job;
use crate::{Event, Grid, JobState, Output};

/// Bytes of one delta: a control message with room for its envelope.
const DELTA_BYTES_MAX: usize = 48 * 1024;
/// New entries wait this part of a heartbeat for more before they go into the record. Chosen: what
/// is lost with an owner is a quarter of a second of the job, and workers remember that too.
const WRITES_PER_HEARTBEAT: u32 = 8;
/// Entries that do not wait for more: a delta is a good deal longer than its head.
const WRITE_COUNT: usize = 64;

/// Between two jobs that ended here and are taken up once more: it costs as much as looking on, and
/// any stranger can ask for it.
const TAKE_UP_HEARTBEATS: u32 = 15;

impl Job {
    /// All that this node would write about the job.
    fn record(&self) -> Record {
        let entry = |task: &u32| self.done.get(task).map(|done| (*task, *done));
        let mut record = Record { tenure: self.tenure, ..Record::new(self.signed.clone()) };
        record.cancelled = self.cancelled;
        record.done.extend(self.verified.iter().filter_map(entry));
        record
    }
}

impl Grid {
    /// As owner: a result is here and verified, and goes into the record soon.
    pub(crate) fn write_down(&mut self, now: Time, id: JobId, task: u32) {
        let pause = self.config.heartbeat / WRITES_PER_HEARTBEAT;
        let owned = self.jobs.get_mut(&id).and_then(Job::owned);
        let Some(owned) = owned else { return };
        owned.unrecorded.insert(task);
        let at = if owned.unrecorded.len() >= WRITE_COUNT { now } else { now + pause };
        owned.record_at = owned.record_at.min(at);
    }

    /// As owner: writes what is due.
    pub(crate) fn write_due(&mut self, now: Time) {
        for id in self.owned() {
            let owned = self.jobs.get_mut(&id).and_then(Job::owned);
            if owned.is_some_and(|owned| owned.record_at <= now) {
                self.write_news(id);
            }
        }
    }

    /// As owner: writes what is not in the record yet, with who owns the job.
    pub(crate) fn write_news(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(owned) = job.owned() else { return };
        owned.record_at = Time::FAR_FUTURE;
        let tasks = core::mem::take(&mut owned.unrecorded);
        let mut delta = Record { tenure: job.tenure, ..Record::new(job.signed.clone()) };
        delta.cancelled = job.cancelled;
        let entry = |task| job.done.get(&task).map(|done| (task, *done));
        delta.done.extend(tasks.into_iter().filter_map(entry));
        self.write(id, &delta);
    }

    /// Writes everything, in case something was lost on the way.
    pub(crate) fn write_all(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if let Some(owned) = job.owned() {
            owned.unrecorded.clear();
            owned.record_at = Time::FAR_FUTURE;
        }
        let record = job.record();
        self.write(id, &record);
    }

    fn write(&mut self, job: JobId, record: &Record) {
        let pieces = record.pieces(DELTA_BYTES_MAX);
        let write = |piece: Record| Output::Record { job, delta: Bytes::from(piece.encode()) };
        self.outputs.extend(pieces.map(write));
    }

    /// The record as it is stored.
    pub(crate) fn on_record(&mut self, now: Time, id: JobId, bytes: &[u8], is_root: bool) {
        let record = match self.jobs.get(&id) {
            Some(job) => Record::open_known(bytes, id, &job.signed),
            None if is_root || self.watches.contains_key(&id) => {
                Record::open(bytes, id, &self.config.network)
            }
            None => return self.leave_charge(id),
        };
        let Ok(record) = record else {
            self.counters.ignored += 1;
            return;
        };
        self.take_charge(now, &record, is_root);
        if is_root && self.recalled.contains(&id) {
            self.forget_if_short(now, id);
        }
        // That every task is done is hearsay too: whoever lacks results and cannot find them asks.
        let is_orphan = |job: &Job| job.state == JobState::Orphaned;
        let is_asked = self.recalled.contains(&id) || self.jobs.get(&id).is_some_and(is_orphan);
        let is_over = record.cancelled.is_some() || (record.is_complete() && !is_asked);
        if self.watches.contains_key(&id) && (is_over || !is_root) {
            return self.on_watched(id, record);
        }
        if is_root && !is_over && self.jobs.get(&id).is_some_and(|job| job.may_go_on_with(self.me))
        {
            self.go_on(id, JobState::Orphaned);
        }
        if let Some(job) = self.jobs.get_mut(&id) {
            job.is_root = is_root;
            self.absorb(now, id, &record);
        }
        let is_owner = self.jobs.get(&id).is_some_and(|job| job.is_owned() || !job.is_open());
        if is_root && !is_over && !is_owner {
            self.take_over(now, id, &record);
        }
    }

    /// A job that ended here, and whose results are not all here: somebody lacks one of them, so this
    /// node takes it up once more, from the record, as if it had never been here.
    fn forget_if_short(&mut self, now: Time, id: JobId) {
        let ended = self.jobs.get(&id).filter(|job| job.state == JobState::Finished);
        let Some(job) = ended.filter(|_| self.take_up_at <= now) else { return };
        if (0..job.tasks()).any(|task| self.results.get(id, task).is_none()) {
            self.take_up_at = now + self.config.heartbeat * TAKE_UP_HEARTBEATS;
            self.forget(id);
        }
    }

    /// Learns from the record what this node does not know, and writes what the record lacks.
    pub(crate) fn absorb(&mut self, now: Time, id: JobId, record: &Record) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if record.cancelled.is_some() {
            job.cancelled = record.cancelled;
            if job.is_owned() {
                self.end_owned(id, JobState::Cancelled);
            } else {
                self.end(id, JobState::Cancelled);
            }
            return;
        }
        let mut learnt = Vec::new();
        for (task, done) in &record.done {
            let is_overruled = job.rounds.get(task).is_some_and(|round| done.round < *round)
                || job.audits.is_refuted(*task, done.digest);
            if !is_overruled && job.learn(now, *task, *done) {
                learnt.push(*task);
            }
        }
        job.fetch.lack(learnt.iter().copied(), now);
        let lacks = |task: &&u32| {
            job.done
                .get(task)
                .is_some_and(|ours| record.done.get(task).is_none_or(|theirs| ours.beats(theirs)))
        };
        let unwritten: Vec<u32> = job.verified.iter().filter(lacks).copied().collect();
        for task in unwritten {
            self.write_down(now, id, task);
        }
        self.drop_work(|ticket| ticket.job == id && learnt.binary_search(&ticket.task).is_ok());
        self.on_claim(now, id, record.tenure);
    }

    /// The store gave up what was written: all of it is written once more.
    pub(crate) fn on_not_recorded(&mut self, id: JobId) {
        if let Some(job) = self.jobs.get_mut(&id) {
            job.is_unwritten = true;
        }
    }

    /// Each heartbeat: writes what did not get into the record.
    pub(crate) fn write_anew(&mut self) {
        let unwritten = self.jobs.values_mut().filter(|job| job.is_unwritten);
        let unwritten: Vec<JobId> = unwritten
            .map(|job| {
                job.is_unwritten = false;
                job.id
            })
            .collect();
        unwritten.into_iter().for_each(|id| self.write_all(id));
    }

    pub(crate) fn on_copies(&mut self, id: JobId, count: u16, wanted: u16) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let is_news = count >= wanted && job.record_copies < wanted;
        job.record_copies = count;
        if is_news && count > 0 {
            self.event(Event::Accepted { job: id, copies: count });
        }
    }

    /// The creator's word that the job is over, as it signed it.
    pub(crate) fn on_cancel_signed(&mut self, id: JobId, signature: Signature) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let creator = job.signed.description.creator.public_key;
        if !job.is_mine || creator.verify(&cancel_bytes(id), &signature).is_err() {
            self.counters.ignored += 1;
            return;
        }
        job.cancelled = Some(signature);
        let mut delta = Record { tenure: job.tenure, ..Record::new(job.signed.clone()) };
        delta.cancelled = job.cancelled;
        self.write(id, &delta);
    }
}
