//! Which way a message goes next (Pastry §2.4, over links).
//!
//! Pastry forwards to any known node; here only linked peers carry messages, and a link budget
//! leaves most known nodes unlinked. The rule is Pastry's with one restriction: *every* hop is
//! strictly closer to the key than the one before it. A route then cannot loop, whatever its nodes
//! believe, and links to the ring neighbours alone suffice to arrive. Among the linked peers that
//! are closer:
//! - if the leaf set covers the key, the closest one (Pastry's first case);
//! - else the one with the longest prefix in common with the key, the closest of several. It is
//!   the routing table's entry where that is linked (second case), and otherwise any link that
//!   does better than this node (the rare case).
//!
//! Pastry's second case would also go to a node with a longer prefix that is farther away. That
//! happens only when this node lies next to the key's column, and costs no hop to avoid.
//!
//! Where a ring neighbour cannot be linked, a message may reach a node that knows a closer one but
//! has no link towards it. It then makes a detour: [`Routed::via`](wire::overlay::Routed) names a
//! relay to be reached first, from which the rule starts afresh. Relays that fail hand the message
//! back, each is tried once, and `HOPS_MAX` ends it all.

use core::cmp::Ordering;

use base::{Key, NodeId};
use wire::overlay::Target;

use crate::Overlay;
use crate::links::Link;

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Deliver it.
    Here,
    /// Send it on, by way of a relay if one is named.
    Hop(NodeId, Option<NodeId>),
    /// No way at present, or this node will be its root but is not ready.
    Wait,
    /// This node is the root, and does not know the one node that may have it.
    Nowhere,
}

/// A message as far as its way is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way<'a> {
    pub(crate) key: Key,
    pub(crate) target: Target,
    pub(crate) via: Option<NodeId>,
    /// The linked peer that brought it.
    pub(crate) from: Option<NodeId>,
    /// This node was named as its relay.
    pub(crate) relayed: bool,
    /// Hops that did not take it, or brought it back.
    pub(crate) tried: &'a [NodeId],
}

impl Overlay {
    /// The linked peer to which a message to the root of `key` would go from here; `None` when it
    /// ends here.
    #[must_use]
    pub fn next_hop(&self, key: Key) -> Option<NodeId> {
        let target = Target::Root;
        match self.step(&Way { key, target, via: None, from: None, relayed: false, tried: &[] }) {
            Step::Hop(to, _) => Some(to),
            Step::Here | Step::Wait | Step::Nowhere => None,
        }
    }

    pub(crate) fn step(&self, way: &Way<'_>) -> Step {
        if way.target == Target::Node {
            if way.key == self.me.id {
                return Step::Here;
            }
            if self.links.is_open(way.key) && !way.tried.contains(&way.key) {
                return Step::Hop(way.key, None);
            }
        }
        if let Some(hop) = way.via.and_then(|via| self.towards_relay(way, via)) {
            return hop;
        }
        let Some(root) = self.closest_known(way) else { return Step::Wait };
        if root == self.me.id {
            return match way.target {
                Target::Root if self.ready => Step::Here,
                Target::Node if self.ready => self.last_resort(way),
                Target::Root | Target::Node => Step::Wait,
            };
        }
        match self.progress(way, way.key, Some(root)) {
            Some(hop) => Step::Hop(hop, None),
            None => self.detour(way, root),
        }
    }

    /// The node closest to the key among this one, its leaf set and the ready linked peers. A node
    /// outside the ring does not count itself for what it sends.
    pub(crate) fn closest_known(&self, way: &Way<'_>) -> Option<NodeId> {
        let me = (self.ready || way.from.is_some()).then_some(self.me.id);
        let leaf = self.leaf.left().iter().chain(self.leaf.right()).map(|contact| contact.id);
        let links = self.links.open().filter(|link| link.ready).map(|link| link.contact.id);
        way.key.closest(leaf.chain(links).chain(me))
    }

    /// The best linked peer that is strictly closer to `goal` than this node.
    fn progress(&self, way: &Way<'_>, goal: Key, root: Option<NodeId>) -> Option<NodeId> {
        let outside = !self.ready && way.from.is_none();
        let covered = self.leaf.covers(goal);
        let usable = |link: &&Link| {
            let id = link.contact.id;
            (link.ready || Some(id) == root)
                && Some(id) != way.from
                && (outside || goal.closer(id, self.me.id) == Ordering::Less)
                && !way.tried.contains(&id)
        };
        let better = |a: &&Link, b: &&Link| {
            let (a, b) = (a.contact.id, b.contact.id);
            let prefix = if covered {
                Ordering::Equal
            } else {
                goal.shared_digits(b).cmp(&goal.shared_digits(a))
            };
            prefix.then_with(|| goal.closer(a, b))
        };
        // A peer under suspicion carries messages only where nobody else can.
        let sure = self.links.open().filter(usable).filter(|link| !link.suspect).min_by(better);
        sure.or_else(|| self.links.open().filter(usable).min_by(better)).map(|link| link.contact.id)
    }

    fn towards_relay(&self, way: &Way<'_>, via: NodeId) -> Option<Step> {
        if via == self.me.id || way.tried.contains(&via) || way.from == Some(via) {
            return None;
        }
        if self.links.is_open(via) {
            return Some(Step::Hop(via, Some(via)));
        }
        self.progress(way, via, Some(via)).map(|hop| Step::Hop(hop, Some(via)))
    }

    /// The way to `root`, which is closer than this node while no usable link is.
    fn detour(&self, way: &Way<'_>, root: NodeId) -> Step {
        if self.links.is_open(root) {
            // The last hop has no alternative: the same node again, until it is judged dead.
            let refused = way.from == Some(root) && way.tried.contains(&root);
            return if refused { Step::Wait } else { Step::Hop(root, None) };
        }
        if let Some(hop) = self.hinted(way, root) {
            return hop;
        }
        if way.relayed {
            let back = way.from.filter(|from| self.links.is_open(*from));
            return back.map_or(Step::Wait, |from| Step::Hop(from, None));
        }
        let relays = self.links.open().filter(|link| {
            let id = link.contact.id;
            link.ready && way.from != Some(id) && !way.tried.contains(&id)
        });
        let relay = root.closest(relays.map(|link| link.contact.id));
        relay.map_or(Step::Wait, |relay| Step::Hop(relay, Some(relay)))
    }

    /// The way that `id` itself showed.
    fn hinted(&self, way: &Way<'_>, id: NodeId) -> Option<Step> {
        self.peers.via(self.now, id).and_then(|via| self.towards_relay(way, via))
    }

    /// This node is the root of the id of a node that is not in its leaf set: it may still be a
    /// newcomer's entrance, or know it.
    fn last_resort(&self, way: &Way<'_>) -> Step {
        if self.links.is_open(way.key) && way.from != Some(way.key) {
            return Step::Hop(way.key, None);
        }
        self.hinted(way, way.key).unwrap_or(Step::Nowhere)
    }
}
