//! Results: kept within a budget of bytes, believed or not, and fetched where they did not arrive
//! by themselves.
//!
//! A participant believes a worker about its own results, the owner about any, and whomever it
//! asked. The owner believes only those to whom it leased the task. What the numbers are is not
//! checked here beyond their digest.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use base::{Digest, Duration, NodeId, Time};
use bytes::Bytes;
use wire::grid::{JobId, Message, Tasks};
use wire::limits::PAYLOAD_BYTES_MAX;

use crate::job::{Done, Job, Role};
use crate::worker::Ticket;
use crate::{Event, Grid, JobState};

/// Results of one job asked for and not here yet. Chosen: keeps a 100 ms path at 10 Mbit/s full
/// with tiles of 16 KiB, and is no burden to whoever sends them.
const FETCH_WINDOW: usize = 8;
/// Times in a row that nobody answers before the rest is given up: about a minute.
const FETCH_MISSES_MAX: u32 = 15;
/// Results sent on request to one peer in one heartbeat. Beyond it requests are ignored; honest
/// peers repeat them.
const SERVED_MAX: u32 = 256;

/// The payloads at this node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results {
    kept: BTreeMap<(JobId, u32), Bytes>,
    bytes: u64,
}

impl Results {
    pub(crate) fn get(&self, job: JobId, task: u32) -> Option<&Bytes> {
        self.kept.get(&(job, task))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn keep(&mut self, job: JobId, task: u32, payload: Bytes) {
        self.bytes += payload.len() as u64;
        if let Some(old) = self.kept.insert((job, task), payload) {
            self.bytes -= old.len() as u64;
        }
    }

    /// Drops the least important result of a job. False if it has none.
    fn drop_last(&mut self, job: JobId) -> bool {
        let last = self.kept.range((job, 0)..=(job, u32::MAX)).next_back().map(|(place, _)| *place);
        let Some(payload) = last.and_then(|place| self.kept.remove(&place)) else { return false };
        self.bytes -= payload.len() as u64;
        true
    }

    pub(crate) fn forget(&mut self, job: JobId) {
        while self.drop_last(job) {}
    }
}

/// What a participant lacks of a job, and whom it asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fetch {
    lacking: BTreeSet<u32>,
    asked: BTreeMap<u32, (NodeId, Time)>,
    /// Times in a row that a whole round of asking brought nothing.
    misses: u32,
    missed_at: Time,
}

impl Fetch {
    pub(crate) fn is_idle(&self) -> bool {
        self.lacking.is_empty()
    }

    /// These are done somewhere and not here.
    pub(crate) fn lack(&mut self, tasks: impl IntoIterator<Item = u32>) {
        self.lacking.extend(tasks);
    }

    /// Nothing more is wanted.
    pub(crate) fn clear(&mut self) {
        *self = Fetch::default();
    }

    pub(crate) fn arrived(&mut self, task: u32) {
        self.lacking.remove(&task);
        if self.asked.remove(&task).is_some() {
            self.misses = 0;
        }
    }

    fn was_asked(&self, peer: NodeId, task: u32) -> bool {
        self.asked.get(&task).is_some_and(|(asked, _)| *asked == peer)
    }

    /// The next tasks to ask `source` for, as far as the window allows.
    fn ask(&mut self, now: Time, source: NodeId) -> Vec<u32> {
        let room = FETCH_WINDOW.saturating_sub(self.asked.len());
        let asked = &self.asked;
        let next: Vec<u32> = self
            .lacking
            .iter()
            .filter(|task| !asked.contains_key(task))
            .take(room)
            .copied()
            .collect();
        self.asked.extend(next.iter().map(|task| (*task, (source, now))));
        next
    }

    /// Withdraws what was not answered in time.
    fn expire(&mut self, now: Time, patience: Duration) {
        let overdue = |at: Time| at + patience <= now;
        // What was asked for before the last miss belongs to it.
        if self.asked.values().any(|(_, at)| overdue(*at) && *at >= self.missed_at) {
            self.misses += 1;
            self.missed_at = now;
        }
        self.asked.retain(|_, (_, at)| !overdue(*at));
        if self.misses > FETCH_MISSES_MAX {
            self.clear();
        }
    }

    fn next_overdue(&self, patience: Duration) -> Option<Time> {
        self.asked.values().map(|(_, at)| *at + patience).min()
    }
}

impl Job {
    pub(crate) fn fetch_deadline(&self, patience: Duration) -> Option<Time> {
        self.fetch.next_overdue(patience)
    }
}

impl Grid {
    pub(crate) fn on_result(
        &mut self,
        now: Time,
        from: NodeId,
        id: JobId,
        task: u32,
        done: Done,
        payload: Bytes,
    ) {
        self.hear(now, from, id);
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.state != JobState::Cancelled)
        else {
            self.counters.ignored += 1;
            return;
        };
        if task >= job.tasks() {
            return self.misbehaved(from, "result of a task that the job does not have");
        }
        if job.done.contains_key(&task) {
            job.duplicates = job.duplicates.saturating_add(1);
            job.fetch.arrived(task);
            self.counters.duplicates += 1;
            return;
        }
        if let Err(why) = believe(job, from, task, done.worker) {
            return match why {
                Some(why) => self.misbehaved(from, why),
                None => self.counters.ignored += 1,
            };
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            return self.misbehaved(from, "result too long");
        }
        if Digest::of(&[&payload]) != done.digest {
            return self.misbehaved(from, "result that does not match its digest");
        }
        self.accept(now, id, task, done, payload);
    }

    /// A task is done, for the first time at this node.
    pub(crate) fn accept(&mut self, now: Time, id: JobId, task: u32, done: Done, payload: Bytes) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if !job.finish(task, done) {
            return;
        }
        let is_complete = job.is_own() && job.done_count() == job.tasks();
        self.drop_work(|ticket| ticket.job == id && ticket.task == task);
        self.results.keep(id, task, payload.clone());
        self.event(Event::TaskDone { job: id, task, worker: done.worker, payload });
        self.make_room();
        if is_complete {
            self.report(now, id);
            self.end_own(id, JobState::Finished);
        }
    }

    /// Answers with what is here. The owner also learns what is not: it may lease it to others.
    pub(crate) fn on_fetch(&mut self, now: Time, from: NodeId, id: JobId, tasks: &Tasks) {
        self.hear(now, from, id);
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.knows(from)) else {
            self.counters.ignored += 1;
            return;
        };
        let served = job.served.entry(from).or_default();
        let room = SERVED_MAX.saturating_sub(*served);
        let count = u32::try_from(tasks.len()).unwrap_or(u32::MAX).min(room);
        *served += count;
        let is_owner = from == job.owner;
        let mut absent = Tasks::new();
        for &task in tasks.iter().take(usize::try_from(count).unwrap_or(0)) {
            let Some(job) = self.jobs.get(&id) else { return };
            if let Some(result) = self.result_message(job, task) {
                self.send(from, result);
            } else if is_owner && !self.worker.holds(&Ticket::new(job, task)) {
                // Invariant: the two lists have the same maximum.
                absent.push(task).expect("no more tasks are absent than were asked for");
            }
        }
        if !absent.is_empty() {
            self.give_back(id, absent);
        }
    }

    /// Asks for what this node lacks: the owner first, and others where it does not answer.
    pub(crate) fn fetch_lacking(&mut self, now: Time) {
        let lacking = |job: &&Job| !job.fetch.is_idle();
        let jobs: Vec<JobId> = self.jobs.values().filter(lacking).map(|job| job.id).collect();
        for id in jobs {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            let source = if job.fetch.misses % 2 == 1 || job.state == JobState::Orphaned {
                let others = job.others(self.me);
                self.rng.pick(&others).copied().unwrap_or(job.owner)
            } else {
                job.owner
            };
            let tasks = job.fetch.ask(now, source);
            if !tasks.is_empty() {
                self.counters.fetched += tasks.len() as u64;
                self.send(source, Message::Fetch { job: id, tasks: Tasks::truncating(tasks) });
            }
        }
    }

    /// Withdraws fetches that were not answered; `fetch_lacking` asks elsewhere.
    pub(crate) fn repeat_fetches(&mut self, now: Time) {
        let patience = self.fetch_time();
        for job in self.jobs.values_mut() {
            job.fetch.expire(now, patience);
        }
    }

    /// Results are long, and queue behind others.
    pub(crate) fn fetch_time(&self) -> Duration {
        self.config.heartbeat * 2
    }

    /// The message that carries a result, if it is here.
    pub(crate) fn result_message(&self, job: &Job, task: u32) -> Option<Message> {
        let done = job.done.get(&task)?;
        let payload = self.results.get(job.id, task)?.clone();
        let (worker, digest) = (done.worker, done.digest);
        Some(Message::Result { job: job.id, task, worker, digest, payload })
    }

    /// Drops results beyond the budget: of others' jobs that ended, of own ones that ended, of
    /// others' that run; each time the oldest job's least important. An own job that runs keeps
    /// all, whatever the budget: nobody else is bound to.
    fn make_room(&mut self) {
        let bytes_max = u64::try_from(self.config.result_bytes_max).unwrap_or(u64::MAX);
        if self.results.bytes() <= bytes_max {
            return;
        }
        let mut order: Vec<(bool, bool, u64, JobId)> = self
            .jobs
            .values()
            .filter(|job| !(job.is_own() && job.is_running()))
            .map(|job| (job.is_running(), job.is_own(), job.age, job.id))
            .collect();
        order.sort_unstable();
        for (.., job) in order {
            while self.results.bytes() > bytes_max && self.results.drop_last(job) {
                self.counters.evicted += 1;
            }
        }
    }
}

/// Whether `from` may say that `worker` did the task; if not, whether that is a misdeed.
fn believe(job: &Job, from: NodeId, task: u32, worker: NodeId) -> Result<(), Option<&'static str>> {
    match &job.role {
        Role::Owner(owned) => {
            let board = &owned.board;
            if from == worker {
                let leased = board.was_leased(worker, task);
                return if leased {
                    Ok(())
                } else {
                    Err(Some("result of a task not leased to it"))
                };
            }
            match (board.was_asked(from, task), board.was_leased(worker, task)) {
                (true, true) => Ok(()),
                (true, false) => Err(None),
                (false, _) => Err(Some("result in another worker's name")),
            }
        }
        Role::Participant(joined) => {
            let is_own_word = from == worker && joined.participants.contains(&from);
            if is_own_word || from == job.owner || job.fetch.was_asked(from, task) {
                Ok(())
            } else {
                Err(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn a_job_loses_its_least_important_result_first() {
        let (job, other) = (JobId::new(1), JobId::new(2));
        let mut results = Results::default();
        for task in 0..3 {
            results.keep(job, task, Bytes::from(vec![0; 10]));
            results.keep(other, task, Bytes::from(vec![0; 10]));
        }
        results.keep(job, 0, Bytes::from(vec![0; 5]));
        assert_eq!(results.bytes(), 55);
        assert!(results.drop_last(job));
        assert!(results.get(job, 2).is_none() && results.get(job, 1).is_some());
        results.forget(job);
        assert_eq!(results.bytes(), 30);
        assert!(!results.drop_last(job));
    }

    #[test]
    fn a_window_of_results_is_asked_for() {
        let (peer, patience) = (NodeId::new(1), Duration::from_secs(4));
        let mut fetch = Fetch::default();
        fetch.lack(0..20);
        assert_eq!(fetch.ask(Time::ZERO, peer), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(fetch.ask(Time::ZERO, peer), [0; 0]);
        fetch.arrived(3);
        assert_eq!(fetch.ask(Time::from_millis(1000), peer), [8]);
        fetch.expire(Time::from_millis(4000), patience);
        assert_eq!(fetch.next_overdue(patience), Some(Time::from_millis(5000)));
        assert_eq!(fetch.ask(Time::from_millis(4000), peer), [0, 1, 2, 4, 5, 6, 7]);
        let mut now = Time::from_millis(4500);
        for miss in 1..=FETCH_MISSES_MAX {
            assert_eq!(fetch.misses, miss);
            fetch.expire(now, patience);
            fetch.ask(now, peer);
            assert_eq!(fetch.misses, miss, "one round of asking is one miss");
            now = now + patience;
            fetch.expire(now, patience);
            fetch.ask(now, peer);
        }
        assert!(fetch.is_idle(), "nobody answers");
    }
}
