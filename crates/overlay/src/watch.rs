//! What is known of who lives: questions that have no answer yet, and who did not answer.
//!
//! State only; who is asked, and when a silence is a death, is decided in `liveness`.

use base::{Duration, NodeId, SortedMap, Time};
use wire::overlay::Contact;

/// Probes under way. When full, no further one starts: members are asked again at a later beat.
const PROBES_MAX: usize = 64;
/// Dead contacts remembered. When full, the one that would be forgotten first makes room.
const DEAD_MAX: usize = 256;
/// How long hearsay about a dead member is ignored; doubled each time it proves dead again.
const DEAD_RETENTION: Duration = Duration::from_secs(60);
/// The same for a contact that never answered: it may be a newcomer whom no path reaches yet.
const UNMET_RETENTION: Duration = Duration::from_secs(2);
const RETENTION_MAX: Duration = Duration::from_secs(15 * 60);

/// A question that has no answer yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    pub(crate) contact: Contact,
    pub(crate) token: u64,
    pub(crate) misses: u8,
    /// Times it was asked again.
    pub(crate) repeats: u8,
    /// Of the misses, those on another path than the peer's own link.
    pub(crate) detours: u8,
    /// Who named it, if it is known by hearsay only.
    pub(crate) teller: Option<NodeId>,
    /// The question went over the peer's own link.
    pub(crate) direct: bool,
    /// Who found the peer dead, too.
    pub(crate) accused: Option<NodeId>,
    pub(crate) asked: Time,
    pub(crate) due: Time,
    /// Asked on hearsay: the contact is in no table.
    pub(crate) hearsay: bool,
    /// Asked for its distance: if that is short, it may want this node, too.
    pub(crate) nearer: bool,
}

/// A contact that did not answer, or said goodbye.
#[derive(Clone, Copy, Debug)]
struct Dead {
    epoch: u64,
    until: Time,
    retention: Duration,
    /// It said goodbye: it does not speak again in this epoch.
    left: bool,
}

/// The state of this conversation.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) probes: SortedMap<NodeId, Probe>,
    dead: SortedMap<NodeId, Dead>,
}

impl Watch {
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.probes.values().map(|probe| probe.due).min()
    }

    pub(crate) fn is_probing(&self, id: NodeId) -> bool {
        self.probes.contains_key(&id)
    }

    /// Probes of contacts that are known by hearsay only.
    pub(crate) fn hearsay(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.probes.values().filter(|probe| probe.hearsay).map(|probe| probe.contact.id)
    }

    /// Probes of contacts that are in a table.
    pub(crate) fn members_asked(&self) -> usize {
        self.probes.values().filter(|probe| !probe.hearsay).count()
    }

    /// Everybody who is asked.
    pub(crate) fn asked(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.probes.keys().copied()
    }

    /// Of those known by hearsay only, whose first question may still be answered.
    pub(crate) fn just_asked(&self) -> impl Iterator<Item = NodeId> + Clone + '_ {
        let fresh = self.probes.values().filter(|probe| probe.hearsay && probe.misses == 0);
        fresh.map(|probe| probe.contact.id)
    }

    /// The contact of a probe entered a table: from here on its death counts.
    pub(crate) fn admit(&mut self, id: NodeId) {
        if let Some(probe) = self.probes.get_mut(&id) {
            probe.hearsay = false;
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.probes.len() < PROBES_MAX
    }

    /// Whether hearsay about `contact` is to be ignored.
    pub(crate) fn is_dead(&self, now: Time, contact: Contact) -> bool {
        let dead = self.dead.get(&contact.id);
        dead.is_some_and(|dead| contact.epoch <= dead.epoch && now < dead.until)
    }

    pub(crate) fn has_left(&self, contact: Contact) -> bool {
        self.dead.get(&contact.id).is_some_and(|dead| dead.left && contact.epoch <= dead.epoch)
    }

    /// It spoke: hearsay about it counts again. Whether it had been found dead.
    pub(crate) fn unbury(&mut self, id: NodeId) -> bool {
        self.dead.remove(&id).is_some_and(|dead| !dead.left)
    }

    /// `contact` did not answer, or said goodbye (`left`). `met`: it had spoken before.
    pub(crate) fn bury(&mut self, now: Time, contact: Contact, left: bool, met: bool) {
        let first = if met { DEAD_RETENTION } else { UNMET_RETENTION };
        let again = self.dead.get(&contact.id).filter(|dead| dead.epoch == contact.epoch);
        let retention = again.map_or(first, |dead| (dead.retention * 2).max(first));
        let retention = retention.min(RETENTION_MAX);
        if self.dead.len() >= DEAD_MAX && !self.dead.contains_key(&contact.id) {
            let next = self.dead.iter().min_by_key(|(_, dead)| dead.until).map(|(id, _)| *id);
            next.map(|id| self.dead.remove(&id));
        }
        let dead = Dead { epoch: contact.epoch, until: now + retention, retention, left };
        self.dead.insert(contact.id, dead);
    }

    /// Hearsay about the dead counts again, except about those who said goodbye.
    pub(crate) fn forget_dead(&mut self) {
        self.dead.retain(|_, dead| dead.left);
    }

    /// Forgets the dead twice their retention after it ended, so that it can double.
    pub(crate) fn prune(&mut self, now: Time) {
        self.dead.retain(|_, dead| now < dead.until + dead.retention * 2);
    }
}
