//! What others say about third parties: remembered in `candidates`, asked a few at a time, and
//! believed by nobody.

use alloc::vec::Vec;

use base::{Bounded, NodeId};
use wire::overlay::{Contact, JOIN_ROWS_MAX, LeafState, Row, UNMEASURED};

use crate::Overlay;
use crate::candidates::Promise;

/// Probes of hearsay contacts under way.
const HEARSAY_PROBES_MAX: usize = 8;
/// The same while joining, when all that is known is hearsay: a leaf set at a time.
pub(crate) const JOIN_PROBES_MAX: usize = 16;

impl Overlay {
    /// Others named these contacts: remember those that would fill the tables.
    /// Whoever named them may have a way to them.
    pub(crate) fn learn_all<'a>(
        &mut self,
        teller: Option<NodeId>,
        contacts: impl IntoIterator<Item = &'a Contact>,
    ) {
        for contact in contacts {
            self.learn(*contact, None, teller);
        }
    }

    /// What the root and the hops of a join named, which was asked through a linked peer.
    pub(crate) fn learn_answer(
        &mut self,
        through: Option<NodeId>,
        root: Contact,
        rows: &Bounded<Row, JOIN_ROWS_MAX>,
        leaf: &LeafState,
    ) {
        self.learn_all(through, [&root]);
        self.learn_all(through, leaf.contacts());
        for row in rows {
            self.learn_all(through, row.iter().map(|entry| &entry.contact));
        }
    }

    /// Somebody named `contact`, which is at least `floor` microseconds away, if that is known.
    pub(crate) fn learn(&mut self, contact: Contact, floor: Option<u32>, teller: Option<NodeId>) {
        if let Some(promise) = self.promise(contact, floor)
            && !self.watch.is_probing(contact.id)
        {
            self.candidates.put(promise, contact, teller);
        }
    }

    /// Starts probes of what others named, the most promising first.
    pub(crate) fn probe_candidates(&mut self) {
        if self.candidates.is_empty() {
            return;
        }
        let usual = if self.ready { HEARSAY_PROBES_MAX } else { JOIN_PROBES_MAX };
        let mut room = self.questions(usual).saturating_sub(self.watch.hearsay().count());
        let mut later = Vec::new();
        while room > 0 && self.watch.has_room() {
            let Some((promise, contact, teller)) = self.candidates.pop() else { break };
            let floor = match promise {
                Promise::Nearer(floor) => Some(floor),
                Promise::Leaf(_) | Promise::Hole => None,
            };
            // The tables may have changed since it was named.
            match self.promise(contact, floor) {
                Some(Promise::Leaf(at)) if !self.has_place_for(contact.id) => {
                    later.push((Promise::Leaf(at), contact, teller));
                }
                Some(promise) => {
                    self.probe(contact, true);
                    if let Some(probe) = self.watch.probes.get_mut(&contact.id) {
                        probe.nearer = matches!(promise, Promise::Nearer(_));
                        probe.teller = teller;
                    }
                    room -= 1;
                }
                None => {}
            }
        }
        for (promise, contact, teller) in later {
            self.candidates.put(promise, contact, teller);
        }
    }

    /// How many questions may be under way where `usual` are otherwise. A datagram may be lost, which
    /// says nothing of this node.
    pub(crate) fn questions(&self, usual: usize) -> usize {
        if self.is_direct() { usual } else { self.health.share(self.now, usual) }
    }

    /// Whether the leaf set will want `id` should everybody answer who was just asked: a gap of one
    /// is filled by asking one. Who did not answer the first question holds no place any more. Over
    /// links, where answers may take ways that are not there yet, all are asked.
    fn has_place_for(&self, id: NodeId) -> bool {
        if !self.ready || !self.is_direct() || !self.leaf.wants(id) {
            return true;
        }
        // The far way round it holds a place at best: whoever is near goes first.
        let is_far = self.leaf.reach_of(id).is_some_and(|reach| reach > self.me.id.distance(id));
        if is_far && self.is_closing_gap() {
            return false;
        }
        let asked = self.watch.just_asked().filter(|asked| *asked != id);
        self.leaf.has_place_beside(id, asked)
    }

    /// What a probe of `contact` may be good for.
    fn promise(&self, contact: Contact, floor: Option<u32>) -> Option<Promise> {
        let id = contact.id;
        if id == self.me.id || self.watch.is_dead(self.now, contact) {
            return None;
        }
        if let Some(bar) = self.seeking() {
            return floor.filter(|floor| *floor < bar).map(Promise::Nearer);
        }
        let at = Promise::Leaf(self.me.id.distance(id));
        let known = self.peers.get(id);
        match known.filter(|_| self.is_needed(id)) {
            Some(peer) if peer.contact.epoch > contact.epoch => return None,
            Some(peer) if peer.contact.epoch < contact.epoch => return Some(at),
            _ => {}
        }
        if let Some(reach) = self.leaf.reach_of(id) {
            return Some(Promise::Leaf(reach));
        }
        if self.table.has_hole(id) {
            return Some(Promise::Hole);
        }
        let replaces = self.table.rival(id).is_some_and(|rival| self.is_unlinkable(rival));
        if replaces && !self.links.is_open(id) && !self.links.backs_off(self.now, id) {
            return Some(Promise::Hole);
        }
        if known.is_some_and(|peer| peer.rtt != UNMEASURED) {
            // It has been offered its place already.
            return None;
        }
        let floor = floor.filter(|_| self.is_direct())?;
        let floor = self.peers.met(id).unwrap_or(floor);
        let is_better = self.table.wants(id, floor) || self.wants_near(floor);
        is_better.then_some(Promise::Nearer(floor))
    }
}
