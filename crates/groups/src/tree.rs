//! One group as this node knows it: its place in the tree, its neighbours there, what it has seen.
//!
//! State and questions about it; the conversations that change it are elsewhere.

use alloc::vec::Vec;

use base::{Duration, NodeId, Rng, SortedMap, Time};
use wire::groups::{CastId, Group, Head, Heads, PATH_MAX, Path, Stream, WINDOW};

use crate::gap::Gap;
use crate::stream::Track;
use crate::{Place, SILENCE_BEATS};

/// Streams of which a node knows in one group. Beyond it the one heard longest ago is forgotten:
/// an old multicast of it that still arrives would be delivered again.
pub(crate) const STREAMS_MAX: usize = 256;
/// Nodes that wait for this node to find its own place before it can be theirs. Beyond it the one
/// that waits longest is forgotten, and asks again.
const WAITING_MAX: usize = 64;
/// Heartbeats for which a signs of life names a stream that falls silent.
const HEADS_BEATS: u32 = 8;

/// The way to the root.
#[derive(Clone, Debug)]
pub(crate) enum Up {
    /// None; the overlay is asked again then.
    Lost { ask_at: Time },
    /// This node was asked to be the parent.
    Joining { to: NodeId, since: Time, steps: u8 },
    /// Below a parent.
    Below(Parent),
    /// This node is the root.
    Root,
}

/// A node's parent.
#[derive(Clone, Debug)]
pub(crate) struct Parent {
    pub(crate) id: NodeId,
    /// From the root to the parent, as last heard; never empty.
    pub(crate) path: Path,
    /// Last sign of life.
    pub(crate) heard: Time,
    /// When the parent last had a way to the root.
    pub(crate) rooted: Time,
    /// It has one, as it last said.
    pub(crate) is_rooted: bool,
}

/// A child.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Child {
    /// Last sign of life.
    pub(crate) heard: Time,
    /// A multicast was sent to it since the last heartbeat: sign of life enough.
    pub(crate) was_sent: bool,
    /// It was sent nothing else at the last heartbeat.
    pub(crate) was_passed_over: bool,
}

/// A group.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) is_member: bool,
    /// It never had a place: what was said before is not for this node.
    pub(crate) is_fresh: bool,
    pub(crate) up: Up,
    /// The overlay's way when a place was last asked for.
    pub(crate) hop: Option<NodeId>,
    /// At most [`Config::children_max`](crate::Config::children_max).
    pub(crate) children: SortedMap<NodeId, Child>,
    /// With the time of asking, the one that waits longest first; at most [`WAITING_MAX`].
    pub(crate) waiting: Vec<(NodeId, Time)>,
    /// At most [`STREAMS_MAX`].
    streams: SortedMap<Stream, Track>,
    /// At most [`GAPS_MAX`](crate::gap::GAPS_MAX).
    pub(crate) gaps: SortedMap<CastId, Gap>,
    /// This node's stream, and how far it is.
    own: Option<(u64, u64)>,
}

impl Tree {
    pub(crate) fn new(now: Time) -> Self {
        Tree {
            is_member: false,
            is_fresh: true,
            up: Up::Lost { ask_at: now },
            hop: None,
            children: SortedMap::new(),
            waiting: Vec::new(),
            streams: SortedMap::new(),
            gaps: SortedMap::new(),
            own: None,
        }
    }

    /// Nobody needs this node here.
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_member && self.children.is_empty() && self.waiting.is_empty()
    }

    pub(crate) fn parent(&self) -> Option<NodeId> {
        match &self.up {
            Up::Below(parent) => Some(parent.id),
            _ => None,
        }
    }

    /// Who was asked to be the parent.
    pub(crate) fn joining(&self) -> Option<NodeId> {
        match self.up {
            Up::Joining { to, .. } => Some(to),
            _ => None,
        }
    }

    /// Parent, or asked to be.
    pub(crate) fn is_above(&self, peer: NodeId) -> bool {
        self.parent() == Some(peer) || self.joining() == Some(peer)
    }

    /// Without a way up, for now.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.up, Up::Lost { .. })
    }

    /// Whether there is an edge to `peer`, as far as this node knows.
    pub(crate) fn has_edge(&self, peer: NodeId) -> bool {
        self.is_above(peer) || self.children.contains_key(&peer)
    }

    /// Both ends of each edge: the parent first.
    pub(crate) fn neighbours(&self) -> impl Iterator<Item = NodeId> {
        self.parent().into_iter().chain(self.children.keys().copied())
    }

    /// From the root to `me`; empty without a way to the root.
    pub(crate) fn path(&self, me: NodeId) -> Path {
        match &self.up {
            Up::Root => Path::truncating([me]),
            Up::Below(parent) if parent.is_rooted => {
                Path::truncating(parent.path.iter().copied().chain([me]))
            }
            _ => Path::new(),
        }
    }

    pub(crate) fn is_rooted(&self) -> bool {
        match &self.up {
            Up::Root => true,
            Up::Below(parent) => parent.is_rooted,
            Up::Lost { .. } | Up::Joining { .. } => false,
        }
    }

    /// Whether `peer` stands between this node and the root, as far as this node knows.
    pub(crate) fn is_below(&self, peer: NodeId) -> bool {
        matches!(&self.up, Up::Below(parent) if parent.path.contains(&peer))
    }

    /// Whether its children would stand too deep.
    pub(crate) fn is_deep(&self) -> bool {
        matches!(&self.up, Up::Below(parent) if parent.path.len() + 1 >= PATH_MAX)
    }

    pub(crate) fn wait(&mut self, peer: NodeId, now: Time) {
        self.waiting.retain(|(other, _)| *other != peer);
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.remove(0);
        }
        self.waiting.push((peer, now));
    }

    pub(crate) fn note_heard(&mut self, peer: NodeId, now: Time) {
        if let Up::Below(parent) = &mut self.up
            && parent.id == peer
        {
            parent.heard = now;
        }
        if let Some(child) = self.children.get_mut(&peer) {
            child.heard = now;
        }
    }

    /// This node stood still, or so it seems: nobody else is to blame for the silence.
    pub(crate) fn forgive_silence(&mut self, now: Time) {
        if let Up::Below(parent) = &mut self.up {
            parent.heard = now;
            parent.rooted = now;
        }
        for child in self.children.values_mut() {
            child.heard = now;
        }
    }

    /// The parent was silent, or without a root, for too long.
    pub(crate) fn is_abandoned(&self, now: Time, beat: Duration) -> bool {
        let Up::Below(parent) = &self.up else { return false };
        now.since(parent.heard.min(parent.rooted)) > beat * SILENCE_BEATS
    }

    /// The parent gave no sign of life for too long.
    pub(crate) fn is_parent_silent(&self, now: Time, beat: Duration) -> bool {
        matches!(&self.up, Up::Below(parent) if now.since(parent.heard) > beat * SILENCE_BEATS)
    }

    pub(crate) fn track(&self, stream: Stream) -> Option<&Track> {
        self.streams.get(&stream)
    }

    /// What was seen of a stream that has come as far as `number`; made if it is unknown. A node
    /// that had its place before the stream began lacks all of it, one that came later nothing.
    pub(crate) fn track_mut(&mut self, stream: Stream, number: u64, now: Time) -> &mut Track {
        if !self.streams.contains_key(&stream) && self.streams.len() >= STREAMS_MAX {
            self.forget_stream();
        }
        let floor = if self.is_fresh || number > WINDOW { number.saturating_sub(1) } else { 0 };
        self.streams.entry(stream).or_insert_with(|| Track::new(floor, now))
    }

    fn forget_stream(&mut self) {
        let oldest = self.streams.iter().min_by_key(|(_, track)| track.heard);
        let Some(stream) = oldest.map(|(stream, _)| *stream) else { return };
        self.streams.remove(&stream);
        self.gaps.retain(|cast, _| cast.stream != stream);
    }

    /// Everything up to `number` is of before this node's time.
    pub(crate) fn skip(&mut self, stream: Stream, number: u64, now: Time) {
        if !self.streams.contains_key(&stream) {
            self.track_mut(stream, number, now);
            self.streams.insert(stream, Track::new(number, now));
        }
    }

    /// What this node has, the streams heard last first; all of it, or what was sent lately.
    pub(crate) fn heads(&self, lately: Option<(Time, Duration)>) -> Heads {
        let is_meant = |track: &Track| {
            lately.is_none_or(|(now, beat)| now.since(track.heard) <= beat * HEADS_BEATS)
        };
        let heads =
            self.streams.iter().filter(|(_, track)| is_meant(track)).map(|(stream, track)| {
                (track.heard, Head { stream: *stream, newest: track.newest() })
            });
        Heads::truncating(base::in_order(heads).into_iter().rev().map(|(_, head)| head))
    }

    /// The name of this node's next multicast.
    pub(crate) fn next_cast(&mut self, me: NodeId, rng: &mut Rng) -> CastId {
        let (nonce, number) = self.own.get_or_insert_with(|| (rng.next_u64(), 0));
        *number += 1;
        CastId { stream: Stream { origin: me, nonce: *nonce }, number: *number }
    }

    pub(crate) fn place(&self) -> Place {
        let depth = match &self.up {
            Up::Root => Some(0),
            Up::Below(parent) if parent.is_rooted => u16::try_from(parent.path.len()).ok(),
            _ => None,
        };
        Place {
            is_member: self.is_member,
            is_root: matches!(self.up, Up::Root),
            parent: self.parent(),
            depth,
            children: self.children.keys().copied().collect(),
        }
    }

    /// When the way is to be asked for again: by a node without a place, or whose wait for one has
    /// been too long.
    pub(crate) fn rejoin_at(&self, patience: Duration) -> Option<Time> {
        match self.up {
            Up::Lost { ask_at } => Some(ask_at),
            Up::Joining { since, .. } => Some(since + patience),
            Up::Below(_) | Up::Root => None,
        }
    }
}

/// The parent that `id` becomes with its `path`.
pub(crate) fn parent(id: NodeId, path: Path, now: Time) -> Up {
    Up::Below(Parent { id, path, heard: now, rooted: now, is_rooted: true })
}

/// Whether `path` can be a parent's: it ends with it, starts somewhere, and leads not through `me`.
pub(crate) fn is_way_up(path: &Path, parent: NodeId, me: NodeId) -> bool {
    path.last() == Some(&parent) && path.len() < PATH_MAX && !path.contains(&me)
}

/// Which of two nodes that would each be the other's child gives way: the one farther from the key.
pub(crate) fn stands_above(group: Group, a: NodeId, b: NodeId) -> bool {
    group.closer(a, b).is_lt()
}
