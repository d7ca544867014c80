//! Towards a near one of the k nodes closest to a key (Pastry's heuristic for replicas).
//!
//! The k that hold a value are neighbours on the ring, and anywhere in the network. A route to the key
//! meets the near ones first, as its early hops are short; but where their prefixes differ from the
//! key's it passes them by. So as soon as peers are known that are likely to be among the k, judged by
//! how densely this node's leaf set is populated, the message goes to the nearest of them. One that is
//! not among them, but next to them, is as good: it knows them all, and how far each is. The message is
//! delivered at the first node that knows from its own leaf set that it is one of the k.

use core::cmp::Ordering;

use base::{Key, NodeId};

use crate::Overlay;
use crate::density::spacing;
use crate::hop::{Step, Way};

/// How many times as far from the key as the last of the k is likely to be a peer may be. Chosen: of 1
/// to 3.5 times, twice meets the nearest one most often, and costs a twentieth of a hop.
const REACH_FACTOR: u128 = 2;

impl Overlay {
    /// Where a message to any of the `copies` nodes closest to its key goes, if that is not where one
    /// to the root goes.
    pub(crate) fn replica_step(&self, way: &Way<'_>, copies: u8) -> Option<Step> {
        if self.ready && self.leaf.is_among_closest(way.key, copies.into()) {
            return Some(Step::Here);
        }
        if way.relayed {
            return None;
        }
        let reach = self.reach_of_copies(way.key, copies)?;
        let usable = self.links.open().filter(|link| {
            let id = link.contact.id;
            link.ready
                && !link.suspect
                && way.key.distance(id) <= reach
                && way.key.closer(id, self.me.id) == Ordering::Less
                && way.from != Some(id)
                && !way.tried.contains(&id)
        });
        let order = |id: NodeId| (self.peers.rtt(id), way.key.distance(id), id);
        let near = usable.map(|link| link.contact.id).min_by_key(|id| order(*id))?;
        Some(Step::Hop(near, None))
    }

    /// How far from `key` a peer may be that the message goes to.
    fn reach_of_copies(&self, key: Key, copies: u8) -> Option<u128> {
        let known = self.leaf.reach_of_closest(key, copies.into());
        known.or_else(|| {
            let spacing = spacing(self.me.id, &self.leaf.state(self.ready))?;
            Some((spacing / 2).saturating_mul(REACH_FACTOR * u128::from(copies)))
        })
    }
}
