//! Results that others ask for: sent as far as they are here, within bounds.

use base::{Bounded, Key, NodeId, Time};
use wire::grid::{JobId, Message, TASK_LIST_MAX, Tasks};

use crate::worker::Ticket;
use crate::{Grid, JobState};

/// Results sent on request to one peer in one heartbeat, and to all who take no part together.
/// Beyond it requests are ignored; honest peers repeat them.
const SERVED_MAX: u32 = 256;

impl Grid {
    /// Somebody finds results nowhere, and asks this node as the root of the job's key. What is not
    /// here is looked for by an owner: by this node, if it owns the job no more or did never.
    pub(crate) fn on_fetch_here(
        &mut self,
        now: Time,
        (key, from): (Key, NodeId),
        id: JobId,
        tasks: &Tasks,
    ) {
        let Some(job) = self.jobs.get(&id).filter(|_| key == id) else {
            return self.recall_for(key, id);
        };
        let lacks = |task: &u32| *task < job.tasks() && self.results.get(id, *task).is_none();
        let is_looked_after = job.is_owned() && job.is_running();
        if job.state != JobState::Cancelled && !is_looked_after && tasks.iter().any(lacks) {
            self.recall_for(key, id);
        }
        if from != self.me {
            self.on_fetch(now, from, id, tasks);
        }
    }

    /// Answers with what is here, and with what is known of the rest. The owner also learns what
    /// is not done here: it may lease it to others.
    pub(crate) fn on_fetch(&mut self, now: Time, from: NodeId, id: JobId, tasks: &Tasks) {
        self.hear(now, from, id);
        let Some(job) = self.jobs.get_mut(&id) else {
            self.counters.ignored += 1;
            return;
        };
        let payer = if job.knows(from) { from } else { NodeId::ZERO };
        let served = job.served.entry(payer).or_default();
        let room = SERVED_MAX.saturating_sub(*served);
        let count = u32::try_from(tasks.len()).unwrap_or(u32::MAX).min(room);
        *served += count;
        let is_owner = from == job.owner();
        let (mut absent, mut known) = (Tasks::new(), Bounded::<_, TASK_LIST_MAX>::new());
        // Invariant: the lists have the same maximum.
        let fits = "no more tasks are answered than were asked for";
        for &task in tasks.iter().take(usize::try_from(count).unwrap_or(0)) {
            let Some(job) = self.jobs.get(&id) else { return };
            if let Some(result) = self.result_message(job, task) {
                self.send(from, result);
            } else if let Some(done) = job.done.get(&task) {
                known.push((task, *done)).expect(fits);
            } else if is_owner && !self.worker.holds(&Ticket::new(job, task)) {
                absent.push(task).expect(fits);
            }
        }
        if !known.is_empty() {
            self.send(from, Message::Known { job: id, done: known });
        }
        if !absent.is_empty() {
            self.give_back(id, absent);
        }
    }
}
