//! How a node comes to take part in another's job: invited, enlisted, welcomed, appraised.
//!
//! A node considers one job at a time.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;

use base::{Bounded, NodeId, Time};
use bytes::Bytes;
use wire::grid::{JobId, Message, PARTICIPANTS_MAX, Reason, SignedDescription};

use crate::job::{Job, Joined, Role};
use crate::{Event, Grid, JobState, Output};

/// Times that a node asks to take part before it turns to other jobs.
const ENLIST_TRIES_MAX: u32 = 3;
/// Jobs refused here that are remembered, so that they are not considered again. The oldest is
/// forgotten beyond it, and would be considered again.
const REFUSED_MAX: usize = 64;

/// Who takes part, as messages carry it.
pub(crate) type Participants = Bounded<NodeId, PARTICIPANTS_MAX>;

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
    signed: SignedDescription,
    participants: Participants,
    done: Bytes,
}

impl Grid {
    pub(crate) fn on_invite(&mut self, now: Time, job: JobId, owner: NodeId) {
        let is_orphan = |job: &Job| job.state == JobState::Orphaned && job.owner == owner;
        if self.jobs.get(&job).is_some_and(is_orphan) {
            return self.enlist_anew(now, job);
        }
        let is_known = self.jobs.contains_key(&job) || self.refused.contains(&job);
        if owner == self.me || is_known || !self.is_idle() {
            self.counters.ignored += 1;
            return;
        }
        self.candidate = Some(Candidate { job, owner, asked: now, tries: 1, welcome: None });
        self.send(owner, Message::Enlist { job, slots: self.worker.slots });
    }

    /// Asks again, or turns to other jobs.
    pub(crate) fn repeat_enlist(&mut self, now: Time) {
        let patience = self.retry_time();
        let Some(candidate) = &mut self.candidate else { return };
        if candidate.welcome.is_some() || candidate.asked + patience > now {
            return;
        }
        if candidate.tries >= ENLIST_TRIES_MAX {
            self.drop_candidate();
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
        let owner = job.owner;
        let Some(joined) = job.joined() else { return };
        joined.enlisted = now;
        self.send(owner, Message::Enlist { job: id, slots });
    }

    pub(crate) fn on_enlist(&mut self, now: Time, from: NodeId, id: JobId, slots: u16) {
        let Some(job) = self.jobs.get_mut(&id) else {
            return self.sorry(from, id, "no such job here");
        };
        let (is_running, cancelled) = (job.is_running(), job.state == JobState::Cancelled);
        let Some(owned) = job.owned() else {
            return self.sorry(from, id, "the job is another's");
        };
        let board = &mut owned.board;
        let was_here = board.knows(from);
        if !is_running {
            return match was_here {
                true => self.send(from, Message::Finished { job: id, cancelled }),
                false => self.sorry(from, id, "the job has ended"),
            };
        }
        if !board.has_member(from) && board.member_count() >= PARTICIPANTS_MAX {
            return self.sorry(from, id, "the job has as many participants as it may");
        }
        if !was_here && board.open_count() == 0 {
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
            participants: Bounded::truncating(job.participants()),
            done: bits_from_done(job),
        };
        self.send(to, message);
    }

    fn sorry(&mut self, to: NodeId, job: JobId, reason: &str) {
        self.send(to, Message::Sorry { job, reason: Reason::new(reason) });
    }

    pub(crate) fn on_welcome(
        &mut self,
        now: Time,
        from: NodeId,
        signed: SignedDescription,
        participants: Participants,
        done: Bytes,
    ) {
        let id = signed.description.job();
        let welcome = Welcome { signed, participants, done };
        if let Some(candidate) = &self.candidate
            && (candidate.job, candidate.owner) == (id, from)
        {
            if candidate.welcome.is_none() {
                self.consider(id, from, welcome);
            }
        } else if self.hear_owner(now, from, id) {
            self.catch_up(id, &welcome);
        }
    }

    /// Checks what can be checked of a job here, and asks the driver for the rest.
    fn consider(&mut self, id: JobId, owner: NodeId, welcome: Welcome) {
        if let Err(reason) = self.check(&welcome.signed, owner) {
            self.misbehaved(owner, "welcome to an impossible job");
            return self.refuse(&reason);
        }
        let description = &welcome.signed.description;
        if welcome.done.len() != byte_count(description.tasks) {
            self.misbehaved(owner, "welcome with a wrong number of tasks");
            return self.refuse("its owner does not know how many tasks it has");
        }
        self.outputs.push_back(Output::Appraise {
            job: id,
            kind: description.kind,
            params: description.params.clone(),
            tasks: description.tasks,
        });
        if let Some(candidate) = &mut self.candidate {
            candidate.welcome = Some(welcome);
        }
    }

    /// The reason in words why a job cannot be one of this owner's.
    pub(crate) fn check(&self, signed: &SignedDescription, owner: NodeId) -> Result<(), String> {
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
        if description.creator.id() != owner {
            return Err("its owner did not create it".into());
        }
        match signed.verify(&self.config.network) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(crate) fn on_appraised(&mut self, now: Time, job: JobId, verdict: Result<(), String>) {
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
        if !self.make_place() {
            return self.send(owner, Message::Quit { job: id });
        }
        let joined = Joined {
            participants: BTreeSet::from([owner, self.me]),
            heard: now,
            asked: None,
            owed: 0,
            enlisted: now,
            mark: (now, 0),
        };
        let signed = welcome.signed.clone();
        self.open(Job::new(id, signed, owner, self.opened, Role::Participant(joined)));
        self.catch_up(id, welcome);
    }

    /// Learns who takes part and what is done.
    fn catch_up(&mut self, id: JobId, welcome: &Welcome) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let owner = job.owner;
        let lacking = lacking_from_bits(job, &welcome.done);
        self.drop_work(|ticket| ticket.job == id && lacking.contains(&ticket.task));
        if let Some(job) = self.jobs.get_mut(&id) {
            job.fetch.lack(lacking);
        }
        self.participants_are(id, owner, &welcome.participants);
    }

    pub(crate) fn on_sorry(&mut self, from: NodeId, job: JobId) {
        let candidate = self.candidate.as_ref().map(|candidate| (candidate.job, candidate.owner));
        if candidate == Some((job, from)) {
            self.drop_candidate();
        } else if self.jobs.get(&job).is_some_and(|job| job.owner == from) {
            self.orphan(job);
        }
    }

    /// Refuses the candidate for good, and says why.
    fn refuse(&mut self, reason: &str) {
        let Some(candidate) = self.drop_candidate() else { return };
        let (job, owner) = (candidate.job, candidate.owner);
        self.refused.push_back(job);
        if self.refused.len() > REFUSED_MAX {
            self.refused.pop_front();
        }
        self.send(owner, Message::Quit { job });
        self.event(Event::JobRefused { job, reason: reason.into() });
    }

    /// Idle again, which the next heartbeat says: saying so at once would bring the same invitation.
    pub(crate) fn drop_candidate(&mut self) -> Option<Candidate> {
        self.is_announced = true;
        self.candidate.take()
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

/// Tasks that are done according to `bits` and not known to be done here.
fn lacking_from_bits(job: &Job, bits: &[u8]) -> BTreeSet<u32> {
    (0..job.tasks())
        .zip(bits.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)))
        .filter(|(task, is_done)| *is_done && !job.done.contains_key(task))
        .map(|(task, _)| task)
        .collect()
}
