//! The grid: jobs, tasks, leases, results, over opaque payloads.
//!
//! The owner of a job is a coordinator: it leases tasks to peers that pull them, takes back what a
//! vanished peer held, and writes down what is done in a record that outlives it; whoever is the
//! root of the job's key when it is gone owns the job next. Every participant gets every result.
//! The machine does not know what a task computes, how a message travels, where a record is kept,
//! or what a leaf set is.
//!
//! Any message may be lost: each conversation is repeated by whoever waits for its answer, and a
//! repeated message changes nothing.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod audit;
mod board;
mod budget;
mod config;
mod directory;
mod enlist;
mod event;
mod face;
mod fetch;
mod inspect;
mod job;
mod keep;
mod lease;
mod measures;
mod pace;
mod presence;
mod record;
mod recruit;
mod result;
mod serve;
mod standing;
mod status;
mod tenure;
mod watch;
mod worker;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use base::{Digest, Key, NodeId, Rng, SortedMap, SortedSet, Time};
use wire::grid::{Done, JobId, Message};

pub use board::FAILURES_MAX;
pub use config::Config;
pub use event::{Counters, Event, JobListing, JobState, JobSummary, WorkerSummary};
pub use face::{AuditId, AuditOrder, Failure, Input, Output, Verdict, Wake, WorkId};
pub use measures::{Measures, Spans};
pub use recruit::IDLE_KEY;
pub use standing::{REVIEW_PLACES, Standing};
pub use worker::SLOTS_MAX;

use audit::Audit;
use budget::Results;
use directory::Directory;
use enlist::{Candidate, Welcome};
use job::{Job, Role};
use measures::Slots;
use result::Path;
use watch::Watch;
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
    /// Since when it is as `ready` says.
    ready_since: Time,
    has_left: bool,
    /// At most [`JOBS_MAX`].
    jobs: SortedMap<JobId, Job>,
    /// Jobs opened so far.
    opened: u64,
    candidate: Option<Candidate>,
    refused: VecDeque<JobId>,
    worker: Worker,
    results: Results,
    /// Under way at the driver.
    audits: SortedMap<AuditId, Audit>,
    /// Audits begun so far.
    audited: u64,
    /// The driver could not audit: none is begun until the next heartbeat.
    rests_audits: bool,
    /// Jobs that are looked up to be followed.
    watches: SortedMap<JobId, Watch>,
    directory: Directory,
    /// Jobs looked up for others since the last heartbeat.
    recalled: SortedSet<JobId>,
    /// When a job that ended here may be taken up once more.
    take_up_at: Time,
    /// Own results whose holders are counted, by digest.
    keeping: SortedMap<Digest, SortedSet<(JobId, u32)>>,
    /// Of those, what the store gave up.
    unkept: SortedSet<Digest>,
    /// Groups that this node is a member of.
    followed: SortedSet<Key>,
    preferred: SortedSet<NodeId>,
    /// Jobs or participants changed since `preferred` was right.
    links_changed: bool,
    heartbeat_at: Time,
    handled_at: Time,
    counters: Counters,
    measures: Measures,
    slots_were: Slots,
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
            ready_since: now,
            has_left: false,
            jobs: SortedMap::new(),
            opened: 0,
            candidate: None,
            refused: VecDeque::new(),
            worker: Worker::default(),
            results: Results::default(),
            audits: SortedMap::new(),
            audited: 0,
            rests_audits: false,
            watches: SortedMap::new(),
            directory: Directory::default(),
            recalled: SortedSet::new(),
            take_up_at: now,
            keeping: SortedMap::new(),
            unkept: SortedSet::new(),
            followed: SortedSet::new(),
            preferred: SortedSet::new(),
            links_changed: false,
            heartbeat_at: now + base::Duration::from_micros(phase),
            handled_at: now,
            counters: Counters::default(),
            measures: Measures::default(),
            slots_were: Slots::default(),
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
        self.note_slots(now);
        self.handled_at = now;
        let is_heartbeat = matches!(input, Input::Timeout) && self.heartbeat_at <= now;
        match input {
            Input::Submit(signed) => self.on_submit(now, signed),
            Input::Watch(job) => self.on_watch(now, job),
            Input::ListJobs => self.on_list_jobs(),
            Input::NoRecord { job } => self.on_no_record(job),
            Input::RecordGone { job } => self.leave_charge(job),
            Input::Cancel(job) => self.on_cancel(job),
            Input::CancelSigned { job, signature } => self.on_cancel_signed(job, signature),
            Input::Received { from, message } => self.on_received(now, from, message),
            Input::Delivered { key, from, message } => self.on_delivered(now, key, from, message),
            Input::Published { origin, message, .. } => self.on_published(now, origin, message),
            Input::Offered { walk, message } => self.on_offered(now, walk, &message),
            Input::Record { job, record, is_root } => self.on_record(now, job, &record, is_root),
            Input::Copies { job, count, wanted } => self.on_copies(job, count, wanted),
            Input::Kept { digest, count } => self.on_kept(digest, count),
            Input::NotKept { digest } => self.on_not_kept(digest),
            Input::NotRecorded { job } => self.on_not_recorded(job),
            Input::Loaded { digest, payload } => self.on_loaded(now, digest, payload),
            Input::PeerGone { peer, left } => self.on_peer_gone(now, peer, left),
            Input::Computed { work, outcome } => self.on_computed(now, work, outcome),
            Input::Audited { audit, verdict } => self.on_audited(now, audit, verdict),
            Input::Appraised { job, verdict } => self.on_appraised(now, job, verdict),
            Input::Slots(slots) => self.on_slots(now, slots),
            Input::Ready(ready) => self.on_ready(now, ready),
            Input::NeighboursChanged => self.list_anew(now),
            Input::Leave => return self.on_leave(),
            Input::Timeout => self.on_timeout(now),
        }
        self.settle(now, is_heartbeat);
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
        for job in self.jobs.values() {
            consider(job.fetch.deadline(fetch), Wake::Retry);
            match &job.role {
                _ if !job.is_running() => {}
                Role::Participant(joined) => {
                    consider(joined.asked.map(|asked| asked + retry), Wake::Retry);
                }
                Role::Owner(owned) => {
                    consider(Some(owned.status_at), Wake::Heartbeat);
                    consider(Some(owned.record_at), Wake::Heartbeat);
                    consider(Some(owned.recruit_at), Wake::Retry);
                    let grace = owned.grace_until;
                    consider((grace > self.handled_at).then_some(grace), Wake::Retry);
                    let silent = owned.board.next_silent(self.me, lease);
                    consider(silent.map(|(at, _)| at), Wake::LeaseExpiry);
                }
            }
        }
        Some(next)
    }

    fn on_received(&mut self, now: Time, from: NodeId, message: Message) {
        match message {
            _ if from == self.me => self.counters.ignored += 1,
            Message::Enlist { job, slots } => self.on_enlist(now, from, job, slots),
            Message::Welcome { job: signed, epoch, done } => {
                self.on_welcome(now, from, Welcome { signed, epoch, done });
            }
            Message::Sorry { job, .. } => self.on_sorry(now, from, job),
            Message::Pull { job, wanted } => self.on_pull(now, from, job, wanted),
            Message::Lease { job, epoch, tasks } => self.on_lease(now, from, job, epoch, &tasks),
            Message::Extend { job, slots, tasks } => self.on_extend(now, from, job, slots, &tasks),
            Message::Return { job, tasks, failed, reason } => {
                self.on_return(now, from, job, &tasks, failed.then_some(&reason));
            }
            Message::Commit { job, task, digest } => self.on_commit(now, from, job, task, digest),
            Message::Result { job, task, worker, digest, payload } => {
                let done = Done { round: 0, digest, worker };
                self.on_result(now, Path::Direct(from), job, task, done, payload);
            }
            Message::Fetch { job, tasks } => self.on_fetch(now, from, job, &tasks),
            Message::Known { job, done } => self.on_known(now, from, job, &done),
            Message::Finished { job, epoch, ending } => {
                self.on_finished(now, from, job, epoch, ending);
            }
            Message::Barred { job, epoch, worker } => self.on_barred(now, from, job, epoch, worker),
            Message::Stale { job, tenure } => self.on_stale(now, from, job, tenure),
            Message::Quit { job } => self.on_quit(now, from, job),
            Message::Page { ticket, page, part, parts, jobs } => {
                self.on_page(from, (ticket, page), (part, parts), jobs);
            }
            Message::Invite { .. }
            | Message::Status { .. }
            | Message::List { .. }
            | Message::AskPage { .. } => self.counters.ignored += 1,
        }
    }

    /// What comes through a job's group; nobody vouches for its origin.
    fn on_published(&mut self, now: Time, origin: NodeId, message: Message) {
        match message {
            _ if origin == self.me => {}
            Message::Result { job, task, worker, digest, payload } => {
                let done = Done { round: 0, digest, worker };
                self.on_result(now, Path::Published(origin), job, task, done, payload);
            }
            Message::Status { job, epoch, participants, done } => {
                self.on_status(now, origin, job, (epoch, participants, done));
            }
            _ => self.counters.ignored += 1,
        }
    }

    fn on_ready(&mut self, now: Time, ready: bool) {
        if ready == self.ready {
            return;
        }
        self.ready = ready;
        self.ready_since = now;
        for id in self.owned() {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            // Out of the ring for a while, this node does not know what it is the root of.
            job.is_root &= ready;
            if let Some(owned) = job.owned() {
                owned.recruit_at = now;
            }
            if ready {
                self.write_all(id);
            }
        }
    }

    fn on_timeout(&mut self, now: Time) {
        if self.heartbeat_at <= now {
            self.heartbeat_at = now + self.config.heartbeat;
            self.on_heartbeat(now);
        }
        self.expire_leases(now);
        self.repeat_pulls(now);
        self.repeat_enlist(now);
        self.repeat_fetches(now);
    }

    fn on_heartbeat(&mut self, now: Time) {
        let patience = self.lease_time();
        self.worker.is_resting = false;
        self.rests_audits = false;
        self.recalled.clear();
        for job in self.jobs.values_mut() {
            job.served.clear();
            if let Some(owned) = job.owned() {
                owned.status_at = now;
                owned.board.drop_missing(now, patience);
            }
        }
        self.retry_stuck(now);
        self.keep_for_the_unheard(now);
        self.keep_anew();
        self.write_anew();
        self.miss_owners(now);
        self.keep_leases(now);
        self.repeat_watches();
        self.review_directory(now);
    }

    /// What follows from the state, whatever changed it.
    fn settle(&mut self, now: Time, is_heartbeat: bool) {
        self.top_up(now);
        self.feed(now);
        self.start_work(now);
        self.start_audits();
        self.fetch_lacking(now);
        self.recruit_due(now);
        self.report_due(now);
        self.write_due(now);
        self.list_due(now);
        self.review_groups(is_heartbeat);
        self.review_links();
        self.review_slots();
    }

    /// Running jobs that this node owns, its own creations first, then the oldest.
    fn owned(&self) -> Vec<JobId> {
        self.running(Job::is_owned)
    }

    /// Running jobs of others that this node takes part in, the oldest first.
    fn joined(&self) -> Vec<JobId> {
        self.running(|job| !job.is_owned())
    }

    /// Running jobs of others that this node works on, the oldest first.
    fn working(&self) -> Vec<JobId> {
        let works = |joined: &job::Joined| joined.works;
        self.running(|job| matches!(&job.role, Role::Participant(joined) if works(joined)))
    }

    fn running(&self, is_meant: impl Fn(&Job) -> bool) -> Vec<JobId> {
        let jobs = self.jobs.values().filter(|job| job.is_running() && is_meant(job));
        base::in_order(jobs.map(|job| (!job.is_mine, job.age, job.id)))
            .into_iter()
            .map(|(.., job)| job)
            .collect()
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
