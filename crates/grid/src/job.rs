//! A job at this node: what it is, what is done of it, and this node's part in it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use base::{Digest, Duration, NodeId, Time};
use wire::grid::{JobId, SignedDescription, TASK_LIST_MAX};

use crate::board::Board;
use crate::result::Fetch;
use crate::{JobState, JobSummary, WorkerSummary};

/// Work that a worker pulls ahead of its consumption. Chosen: many round trips long, and little to
/// do again if the worker vanishes.
const AHEAD: Duration = Duration::from_secs(1);
/// Tasks of one job in one node's hands, so that one message can name them all. It does not pull
/// beyond it, and hands back what it is given beyond it.
pub(crate) const HELD_MAX: u32 = TASK_LIST_MAX as u32;

/// A finished task, as a node knows it. The payload is kept apart and may be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) digest: Digest,
    pub(crate) worker: NodeId,
}

/// This node's part as owner.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    pub(crate) board: Board,
    /// When the participants are told next how far it is.
    pub(crate) status_at: Time,
    /// When they were told last.
    pub(crate) status_sent: Time,
    /// Whether the idle key was told that workers are wanted.
    pub(crate) recruiting: bool,
}

/// This node's part in another's job.
#[derive(Clone, Debug)]
pub(crate) struct Joined {
    /// As the owner said last.
    pub(crate) participants: BTreeSet<NodeId>,
    /// When the owner was last heard from.
    pub(crate) heard: Time,
    /// Since when a pull waits for its answer.
    pub(crate) asked: Option<Time>,
    /// Tasks asked for that the owner will lease when there are some.
    pub(crate) owed: u16,
    /// When this node asked to take part, first or anew.
    pub(crate) enlisted: Time,
    /// What was done at some earlier moment, to notice results that never came.
    pub(crate) mark: (Time, u32),
}

/// This node's part.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    Owner(Owned),
    Participant(Joined),
}

/// How fast a job's tasks go here.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    task: Option<Duration>,
    round_trip: Option<Duration>,
}

/// One job.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    pub(crate) signed: SignedDescription,
    pub(crate) owner: NodeId,
    pub(crate) state: JobState,
    /// How many jobs this node had opened before it.
    pub(crate) age: u64,
    pub(crate) role: Role,
    pub(crate) done: BTreeMap<u32, Done>,
    pub(crate) tally: BTreeMap<NodeId, u32>,
    pub(crate) duplicates: u32,
    pub(crate) pace: Pace,
    pub(crate) fetch: Fetch,
    /// Results sent on request since the last heartbeat, by receiver.
    pub(crate) served: BTreeMap<NodeId, u32>,
}

impl Job {
    pub(crate) fn new(
        id: JobId,
        signed: SignedDescription,
        owner: NodeId,
        age: u64,
        role: Role,
    ) -> Self {
        Job {
            id,
            signed,
            owner,
            state: JobState::Running,
            age,
            role,
            done: BTreeMap::new(),
            tally: BTreeMap::new(),
            duplicates: 0,
            pace: Pace::default(),
            fetch: Fetch::default(),
            served: BTreeMap::new(),
        }
    }

    pub(crate) fn tasks(&self) -> u32 {
        self.signed.description.tasks
    }

    pub(crate) fn done_count(&self) -> u32 {
        u32::try_from(self.done.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state == JobState::Running
    }

    pub(crate) fn is_own(&self) -> bool {
        matches!(self.role, Role::Owner(_))
    }

    /// As owner.
    pub(crate) fn owned(&mut self) -> Option<&mut Owned> {
        match &mut self.role {
            Role::Owner(owned) => Some(owned),
            Role::Participant(_) => None,
        }
    }

    /// In another's job.
    pub(crate) fn joined(&mut self) -> Option<&mut Joined> {
        match &mut self.role {
            Role::Owner(_) => None,
            Role::Participant(joined) => Some(joined),
        }
    }

    /// Everyone who takes part, this node included.
    pub(crate) fn participants(&self) -> Vec<NodeId> {
        match &self.role {
            Role::Owner(owned) => owned.board.members().collect(),
            Role::Participant(joined) => joined.participants.iter().copied().collect(),
        }
    }

    pub(crate) fn participant_count(&self) -> usize {
        match &self.role {
            Role::Owner(owned) => owned.board.member_count(),
            Role::Participant(joined) => joined.participants.len(),
        }
    }

    /// Everyone else, the owner first: its copy closes the lease.
    pub(crate) fn others(&self, me: NodeId) -> Vec<NodeId> {
        let mut others = self.participants();
        others.retain(|node| *node != me);
        others.sort_by_key(|node| *node != self.owner);
        others
    }

    /// Takes part, or did as far as is known here.
    pub(crate) fn knows(&self, node: NodeId) -> bool {
        match &self.role {
            Role::Owner(owned) => owned.board.knows(node),
            Role::Participant(joined) => node == self.owner || joined.participants.contains(&node),
        }
    }

    /// Notes a finished task. False if it was done already.
    pub(crate) fn finish(&mut self, task: u32, done: Done) -> bool {
        if self.done.contains_key(&task) {
            return false;
        }
        self.done.insert(task, done);
        let tally = self.tally.entry(done.worker).or_default();
        *tally = tally.saturating_add(1);
        self.fetch.arrived(task);
        if let Role::Owner(owned) = &mut self.role {
            owned.board.close(task);
        }
        true
    }

    pub(crate) fn summary(&self) -> JobSummary {
        let board = match &self.role {
            Role::Owner(owned) => Some(&owned.board),
            Role::Participant(_) => None,
        };
        let mut names: BTreeSet<NodeId> = self.tally.keys().copied().collect();
        names.extend(self.participants());
        let worker = |worker: NodeId| WorkerSummary {
            worker,
            done: self.tally.get(&worker).copied().unwrap_or(0),
            leased: board.map_or(0, |board| board.leased_count(worker)),
        };
        JobSummary {
            job: self.id,
            owner: self.owner,
            state: self.state,
            kind: self.signed.description.kind,
            params: self.signed.description.params.clone(),
            tasks: self.tasks(),
            done: self.done_count(),
            participants: u32::try_from(self.participant_count()).unwrap_or(u32::MAX),
            workers: names.into_iter().map(worker).collect(),
            reassigned: board.map_or(0, Board::reassigned),
            duplicates: self.duplicates,
        }
    }
}

impl Joined {
    /// The owner has nothing to give: it answered, and did not give all that was asked for.
    pub(crate) fn is_starved(&self) -> bool {
        self.asked.is_none() && self.owed > 0
    }
}

impl Pace {
    /// A task took this long.
    pub(crate) fn computed(&mut self, took: Duration) {
        self.task = Some(smoothed(self.task, took));
    }

    /// A pull was answered after this long.
    pub(crate) fn answered(&mut self, took: Duration) {
        self.round_trip = Some(smoothed(self.round_trip, took));
    }

    /// Tasks to hold, and the number at which to ask for more: far enough below to ask for several
    /// at once, far enough above `slots` that the answer comes in time. The first pull asks for no
    /// more than can start, so that workers who come together share a small job.
    pub(crate) fn marks(&self, slots: u32) -> (u32, u32) {
        let Some(round_trip) = self.round_trip else { return (slots, slots.saturating_sub(1)) };
        let span = micros(AHEAD + round_trip * 2).saturating_mul(u64::from(slots));
        let ahead = self.task.map_or(0, |task| span.div_ceil(micros(task).max(1)));
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX).max(slots);
        (
            slots.saturating_add(ahead).min(HELD_MAX),
            slots.saturating_add(ahead / 2).min(HELD_MAX - 1),
        )
    }
}

/// One part new, three parts old.
fn smoothed(old: Option<Duration>, new: Duration) -> Duration {
    old.map_or(new, |old| (old * 3 + new) / 4)
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(task_ms: u64, round_trip_ms: u64) -> Pace {
        let mut pace = Pace::default();
        pace.answered(Duration::from_millis(round_trip_ms));
        pace.computed(Duration::from_millis(task_ms));
        pace
    }

    #[test]
    fn a_worker_holds_about_a_second_of_work() {
        assert_eq!(Pace::default().marks(4), (4, 3), "what can start, and no more");
        assert_eq!(pace(500, 100).marks(1), (4, 2));
        assert_eq!(pace(10_000, 100).marks(1), (2, 1), "always one per slot ahead");
        assert_eq!(pace(10, 100).marks(1), (121, 61));
        assert_eq!(pace(10, 100).marks(128), (HELD_MAX, HELD_MAX - 1));
        assert_eq!(pace(0, 0).marks(1), (HELD_MAX, HELD_MAX - 1));
    }
}
