//! Which network a node is of: the keys of its introducers (design §3).
//!
//! Whoever any of them vouches for is a node of the network, so they stand for one another, and a
//! network is as choosy as the least choosy of them.

use core::fmt;

use crate::PublicKey;

/// Introducers of one network at most; a network with more is none. Chosen: a member keeps a
/// conversation with each.
pub const INTRODUCERS_MAX: usize = 4;

/// The public keys of a network's introducers: its name. Most networks have one.
///
/// Invariant: in ascending order, each once, at least one; zeros behind them. So equal sets are equal
/// values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Network {
    keys: [PublicKey; INTRODUCERS_MAX],
    count: u8,
}

impl Network {
    /// The network of these introducers; each counts once. `None` when there are none, or more than
    /// [`INTRODUCERS_MAX`].
    #[must_use]
    pub fn new(introducers: impl IntoIterator<Item = PublicKey>) -> Option<Self> {
        let mut introducers = introducers.into_iter();
        let mut network = Network::from(introducers.next()?);
        for key in introducers {
            let Err(at) = network.introducers().binary_search(&key) else { continue };
            let count = network.introducers().len();
            // Grows by the first of the zeros, which goes where the key belongs.
            let keys = network.keys.get_mut(at..=count)?;
            keys.rotate_right(1);
            keys[0] = key;
            network.count += 1;
        }
        Some(network)
    }

    /// In ascending order.
    #[must_use]
    pub fn introducers(&self) -> &[PublicKey] {
        &self.keys[..usize::from(self.count)]
    }

    /// Whether this key is an introducer's.
    #[must_use]
    pub fn has(&self, key: &PublicKey) -> bool {
        self.introducers().contains(key)
    }
}

/// The network of one introducer.
impl From<PublicKey> for Network {
    fn from(introducer: PublicKey) -> Self {
        let mut keys = [PublicKey([0; 32]); INTRODUCERS_MAX];
        keys[0] = introducer;
        Network { keys, count: 1 }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.introducers().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(keys: &[u8]) -> Option<Network> {
        Network::new(keys.iter().map(|key| PublicKey([*key; 32])))
    }

    #[test]
    fn a_set_has_one_form() {
        for keys in [&[3, 1, 2][..], &[1, 2, 3], &[2, 3, 1, 3, 2, 1, 1]] {
            assert_eq!(network(keys), network(&[1, 2, 3]), "{keys:?}");
        }
        let sorted = network(&[9, 0, 4, 2]).unwrap();
        let keys: std::vec::Vec<u8> = sorted.introducers().iter().map(|key| key.0[0]).collect();
        assert_eq!(keys, [0, 2, 4, 9]);
        assert_ne!(network(&[0]), network(&[0, 1]));
        assert_eq!(network(&[7]), Some(Network::from(PublicKey([7; 32]))));
    }

    #[test]
    fn it_has_one_introducer_at_least_and_so_many_at_most() {
        assert_eq!(network(&[]), None);
        assert!(network(&[1, 2, 3, 4]).is_some());
        assert_eq!(network(&[1, 2, 3, 4, 5]), None);
        assert!(network(&[1, 2, 3, 4, 4, 1]).is_some());
    }

    #[test]
    fn only_what_was_named_is_an_introducer() {
        let few = network(&[1, 2]).unwrap();
        assert!(few.has(&PublicKey([2; 32])) && !few.has(&PublicKey([3; 32])));
        assert!(!few.has(&PublicKey([0; 32])), "what fills the rest is no key");
    }
}
