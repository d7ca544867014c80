//! A job at this node: what it is, what is done of it, and this node's part in it.

use alloc::collections::BTreeMap;

use base::{Digest, Duration, NodeId, Signature, SortedMap, SortedSet, Time};
use wire::grid::{Done, JobId, SignedDescription, TASK_LIST_MAX, Tenure};

use crate::audit::Audits;
use crate::board::Board;
use crate::budget::Results;
use crate::fetch::Fetch;
use crate::keep::Recent;
use crate::pace::Pace;
use crate::result::Unproved;
use crate::{Event, JobState, JobSummary, WorkerSummary};

/// Tasks of one job in one node's hands, so that one message can name them all. It does not pull
/// beyond it, and hands back what it is given beyond it.
pub(crate) const HELD_MAX: u32 = TASK_LIST_MAX as u32;

/// This node's part as owner.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    pub(crate) board: Board,
    /// Results that were published before their workers committed to them.
    pub(crate) unproved: Unproved,
    /// When the participants are told next how far it is.
    pub(crate) status_at: Time,
    /// When they were told last.
    pub(crate) status_sent: Time,
    /// When idle peers are looked for next.
    pub(crate) recruit_at: Time,
    /// How long after that they are looked for again.
    pub(crate) recruit_pause: Duration,
    /// Done and not in the record yet.
    pub(crate) unrecorded: SortedSet<u32>,
    /// When these go into the record.
    pub(crate) record_at: Time,
    /// Somebody owned the job before: what workers say they did and hold may be so.
    pub(crate) is_heir: bool,
    /// As heir: nothing is leased until then, so that workers can say first what they hold.
    pub(crate) grace_until: Time,
    /// As heir: until then, those who live have said so.
    pub(crate) survey_at: Time,
    /// As heir, until the first lease: since when it is known that the former owner is gone.
    pub(crate) lost_at: Option<Time>,
    /// The driver can compute the job's tasks.
    pub(crate) can_work: bool,
    /// When this node took the job back from another owner.
    pub(crate) claimed_at: Time,
}

/// This node's part in another's job.
#[derive(Clone, Debug)]
pub(crate) struct Joined {
    /// It computes tasks; otherwise it only looks on.
    pub(crate) works: bool,
    /// How many take part, as the owner said last.
    pub(crate) participants: u32,
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
#[allow(clippy::large_enum_variant, reason = "a node has some jobs, not thousands")]
pub(crate) enum Role {
    Owner(Owned),
    Participant(Joined),
}

/// One job.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    pub(crate) signed: SignedDescription,
    pub(crate) tenure: Tenure,
    pub(crate) state: JobState,
    /// This node created it.
    pub(crate) is_mine: bool,
    /// This node is the root of the job's key, as the store said last.
    pub(crate) is_root: bool,
    /// How many jobs this node had opened before it.
    pub(crate) age: u64,
    pub(crate) role: Role,
    /// Tasks that are known to be done. The payload is kept apart and may not be here, or not any
    /// more.
    pub(crate) done: BTreeMap<u32, Done>,
    /// Tasks whose payload was here at some time.
    pub(crate) seen: SortedSet<u32>,
    /// Tasks whose result was computed here, or found sound here.
    pub(crate) verified: SortedSet<u32>,
    /// Results that their workers themselves told this node of, and are answerable for.
    pub(crate) proved: BTreeMap<u32, (NodeId, Digest)>,
    pub(crate) audits: Audits,
    /// Of all results, as the owner said at the end.
    pub(crate) agreed: Option<Digest>,
    /// Tasks whose result nobody had, with the round of the next one.
    pub(crate) rounds: SortedMap<u32, u8>,
    pub(crate) tally: SortedMap<NodeId, u32>,
    pub(crate) cancelled: Option<Signature>,
    /// This node, its creator, cancelled it; the signature may be under way.
    pub(crate) is_withdrawn: bool,
    /// It ended here because its owner gave it up.
    pub(crate) is_given_up: bool,
    /// Since when its owner is known to be gone.
    pub(crate) lost_at: Option<Time>,
    pub(crate) record_copies: u16,
    /// Something that was to go into the record did not.
    pub(crate) is_unwritten: bool,
    /// Holders that acknowledged results computed here.
    pub(crate) kept: SortedMap<u32, u16>,
    pub(crate) duplicates: u32,
    /// Others' results that came last.
    pub(crate) recent: Recent,
    pub(crate) pace: Pace,
    pub(crate) fetch: Fetch,
    /// Results sent on request since the last heartbeat, by receiver.
    pub(crate) served: SortedMap<NodeId, u32>,
}

impl Job {
    pub(crate) fn new(
        signed: SignedDescription,
        tenure: Tenure,
        me: NodeId,
        age: u64,
        role: Role,
    ) -> Self {
        Job {
            id: signed.description.job(),
            is_mine: signed.description.creator.id() == me,
            signed,
            tenure,
            state: JobState::Running,
            is_root: false,
            age,
            role,
            done: BTreeMap::new(),
            seen: SortedSet::new(),
            verified: SortedSet::new(),
            proved: BTreeMap::new(),
            audits: Audits::default(),
            agreed: None,
            rounds: SortedMap::new(),
            tally: SortedMap::new(),
            cancelled: None,
            is_withdrawn: false,
            is_given_up: false,
            lost_at: None,
            record_copies: 0,
            is_unwritten: false,
            kept: SortedMap::new(),
            duplicates: 0,
            recent: Recent::default(),
            pace: Pace::default(),
            fetch: Fetch::default(),
            served: SortedMap::new(),
        }
    }

    pub(crate) fn owner(&self) -> NodeId {
        self.tenure.owner
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

    /// Its owner gave it up, which binds nobody else.
    pub(crate) fn may_go_on_with(&self, owner: NodeId) -> bool {
        self.is_given_up && self.owner() != owner
    }

    /// Neither finished nor cancelled.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, JobState::Running | JobState::Orphaned)
    }

    pub(crate) fn is_owned(&self) -> bool {
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

    fn board(&self) -> Option<&Board> {
        match &self.role {
            Role::Owner(owned) => Some(&owned.board),
            Role::Participant(_) => None,
        }
    }

    pub(crate) fn participant_count(&self) -> u32 {
        match &self.role {
            Role::Owner(owned) => u32::try_from(owned.board.member_count()).unwrap_or(u32::MAX),
            Role::Participant(joined) => joined.participants,
        }
    }

    /// Works on it, or did, as far as is known here.
    pub(crate) fn knows(&self, node: NodeId) -> bool {
        match &self.role {
            Role::Owner(owned) => owned.board.knows(node),
            Role::Participant(_) => node == self.owner(),
        }
    }

    /// Notes a task that somebody did. False if it was known.
    pub(crate) fn learn(&mut self, now: Time, task: u32, done: Done) -> bool {
        if self.done.contains_key(&task) {
            return false;
        }
        self.done.insert(task, done);
        if let Role::Owner(owned) = &mut self.role {
            owned.board.close(task, done.worker, now);
        }
        true
    }

    /// Its result is here, for the first time.
    pub(crate) fn see(&mut self, task: u32, worker: NodeId) {
        self.seen.insert(task);
        let tally = self.tally.entry(worker).or_default();
        *tally = tally.saturating_add(1);
        self.fetch.arrived(task);
    }

    /// Its result is here no more: the next one is the first again. False if none was here.
    pub(crate) fn unsee(&mut self, task: u32) -> bool {
        let worker = self.done.get(&task).map(|done| done.worker);
        let was_seen = self.seen.remove(&task);
        if let Some(tally) = worker.filter(|_| was_seen).and_then(|id| self.tally.get_mut(&id)) {
            *tally = tally.saturating_sub(1);
        }
        was_seen
    }

    /// What is told of it when this node begins to take part.
    pub(crate) fn opened_event(&self) -> Event {
        let description = &self.signed.description;
        Event::JobOpened {
            job: self.id,
            owner: self.owner(),
            kind: description.kind,
            params: description.params.clone(),
            tasks: description.tasks,
        }
    }

    pub(crate) fn summary(&self, results: &Results) -> JobSummary {
        let board = self.board();
        let mut names: SortedSet<NodeId> = self.tally.keys().copied().collect();
        names.extend(board.into_iter().flat_map(Board::members));
        let worker = |worker: NodeId| WorkerSummary {
            worker,
            done: self.tally.get(&worker).copied().unwrap_or(0),
            leased: board.map_or(0, |board| board.leased_count(worker)),
        };
        let copies = |task: &u32| {
            let acknowledged = self.kept.get(task).copied().unwrap_or(0);
            u32::from(acknowledged) + u32::from(results.get(self.id, *task).is_some())
        };
        JobSummary {
            job: self.id,
            owner: self.tenure.owner,
            epoch: self.tenure.epoch,
            state: self.state,
            kind: self.signed.description.kind,
            params: self.signed.description.params.clone(),
            tasks: self.tasks(),
            done: u32::try_from(self.seen.len()).unwrap_or(u32::MAX),
            verified: self.verified_count(),
            barred: self.audits.barred().collect(),
            participants: self.participant_count(),
            record_copies: self.record_copies,
            copies_min: self.done.keys().map(copies).min().unwrap_or(0),
            copies_total: self.done.keys().map(|task| u64::from(copies(task))).sum(),
            workers: names.into_iter().map(worker).collect(),
            reassigned: board.map_or(0, Board::reassigned),
            duplicates: self.duplicates,
        }
    }
}

impl Owned {
    /// The first owner, or an heir: whoever finds the former owner gone.
    pub(crate) fn new(now: Time, tasks: u32) -> Self {
        Owned {
            board: Board::new(tasks),
            unproved: Unproved::default(),
            status_at: Time::FAR_FUTURE,
            status_sent: now,
            recruit_at: now,
            recruit_pause: Duration::ZERO,
            unrecorded: SortedSet::new(),
            record_at: Time::FAR_FUTURE,
            is_heir: false,
            grace_until: now,
            survey_at: Time::FAR_FUTURE,
            lost_at: None,
            can_work: true,
            claimed_at: Time::ZERO,
        }
    }
}

impl Joined {
    pub(crate) fn new(now: Time, works: bool) -> Self {
        let (participants, mark) = (1, (now, 0));
        Joined { works, participants, heard: now, asked: None, owed: 0, enlisted: now, mark }
    }

    /// The owner has nothing to give: it answered, and did not give all that was asked for.
    pub(crate) fn is_starved(&self) -> bool {
        self.asked.is_none() && self.owed > 0
    }
}
