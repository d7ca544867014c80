//! Who owns a job: heard from the owner itself, claimed by hearsay, taken over, handed on.
//!
//! The root of a job's key that knows the record owns the job, in an epoch above all it has heard
//! of. A worker follows whoever proves to it to be the owner of the highest epoch, and tells owners
//! of the past. Nobody is followed who is farther from the job's key than the worker itself: the
//! root is the closest of all, so to steal a job one must be closer than everyone who works on it.

use alloc::vec::Vec;
use core::cmp::Ordering;

use base::{Key, NodeId, Time};
use bytes::Bytes;
use wire::grid::{JobId, Message, Reason, Record, Tasks, Tenure};

use crate::job::{Job, Joined, Owned, Role};
use crate::{Event, Grid, JobState, Output};

/// Epochs by which a claim may exceed what is known. A claim beyond it is no honest one: somebody
/// tries to leave no higher epoch to others.
const LEAP_MAX: u64 = 1 << 21;
/// The highest epoch that is believed of a record alone. Below [`LEAP_MAX`], so that workers of a
/// spoilt record's job still follow; they say themselves where they stand.
const RECORDED_MAX: u64 = 1 << 20;
/// An heir leases nothing for this part of a heartbeat, while workers say what they hold. Chosen:
/// several round trips, and less than the work that a worker has ahead.
const GRACES_PER_HEARTBEAT: u32 = 2;
/// Lookups of records for others' workers between two heartbeats. Beyond it they are ignored;
/// workers ask again.
const RECALLS_MAX: usize = 16;
/// Participants that tell a published owner of the past about the present one, on average: not all
/// of a crowd.
const CORRECTIONS: f64 = 8.0;

impl Grid {
    /// As a participant: a message of the owner, or of another one. False if it does not count:
    /// this node has no part in the job any more, or the sender does not own it.
    pub(crate) fn hear_owner(&mut self, now: Time, from: NodeId, id: JobId, epoch: u64) -> bool {
        if self.candidate.as_ref().is_some_and(|candidate| candidate.job == id) {
            return false;
        }
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.state != JobState::Cancelled)
        else {
            self.send(from, Message::Quit { job: id });
            return false;
        };
        let claim = Tenure { epoch, owner: from };
        match claim.cmp(&job.tenure) {
            Ordering::Less => {
                let tenure = job.tenure;
                self.send(from, Message::Stale { job: id, tenure });
                false
            }
            Ordering::Equal => job.is_open() && self.revive(now, id),
            Ordering::Greater => {
                let is_open = job.is_open();
                if !is_open || self.contest(now, id, claim) || !self.is_plausible(id, claim) {
                    self.counters.ignored += 1;
                    return false;
                }
                self.follow(now, id, claim);
                true
            }
        }
    }

    /// The owner lives.
    fn revive(&mut self, now: Time, id: JobId) -> bool {
        let Some(job) = self.jobs.get_mut(&id) else { return false };
        let was_orphaned = job.state == JobState::Orphaned;
        let Some(joined) = job.joined() else { return false };
        joined.heard = now;
        job.lost_at = None;
        if was_orphaned {
            job.state = JobState::Running;
            self.links_changed = true;
            self.event(Event::JobChanged { job: id, state: JobState::Running });
        }
        true
    }

    /// As owner and root: somebody else owns the job in a higher epoch, as after a partition. The
    /// root takes it back, at most once in a heartbeat.
    fn contest(&mut self, now: Time, id: JobId, claim: Tenure) -> bool {
        let (ready, heartbeat) = (self.ready, self.config.heartbeat);
        let leap = |job: &Job| claim.epoch > job.tenure.epoch.saturating_add(LEAP_MAX);
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.is_root && ready && !leap(job))
        else {
            return false;
        };
        let Some(owned) = job.owned() else { return false };
        if now.since(owned.claimed_at) < heartbeat {
            return true;
        }
        owned.claimed_at = now;
        owned.is_heir = true;
        self.claim(now, id, claim.epoch.saturating_add(1));
        true
    }

    /// Follows another owner, and tells it what this node holds. An owner steps down by it.
    fn follow(&mut self, now: Time, id: JobId, claim: Tenure) {
        if self.jobs.get(&id).is_some_and(Job::is_owned) {
            self.write_news(id);
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let works = match &job.role {
            Role::Owner(owned) => {
                self.counters.reassigned += u64::from(owned.board.reassigned());
                self.measures.worker_recovery.add(owned.board.recovery());
                owned.can_work
            }
            Role::Participant(joined) => joined.works,
        };
        let mut joined = Joined::new(now, works);
        joined.participants = job.participant_count();
        job.role = Role::Participant(joined);
        job.tenure = claim;
        self.links_changed = true;
        self.event(Event::OwnerChanged { job: id, owner: claim.owner, epoch: claim.epoch });
        self.revive(now, id);
        if works {
            self.extend(id);
        }
    }

    /// Whether this may be the owner's claim at all.
    pub(crate) fn is_plausible(&self, id: JobId, claim: Tenure) -> bool {
        let known = self.jobs.get(&id).map_or(0, |job| job.tenure.epoch);
        claim.epoch <= known.saturating_add(LEAP_MAX) && self.may_own(id, claim.owner)
    }

    /// Whether `owner` may be the root of the job's key, as far as this node can tell.
    pub(crate) fn may_own(&self, id: JobId, owner: NodeId) -> bool {
        !self.ready || owner == self.me || id.closer(owner, self.me) == Ordering::Less
    }

    /// Somebody says who owns a job, without being it: it is asked itself.
    pub(crate) fn on_claim(&mut self, now: Time, id: JobId, claim: Tenure) {
        let me = self.me;
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.is_open()) else { return };
        if claim <= job.tenure {
            return;
        }
        if claim.owner == me {
            // Before this start, or before it stepped down.
            if job.is_owned() && claim.epoch <= job.tenure.epoch.saturating_add(LEAP_MAX) {
                self.claim(now, id, claim.epoch.saturating_add(1));
            }
            return;
        }
        if self.contest(now, id, claim) || !self.is_plausible(id, claim) {
            return;
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        match &mut job.role {
            Role::Participant(joined) if !joined.works => job.tenure = claim,
            Role::Participant(_) => self.extend_to(id, claim.owner),
            Role::Owner(_) => {
                let slots = self.worker.slots;
                self.send(claim.owner, Message::Enlist { job: id, slots });
            }
        }
    }

    /// A participant says that this node is an owner of the past.
    pub(crate) fn on_stale(&mut self, now: Time, from: NodeId, id: JobId, tenure: Tenure) {
        match self.jobs.get(&id).is_some_and(|job| job.is_owned() && job.knows(from)) {
            true => self.on_claim(now, id, tenure),
            false => self.counters.ignored += 1,
        }
    }

    /// A published status: a sign of life, or a claim.
    pub(crate) fn hear_published(&mut self, now: Time, id: JobId, claim: Tenure) -> bool {
        let Some(job) = self.jobs.get(&id).filter(|job| !job.is_owned() || claim > job.tenure)
        else {
            return false;
        };
        match claim.cmp(&job.tenure) {
            Ordering::Equal => job.is_open() && self.revive(now, id),
            Ordering::Greater => {
                self.on_claim(now, id, claim);
                false
            }
            Ordering::Less => {
                let (tenure, count) = (job.tenure, f64::from(job.participant_count()));
                if self.rng.chance((CORRECTIONS / count.max(1.0)).min(1.0)) {
                    self.send(claim.owner, Message::Stale { job: id, tenure });
                }
                false
            }
        }
    }

    /// This node is the root of the job's key, and its record is here: the job goes on from here.
    pub(crate) fn take_over(&mut self, now: Time, id: JobId, record: &Record) {
        if !self.jobs.contains_key(&id) {
            if !self.make_place() {
                return;
            }
            self.watches.remove(&id);
            let role = Role::Participant(Joined::new(now, false));
            self.open(Job::new(record.job.clone(), record.tenure, self.me, self.opened, role));
            self.appraise(&record.job);
            self.absorb(now, id, record);
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.is_root = true;
        let former = job.owner();
        let recorded = record.tenure.epoch;
        let recorded = if recorded > RECORDED_MAX { 0 } else { recorded };
        let epoch = job.tenure.epoch.min(RECORDED_MAX).max(recorded).saturating_add(1);
        self.inherit(now, id);
        self.keep_for(now, id, former);
        self.claim(now, id, epoch);
    }

    /// From participant to owner: tasks are done, or in the hands of this node, or open until
    /// workers say that they have them.
    fn inherit(&mut self, now: Time, id: JobId) {
        let grace = self.config.heartbeat / GRACES_PER_HEARTBEAT;
        let patience = self.lease_time();
        let held: Vec<u32> = self.worker.held(id).collect();
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Role::Participant(joined) = &job.role else { return };
        let mut owned = Owned::new(now, job.tasks());
        owned.is_heir = true;
        owned.can_work = joined.works;
        owned.grace_until = now + grace;
        owned.recruit_at = owned.grace_until;
        owned.survey_at = now + patience;
        owned.lost_at = Some(job.lost_at.take().unwrap_or(now));
        owned.unrecorded = job.verified.clone();
        owned.board.enlist(self.me, self.worker.slots, now);
        for (task, done) in &job.done {
            owned.board.close(*task, done.worker, now);
        }
        for task in held {
            owned.board.adopt(self.me, task, now);
        }
        let lacking: Vec<u32> =
            job.done.keys().filter(|task| !job.seen.contains(task)).copied().collect();
        job.fetch.lack(lacking, now);
        for task in job.seen.difference(&job.verified) {
            if let Some(payload) = self.results.get(id, *task) {
                job.audits.wait(*task, payload.clone());
            }
        }
        // What had to leave memory is the former owner's word.
        let is_here = |task: &u32| self.results.get(id, *task).is_some();
        job.verified.extend(job.seen.iter().copied().filter(|task| !is_here(task)));
        job.role = Role::Owner(owned);
        if job.state != JobState::Running {
            job.state = JobState::Running;
            self.event(Event::JobChanged { job: id, state: JobState::Running });
        }
    }

    /// Says to everyone that this node owns the job from this epoch on.
    fn claim(&mut self, now: Time, id: JobId, epoch: u64) {
        let me = self.me;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.tenure = Tenure { epoch, owner: me };
        self.links_changed = true;
        self.event(Event::OwnerChanged { job: id, owner: me, epoch });
        self.write_news(id);
        self.report(now, id);
        if self.jobs.get(&id).is_some_and(Job::is_verified) {
            self.end_owned(id, JobState::Finished);
        }
    }

    /// As heir: the first lease under this owner.
    pub(crate) fn note_recovery(&mut self, now: Time, id: JobId) {
        let owned = self.jobs.get_mut(&id).and_then(Job::owned);
        if let Some(lost_at) = owned.and_then(|owned| owned.lost_at.take()) {
            let after = now.since(lost_at);
            self.measures.owner_recovery.note(after);
            self.event(Event::Recovered { job: id, after });
        }
    }

    /// What is said to the root of a key, whoever that is.
    pub(crate) fn on_delivered(&mut self, now: Time, key: Key, from: NodeId, message: Message) {
        match message {
            Message::Extend { job, slots, tasks } => {
                self.on_extend_here(now, (key, from), job, slots, &tasks);
            }
            Message::Fetch { job, tasks } => self.on_fetch_here(now, (key, from), job, &tasks),
            Message::List { jobs } => self.on_listed(now, key, from, jobs),
            Message::AskPage { ticket, page } => self.on_page_asked(now, (key, from), ticket, page),
            _ => self.counters.ignored += 1,
        }
    }

    /// A worker whose owner is gone speaks to the root of the job's key.
    fn on_extend_here(
        &mut self,
        now: Time,
        (key, from): (Key, NodeId),
        id: JobId,
        slots: u16,
        tasks: &Tasks,
    ) {
        let Some(job) = self.jobs.get(&id).filter(|_| key == id && from != self.me) else {
            return self.recall_for(key, id);
        };
        match &job.role {
            Role::Owner(_) => self.on_extend(now, from, id, slots, tasks),
            // The record may be on its way, or lie with others only.
            Role::Participant(_) if job.state == JobState::Orphaned => self.recall_for(key, id),
            Role::Participant(_) if job.is_open() => {
                let tenure = job.tenure;
                self.send(from, Message::Stale { job: id, tenure });
            }
            Role::Participant(_) => self.over(from, id),
        }
    }

    pub(crate) fn recall_for(&mut self, key: Key, job: JobId) {
        if key == job && self.recalled.len() < RECALLS_MAX && self.recalled.insert(job) {
            self.outputs.push_back(Output::Recall { job });
        }
    }

    /// As owner: leaves the job to whoever is next.
    pub(crate) fn resign(&mut self, id: JobId) {
        self.write_all(id);
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(owned) = job.owned() else { return };
        let others = owned.board.others(self.me);
        for to in others {
            self.send(to, Message::Quit { job: id });
        }
    }

    /// Tells a peer that the job has ended, or that nothing is known of it.
    pub(crate) fn over(&mut self, to: NodeId, id: JobId) {
        let ended = self.jobs.get(&id).filter(|job| !job.is_open());
        let message = match ended.and_then(|job| Some((job.tenure.epoch, job.ending()?))) {
            Some((epoch, ending)) => Message::Finished { job: id, epoch, ending },
            None => Message::Sorry { job: id, reason: Reason::new("no such job here") },
        };
        self.send(to, message);
    }

    pub(crate) fn appraise(&mut self, signed: &wire::grid::SignedDescription) {
        let description = &signed.description;
        self.outputs.push_back(Output::Appraise {
            job: description.job(),
            kind: description.kind,
            params: Bytes::clone(&description.params),
            tasks: description.tasks,
        });
    }
}
