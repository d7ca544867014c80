//! What peers and the server say, and what peers say to each other to build a link.

use alloc::string::String;
use alloc::vec::Vec;

use base::codec::{self, DecodeError};
use base::{
    Bounded, Card, Digest, INTRODUCERS_MAX, Network, NodeId, PublicKey, Signature, Voucher,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Bytes of one message between a peer and the server, or of an offer or answer.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// STUN and TURN servers that a server may name.
pub const ICE_SERVERS_MAX: usize = 8;
/// Anchors that one introduction names.
pub const ANCHORS_MAX: usize = 2;
/// Other introducers of its network that a server names.
pub const COMPANIONS_MAX: usize = INTRODUCERS_MAX - 1;
/// Bytes of a server's address; a longer one is none.
pub const URL_BYTES_MAX: usize = 256;

/// Another introducer of a server's network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Companion {
    /// Its key.
    pub key: PublicKey,
    /// Its WebSocket, `ws:` or `wss:`; at most [`URL_BYTES_MAX`].
    pub url: String,
}

/// The network of an introducer and its companions.
#[must_use]
pub fn network_of(
    introducer: PublicKey,
    companions: &Bounded<Companion, COMPANIONS_MAX>,
) -> Network {
    let keys = core::iter::once(introducer).chain(companions.iter().map(|other| other.key));
    Network::new(keys).expect("one and at most as many others as there may be")
}

/// A STUN or TURN server, in the form that `RTCPeerConnection` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// `stun:` or `turn:` URL.
    pub url: String,
    /// For TURN; empty otherwise.
    pub username: String,
    /// For TURN; empty otherwise.
    pub credential: String,
}

/// From a peer to the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientMessage {
    /// The answer to [`ServerMessage::Challenge`].
    Login {
        /// [`base::PROTOCOL_VERSION`] of the peer.
        version: u16,
        /// Its key.
        public_key: PublicKey,
        /// Its start.
        epoch: u64,
        /// The voucher it has from this network, if any.
        voucher: Option<Voucher>,
        /// Whether it is a native process (for the server's counters).
        native: bool,
        /// Over [`login_bytes`].
        signature: Signature,
    },
    /// Whether the peer is a ready member of the ring and would take a newcomer.
    Member {
        /// Ready and willing.
        ready: bool,
    },
    /// The peer has no ring: whom can it meet?
    Introduce,
    /// An offer or answer for a peer that the server introduced to the sender.
    Signal {
        /// Whom it is for.
        to: NodeId,
        /// An encoded [`PeerSignal`].
        payload: Bytes,
    },
    /// Are you there? From peers that do not see the WebSocket's own pings.
    Ping,
}

/// From the server to a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerMessage {
    /// The first message of a connection.
    Challenge {
        /// [`base::PROTOCOL_VERSION`] of the server.
        version: u16,
        /// The server's key.
        introducer: PublicKey,
        /// The others whose vouchers count in its network.
        companions: Bounded<Companion, COMPANIONS_MAX>,
        /// To be signed; used once, on this connection.
        nonce: [u8; 16],
    },
    /// Logged in.
    Welcome {
        /// The peer's voucher: the one it showed, or a fresh one.
        voucher: Voucher,
        /// For its peer connections.
        ice_servers: Bounded<IceServer, ICE_SERVERS_MAX>,
        /// Peers connected to the server now.
        peers: u32,
    },
    /// Not logged in, and why; the server closes.
    Refused {
        /// In words.
        reason: String,
    },
    /// Meet these: build a link to one of them, then join through it.
    Introduced {
        /// Ready members, picked at random.
        anchors: Bounded<NodeId, ANCHORS_MAX>,
    },
    /// A newcomer was told of you: expect its offer.
    Visitor {
        /// Who.
        peer: NodeId,
    },
    /// There is nobody yet: found the ring.
    Alone,
    /// Nobody can be named at the moment; ask again after this many milliseconds.
    Wait {
        /// How long.
        millis: u32,
    },
    /// An offer or answer.
    Signal {
        /// From whom, as the server knows it.
        from: NodeId,
        /// An encoded [`PeerSignal`].
        payload: Bytes,
    },
    /// The peer a signal was for is not here.
    Absent {
        /// Who.
        peer: NodeId,
    },
    /// The answer to [`ClientMessage::Ping`].
    Pong,
    /// Not now, or no longer: the server closes. Come back after this many milliseconds.
    Later {
        /// How long.
        millis: u32,
    },
    /// The servers of the welcome, with fresh credentials: for links from now on.
    IceServers {
        /// All of them.
        ice_servers: Bounded<IceServer, ICE_SERVERS_MAX>,
    },
}

/// From peer to peer, through the server or over the overlay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerSignal {
    /// Let us build a link.
    Offer(Proposal),
    /// Yes: the answer to the offer of the same attempt.
    Answer(Proposal),
    /// No.
    Decline {
        /// The attempt of the offer.
        attempt: u64,
        /// In words.
        reason: String,
    },
}

/// A session description that its author signed for one receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Who proposes.
    pub card: Card,
    /// The offerer's number for this link.
    pub attempt: u64,
    /// The permit that the receiver granted; 0 for a meeting that the server arranged.
    pub permit: u64,
    /// The session description, with its DTLS fingerprint and all candidates.
    pub sdp: String,
    /// Over [`Proposal::signing_bytes`].
    pub signature: Signature,
}

impl Proposal {
    /// The bytes that the author signs: they bind the DTLS fingerprint in the description to the
    /// author's id and to one receiver.
    #[must_use]
    pub fn signing_bytes(
        answer: bool,
        card: &Card,
        to: NodeId,
        attempt: u64,
        permit: u64,
        sdp: &str,
    ) -> Vec<u8> {
        let body = (answer, card, to, attempt, permit, Digest::of(&[sdp.as_bytes()]));
        [b"millefeuille/proposal/1".as_slice(), &Digest::of(&[&codec::encode(&body)]).0].concat()
    }
}

/// The bytes that a peer signs to log in at this introducer.
#[must_use]
pub fn login_bytes(introducer: &PublicKey, nonce: &[u8; 16], epoch: u64) -> Vec<u8> {
    [b"millefeuille/login/1".as_slice(), &introducer.0, nonce, &epoch.to_be_bytes()].concat()
}

macro_rules! coded {
    ($($message:ty),*) => {$(
        impl $message {
            /// The one byte form.
            #[must_use]
            pub fn encode(&self) -> Vec<u8> {
                codec::encode(self)
            }

            /// Reads a message.
            ///
            /// # Errors
            /// [`DecodeError`]; nothing was kept of the bytes.
            pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                codec::decode(bytes, MESSAGE_BYTES_MAX)
            }
        }
    )*};
}
coded!(ClientMessage, ServerMessage, PeerSignal);

#[cfg(test)]
mod tests {
    use super::*;
    use base::Secret;
    use proptest::prelude::*;

    fn check_garbage(bytes: &[u8]) {
        if let Ok(message) = ClientMessage::decode(bytes) {
            assert_eq!(message.encode(), bytes);
        }
        if let Ok(message) = ServerMessage::decode(bytes) {
            assert_eq!(message.encode(), bytes);
        }
        if let Ok(message) = PeerSignal::decode(bytes) {
            assert_eq!(message.encode(), bytes);
        }
    }

    #[test]
    fn the_largest_offer_fits_a_message_to_and_from_the_server() {
        let secret = Secret::from_seed(&[1; 32]);
        let voucher = secret.vouch(secret.public(), [2; 16]);
        let offer = PeerSignal::Offer(Proposal {
            card: Card { public_key: secret.public(), voucher, epoch: u64::MAX },
            attempt: u64::MAX,
            permit: u64::MAX,
            sdp: "x".repeat(crate::negotiation::SDP_BYTES_MAX as usize),
            signature: Signature([3; 64]),
        });
        let payload: Bytes = offer.encode().into();
        let to = ClientMessage::Signal { to: NodeId::ZERO, payload: payload.clone() };
        assert_eq!(ClientMessage::decode(&to.encode()), Ok(to));
        let from = ServerMessage::Signal { from: NodeId::ZERO, payload };
        assert_eq!(ServerMessage::decode(&from.encode()), Ok(from));
    }

    #[test]
    fn an_answer_is_not_signed_like_an_offer() {
        let secret = Secret::from_seed(&[1; 32]);
        let voucher = secret.vouch(secret.public(), [2; 16]);
        let card = Card { public_key: secret.public(), voucher, epoch: 1 };
        let bytes = |answer, to, attempt, permit, sdp: &str| {
            Proposal::signing_bytes(answer, &card, NodeId::new(to), attempt, permit, sdp)
        };
        let offer = bytes(false, 1, 2, 3, "sdp");
        for other in [
            bytes(true, 1, 2, 3, "sdp"),
            bytes(false, 2, 2, 3, "sdp"),
            bytes(false, 1, 3, 3, "sdp"),
            bytes(false, 1, 2, 4, "sdp"),
            bytes(false, 1, 2, 3, "sdq"),
        ] {
            assert_ne!(offer, other);
        }
    }

    #[test]
    fn a_claimed_length_is_refused_before_it_is_read() {
        // A signal whose payload claims 2^32 - 1 bytes and has three.
        let mut bytes = ClientMessage::Signal { to: NodeId::ZERO, payload: Bytes::new() }.encode();
        bytes.pop();
        bytes.extend([0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3]);
        assert_eq!(ClientMessage::decode(&bytes), Err(DecodeError::Malformed));
        assert_eq!(ClientMessage::decode(&[0; MESSAGE_BYTES_MAX + 1]), Err(DecodeError::TooLong));
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_or_canonical(
            kind in 0u8..14,
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            check_garbage(&bytes);
            check_garbage(&[&[kind], bytes.as_slice()].concat());
        }
    }
}
