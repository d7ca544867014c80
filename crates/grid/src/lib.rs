//! The grid: jobs, tasks, leases, results, over opaque payloads.
//!
//! A node owns the jobs it created and works on those of others. The owner is a coordinator: it
//! leases tasks to peers that pull them, takes back what a vanished peer held, and every
//! participant gets every result. The machine does not know what a task computes, how a message
//! travels, or what a leaf set is.
//!
//! Any message may be lost: each conversation is repeated by whoever waits for its answer, and a
//! repeated message changes nothing.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod board;
mod config;
mod enlist;
mod face;
mod job;
mod lease;
mod presence;
mod recruit;
mod result;
mod status;
mod worker;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use base::{NodeId, Rng, Time};
use bytes::Bytes;
use wire::grid::{JobId, Message};

pub use board::FAILURES_MAX;
pub use config::Config;
pub use face::{
    Counters, Event, Failure, Input, JobState, JobSummary, Output, Wake, WorkId, WorkerSummary,
};
pub use recruit::IDLE_KEY;
pub use worker::SLOTS_MAX;

use enlist::Candidate;
use job::{Done, Job, Role};
use recruit::Meeting;
use result::Results;
use worker::Worker;

/// Jobs at one node, own and others', under way and ended. Beyond it the one that ended longest
/// ago is forgotten; if all are under way, a submission is refused and invitations are ignored.
pub const JOBS_MAX: usize = 16;

/// One node's part in the grid.
#[derive(Clone, Debug)]
pub struct Grid {
    config: Config,
    me: NodeId,
    rng: Rng,
    /// The overlay routes.
    ready: bool,
    has_left: bool,
    /// At most [`JOBS_MAX`].
    jobs: BTreeMap<JobId, Job>,
    /// Jobs opened so far.
    opened: u64,
    candidate: Option<Candidate>,
    refused: VecDeque<JobId>,
    worker: Worker,
    results: Results,
    meeting: Meeting,
    /// The idle key takes this node for idle, or will be told at the next heartbeat.
    is_announced: bool,
    preferred: BTreeSet<NodeId>,
    /// Jobs or participants changed since `preferred` was right.
    links_changed: bool,
    heartbeat_at: Time,
    /// When to tell a root that may be another one who is idle here.
    announce_at: Option<Time>,
    handled_at: Time,
    counters: Counters,
    /// Drained by the driver after each input.
    outputs: VecDeque<Output>,
}

impl Grid {
    /// A node with no slots, outside every overlay.
    #[must_use]
    pub fn new(config: Config, me: NodeId, seed: u64, now: Time) -> Self {
        let mut rng = Rng::new(seed);
        // Heartbeats of different nodes fall apart.
        let phase = rng.below(u64::try_from(config.heartbeat.as_micros()).unwrap_or(u64::MAX));
        Grid {
            config,
            me,
            rng,
            ready: false,
            has_left: false,
            jobs: BTreeMap::new(),
            opened: 0,
            candidate: None,
            refused: VecDeque::new(),
            worker: Worker::default(),
            results: Results::default(),
            meeting: Meeting::default(),
            is_announced: false,
            preferred: BTreeSet::new(),
            links_changed: false,
            heartbeat_at: now + base::Duration::from_micros(phase),
            announce_at: None,
            handled_at: now,
            counters: Counters::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Something happened, or is asked. Drain [`Grid::poll_output`] afterwards.
    pub fn handle(&mut self, now: Time, input: Input) {
        if self.has_left {
            return;
        }
        if now.since(self.handled_at) > self.config.heartbeat * 2 {
            self.forgive_silence(now);
        }
        self.handled_at = now;
        match input {
            Input::Submit(signed) => self.on_submit(now, signed),
            Input::Cancel(job) => self.on_cancel(job),
            Input::Received { from, message } => self.on_received(now, from, message),
            Input::Delivered { key, from, message } => self.on_delivered(now, key, from, &message),
            Input::PeerGone { peer, left } => self.on_peer_gone(peer, left),
            Input::Computed { work, outcome } => self.on_computed(now, work, outcome),
            Input::Appraised { job, verdict } => self.on_appraised(now, job, verdict),
            Input::Slots(slots) => self.on_slots(now, slots),
            Input::Ready(ready) => self.on_ready(ready),
            Input::RootsMoved => self.on_roots_moved(now),
            Input::Leave => return self.on_leave(),
            Input::Timeout => self.on_timeout(now),
        }
        self.settle(now);
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come with [`Input::Timeout`], and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        if self.has_left {
            return None;
        }
        let mut next = (self.heartbeat_at, Wake::Heartbeat);
        let mut consider = |at: Option<Time>, wake| {
            if let Some(at) = at.filter(|at| *at < next.0) {
                next = (at, wake);
            }
        };
        let (retry, fetch, lease) = (self.retry_time(), self.fetch_time(), self.lease_time());
        let candidate = self.candidate.as_ref().filter(|candidate| candidate.welcome.is_none());
        consider(candidate.map(|candidate| candidate.asked + retry), Wake::Retry);
        consider(self.announce_at, Wake::Retry);
        for job in self.jobs.values() {
            consider(job.fetch_deadline(fetch), Wake::Retry);
            match &job.role {
                _ if !job.is_running() => {}
                Role::Participant(joined) => {
                    consider(joined.asked.map(|asked| asked + retry), Wake::Retry);
                }
                Role::Owner(owned) => {
                    consider(Some(owned.status_at), Wake::Heartbeat);
                    let silent = owned.board.next_silent(self.me, lease);
                    consider(silent.map(|(at, _)| at), Wake::LeaseExpiry);
                }
            }
        }
        Some(next)
    }

    /// Every job that this node knows, the oldest first.
    #[must_use]
    pub fn jobs(&self) -> Vec<JobSummary> {
        let mut jobs: Vec<&Job> = self.jobs.values().collect();
        jobs.sort_by_key(|job| job.age);
        jobs.into_iter().map(Job::summary).collect()
    }

    /// One job.
    #[must_use]
    pub fn job(&self, job: JobId) -> Option<JobSummary> {
        self.jobs.get(&job).map(Job::summary)
    }

    /// Whether a job is under way in which this node takes part.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.jobs.values().any(Job::is_running)
    }

    /// A task's numbers, if they are in memory here.
    #[must_use]
    pub fn result(&self, job: JobId, task: u32) -> Option<&Bytes> {
        self.results.get(job, task)
    }

    /// Bytes of results in memory here.
    #[must_use]
    pub fn result_bytes(&self) -> u64 {
        self.results.bytes()
    }

    /// Tasks that wait here for a free slot.
    #[must_use]
    pub fn queue_len(&self) -> u32 {
        self.worker.queue_count()
    }

    /// What this node did so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let board = |job: &Job| match &job.role {
            Role::Owner(owned) => u64::from(owned.board.reassigned()),
            Role::Participant(_) => 0,
        };
        let reassigned = self.counters.reassigned + self.jobs.values().map(board).sum::<u64>();
        Counters { reassigned, ..self.counters }
    }

    fn on_received(&mut self, now: Time, from: NodeId, message: Message) {
        match message {
            _ if from == self.me => self.counters.ignored += 1,
            Message::Idle { .. } | Message::Recruit { .. } => self.counters.ignored += 1,
            Message::Invite { job, owner } => self.on_invite(now, job, owner),
            Message::Enlist { job, slots } => self.on_enlist(now, from, job, slots),
            Message::Welcome { job, participants, done } => {
                self.on_welcome(now, from, job, participants, done);
            }
            Message::Sorry { job, .. } => self.on_sorry(from, job),
            Message::Pull { job, wanted } => self.on_pull(now, from, job, wanted),
            Message::Lease { job, tasks } => self.on_lease(now, from, job, &tasks),
            Message::Extend { job, tasks } => self.on_extend(now, from, job, &tasks),
            Message::Return { job, tasks, failed, reason } => {
                self.on_return(now, from, job, &tasks, failed.then_some(&reason));
            }
            Message::Result { job, task, worker, digest, payload } => {
                self.on_result(now, from, job, task, Done { digest, worker }, payload);
            }
            Message::Status { job, participants, done } => {
                self.on_status(now, from, job, &participants, done);
            }
            Message::Fetch { job, tasks } => self.on_fetch(now, from, job, &tasks),
            Message::Finished { job, cancelled } => self.on_finished(from, job, cancelled),
            Message::Quit { job } => self.on_quit(from, job),
        }
    }

    fn on_ready(&mut self, ready: bool) {
        if ready == self.ready {
            return;
        }
        self.ready = ready;
        if ready {
            self.announce_anew();
        } else {
            self.meeting.clear();
        }
    }

    fn on_timeout(&mut self, now: Time) {
        if self.heartbeat_at <= now {
            self.heartbeat_at = now + self.config.heartbeat;
            self.on_heartbeat(now);
        }
        if self.announce_at.is_some_and(|at| at <= now) {
            self.announce_anew();
        }
        self.expire_leases(now);
        self.repeat_pulls(now);
        self.repeat_enlist(now);
        self.repeat_fetches(now);
    }

    fn on_heartbeat(&mut self, now: Time) {
        let patience = self.lease_time();
        self.worker.is_resting = false;
        self.meeting.forget_old(now);
        for job in self.jobs.values_mut() {
            job.served.clear();
            if let Some(owned) = job.owned() {
                owned.status_at = now;
                owned.board.drop_missing(now, patience);
            }
        }
        self.retry_stuck(now);
        self.miss_owners(now);
        self.keep_leases(now);
        self.announce_anew();
    }

    /// What follows from the state, whatever changed it.
    fn settle(&mut self, now: Time) {
        self.top_up(now);
        self.feed(now);
        self.start_work(now);
        self.fetch_lacking(now);
        self.report_due(now);
        self.announce_changes();
        self.review_links();
    }

    /// Free slots and nothing to do: no task in hand or in reach, nothing to fetch.
    fn is_idle(&self) -> bool {
        let is_quiet = |job: &Job| match (&job.role, job.state) {
            (Role::Participant(joined), JobState::Running) => joined.is_starved(),
            (_, JobState::Finished) => job.fetch.is_idle(),
            _ => true,
        };
        self.ready
            && self.worker.slots > 0
            && self.worker.held_count() == 0
            && self.candidate.is_none()
            && !self.has_own_open()
            && self.jobs.values().filter(|job| job.is_running()).count() < JOBS_MAX
            && self.jobs.values().all(is_quiet)
    }

    /// Own or others' jobs that run, the oldest first.
    fn running(&self, own: bool) -> Vec<JobId> {
        let jobs = self.jobs.values().filter(|job| job.is_running() && job.is_own() == own);
        let mut jobs: Vec<(u64, JobId)> = jobs.map(|job| (job.age, job.id)).collect();
        jobs.sort_unstable();
        jobs.into_iter().map(|(_, job)| job).collect()
    }

    fn send(&mut self, to: NodeId, message: Message) {
        self.outputs.push_back(Output::Send { to, class: message.class(), message });
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn misbehaved(&mut self, peer: NodeId, why: &'static str) {
        self.counters.misbehaved += 1;
        self.event(Event::Misbehaved { peer, why });
    }
}
