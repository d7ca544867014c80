//! Who was introduced to whom, for how long, and how much passed between the two.

use alloc::collections::{BTreeMap, VecDeque};

use base::{Duration, NodeId, Time};

/// Pairs at once; the oldest introduction gives way. Chosen: 100 bytes each.
pub(super) const PAIRS_MAX: u32 = 65_536;
/// How long an introduction lets signals pass.
pub(super) const PAIR_LIFE: Duration = Duration::from_secs(60);
/// Bytes that pass between a pair in each [`PAIR_LIFE`] (hostile.md §3.1).
pub(super) const PAIR_BYTES_MAX: u64 = 64 * 1024;

/// Whether a signal may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It may, and is counted.
    Granted,
    /// The two were not introduced, or too long ago.
    Stranger,
    /// They have sent too much.
    OverQuota,
}

/// Two peers, the smaller id first.
type Key = (NodeId, NodeId);

#[derive(Debug)]
struct Pair {
    expires: Time,
    window: Time,
    bytes: u64,
}

/// The pairs that were introduced lately.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// At most [`PAIRS_MAX`].
    pairs: BTreeMap<Key, Pair>,
    /// One entry for each introduction, in order; at most [`PAIRS_MAX`]. A pair that was
    /// introduced again has a later entry too. Invariant: every pair has an entry that expires
    /// when it does.
    order: VecDeque<(Time, Key)>,
}

impl Pairs {
    pub(super) fn introduce(&mut self, now: Time, a: NodeId, b: NodeId) {
        self.expire(now);
        if self.order.len() as u64 >= u64::from(PAIRS_MAX) {
            self.drop_oldest();
        }
        let (key, expires) = (key(a, b), now + PAIR_LIFE);
        let pair = self.pairs.entry(key).or_insert(Pair { expires, window: now, bytes: 0 });
        pair.expires = expires;
        self.order.push_back((expires, key));
    }

    pub(super) fn pass(&mut self, now: Time, from: NodeId, to: NodeId, bytes: u64) -> Passage {
        self.expire(now);
        let Some(pair) = self.pairs.get_mut(&key(from, to)) else { return Passage::Stranger };
        if now.since(pair.window) >= PAIR_LIFE {
            (pair.window, pair.bytes) = (now, 0);
        }
        if pair.bytes + bytes > PAIR_BYTES_MAX {
            return Passage::OverQuota;
        }
        pair.bytes += bytes;
        Passage::Granted
    }

    fn expire(&mut self, now: Time) {
        while self.order.front().is_some_and(|(expires, _)| *expires <= now) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((expires, key)) = self.order.pop_front() else { return };
        if self.pairs.get(&key).is_some_and(|pair| pair.expires <= expires) {
            self.pairs.remove(&key);
        }
    }
}

fn key(a: NodeId, b: NodeId) -> Key {
    (a.min(b), a.max(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeId = NodeId::new(1);
    const B: NodeId = NodeId::new(2);

    fn secs(at: u64) -> Time {
        Time::from_millis(at * 1_000)
    }

    #[test]
    fn a_pair_lives_a_minute_in_both_directions() {
        let mut pairs = Pairs::default();
        assert_eq!(pairs.pass(secs(0), A, B, 1), Passage::Stranger);
        pairs.introduce(secs(0), A, B);
        assert_eq!(pairs.pass(secs(59), B, A, 1), Passage::Granted);
        assert_eq!(pairs.pass(secs(60), A, B, 1), Passage::Stranger);
        assert!(pairs.pairs.is_empty() && pairs.order.is_empty());
    }

    #[test]
    fn introducing_again_prolongs_but_does_not_refill() {
        let mut pairs = Pairs::default();
        pairs.introduce(secs(0), A, B);
        assert_eq!(pairs.pass(secs(1), A, B, PAIR_BYTES_MAX), Passage::Granted);
        pairs.introduce(secs(30), B, A);
        assert_eq!(pairs.pass(secs(31), A, B, 1), Passage::OverQuota);
        assert_eq!(pairs.pass(secs(60), A, B, 1), Passage::Granted);
        assert_eq!(pairs.pass(secs(90), A, B, 1), Passage::Stranger);
    }

    #[test]
    fn the_oldest_gives_way() {
        let mut pairs = Pairs::default();
        pairs.introduce(secs(0), A, B);
        for other in 0..u128::from(PAIRS_MAX) {
            pairs.introduce(secs(1), A, NodeId::new(100 + other));
        }
        assert_eq!(pairs.order.len(), pairs.pairs.len());
        assert_eq!(pairs.pairs.len() as u64, u64::from(PAIRS_MAX));
        assert_eq!(pairs.pass(secs(1), A, B, 1), Passage::Stranger);
        assert_eq!(pairs.pass(secs(1), NodeId::new(100), A, 1), Passage::Granted);
    }
}
