//! The world: hosts, the servers, an agenda of what happens when. What a scenario does to it is in
//! `lives`.

use std::collections::BTreeMap;

use base::{Duration, Rng, SECRET_BYTES, Secret, Time};
use bytes::Bytes;
use node::{Class, GridEvent, LinkId, Name, WorkId};
use peer::{Input, Output, ServerId};

use crate::server::{Carry, Server};
use crate::{Host, HostId, KIND, Network, Work, payload, workload};

/// Something that will happen.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A host's deadline.
    Wake(HostId),
    /// A server's deadline.
    ServerWake,
    /// A driver's answer, after the time it takes.
    Input(HostId, Input),
    /// A computation is finished.
    Computed { host: HostId, work: WorkId, params: Bytes, task: u32 },
    /// A host's WebSocket reaches a server.
    Connect(HostId, ServerId),
    /// A message reaches a server.
    ToServer(HostId, ServerId, Bytes),
    /// A host's WebSocket closes at a server.
    Disconnect(HostId, ServerId),
    /// A host that said goodbye is gone.
    Gone(HostId),
}

/// A deterministic world.
#[derive(Debug)]
pub struct World {
    pub(crate) now: Time,
    pub(crate) rng: Rng,
    pub(crate) network: Network,
    pub(crate) hosts: Vec<Host>,
    /// The introducers of the network.
    pub(crate) servers: Vec<Server>,
    agenda: BTreeMap<(Time, u64), Happening>,
    sequence: u64,
    server_wake_at: Option<Time>,
    trace: u64,
    /// Events handled so far.
    steps: u64,
    /// Hosts do not remember which results they were shown.
    forgets_results: bool,
    /// Hosts remember which values they held.
    notes_values: bool,
    /// Computations that ended.
    computed: u64,
    pub(crate) is_parted: bool,
}

impl World {
    /// A world with a running server and nobody else.
    #[must_use]
    pub fn new(seed: u64, network: Network) -> Self {
        World::with_servers(seed, network, 1)
    }

    /// A world with so many running servers that introduce into one network, and nobody else.
    #[must_use]
    pub fn with_servers(seed: u64, network: Network, count: u8) -> Self {
        let mut rng = Rng::new(seed);
        let secret = |_| {
            let mut introducer = [0; SECRET_BYTES];
            rng.fill(&mut introducer);
            Secret::from_seed(&introducer)
        };
        let mut servers = Server::companions((0..count).map(secret).collect());
        servers.iter_mut().for_each(|server| server.start(&mut rng, Time::ZERO));
        World {
            now: Time::ZERO,
            rng,
            network,
            hosts: Vec::new(),
            servers,
            agenda: BTreeMap::new(),
            sequence: 0,
            server_wake_at: None,
            trace: 0xcbf2_9ce4_8422_2325,
            steps: 0,
            forgets_results: false,
            notes_values: false,
            computed: 0,
            is_parted: false,
        }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// A digest of everything that happened: equal for equal seeds.
    #[must_use]
    pub fn trace(&self) -> u64 {
        self.trace
    }

    /// Events handled so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Computations that ended, of all hosts.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed
    }

    /// Computations under way, of all hosts.
    #[must_use]
    pub fn computing(&self) -> u32 {
        let alive = self.hosts.iter().filter(|host| host.alive);
        alive.map(|host| u32::try_from(host.computing.len()).unwrap_or(u32::MAX)).sum()
    }

    /// From now on hosts do not remember which results they were shown: a long job's would fill the
    /// memory, and no checker looks at them.
    pub fn forget_results(&mut self) {
        self.forgets_results = true;
    }

    /// From now on it is noted which values each host holds for the ring: whoever asks for that takes
    /// the notes with [`World::take_values`].
    pub fn note_values(&mut self) {
        self.notes_values = true;
    }

    /// Values that a host holds since then, or holds no more (`false`), since this was asked last.
    pub fn take_values(&mut self, id: HostId) -> Vec<(Time, Name, bool)> {
        std::mem::take(&mut self.hosts[index(id)].values)
    }

    /// What a host told its driver since this was asked last, with the times.
    pub fn take_events(&mut self, id: HostId) -> Vec<(Time, peer::Event)> {
        std::mem::take(&mut self.hosts[index(id)].events)
    }

    /// A number below `bound`, of the world's own chance.
    pub fn draw(&mut self, bound: u64) -> u64 {
        self.rng.below(bound.max(1))
    }

    /// The first server's counters; `None` while it is down.
    #[must_use]
    pub fn server_stats(&self) -> Option<signal::room::Stats> {
        self.stats_of(0)
    }

    /// A server's counters; `None` while it is down.
    #[must_use]
    pub fn stats_of(&self, server: u8) -> Option<signal::room::Stats> {
        self.servers[usize::from(server)].stats()
    }

    /// A host.
    ///
    /// # Panics
    /// When the world never had it.
    #[must_use]
    pub fn host(&self, id: HostId) -> &Host {
        &self.hosts[index(id)]
    }

    /// Every host that was ever started.
    pub fn hosts(&self) -> impl Iterator<Item = (HostId, &Host)> {
        (0..).map(HostId).zip(&self.hosts)
    }

    /// Hosts whose process runs.
    pub fn alive(&self) -> impl Iterator<Item = (HostId, &Host)> {
        self.hosts().filter(|(_, host)| host.alive)
    }

    /// Gives a host an input, as its driver would.
    pub fn drive(&mut self, id: HostId, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let host = &mut self.hosts[index(id)];
            if !host.alive {
                return;
            }
            host.peer.handle(self.now, input);
            while let Some(output) = self.hosts[index(id)].peer.poll_output() {
                self.perform(id, output, &mut inputs);
            }
            // A driver answers a signature at once, in the order in which they were asked.
            inputs.reverse();
        }
        self.arm(id);
    }

    fn perform(&mut self, id: HostId, output: Output, inputs: &mut Vec<Input>) {
        match output {
            Output::ConnectServer { server, url } => {
                let number = Server::number(&url).expect("the world's own address");
                self.hosts[index(id)].servers.insert(server, number);
                self.after_latency(Happening::Connect(id, server));
            }
            Output::DisconnectServer(server) => {
                self.after_latency(Happening::Disconnect(id, server));
            }
            Output::SendServer { server, message } => {
                self.after_latency(Happening::ToServer(id, server, message));
            }
            Output::Sign { token, bytes } => {
                let signature = self.host(id).secret.sign(&bytes);
                inputs.push(Input::Signed { token, signature });
            }
            Output::CreateOffer(link) => self.create_offer(id, link),
            Output::CreateAnswer { link, sdp } => self.create_answer(id, link, &sdp),
            Output::ApplyAnswer { link, sdp } => self.apply_answer(id, link, &sdp),
            Output::CloseLink(link) => self.close_link(id, link),
            Output::Send { link, class, chunk } => self.send(id, link, class, chunk),
            Output::Appraise { job, kind, params, .. } => {
                let known = kind == KIND && Work::decode(&params).is_some();
                let verdict = if known { Ok(()) } else { Err("unknown workload".to_owned()) };
                inputs.push(Input::Appraised { job, verdict });
            }
            Output::Compute { work, task, params, .. } => self.compute(id, work, params, task),
            Output::Abandon(work) => {
                self.hosts[index(id)].computing.remove(&work);
            }
            Output::Audit(order) => {
                let (cost, verdict) = workload::audit(&order);
                let cost = cost.div_f64(self.host(id).config.speed);
                let audit = order.audit;
                self.later(cost, Happening::Input(id, Input::Audited { audit, verdict }));
            }
            // A host without a disk.
            Output::Keep { name, .. } => self.note_value(id, name, true),
            Output::Forget(name) => self.note_value(id, name, false),
            Output::Load(name) => inputs.push(Input::Loaded { name, value: None }),
            Output::Event(event) => self.remember(id, event),
            Output::Left => self.later(Duration::from_millis(200), Happening::Gone(id)),
        }
    }

    fn remember(&mut self, id: HostId, event: peer::Event) {
        let is_result =
            matches!(event, peer::Event::Node(node::Event::Grid(GridEvent::TaskDone { .. })));
        if !(is_result && self.forgets_results) {
            self.hosts[index(id)].events.push((self.now, event));
        }
    }

    fn note_value(&mut self, id: HostId, name: Name, is_held: bool) {
        if self.notes_values {
            self.hosts[index(id)].values.push((self.now, name, is_held));
        }
    }

    fn compute(&mut self, id: HostId, work: WorkId, params: Bytes, task: u32) {
        let host = &mut self.hosts[index(id)];
        let cost = Work::decode(&params).map_or(Duration::ZERO, |work| work.cost);
        let cost = cost.div_f64(host.config.speed);
        host.computing.insert(work, ());
        host.busy += cost;
        self.later(cost, Happening::Computed { host: id, work, params, task });
    }

    /// Advances by `span`.
    pub fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        self.run_until(end, |_| false);
    }

    /// Advances until `done` holds, at most until `end`; whether it held.
    pub fn run_until(&mut self, end: Time, mut done: impl FnMut(&World) -> bool) -> bool {
        loop {
            if done(self) {
                return true;
            }
            self.arm_server();
            let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= end) else {
                self.now = end;
                return done(self);
            };
            let ((at, _), happening) = entry.remove_entry();
            self.now = at;
            self.steps += 1;
            self.note(&happening);
            self.happen(happening);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake(id) => {
                if self.host(id).wake_at == Some(self.now) {
                    self.hosts[index(id)].wake_at = None;
                    self.give(id, Input::Timeout);
                }
            }
            Happening::ServerWake => {
                self.server_wake_at = None;
                let now = self.now;
                let all = self.servers.iter_mut().flat_map(|server| server.timeout(now));
                let carry = all.collect();
                self.carry(carry);
            }
            Happening::Input(id, input) => self.give(id, input),
            Happening::Computed { host, work, params, task } => {
                if self.hosts[index(host)].computing.remove(&work).is_some() {
                    self.computed += 1;
                    let payload = Work::decode(&params).map(|work| payload(&work, task));
                    let outcome = payload.ok_or(node::Failure::Stopped);
                    self.give(host, Input::Computed { work, outcome });
                }
            }
            Happening::Connect(id, server) => self.connect_server(id, server),
            Happening::ToServer(id, ..) if self.is_cut_off(id) => {}
            Happening::ToServer(id, server, bytes) => {
                let now = self.now;
                let carry = self.server(id, server).receive(now, (id, server), bytes);
                self.carry(carry);
            }
            Happening::Disconnect(id, server) => {
                let now = self.now;
                let carry = self.server(id, server).disconnect(now, (id, server));
                self.carry(carry);
            }
            Happening::Gone(id) => self.end(id),
        }
    }

    /// The server that a host means by its number.
    fn server(&mut self, id: HostId, server: ServerId) -> &mut Server {
        let number = self.host(id).servers[&server];
        &mut self.servers[usize::from(number)]
    }

    fn connect_server(&mut self, id: HostId, server: ServerId) {
        if self.is_cut_off(id) {
            let input = Input::ServerClosed { server, reason: "no route".to_owned() };
            return self.after_latency(Happening::Input(id, input));
        }
        let now = self.now;
        let (accepted, carry) = self.server(id, server).connect(now, (id, server));
        let input = if accepted {
            Input::ServerOpened(server)
        } else {
            Input::ServerClosed { server, reason: "connection refused".to_owned() }
        };
        self.after_latency(Happening::Input(id, input));
        self.carry(carry);
    }

    fn carry(&mut self, carry: Vec<Carry>) {
        // One way to a host, nothing overtakes: the longest latency for all.
        let latency = self.network.latency_max;
        for item in carry {
            let (host, input) = match item {
                Carry::Message((host, server), message) => {
                    (host, Input::ServerReceived { server, message })
                }
                Carry::Close((host, server)) => {
                    (host, Input::ServerClosed { server, reason: "closed".to_owned() })
                }
            };
            if self.is_cut_off(host) {
                continue;
            }
            self.later(latency, Happening::Input(host, input));
        }
    }

    /// An input that a frozen host cannot take waits with the operating system.
    fn give(&mut self, id: HostId, input: Input) {
        if self.host(id).frozen {
            self.later(Duration::from_millis(100), Happening::Input(id, input));
        } else {
            self.drive(id, input);
        }
    }

    pub(crate) fn later(&mut self, delay: Duration, happening: Happening) {
        self.at(self.now + delay, happening);
    }

    pub(crate) fn at(&mut self, at: Time, happening: Happening) {
        self.sequence += 1;
        self.agenda.insert((at, self.sequence), happening);
    }

    /// A host's connections to the servers end after a while.
    pub(crate) fn hang_up(&mut self, id: HostId, delay: Duration) {
        let servers: Vec<ServerId> = self.host(id).servers.keys().copied().collect();
        for server in servers {
            self.later(delay, Happening::Disconnect(id, server));
        }
    }

    fn after_latency(&mut self, happening: Happening) {
        // The longest for all: what a host says to the server stays in order.
        self.later(self.network.latency_max, happening);
    }

    fn arm(&mut self, id: HostId) {
        let host = &mut self.hosts[index(id)];
        let links = host.node().map_or(0, node::Node::link_count);
        host.links_peak = host.links_peak.max(links);
        let Some((at, _)) = host.peer.poll_timeout() else { return };
        let at = at.max(self.now);
        if at < Time::FAR_FUTURE && host.wake_at.is_none_or(|armed| at < armed) {
            host.wake_at = Some(at);
            self.at(at, Happening::Wake(id));
        }
    }

    fn arm_server(&mut self) {
        let wakes = self.servers.iter().filter_map(Server::wake_at);
        let Some(at) = wakes.min() else { return };
        let at = at.max(self.now);
        if self.server_wake_at.is_none_or(|armed| at < armed) {
            self.server_wake_at = Some(at);
            self.at(at, Happening::ServerWake);
        }
    }

    fn note(&mut self, happening: &Happening) {
        let (code, host, size) = match happening {
            Happening::Wake(id) => (1, id.0, 0),
            Happening::ServerWake => (2, 0, 0),
            Happening::Input(id, Input::Received { chunk, .. }) => (3, id.0, chunk.len()),
            Happening::Input(id, _) => (4, id.0, 0),
            Happening::Computed { host, task, .. } => (5, host.0, *task as usize),
            Happening::Connect(id, _) => (6, id.0, 0),
            Happening::ToServer(id, _, bytes) => (7, id.0, bytes.len()),
            Happening::Disconnect(id, _) => (8, id.0, 0),
            Happening::Gone(id) => (9, id.0, 0),
        };
        for word in [self.now.as_micros(), code, u64::from(host), size as u64] {
            self.trace = (self.trace ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

pub(crate) fn index(id: HostId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}

/// Which of a link's two channels, as an index.
pub(crate) fn lane(class: Class) -> usize {
    match class {
        Class::Control => 0,
        Class::Bulk => 1,
    }
}

/// A link of a host, as its session description names it.
pub(crate) fn describe(id: HostId, link: LinkId) -> String {
    format!("sim {} {}", id.0, link.0)
}
