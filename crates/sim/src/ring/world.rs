//! The world: hosts, what they say to each other, time.

use base::{Duration, Key, NodeId, Rng, Time, codec};
use bytes::Bytes;
use overlay::{Config, Event, Input, Output, Overlay, Reach};
use wire::Class;
use wire::overlay::{Contact, Message, Target};

use super::agenda::Agenda;
use super::chance::mix;
use super::directory::Directory;
use super::host::Host;
use super::lookup::{APPLICATION, Lookup, SEALED};
use super::{Census, Faults, Shape, Tally, Topology, kind};

/// Bytes that one sealed message may have; above it the world has a mistake.
const SEALED_BYTES_MAX: usize = 1 << 20;
/// How long a host without an answer to its join waits for the introducer.
const INTRODUCTION: Duration = Duration::from_secs(1);
/// From a host's goodbye to its end.
const GOODBYE: Duration = Duration::from_secs(1);
/// Of how many messages one is measured in bytes; a power of two.
const SAMPLE: u64 = 64;

/// What a world is made of.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Of everything random.
    pub seed: u64,
    /// Of every overlay node.
    pub overlay: Config,
    /// Distances.
    pub shape: Shape,
    /// What goes wrong.
    pub faults: Faults,
    /// From the decision to build a link until it is open.
    pub link_setup: Duration,
    /// Links that one host builds at once; further ones wait.
    pub setups_max: u8,
    /// From the silent death of a host to its peers' links being closed for it (webrtc.md §3).
    pub death_notice: Duration,
}

impl Default for Settings {
    /// Datagrams on a plane.
    fn default() -> Self {
        Settings {
            seed: 1,
            overlay: Config { reach: Reach::Direct, ..Config::default() },
            shape: Shape::Plane,
            faults: Faults::default(),
            link_setup: Duration::from_secs(1),
            setups_max: 8,
            death_notice: Duration::from_secs(8),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Happening {
    /// Something said, by a datagram (`link` 0) or over a link.
    Frame { from: u32, to: u32, link: u32, message: Message },
    /// A host's deadline.
    Wake(u32),
    /// A link that one end granted: its construction begins, or has ended.
    Dial { from: u32, to: u32, permit: Option<u64> },
    /// The end of a construction.
    Built { from: u32, to: u32, permit: Option<u64> },
    /// An input from the host's own driver.
    Give(u32, Input),
    /// The other end of a link is gone.
    Closed { link: u32, to: u32, peer: u32 },
    /// The introducer finds an entrance for this host.
    Introduce(u32),
    /// A process ends after its goodbyes.
    End(u32),
    /// The scenario wants to act.
    Call(u64),
}

/// Many overlay nodes and the network between them.
#[derive(Debug)]
pub struct World {
    pub(crate) settings: Settings,
    now: Time,
    pub(crate) rng: Rng,
    pub(crate) salt: u64,
    agenda: Agenda<Happening>,
    pub(crate) hosts: Vec<Host>,
    directory: Directory,
    pub(crate) topology: Topology,
    pub(crate) census: Census,
    pub(crate) lookups: Vec<Lookup>,
    pub(crate) replicas: usize,
    pub(crate) tally: Tally,
    pub(crate) next_link: u32,
    live: u32,
    trace: u64,
}

impl World {
    /// A world without hosts.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut rng = Rng::new(settings.seed);
        World {
            now: Time::ZERO,
            salt: rng.next_u64(),
            agenda: Agenda::default(),
            hosts: Vec::new(),
            directory: Directory::default(),
            topology: Topology::new(settings.shape, settings.seed),
            census: Census::default(),
            lookups: Vec::new(),
            replicas: 0,
            tally: Tally::default(),
            next_link: 0,
            live: 0,
            trace: mix(settings.seed, 0),
            rng,
            settings,
        }
    }

    /// The time, since the world's start.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// The counters.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Who is ready.
    #[must_use]
    pub fn census(&self) -> &Census {
        &self.census
    }

    /// The distances.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The faults, to be changed as the scenario wants.
    pub fn faults_mut(&mut self) -> &mut Faults {
        &mut self.settings.faults
    }

    /// Hosts ever started.
    #[must_use]
    pub fn host_count(&self) -> u32 {
        u32::try_from(self.hosts.len()).unwrap_or(u32::MAX)
    }

    /// Hosts alive.
    #[must_use]
    pub fn live(&self) -> u32 {
        self.live
    }

    /// Hosts alive, by number.
    pub fn live_hosts(&self) -> impl Iterator<Item = u32> + '_ {
        let alive = self.hosts.iter().zip(0..).filter(|(host, _)| host.overlay.is_some());
        alive.map(|(_, number)| number)
    }

    /// A host's node, while it lives.
    #[must_use]
    pub fn overlay(&self, host: u32) -> Option<&Overlay> {
        self.hosts.get(host as usize)?.overlay.as_deref()
    }

    /// From a host's start to its first being ready.
    #[must_use]
    pub fn join_time(&self, host: u32) -> Option<Duration> {
        let host = self.hosts.get(host as usize)?;
        host.ready_at.map(|at| at.since(host.started))
    }

    /// The host that had this id last.
    #[must_use]
    pub fn host_of(&self, id: NodeId) -> Option<u32> {
        self.directory.get(id)
    }

    /// A ready host, each with the same chance.
    pub fn random_ready(&mut self) -> Option<u32> {
        self.census.pick(&mut self.rng)
    }

    /// A key, each with the same chance.
    pub fn random_key(&mut self) -> Key {
        Key::new(self.rng.next_u128())
    }

    /// The world's randomness, for a scenario's own choices.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// A digest of everything that happened.
    #[must_use]
    pub fn trace_hash(&self) -> u64 {
        self.trace
    }

    /// Starts a host with a random id that knows nobody.
    pub fn start(&mut self) -> u32 {
        let id = NodeId::new(self.rng.next_u128());
        self.start_as(Contact { id, epoch: 1 })
    }

    /// Where the host that is started next will be, for a scenario that picks its entrance.
    pub fn reserve(&mut self) -> u32 {
        let next = self.host_count();
        if !self.topology.has(next) {
            self.topology.place(&mut self.rng);
        }
        next
    }

    /// Starts a host that knows nobody.
    pub fn start_as(&mut self, contact: Contact) -> u32 {
        let number = self.host_count();
        let overlay = Overlay::new(self.settings.overlay, contact, self.rng.next_u64(), self.now);
        self.reserve();
        self.hosts.push(Host::new(contact, Box::new(overlay), self.now));
        self.directory.insert(contact.id, number);
        self.live += 1;
        number
    }

    /// Starts the first node of a ring.
    pub fn found(&mut self) -> u32 {
        let host = self.start();
        self.input(host, Input::Found);
        host
    }

    /// Starts a host and shows it the ring, through `entrance` or, if there is none, one that the
    /// introducer picks.
    pub fn join(&mut self, entrance: Option<u32>) -> u32 {
        let host = self.start();
        match entrance {
            Some(entrance) if self.is_direct() => self.enter(host, entrance),
            _ => self.push(Duration::ZERO, Happening::Introduce(host)),
        }
        host
    }

    /// Shows a host that knows nobody the ring through `entrance`, by a datagram.
    pub fn introduce_to(&mut self, host: u32, entrance: u32) {
        self.enter(host, entrance);
    }

    pub(crate) fn enter(&mut self, host: u32, entrance: u32) {
        let peer = self.hosts[entrance as usize].contact;
        self.input(host, Input::LinkUp { peer });
        self.input(host, Input::Join { through: peer.id });
    }

    /// Ends a host without a word.
    pub fn kill(&mut self, host: u32) {
        let Some(gone) = self.hosts.get_mut(host as usize) else { return };
        if gone.overlay.take().is_none() {
            return;
        }
        gone.inbox = Vec::new();
        let id = gone.contact.id;
        self.census.leave(id, host);
        self.live -= 1;
        self.drop_links(host);
    }

    /// The host says goodbye, and ends a second later.
    pub fn leave(&mut self, host: u32) {
        if self.overlay(host).is_none() {
            return;
        }
        let id = self.hosts[host as usize].contact.id;
        self.hosts[host as usize].left = true;
        self.census.leave(id, host);
        self.input(host, Input::Leave);
        self.push(GOODBYE, Happening::End(host));
    }

    /// Stops a host's clock and ears.
    pub fn freeze(&mut self, host: u32) {
        let frozen = &mut self.hosts[host as usize];
        frozen.frozen = true;
        let id = frozen.contact.id;
        self.census.leave(id, host);
    }

    /// Lets a frozen host go on: the overdue timer first, then what waited at the door.
    pub fn thaw(&mut self, host: u32) {
        let thawed = &mut self.hosts[host as usize];
        thawed.frozen = false;
        let inbox = std::mem::take(&mut thawed.inbox);
        if let Some(overlay) = self.overlay(host)
            && overlay.is_ready()
        {
            self.census.enter(overlay.me().id, host);
        }
        for input in [Input::Timeout].into_iter().chain(inbox) {
            self.input(host, input);
        }
    }

    /// Puts a host on one side of a partition.
    pub fn set_side(&mut self, host: u32, side: u8) {
        self.hosts[host as usize].side = side;
    }

    /// Cuts the network between the sides.
    pub fn part(&mut self) {
        self.settings.faults.partitioned = true;
        self.cut_links_between_sides();
    }

    /// Heals the network.
    pub fn heal(&mut self) {
        self.settings.faults.partitioned = false;
    }

    /// The scenario is called back after `span`, with `token`.
    pub fn call_after(&mut self, span: Duration, token: u64) {
        self.push(span, Happening::Call(token));
    }

    /// Goes on until the scenario is called or `end` has come (`None`).
    pub fn next_call(&mut self, end: Time) -> Option<u64> {
        while let Some((at, happening)) = self.agenda.pop(end) {
            self.advance(at);
            self.tally.events += 1;
            if let Happening::Call(token) = happening {
                return Some(token);
            }
            self.happen(happening);
        }
        self.advance(end);
        None
    }

    /// Goes on for `span`; calls in it are lost.
    pub fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while self.next_call(end).is_some() {}
    }

    fn advance(&mut self, to: Time) {
        let to = to.max(self.now);
        self.tally.live(self.live, self.now, to);
        self.now = to;
    }

    pub(crate) fn push(&mut self, span: Duration, happening: Happening) {
        self.agenda.push(self.now + span, happening);
    }

    pub(crate) fn trace(&mut self, words: &[u64]) {
        for word in words {
            self.trace = mix(self.trace, *word);
        }
    }

    pub(crate) fn is_direct(&self) -> bool {
        self.settings.overlay.reach == Reach::Direct
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Frame { from, to, link, message } => {
                let here = &self.hosts[to as usize];
                if here.overlay.is_some() && (link == 0 || here.serial(from) == Some(link)) {
                    self.trace(&[1, self.now.as_micros(), u64::from(from), u64::from(to)]);
                    self.note_hop(to, &message);
                    let from = self.hosts[from as usize].contact;
                    self.input(to, Input::Received { from, via: None, message });
                }
            }
            Happening::Wake(host) => self.wake(host),
            Happening::Give(host, input) => self.input(host, input),
            Happening::Dial { from, to, permit } => self.begin_link(from, to, permit),
            Happening::Built { from, to, permit } => self.end_link(from, to, permit),
            Happening::Closed { link, to, peer } => self.close_end(link, to, peer),
            Happening::Introduce(host) => self.introduce(host),
            Happening::End(host) => self.kill(host),
            Happening::Call(_) => {}
        }
    }

    fn wake(&mut self, number: u32) {
        let host = &mut self.hosts[number as usize];
        if host.armed != self.now {
            return;
        }
        host.armed = Time::FAR_FUTURE;
        let Some(overlay) = host.overlay.as_deref().filter(|_| !host.frozen) else { return };
        match overlay.poll_timeout() {
            Some((due, _)) if due <= self.now => self.input(number, Input::Timeout),
            _ => self.arm(number),
        }
    }

    /// Wakes are pushed only when they are earlier than the one that is armed; a late one is noticed
    /// when the early one comes.
    fn arm(&mut self, number: u32) {
        let now = self.now;
        let host = &mut self.hosts[number as usize];
        let Some((due, _)) = host.overlay.as_deref().and_then(Overlay::poll_timeout) else {
            return;
        };
        // A host that is never content would stop time otherwise.
        let due = due.max(now + Duration::from_micros(1));
        if due < host.armed && due < Time::FAR_FUTURE {
            host.armed = due;
            self.agenda.push(due, Happening::Wake(number));
        }
    }

    /// Gives a host an input, and does what it then says.
    pub fn input(&mut self, number: u32, input: Input) {
        let Some(host) = self.hosts.get_mut(number as usize) else { return };
        if host.frozen {
            host.inbox.push(input);
            return;
        }
        let mut next = Some(input);
        let mut more: Vec<Input> = Vec::new();
        while let Some(input) = next.take() {
            self.note_link(number, &input);
            let now = self.now;
            let Some(overlay) = self.hosts[number as usize].overlay.as_deref_mut() else { return };
            overlay.handle(now, input);
            while let Some(output) = self.poll(number) {
                more.extend(self.obey(number, output));
            }
            if !more.is_empty() {
                next = Some(more.remove(0));
            }
        }
        if !self.is_direct() {
            self.check_cap(number);
        }
        self.arm(number);
    }

    fn poll(&mut self, number: u32) -> Option<Output> {
        self.hosts[number as usize].overlay.as_deref_mut()?.poll_output()
    }

    fn obey(&mut self, me: u32, output: Output) -> Option<Input> {
        match output {
            Output::Send { to, via, message } => self.say(me, to, via, message),
            Output::Deliver { key, target, body } => self.arrive(me, key, target, &body),
            Output::Event(event) => {
                self.note_event(me, &event);
                None
            }
            Output::Dial { .. } | Output::Expect { .. } | Output::HangUp { .. } => {
                self.obey_link(me, output);
                None
            }
        }
    }

    fn say(&mut self, me: u32, to: NodeId, via: Option<NodeId>, message: Message) -> Option<Input> {
        let host = self.directory.get(to);
        let direct = self.is_direct();
        let linked = host.is_some_and(|host| self.hosts[me as usize].is_open(host));
        if linked || direct && via.is_none() {
            let message = self.spoil(me, message)?;
            if let Some(host) = host {
                let link = if direct { Some(0) } else { self.hosts[me as usize].serial(host) };
                self.transmit(me, host, link, message);
            }
            return None;
        }
        let sender = &self.hosts[me as usize];
        let back = sender.overlay.as_deref().and_then(Overlay::return_via);
        let mut body = vec![SEALED];
        body.extend(codec::encode(&(sender.contact, back, message)));
        let (target, class, body) = (Target::Node, Class::Control, Bytes::from(body));
        Some(Input::Route { key: to, target, via, class, body })
    }

    fn transmit(&mut self, from: u32, to: u32, link: Option<u32>, message: Message) {
        let sort = kind(&message);
        self.tally.kinds[sort] += 1;
        if self.hosts[to as usize].overlay.is_none() {
            self.tally.note_to_dead(sort);
        }
        if self.tally.sent.is_multiple_of(SAMPLE) {
            self.tally.sampled_bytes += codec::encode(&message).len() as u64;
        }
        self.tally.sent += 1;
        let faults = self.settings.faults;
        let (a, b) = (&self.hosts[from as usize], &self.hosts[to as usize]);
        let apart = faults.partitioned && a.side != b.side;
        let lost = faults.loss > 0.0 && self.rng.chance(faults.loss);
        let Some(link) = link.filter(|_| !apart && !lost && !faults.is_deaf(self.salt, from, to))
        else {
            self.tally.lost += 1;
            return;
        };
        let delay = self.topology.delay(from, to);
        if faults.duplication > 0.0 && self.rng.chance(faults.duplication) {
            let again = delay + faults.lateness(&mut self.rng);
            self.push(again, Happening::Frame { from, to, link, message: message.clone() });
        }
        let late = faults.lateness(&mut self.rng);
        self.push(delay + late, Happening::Frame { from, to, link, message });
    }

    fn arrive(&mut self, me: u32, key: Key, target: Target, body: &Bytes) -> Option<Input> {
        match body.first() {
            Some(&SEALED) => {
                let sealed = codec::decode(&body[1..], SEALED_BYTES_MAX).ok();
                let (from, via, message): (Contact, Option<NodeId>, Message) = sealed?;
                Some(Input::Received { from, via, message })
            }
            Some(&APPLICATION) if target == Target::Root => {
                self.note_arrival(me, key, body);
                None
            }
            _ => None,
        }
    }

    fn note_event(&mut self, me: u32, event: &Event) {
        let now = self.now;
        let host = &mut self.hosts[me as usize];
        let id = host.contact.id;
        match event {
            Event::Ready if !host.left => {
                host.ready_at.get_or_insert(now);
                self.census.enter(id, me);
                self.trace(&[3, u64::from(me)]);
            }
            Event::NotReady => {
                self.census.leave(id, me);
                self.tally.unready += 1;
                self.trace(&[4, u64::from(me)]);
            }
            Event::JoinFailed => {
                self.tally.joins_failed += 1;
                self.push(INTRODUCTION, Happening::Introduce(me));
            }
            Event::Misbehaved { .. } => self.tally.misbehaved += 1,
            _ => {}
        }
    }
}
