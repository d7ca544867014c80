//! A small deterministic world: virtual time, latency, links that take a while to build.
//!
//! It plays the node's and the driver's part round each overlay: what is said to an unlinked
//! contact becomes a routed body with the sender inside (sealing without the cryptography).
#![allow(clippy::unwrap_used, reason = "what breaks the harness must fail the test")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::{Duration, HEARTBEAT, Key, NodeId, Rng, Time, codec};
use bytes::Bytes;
use overlay::{Config, Event, Input, Output, Overlay};
use wire::Class;
use wire::overlay::{Contact, Message, Target};

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
const APPLICATION: u8 = 0;
const SEALED: u8 = 1;

pub(crate) struct Host {
    pub(crate) overlay: Overlay,
    pub(crate) contact: Contact,
    pub(crate) frozen: bool,
    /// Peers whose link this end believes to be open.
    open: BTreeSet<NodeId>,
    expects: BTreeMap<NodeId, u64>,
    timer: Time,
    /// Inputs that arrive while it is frozen.
    inbox: VecDeque<Input>,
}

enum Happening {
    Frame {
        link: u64,
        from: NodeId,
        to: NodeId,
        message: Message,
    },
    Built {
        from: NodeId,
        to: NodeId,
        permit: Option<u64>,
    },
    Give {
        to: NodeId,
        epoch: u64,
        input: Input,
    },
    Closed {
        link: u64,
        to: NodeId,
        peer: NodeId,
    },
    Timer {
        to: NodeId,
        at: Time,
    },
    /// It asks the introducer for another entrance.
    Lost {
        node: NodeId,
    },
}

/// One application message: where it started, where it is going, where it arrived.
pub(crate) struct Letter {
    pub(crate) from: NodeId,
    pub(crate) key: Key,
    pub(crate) target: Target,
    pub(crate) arrived: Vec<(Time, NodeId)>,
}

pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) config: Config,
    pub(crate) rng: Rng,
    pub(crate) hosts: BTreeMap<NodeId, Host>,
    pub(crate) events: Vec<(Time, NodeId, Event)>,
    pub(crate) letters: Vec<Letter>,
    /// Pairs that no link can be built between.
    pub(crate) unlinkable: BTreeSet<(NodeId, NodeId)>,
    /// Frames lost, in thousandths.
    pub(crate) loss: u64,
    /// How long a frame keeps the one machine busy that all share; the others wait meanwhile.
    pub(crate) cost: Duration,
    busy_until: Time,
    pub(crate) frames: u64,
    pub(crate) kinds: BTreeMap<&'static str, u64>,
    pub(crate) digest: u64,
    links: BTreeMap<(NodeId, NodeId), u64>,
    next_link: u64,
    queue: BTreeMap<(Time, u64), Happening>,
    sequence: u64,
}

fn pair(a: NodeId, b: NodeId) -> (NodeId, NodeId) {
    (a.min(b), a.max(b))
}

fn kind(message: &Message) -> &'static str {
    match message {
        Message::Route(_) => "route",
        Message::RouteAck(_) => "ack",
        Message::Join { .. } | Message::JoinReply { .. } | Message::JoinRefused { .. } => "join",
        Message::Probe { .. } | Message::ProbeReply { .. } => "probe",
        Message::Heartbeat(_) => "heartbeat",
        Message::LeafSet(_) => "leaf set",
        Message::RowRequest { .. } | Message::Row { .. } => "row",
        Message::Ping { .. } | Message::Pong { .. } => "ping",
        Message::Measured { .. } | Message::StateRequest { .. } | Message::State { .. } => "survey",
        Message::Suspect { .. } => "suspect",
        Message::Leaving(_) => "leaving",
        _ => "link",
    }
}

impl World {
    pub(crate) fn new(seed: u64, links_max: u16) -> Self {
        World {
            now: Time::ZERO,
            config: Config { links_max, idle_heartbeat: HEARTBEAT, ..Config::default() },
            rng: Rng::new(seed),
            hosts: BTreeMap::new(),
            events: Vec::new(),
            letters: Vec::new(),
            unlinkable: BTreeSet::new(),
            loss: 0,
            cost: Duration::ZERO,
            busy_until: Time::ZERO,
            frames: 0,
            kinds: BTreeMap::new(),
            digest: 0,
            links: BTreeMap::new(),
            next_link: 0,
            queue: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// A host that knows nobody.
    pub(crate) fn add(&mut self) -> NodeId {
        let id = NodeId::new(self.rng.next_u128());
        self.add_as(Contact { id, epoch: 1 })
    }

    pub(crate) fn add_as(&mut self, contact: Contact) -> NodeId {
        let seed = self.rng.next_u64();
        let overlay = Overlay::new(self.config, contact, seed, self.now);
        let timer = Time::FAR_FUTURE;
        let (expects, inbox) = (BTreeMap::new(), VecDeque::new());
        let host =
            Host { overlay, contact, frozen: false, open: BTreeSet::new(), expects, timer, inbox };
        self.hosts.insert(contact.id, host);
        contact.id
    }

    /// The introducer's work: a link between the two, and the order to join over it.
    pub(crate) fn introduce(&mut self, joiner: NodeId, entrance: NodeId) {
        self.link(joiner, entrance);
        self.input(joiner, Input::Join { through: entrance });
    }

    pub(crate) fn link(&mut self, a: NodeId, b: NodeId) {
        self.connect(a, b);
    }

    /// A ring of `count` nodes that join one after the other.
    pub(crate) fn ring(seed: u64, count: usize, links_max: u16) -> Self {
        let mut world = World::new(seed, links_max);
        world.grow(count);
        world
    }

    /// Founds a ring, and lets `count` nodes in all join one after the other.
    pub(crate) fn grow(&mut self, count: usize) {
        self.found();
        for _ in 1..count {
            let ready = self.ready();
            let entrance = *self.rng.pick(&ready).unwrap();
            let joiner = self.add();
            self.introduce(joiner, entrance);
            let joined = self.run_until(20 * SECOND, |world| world.is_ready(joiner));
            assert!(joined, "node {} is not ready", self.hosts.len());
        }
    }

    pub(crate) fn found(&mut self) -> NodeId {
        let founder = self.add();
        self.input(founder, Input::Found);
        founder
    }

    pub(crate) fn is_ready(&self, id: NodeId) -> bool {
        self.hosts.get(&id).is_some_and(|host| host.overlay.is_ready())
    }

    pub(crate) fn ready(&self) -> Vec<NodeId> {
        self.hosts.keys().copied().filter(|id| self.is_ready(*id)).collect()
    }

    pub(crate) fn ids(&self) -> Vec<NodeId> {
        self.hosts.keys().copied().collect()
    }

    /// In the order of the ring.
    pub(crate) fn neighbours_of(&self, id: NodeId, count: usize) -> Vec<NodeId> {
        let mut others = self.ids();
        others.retain(|other| *other != id);
        others.sort_by_key(|other| id.clockwise_to(*other));
        others.truncate(count);
        others
    }

    /// Gone without a word. `noticed`: the transport tells its peers.
    pub(crate) fn kill(&mut self, id: NodeId, noticed: bool) {
        self.hosts.remove(&id);
        for peer in self.peers_of(id) {
            let link = self.links[&pair(id, peer)];
            if noticed {
                self.links.remove(&pair(id, peer));
                let at = self.now + 50 * MILLISECOND;
                self.push(at, Happening::Closed { link, to: peer, peer: id });
            }
        }
    }

    /// The link breaks; both ends notice.
    pub(crate) fn cut(&mut self, a: NodeId, b: NodeId) {
        if let Some(link) = self.links.remove(&pair(a, b)) {
            for (to, peer) in [(a, b), (b, a)] {
                self.push(self.now + 50 * MILLISECOND, Happening::Closed { link, to, peer });
            }
        }
    }

    /// Every link of `id` is gone, and its other ends notice.
    pub(crate) fn cut_all(&mut self, id: NodeId) {
        for peer in self.peers_of(id) {
            self.cut(id, peer);
        }
    }

    /// No link can be built between the two, except by an introduction.
    pub(crate) fn forbid(&mut self, a: NodeId, b: NodeId) {
        self.unlinkable.insert(pair(a, b));
    }

    pub(crate) fn peers_of(&self, id: NodeId) -> Vec<NodeId> {
        let ends = self.links.keys().filter(|(a, b)| *a == id || *b == id);
        ends.map(|(a, b)| if *a == id { *b } else { *a }).collect()
    }

    pub(crate) fn links(&self) -> Vec<(NodeId, NodeId)> {
        self.links.keys().copied().collect()
    }

    /// Routes a letter; its number.
    pub(crate) fn post(&mut self, from: NodeId, key: Key, target: Target) -> usize {
        let number = self.letters.len();
        self.letters.push(Letter { from, key, target, arrived: Vec::new() });
        let mut body = vec![APPLICATION];
        body.extend((number as u64).to_be_bytes());
        let (via, class, body) = (None, Class::Control, Bytes::from(body));
        self.input(from, Input::Route { key, target, via, class, body });
        number
    }

    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.run_until(span, |_| false);
        self.now = end;
    }

    pub(crate) fn run_until(&mut self, span: Duration, done: impl Fn(&World) -> bool) -> bool {
        let end = self.now + span;
        loop {
            if done(self) {
                return true;
            }
            let Some((&(at, sequence), _)) = self.queue.first_key_value() else { return false };
            if at > end {
                self.now = end;
                return false;
            }
            let happening = self.queue.remove(&(at, sequence)).unwrap();
            self.now = self.now.max(at);
            self.happen(happening);
        }
    }

    pub(crate) fn thaw(&mut self, id: NodeId) {
        let host = self.hosts.get_mut(&id).unwrap();
        host.frozen = false;
        // As a browser does: the overdue timer first.
        let inbox: Vec<Input> = [Input::Timeout].into_iter().chain(host.inbox.drain(..)).collect();
        for input in inbox {
            self.input(id, input);
        }
    }

    pub(crate) fn input(&mut self, to: NodeId, input: Input) {
        let Some(host) = self.hosts.get_mut(&to) else { return };
        if host.frozen {
            host.inbox.push_back(input);
            return;
        }
        let mut inputs = VecDeque::from([input]);
        let mut budget = 100_000;
        while let Some(input) = inputs.pop_front() {
            let Some(host) = self.hosts.get_mut(&to) else { return };
            match &input {
                Input::LinkUp { peer } => drop(host.open.insert(peer.id)),
                Input::LinkDown { peer } => drop(host.open.remove(peer)),
                _ => {}
            }
            budget -= 1;
            assert!(budget > 0, "the node never comes to rest");
            let Some(host) = self.hosts.get_mut(&to) else { return };
            host.overlay.handle(self.now, input);
            while let Some(output) = self.hosts.get_mut(&to).and_then(|h| h.overlay.poll_output()) {
                inputs.extend(self.obey(to, output));
            }
            self.check_cap(to);
        }
        let host = self.hosts.get_mut(&to).unwrap();
        if let Some((at, _)) = host.overlay.poll_timeout() {
            let at = at.max(self.now);
            if at != host.timer {
                host.timer = at;
                self.push(at, Happening::Timer { to, at });
            }
        }
    }

    fn check_cap(&self, id: NodeId) {
        let links_max = u64::from(self.config.links_max);
        let open = self.peers_of(id).len() as u64;
        let slots = self.hosts[&id].overlay.slots_used();
        assert!(slots <= links_max, "{id:?} uses {slots} slots");
        // While a newcomer's link is handed to the one end, the other still counts it.
        assert!(open <= links_max + 1, "{id:?} has {open} links");
    }

    fn obey(&mut self, me: NodeId, output: Output) -> Option<Input> {
        match output {
            Output::Send { to, via, message } => return self.send(me, to, via, message),
            Output::Deliver { key, target, body } => return self.arrive(me, key, target, &body),
            Output::Dial { peer, permit, .. } => {
                let span = 200 + self.rng.below(800);
                let at = self.now + Duration::from_millis(span);
                self.push(at, Happening::Built { from: me, to: peer, permit: Some(permit) });
            }
            Output::Expect { peer, permit } => {
                self.hosts.get_mut(&me).unwrap().expects.insert(peer, permit);
            }
            Output::HangUp { peer } => {
                self.hosts.get_mut(&me).unwrap().open.remove(&peer);
                if let Some(link) = self.links.remove(&pair(me, peer)) {
                    let at = self.now + self.latency(me, peer);
                    self.push(at, Happening::Closed { link, to: peer, peer: me });
                }
            }
            Output::Event(event) => {
                self.note(&[3, me.value()]);
                if event == Event::JoinFailed {
                    self.push(self.now + SECOND, Happening::Lost { node: me });
                }
                self.events.push((self.now, me, event));
            }
        }
        None
    }

    fn send(
        &mut self,
        me: NodeId,
        to: NodeId,
        via: Option<NodeId>,
        message: Message,
    ) -> Option<Input> {
        *self.kinds.entry(kind(&message)).or_default() += 1;
        if self.hosts[&me].open.contains(&to) {
            self.frames += 1;
            self.note(&[1, me.value(), to.value(), u128::from(self.now.as_micros())]);
            if self.rng.below(1000) >= self.loss
                && let Some(link) = self.links.get(&pair(me, to)).copied()
            {
                let mut at = self.now + self.latency(me, to);
                if !self.cost.is_zero() {
                    at = at.max(self.busy_until) + self.cost;
                    self.busy_until = at;
                }
                self.push(at, Happening::Frame { link, from: me, to, message });
            }
            return None;
        }
        assert!(
            !matches!(message, Message::Route(_) | Message::RouteAck(_) | Message::Join { .. }),
            "{me:?} says {message:?} to {to:?} without a link"
        );
        let host = &self.hosts[&me];
        let sealed = (host.contact, host.overlay.return_via(), message);
        let mut body = vec![SEALED];
        body.extend(codec::encode(&sealed));
        let (target, class, body) = (Target::Node, Class::Control, Bytes::from(body));
        Some(Input::Route { key: to, target, via, class, body })
    }

    fn arrive(&mut self, me: NodeId, key: Key, target: Target, body: &Bytes) -> Option<Input> {
        if body[0] == SEALED {
            assert_eq!(key, me, "a sealed message reached another node");
            let (from, via, message) =
                codec::decode::<(Contact, Option<NodeId>, Message)>(&body[1..], 1 << 20).unwrap();
            return Some(Input::Received { from, via, message });
        }
        let number = u64::from_be_bytes(body[1..9].try_into().unwrap());
        let letter = &mut self.letters[usize::try_from(number).unwrap()];
        assert_eq!((letter.key, letter.target), (key, target));
        letter.arrived.push((self.now, me));
        self.note(&[2, me.value(), u128::from(number)]);
        None
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Frame { link, from, to, message } => {
                if self.links.get(&pair(from, to)) == Some(&link)
                    && let Some(sender) = self.hosts.get(&from).map(|host| host.contact)
                {
                    self.input(to, Input::Received { from: sender, via: None, message });
                }
            }
            Happening::Built { from, to, permit } => self.build(from, to, permit),
            Happening::Give { to, epoch, input } => {
                if self.hosts.get(&to).is_some_and(|host| host.contact.epoch == epoch) {
                    self.input(to, input);
                }
            }
            Happening::Closed { link, to, peer } => {
                let replaced = self.links.get(&pair(to, peer)).is_some_and(|new| *new != link);
                if !replaced {
                    self.input(to, Input::LinkDown { peer });
                }
            }
            Happening::Lost { node } => {
                let mut ready = self.ready();
                ready.retain(|id| *id != node && !self.links.contains_key(&pair(*id, node)));
                if let Some(entrance) = self.rng.pick(&ready).copied()
                    && self.hosts.contains_key(&node)
                    && !self.is_ready(node)
                {
                    self.introduce(node, entrance);
                }
            }
            Happening::Timer { to, at } => {
                if self.hosts.get(&to).is_some_and(|host| host.timer == at) {
                    self.hosts.get_mut(&to).unwrap().timer = Time::FAR_FUTURE;
                    self.input(to, Input::Timeout);
                }
            }
        }
    }

    fn build(&mut self, from: NodeId, to: NodeId, permit: Option<u64>) {
        let expects = self.hosts.get_mut(&to).and_then(|host| host.expects.remove(&from));
        let linkable = !self.unlinkable.contains(&pair(from, to));
        if self.hosts.contains_key(&from) && expects == permit && permit.is_some() && linkable {
            self.connect(from, to);
            return;
        }
        for (me, peer) in [(from, to), (to, from)] {
            if let Some(epoch) = self.hosts.get(&me).map(|host| host.contact.epoch) {
                let (at, input) = (self.now + SECOND, Input::DialFailed { peer });
                self.push(at, Happening::Give { to: me, epoch, input });
            }
        }
    }

    fn connect(&mut self, a: NodeId, b: NodeId) {
        self.next_link += 1;
        self.links.insert(pair(a, b), self.next_link);
        for (me, peer) in [(a, b), (b, a)] {
            let contact = self.hosts[&peer].contact;
            if self.links.get(&pair(a, b)) == Some(&self.next_link) {
                self.input(me, Input::LinkUp { peer: contact });
            }
        }
    }

    /// 10 to 80 ms, the same for a pair at all times.
    fn latency(&self, a: NodeId, b: NodeId) -> Duration {
        let mixed = a.value() ^ b.value();
        Duration::from_millis(10 + u64::try_from(mixed % 70).unwrap())
    }

    fn push(&mut self, at: Time, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), happening);
    }

    fn note(&mut self, words: &[u128]) {
        for word in words {
            for half in [*word, *word >> 64] {
                #[allow(clippy::cast_possible_truncation, reason = "a digest of both halves")]
                let half = half as u64;
                self.digest = (self.digest ^ half).wrapping_mul(0x100_0000_01b3).rotate_left(29);
            }
        }
    }

    /// The hosts whose leaf set is not what somebody who knows everybody would write.
    pub(crate) fn wrong_leaf_sets(&self) -> Vec<NodeId> {
        let ids: Vec<NodeId> = self.ids();
        let mut wrong = Vec::new();
        for (id, host) in &self.hosts {
            let mut right: Vec<NodeId> = ids.iter().copied().filter(|other| other != id).collect();
            let mut left = right.clone();
            right.sort_by_key(|other| id.clockwise_to(*other));
            left.sort_by_key(|other| other.clockwise_to(*id));
            right.truncate(self.config.leaf_half);
            left.truncate(self.config.leaf_half);
            let (l, r) = host.overlay.leaf_set();
            let ids = |side: &[Contact]| side.iter().map(|c| c.id).collect::<Vec<_>>();
            if ids(l) != left || ids(r) != right {
                wrong.push(*id);
            }
        }
        wrong
    }

    /// Every node writes to the roots of `roots` random keys and to any of the five closest to them,
    /// and to every node; all must arrive once, in place.
    pub(crate) fn exchange(&mut self, roots: usize, nodes: bool) {
        let ids = self.ids();
        let first = self.letters.len();
        for from in &ids {
            for _ in 0..roots {
                let key = Key::new(self.rng.next_u128());
                self.post(*from, key, Target::Root);
                self.post(*from, key, Target::Replica(5));
            }
            for to in ids.iter().filter(|_| nodes) {
                self.post(*from, *to, Target::Node);
            }
        }
        self.run_until(25 * SECOND, |world| {
            world.letters[first..].iter().all(|letter| !letter.arrived.is_empty())
        });
        self.run(5 * SECOND);
        self.check_letters(first, &ids);
    }

    pub(crate) fn check_letters(&self, first: usize, ids: &[NodeId]) {
        for (number, letter) in self.letters.iter().enumerate().skip(first) {
            let mut closest = ids.to_vec();
            closest.sort_by(|a, b| letter.key.closer(*a, *b));
            let places = match letter.target {
                Target::Root => &closest[..1],
                Target::Node => &[letter.key][..],
                Target::Replica(copies) => &closest[..usize::from(copies).min(closest.len())],
            };
            let arrived: Vec<NodeId> = letter.arrived.iter().map(|(_, at)| *at).collect();
            let once: BTreeSet<&NodeId> = arrived.iter().collect();
            // Where an acknowledgement was lost, two of the closest may get it, each once.
            let is_any = matches!(letter.target, Target::Replica(_));
            assert!(
                (arrived.len() == 1 || is_any && arrived.len() > 1 && once.len() == arrived.len())
                    && arrived.iter().all(|at| places.contains(at)),
                "letter {number} from {:?} to {:?} {:?} arrived at {arrived:?}",
                letter.from,
                letter.target,
                letter.key
            );
        }
    }

    pub(crate) fn total(&self, count: impl Fn(overlay::Stats) -> u64) -> u64 {
        self.hosts.values().map(|host| count(host.overlay.stats())).sum()
    }

    pub(crate) fn when(&self, wanted: impl Fn(NodeId, &Event) -> bool) -> Option<Time> {
        self.events.iter().find(|(_, at, event)| wanted(*at, event)).map(|(time, ..)| *time)
    }
}
