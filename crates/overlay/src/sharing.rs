//! What nodes say of their own leaf sets (Bamboo's periodic sharing).
//!
//! A leaf set is shown at a join, at a death, and by turns for no reason: so that two neighbours
//! who know different things meet. `on_leaf_state` is where a sender enters the tables.

use alloc::vec::Vec;

use base::{Duration, NodeId};
use wire::overlay::{Contact, LeafState, Message};

use crate::density::spacing;
use crate::leaf_set::is_plausible;
use crate::{Event, Overlay};

/// Silence of a member before its absence from another's leaf set counts: at a join, leaf sets
/// differ for a moment.
const DOUBT_SILENCE: Duration = Duration::from_secs(3);

impl Overlay {
    /// Tells everybody near that this node has joined.
    pub(crate) fn announce(&mut self) {
        self.event(Event::Ready);
        self.begin_second_stage();
        let linked = self.links.open().map(|link| link.contact.id);
        let members = self.leaf.members().into_iter().map(|contact| contact.id);
        let receivers: base::SortedSet<NodeId> = linked.chain(members).collect();
        for id in receivers {
            self.send(id, Message::LeafSet(self.leaf.state(self.ready)));
        }
    }

    pub(crate) fn share_leaf_set(&mut self, turn: u64) {
        // By turns with the two that matter most, and with any.
        let member = match turn % 3 {
            0 => self.leaf.left().first().copied(),
            1 => self.leaf.right().first().copied(),
            _ => self.rng.pick(&self.leaf.members()).copied(),
        };
        if let Some(member) = member {
            self.send(member.id, Message::LeafSet(self.leaf.state(self.ready)));
        }
    }

    /// A leaf set, unasked. The first message on every link is one too, so a sender that shares
    /// nobody with this node may be of another ring: it enters by a join, not by chance.
    pub(crate) fn on_leaf_set(&mut self, from: Contact, leaf: &LeafState) {
        let mut listed = leaf.contacts().map(|contact| contact.id);
        let lists_me = listed.clone().any(|id| id == self.me.id);
        let shares = listed.any(|id| self.leaf.contains(id));
        let enters = lists_me || shares || self.leaf.contains(from.id);
        self.on_leaf_state(from, leaf, leaf.ready && enters);
        if leaf.ready && enters && !lists_me && self.ready && would_list(from.id, leaf, self.me.id)
        {
            self.probe(from, false);
        }
    }

    /// `from` describes itself. `enters`: it takes part in a ring, so it may enter the tables.
    pub(crate) fn on_leaf_state(&mut self, from: Contact, leaf: &LeafState, enters: bool) {
        if !is_plausible(from.id, leaf) {
            self.misbehaved(from.id, "implausible leaf set");
            return;
        }
        self.set_ready(from.id, leaf.ready);
        if let Some(join) = self.join.as_mut().filter(|join| join.through == Some(from.id)) {
            join.spacing = spacing(from.id, leaf).filter(|_| leaf.ready);
        }
        if !self.ready && self.join.is_none() {
            return;
        }
        if enters {
            // A newcomer does not know everybody yet.
            let is_old = self.leaf.contains(from.id);
            self.admit(from);
            self.learn_all(Some(from.id), leaf.contacts());
            if is_old {
                self.doubt_unlisted(from.id, leaf);
            }
        }
    }

    /// A ready neighbour that does not list a member of this node's leaf set may have found it
    /// dead: its word is hearsay, the member's silence decides whether to ask.
    fn doubt_unlisted(&mut self, from: NodeId, leaf: &LeafState) {
        if !leaf.ready {
            return;
        }
        let listed = |id| leaf.contacts().any(|contact| contact.id == id);
        let silent = |id| {
            let heard = self.peers.get(id).map(|peer| peer.heard);
            heard.is_some_and(|heard| self.now.since(heard) >= DOUBT_SILENCE)
        };
        let doubted = self.leaf.members().into_iter().filter(|member| {
            member.id != from
                && !listed(member.id)
                && reaches(from, leaf, member.id)
                && silent(member.id)
        });
        for member in doubted.collect::<Vec<_>>() {
            self.probe(member, false);
        }
    }
}

/// Whether `id` stands among those that `from` listed on one side. A member that is nearer the other
/// way round only holds a place on a side that lost one: nothing follows from it.
fn reaches(from: NodeId, leaf: &LeafState, id: NodeId) -> bool {
    let left = |id: NodeId| id.clockwise_to(from);
    let right = |id: NodeId| from.clockwise_to(id);
    let behind = |other: NodeId| left(id) < left(other) && left(other) <= right(other);
    let ahead = |other: NodeId| right(id) < right(other) && right(other) <= left(other);
    leaf.left.iter().any(|contact| behind(contact.id))
        || leaf.right.iter().any(|contact| ahead(contact.id))
}

/// Whether `id` belongs into the leaf set that `from` described.
fn would_list(from: NodeId, leaf: &LeafState, id: NodeId) -> bool {
    let left = leaf.left.last().map(|last| last.id.clockwise_to(from));
    let right = leaf.right.last().map(|last| from.clockwise_to(last.id));
    left.is_none_or(|reach| id.clockwise_to(from) < reach)
        || right.is_none_or(|reach| from.clockwise_to(id) < reach)
}
