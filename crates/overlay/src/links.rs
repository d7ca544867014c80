//! The link budget (design §3): which peers are linked, and who has to give way.
//!
//! Both ends count a link, and a slot is taken from the first request until the link is down:
//! open links and set-ups under way never exceed `links_max`. Slots are filled in the order of
//! [`Rank`]. A link gives way only to one of a strictly higher rank, and a peer that refused or
//! could not be reached is left alone for a while, longer each time: so nobody trades links for
//! ever.
//!
//! State only: `admission` is the conversation about a link, `budget` says which links are wanted
//! and which has to go.

use alloc::vec::Vec;

use base::{Duration, Key, NodeId, SortedMap, SortedSet, Time};
use wire::overlay::Contact;

use crate::custody::Rtt;

/// Slots that only ring neighbours and introductions may take.
const RESERVED: u64 = 2;
/// Fewer slots than this cannot hold a ring together: two neighbours, an introduction, a way out.
const LINKS_MIN: u64 = 4;
/// After a refusal or a failure, no request to the peer for this long; doubled each time.
const BACKOFF_FIRST: Duration = Duration::from_secs(4);
const BACKOFF_MAX: Duration = Duration::from_secs(5 * 60);
/// Peers under back-off. When full, the one that may be asked soonest is forgotten.
const BACKOFFS_MAX: usize = 256;

/// What a link is good for, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// The next node on the ring, on either side: enough of these and every message arrives.
    Neighbour,
    /// A newcomer's way in, until it has links of its own; or this node's.
    Introduction,
    /// A member of the leaf set.
    Leaf,
    /// The only link into its row of the routing table.
    Row,
    /// The only link into its slot of the routing table.
    Slot,
    /// The application exchanges much with it.
    Preferred,
    /// Nothing in particular.
    Spare,
}

/// An open link.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) contact: Contact,
    pub(crate) since: Time,
    /// As in its `Peer` record: kept here because every hop decision reads it.
    pub(crate) ready: bool,
    /// A probe of the peer is overdue.
    pub(crate) suspect: bool,
    /// It lives, but did not answer what was said to it straight. Only with datagrams: a link that
    /// passes one way only is closed.
    pub(crate) deaf: bool,
    /// It came without a request: the introducer made it.
    pub(crate) introduced: bool,
    pub(crate) rtt: Rtt,
}

impl Link {
    pub(crate) fn new(contact: Contact, since: Time, ready: bool, introduced: bool) -> Self {
        let (suspect, deaf, rtt) = (false, false, Rtt::default());
        Link { contact, since, ready, suspect, deaf, introduced, rtt }
    }
}

/// How far a set-up is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    /// Asked; no slot of the peer is known to be free.
    Requested,
    /// Granted by the peer: this node dials.
    Dialing,
    /// Granted to the peer: it dials.
    Expecting,
    /// The introducer sent the peer: it dials.
    Visiting,
}

/// A set-up under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    pub(crate) permit: u64,
    pub(crate) setup: Setup,
    pub(crate) due: Time,
}

/// Until when a peer is not asked again, and for how long that was.
#[derive(Clone, Copy, Debug)]
struct Backoff {
    until: Time,
    span: Duration,
}

/// The state of this conversation.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) links_max: u64,
    /// Links that the leaf set takes.
    leaf_links: u64,
    pub(crate) open: SortedMap<NodeId, Link>,
    pub(crate) pending: SortedMap<NodeId, Pending>,
    backoffs: SortedMap<NodeId, Backoff>,
    pub(crate) preferred: SortedSet<NodeId>,
    /// Rows of the routing table in which a peer refused: somebody else has to be found. At most as
    /// many as there are rows.
    pub(crate) refused_rows: SortedSet<u8>,
}

impl Links {
    pub(crate) fn new(links_max: u16, leaf_half: usize) -> Self {
        Links {
            links_max: u64::from(links_max).max(LINKS_MIN),
            leaf_links: 2 * leaf_half as u64,
            open: SortedMap::new(),
            pending: SortedMap::new(),
            backoffs: SortedMap::new(),
            preferred: SortedSet::new(),
            refused_rows: SortedSet::new(),
        }
    }

    pub(crate) fn is_open(&self, id: NodeId) -> bool {
        self.open.contains_key(&id)
    }

    pub(crate) fn get(&self, id: NodeId) -> Option<&Link> {
        self.open.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: NodeId) -> Option<&mut Link> {
        self.open.get_mut(&id)
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Link> + '_ {
        self.open.values()
    }

    /// Whether there are slots that the leaf set does not take, so that it matters who gets them.
    /// With fewer, every far link is a way round a gap in the ring, whoever it leads to: it is taken
    /// as it comes.
    pub(crate) fn has_choice(&self) -> bool {
        self.links_max > self.leaf_links + RESERVED
    }

    /// The open links on either side of `key` that `counts` holds for, the next ones on the ring.
    pub(crate) fn around(
        &self,
        key: Key,
        counts: impl Fn(&Link) -> bool + Copy,
    ) -> impl Iterator<Item = NodeId> {
        let counts = move |(id, link): (&NodeId, &Link)| counts(link).then_some(*id);
        let (open, below, above) = (&self.open, ..key, key..);
        let next = open.range(above.clone()).chain(open.range(below)).find_map(counts);
        let last = open.range(below).rev().chain(open.range(above).rev()).find_map(counts);
        next.into_iter().chain(last)
    }

    /// The open links to ready peers that `counts` holds for, the closest to `goal` first.
    pub(crate) fn ready_towards(&self, goal: Key, counts: impl Fn(&Link) -> bool) -> Vec<NodeId> {
        let ready = self.open.values().filter(|link| link.ready && counts(link));
        let near = ready.map(|link| (goal.distance(link.contact.id), link.contact.id));
        base::in_order(near).into_iter().map(|(_, id)| id).collect()
    }

    /// Open links and set-ups under way.
    pub(crate) fn used(&self) -> u64 {
        self.open.len() as u64 + self.pending.len() as u64
    }

    /// The application's wishes.
    pub(crate) fn preferred(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.preferred.iter().copied()
    }

    /// Whether the record of `id` must be kept.
    pub(crate) fn needs(&self, id: NodeId) -> bool {
        self.open.contains_key(&id)
            || self.pending.contains_key(&id)
            || self.preferred.contains(&id)
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        self.pending.values().map(|pending| pending.due).min()
    }

    /// The open link after `id` in the order of ids, round and round.
    pub(crate) fn next_after(&self, id: NodeId) -> Option<NodeId> {
        let mut ids = self.open.keys().copied();
        ids.find(|other| *other > id).or_else(|| self.open.keys().next().copied())
    }

    pub(crate) fn set_ready(&mut self, id: NodeId, ready: bool) {
        if let Some(link) = self.open.get_mut(&id) {
            link.ready = ready;
        }
    }

    pub(crate) fn set_suspect(&mut self, id: NodeId, suspect: bool) {
        if let Some(link) = self.open.get_mut(&id) {
            link.suspect = suspect;
        }
    }

    /// A link is open: what was waited for, or held against the peer, is over. How far its set-up
    /// was; `None` if there was none.
    pub(crate) fn arrive(&mut self, id: NodeId) -> Option<Setup> {
        self.backoffs.remove(&id);
        self.pending.remove(&id).map(|pending| pending.setup)
    }

    /// Forgets a peer that is gone. True when there was a link to close.
    pub(crate) fn forget(&mut self, id: NodeId) -> bool {
        self.pending.remove(&id);
        self.backoffs.remove(&id);
        self.preferred.remove(&id);
        self.open.remove(&id).is_some()
    }

    /// Whether the peer refused lately, or could not be reached.
    pub(crate) fn backs_off(&self, now: Time, id: NodeId) -> bool {
        self.backoffs.get(&id).is_some_and(|backoff| now < backoff.until)
    }

    pub(crate) fn is_free(&self, now: Time, id: NodeId) -> bool {
        !self.backs_off(now, id) && !self.open.contains_key(&id) && !self.pending.contains_key(&id)
    }

    /// The peer refused or could not be reached.
    pub(crate) fn back_off(&mut self, now: Time, id: NodeId) {
        if self.backoffs.len() >= BACKOFFS_MAX && !self.backoffs.contains_key(&id) {
            let next = self.backoffs.iter().min_by_key(|(_, backoff)| backoff.until);
            if let Some(next) = next.map(|(id, _)| *id) {
                self.backoffs.remove(&next);
            }
        }
        let last = self.backoffs.get(&id).map(|backoff| backoff.span * 2);
        let span = last.unwrap_or(BACKOFF_FIRST).min(BACKOFF_MAX);
        self.backoffs.insert(id, Backoff { until: now + span, span });
    }

    /// Whether a slot for a link of this rank is free.
    pub(crate) fn room(&self, rank: Rank) -> bool {
        self.room_for(rank, 1)
    }

    /// Whether `count` slots for links of this rank are free.
    pub(crate) fn room_for(&self, rank: Rank, count: u64) -> bool {
        let reserved = if rank <= Rank::Introduction { 0 } else { RESERVED };
        self.used() + reserved + count <= self.links_max
    }
}
