//! What one message on a link is.

use alloc::vec::Vec;

use base::codec::{self, DecodeError};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::limits::MESSAGE_BYTES_MAX;
use crate::{grid, groups, overlay};

/// Which of a link's two channels carries a message. Control never waits behind bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Class {
    /// Short messages that keep the overlay and the grid alive.
    Control,
    /// Results.
    Bulk,
}

/// The first frame of each side of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`base::PROTOCOL_VERSION`] of the sender; another one ends the link.
    pub version: u16,
    /// The sender's epoch, as in the card that opened the link.
    pub epoch: u64,
}

/// One message on a link, from the peer at its other end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// The first frame.
    Hello(Hello),
    /// Overlay maintenance, or a message under way to somebody else.
    Overlay(overlay::Message),
    /// Between two peers of one job.
    Grid(grid::Message),
    /// The sender is leaving and has handed back what it held. The link closes next.
    Bye,
    /// Between two nodes of a group's tree, or towards it.
    Group(groups::Message),
}

/// What a sealed message carries between two nodes that share no link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parcel {
    /// Overlay maintenance between nodes that know each other.
    Overlay(overlay::Message),
    /// Between two peers of one job, or to the root of a key.
    Grid(grid::Message),
    /// An offer or answer, opaque here (`signal` reads it).
    Signal(Bytes),
    /// Between two nodes of a group's tree that share no link, or to the origin of an anycast.
    Group(groups::Message),
}

impl Frame {
    /// The one byte form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a reassembled message.
    ///
    /// # Errors
    /// [`DecodeError`]; nothing was kept of the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, MESSAGE_BYTES_MAX)
    }

    /// The channel it belongs on.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Frame::Overlay(overlay::Message::Route(routed)) => routed.class,
            Frame::Grid(message) => message.class(),
            Frame::Group(message) => message.class(),
            _ => Class::Control,
        }
    }
}

impl Parcel {
    /// The one byte form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads the inside of a sealed message.
    ///
    /// # Errors
    /// [`DecodeError`]; nothing was kept of the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, MESSAGE_BYTES_MAX)
    }
}
