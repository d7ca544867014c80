//! What others fetch here, and how much each may: a short question does not cost this node without
//! end.

use base::{Bounded, Duration, NodeId, SortedMap, Time};
use bytes::Bytes;
use wire::store::{COPIES, Message, Name};

use crate::{Merge, Store};

/// Peers whose fetching is remembered. Beyond it the one that fetched longest ago is forgotten, and
/// may fetch anew.
const PEERS_MAX: usize = 1024;

/// What one peer fetched.
#[derive(Clone, Copy, Debug)]
struct Account {
    /// Bytes that are not paid off yet.
    spent: u64,
    at: Time,
}

/// A bucket of bytes for each peer, refilled at an even rate.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    accounts: SortedMap<NodeId, Account>,
    bytes_max: u64,
    period: Duration,
}

impl Served {
    pub(crate) fn new(bytes_max: u64, period: Duration) -> Self {
        Served { accounts: SortedMap::new(), bytes_max, period }
    }

    /// Whether `peer` may have `bytes` now; counts them if so. An answer of no bytes costs one
    /// kilobyte, too.
    pub(crate) fn allows(&mut self, now: Time, peer: NodeId, bytes: u64) -> bool {
        let cost = bytes.max(1024);
        let idle = self.accounts.get(&peer).copied().unwrap_or(Account { spent: 0, at: now });
        let gone = now.since(idle.at).min(self.period).as_micros();
        let refill = u128::from(self.bytes_max) * gone / self.period.as_micros().max(1);
        let spent = idle.spent.saturating_sub(u64::try_from(refill).unwrap_or(u64::MAX));
        let allowed = spent + cost <= self.bytes_max;
        let spent = if allowed { spent + cost } else { spent };
        self.accounts.insert(peer, Account { spent, at: now });
        if self.accounts.len() > PEERS_MAX
            && let Some(oldest) = self.accounts.iter().min_by_key(|(_, account)| account.at)
        {
            let oldest = *oldest.0;
            self.accounts.remove(&oldest);
        }
        allowed
    }
}

impl<M: Merge> Store<M> {
    /// Somebody wants a value; `from` may be this node when it is the root.
    pub(crate) fn on_fetch(&mut self, from: NodeId, name: Name) {
        let value = self.value(&name).cloned();
        let bytes = match name {
            Name::Blob(_) => value.as_ref().map_or(0, Bytes::len),
            Name::Record(_) => 0,
        };
        if from == self.me || !self.served.allows(self.now, from, bytes as u64) {
            self.counters.ignored += 1;
            return;
        }
        if let Some(held) = self.shelf.get_mut(&name)
            && matches!(name, Name::Blob(_))
        {
            // It asks because it lost its copy, if it ever had one.
            held.copies.remove(&from);
        }
        match (name, value) {
            (Name::Blob(digest), Some(blob)) => {
                self.counters.sent_bytes += blob.len() as u64;
                self.send(from, Message::Blob { digest, blob });
            }
            (Name::Record(key), Some(_)) => self.send_outline(from, key),
            (_, None) => {
                let members = self.place.standing(name.key(), |_| false).members;
                let others = members.into_iter().filter(|id| *id != self.me && *id != from);
                let holders = Bounded::<_, COPIES>::truncating(others);
                self.send(from, Message::Absent { name, holders });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_refills_evenly() {
        let mut served = Served::new(10_000, Duration::from_secs(10));
        let (peer, second) = (NodeId::new(1), Duration::from_secs(1));
        assert!(served.allows(Time::ZERO, peer, 9_000));
        assert!(!served.allows(Time::ZERO, peer, 2_000));
        assert!(served.allows(Time::ZERO, NodeId::new(2), 2_000));
        assert!(served.allows(Time::ZERO + second, peer, 2_000));
        assert!(!served.allows(Time::ZERO + second, peer, 1));
        assert!(served.allows(Time::ZERO + second * 11, peer, 10_000));
    }
}
