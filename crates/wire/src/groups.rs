//! What the nodes of a group's tree say to each other.
//!
//! All of it between two ends of a tree edge, or along the overlay's way towards the group's key;
//! only [`Message::Accepted`], [`Message::Walking`] and [`Message::Ended`] go straight to whoever
//! asked. A body says nothing about its origin that its receiver could not check by itself: every
//! node that carries a cast could have changed it.

use base::{Bounded, Key, NodeId};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Class, limits};

/// Bytes of a multicast's body: a result with room to spare, and room for a seal around it where
/// an edge is no link.
pub const BODY_BYTES_MAX: usize = limits::MESSAGE_BYTES_MAX - 8 * 1024;
/// Bodies from this size on are bulk. Chosen: below it a message is one chunk that holds up control
/// for less than a heartbeat would.
pub const BULK_BYTES_MIN: usize = 4 * 1024;
/// Bytes of an anycast's body: an offer, not the work itself.
pub const OFFER_BYTES_MAX: usize = 4 * 1024;
/// Nodes from the root to a node. Trees of 10⁴ nodes have a depth of 5; a deeper place is refused.
pub const PATH_MAX: usize = 32;
/// Children of one node that a message names; the rest is not named.
pub const CHILDREN_MAX: usize = 16;
/// Streams named in one message: the ones heard last. The others' gaps show later.
pub const HEADS_MAX: usize = 256;
/// Multicasts asked for in one message, which is also how far back a gap is repaired.
pub const WINDOW: u64 = 64;
/// As [`WINDOW`], for lists.
pub const WANTS_MAX: usize = 64;
/// Stops that a walk still has before it. Depth first, it holds the siblings along one branch; more
/// are not visited.
pub const STOPS_MAX: usize = 256;
/// Stops that a walk remembers. In a tree that stands still it needs none; beyond it the first are
/// forgotten, and may be asked again.
pub const VISITED_MAX: usize = 64;

/// Members that a walk spares: as many as one anycast can look for.
pub const SPARED_MAX: usize = 64;

/// A group's name, whose root is the root of its tree.
pub type Group = Key;
/// The nodes from the root to the sender, both included. Empty: the sender knows no root.
pub type Path = Bounded<NodeId, PATH_MAX>;
/// What the sender has heard of.
pub type Heads = Bounded<Head, HEADS_MAX>;
/// Numbers of one stream.
pub type Numbers = Bounded<u64, WANTS_MAX>;

/// The multicasts of one node in one group since it last began to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stream {
    /// Who they are said to be from.
    pub origin: NodeId,
    /// Drawn at random when the counting began.
    pub nonce: u64,
}

/// One multicast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CastId {
    /// Of which stream.
    pub stream: Stream,
    /// Counts up from 1.
    pub number: u64,
}

/// How far a stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Head {
    /// Which.
    pub stream: Stream,
    /// The highest number heard of.
    pub newest: u64,
}

/// Names an anycast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WalkId {
    /// Who asks.
    pub origin: NodeId,
    /// A number that the origin uses once, in all its starts.
    pub number: u64,
}

/// An anycast under way, in the hands of one node at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// Its name.
    pub walk: WalkId,
    /// In which group.
    pub group: Group,
    /// Counts the origin's tries, from 1.
    pub attempt: u8,
    /// Links and edges crossed so far.
    pub hops: u32,
    /// Members that may still accept.
    pub wanted: u16,
    /// Members that accepted in this attempt.
    pub accepted: u16,
    /// Where it goes next, the first entry first: always downwards.
    pub stops: Bounded<NodeId, STOPS_MAX>,
    /// Where it goes when there are no more stops: upwards.
    pub up: Option<NodeId>,
    /// Where it was. Empty: it is still on its way to the tree.
    pub visited: Bounded<NodeId, VISITED_MAX>,
    /// Members that accepted in earlier attempts, and are not to be asked.
    pub spared: Bounded<NodeId, SPARED_MAX>,
    /// What is offered, at most [`OFFER_BYTES_MAX`] bytes.
    pub body: Bytes,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "queues are drained at once")]
pub enum Message {
    /// To the next hop towards the key, or to a child it named: be my parent.
    Join {
        /// In which group.
        group: Group,
        /// What the sender has.
        heads: Heads,
    },
    /// To a new child: I am your parent.
    Joined {
        /// In which group.
        group: Group,
        /// From the root to the sender; never empty.
        path: Path,
        /// What the sender has: what is older is not the child's concern, if it is new.
        heads: Heads,
    },
    /// To a node that would be a child: I have as many as I may; ask one of these.
    Below {
        /// In which group.
        group: Group,
        /// Children of the sender.
        children: Bounded<NodeId, CHILDREN_MAX>,
    },
    /// To a node that would be a child: no. It is above the sender, or the sender has no room for
    /// the group.
    Refused {
        /// In which group.
        group: Group,
    },
    /// From parent to child, each heartbeat and when the path changed.
    Beat {
        /// In which group.
        group: Group,
        /// From the root to the sender.
        path: Path,
        /// What the sender has, of what was sent lately.
        heads: Heads,
    },
    /// From child to parent: still here.
    Stay {
        /// In which group.
        group: Group,
        /// What the sender has, of what was sent lately.
        heads: Heads,
    },
    /// The two are no longer parent and child, whichever was which.
    Leave {
        /// In which group.
        group: Group,
    },
    /// Towards the tree: multicast this.
    Enter {
        /// In which group.
        group: Group,
        /// Its name.
        cast: CastId,
        /// Links crossed so far.
        hops: u8,
        /// What is said, at most [`BODY_BYTES_MAX`] bytes.
        body: Bytes,
    },
    /// Over an edge of the tree: a multicast.
    Cast {
        /// In which group.
        group: Group,
        /// Its name.
        cast: CastId,
        /// What is said, at most [`BODY_BYTES_MAX`] bytes.
        body: Bytes,
    },
    /// Over an edge of the tree: these did not arrive here; send them again.
    Want {
        /// In which group.
        group: Group,
        /// Of which stream.
        stream: Stream,
        /// Which.
        numbers: Numbers,
    },
    /// To the next stop of an anycast.
    Walk(Walk),
    /// To whoever sent a walk: it is in my hands now.
    WalkAck {
        /// Which.
        walk: WalkId,
        /// Which attempt.
        attempt: u8,
        /// How far it was.
        hops: u32,
    },
    /// To the origin of a walk, now and then: it is under way.
    Walking {
        /// Which.
        walk: WalkId,
        /// Which attempt.
        attempt: u8,
    },
    /// To the origin of a walk: the sender accepts.
    Accepted {
        /// Which.
        walk: WalkId,
    },
    /// To the origin of a walk: there is nobody left to ask, or nobody more is wanted.
    Ended {
        /// Which.
        walk: WalkId,
        /// Which attempt.
        attempt: u8,
        /// Members that accepted in this attempt.
        accepted: u16,
    },
}

impl Message {
    /// The channel it belongs on.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Message::Enter { body, .. } | Message::Cast { body, .. }
                if body.len() >= BULK_BYTES_MIN =>
            {
                Class::Bulk
            }
            _ => Class::Control,
        }
    }
}
