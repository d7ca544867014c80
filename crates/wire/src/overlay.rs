//! What overlay nodes say to each other (Pastry §2–3, MSPastry §3).
//!
//! Over a link, the link proves the sender; between nodes without one, the seal does. Contacts
//! inside a message are hearsay: they may be probed, never inserted.

use base::{Bounded, Key, NodeId};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Class;
use crate::limits::HOPS_MAX;

/// Entries on one side of a leaf set, as shipped (|L| / 2).
pub const LEAF_HALF: usize = 8;
/// The same at the most: |L| = 32, as OSDI'02 has it.
pub const LEAF_HALF_MAX: usize = 16;
/// Rows that a join may collect: one a hop, as many as a message may hop.
pub const JOIN_ROWS_MAX: usize = HOPS_MAX as usize;
/// Entries of a routing-table row at the most: every column but the own, with b = 4.
pub const ROW_ENTRIES: usize = 15;

/// Entries of a neighbourhood set (Pastry's |M|).
pub const NEAR_ENTRIES: usize = 32;
/// Table entries in one [`Message::State`]: eight full rows, three more than a ring of 10⁶ fills.
pub const STATE_ENTRIES: usize = 8 * ROW_ENTRIES;
/// The round trip of a contact whose distance was not measured.
pub const UNMEASURED: u32 = u32::MAX;

/// A node as others name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Contact {
    /// Its identifier.
    pub id: NodeId,
    /// Its start; a higher one replaces a lower one.
    pub epoch: u64,
}

/// A node's leaf set as it is now, nearest first on each side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeafState {
    /// Whether the node has joined: only then may it answer for its keys.
    pub ready: bool,
    /// Counter-clockwise neighbours.
    pub left: Bounded<Contact, LEAF_HALF_MAX>,
    /// Clockwise neighbours.
    pub right: Bounded<Contact, LEAF_HALF_MAX>,
}

impl LeafState {
    /// Both sides, the left one first; in a small ring, whoever stands on both comes twice.
    pub fn contacts(&self) -> impl Iterator<Item = &Contact> + Clone {
        self.left.iter().chain(&self.right)
    }
}

/// A contact and how far it is from the node that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sighting {
    /// Who.
    pub contact: Contact,
    /// The round trip in microseconds, as the teller measured it; [`UNMEASURED`] if it did not.
    pub rtt: u32,
}

/// Entries of one routing-table row.
pub type Row = Bounded<Sighting, ROW_ENTRIES>;

/// A message's name: unique, so that a message is delivered once however often it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageId {
    /// Who routed it first.
    pub source: NodeId,
    /// The source's epoch.
    pub epoch: u64,
    /// Counts up at the source.
    pub number: u64,
}

/// Where a routed message may be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// At the live node closest to the key.
    Root,
    /// At the node whose id is the key, and nowhere else.
    Node,
    /// At any of so many live nodes closest to the key (PAST's k), if possible one near the sender.
    /// Where an acknowledgement is lost, at two of them: for questions, which do no harm twice.
    Replica(u8),
}

/// A message under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// Its name.
    pub id: MessageId,
    /// Where it is going.
    pub key: Key,
    /// Who may take it.
    pub target: Target,
    /// A node that is linked to the target, or to the root as the last hop knew it, to be reached
    /// first. It takes its own name out.
    pub via: Option<NodeId>,
    /// Links crossed so far.
    pub hops: u8,
    /// Its channel on every link it crosses.
    pub class: Class,
    /// Opaque to the overlay.
    pub body: Bytes,
}

/// What a heartbeat says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// Milliseconds until the sender's next heartbeat to this receiver.
    pub period: u32,
    /// Milliseconds for which the sender will not answer for the receiver's keys.
    pub lease: u32,
    /// Whether jobs are under way at the sender: its neighbours keep its pace.
    pub busy: bool,
}

/// Why a link was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefuseReason {
    /// Every link slot is taken by something more important.
    Full,
    /// A set-up between the two is under way already, in the other direction.
    Glare,
}

/// One message between two overlay nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A message under way, to a linked peer.
    Route(Routed),
    /// The next hop took this message over.
    RouteAck(MessageId),
    /// A newcomer on its way to the root of its own id; each hop adds a row of its table.
    Join {
        /// The newcomer.
        joiner: Contact,
        /// Its number for this attempt.
        attempt: u64,
        /// Its first link: where answers reach it.
        via: NodeId,
        /// Links crossed so far.
        hops: u8,
        /// Row i of the table of hop i, with that hop itself in the list.
        rows: Bounded<Row, JOIN_ROWS_MAX>,
    },
    /// The root's answer to a [`Message::Join`].
    JoinReply {
        /// The attempt it answers.
        attempt: u64,
        /// What the join collected.
        rows: Bounded<Row, JOIN_ROWS_MAX>,
        /// The root's leaf set.
        leaf: LeafState,
        /// How long nodes stay in the mean, as the root has seen, in seconds.
        session: u32,
    },
    /// The join met a node that is not ready itself; try again later.
    JoinRefused {
        /// The attempt it answers.
        attempt: u64,
    },
    /// Are you there? Carries the sender's leaf set, so that it announces and repairs at once.
    Probe {
        /// Echoed by the answer.
        token: u64,
        /// The sender's leaf set.
        leaf: LeafState,
    },
    /// The answer to a [`Message::Probe`].
    ProbeReply {
        /// Of the probe.
        token: u64,
        /// The sender's leaf set.
        leaf: LeafState,
    },
    /// Are you there, and how far? The short form, for who is not in the leaf set.
    Ping {
        /// Echoed by the answer.
        token: u64,
    },
    /// The answer to a [`Message::Ping`].
    Pong {
        /// Of the ping.
        token: u64,
        /// Whether the sender has joined.
        ready: bool,
    },
    /// The sender has measured its distance to the receiver, who may want it in its tables.
    Measured {
        /// The round trip in microseconds. Hearsay: the receiver measures for itself.
        rtt: u32,
    },
    /// Asks for the tables (Pastry's second stage). Says what [`Message::Measured`] says, too.
    StateRequest {
        /// The round trip in microseconds, or [`UNMEASURED`].
        rtt: u32,
    },
    /// The tables, as far as the receiver can use them: asked for, or at the end of a join.
    State {
        /// The round trip to the receiver in microseconds, or [`UNMEASURED`].
        rtt: u32,
        /// Routing-table entries of the rows up to the prefix that the two share.
        entries: Bounded<Sighting, STATE_ENTRIES>,
        /// The neighbourhood set.
        near: Bounded<Sighting, NEAR_ENTRIES>,
    },
    /// Still here; and, to a ring neighbour, a lease on its keys.
    Heartbeat(Beat),
    /// The sender's leaf set, unasked (periodic sharing).
    LeafSet(LeafState),
    /// Asks for a row of the routing table.
    RowRequest {
        /// Which row.
        row: u8,
    },
    /// A row of the routing table.
    Row {
        /// Which row.
        row: u8,
        /// Its entries.
        entries: Row,
    },
    /// The sender found a ring neighbour dead. Hearsay: the receiver probes for itself.
    Suspect {
        /// Who.
        contact: Contact,
        /// The sender's leaf set without it: whoever loses a member finds the next one here.
        leaf: LeafState,
    },
    /// May a link be built? Costs nothing yet.
    LinkRequest {
        /// Names the attempt.
        permit: u64,
    },
    /// A slot is kept for a moment: send the offer.
    LinkGrant {
        /// Of the request.
        permit: u64,
    },
    /// No link.
    LinkRefuse {
        /// Of the request.
        permit: u64,
        /// Why.
        reason: RefuseReason,
    },
    /// The sender leaves the ring now; its leaf set repairs the hole.
    Leaving(LeafState),
}
