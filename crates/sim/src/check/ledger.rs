//! What became of jobs, by what hosts were told: a checker for worlds that run for hours.

use std::collections::{BTreeMap, BTreeSet};

use base::{Digest, NodeId, Time};
use node::{GridEvent, JobId, JobState, Name};
use peer::Event;

use super::{End, Holders};
use crate::{HostId, Work, payload};

/// One job's history.
#[derive(Clone, Debug)]
pub struct Entry {
    work: Work,
    /// How many tasks it has.
    pub tasks: u32,
    /// When it was submitted.
    pub submitted: Time,
    /// When its record was held by as many nodes as it should be.
    pub accepted: Option<Time>,
    /// When somebody knew it to be finished.
    pub finished: Option<Time>,
    /// Changes of owners that anybody was told of.
    pub epochs: BTreeSet<u64>,
    /// Results shown to somebody that are not the task's.
    pub wrong: u64,
    /// Results shown to one host twice.
    pub twice: u64,
    /// When a host took part in it, or saw it, last, and the tasks whose result it was shown since.
    shown: BTreeMap<HostId, (Time, BTreeSet<u32>)>,
    /// Hosts that were told that nobody knows it.
    refused: BTreeSet<HostId>,
}

/// Jobs and what is known of them.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    jobs: BTreeMap<JobId, Entry>,
    holders: Holders,
}

impl Ledger {
    /// A job was submitted.
    pub fn submitted(&mut self, at: Time, job: JobId, tasks: u32, work: Work) {
        let entry = Entry {
            work,
            tasks,
            submitted: at,
            accepted: None,
            finished: None,
            epochs: BTreeSet::new(),
            wrong: 0,
            twice: 0,
            shown: BTreeMap::new(),
            refused: BTreeSet::new(),
        };
        entry.results().for_each(|result| self.holders.watch(result));
        self.jobs.insert(job, entry);
    }

    /// A job's history.
    #[must_use]
    pub fn job(&self, job: JobId) -> Option<&Entry> {
        self.jobs.get(&job)
    }

    /// No more is wanted of this job.
    pub fn close(&mut self, job: JobId) -> Option<Entry> {
        let entry = self.jobs.remove(&job)?;
        entry.results().for_each(|result| self.holders.forget(result));
        Some(entry)
    }

    /// Of the tasks whose result this host was not shown: what became of each result, and whether its
    /// loss is excused.
    #[must_use]
    pub fn missed(&self, job: JobId, host: HostId) -> Vec<(u32, bool, String)> {
        let Some(entry) = self.jobs.get(&job) else { return Vec::new() };
        let shown = entry.shown.get(&host).map(|(_, shown)| shown);
        let is_missed = |task: &u32| !shown.is_some_and(|shown| shown.contains(task));
        let missed = (0..entry.tasks).filter(is_missed).map(|task| {
            let (is_excused, story) = self.holders.verdict(entry.result(task));
            (task, is_excused, story)
        });
        missed.collect()
    }

    /// Of the tasks of a finished job whose result, since then, no live host had for a while: what
    /// became of it, and whether that is excused. Somebody may have computed it again.
    #[must_use]
    pub fn died(&self, job: JobId, now: Time) -> Vec<(u32, bool, String)> {
        let Some(entry) = self.jobs.get(&job) else { return Vec::new() };
        let Some(finished) = entry.finished else { return Vec::new() };
        let died = (0..entry.tasks).filter_map(|task| {
            let (is_excused, story) = self.holders.death(entry.result(task), finished, now)?;
            Some((task, is_excused, story))
        });
        died.collect()
    }

    /// A host holds a value for the ring, or does not any more.
    pub fn value(&mut self, host: HostId, at: Time, name: Name, is_held: bool) {
        match name {
            Name::Blob(result) if is_held => self.holders.held(at, host, result),
            Name::Blob(result) => self.holders.dropped(at, host, result),
            Name::Record(_) => {}
        }
    }

    /// A host is gone.
    pub fn gone(&mut self, host: HostId, at: Time, how: End) {
        self.holders.ended(at, host, how);
        for entry in self.jobs.values_mut() {
            entry.shown.remove(&host);
            entry.refused.remove(&host);
        }
    }

    /// A host, whose node has this id, was told something.
    pub fn note(&mut self, host: HostId, id: Option<NodeId>, at: Time, event: &Event) {
        let Event::Node(node::Event::Grid(event)) = event else { return };
        let Some(job) = subject(event) else { return };
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        match event {
            GridEvent::JobOpened { .. } => {
                entry.refused.remove(&host);
                entry.shown.insert(host, (at, BTreeSet::new()));
            }
            GridEvent::JobRefused { .. } => drop(entry.refused.insert(host)),
            GridEvent::Accepted { .. } => drop(entry.accepted.get_or_insert(at)),
            GridEvent::OwnerChanged { epoch, .. } => drop(entry.epochs.insert(*epoch)),
            GridEvent::JobChanged { state: JobState::Finished, .. } => {
                entry.finished.get_or_insert(at);
            }
            GridEvent::TaskDone { task, worker, payload: shown, .. } => {
                self.holders.shown(at, host, entry.result(*task), id == Some(*worker));
                entry.wrong += u64::from(*shown != payload(&entry.work, *task));
                if let Some((_, shown)) = entry.shown.get_mut(&host) {
                    entry.twice += u64::from(!shown.insert(*task));
                }
            }
            GridEvent::TaskRevoked { task, .. } => {
                if let Some((_, shown)) = entry.shown.get_mut(&host) {
                    shown.remove(task);
                }
            }
            _ => {}
        }
    }
}

impl Entry {
    fn result(&self, task: u32) -> Digest {
        Digest::of(&[&payload(&self.work, task)])
    }

    fn results(&self) -> impl Iterator<Item = Digest> + '_ {
        (0..self.tasks).map(|task| self.result(task))
    }

    /// Tasks whose result this host was shown.
    #[must_use]
    pub fn shown(&self, host: HostId) -> u32 {
        let shown = self.shown.get(&host).map_or(0, |(_, shown)| shown.len());
        u32::try_from(shown).unwrap_or(u32::MAX)
    }

    /// When this host was told what the job is.
    #[must_use]
    pub fn opened(&self, host: HostId) -> Option<Time> {
        self.shown.get(&host).map(|(at, _)| *at)
    }

    /// Whether this host was told that nobody knows the job.
    #[must_use]
    pub fn is_refused(&self, host: HostId) -> bool {
        self.refused.contains(&host)
    }
}

/// Which job this is about, of what a ledger looks at.
fn subject(event: &GridEvent) -> Option<JobId> {
    match event {
        GridEvent::JobOpened { job, .. }
        | GridEvent::JobRefused { job, .. }
        | GridEvent::Accepted { job, .. }
        | GridEvent::OwnerChanged { job, .. }
        | GridEvent::JobChanged { job, .. }
        | GridEvent::TaskDone { job, .. }
        | GridEvent::TaskRevoked { job, .. } => Some(*job),
        _ => None,
    }
}
