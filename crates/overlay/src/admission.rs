//! The conversation about a link: a request costs nothing, a grant keeps a slot, then one end dials.
//!
//! Requests are ordinary messages and need no link: `LinkRequest`, then `LinkGrant` or
//! `LinkRefuse`; the requester dials, the granter expects. If both request, the smaller id's
//! request stands.

use alloc::vec::Vec;

use base::{Duration, NodeId};
use wire::overlay::{Contact, Message, RefuseReason};

use crate::links::{Link, Pending, Setup};
use crate::{Output, Overlay};

/// How long a request waits for its answer, and a granted slot for its link.
pub(crate) const SETUP_TIME: Duration = Duration::from_secs(10);
/// Peers preferred by the application. When full, further wishes are ignored.
const PREFERRED_MAX: usize = 64;

impl Overlay {
    pub(crate) fn on_link_up(&mut self, peer: Contact) {
        let known = self.peers.get(peer.id).map_or(0, |known| known.contact.epoch);
        if peer.id == self.me.id || known > peer.epoch {
            // An earlier start of the peer. Where a link to the later one is open, it must stay.
            if !self.links.is_open(peer.id) {
                self.outputs.push_back(Output::HangUp { peer: peer.id });
            }
            return;
        }
        let ready = self.peers.get(peer.id).is_some_and(|known| known.ready);
        let ready = ready && known == peer.epoch;
        let setup = self.links.arrive(peer.id);
        let introduced = setup.is_none_or(|setup| setup == Setup::Visiting);
        self.links.open.insert(peer.id, Link::new(peer, self.now, ready, introduced));
        if !self.hear(peer, None) {
            self.close_link(peer.id);
            return;
        }
        while !self.is_direct() && self.links.used() > self.links.links_max {
            self.give_way(None);
        }
        self.stale.ways = true;
        self.stale.links = true;
        if self.links.is_open(peer.id) && !self.is_direct() {
            self.send(peer.id, Message::LeafSet(self.leaf.state(self.ready)));
            self.probe(peer, false);
            self.end_isolation(peer.id);
        }
    }

    pub(crate) fn on_link_down(&mut self, peer: NodeId) {
        if self.links.open.remove(&peer).is_none() {
            return;
        }
        self.stale.links = true;
        self.suspect(peer);
        self.reroute_from(peer);
    }

    pub(crate) fn on_visitor(&mut self, peer: NodeId) {
        if self.links.used() < self.links.links_max && !self.links.needs(peer) {
            let due = self.now + SETUP_TIME;
            let visit = Pending { permit: 0, setup: Setup::Visiting, due };
            self.links.pending.insert(peer, visit);
        }
    }

    pub(crate) fn on_dial_failed(&mut self, peer: NodeId) {
        if self.links.pending.remove(&peer).is_some() {
            self.note_refused(peer);
        }
    }

    /// No link with `peer` for a while; somebody else may fill its slot.
    fn note_refused(&mut self, peer: NodeId) {
        self.links.back_off(self.now, peer);
        self.stale.links = true;
        let slot = self.table.slot(peer).filter(|_| self.table.contains(peer));
        if let Some((row, _)) = slot.filter(|_| self.links.has_choice()) {
            self.links.refused_rows.insert(row);
        }
    }

    pub(crate) fn on_prefer(&mut self, peer: NodeId) {
        if self.links.preferred.len() < PREFERRED_MAX && peer != self.me.id {
            self.links.preferred.insert(peer);
            self.stale.links = true;
        }
    }

    pub(crate) fn on_unprefer(&mut self, peer: NodeId) {
        self.links.preferred.remove(&peer);
    }

    pub(crate) fn on_link_request(&mut self, from: Contact, permit: u64) {
        let peer = from.id;
        let refusal = if self.is_direct() || self.links.is_open(peer) {
            // The peer has lost the link that this node still sees: it will be told soon.
            Some(RefuseReason::Full)
        } else {
            match self.links.pending.get(&peer).map(|pending| pending.setup) {
                Some(Setup::Requested) if self.me.id < peer => Some(RefuseReason::Glare),
                Some(Setup::Dialing) => Some(RefuseReason::Glare),
                // The slot that is kept already serves this request.
                Some(Setup::Requested | Setup::Expecting | Setup::Visiting) => None,
                None => (!self.admits(self.rank(from))).then_some(RefuseReason::Full),
            }
        };
        if let Some(reason) = refusal {
            self.send(peer, Message::LinkRefuse { permit, reason });
            return;
        }
        let due = self.now + SETUP_TIME;
        self.links.pending.insert(peer, Pending { permit, setup: Setup::Expecting, due });
        self.outputs.push_back(Output::Expect { peer, permit });
        self.send(peer, Message::LinkGrant { permit });
    }

    pub(crate) fn on_link_grant(&mut self, peer: NodeId, permit: u64) {
        let due = self.now + SETUP_TIME;
        let via = self.peers.via(self.now, peer).filter(|via| *via != self.me.id);
        let Some(pending) = self.links.pending.get_mut(&peer) else { return };
        if pending.permit == permit && pending.setup == Setup::Requested {
            *pending = Pending { permit, setup: Setup::Dialing, due };
            self.outputs.push_back(Output::Dial { peer, permit, via });
        }
    }

    pub(crate) fn on_link_refuse(&mut self, peer: NodeId, permit: u64, reason: RefuseReason) {
        let asked =
            |pending: &Pending| pending.permit == permit && pending.setup == Setup::Requested;
        if !self.links.pending.get(&peer).is_some_and(asked) {
            return;
        }
        self.links.pending.remove(&peer);
        match reason {
            RefuseReason::Full => self.note_refused(peer),
            RefuseReason::Glare => self.stale.links = true,
        }
    }

    pub(crate) fn on_links_due(&mut self) {
        let due = self.links.pending.iter().filter(|(_, pending)| pending.due <= self.now);
        for peer in due.map(|(peer, _)| *peer).collect::<Vec<_>>() {
            self.on_dial_failed(peer);
        }
    }

    /// Closes a link of this node's own accord: no suspicion follows.
    pub(crate) fn close_link(&mut self, peer: NodeId) {
        if self.links.open.remove(&peer).is_some() {
            if !self.is_direct() {
                self.outputs.push_back(Output::HangUp { peer });
            }
            self.reroute_from(peer);
        }
    }
}
