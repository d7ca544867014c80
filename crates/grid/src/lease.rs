//! Tasks change hands: pulled, leased, extended, returned, and taken from the silent.
//!
//! The owner remembers what a worker asked for and could not get, and leases it unasked when a
//! task is open again; so nobody polls, and a lost worker's tasks move within one message.

use alloc::vec::Vec;

use base::{Bounded, Duration, NodeId, SortedSet, Time};
use wire::grid::{JobId, Message, Reason, Tasks};

use crate::job::{HELD_MAX, Job, Role};
use crate::worker::Ticket;
use crate::{Event, Grid, JobState};

/// Heartbeats for which a task that failed on everybody waits for somebody new before all try it
/// once more. Chosen: several announcements of whoever is idle.
const STUCK_HEARTBEATS: u32 = 5;

impl Grid {
    /// Leases open tasks to the workers that wait for them.
    pub(crate) fn feed(&mut self, now: Time) {
        for job in self.owned() {
            let Some(owned) = self.jobs.get_mut(&job).and_then(Job::owned) else { continue };
            if owned.grace_until > now {
                continue;
            }
            for worker in owned.board.hungry() {
                self.lease(now, job, worker, false);
            }
        }
    }

    /// Brings the tasks in this node's hands up to the mark: own ones first, then those of the job
    /// joined first that has any.
    pub(crate) fn top_up(&mut self, now: Time) {
        if self.worker.slots == 0 || self.worker.is_resting {
            return;
        }
        for job in self.owned() {
            self.take_own(now, job);
        }
        if self.has_own_open() {
            return;
        }
        let (slots, held) = (u32::from(self.worker.slots), self.worker.held_count());
        for job in self.joined() {
            let Some(job) = self.jobs.get_mut(&job) else { continue };
            let (id, owner, (high, low)) = (job.id, job.owner(), job.pace.marks(slots));
            let Some(joined) = job.joined().filter(|joined| joined.works) else { continue };
            if held > low {
                return;
            }
            if joined.asked.is_none() && joined.owed == 0 {
                let wanted = u16::try_from(high - held).unwrap_or(u16::MAX);
                joined.asked = Some(now);
                joined.owed = wanted;
                self.send(owner, Message::Pull { job: id, wanted });
                return;
            }
            if !joined.is_starved() {
                return;
            }
        }
    }

    /// The tasks of a job that this node owns need no time on the way, so none are taken before a
    /// slot is free.
    fn take_own(&mut self, now: Time, id: JobId) {
        let me = self.me;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        // An own job goes first, whatever else is in hand.
        let of_it = u32::try_from(self.worker.held(id).count()).unwrap_or(u32::MAX);
        let held = if job.is_mine { of_it } else { self.worker.held_count() };
        let wanted = u32::from(self.worker.slots).saturating_sub(held);
        let Some(owned) = job.owned() else { return };
        if !owned.can_work || owned.grace_until > now {
            return;
        }
        owned.board.want(me, u16::try_from(wanted).unwrap_or(u16::MAX));
        let tasks = owned.board.grant(me, now);
        owned.board.want(me, 0);
        if tasks.is_empty() {
            return;
        }
        self.counters.leased += tasks.len() as u64;
        for task in tasks {
            self.worker.enqueue(Ticket::new(job, task));
        }
        self.note_recovery(now, id);
    }

    pub(crate) fn has_own_open(&self) -> bool {
        self.jobs.values().any(|job| match &job.role {
            Role::Owner(owned) => {
                job.is_running() && owned.can_work && owned.board.has_open_for(self.me)
            }
            Role::Participant(_) => false,
        })
    }

    pub(crate) fn on_pull(&mut self, now: Time, from: NodeId, job: JobId, wanted: u16) {
        if !self.hear_worker(now, from, job) {
            return;
        }
        let Some(owned) = self.jobs.get_mut(&job).and_then(Job::owned) else { return };
        owned.board.want(from, wanted);
        if owned.grace_until <= now {
            self.lease(now, job, from, wanted > 0);
        }
    }

    /// Leases to `worker` what it wants and may have. An answer is sent even if it is nothing.
    fn lease(&mut self, now: Time, job: JobId, worker: NodeId, is_answer: bool) {
        let Some(part) = self.jobs.get_mut(&job) else { return };
        let keeps_up = part.audits.waiting_count() < crate::audit::WAITING_MAX;
        let Some(owned) = part.owned() else { return };
        let tasks = if keeps_up { owned.board.grant(worker, now) } else { Vec::new() };
        if !tasks.is_empty() || is_answer {
            self.lease_out(now, job, worker, tasks);
        }
    }

    /// Tells a worker which tasks are its.
    pub(crate) fn lease_out(&mut self, now: Time, id: JobId, worker: NodeId, tasks: Vec<u32>) {
        let Some(job) = self.jobs.get(&id) else { return };
        let epoch = job.tenure.epoch;
        self.counters.leased += tasks.len() as u64;
        if !tasks.is_empty() {
            self.note_recovery(now, id);
        }
        self.send(worker, Message::Lease { job: id, epoch, tasks: Tasks::truncating(tasks) });
    }

    pub(crate) fn on_lease(
        &mut self,
        now: Time,
        from: NodeId,
        id: JobId,
        epoch: u64,
        tasks: &Tasks,
    ) {
        if !self.hear_owner(now, from, id, epoch) {
            return;
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if tasks.iter().any(|task| *task >= job.tasks()) {
            self.misbehaved(from, "leased a task that the job does not have");
            return;
        }
        let Some(joined) = job.joined() else { return };
        joined.owed = joined.owed.saturating_sub(u16::try_from(tasks.len()).unwrap_or(u16::MAX));
        if let Some(asked) = joined.asked.take() {
            job.pace.answered(now.since(asked));
        }
        let mut refused = Tasks::new();
        for &task in tasks {
            if !self.take_leased(id, task) {
                // Invariant: the two lists have the same maximum.
                refused.push(task).expect("no more tasks come back than came");
            }
        }
        if !refused.is_empty() {
            self.give_back(id, refused);
        }
    }

    /// False if the task cannot be done here.
    fn take_leased(&mut self, id: JobId, task: u32) -> bool {
        let Some(job) = self.jobs.get(&id) else { return false };
        if job.done.get(&task).is_some_and(|done| done.worker == self.me)
            && let Some(result) = self.result_message(job, task)
        {
            // Done, and lost on the way to the owner.
            self.send(job.owner(), result);
            return true;
        }
        let ticket = Ticket::new(job, task);
        self.worker.slots > 0 && (self.worker.holds(&ticket) || self.worker.enqueue(ticket))
    }

    pub(crate) fn on_extend(
        &mut self,
        now: Time,
        from: NodeId,
        id: JobId,
        slots: u16,
        tasks: &Tasks,
    ) {
        if !self.hear_worker(now, from, id) {
            // One that a former owner enlisted, or that was taken for dead.
            if self.jobs.get(&id).is_some_and(|job| job.is_owned() && job.is_running()) {
                self.on_enlist(now, from, id, slots);
                self.confirm(now, from, id, tasks);
            }
            return;
        }
        self.confirm(now, from, id, tasks);
        let patience = self.config.heartbeat * 3 / 4;
        let Some(owned) = self.jobs.get_mut(&id).and_then(Job::owned) else { return };
        let named: SortedSet<u32> = tasks.iter().copied().collect();
        let lost = owned.board.extend(from, &named, now, patience);
        if !lost.is_empty() {
            self.counters.fetched += lost.len() as u64;
            self.send(from, Message::Fetch { job: id, tasks: Tasks::truncating(lost) });
        }
    }

    /// As owner: what a member says it holds is its, unless it is done, which it is told.
    fn confirm(&mut self, now: Time, from: NodeId, id: JobId, tasks: &Tasks) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let (count, mut known) = (job.tasks(), Bounded::new());
        for task in tasks.iter().filter(|task| **task < count) {
            if let Some(done) = job.done.get(task) {
                // Invariant: the two lists have the same maximum.
                known.push((*task, *done)).expect("no more tasks are done than were named");
            } else if let Some(owned) = job.owned() {
                owned.board.adopt(from, *task, now);
            }
        }
        if !tasks.is_empty() {
            self.note_recovery(now, id);
        }
        if !known.is_empty() {
            self.send(from, Message::Known { job: id, done: known });
        }
    }

    pub(crate) fn on_return(
        &mut self,
        now: Time,
        from: NodeId,
        job: JobId,
        tasks: &Tasks,
        failure: Option<&Reason>,
    ) {
        if !self.hear_worker(now, from, job) {
            return;
        }
        if let Some(reason) = failure {
            self.on_failed(job, from, tasks, &reason.text());
            return;
        }
        let Some(owned) = self.jobs.get_mut(&job).and_then(Job::owned) else { return };
        for task in tasks {
            owned.board.release(from, *task);
        }
        // Whoever gives back wants nothing more until it says so.
        owned.board.want(from, 0);
    }

    /// Gives tasks of another's job back. They are not this node's to do.
    pub(crate) fn give_back(&mut self, id: JobId, tasks: Tasks) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let owner = job.owner();
        if let Some(joined) = job.joined() {
            joined.owed = 0;
        }
        let reason = Reason::default();
        self.send(owner, Message::Return { job: id, tasks, failed: false, reason });
    }

    /// As owner: a worker is gone, and its tasks are free at once.
    pub(crate) fn lose_worker(&mut self, now: Time, job: JobId, worker: NodeId, left: bool) {
        let Some(owned) = self.jobs.get_mut(&job).and_then(Job::owned) else { return };
        let Some(tasks) = owned.board.dismiss(worker, left.then_some(now)) else { return };
        if !left {
            self.keep_for(now, job, worker);
        }
        self.event(Event::WorkerLost { job, worker, tasks, left });
        self.participants_changed(job);
    }

    /// As owner: takes the leases of those who were silent for too long.
    pub(crate) fn expire_leases(&mut self, now: Time) {
        let (me, patience) = (self.me, self.lease_time());
        for job in self.owned() {
            while let Some(owned) = self.jobs.get_mut(&job).and_then(Job::owned)
                && let Some((at, worker)) = owned.board.next_silent(me, patience)
                && at <= now
            {
                self.lose_worker(now, job, worker, false);
            }
        }
    }

    /// Each heartbeat, as owner: tasks that failed everywhere get one more try, and then end the job.
    pub(crate) fn retry_stuck(&mut self, now: Time) {
        let patience = self.config.heartbeat * STUCK_HEARTBEATS;
        for job in self.owned() {
            let Some(owned) = self.jobs.get_mut(&job).and_then(Job::owned) else { continue };
            if owned.board.retry_stuck(now, patience) {
                self.end_owned(job, JobState::Cancelled);
            }
        }
    }

    /// Repeats pulls whose answer is overdue, with what this node holds: leases that were lost on
    /// the way are found out by it.
    pub(crate) fn repeat_pulls(&mut self, now: Time) {
        let patience = self.retry_time();
        for id in self.joined() {
            let Some(joined) = self.jobs.get_mut(&id).and_then(Job::joined) else {
                continue;
            };
            if joined.asked.is_some_and(|asked| asked + patience <= now) {
                joined.asked = None;
                joined.owed = 0;
                self.extend(id);
            }
        }
    }

    /// Silence after which a worker's tasks go to others, and an owner counts as gone.
    pub(crate) fn lease_time(&self) -> Duration {
        self.config.heartbeat * self.config.lease_heartbeats.max(3)
    }

    /// After this long a request is repeated.
    pub(crate) fn retry_time(&self) -> Duration {
        self.config.heartbeat / 2
    }
}

// A worker's hands fit one message.
const _: () = assert!(HELD_MAX as usize <= wire::grid::TASK_LIST_MAX);
