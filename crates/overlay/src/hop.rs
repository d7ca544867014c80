//! Which way a message goes next (Pastry §2.4, over links).
//!
//! Pastry forwards to any known node; here only linked peers carry messages, and a link budget
//! leaves most known nodes unlinked. The rule is Pastry's with one restriction: over links, *every*
//! hop is strictly closer to the key than the one before it. A route then cannot loop, whatever its nodes
//! believe, and links to the ring neighbours alone suffice to arrive. Among the linked peers that
//! are closer:
//! - if the leaf set covers the key, the closest one (Pastry's first case);
//! - else the routing table's entry for the key, if it is linked: the nearest node with that prefix
//!   (second case);
//! - else the one with the longest prefix in common with the key, the closest of several (the rare
//!   case).
//!
//! Pastry's second case also goes to a node with a longer prefix that is farther away: where this node
//! lies next to the key's column. Datagrams do so, too, as long as a message has not been here before
//! and was refused nowhere, so that it cannot go round. Not to do it costs hops beyond ⌈log₁₆ N⌉: 6
//! instead of 4 at the most among 10,000 nodes, though less than a thousandth of them in the mean.
//!
//! Where a ring neighbour cannot be linked, a message may reach a node that knows a closer one but
//! has no link towards it. It then makes a detour: [`Routed::via`](wire::overlay::Routed) names a
//! relay to be reached first: the one that the closer node itself named, else linked peers, a few
//! at a time. A relay that is not linked to the node closest to the key hands the message back. With
//! datagrams, the same helps where a pair of nodes is deaf one way.

use core::cmp::Ordering;

use base::{Key, NodeId};
use wire::overlay::Target;

use crate::Overlay;
use crate::links::Link;

/// Relays that a message tries before it waits a moment.
const RELAYS_MAX: usize = 4;

/// Where a message to the root of a key goes; see [`Overlay::next_hop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextHop {
    /// To this linked peer, which is closer to the key.
    Hop(NodeId),
    /// Nowhere else: this node is the root.
    Root,
}

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
    /// It comes again although those it was sent to have taken it.
    pub(crate) again: bool,
    /// Times it waited here: each time other relays are asked.
    pub(crate) round: u8,
    /// It has not been here before, nor was it refused anywhere.
    pub(crate) moves: bool,
}

impl Way<'_> {
    /// Of a message that begins here.
    pub(crate) fn new(key: Key, target: Target) -> Self {
        let (via, from, relayed, again) = (None, None, false, false);
        Way { key, target, via, from, relayed, tried: &[], again, round: 0, moves: false }
    }
}

impl Overlay {
    /// Where the routing rule sends a message to the root of `key` from here, over linked peers
    /// that have joined. `None` while this node is not ready, must not answer for a key that it is
    /// the root of, or knows a closer node that only a detour reaches: then route the message
    /// itself. Every hop is strictly closer to the key than this node, so whatever is built of hops
    /// has no loops.
    #[must_use]
    pub fn next_hop(&self, key: Key) -> Option<NextHop> {
        let step = self.step(&Way::new(key, Target::Root));
        let is_ready = |id: NodeId| self.links.get(id).is_some_and(|link| link.ready);
        match step {
            Step::Here => Some(NextHop::Root),
            Step::Hop(to, None) if self.ready && is_ready(to) => Some(NextHop::Hop(to)),
            Step::Hop(..) | Step::Wait | Step::Nowhere => None,
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
        if let Target::Replica(copies) = way.target
            && let Some(step) = self.replica_step(way, copies)
        {
            return step;
        }
        if let Some(hop) = self.table_hop(way) {
            return Step::Hop(hop, None);
        }
        let Some(root) = self.closest_known(way) else { return Step::Wait };
        if root == self.me.id {
            return match way.target {
                Target::Root if self.ready && self.may_answer(way.key) => Step::Here,
                Target::Node if self.ready => self.last_resort(way),
                // Others may answer too, so nobody's word that it will not is needed.
                Target::Replica(_) if self.ready => Step::Here,
                Target::Root | Target::Node | Target::Replica(_) => Step::Wait,
            };
        }
        if way.relayed {
            return self.relay(way, root);
        }
        match self.progress(way, way.key, Some(root)) {
            Some(hop) => Step::Hop(hop, None),
            None => self.detour(way, root),
        }
    }

    /// The routing table's entry for the key, where the leaf set does not reach and the entry can
    /// take the message. With datagrams it may be farther from the key than this node.
    fn table_hop(&self, way: &Way<'_>) -> Option<NodeId> {
        if way.relayed || !self.ready || self.leaf.covers(way.key) {
            return None;
        }
        let entry = self.table.get(self.table.slot(way.key)?)?.id;
        let link = self.links.get(entry).filter(|link| link.ready && !link.suspect)?;
        let is_closer = way.key.closer(entry, self.me.id) == Ordering::Less;
        let usable = way.from != Some(entry)
            && !way.tried.contains(&entry)
            && (is_closer || self.is_direct() && way.moves);
        usable.then_some(link.contact.id)
    }

    /// The node closest to the key among this one, its leaf set and the ready linked peers. A node
    /// that has not begun to enter the ring does not count itself for what it sends; a relay counts
    /// newcomers.
    pub(crate) fn closest_known(&self, way: &Way<'_>) -> Option<NodeId> {
        let returning = way.target != Target::Node && !self.leaf.is_empty();
        let me = (self.ready || way.from.is_some() || returning).then_some(self.me.id);
        let leaf = self.leaf.contacts().map(|contact| contact.id);
        let links = self.links.around(way.key, |link| link.ready || way.relayed);
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
                let digits = self.config.digits;
                digits.shared(goal, b).cmp(&digits.shared(goal, a))
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
        let tried = way.tried.contains(&root);
        if self.links.is_open(root) && !(tried && (way.again || self.is_deaf(root))) {
            // The last hop has no alternative: the same node again, until it is judged dead.
            let refused = way.from == Some(root) && tried;
            return if refused { Step::Wait } else { Step::Hop(root, None) };
        }
        if let Some(hop) = self.hinted(way, root) {
            return hop;
        }
        let relays = self.links.ready_towards(root, |link| way.from != Some(link.contact.id));
        let asked = relays.chunks(RELAYS_MAX).nth(usize::from(way.round));
        let asked = asked.or_else(|| relays.chunks(RELAYS_MAX).next()).unwrap_or_default();
        let relay = asked.iter().find(|relay| !way.tried.contains(relay));
        relay.map_or(Step::Wait, |relay| Step::Hop(*relay, Some(*relay)))
    }

    /// Datagrams may reach a node from everywhere but here: then a relay carries them, and after a
    /// moment the straight way has its turn again. Silence alone does not show it: a dead root would
    /// be asked for everywhere.
    fn is_deaf(&self, id: NodeId) -> bool {
        self.links.get(id).is_some_and(|link| link.deaf)
    }

    /// This node was asked for its link to `root`: it has one, or knows who has, or hands back.
    fn relay(&self, way: &Way<'_>, root: NodeId) -> Step {
        let taken = |id: &NodeId| way.from != Some(*id) && self.links.is_open(*id);
        if taken(&root) && !way.tried.contains(&root) {
            return Step::Hop(root, None);
        }
        let named = self.peers.via(self.now, root).filter(|via| !way.tried.contains(via));
        if let Some(via) = named.filter(taken) {
            return Step::Hop(via, Some(via));
        }
        let back = way.from.filter(|from| self.links.is_open(*from));
        back.map_or(Step::Wait, |from| Step::Hop(from, None))
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

#[cfg(test)]
mod tests;
