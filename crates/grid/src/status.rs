//! How a job begins, goes on and ends: submitted, reported on, finished, cancelled, quit.

use alloc::string::ToString;
use alloc::vec::Vec;

use base::{NodeId, Signature, Time};
use bytes::Bytes;
use wire::grid::{Ending, JobId, Message, SignedDescription, Tenure, cancel_bytes};

use crate::enlist::Candidate;
use crate::job::{Job, Owned, Role};
use crate::{Event, Grid, JOBS_MAX, JobState, Output};

/// Reports on changes keep at least this part of a heartbeat between them: a crowd that enlists at
/// once is one report.
const REPORTS_PER_HEARTBEAT: u32 = 8;

impl Grid {
    pub(crate) fn on_submit(&mut self, now: Time, signed: SignedDescription) {
        let job = signed.description.job();
        let is_own = signed.description.creator.id() == self.me;
        let refusal = match self.check(&signed) {
            Err(reason) => Some(reason),
            Ok(()) if !is_own => Some("it is another node's".to_string()),
            Ok(()) if self.jobs.contains_key(&job) => Some("it was submitted before".to_string()),
            Ok(()) if !self.make_place() => Some("too many jobs are under way here".to_string()),
            Ok(()) => None,
        };
        if let Some(reason) = refusal {
            return self.event(Event::JobRefused { job, reason });
        }
        let mut owned = Owned::new(now, signed.description.tasks);
        owned.board.enlist(self.me, self.worker.slots, now);
        let tenure = Tenure { epoch: 1, owner: self.me };
        self.open(Job::new(signed, tenure, self.me, self.opened, Role::Owner(owned)));
        self.write_all(job);
        self.hand_back_queued();
    }

    /// Takes a job in.
    pub(crate) fn open(&mut self, job: Job) {
        self.event(job.opened_event());
        // It is found, whichever way it came.
        self.watches.remove(&job.id);
        self.opened += 1;
        self.jobs.insert(job.id, job);
        self.links_changed = true;
        // What this node says to the job's group, it says as a member.
        self.review_groups(false);
    }

    /// Makes a place for one more job: the one that ended longest ago is forgotten. False if all
    /// are under way.
    pub(crate) fn make_place(&mut self) -> bool {
        if self.jobs.len() < JOBS_MAX {
            return true;
        }
        let ended = self.jobs.values().filter(|job| !job.is_running());
        let oldest = ended.min_by_key(|job| (job.is_open(), job.age)).map(|job| job.id);
        let Some(oldest) = oldest else { return false };
        self.forget(oldest);
        true
    }

    /// A job that ended is none here any more, as far as the rest of the node is concerned.
    pub(crate) fn forget(&mut self, id: JobId) {
        self.drop_work(|ticket| ticket.job == id);
        self.results.forget(id);
        if let Some(owned) = self.jobs.remove(&id).as_mut().and_then(Job::owned) {
            self.counters.reassigned += u64::from(owned.board.reassigned());
            self.measures.worker_recovery.add(owned.board.recovery());
        }
        self.links_changed = true;
    }

    /// Only the creator's word ends a job for everybody. Anybody else takes no further part; the
    /// owner goes on to coordinate, since nobody else is the root.
    pub(crate) fn on_cancel(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let (owner, is_open) = (job.owner(), job.is_open());
        if job.is_mine && is_open {
            job.is_withdrawn = true;
            let bytes = Bytes::from(cancel_bytes(id));
            self.outputs.push_back(Output::SignCancel { job: id, bytes });
        }
        match &mut job.role {
            Role::Owner(_) if job.is_mine => self.end_owned(id, JobState::Cancelled),
            Role::Owner(owned) => {
                owned.can_work = false;
                self.hand_back(id);
            }
            Role::Participant(joined) => {
                let works = joined.works;
                self.remember_refusal(id);
                if self.end(id, JobState::Cancelled) && works {
                    self.send(owner, Message::Quit { job: id });
                }
            }
        }
    }

    /// Takes no further part in anything. Jobs that this node owns go on without it.
    pub(crate) fn on_leave(&mut self) {
        for id in self.owned() {
            self.hand_back(id);
            self.resign(id);
        }
        for id in self.jobs.keys().copied().collect::<Vec<_>>() {
            if self.jobs.get(&id).is_some_and(|job| !job.is_owned()) {
                self.say_goodbye(id);
            }
        }
        if let Some(candidate) = self.candidate.take() {
            self.send(candidate.owner, Message::Quit { job: candidate.job });
        }
        let preferred = core::mem::take(&mut self.preferred);
        self.outputs.extend(preferred.into_iter().map(Output::Unprefer));
        let followed = core::mem::take(&mut self.followed);
        self.outputs.extend(followed.into_iter().map(|group| Output::Unfollow { group }));
        self.has_left = true;
    }

    /// As a worker: what is in hand goes back with the goodbye.
    fn say_goodbye(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.is_open()) else { return };
        let owner = job.owner();
        let works = job.joined().is_some_and(|joined| joined.works);
        self.drop_work(|ticket| ticket.job == id);
        if works {
            self.send(owner, Message::Quit { job: id });
        }
    }

    /// As owner: ends a job, and tells everyone who works on it. Who only looks on sees it in the
    /// record.
    pub(crate) fn end_owned(&mut self, id: JobId, state: JobState) {
        if !self.end(id, state) {
            return;
        }
        if state == JobState::Finished {
            self.write_all(id);
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let (epoch, ending) = (job.tenure.epoch, job.ending());
        let Some(ending) = ending else { return };
        let Some(owned) = job.owned() else { return };
        let others = owned.board.others(self.me);
        for to in others {
            self.send(to, Message::Finished { job: id, epoch, ending });
        }
    }

    /// Ends a job at this node. False if it had ended.
    pub(crate) fn end(&mut self, id: JobId, state: JobState) -> bool {
        let Some(job) = self.jobs.get_mut(&id) else { return false };
        if !job.is_open() {
            return false;
        }
        job.state = state;
        if state == JobState::Cancelled {
            job.fetch.clear();
            job.audits.clear();
        }
        self.links_changed = true;
        self.drop_work(|ticket| ticket.job == id);
        self.event(Event::JobChanged { job: id, state });
        true
    }

    /// A worker leaves; or the owner does, and somebody takes over.
    pub(crate) fn on_quit(&mut self, now: Time, from: NodeId, id: JobId) {
        match self.jobs.get(&id) {
            Some(job) if job.is_owned() => self.lose_worker(now, id, from, true),
            Some(job) if job.owner() == from => self.orphan(now, id),
            _ => self.counters.ignored += 1,
        }
    }

    pub(crate) fn on_finished(
        &mut self,
        now: Time,
        from: NodeId,
        id: JobId,
        epoch: u64,
        ending: Ending,
    ) {
        let considers = |c: &Candidate| (c.job, c.owner) == (id, from);
        if self.candidate.as_ref().is_some_and(considers) {
            self.candidate = None;
            return;
        }
        let works = |job: &Job| job.is_open() && !job.is_owned();
        if !self.jobs.get(&id).is_some_and(works) || !self.hear_owner(now, from, id, epoch) {
            return;
        }
        let results = match ending {
            Ending::Done(results) => results,
            Ending::Cancelled(signature) => return self.on_cancelled(now, from, id, signature),
            Ending::GivenUp => return self.on_given_up(now, id),
        };
        if !self.end(id, JobState::Finished) {
            return;
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let lacking: Vec<u32> = (0..job.tasks()).filter(|task| !job.seen.contains(task)).collect();
        job.fetch.lack(lacking, now);
        job.agreed = Some(results);
        self.compare_results(id);
    }

    /// From the owner: the creator cancelled the job. Nobody else can, whoever owns it: where there is no
    /// proof, this node looks for another owner.
    fn on_cancelled(&mut self, now: Time, from: NodeId, id: JobId, signature: Option<Signature>) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let creator = &job.signed.description.creator;
        let is_proof =
            |signature: &Signature| creator.public_key.verify(&cancel_bytes(id), signature).is_ok();
        let proof = signature.filter(is_proof);
        if proof.is_some() || (from == creator.id() && signature.is_none()) {
            job.cancelled = job.cancelled.or(proof);
            self.remember_refusal(id);
            self.end(id, JobState::Cancelled);
        } else {
            self.misbehaved(from, "cancellation without its creator's signature");
            self.orphan(now, id);
        }
    }

    /// From the owner: it gives the job up. Whoever works on it goes idle, and may be found by the next
    /// owner; whoever wants to see the results waits for that one.
    fn on_given_up(&mut self, now: Time, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let is_mine = job.is_mine;
        if is_mine || !job.joined().is_some_and(|joined| joined.works) {
            return self.orphan(now, id);
        }
        if self.end(id, JobState::Cancelled)
            && let Some(job) = self.jobs.get_mut(&id)
        {
            job.is_given_up = true;
        }
    }

    /// As owner: the participants changed. They are told soon.
    pub(crate) fn participants_changed(&mut self, id: JobId) {
        let pause = self.config.heartbeat / REPORTS_PER_HEARTBEAT;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let count = u16::try_from(job.participant_count()).unwrap_or(u16::MAX);
        let Some(owned) = job.owned() else { return };
        owned.status_at = owned.status_at.min(owned.status_sent + pause);
        self.links_changed = true;
        self.event(Event::Participants { job: id, count });
    }

    /// As owner: tells the group how far it is, where that is due.
    pub(crate) fn report_due(&mut self, now: Time) {
        for id in self.owned() {
            let owned = self.jobs.get_mut(&id).and_then(Job::owned);
            if owned.is_some_and(|owned| owned.status_at <= now) {
                self.report(now, id);
            }
        }
    }

    pub(crate) fn report(&mut self, now: Time, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let (epoch, participants, done) =
            (job.tenure.epoch, job.participant_count(), job.verified_count());
        let Some(owned) = job.owned() else { return };
        owned.status_at = Time::FAR_FUTURE;
        owned.status_sent = now;
        if self.ready {
            let message = Message::Status { job: id, epoch, participants, done };
            self.outputs.push_back(Output::Publish { group: id, message });
        }
    }

    /// How far it is, as somebody published who may be the owner.
    pub(crate) fn on_status(
        &mut self,
        now: Time,
        origin: NodeId,
        id: JobId,
        (epoch, participants, done): (u64, u32, u32),
    ) {
        if !self.hear_published(now, id, Tenure { epoch, owner: origin }) {
            return;
        }
        let heartbeat = self.config.heartbeat;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let (have, is_fetching) = (job.done_count(), !job.fetch.is_idle());
        let Some(joined) = job.joined() else { return };
        // What was done a heartbeat ago and is not here got lost.
        let (since, expected) = joined.mark;
        let is_due = now.since(since) >= heartbeat * 3 / 4;
        if is_due {
            joined.mark = (now, done);
        }
        let is_behind = is_due && have < expected && !is_fetching;
        let may_ask = now.since(joined.enlisted) >= heartbeat / 2;
        let (works, is_news) = (joined.works, joined.participants != participants);
        joined.participants = participants;
        if is_news {
            let count = u16::try_from(participants).unwrap_or(u16::MAX);
            self.event(Event::Participants { job: id, count });
        }
        match (is_behind && may_ask, works) {
            (true, true) => self.enlist_anew(now, id),
            (true, false) => self.outputs.push_back(Output::Recall { job: id }),
            _ => {}
        }
    }
}
