//! Looking on: a job followed by its id, without working on it. The record says what the job is and
//! what is done of it; the results come from the store and through the job's group.

use alloc::string::String;
use alloc::vec::Vec;

use base::Time;
use wire::grid::{JobId, Record};

use crate::job::{Job, Joined, Role};
use crate::{Event, Grid, JobState, Output};

/// Jobs looked up at once. Beyond it a request is refused.
const WATCHES_MAX: usize = 16;
/// Heartbeats for which a record is looked up. Chosen: where an owner dies, and the next one, and the
/// next, it takes up to 12 until another acts, and nobody answers for the job's key meanwhile.
const TRIES_MAX: u32 = 20;
/// Times that whoever is asked for the record says that there is none. Chosen: whoever just came to be the
/// closest to the job's key has not got it yet.
const DENIALS_MAX: u32 = 3;

/// A job that is looked up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    tries: u32,
    denials: u32,
    /// What was found, while the driver appraises it.
    record: Option<Record>,
}

impl Watch {
    pub(crate) fn has_record(&self) -> bool {
        self.record.is_some()
    }
}

impl Grid {
    pub(crate) fn on_watch(&mut self, now: Time, id: JobId) {
        self.refused.retain(|refused| *refused != id);
        if self.watches.contains_key(&id) || self.tell_again(now, id) {
            return;
        }
        if self.watches.len() >= WATCHES_MAX {
            let reason = "too many jobs are looked up here".into();
            return self.event(Event::JobRefused { job: id, reason });
        }
        self.watches.insert(id, Watch::default());
        self.outputs.push_back(Output::Recall { job: id });
    }

    /// Tells of a job that this node takes part in as if it began now: whoever asks may not have
    /// listened then. What had to leave memory is fetched once more. False if there is none, or if it
    /// was cancelled, perhaps only here: then it is looked up like one that was never here.
    fn tell_again(&mut self, now: Time, id: JobId) -> bool {
        let Some(job) = self.jobs.get_mut(&id) else { return false };
        if job.state == JobState::Cancelled {
            self.forget(id);
            return false;
        }
        let is_here = |task: &u32| self.results.get(id, *task).is_some();
        let dropped: Vec<u32> = job.seen.iter().copied().filter(|task| !is_here(task)).collect();
        for task in dropped {
            job.unsee(task);
            job.fetch.lack([task], now);
        }
        let (state, opened) = (job.state, job.opened_event());
        let shown = job.done.iter().filter_map(|(task, done)| {
            let payload = self.results.get(id, *task)?.clone();
            Some(Event::TaskDone { job: id, task: *task, worker: done.worker, payload })
        });
        let shown: Vec<Event> = shown.collect();
        self.event(opened);
        shown.into_iter().for_each(|event| self.event(event));
        if state != JobState::Running {
            self.event(Event::JobChanged { job: id, state });
        }
        true
    }

    /// Each heartbeat: looks again.
    pub(crate) fn repeat_watches(&mut self) {
        let mut missing = Vec::new();
        for (id, watch) in self.watches.iter_mut().filter(|(_, watch)| watch.record.is_none()) {
            watch.tries += 1;
            if watch.tries >= TRIES_MAX {
                missing.push(*id);
            } else {
                self.outputs.push_back(Output::Recall { job: *id });
            }
        }
        for id in missing {
            self.watches.remove(&id);
            let reason = "nobody who may know this job can be reached".into();
            self.event(Event::JobRefused { job: id, reason });
        }
    }

    /// Those who should hold the record have none.
    pub(crate) fn on_no_record(&mut self, id: JobId) {
        let Some(watch) = self.watches.get_mut(&id).filter(|watch| !watch.has_record()) else {
            return;
        };
        watch.denials += 1;
        if watch.denials >= DENIALS_MAX {
            self.watches.remove(&id);
            let reason = "nobody holds a record of this job".into();
            self.event(Event::JobRefused { job: id, reason });
        }
    }

    /// The record was found.
    pub(crate) fn on_watched(&mut self, id: JobId, record: Record) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        if watch.record.is_none() {
            self.appraise(&record.job);
        }
        if let Some(watch) = self.watches.get_mut(&id) {
            watch.record = Some(record);
        }
    }

    pub(crate) fn on_watch_appraised(&mut self, now: Time, id: JobId, verdict: Result<(), String>) {
        let Some(record) = self.watches.remove(&id).and_then(|watch| watch.record) else { return };
        if let Err(reason) = verdict {
            return self.refuse_job(id, &reason);
        }
        if self.jobs.contains_key(&id) {
            return;
        }
        if !self.make_place() {
            let reason = "too many jobs are under way here".into();
            return self.event(Event::JobRefused { job: id, reason });
        }
        let role = Role::Participant(Joined::new(now, false));
        self.open(Job::new(record.job.clone(), record.tenure, self.me, self.opened, role));
        self.absorb(now, id, &record);
    }
}
