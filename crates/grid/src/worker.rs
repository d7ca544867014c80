//! What this node computes, for its own jobs and for others'.
//!
//! Own jobs go first, then the job that was joined first, then the most important task.

use alloc::string::String;
use alloc::vec::Vec;

use base::{Digest, SortedMap, SortedSet, Time};
use bytes::Bytes;
use wire::grid::{Done, JobId, Message, Reason};
use wire::limits::PAYLOAD_BYTES_MAX;

use crate::job::{HELD_MAX, Job};
use crate::{Event, Failure, Grid, Output, WorkId};

/// Computations at once. More slots than this are left unused: half of what one node may hold of
/// a job, so that the other half can wait for its turn.
pub const SLOTS_MAX: u16 = 128;

/// A task in this node's hands, in the order in which they are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    is_foreign: bool,
    age: u64,
    pub(crate) task: u32,
    pub(crate) job: JobId,
}

impl Ticket {
    pub(crate) fn new(job: &Job, task: u32) -> Self {
        Ticket { is_foreign: !job.is_mine, age: job.age, task, job: job.id }
    }
}

/// The tasks in this node's hands. At most [`HELD_MAX`] of each job.
#[derive(Clone, Debug, Default)]
pub(crate) struct Worker {
    pub(crate) slots: u16,
    /// The driver could not compute: nothing is started until the next heartbeat.
    pub(crate) is_resting: bool,
    queue: SortedSet<Ticket>,
    computing: SortedMap<WorkId, (Ticket, Time)>,
    works: u64,
}

impl Worker {
    /// Queued and computing.
    pub(crate) fn held_count(&self) -> u32 {
        u32::try_from(self.queue.len() + self.computing.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn computing_count(&self) -> u32 {
        u32::try_from(self.computing.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn queue_count(&self) -> u32 {
        u32::try_from(self.queue.len()).unwrap_or(u32::MAX)
    }

    /// Of one job, queued and computing.
    pub(crate) fn held(&self, job: JobId) -> impl Iterator<Item = u32> + '_ {
        let computing = self.computing.values().map(|(ticket, _)| ticket);
        self.queue.iter().chain(computing).filter(move |t| t.job == job).map(|t| t.task)
    }

    pub(crate) fn holds(&self, ticket: &Ticket) -> bool {
        self.queue.contains(ticket) || self.computing.values().any(|(t, _)| t == ticket)
    }

    /// Queues a task. False if this node has it already, or its hands are full.
    pub(crate) fn enqueue(&mut self, ticket: Ticket) -> bool {
        let count = u32::try_from(self.held(ticket.job).count()).unwrap_or(u32::MAX);
        count < HELD_MAX && !self.holds(&ticket) && self.queue.insert(ticket)
    }

    /// The next computation, if a slot is free.
    fn start(&mut self, now: Time) -> Option<(WorkId, Ticket)> {
        if self.is_resting || self.computing.len() >= usize::from(self.slots) {
            return None;
        }
        let ticket = self.queue.pop_first()?;
        let work = WorkId(self.works);
        self.works += 1;
        self.computing.insert(work, (ticket, now));
        Some((work, ticket))
    }

    /// Puts the newest computation beyond the slots back into the queue.
    fn stop_surplus(&mut self) -> Option<WorkId> {
        if self.computing.len() <= usize::from(self.slots) {
            return None;
        }
        let (work, (ticket, _)) = self.computing.pop_last()?;
        self.queue.insert(ticket);
        Some(work)
    }

    /// Forgets the tasks that `is_void`, and names the computations to stop.
    fn cancel(&mut self, is_void: impl Fn(&Ticket) -> bool) -> Vec<WorkId> {
        self.queue.retain(|ticket| !is_void(ticket));
        let void: Vec<WorkId> =
            self.computing.iter().filter(|(_, (t, _))| is_void(t)).map(|(work, _)| *work).collect();
        for work in &void {
            self.computing.remove(work);
        }
        void
    }
}

impl Grid {
    /// Starts what the free slots allow.
    pub(crate) fn start_work(&mut self, now: Time) {
        while let Some((work, ticket)) = self.worker.start(now) {
            // Invariant: what is queued belongs to a job that is under way here.
            let Some(job) = self.jobs.get(&ticket.job) else { continue };
            let description = &job.signed.description;
            self.outputs.push_back(Output::Compute {
                work,
                job: ticket.job,
                task: ticket.task,
                kind: description.kind,
                params: description.params.clone(),
            });
        }
    }

    pub(crate) fn on_slots(&mut self, now: Time, slots: u16) {
        let slots = slots.min(SLOTS_MAX);
        self.worker.is_resting = false;
        if slots == self.worker.slots {
            return;
        }
        self.worker.slots = slots;
        while let Some(work) = self.worker.stop_surplus() {
            self.abandon(work);
        }
        let (own, others) = (self.owned(), self.working());
        if slots == 0 {
            others.iter().chain(&own).for_each(|job| self.hand_back(*job));
        }
        for job in own {
            let me = self.me;
            let Some(owned) = self.jobs.get_mut(&job).and_then(Job::owned) else { continue };
            owned.board.enlist(me, slots, now);
        }
        for job in others {
            self.enlist_anew(now, job);
        }
    }

    pub(crate) fn on_computed(&mut self, now: Time, work: WorkId, outcome: Result<Bytes, Failure>) {
        let Some((ticket, since)) = self.worker.computing.remove(&work) else { return };
        match outcome {
            Ok(payload) if payload.len() <= PAYLOAD_BYTES_MAX => {
                if let Some(job) = self.jobs.get_mut(&ticket.job) {
                    job.pace.computed(now.since(since));
                }
                self.finish_own(now, ticket, payload);
            }
            Ok(_) => self.give_up(ticket, Some("the result is too long".into())),
            Err(Failure::Failed(reason)) => self.give_up(ticket, Some(reason)),
            Err(Failure::Stopped) => {
                self.worker.is_resting = true;
                self.give_up(ticket, None);
            }
        }
    }

    /// A task was computed here: the commitment, and the payload to everyone.
    fn finish_own(&mut self, now: Time, ticket: Ticket, payload: Bytes) {
        self.counters.computed += 1;
        let digest = Digest::of(&[&payload]);
        let (job, task, worker) = (ticket.job, ticket.task, self.me);
        let message = Message::Result { job, task, worker, digest, payload: payload.clone() };
        let Some(part) = self.jobs.get(&job) else { return };
        let (owner, is_known) = (part.owner(), part.done.contains_key(&task));
        let round = part.rounds.get(&task).copied().unwrap_or(0);
        if is_known && owner != worker {
            // Leased all the same: only the owner lacks it.
            self.send(owner, message);
            return;
        }
        if owner != worker {
            self.send(owner, Message::Commit { job, task, digest });
        }
        if self.ready {
            self.outputs.push_back(Output::Publish { group: job, message });
        }
        // Out of the ring, too: the store waits until there is one.
        self.keep(job, task, digest, payload.clone());
        if self.take_in(now, job, task, Done { round, digest, worker }, payload) {
            self.verify(now, job, task);
        }
    }

    /// A task will not be done here. With a reason, it cannot be.
    fn give_up(&mut self, ticket: Ticket, reason: Option<String>) {
        let Some(job) = self.jobs.get_mut(&ticket.job) else { return };
        let owner = job.owner();
        if let Some(owned) = job.owned() {
            match reason {
                Some(reason) => self.on_failed(ticket.job, self.me, &[ticket.task], &reason),
                None => drop(owned.board.release(self.me, ticket.task)),
            }
            return;
        }
        let failed = reason.is_some();
        let reason = Reason::new(&reason.unwrap_or_default());
        let tasks = wire::grid::Tasks::truncating([ticket.task]);
        self.send(owner, Message::Return { job: ticket.job, tasks, failed, reason });
    }

    /// Hands back all tasks of a job, and stops their computation.
    pub(crate) fn hand_back(&mut self, job: JobId) {
        let held: Vec<u32> = self.worker.held(job).collect();
        self.return_tasks(job, held);
        self.drop_work(|ticket| ticket.job == job);
    }

    /// Hands back the tasks of others that wait, since an own job goes first.
    pub(crate) fn hand_back_queued(&mut self) {
        for job in self.working() {
            let waits = |ticket: &Ticket| ticket.job == job;
            let queue = &mut self.worker.queue;
            let tasks: Vec<u32> = queue.iter().filter(|t| waits(t)).map(|t| t.task).collect();
            queue.retain(|ticket| !waits(ticket));
            self.return_tasks(job, tasks);
        }
    }

    /// Forgets tasks, computing or not.
    pub(crate) fn drop_work(&mut self, is_void: impl Fn(&Ticket) -> bool) {
        for work in self.worker.cancel(is_void) {
            self.abandon(work);
        }
    }

    fn return_tasks(&mut self, job: JobId, tasks: Vec<u32>) {
        let me = self.me;
        let Some(part) = self.jobs.get_mut(&job) else { return };
        let owner = part.owner();
        if let Some(owned) = part.owned() {
            for task in tasks {
                owned.board.release(me, task);
            }
        } else if !tasks.is_empty() {
            let tasks = wire::grid::Tasks::truncating(tasks);
            let reason = Reason::default();
            self.send(owner, Message::Return { job, tasks, failed: false, reason });
        }
    }

    fn abandon(&mut self, work: WorkId) {
        self.counters.abandoned += 1;
        self.outputs.push_back(Output::Abandon(work));
    }

    pub(crate) fn on_failed(
        &mut self,
        job: JobId,
        worker: crate::NodeId,
        tasks: &[u32],
        why: &str,
    ) {
        for &task in tasks {
            let Some(owned) = self.jobs.get_mut(&job).and_then(Job::owned) else { return };
            let Some(failures) = owned.board.fail(worker, task) else { continue };
            let alone = !self.ready && owned.board.member_count() == 1;
            let nobody_else = alone || owned.board.is_hopeless(task);
            self.event(Event::TaskFailed { job, task, worker, reason: why.into() });
            if failures >= crate::FAILURES_MAX || nobody_else {
                self.end_owned(job, crate::JobState::Cancelled);
                return;
            }
        }
    }
}
