//! Fetching: from the disk, from whoever offered, from the root; a few at a time.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use base::{Digest, Duration, NodeId, SortedMap, SortedSet, Time};
use bytes::Bytes;
use wire::overlay::Target;
use wire::store::{COPIES, Message, Name};

use crate::record::Parts;
use crate::{Event, Merge, Output, Store};

/// Fetches under way and waiting. Beyond it an offer is left for its next repetition, and a
/// [`crate::Input::Get`] is answered with [`Event::Missing`].
const FETCHES_MAX: usize = 1024;
/// Of those, how many run at once.
const RUNNING_MAX: usize = 8;
/// Holders known for one value. Those who offer it beyond that are not needed.
const SOURCES_MAX: usize = 8;
/// Holders, and times the root, asked for one value before it is given up.
const TRIES_MAX: u32 = 10;
/// Watchers of a value that is on its way; see the shelf's.
const WATCHERS_MAX: usize = 4;
/// A driver's disk answers sooner, or is passed over.
const DISK_TIME: Duration = Duration::from_secs(2);
/// The slowest link that a value is waited for on: 64 KiB in a second.
const BYTES_PER_MILLISECOND: u64 = 64;

/// What is fetched for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Who has it.
    pub(crate) source: Option<NodeId>,
    /// To be held, until when, and who brought it.
    pub(crate) keep: Option<(Time, NodeId)>,
    /// The upper layer waits for it.
    pub(crate) get: bool,
    /// How long it is said to be; 0 if that is not known.
    pub(crate) bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Waits for its turn.
    Queued,
    /// The driver looks on its disk.
    Disk,
    /// This peer was asked.
    Peer(NodeId),
    /// The root was asked, or any holder.
    Routed,
}

/// One value that is fetched.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    wanted: Wanted,
    /// Who has it and was not asked since.
    sources: VecDeque<NodeId>,
    /// Who does not have it.
    without: SortedSet<NodeId>,
    stage: Stage,
    until: Time,
    tries: u32,
    watchers: Vec<NodeId>,
    /// Of a record.
    pub(crate) parts: Parts,
}

impl Fetch {
    /// Whether `from` may answer: it was asked, or whoever a route led to was.
    pub(crate) fn expects(&self, from: NodeId) -> bool {
        self.stage == Stage::Peer(from) || self.stage == Stage::Routed
    }

    /// Only this peer may go on.
    pub(crate) fn settle_on(&mut self, from: NodeId, until: Time) {
        self.stage = Stage::Peer(from);
        self.until = until;
    }

    /// Something useful arrived.
    pub(crate) fn got_on(&mut self) {
        self.tries = 1;
    }

    fn add_source(&mut self, source: NodeId) {
        let is_known = self.sources.contains(&source) || self.without.contains(&source);
        if !is_known && self.stage != Stage::Peer(source) && self.sources.len() < SOURCES_MAX {
            self.sources.push_back(source);
        }
    }
}

/// All that is fetched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fetches {
    fetches: SortedMap<Name, Fetch>,
    /// Those that wait for their turn, in order.
    queue: VecDeque<Name>,
}

impl Fetches {
    pub(crate) fn get_mut(&mut self, name: &Name) -> Option<&mut Fetch> {
        self.fetches.get_mut(name)
    }

    /// It is fetched to be held already.
    pub(crate) fn is_kept(&self, name: &Name) -> bool {
        self.fetches.get(name).is_some_and(|fetch| fetch.wanted.keep.is_some())
    }

    /// Bytes that were promised room.
    pub(crate) fn coming_bytes(&self) -> u64 {
        let kept = self.fetches.values().filter(|fetch| fetch.wanted.keep.is_some());
        kept.map(|fetch| fetch.wanted.bytes).sum()
    }

    pub(crate) fn coming_from(&self, peer: NodeId) -> u64 {
        let kept = self.fetches.values().map(|fetch| &fetch.wanted);
        let is_its = |wanted: &&Wanted| wanted.keep.is_some_and(|(_, by)| by == peer);
        kept.filter(is_its).map(|wanted| wanted.bytes).sum()
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        let running = self.fetches.values().filter(|fetch| fetch.stage != Stage::Queued);
        running.map(|fetch| fetch.until).min()
    }

    /// `peer` put the value and wants to hear of its copies.
    pub(crate) fn watch(&mut self, name: &Name, peer: NodeId) {
        if let Some(fetch) = self.fetches.get_mut(name)
            && !fetch.watchers.contains(&peer)
            && fetch.watchers.len() < WATCHERS_MAX
        {
            fetch.watchers.push(peer);
        }
    }

    /// `peer` is gone: who waits for it need not.
    pub(crate) fn forget(&mut self, peer: NodeId, now: Time) {
        for fetch in self.fetches.values_mut() {
            fetch.sources.retain(|source| *source != peer);
            if fetch.stage == Stage::Peer(peer) {
                fetch.until = now;
            }
        }
    }
}

impl<M: Merge> Store<M> {
    pub(crate) fn on_get(&mut self, name: Name) {
        match self.value(&name).cloned() {
            Some(value) => self.found(&name, value),
            None => self.fetch(name, Wanted { source: None, keep: None, get: true, bytes: 0 }),
        }
    }

    fn found(&mut self, name: &Name, value: Bytes) {
        self.event(match *name {
            Name::Blob(digest) => Event::Found { digest, blob: value },
            Name::Record(key) => Event::FoundRecord { key, record: value },
        });
    }

    /// Wants a value; what is wanted already is wanted for one reason more.
    pub(crate) fn fetch(&mut self, name: Name, wanted: Wanted) {
        if let Some(fetch) = self.fetches.fetches.get_mut(&name) {
            fetch.wanted.keep = fetch.wanted.keep.max(wanted.keep);
            fetch.wanted.get |= wanted.get;
            fetch.wanted.bytes = fetch.wanted.bytes.max(wanted.bytes);
            if let Some(source) = wanted.source {
                fetch.add_source(source);
            }
        } else if self.fetches.fetches.len() < FETCHES_MAX {
            let fetch = Fetch {
                wanted,
                sources: wanted.source.into_iter().collect(),
                without: SortedSet::new(),
                stage: Stage::Queued,
                until: Time::FAR_FUTURE,
                tries: 0,
                watchers: Vec::new(),
                parts: Parts::default(),
            };
            self.fetches.fetches.insert(name, fetch);
            self.fetches.queue.push_back(name);
        } else if wanted.get {
            self.event(Event::Missing { name, denied: false });
        }
    }

    /// Starts as many as may run. The disk is asked first: what an earlier life of this node kept
    /// need not be sent.
    pub(crate) fn start_fetches(&mut self) {
        while self.fetches.fetches.len() - self.fetches.queue.len() < RUNNING_MAX {
            let Some(name) = self.fetches.queue.pop_front() else { return };
            let is_held = self.shelf.has(&name);
            let Some(fetch) = self.fetches.fetches.get_mut(&name) else { continue };
            fetch.stage = Stage::Disk;
            fetch.until = self.now + DISK_TIME;
            if is_held {
                self.ask_next(&name);
            } else {
                self.outputs.push_back(Output::Load(name));
            }
        }
    }

    pub(crate) fn on_loaded(&mut self, name: Name, value: Option<Bytes>) {
        let is_asked = |fetch: &Fetch| fetch.stage == Stage::Disk;
        if !self.fetches.fetches.get(&name).is_some_and(is_asked) {
            return;
        }
        match (name, value) {
            (Name::Blob(digest), Some(blob)) if Self::is_blob(&digest, &blob) => {
                self.counters.spared += 1;
                self.arrived(&name, blob);
            }
            // What others added to a record meanwhile is fetched on top.
            (Name::Record(key), Some(record)) => {
                self.start_from(key, &record);
                self.ask_next(&name);
            }
            _ => self.ask_next(&name),
        }
    }

    /// Asks the next who may have it; gives up after enough of them.
    pub(crate) fn ask_next(&mut self, name: &Name) {
        let (now, key, ready) = (self.now, name.key(), self.ready);
        let is_root = self.place.is_root(key);
        let others = self.place.standing(key, |_| false).members;
        let is_holder = others.contains(&self.me);
        let Some(fetch) = self.fetches.fetches.get_mut(name) else { return };
        if fetch.sources.is_empty() && is_root {
            // Nobody knows better than this node who should have it.
            for id in others.into_iter().filter(|id| *id != self.me) {
                fetch.add_source(id);
            }
        }
        fetch.tries += 1;
        let patience = self.config.retry * 2;
        let transfer = Duration::from_millis(fetch.wanted.bytes / BYTES_PER_MILLISECOND);
        let source = fetch.sources.pop_front();
        if fetch.tries > TRIES_MAX || (source.is_none() && is_root) {
            return self.give_up(name);
        }
        fetch.until = now + patience + transfer;
        match source {
            Some(peer) => {
                fetch.stage = Stage::Peer(peer);
                self.send(peer, Message::Fetch(*name));
            }
            None => {
                fetch.stage = Stage::Routed;
                // A blob is the same at all its holders, so one near by is asked; who lacks it names the
                // others. Of a record the root knows the latest.
                let copies = u8::try_from(COPIES).unwrap_or(u8::MAX);
                let is_first = fetch.tries == 1 && !is_holder;
                let target = match name {
                    Name::Blob(_) if is_first => Target::Replica(copies),
                    Name::Blob(_) | Name::Record(_) => Target::Root,
                };
                if ready {
                    self.route(key, target, Message::Fetch(*name));
                }
            }
        }
    }

    fn give_up(&mut self, name: &Name) {
        let Some(fetch) = self.fetches.fetches.get(name) else { return };
        if let Some(record) = fetch.parts.base.clone() {
            // What the disk had is better than nothing.
            return self.arrived(name, record);
        }
        let (is_waited_for, denied) = (fetch.wanted.get, !fetch.without.is_empty());
        self.fetches.fetches.remove(name);
        if is_waited_for {
            self.event(Event::Missing { name: *name, denied });
        }
        // Who offered it offers it again.
    }

    pub(crate) fn repeat_fetches(&mut self) {
        let now = self.now;
        let late = self.fetches.fetches.iter();
        let late = late.filter(|(_, fetch)| fetch.stage != Stage::Queued && fetch.until <= now);
        for name in late.map(|(name, _)| *name).collect::<Vec<_>>() {
            if let Some(fetch) = self.fetches.fetches.get_mut(&name)
                && let Stage::Peer(slow) = fetch.stage
            {
                // Lost, perhaps: it is asked again after the others.
                fetch.stage = Stage::Queued;
                fetch.add_source(slow);
            }
            self.ask_next(&name);
        }
    }

    pub(crate) fn on_absent(&mut self, from: NodeId, name: Name, holders: &[NodeId]) {
        let me = self.me;
        let Some(fetch) = self.fetches.fetches.get_mut(&name).filter(|fetch| fetch.expects(from))
        else {
            self.counters.ignored += 1;
            return;
        };
        fetch.without.insert(from);
        for holder in holders.iter().filter(|id| **id != me) {
            fetch.add_source(*holder);
        }
        self.ask_next(&name);
    }

    pub(crate) fn on_blob(&mut self, from: NodeId, digest: Digest, blob: Bytes) {
        let name = Name::Blob(digest);
        if !self.fetches.fetches.contains_key(&name) {
            self.counters.redundant_bytes += blob.len() as u64;
            self.counters.ignored += 1;
            return;
        }
        if Self::is_blob(&digest, &blob) {
            self.counters.fetched_bytes += blob.len() as u64;
            return self.arrived(&name, blob);
        }
        self.misbehaved(from, "sent a blob that is not what its name says");
        self.is_no_source(&name, from);
    }

    /// `from` answered with what cannot be used.
    pub(crate) fn is_no_source(&mut self, name: &Name, from: NodeId) {
        let Some(fetch) = self.fetches.fetches.get_mut(name) else { return };
        fetch.sources.retain(|source| *source != from);
        fetch.without.insert(from);
        fetch.parts = Parts::default();
        if fetch.expects(from) {
            self.ask_next(name);
        }
    }

    /// A value is here: to whoever waits for it.
    pub(crate) fn arrived(&mut self, name: &Name, value: Bytes) {
        let Some(fetch) = self.fetches.fetches.remove(name) else { return };
        self.fetches.queue.retain(|queued| queued != name);
        if fetch.wanted.get {
            self.found(name, value.clone());
        }
        let Some((expires, from)) = fetch.wanted.keep else {
            if let Name::Blob(digest) = *name {
                self.cache.add(digest, value);
            }
            return;
        };
        if self.shelf.has(name) {
            self.change_record(name, value);
        } else if self.has_room(from, value.len() as u64) {
            self.hold_blob(*name, value, expires, from);
        } else {
            return self.mail.refuse(from, *name, wire::store::RefuseReason::Full);
        }
        for watcher in fetch.watchers {
            if let Some(held) = self.shelf.get_mut(name) {
                held.watch(watcher);
            }
            self.acknowledge(watcher, name);
        }
        // Everyone who offered it waits for the word.
        let asked = match fetch.stage {
            Stage::Peer(peer) => Some(peer),
            Stage::Queued | Stage::Disk | Stage::Routed => None,
        };
        for peer in fetch.sources.into_iter().chain(asked).chain([from]) {
            if peer != self.me {
                self.acknowledge(peer, name);
            }
        }
    }
}
