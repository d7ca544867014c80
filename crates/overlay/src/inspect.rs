//! What an inspector, a driver or a benchmark may look at. Nothing here changes anything.

use base::NodeId;
use wire::overlay::{Contact, Sighting, UNMEASURED};

use crate::{Overlay, Stats};

impl Overlay {
    /// This node.
    #[must_use]
    pub fn me(&self) -> Contact {
        self.me
    }

    /// Whether this node answers for its keys.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// The leaf set: counter-clockwise and clockwise neighbours, nearest first.
    #[must_use]
    pub fn leaf_set(&self) -> (&[Contact], &[Contact]) {
        (self.leaf.left(), self.leaf.right())
    }

    /// The routing table's entries as (row, column, contact).
    pub fn table_rows(&self) -> impl Iterator<Item = (u8, u8, Contact)> + '_ {
        self.table.entries().map(|((row, column), contact)| (row, column, contact))
    }

    /// The neighbourhood set, nearest first, with round trips in microseconds.
    #[must_use]
    pub fn neighbourhood(&self) -> &[Sighting] {
        self.near.entries()
    }

    /// The peers with an open link.
    pub fn links(&self) -> impl Iterator<Item = Contact> + '_ {
        self.links.open().map(|link| link.contact)
    }

    /// The nearest of these by measured round trips. `None` if none is known.
    #[must_use]
    pub fn nearest_of(&self, ids: &[NodeId]) -> Option<NodeId> {
        let known = ids.iter().filter_map(|id| match self.peers.rtt(*id) {
            UNMEASURED => self.peers.met(*id).map(|rtt| (rtt, *id)),
            rtt => Some((rtt, *id)),
        });
        known.min().map(|(_, id)| id)
    }

    /// Link slots in use: open ones and those kept for a set-up under way.
    #[must_use]
    pub fn slots_used(&self) -> u64 {
        self.links.used()
    }

    /// Counters since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// A linked peer through which answers reach this node, to be named in what it seals: a ring
    /// neighbour, else the entrance to the ring. `None` without links.
    #[must_use]
    pub fn return_via(&self) -> Option<NodeId> {
        let neighbour = self.leaf.neighbours().map(|contact| contact.id);
        let entrance = self.join.as_ref().and_then(|join| join.through);
        let oldest = self.links.open().filter(|link| link.ready).min_by_key(|link| link.since);
        neighbour
            .filter(|id| self.links.get(*id).is_some_and(|link| link.ready))
            .chain(entrance)
            .find(|id| self.links.is_open(*id))
            .or(oldest.map(|link| link.contact.id))
    }
}
