//! Who is there: signs of life, silence, and the links that a job asks for.
//!
//! A message about a job is a sign of life. Whoever speaks of a job that it has no part in (any
//! more) is told so, which repairs every misunderstanding about who takes part.

use alloc::collections::BTreeSet;

use base::{NodeId, Time};
use wire::grid::{JobId, Message, Reason};

use crate::job::Role;
use crate::status::status_from_job;
use crate::{Event, Grid, JobState, Output};

impl Grid {
    /// As owner: a sign of life, of somebody whose messages count. Others are told how it is.
    pub(crate) fn hear_worker(&mut self, now: Time, from: NodeId, id: JobId) -> bool {
        let Some(job) = self.jobs.get_mut(&id) else {
            let reason = Reason::new("no such job here");
            self.send(from, Message::Sorry { job: id, reason });
            return false;
        };
        let (is_running, cancelled) = (job.is_running(), job.state == JobState::Cancelled);
        let knows = job.knows(from);
        let Some(owned) = job.owned().filter(|_| knows) else {
            self.counters.ignored += 1;
            return false;
        };
        if !is_running {
            self.send(from, Message::Finished { job: id, cancelled });
            return false;
        }
        if owned.board.hear(from, now) {
            return true;
        }
        // Taken for dead, and alive: it enlists again when it finds itself missing.
        if let Some(job) = self.jobs.get(&id) {
            let status = status_from_job(job);
            self.send(from, status);
        }
        false
    }

    /// As a participant: a sign of life of the owner. False if this node has no part in the job
    /// any more, which the owner is told.
    pub(crate) fn hear_owner(&mut self, now: Time, from: NodeId, id: JobId) -> bool {
        let is_candidate = self.candidate.as_ref().is_some_and(|candidate| candidate.job == id);
        if is_candidate {
            return false;
        }
        let job = self.jobs.get_mut(&id).filter(|job| job.state != JobState::Cancelled);
        let Some(job) = job else {
            self.send(from, Message::Quit { job: id });
            return false;
        };
        if job.owner != from || !matches!(job.state, JobState::Running | JobState::Orphaned) {
            self.counters.ignored += 1;
            return false;
        }
        let was_orphaned = job.state == JobState::Orphaned;
        let Some(joined) = job.joined() else { return false };
        joined.heard = now;
        if was_orphaned {
            job.state = JobState::Running;
            self.links_changed = true;
            self.event(Event::JobChanged { job: id, state: JobState::Running });
        }
        true
    }

    /// A sign of life in whatever part, without an answer.
    pub(crate) fn hear(&mut self, now: Time, from: NodeId, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let is_owner = job.owner == from;
        match &mut job.role {
            Role::Owner(owned) => drop(owned.board.hear(from, now)),
            Role::Participant(joined) if is_owner => joined.heard = now,
            Role::Participant(_) => {}
        }
    }

    /// The driver slept: others were silent because nobody listened.
    pub(crate) fn forgive_silence(&mut self, now: Time) {
        for job in self.jobs.values_mut() {
            match &mut job.role {
                Role::Owner(owned) => owned.board.forgive(now),
                Role::Participant(joined) => joined.heard = now,
            }
        }
    }

    /// Asks for links between owner and workers, while a job runs.
    pub(crate) fn review_links(&mut self) {
        if !core::mem::take(&mut self.links_changed) {
            return;
        }
        let mut wanted = BTreeSet::new();
        for job in self.jobs.values().filter(|job| job.is_running()) {
            match &job.role {
                Role::Owner(owned) => wanted.extend(owned.board.members()),
                Role::Participant(_) => drop(wanted.insert(job.owner)),
            }
        }
        wanted.remove(&self.me);
        let old = core::mem::replace(&mut self.preferred, wanted);
        self.outputs.extend(old.difference(&self.preferred).map(|peer| Output::Unprefer(*peer)));
        self.outputs.extend(self.preferred.difference(&old).map(|peer| Output::Prefer(*peer)));
    }

    /// The owner is gone: what is under way ends, what waits is dropped, what is done stays.
    pub(crate) fn orphan(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.is_running()) else { return };
        let Some(joined) = job.joined() else { return };
        joined.asked = None;
        joined.owed = 0;
        job.state = JobState::Orphaned;
        self.links_changed = true;
        self.drop_queued(id);
        self.event(Event::JobChanged { job: id, state: JobState::Orphaned });
    }

    /// Each heartbeat: owners that were silent for too long are gone.
    pub(crate) fn miss_owners(&mut self, now: Time) {
        let patience = self.lease_time();
        for id in self.running(false) {
            let joined = self.jobs.get_mut(&id).and_then(|job| job.joined());
            if joined.is_some_and(|joined| joined.heard + patience <= now) {
                self.orphan(id);
            }
        }
    }

    pub(crate) fn on_peer_gone(&mut self, peer: NodeId, left: bool) {
        self.meeting.forget(peer);
        if self.candidate.as_ref().is_some_and(|candidate| candidate.owner == peer) {
            self.drop_candidate();
        }
        for job in self.running(true) {
            self.lose_worker(job, peer, left);
        }
        for job in self.running(false) {
            if self.jobs.get(&job).is_some_and(|job| job.owner == peer) {
                self.orphan(job);
            }
        }
    }
}
