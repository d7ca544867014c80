//! Groups and store as simple, lossy services: a multicast reaches whoever follows, an anycast walks
//! through whoever follows, records and blobs lie at the live nodes closest to their key. The ring
//! notices a death some heartbeats later, and only then are there other roots.

use std::collections::{BTreeMap, BTreeSet};

use base::{Digest, Duration, Key, NodeId};
use bytes::Bytes;
use grid::{Input, Output};
use wire::grid::{JobId, Message, cancel_bytes};

use crate::world::{Step, World, millis, secs};

/// Nodes that hold a value.
const REPLICAS: usize = 5;

/// What the services do later.
pub(crate) enum Task {
    Publish {
        to: usize,
        group: Key,
        origin: NodeId,
        message: Message,
    },
    Walk {
        walk: u64,
    },
    Route {
        from: usize,
        key: Key,
        message: Message,
    },
    Merge {
        to: usize,
        job: JobId,
        delta: Bytes,
    },
    Recall {
        to: usize,
        job: JobId,
    },
    Keep {
        from: usize,
        payload: Bytes,
    },
    Load {
        to: usize,
        digest: Digest,
    },
    Sign {
        node: usize,
        job: JobId,
        bytes: Bytes,
    },
    /// The ring notices that a node is silent.
    Notice {
        node: usize,
    },
    /// A node that woke is in the ring again.
    Rejoin {
        node: usize,
    },
    /// Two sides hear of each other again.
    Reunite,
    /// Holders of a record compare what they hold, from time to time.
    Compare,
}

/// A walk under way.
struct Walk {
    origin: usize,
    group: Key,
    wanted: u16,
    to_visit: Vec<usize>,
    message: Message,
}

#[derive(Default)]
pub(crate) struct Services {
    /// Nodes of the ring, each with the side of a partition that it is on.
    ring: BTreeMap<usize, u8>,
    followers: BTreeMap<Key, BTreeSet<usize>>,
    walks: BTreeMap<u64, Walk>,
    walked: u64,
    /// Records by holder and job, and whether the holder was told that it is the root.
    records: BTreeMap<(usize, JobId), (Vec<u8>, bool)>,
    /// Payloads with their holders.
    blobs: BTreeMap<Digest, (Bytes, BTreeSet<usize>)>,
    /// Offers made to nodes.
    pub(crate) offers: u64,
    /// Bytes of deltas written by owners.
    pub(crate) delta_bytes: u64,
    /// Payloads found in the store.
    pub(crate) loads: u64,
    /// The store takes no payload.
    pub(crate) is_full: bool,
}

impl Services {
    fn side(&self, node: usize) -> Option<u8> {
        self.ring.get(&node).copied()
    }

    pub(crate) fn forget(&mut self, node: usize) {
        self.records.retain(|(holder, _), _| *holder != node);
        self.followers.values_mut().for_each(|followers| followers.retain(|n| *n != node));
        self.blobs.values_mut().for_each(|(_, holders)| holders.retain(|n| *n != node));
    }
}

impl World {
    /// Nodes on `node`'s side of the ring, the closest to `key` first.
    fn closest(&self, node: usize, key: Key) -> Vec<usize> {
        let Some(side) = self.services.side(node) else { return Vec::new() };
        let ring = self.services.ring.iter().filter(|(_, s)| **s == side);
        let mut nodes: Vec<usize> = ring.map(|(node, _)| *node).collect();
        nodes.sort_by(|a, b| key.closer(self.hosts[*a].id, self.hosts[*b].id));
        nodes
    }

    /// The node of the ring that is closest to `key`.
    pub(crate) fn root(&self, key: Key) -> usize {
        let ring = self.services.ring.keys().copied();
        ring.min_by(|a, b| key.closer(self.hosts[*a].id, self.hosts[*b].id)).unwrap()
    }

    fn is_root(&self, node: usize, key: Key) -> bool {
        self.closest(node, key).first() == Some(&node)
    }

    fn reaches(&self, from: usize, to: usize) -> bool {
        let (a, b) = (self.services.side(from), self.services.side(to));
        a.is_some() && a == b && !self.cut.contains(&(from, to))
    }

    pub(crate) fn ring_changes(&mut self, node: usize, ready: bool) {
        if ready {
            self.services.ring.insert(node, 0);
        } else {
            self.services.ring.remove(&node);
        }
        self.reroot();
        let others: Vec<usize> =
            self.services.ring.keys().copied().filter(|n| *n != node).collect();
        others.into_iter().for_each(|other| self.input(other, Input::NeighboursChanged));
    }

    /// The node says nothing any more; the ring takes that for its death after three to four
    /// heartbeats.
    pub(crate) fn suspect(&mut self, node: usize) {
        let patience = secs(6) + millis(self.rng.below(2000));
        self.plan_in(patience, Step::Service(Task::Notice { node }));
    }

    /// The first `count` nodes hear nothing from the others from now on, and each side becomes a
    /// ring of its own.
    pub(crate) fn part(&mut self, count: usize) {
        for a in 0..self.hosts.len() {
            for b in (0..self.hosts.len()).filter(|b| (a < count) != (*b < count)) {
                self.cut.insert((a, b));
            }
        }
        let patience = secs(6) + millis(self.rng.below(2000));
        self.run_for(patience);
        for (node, side) in &mut self.services.ring {
            *side = u8::from(*node >= count);
        }
        for node in 0..self.hosts.len() {
            for gone in (0..self.hosts.len()).filter(|gone| (node < count) != (*gone < count)) {
                let peer = self.hosts[gone].id;
                self.input(node, Input::PeerGone { peer, left: false });
            }
        }
        self.reroot();
    }

    /// The sides hear each other, and are one ring some heartbeats later.
    pub(crate) fn heal(&mut self) {
        self.cut.clear();
        let patience = secs(4) + millis(self.rng.below(4000));
        self.plan_in(patience, Step::Service(Task::Reunite));
    }

    /// Who holds a job's record now.
    pub(crate) fn holders(&self, job: JobId) -> usize {
        let live = |holder: &usize| self.hosts[*holder].alive;
        self.services.records.keys().filter(|(holder, id)| *id == job && live(holder)).count()
    }

    /// Records and blobs move to whoever is closest now; roots are told.
    fn reroot(&mut self) {
        let jobs: BTreeSet<JobId> = self.services.records.keys().map(|(_, job)| *job).collect();
        for job in jobs {
            for side in [0, 1] {
                let on_side = |node: &usize| self.services.side(*node) == Some(side);
                let Some(any) = (0..self.hosts.len()).find(on_side) else { continue };
                let closest = self.closest(any, job);
                let held: Vec<(usize, Vec<u8>)> = closest
                    .iter()
                    .filter(|node| self.hosts[**node].alive && !self.hosts[**node].is_frozen)
                    .filter_map(|node| Some((*node, self.services.records.get(&(*node, job))?)))
                    .map(|(node, (record, _))| (node, record.clone()))
                    .collect();
                for node in closest.iter().take(REPLICAS) {
                    for (holder, record) in &held {
                        if !self.cut.contains(&(*holder, *node)) {
                            self.merge(*node, job, record);
                        }
                    }
                }
                for node in closest.iter().skip(REPLICAS) {
                    if let Some((record, true)) = self.services.records.remove(&(*node, job)) {
                        let record = Bytes::from(record);
                        self.input(*node, Input::Record { job, record, is_root: false });
                    }
                }
            }
        }
        let ring: Vec<usize> = self.services.ring.keys().copied().collect();
        let digests: Vec<Digest> = self.services.blobs.keys().copied().collect();
        for digest in digests {
            let holders = &self.services.blobs[&digest].1;
            if ring.iter().any(|node| holders.contains(node) && self.hosts[*node].alive) {
                let holders = self.blob_holders(ring[0], digest);
                self.services.blobs.get_mut(&digest).unwrap().1.extend(holders);
            }
        }
    }

    fn blob_holders(&self, node: usize, digest: Digest) -> Vec<usize> {
        let mut holders = self.closest(node, Key::hash_of(&[&digest.0]));
        holders.truncate(REPLICAS);
        holders
    }

    /// As the store's holder: merges, and tells the grid of what changed.
    fn merge(&mut self, node: usize, job: JobId, news: &[u8]) {
        let held = self.services.records.get(&(node, job));
        let held_bytes = held.map(|(record, _)| record.as_slice());
        let network = self.introducer.public().into();
        let Ok((record, changed)) = wire::grid::merged(job, held_bytes, news, &network) else {
            return;
        };
        let is_root = self.is_root(node, job);
        let was_root = held.is_some_and(|(_, root)| *root);
        if !changed && held.is_some() && was_root == is_root {
            return;
        }
        self.services.records.insert((node, job), (record.clone(), is_root));
        self.input(node, Input::Record { job, record: Bytes::from(record), is_root });
    }

    /// Merges into the record at every holder, as a stranger may.
    pub(crate) fn inject_delta(&mut self, from: usize, job: JobId, delta: &[u8]) {
        for node in self.closest(from, job).into_iter().take(REPLICAS) {
            self.merge(node, job, delta);
        }
    }

    /// What a node asks of groups and store.
    pub(crate) fn serve(&mut self, node: usize, output: Output) {
        let is_lost = self.rng.chance(self.loss);
        let delay = self.delay();
        match output {
            Output::Follow { group } => {
                assert!(self.services.followers.entry(group).or_default().insert(node));
            }
            Output::Unfollow { group } => {
                assert!(self.services.followers.entry(group).or_default().remove(&node));
            }
            Output::Publish { group, message } => self.publish(node, group, &message),
            Output::Anycast { group, wanted, message } => {
                self.note(&message);
                self.walk(node, group, wanted, message, delay);
            }
            Output::Answer { walk, accepted } => self.answered(walk, accepted),
            Output::Route { key, message } if !is_lost => {
                self.note(&message);
                self.plan_in(delay * 2, Step::Service(Task::Route { from: node, key, message }));
            }
            Output::Record { job, delta } => {
                assert!(delta.len() <= 48 * 1024);
                self.services.delta_bytes += delta.len() as u64;
                if is_lost {
                    return;
                }
                let holders = self.closest(node, job).into_iter().take(REPLICAS);
                let there: Vec<usize> =
                    holders.filter(|to| *to == node || self.reaches(node, *to)).collect();
                if self.services.records.is_empty() {
                    self.plan_in(secs(10), Step::Service(Task::Compare));
                }
                for to in there {
                    let delta = delta.clone();
                    let later = self.delay();
                    self.plan_in(later, Step::Service(Task::Merge { to, job, delta }));
                }
            }
            Output::Recall { job } if !is_lost => {
                self.plan_in(delay * 3, Step::Service(Task::Recall { to: node, job }));
            }
            Output::Keep { payload } if !is_lost => {
                self.plan_in(delay * 3, Step::Service(Task::Keep { from: node, payload }));
            }
            Output::Load { digest } if !is_lost => {
                self.plan_in(delay * 3, Step::Service(Task::Load { to: node, digest }));
            }
            Output::SignCancel { job, bytes } => {
                self.plan_in(millis(5), Step::Service(Task::Sign { node, job, bytes }));
            }
            _ => {}
        }
    }

    /// Whether the store has this payload.
    pub(crate) fn is_stored(&self, payload: &Bytes) -> bool {
        self.services.blobs.contains_key(&Digest::of(&[payload]))
    }

    /// Whoever held this payload is gone.
    pub(crate) fn lose(&mut self, payload: &Bytes) {
        self.services.blobs.remove(&Digest::of(&[payload]));
    }

    fn publish(&mut self, node: usize, group: Key, message: &Message) {
        assert!(self.services.followers[&group].contains(&node), "published from outside");
        let followers = self.services.followers[&group].clone();
        for to in followers.into_iter().filter(|to| *to != node) {
            let bytes = self.note(message);
            if self.rng.chance(self.loss) || !self.reaches(node, to) {
                continue;
            }
            let origin = self.hosts[node].id;
            let task = Task::Publish { to, group, origin, message: message.clone() };
            let at = self.delay() * 2 + Duration::from_micros(bytes);
            self.plan_in(at, Step::Service(task));
        }
    }

    fn walk(&mut self, node: usize, group: Key, wanted: u16, message: Message, delay: Duration) {
        let followers = self.services.followers.get(&group).cloned().unwrap_or_default();
        let mut to_visit: Vec<usize> = followers.into_iter().filter(|to| *to != node).collect();
        self.rng.shuffle(&mut to_visit);
        self.services.walked += 1;
        let walk = self.services.walked;
        let begun = Walk { origin: node, group, wanted, to_visit, message };
        self.services.walks.insert(walk, begun);
        self.plan_in(delay, Step::Service(Task::Walk { walk }));
    }

    fn answered(&mut self, walk: u64, accepted: bool) {
        let delay = self.delay();
        let Some(under_way) = self.services.walks.get_mut(&walk) else { return };
        under_way.wanted -= u16::from(accepted);
        if under_way.wanted == 0 || self.rng.chance(self.loss) {
            self.services.walks.remove(&walk);
        } else {
            self.plan_in(delay, Step::Service(Task::Walk { walk }));
        }
    }

    fn step_walk(&mut self, walk: u64) {
        let Some(mut under_way) = self.services.walks.remove(&walk) else { return };
        while let Some(to) = under_way.to_visit.pop() {
            let is_there = self.services.followers[&under_way.group].contains(&to)
                && self.reaches(under_way.origin, to)
                && self.hosts[to].alive
                && !self.hosts[to].is_frozen;
            if is_there {
                self.services.offers += 1;
                let message = under_way.message.clone();
                self.services.walks.insert(walk, under_way);
                return self.input(to, Input::Offered { walk, message });
            }
        }
    }

    pub(crate) fn run(&mut self, task: Task) {
        match task {
            Task::Publish { to, group, origin, message } => {
                self.input(to, Input::Published { group, origin, message });
            }
            Task::Walk { walk } => self.step_walk(walk),
            Task::Route { from, key, message } => {
                let Some(root) = self.closest(from, key).first().copied() else { return };
                if root == from || self.reaches(from, root) {
                    let from = self.hosts[from].id;
                    self.input(root, Input::Delivered { key, from, message });
                }
            }
            Task::Merge { to, job, delta } => {
                self.merge(to, job, &delta);
                let count = u16::try_from(self.holders(job)).unwrap();
                let wanted = u16::try_from(self.services.ring.len().min(REPLICAS)).unwrap();
                if let Some(root) = self.closest(to, job).first().copied() {
                    self.input(root, Input::Copies { job, count, wanted });
                }
            }
            Task::Recall { to, job } => {
                let closest = self.closest(to, job);
                let there = closest.iter().filter(|n| **n == to || self.reaches(**n, to));
                let held = there.filter_map(|n| self.services.records.get(&(*n, job))).next();
                if let Some((record, _)) = held {
                    let record = Bytes::from(record.clone());
                    let is_root = closest.first() == Some(&to);
                    self.input(to, Input::Record { job, record, is_root });
                } else if !closest.is_empty() {
                    self.input(to, Input::NoRecord { job });
                }
            }
            Task::Keep { from, .. } if !self.hosts[from].alive => {}
            Task::Keep { from, payload } if self.services.is_full => {
                let digest = Digest::of(&[&payload]);
                self.input(from, Input::NotKept { digest });
            }
            Task::Keep { from, payload } => {
                let digest = Digest::of(&[&payload]);
                let holders = self.blob_holders(from, digest);
                if holders.is_empty() {
                    // As the store does for a node that is out of the ring.
                    return self.plan_in(secs(1), Step::Service(Task::Keep { from, payload }));
                }
                let count = u16::try_from(holders.len()).unwrap();
                let blob = self.services.blobs.entry(digest).or_insert((payload, BTreeSet::new()));
                blob.1.extend(holders);
                self.input(from, Input::Kept { digest, count });
            }
            Task::Load { to, digest } => {
                let blob = self.services.blobs.get(&digest);
                let is_there =
                    |holder: &usize| self.hosts[*holder].alive && self.reaches(*holder, to);
                let blob = blob.filter(|(_, holders)| holders.iter().any(is_there));
                let payload = blob.map(|(payload, _)| payload.clone());
                self.services.loads += u64::from(payload.is_some());
                self.input(to, Input::Loaded { digest, payload });
            }
            Task::Sign { node, job, bytes } => {
                assert_eq!(bytes, cancel_bytes(job));
                let signature = self.hosts[node].secret.sign(&bytes);
                self.input(node, Input::CancelSigned { job, signature });
            }
            Task::Notice { node } => {
                if self.hosts[node].alive && !self.hosts[node].is_frozen {
                    return;
                }
                self.announce_gone(node);
                self.ring_changes(node, false);
            }
            Task::Rejoin { node } => self.input(node, Input::Ready(true)),
            Task::Compare => {
                self.reroot();
                self.plan_in(secs(10), Step::Service(Task::Compare));
            }
            Task::Reunite => {
                self.services.ring.values_mut().for_each(|side| *side = 0);
                self.reroot();
            }
        }
    }
}
