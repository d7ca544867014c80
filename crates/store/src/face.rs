//! What goes into the machine and what comes out.

use alloc::vec::Vec;

use base::{Digest, Duration, Key, NodeId};
use bytes::Bytes;
use wire::Class;
use wire::overlay::Target;
use wire::store::{Message, Name};

/// A member of the leaf set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Who.
    pub id: NodeId,
    /// Nodes that are likely to fail together share a number: one address group, one site. `None`
    /// if it is not known. Nodes that see different groups keep a copy too many, never too few.
    pub group: Option<u32>,
}

impl From<NodeId> for Neighbour {
    fn from(id: NodeId) -> Self {
        Neighbour { id, group: None }
    }
}

/// What happened, or what is asked.
#[derive(Clone, Debug)]
pub enum Input {
    /// The overlay's leaf set is this now: at most [`LEAF_HALF`](wire::overlay::LEAF_HALF) nodes on
    /// each side, nearest first.
    Neighbours {
        /// Counter-clockwise.
        left: Vec<Neighbour>,
        /// Clockwise.
        right: Vec<Neighbour>,
    },
    /// Whether the overlay routes.
    Ready(bool),
    /// Keep this blob at the nodes closest to its digest. Putting it again extends its life.
    Put {
        /// At most [`PAYLOAD_BYTES_MAX`](wire::limits::PAYLOAD_BYTES_MAX) bytes.
        blob: Bytes,
        /// From now on.
        lifetime: Duration,
    },
    /// Merge this into the record of a key, wherever it is held.
    Merge {
        /// Which record.
        key: Key,
        /// What is new. News longer than a message is cut by [`Merge::pieces`](crate::Merge).
        delta: Bytes,
        /// The record is kept for so long from now on.
        lifetime: Duration,
    },
    /// Find a blob.
    Get(Digest),
    /// Find a record.
    GetRecord(Key),
    /// A blob that came by: kept while there is room, so that being asked to hold it costs nothing.
    Cache(Bytes),
    /// An authenticated message, directly or sealed.
    Received {
        /// Who said it.
        from: NodeId,
        /// What.
        message: Message,
    },
    /// An authenticated message routed to a key that this node is the root of.
    Delivered {
        /// The key.
        key: Key,
        /// Who said it.
        from: NodeId,
        /// What.
        message: Message,
    },
    /// The overlay knows that this peer left or died.
    PeerGone(NodeId),
    /// The answer to [`Output::Load`]: the bytes that were kept, or nothing.
    Loaded {
        /// Which value.
        name: Name,
        /// Its bytes, if the driver has them.
        value: Option<Bytes>,
    },
    /// From a driver with a disk, after its start: what an earlier start kept there and did not
    /// forget. It is held again.
    Restored {
        /// Which.
        name: Name,
        /// Its bytes.
        value: Bytes,
        /// What is left of its life.
        lifetime: Duration,
    },
    /// Hand over what is held; [`Event::HandedOver`] ends it.
    Leave,
    /// A deadline of `poll_timeout` came; early, late and repeated ones are fine.
    Timeout,
}

/// What the driver must do or learn.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send to a peer, on the channel of its class.
    Send {
        /// To whom.
        to: NodeId,
        /// Which channel.
        class: Class,
        /// What.
        message: Message,
    },
    /// Route to the root of a key, or to any of the nodes closest to it.
    Route {
        /// Which key.
        key: Key,
        /// Which of the two.
        target: Target,
        /// What.
        message: Message,
    },
    /// This value is held here now, or changed. For a driver with a disk.
    Keep {
        /// Which.
        name: Name,
        /// Its bytes.
        value: Bytes,
        /// How long it lives from now on, unless that is told anew.
        lifetime: Duration,
    },
    /// This value is not held here any more: it expired or others hold it.
    Forget(Name),
    /// Is this value on the disk? Answer with [`Input::Loaded`], with nothing if there is no disk.
    Load(Name),
    /// Something the upper layer may want to know.
    Event(Event),
}

/// What happened in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// So many nodes hold a value. Told to whoever puts it, until all who should hold it do, and
    /// to the root of its key on each change.
    Stored {
        /// Which.
        name: Name,
        /// How many acknowledged.
        copies: u8,
    },
    /// A value or news that this node wanted stored was not: refused, or nobody answered.
    NotStored {
        /// Which.
        name: Name,
    },
    /// The answer to [`Input::Get`].
    Found {
        /// Which.
        digest: Digest,
        /// The value.
        blob: Bytes,
    },
    /// The answer to [`Input::GetRecord`].
    FoundRecord {
        /// Which.
        key: Key,
        /// The record.
        record: Bytes,
    },
    /// The answer to [`Input::Get`] and [`Input::GetRecord`] when no holder was found.
    Missing {
        /// Which.
        name: Name,
        /// Somebody who may hold it said that it does not; otherwise nobody answered, or there was nobody
        /// to ask.
        denied: bool,
    },
    /// A record that this node holds changed, or this node became or ceased to be the live node
    /// closest to its key.
    Record {
        /// Which.
        key: Key,
        /// All of it.
        record: Bytes,
        /// Whether this node is the closest.
        is_root: bool,
    },
    /// After [`Input::Leave`]: everything is held by others, or time ran out. The machine is silent
    /// from now on.
    HandedOver {
        /// Values that too few others hold.
        short: u32,
    },
    /// A peer sent what no honest peer sends.
    Misbehaved {
        /// Who.
        peer: NodeId,
        /// What it did.
        why: &'static str,
    },
}

/// What a node did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Values that this node holds.
    pub held: u64,
    /// Bytes of values, pieces and news sent.
    pub sent_bytes: u64,
    /// Bytes of values and pieces that arrived and were wanted.
    pub fetched_bytes: u64,
    /// Bytes of values and pieces that arrived and were here already, or were not asked for.
    pub redundant_bytes: u64,
    /// Values taken from the cache or the disk that would have been fetched.
    pub spared: u64,
    /// Copies dropped because others hold the value.
    pub dropped: u64,
    /// Values whose lifetime ended here.
    pub expired: u64,
    /// Values refused for want of room.
    pub refused: u64,
    /// Messages that meant nothing here: late, repeated, not asked for.
    pub ignored: u64,
    /// Messages that no honest peer sends.
    pub misbehaved: u64,
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Values are due to be looked after, or to expire.
    Check,
    /// A request has waited long enough to be repeated.
    Retry,
    /// Handing over has taken as long as it may.
    Leave,
}
