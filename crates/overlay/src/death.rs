//! Whoever is gone: by its goodbye, by this node's own verdict, or replaced by a later start.
//!
//! A death is announced by whoever stands next to the dead, with the leaf set that shows who comes
//! instead; others find out for themselves (`liveness`). Repair follows in `repair`.

use alloc::vec::Vec;

use base::NodeId;
use wire::overlay::{Contact, LeafState, Message};

use crate::leaf_set::is_plausible;
use crate::liveness::PROBE_TIME_MIN;
use crate::{Event, GoneReason, Output, Overlay};

impl Overlay {
    /// A neighbour of `contact` found it dead. This node finds out for itself, and learns who takes
    /// its place.
    pub(crate) fn on_suspect(&mut self, from: Contact, contact: Contact, leaf: &LeafState) {
        if contact.id == self.me.id {
            if self.leaf.contains(from.id) {
                self.health.note_sign(self.now, from.id);
            }
            return self.probe(from, false);
        }
        if !is_plausible(from.id, leaf) {
            return self.misbehaved(from.id, "implausible leaf set");
        }
        self.learn_all(Some(from.id), leaf.contacts());
        let Some(peer) = self.peers.get(contact.id) else {
            // If it was found dead here before, that makes two who say so.
            return self.end_withholding(contact.id);
        };
        let silent = self.now.since(peer.heard) >= PROBE_TIME_MIN;
        if peer.contact.epoch <= contact.epoch && silent && self.is_needed(contact.id) {
            // What the sender names now may be wanted only when the dead one is out.
            self.repair.keep_heirs(contact.id, leaf);
            self.suspect(contact.id);
            if let Some(probe) = self.watch.probes.get_mut(&contact.id) {
                probe.accused = Some(from.id);
            }
        }
    }

    pub(crate) fn on_leaving(&mut self, from: Contact, leaf: &LeafState) {
        self.remove(from, GoneReason::Left);
        self.watch.bury(self.now, from, true, true);
        if is_plausible(from.id, leaf) {
            self.learn_all(None, leaf.contacts());
        }
    }

    pub(crate) fn on_leave(&mut self) {
        let leaving = Message::Leaving(self.leaf.state(false));
        let linked: Vec<NodeId> = self.links.open().map(|link| link.contact.id).collect();
        let unlinked = self.leaf.members().into_iter().map(|contact| contact.id);
        for id in unlinked.filter(|id| !linked.contains(id)) {
            self.send(id, leaving.clone());
        }
        for id in linked {
            self.send(id, leaving.clone());
        }
        if core::mem::take(&mut self.ready) {
            self.event(Event::NotReady);
        }
        self.left = true;
    }

    /// Whether nobody stands between this node and `id` who is not under suspicion himself: then
    /// it is on this node to tell the others. All of them, from both sides: those next to the dead one
    /// may be dead, too.
    pub(crate) fn is_next_alive(&self, id: NodeId) -> bool {
        let next = |side: &[Contact]| {
            let before = side.iter().take_while(|contact| contact.id != id);
            let mut doubtful = before.map(|contact| self.watch.is_probing(contact.id));
            side.iter().any(|contact| contact.id == id) && doubtful.all(|doubtful| doubtful)
        };
        next(self.leaf.left()) || next(self.leaf.right())
    }

    /// `accused`: who announced this death, if anybody did.
    pub(crate) fn declare_dead(&mut self, contact: Contact, accused: Option<NodeId>) {
        let informed = self.to_be_informed(contact.id, accused);
        self.tuning.note_failure(self.now);
        let near = self.leaf.contains(contact.id).then(|| self.leaf.members().len() - 1);
        self.unity.note_lost(self.now, contact, near);
        if accused.is_none() {
            self.withhold(contact.id);
        }
        self.remove(contact, GoneReason::Silent);
        self.watch.bury(self.now, contact, false, true);
        let leaf = self.leaf.state(self.ready);
        for member in informed {
            self.send(member, Message::Suspect { contact, leaf: leaf.clone() });
        }
    }

    /// Whom this node tells that `id` is dead: everybody near, if that is on it. With datagrams, those
    /// whom the other end's announcement names have had it; the other end itself waits for the word
    /// of a second (`lease`).
    fn to_be_informed(&self, id: NodeId, accused: Option<NodeId>) -> Vec<NodeId> {
        if !self.is_next_alive(id) {
            return Vec::new();
        }
        let members = self.leaf.members().into_iter().map(|member| member.id);
        let is_told = |member: NodeId| {
            self.is_direct() && accused.is_some() && self.repair.is_heir(id, member)
        };
        members
            .filter(|member| *member != id && (accused == Some(*member) || !is_told(*member)))
            .collect()
    }

    /// A higher epoch of a known peer: the earlier start is gone.
    pub(crate) fn replace(&mut self, old: Contact, new: Contact) {
        let link = self.links.get(old.id).map(|link| link.contact);
        if link == Some(new) {
            // The new start has its own link already; it stays.
            self.drop_from_tables(old, GoneReason::Silent);
        } else {
            self.remove(old, GoneReason::Silent);
        }
    }

    /// Takes a peer that is gone out of everything, and starts the repair.
    fn remove(&mut self, contact: Contact, reason: GoneReason) {
        let id = contact.id;
        self.drop_from_tables(contact, reason);
        if self.links.forget(id) && !self.is_direct() {
            self.outputs.push_back(Output::HangUp { peer: id });
        }
        self.stale.links = true;
        self.reroute_from(id);
    }

    fn drop_from_tables(&mut self, contact: Contact, reason: GoneReason) {
        let id = contact.id;
        if self.peers.get(id).is_some() {
            self.event(Event::PeerGone { peer: id, reason });
        }
        self.watch.probes.remove(&id);
        self.peers.remove(id);
        let stood_left = self.leaf.left().iter().any(|contact| contact.id == id)
            && self.leaf.right().iter().all(|contact| contact.id != id);
        if self.leaf.remove(id) {
            self.tuning.note_gone();
            self.stale.leaf = true;
            self.repair_leaf_set(id, !stood_left);
        }
        // The routing table and the neighbourhood set are repaired lazily: holes by who is known, or
        // on use, the rest by what others show.
        self.near.remove(id);
        if let Some(slot) = self.table.remove(id)
            && self.is_direct()
        {
            self.refill(slot);
        }
    }
}

#[cfg(test)]
mod tests;
