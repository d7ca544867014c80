//! The checker of copies: who holds which value, who acknowledged it to whom, and whether somebody
//! dropped a copy that the others had not acknowledged.
//!
//! It sees what hosts tell their disks (kept, forgotten) and what they are told (who has it), and
//! knows nothing of how a store decides.

use std::collections::BTreeMap;

use base::{Duration, NodeId, Time};
use wire::store::{COPIES, Holding, Name};

/// An acknowledgement older than this does not excuse a dropped copy: its giver may have dropped
/// its own since (a promise lasts 20 s).
const FRESH: Duration = Duration::from_secs(20);

/// One host's copy.
#[derive(Debug)]
struct Shelved {
    expires: Time,
    /// Who told this host that it has the value, and when last.
    acknowledged: BTreeMap<NodeId, Time>,
    /// When somebody last told it that all who should hold the value do.
    vouched: Option<Time>,
}

/// All copies of all values.
#[derive(Debug, Default)]
pub struct Shelves {
    is_watching: bool,
    copies: BTreeMap<Name, BTreeMap<u32, Shelved>>,
    dropped: u64,
    early: u64,
    lonely: u64,
}

impl Shelves {
    pub(crate) fn watch(&mut self) {
        self.is_watching = true;
    }

    pub(crate) fn kept(&mut self, host: u32, name: Name, expires: Time) {
        if self.is_watching {
            let new = || Shelved { expires, acknowledged: BTreeMap::new(), vouched: None };
            self.copies.entry(name).or_default().entry(host).or_insert_with(new).expires = expires;
        }
    }

    pub(crate) fn acknowledged(&mut self, host: u32, from: NodeId, item: &Holding, now: Time) {
        let copies = self.copies.get_mut(&item.version.name());
        let Some(copy) = copies.and_then(|copies| copies.get_mut(&host)) else { return };
        copy.acknowledged.insert(from, now);
        if item.complete && usize::from(item.copies) >= COPIES {
            copy.vouched = Some(now);
        }
    }

    pub(crate) fn forgot(&mut self, host: u32, name: Name, now: Time) {
        let Some(copies) = self.copies.get_mut(&name) else { return };
        let Some(copy) = copies.remove(&host) else { return };
        if copy.expires <= now {
            return;
        }
        self.dropped += 1;
        let is_fresh = |at: &Time| now.since(*at) <= FRESH;
        let said = copy.acknowledged.values().filter(|at| is_fresh(at)).count();
        let is_handed_over = said >= COPIES || copy.vouched.as_ref().is_some_and(is_fresh);
        self.early += u64::from(!is_handed_over);
        self.lonely += u64::from(copies.is_empty());
    }

    /// A host is dead, and its copies with it.
    pub(crate) fn died(&mut self, host: u32) {
        for copies in self.copies.values_mut() {
            copies.remove(&host);
        }
    }

    /// Live hosts that hold the value.
    pub fn holders(&self, name: &Name) -> impl Iterator<Item = u32> {
        self.copies.get(name).into_iter().flat_map(|copies| copies.keys().copied())
    }

    /// Copies that were dropped before their life had ended.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Of those, dropped although fewer than k others had just acknowledged the value, and nobody
    /// had vouched for them.
    #[must_use]
    pub fn dropped_early(&self) -> u64 {
        self.early
    }

    /// Of those, the last copy there was.
    #[must_use]
    pub fn dropped_last(&self) -> u64 {
        self.lonely
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Digest, Key};
    use wire::store::Version;

    fn said(shelves: &mut Shelves, name: Name, by: u128, copies: u8, at: Time) {
        let Name::Blob(digest) = name else { return };
        let complete = usize::from(copies) >= COPIES;
        let item = Holding { version: Version::Blob(digest), copies, complete };
        shelves.acknowledged(1, Key::new(by), &item, at);
    }

    #[test]
    fn a_copy_may_go_once_all_others_have_just_said_that_they_have_it() {
        let (late, end) = (Time::from_millis(15_000), Time::from_millis(100_000));
        let verdict = |name: u8, others: u128, copies: u8, dropped: Time, expires: Time| {
            let name = Name::Blob(Digest([name; 32]));
            let mut shelves = Shelves::default();
            shelves.watch();
            shelves.kept(1, name, expires);
            shelves.kept(2, name, expires);
            (0..others).for_each(|by| said(&mut shelves, name, by, copies, Time::ZERO));
            shelves.forgot(1, name, dropped);
            assert_eq!(shelves.holders(&name).collect::<Vec<_>>(), [2]);
            (shelves.dropped(), shelves.dropped_early(), shelves.dropped_last())
        };
        assert_eq!(verdict(1, 5, 1, late, end), (1, 0, 0), "five said it");
        assert_eq!(verdict(2, 4, 4, late, end), (1, 1, 0), "one too few");
        assert_eq!(verdict(3, 1, 5, late, end), (1, 0, 0), "their root vouched for all");
        assert_eq!(verdict(4, 5, 5, end, end + FRESH), (1, 1, 0), "too long ago");
        assert_eq!(verdict(5, 0, 0, end, end), (0, 0, 0), "its life was over");
    }

    #[test]
    fn the_last_copy_and_the_dead_are_noticed() {
        let name = Name::Record(Key::new(3));
        let mut shelves = Shelves::default();
        shelves.watch();
        for host in 1..4 {
            shelves.kept(host, name, Time::FAR_FUTURE);
        }
        shelves.died(2);
        assert_eq!(shelves.holders(&name).collect::<Vec<_>>(), [1, 3]);
        shelves.died(3);
        shelves.forgot(1, name, Time::ZERO);
        assert_eq!((shelves.dropped(), shelves.dropped_last()), (1, 1));
        assert_eq!(shelves.holders(&name).count(), 0);
    }
}
