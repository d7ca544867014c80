//! Who has spoken to this node, and how an answer gets back to it.
//!
//! A record exists for every member of the leaf set, the routing table and the links, and for a
//! while for others who spoke. Nothing in it was learned by hearsay.

use alloc::vec::Vec;

use base::{Duration, NodeId, SortedMap, Time};
use wire::overlay::{Contact, UNMEASURED};

use crate::Overlay;
use crate::met::{AllMet, Met};

/// Records at most. When full, the longest silent record that no table needs makes room; if every
/// record is needed, the stranger is answered but not remembered.
pub(crate) const PEERS_MAX: usize = 1024;
/// How long a peer outside every table is remembered (chosen: longer than a join takes).
pub(crate) const STRANGER_RETENTION: Duration = Duration::from_secs(60);
/// How long a peer's word on who can reach it is believed (chosen: a few heartbeats of a relay).
const VIA_RETENTION: Duration = Duration::from_secs(30);

/// One peer, as its own messages showed it.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) contact: Contact,
    /// It said that it has joined, and answers for its keys.
    pub(crate) ready: bool,
    /// It answered a probe since this node began to join.
    pub(crate) answered: bool,
    /// The round trip in microseconds over the straight path, [`UNMEASURED`] at first.
    pub(crate) rtt: u32,
    pub(crate) heard: Time,
}

impl Peer {
    /// What is remembered of it without a record: nothing, unless it takes part in the ring and its
    /// distance is known.
    fn met(&self) -> Option<Met> {
        let Peer { contact, rtt, heard, .. } = *self;
        (self.ready && rtt != UNMEASURED).then_some(Met { contact, rtt, heard })
    }
}

/// How an answer gets to a peer without a link.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// Named by the peer itself, when.
    named: Option<(NodeId, Time)>,
    /// The linked peer that brought its last routed message.
    trail: Option<NodeId>,
}

/// The heartbeats between this node and a ring neighbour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beats {
    /// When its next one is late, by its own word.
    pub(crate) late_at: Time,
    /// When this node last sent it one.
    pub(crate) sent: Time,
    /// Jobs are under way there.
    pub(crate) busy: bool,
    /// It answers for none of this node's keys before then; see `lease`.
    pub(crate) held_until: Time,
    /// This node answers for none of its keys before then.
    pub(crate) given_until: Time,
}

impl Default for Beats {
    fn default() -> Self {
        let never = Time::ZERO;
        Beats {
            late_at: Time::FAR_FUTURE,
            sent: never,
            busy: false,
            held_until: never,
            given_until: never,
        }
    }
}

/// All records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers {
    records: SortedMap<NodeId, Peer>,
    /// Of peers that have a record and named or left a way.
    ways: SortedMap<NodeId, Way>,
    /// Of peers that have a record and are or were neighbours.
    beats: SortedMap<NodeId, Beats>,
    /// Peers that have no record any more.
    met: AllMet,
}

impl Peers {
    pub(crate) fn get(&self, id: NodeId) -> Option<&Peer> {
        self.records.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: NodeId) -> Option<&mut Peer> {
        self.records.get_mut(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// How far `id` is, in microseconds; [`UNMEASURED`] if nobody knows.
    pub(crate) fn rtt(&self, id: NodeId) -> u32 {
        self.get(id).map_or(UNMEASURED, |peer| peer.rtt)
    }

    /// Those who spoke less than `span` ago.
    pub(crate) fn heard_within(
        &self,
        now: Time,
        span: Duration,
    ) -> impl Iterator<Item = Contact> + '_ {
        let lately = self.records.values().filter(move |peer| now.since(peer.heard) < span);
        lately.map(|peer| peer.contact)
    }

    /// Those who take part in the ring and whose distance is known.
    pub(crate) fn measured(&self) -> Vec<Contact> {
        self.records.values().filter_map(Peer::met).map(|met| met.contact).collect()
    }

    /// Notes a measured round trip. Short ones count at once, long ones by and by: a delay has
    /// more causes than distance.
    pub(crate) fn measure(&mut self, id: NodeId, rtt: u32) {
        let Some(peer) = self.get_mut(id) else { return };
        let rtt = rtt.min(UNMEASURED - 1);
        peer.rtt = match peer.rtt {
            UNMEASURED => rtt,
            before if rtt < before => rtt,
            before => before + (rtt - before) / 8,
        };
    }

    pub(crate) fn remove(&mut self, id: NodeId) {
        self.records.remove(&id);
        self.ways.remove(&id);
        self.beats.remove(&id);
    }

    /// The heartbeats to and from `id`.
    pub(crate) fn beats(&self, id: NodeId) -> Beats {
        self.beats.get(&id).copied().unwrap_or_default()
    }

    /// The same, to be changed; `None` of a stranger.
    pub(crate) fn beats_mut(&mut self, id: NodeId) -> Option<&mut Beats> {
        self.records.contains_key(&id).then(|| self.beats.entry(id).or_default())
    }

    /// Notes that `contact` spoke at `now`, if it has a record.
    pub(crate) fn hear_again(&mut self, now: Time, contact: Contact, via: Option<NodeId>) -> bool {
        let Some(peer) = self.records.get_mut(&contact.id).filter(|peer| peer.contact == contact)
        else {
            return false;
        };
        peer.heard = now;
        if let Some(via) = via {
            self.ways.entry(contact.id).or_default().named = Some((via, now));
        }
        true
    }

    /// Makes a record of `contact`, which has none and spoke at `now`. `needed` tells which records
    /// must stay.
    pub(crate) fn note(
        &mut self,
        now: Time,
        contact: Contact,
        via: Option<NodeId>,
        needed: impl Fn(NodeId) -> bool,
    ) {
        if self.records.len() >= PEERS_MAX {
            let idle = self.records.values().filter(|peer| !needed(peer.contact.id));
            let oldest = idle.min_by_key(|peer| (peer.heard, peer.contact.id));
            let Some(id) = oldest.map(|peer| peer.contact.id) else { return };
            self.remove(id);
        }
        let (ready, answered, rtt, heard) = (false, false, UNMEASURED, now);
        self.records.insert(contact.id, Peer { contact, ready, answered, rtt, heard });
        self.hear_again(now, contact, via);
    }

    /// Notes that `hop` brought a message that `source` routed to this node.
    pub(crate) fn note_trail(&mut self, source: NodeId, hop: NodeId) {
        if self.records.contains_key(&source) {
            self.ways.entry(source).or_default().trail = Some(hop);
        }
    }

    /// A node through which `id` can be reached: what it said itself, else the way that its last
    /// message came.
    pub(crate) fn via(&self, now: Time, id: NodeId) -> Option<NodeId> {
        let way = self.ways.get(&id)?;
        let named = way.named.filter(|(_, at)| now.since(*at) < VIA_RETENTION);
        named.map(|(via, _)| via).or(way.trail).filter(|via| *via != id)
    }

    /// How far a stranger was when it was here last.
    pub(crate) fn met(&self, id: NodeId) -> Option<u32> {
        self.met.get(id).map(|met| met.rtt)
    }

    /// Everybody who takes part in the ring and whose distance is known, those without a record, too.
    pub(crate) fn ever_met(&self) -> impl Iterator<Item = Met> + '_ {
        let gone = self.met.iter().filter(|met| !self.records.contains_key(&met.contact.id));
        self.records.values().filter_map(Peer::met).chain(gone.copied())
    }

    /// One that was here once does not answer any more.
    pub(crate) fn forget(&mut self, id: NodeId) {
        self.met.take(id);
    }

    /// Makes a record of one that had one, as it was.
    pub(crate) fn recall(&mut self, id: NodeId) {
        if self.records.len() < PEERS_MAX
            && let Some(Met { contact, rtt, heard }) = self.met.take(id)
        {
            let peer = Peer { contact, ready: true, answered: false, rtt, heard };
            self.records.entry(id).or_insert(peer);
        }
    }

    /// Forgets strangers who fell silent.
    pub(crate) fn prune(&mut self, now: Time, needed: impl Fn(NodeId) -> bool) {
        let met = &mut self.met;
        self.records.retain(|id, peer| {
            let stays = now.since(peer.heard) < STRANGER_RETENTION || needed(*id);
            if !stays {
                peer.met().into_iter().for_each(|old| met.note(old));
            }
            stays
        });
        let records = &self.records;
        self.ways.retain(|id, _| records.contains_key(id));
        self.beats.retain(|id, _| records.contains_key(id));
    }

    /// Every answer to a probe counts for one join only.
    pub(crate) fn forget_answers(&mut self) {
        for peer in self.records.values_mut() {
            peer.answered = false;
        }
    }
}

impl Overlay {
    /// Whether `id` has a place in one of the three tables.
    pub(crate) fn is_in_tables(&self, id: NodeId) -> bool {
        self.leaf.contains(id) || self.table.contains(id) || self.near.contains(id)
    }

    /// Whether the record of `id` must be kept.
    pub(crate) fn is_needed(&self, id: NodeId) -> bool {
        self.is_in_tables(id) || self.links.needs(id)
    }

    /// Works on the records, with the word on which of them must be kept.
    pub(crate) fn with_peers(
        &mut self,
        work: impl FnOnce(&mut Peers, Time, &dyn Fn(NodeId) -> bool),
    ) {
        let mut peers = core::mem::take(&mut self.peers);
        work(&mut peers, self.now, &|id| self.is_needed(id));
        self.peers = peers;
    }
}
