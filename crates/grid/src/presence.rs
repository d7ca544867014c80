//! Who is there: signs of life, silence, and the links and groups that a job asks for.
//!
//! A message about a job is a sign of life. Whoever speaks of a job that it has no part in (any
//! more) is told so, which repairs every misunderstanding about who takes part.

use alloc::vec::Vec;

use base::{Key, NodeId, SortedSet, Time};
use wire::grid::{JobId, Message, Tasks};

use crate::job::{Job, Role};
use crate::{Event, Grid, IDLE_KEY, JobState, Output};

/// Peers of one job to which an owner asks for links. Others are heard from through the overlay.
/// Chosen: half of what a tab may have.
const PREFERRED_MAX: usize = 32;
/// Heartbeats for which the orphans of a job still say each time what they hold. After that they
/// try once in as many heartbeats.
const ORPHAN_HEARTBEATS: u128 = 30;
/// Heartbeats between two looks at the record of a job whose owner is silent.
const RECALL_HEARTBEATS: u128 = 4;

impl Grid {
    /// As owner: a sign of life, of somebody whose messages count. Others are told how it is.
    pub(crate) fn hear_worker(&mut self, now: Time, from: NodeId, id: JobId) -> bool {
        let Some(job) = self.jobs.get_mut(&id) else {
            self.over(from, id);
            return false;
        };
        let (is_open, tenure) = (job.is_open(), job.tenure);
        if job.is_owned() && job.audits.is_barred(from) {
            // It was told, but that word may be lost.
            self.tell_barred(from, id, tenure.epoch);
            return false;
        }
        if !is_open {
            self.over(from, id);
            return false;
        }
        let Some(owned) = job.owned() else {
            // It missed a change of owners.
            if tenure.owner != from {
                self.send(from, Message::Stale { job: id, tenure });
            }
            return false;
        };
        owned.board.hear(from, now)
    }

    /// A sign of life in whatever part, without an answer.
    pub(crate) fn hear(&mut self, now: Time, from: NodeId, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.fetch.heard(from);
        let is_owner = job.owner() == from;
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

    /// Each heartbeat, and when an answer is overdue: tells the owner what this node holds, or, if
    /// it is gone, whoever is the root of the job's key.
    pub(crate) fn extend(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        if job.state == JobState::Orphaned {
            let message = self.extension(id);
            self.outputs.push_back(Output::Route { key: id, message });
        } else {
            self.extend_to(id, job.owner());
        }
    }

    pub(crate) fn extend_to(&mut self, id: JobId, owner: NodeId) {
        let message = self.extension(id);
        self.send(owner, message);
    }

    fn extension(&self, id: JobId) -> Message {
        let tasks = Tasks::truncating(self.worker.held(id));
        Message::Extend { job: id, slots: self.worker.slots, tasks }
    }

    /// Each heartbeat, as a participant: what is held, and again what is wanted, in case the owner
    /// forgot or never heard.
    pub(crate) fn keep_leases(&mut self, now: Time) {
        let heartbeat = self.config.heartbeat.as_micros().max(1);
        let (mut waiting, mut looking) = (SortedSet::new(), SortedSet::new());
        for job in self.jobs.values_mut().filter(|job| job.is_open()) {
            let (id, is_orphaned) = (job.id, job.state == JobState::Orphaned);
            let Some(joined) = job.joined() else { continue };
            if joined.asked.is_none() {
                joined.owed = 0;
            }
            let missed = now.since(joined.heard).as_micros() / heartbeat;
            let is_time = missed < ORPHAN_HEARTBEATS || missed.is_multiple_of(ORPHAN_HEARTBEATS);
            if joined.works && (!is_orphaned || is_time) {
                waiting.insert(id);
            }
            if is_orphaned && is_time && missed.is_multiple_of(RECALL_HEARTBEATS) {
                looking.insert(id);
            }
        }
        waiting.into_iter().for_each(|job| self.extend(job));
        self.outputs.extend(looking.into_iter().map(|job| Output::Recall { job }));
    }

    /// The owner is gone: nothing more is asked for until there is another one. What is in hand is
    /// computed and published all the same.
    pub(crate) fn orphan(&mut self, now: Time, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.is_running()) else { return };
        let Some(joined) = job.joined() else { return };
        joined.asked = None;
        joined.owed = 0;
        let works = joined.works;
        job.state = JobState::Orphaned;
        job.lost_at = Some(now);
        self.links_changed = true;
        self.event(Event::JobChanged { job: id, state: JobState::Orphaned });
        if works {
            self.extend(id);
        }
    }

    /// Each heartbeat: owners that were silent for too long are gone.
    pub(crate) fn miss_owners(&mut self, now: Time) {
        let patience = self.lease_time();
        for id in self.joined() {
            let joined = self.jobs.get_mut(&id).and_then(Job::joined);
            if joined.is_some_and(|joined| joined.heard + patience <= now) {
                self.orphan(now, id);
            }
        }
    }

    pub(crate) fn on_peer_gone(&mut self, now: Time, peer: NodeId, left: bool) {
        if self.candidate.as_ref().is_some_and(|candidate| candidate.owner == peer) {
            self.candidate = None;
        }
        for job in self.owned() {
            self.lose_worker(now, job, peer, left);
        }
        let ended = |job: &&Job| job.state == JobState::Finished;
        let ended: Vec<JobId> = self.jobs.values().filter(ended).map(|job| job.id).collect();
        for job in ended.into_iter().filter(|_| !left) {
            self.keep_for(now, job, peer);
        }
        for job in self.joined() {
            if self.jobs.get(&job).is_some_and(|job| job.owner() == peer) {
                self.orphan(now, job);
            }
        }
    }

    /// Asks for links between owner and workers, while a job runs.
    pub(crate) fn review_links(&mut self) {
        if !core::mem::take(&mut self.links_changed) {
            return;
        }
        let mut wanted = SortedSet::new();
        for job in self.jobs.values().filter(|job| job.is_running()) {
            match &job.role {
                Role::Owner(owned) => {
                    wanted.extend(owned.board.others(self.me).into_iter().take(PREFERRED_MAX));
                }
                Role::Participant(joined) if joined.works => drop(wanted.insert(job.owner())),
                Role::Participant(_) => {}
            }
        }
        wanted.remove(&self.me);
        let old = core::mem::replace(&mut self.preferred, wanted);
        self.outputs.extend(old.difference(&self.preferred).map(|peer| Output::Unprefer(*peer)));
        self.outputs.extend(self.preferred.difference(&old).map(|peer| Output::Prefer(*peer)));
    }

    /// Follows the groups of the jobs that go on here, and that of the idle while this node is
    /// idle. The idle group is left with a heartbeat's delay: whoever is busy refuses meanwhile.
    pub(crate) fn review_groups(&mut self, is_heartbeat: bool) {
        let goes_on = |job: &&Job| job.is_open() || !job.fetch.is_idle();
        let mut wanted: SortedSet<Key> =
            self.jobs.values().filter(goes_on).map(|job| job.id).collect();
        let stays = self.ready && !is_heartbeat && self.followed.contains(&IDLE_KEY);
        if self.is_idle() || stays {
            wanted.insert(IDLE_KEY);
        }
        if wanted == self.followed {
            return;
        }
        let old = core::mem::replace(&mut self.followed, wanted);
        let (left, joined) = (old.difference(&self.followed), self.followed.difference(&old));
        self.outputs.extend(left.map(|group| Output::Unfollow { group: *group }));
        self.outputs.extend(joined.map(|group| Output::Follow { group: *group }));
    }
}
