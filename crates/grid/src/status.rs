//! How a job begins, goes on and ends: submitted, reported on, finished, cancelled, quit.

use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec::Vec;

use base::{Bounded, NodeId, Time};
use wire::grid::{JobId, Message, SignedDescription};

use crate::board::Board;
use crate::enlist::Participants;
use crate::job::{Job, Owned, Role};
use crate::{Event, Grid, JOBS_MAX, JobState, Output};

/// Reports on changes keep at least this part of a heartbeat between them: a crowd that enlists at
/// once is one report.
const REPORTS_PER_HEARTBEAT: u32 = 8;

impl Grid {
    pub(crate) fn on_submit(&mut self, now: Time, signed: SignedDescription) {
        let job = signed.description.job();
        let refusal = match self.check(&signed, self.me) {
            Err(reason) => Some(reason),
            Ok(()) if self.jobs.contains_key(&job) => Some("it was submitted before".to_string()),
            Ok(()) if !self.make_place() => Some("too many jobs are under way here".to_string()),
            Ok(()) => None,
        };
        if let Some(reason) = refusal {
            return self.event(Event::JobRefused { job, reason });
        }
        let mut board = Board::new(signed.description.tasks);
        board.enlist(self.me, self.worker.slots, now);
        let owned =
            Owned { board, status_at: Time::FAR_FUTURE, status_sent: now, recruiting: false };
        self.open(Job::new(job, signed, self.me, self.opened, Role::Owner(owned)));
        self.hand_back_queued();
        self.recruit(job);
    }

    /// Takes a job in.
    pub(crate) fn open(&mut self, job: Job) {
        let description = &job.signed.description;
        self.event(Event::JobOpened {
            job: job.id,
            owner: job.owner,
            kind: description.kind,
            params: description.params.clone(),
            tasks: description.tasks,
        });
        self.opened += 1;
        self.jobs.insert(job.id, job);
        self.links_changed = true;
    }

    /// Makes a place for one more job: the one that ended longest ago is forgotten. False if all
    /// are under way.
    pub(crate) fn make_place(&mut self) -> bool {
        if self.jobs.len() < JOBS_MAX {
            return true;
        }
        let ended = self.jobs.values().filter(|job| !job.is_running());
        let Some(oldest) = ended.min_by_key(|job| job.age).map(|job| job.id) else { return false };
        self.drop_work(|ticket| ticket.job == oldest);
        self.results.forget(oldest);
        if let Some(owned) = self.jobs.remove(&oldest).as_mut().and_then(Job::owned) {
            self.counters.reassigned += u64::from(owned.board.reassigned());
        }
        true
    }

    pub(crate) fn on_cancel(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        if job.is_own() {
            self.end_own(id, JobState::Cancelled);
        } else {
            let owner = job.owner;
            if self.end(id, JobState::Cancelled) {
                self.send(owner, Message::Quit { job: id });
            }
        }
    }

    pub(crate) fn on_leave(&mut self) {
        let jobs: Vec<JobId> = self.jobs.keys().copied().collect();
        for job in jobs {
            self.on_cancel(job);
        }
        if let Some(candidate) = self.candidate.take() {
            self.send(candidate.owner, Message::Quit { job: candidate.job });
        }
        if self.ready && self.is_announced {
            let message = Message::Idle { slots: 0 };
            self.outputs.push_back(Output::Route { key: crate::IDLE_KEY, message });
        }
        self.review_links();
        self.has_left = true;
    }

    /// Ends an own job, and tells everyone.
    pub(crate) fn end_own(&mut self, id: JobId, state: JobState) {
        if !self.end(id, state) {
            return;
        }
        let others = self.jobs.get(&id).map(|job| job.others(self.me)).unwrap_or_default();
        for to in others {
            let cancelled = state == JobState::Cancelled;
            self.send(to, Message::Finished { job: id, cancelled });
        }
        if let Some(owned) = self.jobs.get_mut(&id).and_then(|job| job.owned())
            && owned.recruiting
        {
            owned.recruiting = false;
            let message = Message::Recruit { job: id, wanted: 0 };
            self.outputs.push_back(Output::Route { key: crate::IDLE_KEY, message });
        }
    }

    /// Ends a job at this node. False if it had ended.
    fn end(&mut self, id: JobId, state: JobState) -> bool {
        let Some(job) = self.jobs.get_mut(&id) else { return false };
        if !matches!(job.state, JobState::Running | JobState::Orphaned) {
            return false;
        }
        job.state = state;
        if state == JobState::Cancelled {
            job.fetch.clear();
        }
        self.links_changed = true;
        self.drop_work(|ticket| ticket.job == id);
        self.event(Event::JobChanged { job: id, state });
        true
    }

    pub(crate) fn on_quit(&mut self, from: NodeId, job: JobId) {
        match self.jobs.get(&job) {
            Some(job) if job.is_own() => {}
            _ => return self.counters.ignored += 1,
        }
        self.lose_worker(job, from, true);
    }

    pub(crate) fn on_finished(&mut self, from: NodeId, id: JobId, cancelled: bool) {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.owner == from) else {
            if self.candidate.as_ref().is_some_and(|c| (c.job, c.owner) == (id, from)) {
                self.drop_candidate();
            }
            return;
        };
        if job.joined().is_none() {
            return;
        }
        let state = if cancelled { JobState::Cancelled } else { JobState::Finished };
        if !self.end(id, state) || cancelled {
            return;
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let lacking: Vec<u32> =
            (0..job.tasks()).filter(|task| !job.done.contains_key(task)).collect();
        job.fetch.lack(lacking);
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

    /// As owner: tells the participants how far it is, where that is due.
    pub(crate) fn report_due(&mut self, now: Time) {
        for id in self.running(true) {
            let owned = self.jobs.get_mut(&id).and_then(|job| job.owned());
            if owned.is_some_and(|owned| owned.status_at <= now) {
                self.report(now, id);
            }
        }
    }

    pub(crate) fn report(&mut self, now: Time, id: JobId) {
        let Some(owned) = self.jobs.get_mut(&id).and_then(|job| job.owned()) else { return };
        owned.status_at = Time::FAR_FUTURE;
        owned.status_sent = now;
        let Some(job) = self.jobs.get(&id) else { return };
        let message = status_from_job(job);
        for to in job.others(self.me) {
            self.send(to, message.clone());
        }
    }

    pub(crate) fn on_status(
        &mut self,
        now: Time,
        from: NodeId,
        id: JobId,
        participants: &Participants,
        done: u32,
    ) {
        if !self.hear_owner(now, from, id) {
            return;
        }
        let heartbeat = self.config.heartbeat;
        let is_in = participants.contains(&self.me);
        self.participants_are(id, from, participants);
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
        if !is_in {
            // Somebody else does what waits here.
            joined.owed = 0;
            self.drop_queued(id);
        }
        if (is_behind || !is_in) && may_ask {
            self.enlist_anew(now, id);
        }
    }

    /// As a participant: who takes part, as the owner says.
    pub(crate) fn participants_are(&mut self, id: JobId, owner: NodeId, who: &Participants) {
        let me = self.me;
        let Some(joined) = self.jobs.get_mut(&id).and_then(|job| job.joined()) else { return };
        let mut participants: BTreeSet<NodeId> = who.iter().copied().collect();
        participants.extend([owner, me]);
        if participants == joined.participants {
            return;
        }
        let count = u16::try_from(participants.len()).unwrap_or(u16::MAX);
        joined.participants = participants;
        self.event(Event::Participants { job: id, count });
    }
}

pub(crate) fn status_from_job(job: &Job) -> Message {
    Message::Status {
        job: job.id,
        participants: Bounded::truncating(job.participants()),
        done: job.done_count(),
    }
}
