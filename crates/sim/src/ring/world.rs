//! The world: its hosts, its time, and what happens next. What a scenario does to hosts is in
//! `lives`, what a driver does for them in `drive`.

use std::collections::BTreeMap;

use base::{Digits, Duration, Key, NodeId, Rng, Time};
use overlay::{Input, Overlay, Reach};
use wire::Parcel;
use wire::groups::WalkId;
use wire::overlay::Message;

use super::agenda::Agenda;
use super::chance::mix;
use super::directory::Directory;
use super::host::Host;
use super::lookup::Lookup;
use super::upper::Heard;
use super::{Census, Faults, Settings, Shelves, Tally, Topology};

#[derive(Debug)]
pub(crate) enum Happening {
    /// Something said, by a datagram (`link` 0) or over a link.
    Frame { from: u32, to: u32, link: u32, message: Message },
    /// Something said by groups or a store, likewise.
    Parcel { from: u32, to: u32, link: u32, parcel: Box<Parcel> },
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
    pub(crate) now: Time,
    pub(crate) rng: Rng,
    pub(crate) salt: u64,
    pub(crate) agenda: Agenda<Happening>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) directory: Directory,
    pub(crate) topology: Topology,
    pub(crate) census: Census,
    pub(crate) lookups: Vec<Lookup>,
    pub(crate) replicas: usize,
    /// What groups and stores told.
    pub(crate) heard: Vec<Heard>,
    /// Hops of each anycast so far.
    pub(crate) walks: BTreeMap<WalkId, u32>,
    pub(crate) shelves: Shelves,
    pub(crate) tally: Tally,
    pub(crate) next_link: u32,
    pub(crate) live: u32,
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
            heard: Vec::new(),
            walks: BTreeMap::new(),
            shelves: Shelves::default(),
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

    /// Who holds which value, once it is watched.
    #[must_use]
    pub fn shelves(&self) -> &Shelves {
        &self.shelves
    }

    /// From now on every copy of every value is accounted for.
    pub fn watch_shelves(&mut self) {
        self.shelves.watch();
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

    /// How this world's tables read identifiers.
    pub(crate) fn digits(&self) -> Digits {
        self.settings.overlay.digits
    }

    /// Places on one side of a leaf set.
    pub(crate) fn leaf_half(&self) -> usize {
        self.settings.overlay.leaf_half
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
            Happening::Parcel { from, to, link, parcel } => {
                let here = &self.hosts[to as usize];
                if here.upper.is_some() && (link == 0 || here.serial(from) == Some(link)) {
                    self.trace(&[5, self.now.as_micros(), u64::from(from), u64::from(to)]);
                    let from = self.hosts[from as usize].contact.id;
                    if let Some(given) = self.listen(to, from, *parcel) {
                        self.give(to, given);
                    }
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
}
