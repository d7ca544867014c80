//! What this node holds, and when each value is due to be looked after. Knows no message.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use base::{Digest, NodeId, SortedMap, Time};
use bytes::Bytes;
use wire::store::{Name, Version};

use crate::place::Standing;

/// Putters that are told how many copies there are. Those who come later ask again by themselves.
const WATCHERS_MAX: usize = 4;
/// Values held at once, however small. Beyond it they are refused like those without room.
const VALUES_MAX: usize = 65_536;

/// What another holder said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copy {
    pub(crate) at: Time,
    /// When it last acknowledged this very version, and so promised to keep it.
    pub(crate) promised_at: Option<Time>,
    pub(crate) version: Version,
}

/// One value that is held here.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    pub(crate) expires: Time,
    pub(crate) standing: Standing,
    /// Neighbours that acknowledged; at most as many as there are neighbours.
    pub(crate) copies: SortedMap<NodeId, Copy>,
    /// Neighbours that refused, until when they are not asked.
    pub(crate) refused: SortedMap<NodeId, Time>,
    /// When this node last looked after it.
    pub(crate) asked_at: Option<Time>,
    /// Times that others were asked in this round without all answering.
    pub(crate) asks: u32,
    /// Others were told that it is held here, and drop theirs trusting in that until then.
    pub(crate) promised_until: Time,
    /// A record was last compared with another holder's.
    pub(crate) compared_at: Option<Time>,
    /// Who put it and waits for copies. At most [`WATCHERS_MAX`].
    pub(crate) watchers: Vec<NodeId>,
    /// Copies last told, and whether they were all.
    pub(crate) reported: (u8, bool),
    pub(crate) is_root: bool,
    check_at: Time,
    brought_by: NodeId,
    /// The digest of a record, once it was needed after its last change.
    version: Option<Version>,
    /// Its pieces with their digests, likewise.
    pieces: Option<Vec<(Digest, Bytes)>>,
}

impl Held {
    pub(crate) fn new(bytes: Bytes, expires: Time, standing: Standing, brought_by: NodeId) -> Self {
        Held {
            bytes,
            expires,
            standing,
            copies: SortedMap::new(),
            refused: SortedMap::new(),
            asked_at: None,
            asks: 0,
            promised_until: Time::ZERO,
            compared_at: None,
            watchers: Vec::new(),
            reported: (0, false),
            is_root: false,
            check_at: Time::FAR_FUTURE,
            brought_by,
            version: None,
            pieces: None,
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// What it is now. A record is hashed once after each change.
    pub(crate) fn version(&mut self, name: &Name) -> Version {
        match name {
            Name::Blob(digest) => Version::Blob(*digest),
            Name::Record(key) => {
                let bytes = &self.bytes;
                *self.version.get_or_insert_with(|| Version::Record(*key, Digest::of(&[bytes])))
            }
        }
    }

    /// The pieces of a record, cut once after each change.
    pub(crate) fn pieces(&mut self, cut: impl Fn(&[u8]) -> Vec<Bytes>) -> &[(Digest, Bytes)] {
        let bytes = &self.bytes;
        self.pieces.get_or_insert_with(|| {
            cut(bytes).into_iter().map(|piece| (Digest::of(&[&piece]), piece)).collect()
        })
    }

    /// The pieces cost as much memory as the record.
    pub(crate) fn forget_pieces(&mut self) {
        self.pieces = None;
    }

    pub(crate) fn watch(&mut self, peer: NodeId) {
        if !self.watchers.contains(&peer) && self.watchers.len() < WATCHERS_MAX {
            self.watchers.push(peer);
        }
    }
}

/// All that is held here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    held: BTreeMap<Name, Held>,
    due: BTreeSet<(Time, Name)>,
    bytes: u64,
    /// Bytes brought by each peer.
    brought: SortedMap<NodeId, u64>,
}

impl Shelf {
    pub(crate) fn get(&self, name: &Name) -> Option<&Held> {
        self.held.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &Name) -> Option<&mut Held> {
        self.held.get_mut(name)
    }

    pub(crate) fn has(&self, name: &Name) -> bool {
        self.held.contains_key(name)
    }

    pub(crate) fn names(&self) -> Vec<Name> {
        self.held.keys().copied().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn brought_by(&self, peer: NodeId) -> u64 {
        self.brought.get(&peer).copied().unwrap_or(0)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.held.len() >= VALUES_MAX
    }

    pub(crate) fn insert(&mut self, name: Name, held: Held) {
        self.remove(&name);
        self.bytes += held.size();
        *self.brought.entry(held.brought_by).or_default() += held.size();
        self.due.insert((held.check_at, name));
        self.held.insert(name, held);
    }

    pub(crate) fn remove(&mut self, name: &Name) -> Option<Held> {
        let held = self.held.remove(name)?;
        self.due.remove(&(held.check_at, *name));
        self.bytes -= held.size();
        self.brought_less(held.brought_by, held.size());
        Some(held)
    }

    fn brought_less(&mut self, peer: NodeId, bytes: u64) {
        if let Some(brought) = self.brought.get_mut(&peer) {
            *brought -= bytes;
            if *brought == 0 {
                self.brought.remove(&peer);
            }
        }
    }

    /// A record became longer: lattices do not shrink, but nothing here depends on that.
    pub(crate) fn replace(&mut self, name: &Name, bytes: Bytes) {
        let Some(held) = self.held.get_mut(name) else { return };
        let (old, new, by) = (held.size(), bytes.len() as u64, held.brought_by);
        held.bytes = bytes;
        held.version = None;
        held.pieces = None;
        self.bytes = self.bytes - old + new;
        *self.brought.entry(by).or_default() += new;
        self.brought_less(by, old);
    }

    /// Look after it at `at`, or when its life ends.
    pub(crate) fn check_at(&mut self, name: &Name, at: Time) {
        let Some(held) = self.held.get_mut(name) else { return };
        self.due.remove(&(held.check_at, *name));
        held.check_at = at.min(held.expires);
        self.due.insert((held.check_at, *name));
    }

    /// Look after it at `at` at the latest.
    pub(crate) fn check_by(&mut self, name: &Name, at: Time) {
        if self.held.get(name).is_some_and(|held| held.check_at > at) {
            self.check_at(name, at);
        }
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Values to be looked after by `until`.
    pub(crate) fn due_by(&self, until: Time) -> Vec<Name> {
        self.due.iter().take_while(|(at, _)| *at <= until).map(|(_, name)| *name).collect()
    }
}
