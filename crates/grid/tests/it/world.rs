//! A deterministic network of grid nodes: latency, loss, and computations that take time. Groups
//! and store are modelled in `services`.
//!
//! Checked in every scenario: no more computations than slots, none for a job that ended, no result
//! shown twice, none that differs from the reference unless somebody lies, no deadline in the past.

use std::collections::{BTreeMap, BTreeSet};

use base::{Card, Digest, Duration, NodeId, Rng, Secret, Signature, Time, codec};
use bytes::Bytes;
use grid::{
    AuditId, AuditOrder, Config, Event, Failure, Grid, Input, JobState, Output, Verdict, WorkId,
};
use wire::Frame;
use wire::grid::{Description, JobId, Message, SignedDescription};

use crate::services::{Services, Task};

/// One step of the world.
pub(crate) enum Step {
    Message { from: NodeId, to: usize, message: Message },
    Service(Task),
    Computed { node: usize, work: WorkId },
    Audited { node: usize, audit: AuditId, verdict: Verdict },
    Verdict { node: usize, job: JobId },
    Timer { node: usize },
}

/// A node and its driver.
pub(crate) struct Host {
    pub(crate) grid: Grid,
    pub(crate) id: NodeId,
    pub(crate) events: Vec<(Time, Event)>,
    /// Results shown, by job and task.
    pub(crate) shown: BTreeMap<(JobId, u32), Bytes>,
    /// Spans in which a slot was busy.
    pub(crate) busy: Vec<(Time, Time)>,
    pub(crate) preferred: BTreeSet<NodeId>,
    pub(crate) alive: bool,
    /// Nothing reaches it, and it does nothing.
    pub(crate) is_frozen: bool,
    pub(crate) secret: Secret,
    card: Card,
    slots: u16,
    computing: BTreeMap<WorkId, (JobId, u32, Time)>,
    timer: Time,
    /// The driver refuses every job with this reason.
    pub(crate) refuses: Option<&'static str>,
    /// How much longer tasks take here.
    pub(crate) slowness: u32,
    /// Tasks that fail here.
    pub(crate) fails: BTreeSet<u32>,
    /// What this worker makes of a right result.
    pub(crate) lies: Option<fn(u32, Bytes) -> Bytes>,
    /// The driver cannot audit.
    pub(crate) is_blind: bool,
}

/// Everything.
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) hosts: Vec<Host>,
    pub(crate) latency: Duration,
    pub(crate) loss: f64,
    pub(crate) task_time: Duration,
    pub(crate) control_bytes: u64,
    pub(crate) bulk_bytes: u64,
    pub(crate) messages: u64,
    pub(crate) computed: u64,
    /// Places looked at in audits.
    pub(crate) places: u64,
    /// Wrong results that were shown, for a while at least.
    pub(crate) wrong: u64,
    /// Digest of everything that was sent and shown.
    pub(crate) trace: Digest,
    config: Config,
    pub(crate) introducer: Secret,
    steps: BTreeMap<(Time, u64), Step>,
    count: u64,
    pub(crate) rng: Rng,
    pub(crate) names: BTreeMap<NodeId, usize>,
    pub(crate) services: Services,
    /// Wrong results may be shown, until they are taken back.
    pub(crate) has_liars: bool,
    /// Links over which nothing passes, in this direction.
    pub(crate) cut: BTreeSet<(usize, usize)>,
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The reference: what a task must give.
pub(crate) fn expected(params: &[u8], task: u32) -> Bytes {
    let seed = Digest::of(&[params, &task.to_le_bytes()]);
    let mut rng = Rng::new(u64::from_le_bytes(seed.0[..8].try_into().unwrap()));
    let mut payload = vec![0; 200 + usize::try_from(rng.below(1800)).unwrap()];
    rng.fill(&mut payload);
    Bytes::from(payload)
}

impl World {
    /// `count` nodes with one slot each, in a ring.
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let introducer = Secret::from_seed(&[200; 32]);
        let mut world = World {
            now: Time::from_millis(1),
            hosts: Vec::new(),
            latency: millis(50),
            loss: 0.0,
            task_time: millis(500),
            control_bytes: 0,
            bulk_bytes: 0,
            messages: 0,
            computed: 0,
            places: 0,
            wrong: 0,
            trace: Digest([0; 32]),
            config: Config::new(introducer.public().into()),
            introducer,
            steps: BTreeMap::new(),
            count: 0,
            rng: Rng::new(seed),
            names: BTreeMap::new(),
            services: Services::default(),
            has_liars: false,
            cut: BTreeSet::new(),
        };
        for node in 0..count {
            world.add();
            world.input(node, Input::Slots(1));
            world.input(node, Input::Ready(true));
        }
        world
    }

    /// A node without slots and without a network.
    pub(crate) fn add(&mut self) -> usize {
        let at = self.hosts.len();
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&(at as u64).to_le_bytes());
        let secret = Secret::from_seed(&seed);
        let voucher = self.introducer.vouch(secret.public(), seed[..16].try_into().unwrap());
        let card = Card { public_key: secret.public(), voucher, epoch: 1 };
        let grid = Grid::new(self.config, card.id(), self.rng.next_u64(), self.now);
        self.names.insert(card.id(), at);
        self.hosts.push(Host {
            grid,
            id: card.id(),
            events: Vec::new(),
            shown: BTreeMap::new(),
            busy: Vec::new(),
            preferred: BTreeSet::new(),
            alive: true,
            is_frozen: false,
            secret,
            card,
            slots: 0,
            computing: BTreeMap::new(),
            timer: Time::FAR_FUTURE,
            refuses: None,
            slowness: 1,
            fails: BTreeSet::new(),
            lies: None,
            is_blind: false,
        });
        at
    }

    /// Workers that have room for some results only.
    pub(crate) fn cramped(seed: u64, count: usize, result_bytes_max: usize) -> Self {
        let mut world = World::new(seed, 0);
        world.set_config(|config| config.result_bytes_max = result_bytes_max);
        for node in 0..count {
            world.add();
            world.input(node, Input::Slots(1));
            world.input(node, Input::Ready(true));
        }
        world
    }

    pub(crate) fn set_config(&mut self, change: impl Fn(&mut Config)) {
        assert!(self.hosts.is_empty(), "before the first node");
        change(&mut self.config);
    }

    pub(crate) fn describe(&self, node: usize, created: u64, tasks: u32) -> SignedDescription {
        let params = Bytes::from(created.to_le_bytes().to_vec());
        self.sign(
            node,
            Description { creator: self.hosts[node].card, created, kind: 1, tasks, params },
        )
    }

    pub(crate) fn sign(&self, node: usize, description: Description) -> SignedDescription {
        let signature = self.hosts[node].secret.sign(&description.signing_bytes());
        SignedDescription { description, signature }
    }

    /// Signed with nobody's key.
    pub(crate) fn forge(&self, description: Description) -> SignedDescription {
        SignedDescription { description, signature: Signature([7; 64]) }
    }

    pub(crate) fn submit(&mut self, node: usize, created: u64, tasks: u32) -> JobId {
        let signed = self.describe(node, created, tasks);
        let job = signed.description.job();
        self.input(node, Input::Submit(signed));
        job
    }

    pub(crate) fn input(&mut self, node: usize, input: Input) {
        if !self.hosts[node].alive || self.hosts[node].is_frozen {
            return;
        }
        if let Input::Ready(ready) = input {
            self.ring_changes(node, ready);
        }
        if let Input::Slots(slots) = &input {
            self.hosts[node].slots = *slots;
        }
        self.hosts[node].grid.handle(self.now, input);
        while let Some(output) = self.hosts[node].grid.poll_output() {
            self.obey(node, output);
        }
        let host = &mut self.hosts[node];
        assert!(host.computing.len() <= usize::from(host.slots), "more computations than slots");
        let at = host.grid.poll_timeout().map_or(Time::FAR_FUTURE, |(at, _)| at);
        if at < host.timer {
            host.timer = at;
            self.plan(at.max(self.now), Step::Timer { node });
        }
    }

    /// As if `from` had sent it.
    pub(crate) fn inject(&mut self, from: usize, to: usize, message: Message) {
        let from = self.hosts[from].id;
        self.input(to, Input::Received { from, message });
    }

    /// Gone without a word. The overlay notices after a while.
    pub(crate) fn kill(&mut self, node: usize) {
        self.hosts[node].alive = false;
        self.suspect(node);
    }

    /// Asleep, and taken for dead after a while.
    pub(crate) fn freeze(&mut self, node: usize) {
        self.hosts[node].is_frozen = true;
        self.suspect(node);
    }

    /// Awake: it notices that it slept, and joins anew.
    pub(crate) fn thaw(&mut self, node: usize) {
        self.hosts[node].is_frozen = false;
        self.input(node, Input::Ready(false));
        self.input(node, Input::Timeout);
        self.plan_in(secs(1), Step::Service(Task::Rejoin { node }));
    }

    /// A node that died starts again with its identity and an empty memory.
    pub(crate) fn restart(&mut self, node: usize) {
        let seed = self.rng.next_u64();
        let now = self.now;
        let config = self.config;
        let host = &mut self.hosts[node];
        host.grid = Grid::new(config, host.id, seed, now);
        host.alive = true;
        host.timer = Time::FAR_FUTURE;
        host.preferred.clear();
        host.computing.clear();
        host.shown.clear();
        self.services.forget(node);
        self.input(node, Input::Slots(1));
        self.input(node, Input::Ready(true));
    }

    /// The overlay tells everyone.
    pub(crate) fn announce_gone(&mut self, node: usize) {
        let gone = self.hosts[node].id;
        for other in (0..self.hosts.len()).filter(|other| *other != node) {
            self.input(other, Input::PeerGone { peer: gone, left: false });
        }
    }

    pub(crate) fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(entry) = self.steps.first_entry() {
            if entry.key().0 > end {
                break;
            }
            let ((at, _), step) = entry.remove_entry();
            self.now = at.max(self.now);
            self.step(step);
        }
        self.now = end;
    }

    /// Runs until `is_done`, and says how long that took; panics after `span`.
    #[track_caller]
    pub(crate) fn run_until(
        &mut self,
        span: Duration,
        is_done: impl Fn(&World) -> bool,
    ) -> Duration {
        let start = self.now;
        while !is_done(self) {
            assert!(self.now.since(start) < span, "not within {span:?}: {}", self.describe_jobs());
            self.run_for(millis(50));
        }
        self.now.since(start)
    }

    pub(crate) fn state(&self, node: usize, job: JobId) -> Option<JobState> {
        self.hosts[node].grid.job(job).map(|job| job.state)
    }

    pub(crate) fn takes_part(&self, node: usize, job: JobId) -> bool {
        self.hosts[node].grid.job(job).is_some()
    }

    /// Finished, with every result, at everyone alive who takes part.
    pub(crate) fn is_complete(&self, job: JobId) -> bool {
        let parts: Vec<_> = self
            .hosts
            .iter()
            .filter(|host| host.alive)
            .filter_map(|host| host.grid.job(job))
            .collect();
        !parts.is_empty()
            && parts.iter().all(|job| job.state == JobState::Finished && job.done == job.tasks)
    }

    /// Byte-exact results of a job, in memory and shown, at every participant alive.
    #[track_caller]
    pub(crate) fn check_complete(&self, job: JobId) {
        assert!(self.is_complete(job), "{}", self.describe_jobs());
        for host in self.hosts.iter().filter(|host| host.alive) {
            let Some(summary) = host.grid.job(job) else { continue };
            for task in 0..summary.tasks {
                let right = expected(&summary.params, task);
                assert_eq!(host.grid.result(job, task), Some(&right), "task {task} in memory");
                assert_eq!(host.shown.get(&(job, task)), Some(&right), "task {task} shown");
            }
            let tally: u32 = summary.workers.iter().map(|worker| worker.done).sum();
            assert_eq!(tally, summary.tasks);
            assert_eq!(host.grid.queue_len(), 0);
        }
    }

    pub(crate) fn describe_jobs(&self) -> String {
        let line = |host: &Host| format!("\n{:?} {:?}", host.id, host.grid.jobs());
        self.hosts.iter().filter(|host| host.alive).map(line).collect()
    }

    pub(crate) fn count_events(&self, node: usize, is_meant: impl Fn(&Event) -> bool) -> usize {
        self.hosts[node].events.iter().filter(|(_, event)| is_meant(event)).count()
    }

    fn obey(&mut self, node: usize, output: Output) {
        match output {
            Output::Send { to, class, message } => {
                assert_eq!(class, message.class());
                self.post(node, to, message);
            }
            Output::Prefer(peer) => assert!(self.hosts[node].preferred.insert(peer)),
            Output::Unprefer(peer) => assert!(self.hosts[node].preferred.remove(&peer)),
            Output::Appraise { job, .. } => {
                let at = self.now + millis(20);
                self.plan(at, Step::Verdict { node, job });
            }
            Output::Compute { work, job, task, .. } => {
                assert!(!matches!(self.state(node, job), Some(JobState::Finished)));
                let spread = self.rng.below(1000);
                let took = self.task_time
                    * self.hosts[node].slowness
                    * u32::try_from(500 + spread).unwrap()
                    / 1000;
                self.hosts[node].computing.insert(work, (job, task, self.now));
                self.plan(self.now + took, Step::Computed { node, work });
            }
            Output::Audit(order) => {
                let (audit, verdict) = (order.audit, self.audit(node, &order));
                self.plan_in(millis(3), Step::Audited { node, audit, verdict });
            }
            Output::Abandon(work) => {
                let host = &mut self.hosts[node];
                let (.., since) = host.computing.remove(&work).expect("was computing");
                host.busy.push((since, self.now));
            }
            Output::Event(event) => self.show(node, event),
            output => self.serve(node, output),
        }
    }

    fn show(&mut self, node: usize, event: Event) {
        let has_liars = self.has_liars;
        let host = &mut self.hosts[node];
        if let Event::JobOpened { job, .. } = &event {
            host.shown.retain(|(shown, _), _| shown != job);
        }
        if let Event::TaskDone { job, task, payload, .. } = &event {
            let params = host.grid.job(*job).expect("a job that is known").params;
            let is_wrong = payload != &expected(&params, *task);
            self.wrong += u64::from(is_wrong);
            assert!(has_liars || !is_wrong, "a wrong result was believed");
            assert!(host.shown.insert((*job, *task), payload.clone()).is_none(), "shown twice");
        }
        if let Event::TaskRevoked { job, task, .. } = &event {
            host.shown.remove(&(*job, *task)).expect("what is taken back was shown");
        }
        let text = format!("{node} {:?} {event:?}", self.now);
        self.trace = Digest::of(&[&self.trace.0, text.as_bytes()]);
        host.events.push((self.now, event));
    }

    fn post(&mut self, from: usize, to: NodeId, message: Message) {
        let bytes = self.note(&message);
        let Some(&to) = self.names.get(&to) else { return };
        if self.rng.chance(self.loss) || self.cut.contains(&(from, to)) {
            return;
        }
        // A megabyte a second: bulk comes later than the control sent after it.
        let at = self.now + self.delay() + Duration::from_micros(bytes);
        self.plan(at, Step::Message { from: self.hosts[from].id, to, message });
    }

    pub(crate) fn note(&mut self, message: &Message) -> u64 {
        let encoded = codec::encode(&Frame::Grid(message.clone()));
        let bytes = encoded.len() as u64;
        match message.class() {
            wire::Class::Control => self.control_bytes += bytes,
            wire::Class::Bulk => self.bulk_bytes += bytes,
        }
        self.messages += 1;
        self.trace = Digest::of(&[&self.trace.0, &encoded]);
        bytes
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Message { from, to, message } => {
                self.input(to, Input::Received { from, message });
            }
            Step::Service(task) => self.run(task),
            Step::Verdict { node, job } => {
                let verdict = self.hosts[node].refuses.map_or(Ok(()), |why| Err(why.into()));
                self.input(node, Input::Appraised { job, verdict });
            }
            Step::Computed { node, work } => self.compute(node, work),
            // A driver that wakes has its answers still.
            Step::Audited { node, .. } if self.hosts[node].is_frozen => self.plan_in(secs(1), step),
            Step::Audited { node, audit, verdict } => {
                self.input(node, Input::Audited { audit, verdict });
            }
            Step::Timer { node } => {
                let host = &mut self.hosts[node];
                if !host.alive || host.is_frozen || host.timer > self.now {
                    return;
                }
                host.timer = Time::FAR_FUTURE;
                self.input(node, Input::Timeout);
                let next = self.hosts[node].grid.poll_timeout();
                assert!(next.is_none_or(|(at, _)| at > self.now), "woken in vain: {next:?}");
            }
        }
    }

    fn compute(&mut self, node: usize, work: WorkId) {
        let host = &mut self.hosts[node];
        let Some((job, task, since)) = host.computing.remove(&work).filter(|_| host.alive) else {
            return;
        };
        if host.is_frozen {
            // It goes on when it wakes; the world asks again.
            host.computing.insert(work, (job, task, since));
            self.plan_in(secs(1), Step::Computed { node, work });
            return;
        }
        host.busy.push((since, self.now));
        let params = host.grid.job(job).expect("a job that is known").params;
        let outcome = match host.fails.contains(&task) {
            true => Err(Failure::Failed("no such place".into())),
            false => Ok(expected(&params, task)),
        };
        let outcome = match host.lies {
            Some(lie) => outcome.map(|right| lie(task, right)),
            None => outcome,
        };
        self.computed += 1;
        self.input(node, Input::Computed { work, outcome });
    }

    /// Looks at some bytes of a result.
    fn audit(&mut self, node: usize, order: &AuditOrder) -> Verdict {
        if self.hosts[node].is_blind {
            return Verdict::Stopped;
        }
        self.places += u64::from(order.places);
        let right = expected(&order.params, order.task);
        let mut rng = Rng::new(order.seed);
        let mut look = || rng.index(right.len()).is_none_or(|at| right[at] == order.payload[at]);
        let is_sound = right.len() == order.payload.len() && (0..order.places).all(|_| look());
        if is_sound { Verdict::Sound } else { Verdict::Unsound }
    }

    /// A node that lies about what it computes.
    pub(crate) fn corrupt(&mut self, node: usize, lie: fn(u32, Bytes) -> Bytes) {
        self.has_liars = true;
        self.hosts[node].lies = Some(lie);
    }

    pub(crate) fn delay(&mut self) -> Duration {
        let spread = u32::try_from(self.rng.below(400)).unwrap();
        self.latency * (800 + spread) / 1000
    }

    pub(crate) fn plan_in(&mut self, span: Duration, step: Step) {
        self.plan(self.now + span, step);
    }

    pub(crate) fn plan(&mut self, at: Time, step: Step) {
        self.count += 1;
        self.steps.insert((at, self.count), step);
    }
}

/// A welcome as a stranger would make it.
pub(crate) fn welcome(job: SignedDescription, bytes: usize) -> Message {
    Message::Welcome { job, epoch: 1, done: Bytes::from(vec![0; bytes]) }
}
