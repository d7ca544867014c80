//! Links where they cost nothing: with datagrams, whoever is in a table carries messages.
//!
//! Here a link is only the record that a route needs; nothing is built, asked for or closed.

use alloc::vec::Vec;

use base::{Duration, NodeId};
use wire::overlay::{Contact, UNMEASURED};

use crate::Overlay;
use crate::links::Link;

impl Overlay {
    /// With datagrams, whoever is in a table carries messages.
    pub(crate) fn attach(&mut self, contact: Contact) {
        if !self.is_direct() {
            return;
        }
        if let Some(link) = self.links.open.get_mut(&contact.id) {
            link.contact = contact;
            return;
        }
        let ready = self.peers.get(contact.id).is_some_and(|peer| peer.ready);
        let mut link = Link::new(contact, self.now, ready, false);
        let measured = self.peers.rtt(contact.id);
        if measured != UNMEASURED {
            link.rtt.sample(Duration::from_micros(u64::from(measured)));
        }
        self.links.open.insert(contact.id, link);
        self.stale.ways = true;
    }

    /// `id` lost a place in the tables.
    pub(crate) fn release(&mut self, id: NodeId) {
        if self.is_direct() && !self.is_in_tables(id) {
            self.links.open.remove(&id);
        }
    }

    /// With datagrams, whoever left every table does not carry messages any more.
    pub(crate) fn detach_strangers(&mut self) {
        if !self.is_direct() {
            return;
        }
        let entrance = self.join.as_ref().and_then(|join| join.through);
        let is_stranger = |id: &NodeId| !self.is_in_tables(*id) && entrance != Some(*id);
        let strangers: Vec<NodeId> = self.links.open.keys().copied().filter(is_stranger).collect();
        for id in strangers {
            self.links.open.remove(&id);
            self.reroute_from(id);
        }
    }
}
