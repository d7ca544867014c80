//! The five things that load sharing minimises, as one node sees them since its start.
//!
//! 1. **Idle cycles**: slot time without a computation, of all slot time while work was open here.
//!    Work is open while this node works on a job that is under way, from the owner's welcome to the
//!    end: the time in which others finish the last tasks counts.
//! 2. **Recovery time**: from a worker's last sign of life, or its goodbye, to the next lease of a
//!    task that it held; and from when a new owner knew the former one to be gone to the first lease
//!    that it granted or confirmed.
//! 3. **Communication overhead**: control bytes over result bytes, as sent on links, forwarding for
//!    others included (counted by whoever has the links).
//! 4. **Lost data**: finished tasks whose result nobody had when an owner looked for it. They are
//!    computed again.
//! 5. **Redundant communication**: results that a worker committed to though the task was done by
//!    another, as its owner sees it; and results that arrived where they were already.
//!
//! Sums and shares over nodes are sums of these.

use base::{Duration, Time};

use crate::Grid;
use crate::job::{Job, Role};

/// How long something took each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// How often.
    pub count: u64,
    /// All together.
    pub total: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Spans {
    pub(crate) fn note(&mut self, span: Duration) {
        self.count += 1;
        self.total += span;
        self.longest = self.longest.max(span);
    }

    /// Of several nodes, or jobs.
    pub fn add(&mut self, other: &Spans) {
        self.count += other.count;
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    /// On average; nothing if it never happened.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        self.total.checked_div(count)
    }
}

/// See the head of this page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// Slot time while work was open here.
    pub open: Duration,
    /// Of that, without a computation.
    pub idle: Duration,
    /// As owner: lost workers' tasks leased again.
    pub worker_recovery: Spans,
    /// As new owner: the job went on.
    pub owner_recovery: Spans,
    /// As owner: finished tasks whose result nobody had.
    pub lost: u64,
    /// As owner: results for tasks that another had done.
    pub redundant_results: u64,
    /// Results that arrived where they were already.
    pub redundant_deliveries: u64,
}

impl Measures {
    /// Of several nodes.
    pub fn add(&mut self, other: &Measures) {
        self.open += other.open;
        self.idle += other.idle;
        self.worker_recovery.add(&other.worker_recovery);
        self.owner_recovery.add(&other.owner_recovery);
        self.lost += other.lost;
        self.redundant_results += other.redundant_results;
        self.redundant_deliveries += other.redundant_deliveries;
    }

    /// Idle slot time over slot time while work was open; 0 if there was none.
    #[must_use]
    pub fn idle_share(&self) -> f64 {
        let open = self.open.as_secs_f64();
        if open > 0.0 { self.idle.as_secs_f64() / open } else { 0.0 }
    }
}

/// What the slots do since the last input.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slots {
    open: u32,
    idle: u32,
}

impl Grid {
    /// What this node did so far, by the five measures.
    #[must_use]
    pub fn measures(&self) -> Measures {
        let mut measures = self.measures;
        measures.redundant_deliveries = self.counters.duplicates;
        for job in self.jobs.values() {
            if let Role::Owner(owned) = &job.role {
                measures.worker_recovery.add(owned.board.recovery());
            }
        }
        measures
    }

    /// Time has passed with the slots as they were.
    pub(crate) fn note_slots(&mut self, now: Time) {
        let span = now.since(self.handled_at);
        // A process that slept neither worked nor waited.
        if span <= self.config.heartbeat * 2 {
            self.measures.open += span * self.slots_were.open;
            self.measures.idle += span * self.slots_were.idle;
        }
    }

    /// How the slots are from now on.
    pub(crate) fn review_slots(&mut self) {
        let works = |job: &Job| match &job.role {
            Role::Owner(owned) => owned.can_work,
            Role::Participant(joined) => joined.works,
        };
        let is_open = self.jobs.values().any(|job| job.is_running() && works(job));
        let open = if is_open { u32::from(self.worker.slots) } else { 0 };
        let idle = open.saturating_sub(self.worker.computing_count());
        self.slots_were = Slots { open, idle };
    }
}
