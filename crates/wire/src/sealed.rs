//! Messages between nodes that share no link: signed by the sender for one receiver, once.
//!
//! Relaying peers and the introducer see a sealed message but cannot change, redirect or repeat
//! it. It is signed, not encrypted: what peers of a job say is not secret from the network.

use alloc::vec::Vec;

use base::codec::{self, DecodeError};
use base::{Card, Digest, IdentityError, Key, Network, NodeId, Signature};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::limits::BODY_BYTES_MAX;

const DOMAIN: &[u8] = b"millefeuille/sealed/1";

/// Why a sealed message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not the canonical bytes of a sealed message.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The card or the signature does not hold.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// What a sender signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Who says it.
    pub card: Card,
    /// To which key or node; the routing envelope cannot change it.
    pub key: Key,
    /// Counts up from 1 in each epoch of the sender, so that a repetition is noticed.
    pub number: u64,
    /// A linked neighbour of the sender, through which an answer reaches it before the ring knows
    /// it. `None`: route to its id.
    pub via: Option<NodeId>,
    /// The encoded [`crate::Parcel`].
    pub parcel: Bytes,
}

impl Statement {
    /// The bytes to be signed with the card's key.
    #[must_use]
    pub fn signing_bytes(&self) -> Vec<u8> {
        let digest = Digest::of(&[&codec::encode(self)]);
        [DOMAIN, &digest.0].concat()
    }
}

/// A statement with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// What is said.
    pub statement: Statement,
    /// Over [`Statement::signing_bytes`].
    pub signature: Signature,
}

impl Sealed {
    /// The one byte form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a routed body and checks that its sender, of this `network`, said it.
    ///
    /// # Errors
    /// [`SealError`]; whether it was said before is for the receiver to know.
    pub fn open(bytes: &[u8], network: &Network) -> Result<(NodeId, Statement), SealError> {
        let sealed: Sealed = codec::decode(bytes, BODY_BYTES_MAX)?;
        let id = sealed.statement.card.verify(network)?;
        let message = sealed.statement.signing_bytes();
        sealed.statement.card.public_key.verify(&message, &sealed.signature)?;
        Ok((id, sealed.statement))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Secret;

    fn sealed() -> (Secret, Sealed) {
        let introducer = Secret::from_seed(&[1; 32]);
        let node = Secret::from_seed(&[2; 32]);
        let voucher = introducer.vouch(node.public(), [3; 16]);
        let card = Card { public_key: node.public(), voucher, epoch: 4 };
        let parcel = Bytes::from_static(b"parcel");
        let statement = Statement { card, key: Key::new(5), number: 6, via: None, parcel };
        let signature = node.sign(&statement.signing_bytes());
        (introducer, Sealed { statement, signature })
    }

    #[test]
    fn a_sealed_message_opens() {
        let (introducer, sealed) = sealed();
        let (id, statement) = Sealed::open(&sealed.encode(), &introducer.public().into()).unwrap();
        assert_eq!(id, sealed.statement.card.id());
        assert_eq!(statement, sealed.statement);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let (introducer, sealed) = sealed();
        let bytes = sealed.encode();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Sealed::open(&flipped, &introducer.public().into()).is_err(), "bit {bit}");
        }
    }
}
