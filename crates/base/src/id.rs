//! Identifiers: points on a ring of 2¹²⁸ (Pastry §2.1).

use alloc::string::String;
use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::hex;

/// A point on the ring.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u128);

/// The identifier of a node.
pub type NodeId = Id;
/// The identifier of something a node is responsible for.
pub type Key = Id;

impl Id {
    /// The point zero.
    pub const ZERO: Id = Id(0);

    /// The point `value`.
    #[must_use]
    pub const fn new(value: u128) -> Self {
        Id(value)
    }

    /// The point as a number.
    #[must_use]
    pub const fn value(self) -> u128 {
        self.0
    }

    /// The first 128 bits of SHA-256 over `parts`, one after the other.
    #[must_use]
    pub fn hash_of(parts: &[&[u8]]) -> Self {
        let digest = Digest::of(parts);
        let mut first = [0; 16];
        first.copy_from_slice(&digest.0[..16]);
        Id(u128::from_be_bytes(first))
    }

    /// Big-endian bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// From big-endian bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Id(u128::from_be_bytes(bytes))
    }

    /// How far `other` lies clockwise (towards larger identifiers, wrapping).
    #[must_use]
    pub const fn clockwise_to(self, other: Id) -> u128 {
        other.0.wrapping_sub(self.0)
    }

    /// The distance on the ring, the shorter way round.
    #[must_use]
    pub fn distance(self, other: Id) -> u128 {
        let clockwise = self.clockwise_to(other);
        clockwise.min(clockwise.wrapping_neg())
    }

    /// `Less` when `a` is nearer to this key than `b`. Two points at the same distance are ordered
    /// by value, so that every node names the same root for a key.
    #[must_use]
    pub fn closer(self, a: Id, b: Id) -> Ordering {
        self.distance(a).cmp(&self.distance(b)).then(a.cmp(&b))
    }

    /// The entry of `nodes` closest to this key.
    pub fn closest(self, nodes: impl IntoIterator<Item = Id>) -> Option<Id> {
        nodes.into_iter().min_by(|a, b| self.closer(*a, *b))
    }

    /// The first eight digits, for people.
    #[must_use]
    pub fn short(self) -> String {
        hex::encode(&self.to_bytes()[..4])
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0 >> 96)
    }
}

impl FromStr for Id {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex::decode(text).map(Id::from_bytes).ok_or("an identifier is 32 hexadecimal digits")
    }
}

// 16 bytes on the wire: a u128 as a varint would take up to 19.
impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_bytes().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <[u8; 16]>::deserialize(deserializer).map(Id::from_bytes)
    }
}

/// A SHA-256 digest: the name of a result, and what signatures are made over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// SHA-256 over `parts`, one after the other. Callers separate domains and lengths.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Digest(hasher.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn the_ring_wraps() {
        let (first, last) = (Id::new(0), Id::new(u128::MAX));
        assert_eq!(first.distance(last), 1);
        assert_eq!(last.clockwise_to(first), 1);
        assert_eq!(first.clockwise_to(last), u128::MAX);
        assert_eq!(Id::new(1).closest([last, Id::new(4)]), Some(last));
    }

    #[test]
    fn ties_have_one_winner() {
        let key = Id::new(10);
        assert_eq!(key.closest([Id::new(12), Id::new(8)]), Some(Id::new(8)));
        assert_eq!(key.closest([Id::new(8), Id::new(12)]), Some(Id::new(8)));
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_at_most_half(a: u128, b: u128) {
            let (a, b) = (Id::new(a), Id::new(b));
            prop_assert_eq!(a.distance(b), b.distance(a));
            prop_assert!(a.distance(b) <= 1 << 127);
            prop_assert_eq!(a.distance(b) == 0, a == b);
        }

        #[test]
        fn text_and_bytes_survive(a: u128) {
            let id = Id::new(a);
            prop_assert_eq!(id.to_string().parse::<Id>(), Ok(id));
            prop_assert_eq!(Id::from_bytes(id.to_bytes()), id);
        }
    }
}
