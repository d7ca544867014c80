//! What the holders of a value say to each other, and to those who put or want one (PAST).
//!
//! A blob is proved by its name; a record is checked piece by piece, by whoever merges it. Who
//! sends says nothing about either.

use base::{Bounded, Digest, Key, NodeId};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Class;

/// Nodes that hold a value (PAST's k, design §5).
pub const COPIES: usize = 5;
/// Values named in one message; a longer list is sent as several messages.
pub const ITEMS_MAX: usize = 128;
/// Bytes of one piece of a record, and of one piece of news about it. Small enough for the control
/// channel's limit, large enough that a record has few of them.
pub const PIECE_BYTES_MAX: usize = 60 * 1024;
/// Bytes of a whole record: 65,536 results of 52 bytes with room to spare.
pub const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Pieces of one record. A merge that needs more makes a record that is refused.
pub const PIECES_MAX: usize = 128;
/// Pieces asked for at once: what may be on its way to one receiver.
pub const PIECES_ASKED_MAX: usize = 8;
/// Bytes of news that still travel as control: such news must not wait behind results.
const CONTROL_NEWS_BYTES_MAX: usize = 4 * 1024;

/// What a value is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Name {
    /// An immutable value, by the SHA-256 of its bytes.
    Blob(Digest),
    /// A value that grows by merging, by its key.
    Record(Key),
}

impl Name {
    /// The point on the ring whose closest nodes hold it. A blob's is the first 128 bits of its
    /// digest.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Name::Blob(digest) => {
                let mut first = [0; 16];
                first.copy_from_slice(&digest.0[..16]);
                Key::from_bytes(first)
            }
            Name::Record(key) => *key,
        }
    }
}

/// A value as it is at one holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Version {
    /// A blob has one version.
    Blob(Digest),
    /// A record, with the SHA-256 of its bytes.
    Record(Key, Digest),
}

impl Version {
    /// What it is a version of.
    #[must_use]
    pub fn name(&self) -> Name {
        match self {
            Version::Blob(digest) => Name::Blob(*digest),
            Version::Record(key, _) => Name::Record(*key),
        }
    }
}

/// A value that somebody could send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// Which.
    pub version: Version,
    /// Its bytes.
    pub bytes: u32,
    /// Seconds that it should be kept from now on. Receivers shorten what is too long.
    pub lifetime: u32,
}

/// A value that the sender holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Which.
    pub version: Version,
    /// Holders that the sender knows of, itself included.
    pub copies: u8,
    /// Whether every node that should hold it does, as far as the sender knows.
    pub complete: bool,
}

/// Why a value is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefuseReason {
    /// No room for it.
    Full,
    /// Too many nodes are closer to its key, or the node is leaving.
    NotMine,
}

/// One message between two stores, or to the root of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// To the root of the key: keep this value; the sender has it, but is not one of those who
    /// should hold it. Repeated until enough hold it.
    Put(Offered),
    /// From a holder to one who should hold the same: fetch what you lack. Answered with
    /// [`Message::Have`], [`Message::Refuse`] or [`Message::Fetch`].
    Offer(Bounded<Offered, ITEMS_MAX>),
    /// The sender holds these and will for a while: the acknowledgement that others wait for before
    /// they drop theirs.
    Have(Bounded<Holding, ITEMS_MAX>),
    /// The sender will not hold these.
    Refuse {
        /// Which.
        names: Bounded<Name, ITEMS_MAX>,
        /// Why.
        reason: RefuseReason,
    },
    /// To a holder or to the root of the key: send it. A blob comes whole, a record as an outline.
    Fetch(Name),
    /// A blob that was asked for.
    Blob {
        /// SHA-256 of the bytes.
        digest: Digest,
        /// The value, at most [`crate::limits::PAYLOAD_BYTES_MAX`] bytes.
        blob: Bytes,
    },
    /// The sender does not have what was asked for.
    Absent {
        /// Which.
        name: Name,
        /// Who should have it.
        holders: Bounded<NodeId, COPIES>,
    },
    /// A record that was asked for, as the digests of its pieces in the order of their merging.
    Outline {
        /// Which record.
        key: Key,
        /// SHA-256 of each piece.
        pieces: Bounded<Digest, PIECES_MAX>,
    },
    /// To the sender of an outline: send these pieces.
    FetchPieces {
        /// Of which record.
        key: Key,
        /// Which.
        pieces: Bounded<Digest, PIECES_ASKED_MAX>,
    },
    /// A piece that was asked for.
    Piece {
        /// Of which record.
        key: Key,
        /// The piece, at most [`PIECE_BYTES_MAX`] bytes.
        piece: Bytes,
    },
    /// To the root of the key, and from there to each holder: merge this. Repeated until answered.
    News {
        /// Echoed by the answer.
        ticket: u64,
        /// Which record.
        key: Key,
        /// Seconds that the record should be kept from now on.
        lifetime: u32,
        /// What is new, at most [`PIECE_BYTES_MAX`] bytes.
        delta: Bytes,
    },
    /// The news was merged.
    Took {
        /// Of the news.
        ticket: u64,
        /// How many holders merged it, as far as the sender knows, itself included.
        copies: u8,
    },
}

impl Message {
    /// The channel it belongs on.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Message::Blob { .. } | Message::Piece { .. } => Class::Bulk,
            Message::News { delta, .. } if delta.len() > CONTROL_NEWS_BYTES_MAX => Class::Bulk,
            _ => Class::Control,
        }
    }
}
