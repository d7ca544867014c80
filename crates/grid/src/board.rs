//! The tasks of a job, as its owner sees them: open, or leased to workers. Done tasks are not
//! here; the job's record has them.
//!
//! Invariant: a task is open, or leased to a member, or done. A task may be leased to several
//! members; only when the last of them loses it is it open again.

use alloc::vec::Vec;

use base::{Duration, NodeId, SortedMap, SortedSet, Time};

use crate::job::HELD_MAX;
use crate::measures::Spans;
use crate::pace::smoothed;

mod failures;
mod straggler;

use failures::Failures;

/// Workers of one job. Beyond it an owner refuses to enlist. Chosen: each is heard from in every
/// heartbeat, and so many signs of life are a small part of what one node can hear.
pub(crate) const MEMBERS_MAX: usize = 4096;

/// Distinct workers that fail one task before the whole job is cancelled: by then the fault is the
/// task's. Chosen; more costs time, fewer lets one broken worker end a job.
pub const FAILURES_MAX: u32 = 3;
/// Workers whose lost leases are remembered, so that a late answer is known for one. The one with
/// the lowest id is forgotten beyond it: its late answers are refused.
const FORMER_MAX: usize = 2 * MEMBERS_MAX;
/// Lost leases remembered of one worker; the highest-numbered is forgotten beyond it.
const LAPSED_MAX: usize = 1024;

/// One task in a worker's hands.
#[derive(Clone, Copy, Debug)]
struct Lease {
    /// When the worker was given it.
    granted: Time,
    /// When the worker got it, or last named it among those it holds.
    confirmed: Time,
    /// Since when the worker does not name it.
    missing_since: Option<Time>,
    /// Whether its result was asked for.
    asked: bool,
}

/// A worker that takes part.
#[derive(Clone, Debug)]
struct Member {
    /// Computations it runs at once.
    slots: u16,
    /// When it was last heard from.
    heard: Time,
    /// Tasks it asked for and did not get yet.
    wanted: u16,
    leased: SortedMap<u32, Lease>,
}

/// Open and leased tasks, and who takes part.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    open: SortedSet<u32>,
    members: SortedMap<NodeId, Member>,
    /// Of all members. Invariant: their sum.
    slots: u32,
    lapsed: SortedMap<NodeId, SortedSet<u32>>,
    failures: SortedMap<u32, Failures>,
    /// From a lease to its result, smoothed.
    usual: Option<Duration>,
    reassigned: u32,
    /// Since when tasks wait that a lost worker held.
    orphans: SortedMap<u32, Time>,
    /// How long those waited that do not any more.
    recovery: Spans,
}

impl Board {
    /// Every task open, nobody there.
    pub(crate) fn new(tasks: u32) -> Self {
        Board {
            open: (0..tasks).collect(),
            members: SortedMap::new(),
            slots: 0,
            lapsed: SortedMap::new(),
            failures: SortedMap::new(),
            usual: None,
            reassigned: 0,
            orphans: SortedMap::new(),
            recovery: Spans::default(),
        }
    }

    pub(crate) fn open_count(&self) -> u32 {
        u32::try_from(self.open.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn reassigned(&self) -> u32 {
        self.reassigned
    }

    /// From the last sign of life of a worker, or its goodbye, to the next lease of its tasks.
    pub(crate) fn recovery(&self) -> &Spans {
        &self.recovery
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.members.keys().copied()
    }

    pub(crate) fn others(&self, me: NodeId) -> Vec<NodeId> {
        self.members().filter(|member| *member != me).collect()
    }

    pub(crate) fn member_count(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn has_member(&self, worker: NodeId) -> bool {
        self.members.contains_key(&worker)
    }

    /// Takes part, or did.
    pub(crate) fn knows(&self, worker: NodeId) -> bool {
        self.members.contains_key(&worker) || self.lapsed.contains_key(&worker)
    }

    pub(crate) fn leased_count(&self, worker: NodeId) -> u32 {
        self.members.get(&worker).map_or(0, Member::held)
    }

    /// Whether `worker` could be given a task.
    pub(crate) fn has_open_for(&self, worker: NodeId) -> bool {
        self.open.iter().any(|task| !self.failed_on(*task, worker))
    }

    /// Adds a worker, or learns how many slots it has. True if it is a new one.
    pub(crate) fn enlist(&mut self, worker: NodeId, slots: u16, now: Time) -> bool {
        if let Some(member) = self.members.get_mut(&worker) {
            self.slots = self.slots - u32::from(member.slots) + u32::from(slots);
            member.slots = slots;
            member.heard = now;
            return false;
        }
        self.slots += u32::from(slots);
        let member = Member { slots, heard: now, wanted: 0, leased: SortedMap::new() };
        self.members.insert(worker, member);
        true
    }

    /// A sign of life. False if the worker does not take part.
    pub(crate) fn hear(&mut self, worker: NodeId, now: Time) -> bool {
        let Some(member) = self.members.get_mut(&worker) else { return false };
        member.heard = now;
        true
    }

    /// Nobody could be heard for a while: everyone's silence begins anew.
    pub(crate) fn forgive(&mut self, now: Time) {
        for member in self.members.values_mut() {
            member.heard = now;
            for lease in member.leased.values_mut() {
                lease.confirmed = now;
                lease.missing_since = None;
            }
        }
    }

    /// `worker` could use this many more tasks, now or when there are some.
    pub(crate) fn want(&mut self, worker: NodeId, wanted: u16) {
        if let Some(member) = self.members.get_mut(&worker) {
            member.wanted = wanted;
        }
    }

    /// Leases the most important open tasks to `worker`: at most what it wants and its share.
    pub(crate) fn grant(&mut self, worker: NodeId, now: Time) -> Vec<u32> {
        let share = self.share(worker);
        let Some(member) = self.members.get(&worker) else { return Vec::new() };
        let count = u32::from(member.wanted).min(share.saturating_sub(member.held()));
        let tasks: Vec<u32> = self
            .open
            .iter()
            .copied()
            .filter(|task| !self.failed_on(*task, worker))
            .take(usize::try_from(count).unwrap_or(0))
            .collect();
        for task in &tasks {
            self.open.remove(task);
            if let Some(since) = self.orphans.remove(task) {
                self.recovery.note(now.since(since));
            }
        }
        if let Some(member) = self.members.get_mut(&worker) {
            member.wanted =
                member.wanted.saturating_sub(u16::try_from(tasks.len()).unwrap_or(u16::MAX));
            member.leased.extend(tasks.iter().map(|task| (*task, Lease::new(now))));
        }
        tasks
    }

    /// A worker says that it holds a task, by the word of another owner or from before it was lost
    /// sight of. It may be one of several.
    pub(crate) fn adopt(&mut self, worker: NodeId, task: u32, now: Time) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        if member.held() < HELD_MAX && !member.leased.contains_key(&task) {
            member.leased.insert(task, Lease::new(now));
            self.open.remove(&task);
            self.orphans.remove(&task);
        }
    }

    /// Workers that wait for tasks while some are open, those with least in hand first.
    pub(crate) fn hungry(&self) -> Vec<NodeId> {
        if self.open.is_empty() { Vec::new() } else { self.waiting() }
    }

    /// Workers that wait for tasks, those with least in hand first.
    pub(crate) fn waiting(&self) -> Vec<NodeId> {
        let mut hungry: Vec<(u32, NodeId)> = self
            .members
            .iter()
            .filter(|(_, member)| member.wanted > 0)
            .map(|(worker, member)| (member.held(), *worker))
            .collect();
        hungry.sort_unstable();
        hungry.into_iter().map(|(_, worker)| worker).collect()
    }

    /// The task is done, by `worker`: nobody needs to hold it.
    pub(crate) fn close(&mut self, task: u32, worker: NodeId, now: Time) {
        self.open.remove(&task);
        self.failures.remove(&task);
        self.orphans.remove(&task);
        for (id, member) in &mut self.members {
            if let Some(lease) = member.leased.remove(&task)
                && *id == worker
            {
                self.usual = Some(smoothed(self.usual, now.since(lease.granted)));
            }
        }
    }

    /// A task that was closed is not done after all; `worker` said it was, and does not get it
    /// again.
    pub(crate) fn reopen(&mut self, task: u32, worker: NodeId) {
        self.open.insert(task);
        self.failures.entry(task).or_default().on.insert(worker);
        self.reassigned = self.reassigned.saturating_add(1);
    }

    /// `worker` names what it holds. Returns the tasks whose lease or result was lost on the way:
    /// `patience` after it got them it did not name them, so it had no lease or was done; and after
    /// as long again no result is here.
    pub(crate) fn extend(
        &mut self,
        worker: NodeId,
        named: &SortedSet<u32>,
        now: Time,
        patience: Duration,
    ) -> Vec<u32> {
        let Some(member) = self.members.get_mut(&worker) else { return Vec::new() };
        let mut lost = Vec::new();
        for (task, lease) in &mut member.leased {
            if named.contains(task) {
                *lease = Lease { granted: lease.granted, ..Lease::new(now) };
                continue;
            }
            if now.since(lease.confirmed) < patience {
                continue;
            }
            let since = *lease.missing_since.get_or_insert(now);
            if now.since(since) >= patience {
                lease.asked = true;
                lost.push(*task);
            }
        }
        lost
    }

    /// Takes from `worker` what it has not named for `patience`, asked for and not answered.
    pub(crate) fn drop_missing(&mut self, now: Time, patience: Duration) -> u32 {
        let overdue: Vec<(NodeId, u32)> = self
            .members
            .iter()
            .flat_map(|(worker, member)| {
                member.leased.iter().map(|(task, lease)| (*worker, *task, lease.missing_since))
            })
            .filter(|(.., since)| since.is_some_and(|since| now.since(since) >= patience))
            .map(|(worker, task, _)| (worker, task))
            .collect();
        overdue.iter().map(|(worker, task)| u32::from(self.release(*worker, *task))).sum()
    }

    /// `worker` will not do the task. True if it had it.
    pub(crate) fn release(&mut self, worker: NodeId, task: u32) -> bool {
        let Some(member) = self.members.get_mut(&worker) else { return false };
        if member.leased.remove(&task).is_none() {
            return false;
        }
        self.lapse(worker, [task]);
        true
    }

    /// `worker` takes no part any more, since `left` if it said goodbye; what it held is open.
    /// Returns how many tasks it held.
    pub(crate) fn dismiss(&mut self, worker: NodeId, left: Option<Time>) -> Option<u32> {
        let member = self.members.remove(&worker)?;
        self.slots -= u32::from(member.slots);
        let held = member.held();
        let since = left.unwrap_or(member.heard);
        let tasks: Vec<u32> = member.leased.into_keys().collect();
        self.lapse(worker, tasks.iter().copied());
        let waits = tasks.into_iter().filter(|task| self.open.contains(task));
        self.orphans.extend(waits.map(|task| (task, since)));
        Some(held)
    }

    /// Whether the task, not done yet, is or was leased to `worker`.
    pub(crate) fn was_leased(&self, worker: NodeId, task: u32) -> bool {
        self.members.get(&worker).is_some_and(|member| member.leased.contains_key(&task))
            || self.lapsed.get(&worker).is_some_and(|tasks| tasks.contains(&task))
    }

    /// Whether `worker` was asked for the result of the task.
    pub(crate) fn was_asked(&self, worker: NodeId, task: u32) -> bool {
        let lease = self.members.get(&worker).and_then(|member| member.leased.get(&task));
        lease.is_some_and(|lease| lease.asked)
    }

    /// When the first of the others will have been silent for `patience`, and who it is.
    pub(crate) fn next_silent(&self, me: NodeId, patience: Duration) -> Option<(Time, NodeId)> {
        self.members
            .iter()
            .filter(|(worker, _)| **worker != me)
            .map(|(worker, member)| (member.heard + patience, *worker))
            .min()
    }

    /// Tasks that `worker` may hold. Far from the end there is enough for every wish; towards it
    /// the open tasks are dealt out by slots, half of them a round (guided self-scheduling,
    /// Polychronopoulos & Kuck 1987), so that nobody sits on the last ones.
    fn share(&self, worker: NodeId) -> u32 {
        let slots = self.slots;
        let own = self.members.get(&worker).map_or(0, |member| u32::from(member.slots));
        let round = self.open_count().div_ceil(slots.saturating_mul(2).max(1)).max(1);
        own.saturating_mul(round).min(HELD_MAX)
    }

    /// What `worker` held is open, unless somebody else holds it too.
    fn lapse(&mut self, worker: NodeId, tasks: impl IntoIterator<Item = u32>) {
        for task in tasks {
            self.reassigned = self.reassigned.saturating_add(1);
            let lapsed = self.lapsed.entry(worker).or_default();
            lapsed.insert(task);
            if lapsed.len() > LAPSED_MAX {
                lapsed.pop_last();
            }
            if !self.members.values().any(|member| member.leased.contains_key(&task)) {
                self.open.insert(task);
            }
        }
        self.lapsed.entry(worker).or_default();
        while self.lapsed.len() > FORMER_MAX {
            self.lapsed.pop_first();
        }
    }
}

impl Lease {
    fn new(now: Time) -> Self {
        Lease { granted: now, confirmed: now, missing_since: None, asked: false }
    }
}

impl Member {
    fn held(&self) -> u32 {
        u32::try_from(self.leased.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
