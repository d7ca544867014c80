//! One message over many ways at once: for what went out once and got no answer (OSDI'02's
//! redundant routing, Pastry §2.4's randomised one).
//!
//! A hop that acknowledges a message and throws it away is never found out by the hop before it. So
//! whoever misses an answer sends the body again to many linked peers at once, by turns
//! the best ones and leaf set members by chance, whom no lie has put where they are. Copies
//! that meet at an honest node go different ways from there (`route`); the root delivers one.
//!
//! Copies are not kept: the ordinary message is, and each copy is one of many.

use alloc::vec::Vec;
use core::cmp::Reverse;

use base::{Key, NodeId};
use bytes::Bytes;
use wire::Class;
use wire::overlay::{Message, Routed, Target};

use crate::Overlay;
use crate::hop::Step;

/// Copies of one message at once. As many as OSDI'02 sends (r = l = 32), where leaf sets have twice as
/// many places as here.
const COPIES_MAX: usize = 32;

impl Overlay {
    /// A body of this node's own, for the root of `key`, over many ways.
    pub(crate) fn on_spread_request(&mut self, key: Key, class: Class, body: Bytes) {
        let Some(routed) = self.name(key, Target::Root, None, class, body) else { return };
        let custody = self.fresh(routed.clone(), None);
        let (id, first) = (routed.id, self.step(&custody.way()));
        self.dispatch(custody);
        let Step::Hop(first, _) = first else { return };
        for hop in self.first_hops(key, first) {
            self.routes.passed.note(id, hop, 0, self.now);
            self.stats.forwarded += 1;
            let copy = Routed { hops: 1, ..routed.clone() };
            self.send_by(hop, None, Message::Route(copy));
        }
    }

    /// Linked peers for the copies, without `taken`: by turns the longest prefix and a leaf set
    /// member.
    fn first_hops(&mut self, key: Key, taken: NodeId) -> Vec<NodeId> {
        let usable = |id: &NodeId| {
            *id != taken && self.links.get(*id).is_some_and(|link| link.ready && !link.suspect)
        };
        let open = self.links.open().map(|link| link.contact.id);
        let mut best: Vec<NodeId> = open.filter(usable).collect();
        let members = self.leaf.members().into_iter().map(|contact| contact.id);
        let mut members: Vec<NodeId> = members.filter(usable).collect();
        self.rng.shuffle(&mut best);
        self.rng.shuffle(&mut members);
        let place =
            |(at, id): (usize, NodeId)| (Reverse(self.config.digits.shared(key, id)), at, id);
        let best = base::in_order(best.into_iter().enumerate().map(place));
        let mut chosen: Vec<NodeId> = Vec::with_capacity(COPIES_MAX);
        for turn in 0..best.len().max(members.len()) {
            for id in [best.get(turn).map(|(.., id)| id), members.get(turn)].into_iter().flatten() {
                if chosen.len() < COPIES_MAX && !chosen.contains(id) {
                    chosen.push(*id);
                }
            }
        }
        chosen
    }
}
