//! Who a node is: an Ed25519 key, an introducer's voucher, and the identifier that follows from
//! both (design §3).
//!
//! `NodeId` = first 128 bits of SHA-256(public key ‖ nonce). The nonce is chosen and signed by the
//! introducer, so an id proves its key and nobody can grind one. Verification happens here;
//! signing is a driver's work, since a tab signs with a key that never leaves WebCrypto.

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Network, NodeId, hex};

const ID_DOMAIN: &[u8] = b"millefeuille/id/1";
const VOUCHER_DOMAIN: &[u8] = b"millefeuille/voucher/1";

/// Why a card, voucher or signature was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The bytes are no point on the curve.
    #[error("not an Ed25519 public key")]
    BadKey,
    /// The voucher is not its introducer's signature over this key and nonce.
    #[error("the voucher does not belong to this key")]
    BadVoucher,
    /// The voucher is of no introducer of this network.
    #[error("vouched for by another network")]
    OtherNetwork,
    /// The message is not signed by the key.
    #[error("bad signature")]
    BadSignature,
}

/// An Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Checks that `signature` is this key's over `message`, by the strict rules (no small-order
    /// keys, no malleable forms).
    ///
    /// # Errors
    /// [`IdentityError::BadKey`] or [`IdentityError::BadSignature`].
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), IdentityError> {
        let key = VerifyingKey::from_bytes(&self.0).map_err(|_| IdentityError::BadKey)?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.verify_strict(message, &signature).map_err(|_| IdentityError::BadSignature)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..4]))
    }
}

impl FromStr for PublicKey {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex::decode(text).map(PublicKey).ok_or("a public key is 64 hexadecimal digits")
    }
}

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..4]))
    }
}

// serde knows arrays up to 32 entries.
impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (a, b) = self.0.split_at(32);
        let mut halves = [[0u8; 32]; 2];
        halves[0].copy_from_slice(a);
        halves[1].copy_from_slice(b);
        halves.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let halves = <[[u8; 32]; 2]>::deserialize(deserializer)?;
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&halves[0]);
        bytes[32..].copy_from_slice(&halves[1]);
        Ok(Signature(bytes))
    }
}

/// Bytes of a secret key's seed.
pub const SECRET_BYTES: usize = 32;

/// A secret key, for native peers and introducers. A tab's key stays in WebCrypto.
#[derive(Clone)]
pub struct Secret(SigningKey);

impl Secret {
    /// The key that belongs to `seed`, 32 bytes of a cryptographic random source.
    #[must_use]
    pub fn from_seed(seed: &[u8; SECRET_BYTES]) -> Self {
        Secret(SigningKey::from_bytes(seed))
    }

    /// The seed, to be kept where only its owner reads it.
    #[must_use]
    pub fn seed(&self) -> [u8; SECRET_BYTES] {
        self.0.to_bytes()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }

    /// As introducer, vouches for `public_key` with a `nonce` of 16 random bytes.
    #[must_use]
    pub fn vouch(&self, public_key: PublicKey, nonce: [u8; 16]) -> Voucher {
        let signature = self.sign(&voucher_message(&public_key, &nonce));
        Voucher { introducer: self.public(), nonce, signature }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({:?})", self.public())
    }
}

fn voucher_message(public_key: &PublicKey, nonce: &[u8; 16]) -> Vec<u8> {
    [VOUCHER_DOMAIN, &public_key.0, nonce].concat()
}

/// An introducer's word that it chose `nonce` for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// Its public key, one of those that name the network.
    pub introducer: PublicKey,
    /// The introducer's entropy in the node's id.
    pub nonce: [u8; 16],
    /// Over (public key, nonce).
    pub signature: Signature,
}

/// What a node shows of itself at first contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The node's key.
    pub public_key: PublicKey,
    /// The introducer's voucher for it.
    pub voucher: Voucher,
    /// Higher at each start of the node; a lower one is stale.
    pub epoch: u64,
}

impl Card {
    /// The id that follows from key and nonce.
    #[must_use]
    pub fn id(&self) -> NodeId {
        NodeId::hash_of(&[ID_DOMAIN, &self.public_key.0, &self.voucher.nonce])
    }

    /// Checks the voucher and returns the id that the card proves. The epoch is proved by whatever
    /// the key signs, not by the card.
    ///
    /// # Errors
    /// [`IdentityError`] when the voucher is of no introducer of `network` or not for this key.
    pub fn verify(&self, network: &Network) -> Result<NodeId, IdentityError> {
        let introducer = &self.voucher.introducer;
        if !network.has(introducer) {
            return Err(IdentityError::OtherNetwork);
        }
        introducer
            .verify(
                &voucher_message(&self.public_key, &self.voucher.nonce),
                &self.voucher.signature,
            )
            .map_err(|_| IdentityError::BadVoucher)?;
        Ok(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> (Secret, Secret, Card) {
        let introducer = Secret::from_seed(&[1; 32]);
        let node = Secret::from_seed(&[2; 32]);
        let voucher = introducer.vouch(node.public(), [3; 16]);
        (introducer, node.clone(), Card { public_key: node.public(), voucher, epoch: 1 })
    }

    #[test]
    fn a_card_proves_its_id() {
        let (introducer, _, card) = card();
        assert_eq!(card.verify(&introducer.public().into()), Ok(card.id()));
        let other = Secret::from_seed(&[9; 32]).public();
        assert_eq!(card.verify(&other.into()), Err(IdentityError::OtherNetwork));
    }

    #[test]
    fn any_introducer_of_a_network_vouches() {
        let (introducer, node, card) = card();
        let [companion, stranger] = [8, 9].map(|seed| Secret::from_seed(&[seed; 32]));
        let network = Network::new([introducer.public(), companion.public()]).expect("two");
        let vouched = |by: &Secret| Card { voucher: by.vouch(node.public(), [3; 16]), ..card };
        assert_eq!(card.verify(&network), Ok(card.id()));
        assert_eq!(vouched(&companion).verify(&network), Ok(card.id()));
        assert_eq!(vouched(&stranger).verify(&network), Err(IdentityError::OtherNetwork));
        // A companion's name under another's word.
        let mut forged = vouched(&stranger);
        forged.voucher.introducer = companion.public();
        assert_eq!(forged.verify(&network), Err(IdentityError::BadVoucher));
    }

    #[test]
    fn a_changed_card_is_refused() {
        let (introducer, _, card) = card();
        let mut ground = card;
        ground.voucher.nonce[0] ^= 1;
        assert_eq!(ground.verify(&introducer.public().into()), Err(IdentityError::BadVoucher));
        let mut stolen = card;
        stolen.public_key = Secret::from_seed(&[4; 32]).public();
        assert_eq!(stolen.verify(&introducer.public().into()), Err(IdentityError::BadVoucher));
    }

    #[test]
    fn every_flipped_bit_breaks_a_signature() {
        let (_, node, _) = card();
        let signature = node.sign(b"message");
        assert_eq!(node.public().verify(b"message", &signature), Ok(()));
        for bit in 0..512 {
            let mut flipped = signature;
            flipped.0[bit / 8] ^= 1 << (bit % 8);
            assert!(node.public().verify(b"message", &flipped).is_err());
        }
        assert_eq!(
            PublicKey([0; 32]).verify(b"message", &signature),
            Err(IdentityError::BadSignature)
        );
    }
}
