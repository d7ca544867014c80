//! A ring of stores: perfect leaf sets, told late; messages that take time and get lost; roots that
//! are the true ones when a routed message arrives.

use std::collections::{BTreeMap, BTreeSet};

use base::{Digest, Duration, Key, NodeId, Rng, Time};
use bytes::Bytes;
use store::{Config, Event, Input, Neighbour, Output, Store};
use wire::overlay::{LEAF_HALF, Target};
use wire::store::{Message, Name};

use crate::union::Union;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) struct Host {
    pub(crate) store: Store<Union>,
    /// It has joined; messages are routed to it.
    pub(crate) is_ready: bool,
    timer: Time,
    pub(crate) disk: BTreeMap<Name, Bytes>,
}

enum Happening {
    Message {
        from: NodeId,
        to: NodeId,
        message: Message,
    },
    Routed {
        from: NodeId,
        key: Key,
        target: Target,
        message: Message,
    },
    /// The leaf set of `to` is put right; `gone` is whose death it finds.
    View {
        to: NodeId,
        gone: Option<NodeId>,
    },
    Ready(NodeId),
    Timer(NodeId),
}

pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) rng: Rng,
    pub(crate) config: Config,
    pub(crate) hosts: BTreeMap<NodeId, Host>,
    pub(crate) events: Vec<(Time, NodeId, Event)>,
    /// Messages lost, in thousandths.
    pub(crate) loss: u64,
    /// Drivers keep what they are told to.
    pub(crate) has_disks: bool,
    pub(crate) messages: u64,
    /// Bytes of blobs and pieces that were sent.
    pub(crate) value_bytes: u64,
    pub(crate) biggest: usize,
    pub(crate) groups: BTreeMap<NodeId, u32>,
    /// One side of a split network.
    side: BTreeSet<NodeId>,
    queue: BTreeMap<(Time, u64), Happening>,
    sequence: u64,
}

pub(crate) fn blob(rng: &mut Rng, len: usize) -> Bytes {
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes);
    bytes.into()
}

pub(crate) fn name_of(blob: &Bytes) -> Name {
    Name::Blob(Digest::of(&[blob]))
}

impl World {
    pub(crate) fn empty(seed: u64, config: Config) -> Self {
        World {
            now: Time::from_millis(1000),
            rng: Rng::new(seed),
            config,
            hosts: BTreeMap::new(),
            events: Vec::new(),
            loss: 0,
            has_disks: false,
            messages: 0,
            value_bytes: 0,
            biggest: 0,
            groups: BTreeMap::new(),
            side: BTreeSet::new(),
            queue: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// A ring of `count` stores that know each other.
    pub(crate) fn ring(seed: u64, count: usize) -> Self {
        let mut world = World::empty(seed, Config::default());
        for _ in 0..count {
            let id = NodeId::new(world.rng.next_u128());
            world.join(id);
        }
        world.run(5 * SECOND);
        world
    }

    pub(crate) fn join(&mut self, id: NodeId) {
        let config = Config { group: self.groups.get(&id).copied(), ..self.config };
        let store = Store::new(config, Union, id, self.rng.next_u64(), self.now);
        let host = Host { store, is_ready: false, timer: Time::FAR_FUTURE, disk: BTreeMap::new() };
        self.hosts.insert(id, host);
        self.later(Duration::from_millis(300), Happening::Ready(id));
    }

    /// It is silent from now on; its neighbours find out in three to six seconds.
    pub(crate) fn kill(&mut self, id: NodeId) -> Host {
        let neighbours: BTreeSet<NodeId> = self.leaf_set(id).concat().into_iter().collect();
        let host = self.hosts.remove(&id).unwrap();
        for to in neighbours {
            let delay = Duration::from_millis(3_000 + self.rng.below(3_000));
            self.later(delay, Happening::View { to, gone: Some(id) });
        }
        host
    }

    /// The network splits: this many nodes on one side, all others on the other.
    pub(crate) fn split(&mut self, count: usize) {
        let mut ids: Vec<NodeId> = self.ids();
        self.rng.shuffle(&mut ids);
        self.side = ids.into_iter().take(count).collect();
        self.all_look(3_000);
    }

    pub(crate) fn heal(&mut self) {
        self.side.clear();
        self.all_look(3_000);
    }

    /// Every leaf set is put right within so many milliseconds.
    pub(crate) fn all_look(&mut self, within: u64) {
        for to in self.ids() {
            let delay = Duration::from_millis(self.rng.below(within));
            self.later(delay, Happening::View { to, gone: None });
        }
    }

    pub(crate) fn ids(&self) -> Vec<NodeId> {
        self.hosts.keys().copied().collect()
    }

    pub(crate) fn is_on(&self, id: NodeId) -> bool {
        self.side.contains(&id)
    }

    /// The live nodes closest to a key, nearest first.
    pub(crate) fn closest(&self, key: Key, count: usize) -> Vec<NodeId> {
        let mut ids = self.ids();
        ids.sort_by(|a, b| key.closer(*a, *b));
        ids.truncate(count);
        ids
    }

    pub(crate) fn holders(&self, name: &Name) -> BTreeSet<NodeId> {
        let holds = |host: &Host| host.store.holds(name);
        self.hosts.iter().filter(|(_, host)| holds(host)).map(|(id, _)| *id).collect()
    }

    /// Held by exactly the k closest.
    pub(crate) fn is_settled(&self, name: &Name) -> bool {
        self.holders(name) == self.closest(name.key(), wire::store::COPIES).into_iter().collect()
    }

    pub(crate) fn pick(&mut self) -> NodeId {
        let ids = self.ids();
        *self.rng.pick(&ids).unwrap()
    }

    pub(crate) fn put(&mut self, at: NodeId, blob: &Bytes, lifetime: Duration) -> Name {
        self.input(at, Input::Put { blob: blob.clone(), lifetime });
        name_of(blob)
    }

    pub(crate) fn run(&mut self, span: Duration) {
        self.run_until(span, |_| false);
    }

    /// Whether `is_done` came true within `span`; asked after each happening.
    pub(crate) fn run_until(
        &mut self,
        span: Duration,
        mut is_done: impl FnMut(&World) -> bool,
    ) -> bool {
        let end = self.now + span;
        while !is_done(self) {
            let Some(((at, _), _)) = self.queue.first_key_value() else { break };
            if *at > end {
                break;
            }
            let ((at, _), happening) = self.queue.pop_first().unwrap();
            self.now = at;
            self.happen(happening);
        }
        let done = is_done(self);
        if !done {
            self.now = end;
        }
        done
    }

    pub(crate) fn input(&mut self, to: NodeId, input: Input) {
        let now = self.now;
        if let Some(host) = self.hosts.get_mut(&to) {
            host.store.handle(now, input);
            self.drain(to);
        }
    }

    fn later(&mut self, delay: Duration, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((self.now + delay, self.sequence), happening);
    }

    fn leaf_set(&self, id: NodeId) -> [Vec<NodeId>; 2] {
        let is_seen = |other: &NodeId| self.is_on(*other) == self.is_on(id);
        let others = self.hosts.iter().filter(|(other, host)| **other != id && host.is_ready);
        let mut right: Vec<NodeId> = others.map(|(other, _)| *other).filter(is_seen).collect();
        right.sort_by_key(|other| id.clockwise_to(*other));
        let mut left = right.clone();
        left.reverse();
        right.truncate(LEAF_HALF);
        left.truncate(LEAF_HALF);
        [left, right]
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Message { from, to, message } => {
                if self.hosts.contains_key(&from) || matches!(message, Message::Blob { .. }) {
                    self.input(to, Input::Received { from, message });
                }
            }
            Happening::Routed { from, key, target, message } => {
                let is_seen =
                    |id: &NodeId| self.is_on(*id) == self.is_on(from) && self.hosts[id].is_ready;
                let mut seen: Vec<NodeId> = self.hosts.keys().copied().filter(is_seen).collect();
                seen.sort_by(|a, b| key.closer(*a, *b));
                let copies = match target {
                    Target::Replica(copies) => usize::from(copies),
                    Target::Root | Target::Node => 1,
                };
                seen.truncate(copies);
                if let Some(place) = self.rng.pick(&seen).copied() {
                    self.input(place, Input::Delivered { key, from, message });
                }
            }
            Happening::View { to, gone } => {
                self.look(to);
                if let Some(gone) = gone.filter(|gone| !self.hosts.contains_key(gone)) {
                    self.input(to, Input::PeerGone(gone));
                }
            }
            Happening::Ready(id) => {
                if let Some(host) = self.hosts.get_mut(&id) {
                    host.is_ready = true;
                    self.look(id);
                    self.input(id, Input::Ready(true));
                    for to in self.leaf_set(id).concat() {
                        let delay = Duration::from_millis(100 + self.rng.below(900));
                        self.later(delay, Happening::View { to, gone: None });
                    }
                }
            }
            Happening::Timer(id) => {
                if let Some(host) = self.hosts.get_mut(&id)
                    && host.timer <= self.now
                {
                    host.timer = Time::FAR_FUTURE;
                    self.input(id, Input::Timeout);
                }
            }
        }
    }

    fn look(&mut self, id: NodeId) {
        let named =
            |other: NodeId| Neighbour { id: other, group: self.groups.get(&other).copied() };
        let [left, right] = self.leaf_set(id).map(|ids| ids.into_iter().map(named).collect());
        self.input(id, Input::Neighbours { left, right });
    }

    fn drain(&mut self, id: NodeId) {
        while let Some(output) = self.hosts.get_mut(&id).and_then(|host| host.store.poll_output()) {
            self.on_output(id, output);
        }
        let now = self.now;
        let Some(host) = self.hosts.get_mut(&id) else { return };
        if let Some((at, _)) = host.store.poll_timeout()
            && at < host.timer
        {
            host.timer = at.max(now);
            let delay = host.timer.since(now);
            self.later(delay, Happening::Timer(id));
        }
    }

    fn on_output(&mut self, id: NodeId, output: Output) {
        match output {
            Output::Send { to, class, message } => {
                assert_eq!(class, message.class());
                self.carry(&message);
                let is_cut = self.is_on(id) != self.is_on(to);
                if !is_cut && self.rng.below(1000) >= self.loss {
                    let delay = Duration::from_millis(20 + self.rng.below(60));
                    self.later(delay, Happening::Message { from: id, to, message });
                }
            }
            Output::Route { key, target, message } => {
                self.carry(&message);
                if self.rng.below(1000) >= self.loss {
                    let delay = Duration::from_millis(60 + self.rng.below(180));
                    self.later(delay, Happening::Routed { from: id, key, target, message });
                }
            }
            Output::Keep { name, value, .. } => {
                if self.has_disks {
                    self.hosts.get_mut(&id).unwrap().disk.insert(name, value);
                }
            }
            Output::Forget(name) => {
                self.hosts.get_mut(&id).unwrap().disk.remove(&name);
            }
            Output::Load(name) => {
                let host = self.hosts.get_mut(&id).unwrap();
                let value = host.disk.get(&name).cloned();
                host.store.handle(self.now, Input::Loaded { name, value });
            }
            Output::Event(event) => self.events.push((self.now, id, event)),
        }
    }

    /// Every message goes through its bytes, as on a link.
    fn carry(&mut self, message: &Message) {
        self.messages += 1;
        self.value_bytes += match message {
            Message::Blob { blob, .. } => blob.len() as u64,
            Message::Piece { piece, .. } => piece.len() as u64,
            _ => 0,
        };
        if matches!(message, Message::Blob { .. }) {
            return;
        }
        let frame = wire::Frame::Store(message.clone());
        let bytes = frame.encode();
        self.biggest = self.biggest.max(bytes.len());
        assert_eq!(wire::Frame::decode(&bytes), Ok(frame));
    }
}
