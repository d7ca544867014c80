//! A peer's conversation with another peer that ends in a link: signed offer, signed answer.
//!
//! One attempt is one peer connection. No offer costs a peer connection before its author is
//! proved and expected; every attempt has a deadline; an answer after it is ignored.

use alloc::string::String;

use base::{Card, NodeId, PublicKey, Signature, Time};
use bytes::Bytes;

/// How offers and answers of an attempt travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Through the server, to a peer that it introduced.
    Server,
    /// As a message routed over the overlay, through `via` if given.
    Overlay {
        /// A node linked to the peer.
        via: Option<NodeId>,
    },
}

/// Names one attempt, and the link that it becomes. Chosen here, never reused in one start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt(pub u64);

/// What happened, or what is asked.
#[derive(Clone, Debug)]
pub enum Input {
    /// Build a link to a peer that granted `permit` (0: the server introduced it).
    Dial {
        /// To whom.
        peer: NodeId,
        /// Shown in the offer.
        permit: u64,
        /// How to reach it.
        path: Path,
    },
    /// An offer with this permit may come (0: through the server).
    Expect {
        /// From whom.
        peer: NodeId,
        /// To be shown in the offer.
        permit: u64,
    },
    /// An encoded [`crate::message::PeerSignal`] arrived.
    Received {
        /// From whom, as the path says. The signature decides.
        from: NodeId,
        /// How.
        path: Path,
        /// What.
        payload: Bytes,
    },
    /// The peer is not reachable on this path.
    Unreachable {
        /// Who.
        peer: NodeId,
    },
    /// The local description of an attempt, complete with candidates.
    Described {
        /// Which attempt.
        attempt: Attempt,
        /// The session description.
        sdp: String,
    },
    /// Both channels of an attempt are open.
    Opened(Attempt),
    /// The peer connection of an attempt failed, closed, or could not be constructed.
    Broken {
        /// Which attempt.
        attempt: Attempt,
        /// In words.
        reason: String,
    },
    /// The signature that [`Output::Sign`] asked for.
    Signed {
        /// Of the request.
        attempt: Attempt,
        /// The signature.
        signature: Signature,
    },
    /// A deadline of `poll_timeout` came.
    Timeout,
}

/// What the driver must do or learn.
#[derive(Clone, Debug)]
pub enum Output {
    /// Construct a peer connection with both channels and make an offer: answer with
    /// [`Input::Described`] or [`Input::Broken`].
    CreateOffer(Attempt),
    /// Construct a peer connection with both channels, take this offer and make an answer: answer
    /// with [`Input::Described`] or [`Input::Broken`].
    CreateAnswer {
        /// Which attempt.
        attempt: Attempt,
        /// The remote description.
        sdp: String,
    },
    /// Take this answer.
    ApplyAnswer {
        /// Which attempt.
        attempt: Attempt,
        /// The remote description.
        sdp: String,
    },
    /// Close the peer connection and release everything of it.
    Close(Attempt),
    /// Sign with the node's key; answer with [`Input::Signed`].
    Sign {
        /// For which attempt.
        attempt: Attempt,
        /// What.
        bytes: Bytes,
    },
    /// Send an encoded [`crate::message::PeerSignal`].
    Send {
        /// To whom.
        to: NodeId,
        /// How.
        path: Path,
        /// What.
        payload: Bytes,
    },
    /// The link is open and its other end is proved.
    Established {
        /// The attempt, from now on the link's name.
        attempt: Attempt,
        /// Who is at its other end.
        card: Card,
        /// Whether the server introduced the two, and this side is the newcomer.
        introduced: bool,
    },
    /// No link came about.
    Failed {
        /// With whom.
        peer: NodeId,
        /// In words.
        reason: String,
        /// Whether the server had introduced the two, and this side is the newcomer.
        introduced: bool,
    },
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// An attempt has taken too long.
    Deadline,
}

/// The machine.
#[derive(Debug)]
pub struct Negotiator {}

impl Negotiator {
    /// A peer with this card, in the network that `network` names.
    #[must_use]
    pub fn new(_network: PublicKey, _card: Card, _seed: u64, _now: Time) -> Self {
        Negotiator {}
    }

    /// Takes one input; drain [`Negotiator::poll_output`] afterwards.
    pub fn handle(&mut self, _now: Time, _input: Input) {}

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }

    /// When to call with [`Input::Timeout`] at the latest, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        None
    }
}
