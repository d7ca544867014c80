//! Results: believed or not, taken once, and given to everyone who works on the job.
//!
//! A worker commits to a digest towards the owner, directly, and publishes the payload in the job's
//! group. What comes through a group is not proved to be from whom it names, so the owner takes a
//! payload only once whoever holds the lease has committed to its digest, or sends it itself. A
//! participant takes what its group brings it; the owner's word, where it differs, stands.
//! What the numbers are is not checked here beyond their digest; `audit` has some of them looked at.

use base::{Digest, NodeId, SortedMap, Time};
use bytes::Bytes;
use wire::grid::{Done, JobId, Message};
use wire::limits::PAYLOAD_BYTES_MAX;

use crate::job::{Job, Owned, Role};
use crate::{Event, Grid, JobState};

/// Payloads of one job that wait for their worker's word. Beyond it the oldest is dropped; it is
/// fetched when the word comes.
const UNPROVED_MAX: usize = 32;

/// Payloads that were published and not committed to yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unproved {
    payloads: SortedMap<(NodeId, u32), (u64, Bytes)>,
    count: u64,
}

impl Unproved {
    fn keep(&mut self, worker: NodeId, task: u32, payload: Bytes) {
        self.count += 1;
        self.payloads.insert((worker, task), (self.count, payload));
        if self.payloads.len() > UNPROVED_MAX {
            let oldest = self.payloads.iter().min_by_key(|(_, (age, _))| *age);
            if let Some(oldest) = oldest.map(|(place, _)| *place) {
                self.payloads.remove(&oldest);
            }
        }
    }

    fn take(&mut self, worker: NodeId, task: u32) -> Option<Bytes> {
        self.payloads.remove(&(worker, task)).map(|(_, payload)| payload)
    }

    pub(crate) fn drop_worker(&mut self, worker: NodeId) {
        self.payloads.retain(|(other, _), _| *other != worker);
    }

    fn drop_task(&mut self, task: u32) {
        self.payloads.retain(|(_, other), _| *other != task);
    }
}

/// How a result came, and so what it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// From this peer, which is proved.
    Direct(NodeId),
    /// Through the job's group, said to be from this peer.
    Published(NodeId),
}

/// What to do with a result.
enum Belief {
    Take(Done),
    /// Its worker has yet to say so itself.
    Wait,
    Ignore,
    /// No honest peer sends this.
    Misdeed(&'static str),
}

impl Owned {
    /// Whether `from` may say that `worker` did the task.
    pub(crate) fn believes(&self, from: NodeId, task: u32, worker: NodeId) -> bool {
        (from == worker && self.board.was_leased(worker, task))
            || (self.is_heir && self.board.has_member(from))
    }
}

impl Grid {
    pub(crate) fn on_result(
        &mut self,
        now: Time,
        path: Path,
        id: JobId,
        task: u32,
        done: Done,
        payload: Bytes,
    ) {
        if let Path::Direct(from) = path {
            self.hear(now, from, id);
        }
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.state != JobState::Cancelled)
        else {
            self.counters.ignored += 1;
            return;
        };
        if task >= job.tasks() {
            return self.distrust(path, "result of a task that the job does not have");
        }
        if job.seen.contains(&task) {
            job.duplicates = job.duplicates.saturating_add(1);
            job.fetch.arrived(task);
            self.counters.duplicates += 1;
            return;
        }
        if job.audits.is_barred(done.worker) || job.audits.is_refuted(task, done.digest) {
            self.counters.ignored += 1;
            return;
        }
        let belief = belief(job, path, task, done);
        if let Belief::Misdeed(why) = belief {
            return self.distrust(path, why);
        }
        if matches!(belief, Belief::Ignore) {
            self.counters.ignored += 1;
            return;
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            return self.distrust(path, "result too long");
        }
        if Digest::of(&[&payload]) != done.digest {
            return self.distrust(path, "result that does not match its digest");
        }
        match belief {
            Belief::Take(done) => {
                if path == Path::Direct(done.worker) {
                    job.proved.insert(task, (done.worker, done.digest));
                }
                self.accept(now, id, task, done, payload);
            }
            _ => {
                if let Some(owned) = job.owned() {
                    owned.unproved.keep(done.worker, task, payload);
                }
            }
        }
    }

    /// Counts what is wrong against whoever is proved to have sent it.
    fn distrust(&mut self, path: Path, why: &'static str) {
        match path {
            Path::Direct(from) => self.misbehaved(from, why),
            Path::Published(_) => self.counters.ignored += 1,
        }
    }

    /// As owner: whoever holds a lease says what the result is.
    pub(crate) fn on_commit(
        &mut self,
        now: Time,
        from: NodeId,
        id: JobId,
        task: u32,
        digest: Digest,
    ) {
        if !self.hear_worker(now, from, id) {
            return;
        }
        let patience = self.config.heartbeat;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let round = job.rounds.get(&task).copied().unwrap_or(0);
        let is_void = job.audits.is_barred(from) || job.audits.is_refuted(task, digest);
        let Some(owned) = job.owned() else { return };
        if is_void || !owned.believes(from, task, from) {
            self.counters.ignored += 1;
            return;
        }
        let done = Done { round, digest, worker: from };
        let payload = owned.unproved.take(from, task);
        if !job.learn(now, task, done) {
            let is_another = job.done.get(&task).is_some_and(|known| known.worker != from);
            self.measures.redundant_results += u64::from(is_another);
            return;
        }
        job.proved.insert(task, (from, digest));
        match payload.filter(|payload| Digest::of(&[payload]) == digest) {
            Some(payload) => self.accept(now, id, task, done, payload),
            // It is under way.
            None => job.fetch.lack([task], now + patience),
        }
    }

    /// Somebody else's result is here, for the first time at this node.
    pub(crate) fn accept(&mut self, now: Time, id: JobId, task: u32, done: Done, payload: Bytes) {
        if self.take_in(now, id, task, done, payload.clone()) {
            self.consider_audit(id, task, payload);
        }
    }

    /// A task's result is here. False if one was here before.
    pub(crate) fn take_in(
        &mut self,
        now: Time,
        id: JobId,
        task: u32,
        done: Done,
        payload: Bytes,
    ) -> bool {
        let Some(job) = self.jobs.get_mut(&id) else { return false };
        if job.seen.contains(&task) {
            return false;
        }
        job.learn(now, task, done);
        // A result in hand outweighs what somebody wrote about it.
        job.done.insert(task, done);
        job.see(task, done.worker);
        if done.worker != self.me {
            job.recent.push(now, task);
        }
        // Its worker may not have got so far as to store it.
        let is_orphan = job.owned().is_some_and(|owned| !owned.board.has_member(done.worker));
        self.drop_work(|ticket| ticket.job == id && ticket.task == task);
        self.results.keep(self.me, id, task, payload.clone());
        if is_orphan {
            self.keep(id, task, done.digest, payload.clone());
        }
        self.event(Event::TaskDone { job: id, task, worker: done.worker, payload });
        self.make_room();
        self.compare_results(id);
        true
    }

    /// Ends the job if every result was here and is verified. Whoever works on the job waits for the
    /// owner's word, and helps it out until then: it may lack one of them.
    pub(crate) fn complete(&mut self, now: Time, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.is_verified()) else { return };
        if job.is_owned() {
            self.report(now, id);
            self.end_owned(id, JobState::Finished);
        } else if job.joined().is_some_and(|joined| !joined.works) {
            self.end(id, JobState::Finished);
        }
    }

    /// As owner: nobody has the result of a task that is said to be done. It is computed again.
    pub(crate) fn reopen(&mut self, id: JobId, task: u32) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(done) = job.done.remove(&task) else { return };
        job.rounds.insert(task, done.round.saturating_add(1));
        self.measures.lost += 1;
        if let Some(owned) = job.owned() {
            owned.unproved.drop_task(task);
            owned.board.reopen(task, done.worker);
        }
    }

    /// The message that carries a result, if it is here.
    pub(crate) fn result_message(&self, job: &Job, task: u32) -> Option<Message> {
        let done = job.done.get(&task)?;
        let payload = self.results.get(job.id, task)?.clone();
        let (worker, digest) = (done.worker, done.digest);
        Some(Message::Result { job: job.id, task, worker, digest, payload })
    }
}

/// What a result is worth that is not here yet.
fn belief(job: &Job, path: Path, task: u32, done: Done) -> Belief {
    let known = job.done.get(&task);
    if let Some(known) = known.filter(|known| known.digest == done.digest) {
        return Belief::Take(*known);
    }
    let round = job.rounds.get(&task).copied().unwrap_or(0);
    let done = Done { round, ..done };
    match (&job.role, path) {
        (Role::Owner(owned), Path::Direct(from)) => {
            let board = &owned.board;
            let leased = board.was_leased(done.worker, task);
            let asked = board.was_asked(from, task) || job.fetch.was_asked(from, task);
            match (from == done.worker, leased, asked) {
                _ if owned.believes(from, task, done.worker) => Belief::Take(done),
                (true, false, _) => Belief::Misdeed("result of a task not leased to it"),
                (false, true, true) => Belief::Take(done),
                (false, false, true) => Belief::Ignore,
                (false, _, false) => Belief::Misdeed("result in another worker's name"),
                (true, true, _) => Belief::Ignore,
            }
        }
        (Role::Owner(owned), Path::Published(_)) => {
            match owned.board.was_leased(done.worker, task) || owned.is_heir {
                true if known.is_none() => Belief::Wait,
                _ => Belief::Ignore,
            }
        }
        (Role::Participant(_), Path::Direct(from)) => {
            let is_word = from == job.owner() || job.fetch.was_asked(from, task);
            if is_word { Belief::Take(done) } else { Belief::Ignore }
        }
        (Role::Participant(_), Path::Published(origin)) => {
            let is_news = known.is_none() && origin == done.worker;
            if is_news { Belief::Take(done) } else { Belief::Ignore }
        }
    }
}
