//! Nodes that do harm (OSDI'02): their overlay is everybody's, but the world throws away or alters
//! what they say. They know each other, as the worst ones do.

use base::Bounded;
use wire::overlay::{Contact, LeafState, Message, Sighting, Target};

use super::World;
use super::host::Harm;

impl World {
    /// From now on this host acknowledges what it is to route and throws it away (`drops`), and
    /// names only bad nodes to others (`lies`).
    pub fn corrupt(&mut self, host: u32, drops: bool, lies: bool) {
        self.hosts[host as usize].harm = Harm { drops, lies };
    }

    /// Whether the host does harm.
    #[must_use]
    pub fn is_bad(&self, host: u32) -> bool {
        self.hosts[host as usize].harm != Harm::default()
    }

    /// What becomes of a message that this host says.
    pub(crate) fn spoil(&self, me: u32, message: Message) -> Option<Message> {
        let Harm { drops, lies } = self.hosts[me as usize].harm;
        let mine = self.hosts[me as usize].contact.id;
        match message {
            Message::Route(routed)
                if drops && routed.id.source != mine && routed.target != Target::Node =>
            {
                None
            }
            Message::Probe { token, leaf } if lies => {
                Some(Message::Probe { token, leaf: self.only_bad(leaf) })
            }
            Message::ProbeReply { token, leaf } if lies => {
                Some(Message::ProbeReply { token, leaf: self.only_bad(leaf) })
            }
            Message::LeafSet(leaf) if lies => Some(Message::LeafSet(self.only_bad(leaf))),
            Message::Row { row, entries } if lies => {
                Some(Message::Row { row, entries: self.seen_bad(&entries) })
            }
            Message::State { rtt, entries, near } if lies => {
                let (entries, near) = (self.seen_bad(&entries), self.seen_bad(&near));
                Some(Message::State { rtt, entries, near })
            }
            message => Some(message),
        }
    }

    fn only_bad(&self, leaf: LeafState) -> LeafState {
        LeafState { left: self.bad_of(&leaf.left), right: self.bad_of(&leaf.right), ..leaf }
    }

    fn bad_of<const MAX: usize>(&self, list: &[Contact]) -> Bounded<Contact, MAX> {
        Bounded::truncating(list.iter().copied().filter(|contact| self.names_bad(*contact)))
    }

    fn seen_bad<const MAX: usize>(&self, list: &[Sighting]) -> Bounded<Sighting, MAX> {
        let bad = list.iter().copied().filter(|seen| self.names_bad(seen.contact));
        // As near as can be, so that they are wanted.
        Bounded::truncating(bad.map(|seen| Sighting { rtt: 1, ..seen }))
    }

    fn names_bad(&self, contact: Contact) -> bool {
        self.host_of(contact.id).is_some_and(|host| self.is_bad(host))
    }
}
