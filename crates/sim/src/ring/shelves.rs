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
