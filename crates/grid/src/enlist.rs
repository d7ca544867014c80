//! How a node comes to take part in another's job: invited, enlisted, welcomed, appraised.
//!
//! A node considers one job at a time.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;

use base::{Bounded, NodeId, SortedSet, Time};
use bytes::Bytes;
use wire::grid::{Done, JobId, Message, Reason, SignedDescription, TASK_LIST_MAX, Tenure};

use crate::board::MEMBERS_MAX;
use crate::job::{Job, Joined, Role};
use crate::watch::Watch;
use crate::{Event, Grid, JobState};

/// Times that a node asks to take part before it turns to other jobs.
const ENLIST_TRIES_MAX: u32 = 3;
/// Jobs refused here that are remembered, so that they are not considered again. The oldest is
/// forgotten beyond it, and would be considered again.
const REFUSED_MAX: usize = 64;

/// A job that this node may join.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) job: JobId,
    pub(crate) owner: NodeId,
    pub(crate) asked: Time,
    tries: u32,
    /// The owner's welcome, while the driver appraises the job.
    pub(crate) welcome: Option<Welcome>,
}

/// What a welcome said.
#[derive(Clone, Debug)]
pub(crate) struct Welcome {
    pub(crate) signed: SignedDescription,
    pub(crate) epoch: u64,
    pub(crate) done: Bytes,
}

impl Grid {
    /// Somebody offers a job. False if this node does not take it.
    pub(crate) fn on_invite(&mut self, now: Time, job: JobId, owner: NodeId) -> bool {
        let is_orphan = |job: &Job| job.state == JobState::Orphaned && job.owner() == owner;
        if self.jobs.get(&job).is_some_and(is_orphan) {
            self.enlist_anew(now, job);
            return true;
        }
        let is_kept = self.jobs.get(&job).is_some_and(|job| !job.may_go_on_with(owner));
        let is_known = is_kept || self.refused.contains(&job);
        if owner == self.me || is_known || !self.is_idle() || !self.may_own(job, owner) {
            self.counters.ignored += 1;
            return false;
        }
        self.candidate = Some(Candidate { job, owner, asked: now, tries: 1, welcome: None });
        self.send(owner, Message::Enlist { job, slots: self.worker.slots });
        true
    }

    /// Asks again, or turns to other jobs.
    pub(crate) fn repeat_enlist(&mut self, now: Time) {
        let patience = self.retry_time();
        let Some(candidate) = &mut self.candidate else { return };
        if candidate.welcome.is_some() || candidate.asked + patience > now {
            return;
        }
        if candidate.tries >= ENLIST_TRIES_MAX {
            self.candidate = None;
            return;
        }
        candidate.tries += 1;
        candidate.asked = now;
        let (job, owner) = (candidate.job, candidate.owner);
        self.send(owner, Message::Enlist { job, slots: self.worker.slots });
    }

    /// As a participant: the owner lost sight of this node, results went astray, or the slots
    /// changed. The owner welcomes it again, with what is done.
    pub(crate) fn enlist_anew(&mut self, now: Time, id: JobId) {
        let slots = self.worker.slots;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let owner = job.owner();
        let Some(joined) = job.joined() else { return };
        joined.enlisted = now;
        self.send(owner, Message::Enlist { job: id, slots });
    }

    pub(crate) fn on_enlist(&mut self, now: Time, from: NodeId, id: JobId, slots: u16) {
        let Some(job) = self.jobs.get_mut(&id) else {
            return self.sorry(from, id, "no such job here");
        };
        let (is_running, tenure) = (job.is_running(), job.tenure);
        let is_barred = job.audits.is_barred(from);
        let Some(owned) = job.owned() else {
            return self.send(from, Message::Stale { job: id, tenure });
        };
        if is_barred {
            return self.tell_barred(from, id, tenure.epoch);
        }
        let board = &mut owned.board;
        let (was_here, is_heir) = (board.knows(from), owned.is_heir);
        if !is_running {
            return match was_here || is_heir {
                true => self.over(from, id),
                false => self.sorry(from, id, "the job has ended"),
            };
        }
        if !board.has_member(from) && board.member_count() >= MEMBERS_MAX {
            return self.sorry(from, id, "the job has as many participants as it may");
        }
        if !was_here && !is_heir && board.open_count() == 0 {
            return self.sorry(from, id, "the job has no open tasks");
        }
        let is_new = board.enlist(from, slots.min(crate::worker::SLOTS_MAX), now);
        self.welcome(from, id);
        if is_new {
            self.participants_changed(id);
        }
    }

    fn welcome(&mut self, to: NodeId, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        let message = Message::Welcome {
            job: job.signed.clone(),
            epoch: job.tenure.epoch,
            done: bits_from_done(job),
        };
        self.send(to, message);
    }

    fn sorry(&mut self, to: NodeId, job: JobId, reason: &str) {
        self.send(to, Message::Sorry { job, reason: Reason::new(reason) });
    }

    pub(crate) fn on_welcome(&mut self, now: Time, from: NodeId, welcome: Welcome) {
        let id = welcome.signed.description.job();
        if let Some(candidate) = &self.candidate
            && (candidate.job, candidate.owner) == (id, from)
        {
            if candidate.welcome.is_none() {
                self.consider(id, from, welcome);
            }
        } else if self.hear_owner(now, from, id, welcome.epoch) {
            self.catch_up(now, id, &welcome.done);
        }
    }

    /// Checks what can be checked of a job here, and asks the driver for the rest.
    fn consider(&mut self, id: JobId, owner: NodeId, welcome: Welcome) {
        if let Err(reason) = self.check(&welcome.signed) {
            self.misbehaved(owner, "welcome to an impossible job");
            return self.refuse(&reason);
        }
        if welcome.done.len() != byte_count(welcome.signed.description.tasks) {
            self.misbehaved(owner, "welcome with a wrong number of tasks");
            return self.refuse("its owner does not know how many tasks it has");
        }
        self.appraise(&welcome.signed);
        if let Some(candidate) = self.candidate.as_mut().filter(|candidate| candidate.job == id) {
            candidate.welcome = Some(welcome);
        }
    }

    /// The reason in words why a job cannot be one of this network.
    pub(crate) fn check(&self, signed: &SignedDescription) -> Result<(), String> {
        let description = &signed.description;
        if !description.is_bounded() {
            return Err(format!(
                "{} tasks and {} bytes of parameters; a job has 1 to {} tasks and at most {} bytes",
                description.tasks,
                description.params.len(),
                wire::grid::TASKS_MAX,
                wire::grid::PARAMS_BYTES_MAX,
            ));
        }
        match signed.verify(&self.config.network) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(crate) fn on_appraised(&mut self, now: Time, job: JobId, verdict: Result<(), String>) {
        // The verdict on an invitation may come while the record is still being looked for.
        if self.watches.get(&job).is_some_and(Watch::has_record) {
            return self.on_watch_appraised(now, job, verdict);
        }
        if let Some(owned) = self.jobs.get_mut(&job).and_then(Job::owned) {
            // It came with the record of a job that goes on from here.
            owned.can_work |= verdict.is_ok();
            return;
        }
        let is_asked = |candidate: &mut Candidate| candidate.job == job;
        let Some(candidate) = self.candidate.take_if(is_asked) else { return };
        match (verdict, candidate.welcome) {
            (Ok(()), Some(welcome)) => self.join(now, job, candidate.owner, &welcome),
            (verdict, welcome) => {
                self.candidate = Some(Candidate { welcome: None, ..candidate });
                if let (Err(reason), Some(_)) = (verdict, welcome) {
                    self.refuse(&reason);
                }
            }
        }
    }

    fn join(&mut self, now: Time, id: JobId, owner: NodeId, welcome: &Welcome) {
        let role = Role::Participant(Joined::new(now, true));
        let tenure = Tenure { epoch: welcome.epoch, owner };
        if let Some(job) = self.jobs.get_mut(&id).filter(|job| job.may_go_on_with(owner)) {
            (job.tenure, job.role) = (tenure, role);
            self.go_on(id, JobState::Running);
            return self.catch_up(now, id, &welcome.done);
        }
        if self.jobs.contains_key(&id) || !self.make_place() {
            return self.send(owner, Message::Quit { job: id });
        }
        self.open(Job::new(welcome.signed.clone(), tenure, self.me, self.opened, role));
        self.catch_up(now, id, &welcome.done);
        if welcome.done.iter().any(|byte| *byte != 0) {
            // Who did what, and so where it may be had.
            self.outputs.push_back(crate::Output::Recall { job: id });
        }
    }

    /// Learns what is done according to the owner, and tells it what else is.
    fn catch_up(&mut self, now: Time, id: JobId, bits: &[u8]) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let done = done_from_bits(job.tasks(), bits);
        let lacking: SortedSet<u32> =
            done.iter().filter(|task| !job.seen.contains(task)).copied().collect();
        let unheard = job.seen.iter().filter(|task| !done.contains(task));
        let unheard = unheard.filter_map(|task| job.done.get(task).map(|done| (*task, *done)));
        let unheard: Bounded<(u32, Done), TASK_LIST_MAX> = Bounded::truncating(unheard);
        job.fetch.lack(lacking.iter().copied(), now);
        let owner = job.owner();
        if !unheard.is_empty() {
            self.send(owner, Message::Known { job: id, done: unheard });
        }
        self.drop_work(|ticket| ticket.job == id && lacking.contains(&ticket.task));
    }

    pub(crate) fn on_sorry(&mut self, now: Time, from: NodeId, job: JobId) {
        let candidate = self.candidate.as_ref().map(|candidate| (candidate.job, candidate.owner));
        if candidate == Some((job, from)) {
            self.candidate = None;
        } else if self.jobs.get(&job).is_some_and(|job| job.owner() == from) {
            self.orphan(now, job);
        }
    }

    /// Refuses the candidate for good, and says why.
    fn refuse(&mut self, reason: &str) {
        let Some(candidate) = self.candidate.take() else { return };
        self.send(candidate.owner, Message::Quit { job: candidate.job });
        self.refuse_job(candidate.job, reason);
    }

    pub(crate) fn refuse_job(&mut self, job: JobId, reason: &str) {
        self.remember_refusal(job);
        self.event(Event::JobRefused { job, reason: reason.into() });
    }

    /// A job that a former owner gave up.
    pub(crate) fn go_on(&mut self, id: JobId, state: JobState) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        (job.state, job.is_given_up) = (state, false);
        self.links_changed = true;
        self.event(Event::JobChanged { job: id, state });
        // What this node says to the job's group, it says as a member.
        self.review_groups(false);
    }

    /// Invitations to this job are declined from now on.
    pub(crate) fn remember_refusal(&mut self, job: JobId) {
        if self.refused.contains(&job) {
            return;
        }
        self.refused.push_back(job);
        if self.refused.len() > REFUSED_MAX {
            self.refused.pop_front();
        }
    }
}

/// Bytes that hold one bit for each task.
fn byte_count(tasks: u32) -> usize {
    usize::try_from(tasks.div_ceil(8)).unwrap_or(usize::MAX)
}

fn bits_from_done(job: &Job) -> Bytes {
    let mut bits = vec![0u8; byte_count(job.tasks())];
    for task in job.done.keys() {
        if let Some(byte) = usize::try_from(task / 8).ok().and_then(|at| bits.get_mut(at)) {
            *byte |= 1 << (task % 8);
        }
    }
    Bytes::from(bits)
}

fn done_from_bits(tasks: u32, bits: &[u8]) -> SortedSet<u32> {
    (0..tasks)
        .zip(bits.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)))
        .filter(|(_, is_done)| *is_done)
        .map(|(task, _)| task)
        .collect()
}
