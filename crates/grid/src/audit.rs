//! Verification: results of others are looked at in a few places before they count.
//!
//! A worker has committed to a digest when its result is looked at, and where that is follows from a
//! seed drawn here afterwards. The driver looks, since it knows what a task computes. The owner has
//! every result audited, and so has whoever only looks on; the workers of a job audit a sample, so
//! that together they see about each result once.
//!
//! As owner, a result that is wrong bars its worker from the job, if the worker itself said that the
//! result is its. Everything that the worker did is then looked at again, thoroughly, by everybody:
//! what is right stands, for to compute it again would cost thirty times as much.

use alloc::vec::Vec;

use base::{Digest, NodeId, SortedMap, SortedSet, Time};
use bytes::Bytes;
use wire::grid::{Ending, JobId, Message};

use crate::face::{AuditId, AuditOrder, Verdict};
use crate::job::{Job, Role};
use crate::standing::{REVIEW_PLACES, Standing};
use crate::{Event, Grid, JobState, Output};

/// Audits under way at the driver. Beyond it results wait for theirs.
const AUDITS_MAX: usize = 8;
/// Results that wait for their audit. Beyond it the owner leases nothing: it is the owner's pace
/// that counts. Chosen: a second of a thousand workers.
pub(crate) const WAITING_MAX: usize = 1024;
/// Workers with a record in one job; the one with the lowest id is a stranger again beyond it.
const STANDINGS_MAX: usize = 8192;
/// Barred workers of one job; the one with the lowest id is forgotten beyond it, and would be caught
/// again.
const BARRED_MAX: usize = 4096;

/// What of a job was looked at, and what waits for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Audits {
    /// Results to be looked at. They stay in memory until then. As many as [`WAITING_MAX`] and what
    /// is in the workers' hands.
    waiting: SortedMap<u32, Bytes>,
    /// At most [`STANDINGS_MAX`].
    standings: SortedMap<NodeId, Standing>,
    /// At most [`BARRED_MAX`].
    barred: SortedSet<NodeId>,
    /// The latest refuted result of a task. As many as tasks.
    refuted: SortedMap<u32, Digest>,
}

/// An audit at the driver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Audit {
    job: JobId,
    task: u32,
    digest: Digest,
}

impl Audits {
    pub(crate) fn is_barred(&self, worker: NodeId) -> bool {
        self.barred.contains(&worker)
    }

    pub(crate) fn barred(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.barred.iter().copied()
    }

    /// Whether the result was looked at and found wrong.
    pub(crate) fn is_refuted(&self, task: u32, digest: Digest) -> bool {
        self.refuted.get(&task) == Some(&digest)
    }

    pub(crate) fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn wait(&mut self, task: u32, payload: Bytes) {
        self.waiting.insert(task, payload);
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(crate) fn forget(&mut self, task: u32) {
        self.waiting.remove(&task);
    }

    pub(crate) fn bar(&mut self, worker: NodeId) -> bool {
        let is_news = self.barred.insert(worker);
        if self.barred.len() > BARRED_MAX {
            self.barred.pop_first();
        }
        self.standings.remove(&worker);
        is_news
    }

    fn places(&self, worker: NodeId) -> u32 {
        if self.is_barred(worker) {
            return REVIEW_PLACES;
        }
        self.standings.get(&worker).copied().unwrap_or_default().places()
    }

    fn note_sound(&mut self, worker: NodeId) {
        self.standings.entry(worker).or_default().note_sound();
        if self.standings.len() > STANDINGS_MAX {
            self.standings.pop_first();
        }
    }
}

impl Job {
    pub(crate) fn verified_count(&self) -> u32 {
        u32::try_from(self.verified.len()).unwrap_or(u32::MAX)
    }

    /// Every result was here and is verified.
    pub(crate) fn is_verified(&self) -> bool {
        self.verified_count() == self.tasks()
    }

    /// Of all results in the order of their tasks; zeros where not all are known.
    pub(crate) fn results_digest(&self) -> Digest {
        if self.done_count() != self.tasks() {
            return Digest([0; 32]);
        }
        let digests: Vec<&[u8]> = self.done.values().map(|done| done.digest.0.as_slice()).collect();
        Digest::of(&digests)
    }

    /// How it ended, as far as this node may say so; not where only this node's part in it did.
    pub(crate) fn ending(&self) -> Option<Ending> {
        match self.state {
            JobState::Cancelled if self.is_withdrawn || self.cancelled.is_some() => {
                Some(Ending::Cancelled(self.cancelled))
            }
            JobState::Cancelled => self.is_owned().then_some(Ending::GivenUp),
            _ => Some(Ending::Done(self.results_digest())),
        }
    }

    /// Whether this node has every result audited; otherwise it audits a sample.
    fn audits_all(&self) -> bool {
        match &self.role {
            Role::Owner(_) => true,
            Role::Participant(joined) => !joined.works,
        }
    }
}

impl Grid {
    /// Somebody else's result is here: it is audited, or taken as it is.
    pub(crate) fn consider_audit(&mut self, id: JobId, task: u32, payload: Bytes) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let share = 1.0 / f64::from(job.participant_count().max(1));
        if job.audits_all() || self.rng.chance(share) {
            job.audits.wait(task, payload);
        }
    }

    /// Hands what waits to the driver: own jobs first, and what matters most in a job.
    pub(crate) fn start_audits(&mut self) {
        if self.rests_audits {
            return;
        }
        let is_waiting = |job: &&Job| job.audits.waiting_count() > 0;
        let jobs = self.jobs.values().filter(is_waiting).map(|j| (!j.is_owned(), j.age, j.id));
        for (.., id) in base::in_order(jobs) {
            while self.audits.len() < AUDITS_MAX {
                let Some(job) = self.jobs.get_mut(&id) else { break };
                let Some((task, payload)) = job.audits.waiting.pop_first() else { break };
                let Some(done) = job.done.get(&task).copied() else { continue };
                let audit = AuditId(self.audited);
                self.audited += 1;
                self.audits.insert(audit, Audit { job: id, task, digest: done.digest });
                let description = &job.signed.description;
                self.outputs.push_back(Output::Audit(AuditOrder {
                    audit,
                    job: id,
                    task,
                    kind: description.kind,
                    params: description.params.clone(),
                    payload,
                    seed: self.rng.next_u64(),
                    places: job.audits.places(done.worker),
                }));
            }
        }
    }

    pub(crate) fn on_audited(&mut self, now: Time, audit: AuditId, verdict: Verdict) {
        let Some(Audit { job: id, task, digest }) = self.audits.remove(&audit) else { return };
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.state != JobState::Cancelled)
        else {
            return;
        };
        // It may have been taken back meanwhile.
        let Some(done) = job.done.get(&task).copied().filter(|done| done.digest == digest) else {
            return;
        };
        match verdict {
            Verdict::Sound => {
                job.audits.note_sound(done.worker);
                self.verify(now, id, task);
            }
            Verdict::Unsound => {
                self.counters.refuted += 1;
                self.on_refuted(now, id, task);
            }
            Verdict::Stopped => {
                if let Some(payload) = self.results.get(id, task).cloned() {
                    job.audits.wait(task, payload);
                    self.rests_audits = true;
                } else {
                    self.revoke(now, id, task);
                }
            }
        }
    }

    /// A result is right, as far as anybody looked.
    pub(crate) fn verify(&mut self, now: Time, id: JobId, task: u32) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if job.verified.insert(task) {
            self.write_down(now, id, task);
            self.complete(now, id);
        }
    }

    /// A result is wrong.
    fn on_refuted(&mut self, now: Time, id: JobId, task: u32) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(done) = job.done.get(&task).copied() else { return };
        job.audits.refuted.insert(task, done.digest);
        let is_proved = job.proved.get(&task) == Some(&(done.worker, done.digest));
        let is_caught = is_proved && job.is_owned() && done.worker != self.me;
        self.revoke(now, id, task);
        if is_caught {
            self.bar(now, id, done.worker);
        }
    }

    /// As owner: a worker is caught. It has no part in the job any more, and everyone is told.
    fn bar(&mut self, now: Time, id: JobId, worker: NodeId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let epoch = job.tenure.epoch;
        if !job.audits.bar(worker) {
            return;
        }
        let Some(owned) = job.owned() else { return };
        owned.board.dismiss(worker, Some(now));
        owned.unproved.drop_worker(worker);
        let others = owned.board.others(self.me);
        self.counters.misbehaved += 1;
        self.review(id, worker);
        for to in others.into_iter().chain([worker]) {
            self.send(to, Message::Barred { job: id, epoch, worker });
        }
        self.participants_changed(id);
    }

    /// As owner: the caught worker asks for something.
    pub(crate) fn tell_barred(&mut self, worker: NodeId, job: JobId, epoch: u64) {
        self.send(worker, Message::Barred { job, epoch, worker });
    }

    /// From the owner: a worker was caught.
    pub(crate) fn on_barred(
        &mut self,
        now: Time,
        from: NodeId,
        id: JobId,
        epoch: u64,
        worker: NodeId,
    ) {
        if !self.hear_owner(now, from, id, epoch) {
            return;
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if !job.audits.bar(worker) {
            return;
        }
        self.review(id, worker);
        if worker != self.me {
            return;
        }
        // Nobody takes anything of this node: its machine is at fault. Of its own job it still wants to see
        // the results.
        match self.jobs.get_mut(&id).filter(|job| job.is_mine).and_then(Job::joined) {
            Some(joined) => {
                joined.works = false;
                self.drop_work(|ticket| ticket.job == id);
            }
            None => drop(self.end(id, JobState::Cancelled)),
        }
    }

    /// As a participant, at the end and when every result is here: what was shown here is what the
    /// owner has verified. Where it is not, whoever brought it through the group told others
    /// something else than the owner; so all that nobody here has looked at is looked at.
    pub(crate) fn compare_results(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| !job.is_owned()) else { return };
        let is_whole = u32::try_from(job.seen.len()) == Ok(job.tasks());
        let differs = job.agreed.is_some_and(|agreed| agreed != job.results_digest());
        if job.state != JobState::Finished || !is_whole || !differs {
            return;
        }
        job.agreed = None;
        for task in job.seen.difference(&job.verified) {
            if let Some(payload) = self.results.get(id, *task) {
                job.audits.wait(*task, payload.clone());
            }
        }
    }

    /// Everything of a worker that was caught is looked at again. What of it is said to be done and
    /// did not arrive is not waited for.
    fn review(&mut self, id: JobId, worker: NodeId) {
        let me = self.me;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let its = job.done.iter().filter(|(_, done)| done.worker == worker && worker != me);
        let its: Vec<u32> = its.map(|(task, _)| *task).collect();
        // What is looked at this moment is not looked at closely enough.
        self.audits.retain(|_, audit| audit.job != id || its.binary_search(&audit.task).is_err());
        let (mut reviewed, mut missing) = (0u32, Vec::new());
        for task in its {
            match self.results.get(id, task) {
                Some(payload) => {
                    job.verified.remove(&task);
                    job.audits.wait(task, payload.clone());
                    reviewed += 1;
                }
                None if !job.seen.contains(&task) => missing.push(task),
                // It had to leave memory, and was sound when it was here.
                None => {}
            }
        }
        self.event(Event::WorkerBarred { job: id, worker, reviewed });
        for task in missing {
            if self.jobs.get(&id).is_some_and(Job::is_owned) {
                self.reopen(id, task);
            }
        }
    }

    /// There is no result of a task after all. An owner has it computed again; others look for it.
    fn revoke(&mut self, now: Time, id: JobId, task: u32) {
        let patience = self.config.heartbeat;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(done) = job.done.get(&task).copied() else { return };
        job.audits.forget(task);
        job.verified.remove(&task);
        job.proved.remove(&task);
        job.kept.remove(&task);
        if job.unsee(task) {
            self.results.drop_task(self.me, id, task);
            self.event(Event::TaskRevoked { job: id, task, worker: done.worker });
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if job.is_owned() {
            self.reopen(id, task);
        } else {
            job.done.remove(&task);
            job.fetch.lack([task], now + patience);
        }
    }
}
