//! A deterministic network of nodes with groups: latency, loss, births and deaths.
//!
//! Checked in every scenario: nothing is delivered twice or to a non-member or to its origin, no
//! node has more children than it may, every message survives its encoding, no deadline stays in the
//! past.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::{Digest, Duration, NodeId, Rng, Time};
use bytes::Bytes;
use groups::{Config, Event, Groups, Input, Output, Way};
use wire::groups::{Group, Message, WalkId};
use wire::{Class, Frame};

use crate::overlay::Tables;

/// One step of the world.
enum Step {
    Message { from: NodeId, to: usize, message: Message },
    Answer { node: usize, walk: WalkId },
    Timer { node: usize },
}

/// A node and its driver.
pub(crate) struct Host {
    pub(crate) groups: Groups,
    pub(crate) id: NodeId,
    pub(crate) alive: bool,
    /// What was delivered here, by group and origin.
    pub(crate) got: BTreeSet<(Group, NodeId, Bytes)>,
    pub(crate) events: Vec<Event>,
    /// Whether it accepts offers.
    pub(crate) accepts: bool,
    pub(crate) offers: u32,
    pub(crate) preferred: BTreeSet<NodeId>,
    /// Whose silence the overlay was told of.
    pub(crate) doubted: BTreeSet<NodeId>,
    tables: Tables,
    links: BTreeSet<NodeId>,
    timer: Time,
}

/// Messages sent so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) casts: u64,
    pub(crate) bytes: u64,
    pub(crate) walks: u64,
    pub(crate) control: u64,
    pub(crate) unlinked: u64,
}

/// Everything.
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) hosts: Vec<Host>,
    pub(crate) latency: Duration,
    pub(crate) loss: f64,
    /// How much longer bulk takes.
    pub(crate) bulk_time: Duration,
    pub(crate) sent: Sent,
    /// Digest of everything that was sent.
    pub(crate) trace: Digest,
    pub(crate) rng: Rng,
    pub(crate) children_max: usize,
    /// Nodes whose driver answers no offer.
    pub(crate) silent: BTreeSet<usize>,
    /// The overlay names random links as the way.
    pub(crate) is_confused: bool,
    config: Config,
    steps: BTreeMap<(Time, u64), Step>,
    count: u64,
    names: BTreeMap<NodeId, usize>,
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl World {
    /// `count` nodes that know each other as a settled overlay does.
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        Self::with(seed, count, Config::default())
    }

    pub(crate) fn with(seed: u64, count: usize, config: Config) -> Self {
        let mut world = World {
            now: Time::from_millis(1),
            hosts: Vec::new(),
            latency: millis(50),
            loss: 0.0,
            bulk_time: Duration::ZERO,
            sent: Sent::default(),
            trace: Digest([0; 32]),
            rng: Rng::new(seed),
            children_max: config.children_max,
            silent: BTreeSet::new(),
            is_confused: false,
            config,
            steps: BTreeMap::new(),
            count: 0,
            names: BTreeMap::new(),
        };
        for _ in 0..count {
            world.add();
        }
        world.settle();
        world
    }

    /// A node that the overlay does not know yet.
    pub(crate) fn add(&mut self) -> usize {
        let id = NodeId::new(self.rng.next_u128());
        self.add_at(id)
    }

    pub(crate) fn add_at(&mut self, id: NodeId) -> usize {
        let at = self.hosts.len();
        self.names.insert(id, at);
        self.hosts.push(Host {
            groups: Groups::new(self.config, id, self.rng.next_u64(), self.now),
            id,
            alive: true,
            got: BTreeSet::new(),
            events: Vec::new(),
            accepts: false,
            offers: 0,
            preferred: BTreeSet::new(),
            doubted: BTreeSet::new(),
            tables: Tables::default(),
            links: BTreeSet::new(),
            timer: Time::FAR_FUTURE,
        });
        at
    }

    pub(crate) fn living(&self) -> impl Iterator<Item = usize> {
        (0..self.hosts.len()).filter(|node| self.hosts[*node].alive)
    }

    /// The overlay learns who lives: tables, links, news.
    pub(crate) fn settle(&mut self) {
        let mut ring: Vec<NodeId> = self.living().map(|node| self.hosts[node].id).collect();
        ring.sort_unstable();
        let nodes: Vec<usize> = self.living().collect();
        let mut links: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
        let mut moved = Vec::new();
        for node in &nodes {
            let host = &mut self.hosts[*node];
            let before = host.tables.leaves().clone();
            host.tables.fill(host.id, &ring);
            if *host.tables.leaves() != before {
                moved.push(*node);
            }
            for peer in host.tables.known() {
                links.entry(host.id).or_default().insert(peer);
                links.entry(peer).or_default().insert(host.id);
            }
        }
        for node in nodes {
            let id = self.hosts[node].id;
            let after = links.remove(&id).unwrap_or_default();
            let before = std::mem::replace(&mut self.hosts[node].links, after.clone());
            for peer in before.difference(&after) {
                self.input(node, Input::LinkDown { peer: *peer });
            }
            for peer in after.difference(&before) {
                self.input(node, Input::LinkUp { peer: *peer });
            }
        }
        for node in moved {
            self.input(node, Input::WaysChanged);
        }
    }

    pub(crate) fn kill(&mut self, node: usize) {
        self.hosts[node].alive = false;
    }

    pub(crate) fn join(&mut self, node: usize, group: Group) {
        self.input(node, Input::Join { group });
    }

    pub(crate) fn multicast(&mut self, node: usize, group: Group, body: Bytes) {
        self.input(node, Input::Multicast { group, body });
    }

    /// Random nodes, without repetition.
    pub(crate) fn some(&mut self, count: usize) -> Vec<usize> {
        let mut nodes: Vec<usize> = self.living().collect();
        self.rng.shuffle(&mut nodes);
        nodes.truncate(count);
        nodes
    }

    pub(crate) fn anycast(&mut self, node: usize, group: Group, wanted: u16) -> WalkId {
        let walk = WalkId { origin: self.hosts[node].id, number: self.rng.next_u64() };
        let body = Bytes::from_static(b"offer");
        self.input(node, Input::Anycast { walk, group, wanted, body });
        walk
    }

    pub(crate) fn input(&mut self, node: usize, input: Input) {
        if !self.hosts[node].alive {
            return;
        }
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.hosts[node].groups.handle(self.now, input);
            while let Some(output) = self.hosts[node].groups.poll_output() {
                self.obey(node, output, &mut inputs);
            }
        }
        let host = &mut self.hosts[node];
        let at = host.groups.poll_timeout().map_or(Time::FAR_FUTURE, |(at, _)| at);
        if at < host.timer {
            host.timer = at;
            self.plan(at.max(self.now), Step::Timer { node });
        }
    }

    fn obey(&mut self, node: usize, output: Output, inputs: &mut VecDeque<Input>) {
        let host = &mut self.hosts[node];
        match output {
            Output::AskWay { group } => {
                let right = host.tables.way(host.id, group);
                let links: Vec<NodeId> = host.links.iter().copied().collect();
                let wrong = self.rng.pick(&links).filter(|_| self.is_confused);
                let way = wrong.map_or(right, |hop| Way::Hop(*hop));
                inputs.push_back(Input::Way { group, way });
            }
            Output::AskNearest { group, peers } => {
                inputs.push_back(Input::Nearest { group, peer: peers[0] });
            }
            Output::Send { to, class, message } => {
                assert_eq!(class, message.class());
                self.post(node, to, message);
            }
            Output::Publish { to, class, message } => {
                assert!(class == message.class() && !to.is_empty());
                to.into_iter().for_each(|to| self.post(node, to, message.clone()));
            }
            Output::Deliver { group, origin, body } => {
                assert!(host.groups.place(group).unwrap().is_member && origin != host.id);
                assert!(host.got.insert((group, origin, body)), "delivered twice");
            }
            Output::Offer { walk, group, origin, .. } => {
                assert!(host.groups.place(group).unwrap().is_member);
                assert!(origin == walk.origin && origin != host.id);
                host.offers += 1;
                if !self.silent.contains(&node) {
                    let at = self.now + millis(5);
                    self.plan(at, Step::Answer { node, walk });
                }
            }
            Output::Prefer(peer) => assert!(host.preferred.insert(peer)),
            Output::Unprefer(peer) => assert!(host.preferred.remove(&peer)),
            Output::Doubt(peer) => {
                host.doubted.insert(peer);
            }
            Output::Event(event) => host.events.push(event),
        }
    }

    /// As if `from` had sent it.
    pub(crate) fn post(&mut self, from: usize, to: NodeId, message: Message) {
        let host = &self.hosts[from];
        assert_ne!(host.id, to, "to itself: {message:?}");
        let is_linked = host.links.contains(&to);
        let frame = Frame::Group(message.clone());
        let encoded = frame.encode();
        assert_eq!(Frame::decode(&encoded), Ok(frame));
        self.sent.bytes += encoded.len() as u64;
        self.trace = Digest::of(&[&self.trace.0, &encoded]);
        match &message {
            Message::Cast { .. } | Message::Enter { .. } => self.sent.casts += 1,
            Message::Walk(_) => self.sent.walks += 1,
            _ => self.sent.control += 1,
        }
        self.sent.unlinked += u64::from(!is_linked);
        let Some(&to) = self.names.get(&to) else { return };
        if self.rng.chance(self.loss) {
            return;
        }
        let hops = if is_linked { 1 } else { 3 };
        let spread = u32::try_from(self.rng.below(400)).unwrap();
        let bulk = if message.class() == Class::Bulk { self.bulk_time } else { Duration::ZERO };
        let at = self.now + self.latency * hops * (800 + spread) / 1000 + bulk;
        self.plan(at, Step::Message { from: self.hosts[from].id, to, message });
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
            assert!(self.now.since(start) < span, "not within {span:?}");
            self.run_for(millis(50));
        }
        self.now.since(start)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Message { from, to, message } => {
                self.input(to, Input::Received { from, message });
            }
            Step::Answer { node, walk } => {
                let accepted = self.hosts[node].accepts;
                self.input(node, Input::Answer { walk, accepted });
            }
            Step::Timer { node } => {
                let host = &mut self.hosts[node];
                if !host.alive || host.timer > self.now {
                    return;
                }
                host.timer = Time::FAR_FUTURE;
                self.input(node, Input::Timeout);
                let next = self.hosts[node].groups.poll_timeout();
                assert!(next.is_none_or(|(at, _)| at > self.now), "woken in vain: {next:?}");
            }
        }
    }

    fn plan(&mut self, at: Time, step: Step) {
        self.count += 1;
        self.steps.insert((at, self.count), step);
    }

    /// Who should be the root.
    pub(crate) fn root(&self, group: Group) -> NodeId {
        group.closest(self.living().map(|node| self.hosts[node].id)).unwrap()
    }

    /// Every living member below the one right root, every edge known at both ends, no loop, no
    /// idle place; or what is wrong.
    pub(crate) fn fault(&self, group: Group) -> Option<String> {
        let root = self.root(group);
        for node in self.living() {
            let host = &self.hosts[node];
            let Some(place) = host.groups.place(group) else { continue };
            let say = |what: &str| Some(format!("{:?} {what}: {place:?}", host.id));
            if place.children.len() > self.children_max {
                return say("has too many children");
            }
            if !place.is_member && place.children.is_empty() {
                return say("is idle");
            }
            if place.is_root != (host.id == root) {
                return say("is root and should not be, or the other way round");
            }
            let Some(parent) = place.parent else {
                if place.is_root {
                    continue;
                }
                return say("has no place");
            };
            let above = &self.hosts[self.names[&parent]];
            let is_known =
                above.groups.place(group).is_some_and(|place| place.children.contains(&host.id));
            if !above.alive || !is_known {
                return say("has a parent that does not know it");
            }
            if self.climb(node, group).is_none() {
                return say("is in a loop");
            }
        }
        None
    }

    /// Edges from a node to the root, by the parents' word.
    pub(crate) fn climb(&self, node: usize, group: Group) -> Option<usize> {
        let mut at = node;
        for depth in 0..self.hosts.len() {
            match self.hosts[at].groups.place(group)?.parent {
                Some(parent) => at = self.names[&parent],
                None => return Some(depth),
            }
        }
        None
    }

    /// Whether its parent is a node to which it has no link.
    pub(crate) fn is_far_from_parent(&self, node: usize, group: Group) -> bool {
        let host = &self.hosts[node];
        let parent = host.groups.place(group).and_then(|place| place.parent);
        parent.is_some_and(|parent| !host.links.contains(&parent))
    }

    /// Runs until the tree is as it should be.
    #[track_caller]
    pub(crate) fn grow(&mut self, span: Duration, group: Group) -> Duration {
        let took = self.now;
        while let Some(fault) = self.fault(group) {
            assert!(self.now.since(took) < span, "not within {span:?}: {fault}");
            self.run_for(millis(50));
        }
        self.now.since(took)
    }

    pub(crate) fn has_got(&self, node: usize, group: Group, origin: usize, body: &Bytes) -> bool {
        self.hosts[node].got.contains(&(group, self.hosts[origin].id, body.clone()))
    }

    /// Whether all of `members` but the origin have it.
    pub(crate) fn all_got(
        &self,
        members: &[usize],
        group: Group,
        origin: usize,
        body: &Bytes,
    ) -> bool {
        let lacks = |node: &&usize| {
            self.hosts[**node].alive
                && **node != origin
                && !self.has_got(**node, group, origin, body)
        };
        !members.iter().any(|node| lacks(&node))
    }

    pub(crate) fn ended(&self, node: usize, walk: WalkId) -> Option<u16> {
        self.hosts[node].events.iter().find_map(|event| match event {
            Event::WalkEnded { walk: other, accepted } if *other == walk => Some(*accepted),
            _ => None,
        })
    }
}
