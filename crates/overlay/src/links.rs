//! The link budget (design §3): which peers are linked, and who has to give way.
//!
//! Both ends count a link, and a slot is taken from the first request until the link is down:
//! open links and set-ups under way never exceed `links_max`. Slots are filled in the order of
//! [`Rank`]. A link gives way only to one of a strictly higher rank, and a peer that refused or
//! could not be reached is left alone for a while, longer each time: so nobody trades links for
//! ever.
//!
//! Requests are ordinary messages and need no link: `LinkRequest`, then `LinkGrant` or
//! `LinkRefuse`; the requester dials, the granter expects. If both request, the smaller id's
//! request stands.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cmp::Reverse;

use base::{Duration, Key, NodeId, Time};
use wire::overlay::{Contact, Message, RefuseReason, UNMEASURED};

use crate::route::Rtt;
use crate::{Output, Overlay};

/// Slots that only ring neighbours and introductions may take.
const RESERVED: u64 = 2;
/// Fewer slots than this cannot hold a ring together: two neighbours, an introduction, a way out.
const LINKS_MIN: u64 = 4;
/// Set-ups under way at once (pastry.md §5, line 22).
const SETUPS_MAX: usize = 8;
/// How long a request waits for its answer, and a granted slot for its link.
const SETUP_TIME: Duration = Duration::from_secs(10);
/// After a refusal or a failure, no request to the peer for this long; doubled each time.
const BACKOFF_FIRST: Duration = Duration::from_secs(4);
const BACKOFF_MAX: Duration = Duration::from_secs(5 * 60);
/// Peers under back-off. When full, the one that may be asked soonest is forgotten.
const BACKOFFS_MAX: usize = 256;
/// Peers preferred by the application. When full, further wishes are ignored.
const PREFERRED_MAX: usize = 64;
/// How long a link that came by introduction is protected: a join with two failed attempts, and
/// the newcomer's first links of its own.
const INTRODUCTION_TIME: Duration = Duration::from_secs(20);

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
    /// It came without a request: the introducer made it.
    introduced: bool,
    pub(crate) rtt: Rtt,
}

/// How far a set-up is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setup {
    /// Asked; no slot of the peer is known to be free.
    Requested,
    /// Granted by the peer: this node dials.
    Dialing,
    /// Granted to the peer: it dials.
    Expecting,
    /// The introducer sent the peer: it dials.
    Visiting,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    permit: u64,
    setup: Setup,
    due: Time,
}

#[derive(Clone, Copy, Debug)]
struct Backoff {
    until: Time,
    span: Duration,
}

/// The state of this conversation.
#[derive(Debug)]
pub(crate) struct Links {
    links_max: u64,
    open: BTreeMap<NodeId, Link>,
    pending: BTreeMap<NodeId, Pending>,
    backoffs: BTreeMap<NodeId, Backoff>,
    preferred: BTreeSet<NodeId>,
}

impl Links {
    pub(crate) fn new(links_max: u16) -> Self {
        Links {
            links_max: u64::from(links_max).max(LINKS_MIN),
            open: BTreeMap::new(),
            pending: BTreeMap::new(),
            backoffs: BTreeMap::new(),
            preferred: BTreeSet::new(),
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

    /// Forgets a peer that is gone. True when there was a link to close.
    pub(crate) fn forget(&mut self, id: NodeId) -> bool {
        self.pending.remove(&id);
        self.backoffs.remove(&id);
        self.preferred.remove(&id);
        self.open.remove(&id).is_some()
    }

    fn is_free(&self, now: Time, id: NodeId) -> bool {
        let waits = self.backoffs.get(&id).is_some_and(|backoff| now < backoff.until);
        !waits && !self.open.contains_key(&id) && !self.pending.contains_key(&id)
    }

    fn back_off(&mut self, now: Time, id: NodeId) {
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

    fn room(&self, rank: Rank) -> bool {
        let reserved = if rank <= Rank::Introduction { 0 } else { RESERVED };
        self.used() + reserved < self.links_max
    }
}

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
        let (since, rtt) = (self.now, Rtt::default());
        let setup = self.links.pending.remove(&peer.id).map(|pending| pending.setup);
        let introduced = setup.is_none_or(|setup| setup == Setup::Visiting);
        self.links.backoffs.remove(&peer.id);
        let link = Link { contact: peer, since, ready, suspect: false, introduced, rtt };
        self.links.open.insert(peer.id, link);
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
            self.ping(peer);
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
            self.links.back_off(self.now, peer);
            self.stale.links = true;
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
                None => (!self.make_room(self.rank(from))).then_some(RefuseReason::Full),
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
        if reason == RefuseReason::Full {
            self.links.back_off(self.now, peer);
        }
        self.stale.links = true;
    }

    pub(crate) fn on_links_due(&mut self) {
        let due = self.links.pending.iter().filter(|(_, pending)| pending.due <= self.now);
        for peer in due.map(|(peer, _)| *peer).collect::<Vec<_>>() {
            self.on_dial_failed(peer);
        }
    }

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
        let (since, mut rtt) = (self.now, Rtt::default());
        let measured = self.peers.rtt(contact.id);
        if measured != UNMEASURED {
            rtt.sample(Duration::from_micros(u64::from(measured)));
        }
        let link = Link { contact, since, ready, suspect: false, introduced: false, rtt };
        self.links.open.insert(contact.id, link);
        self.stale.ways = true;
    }

    /// `id` lost a place in the tables.
    pub(crate) fn release(&mut self, id: NodeId) {
        if self.is_direct() && !self.is_in_tables(id) {
            self.links.open.remove(&id);
        }
    }

    fn is_in_tables(&self, id: NodeId) -> bool {
        self.leaf.contains(id) || self.table.contains(id) || self.near.contains(id)
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

    /// Asks for the links that are missing, the most important first.
    pub(crate) fn fill_links(&mut self) {
        if self.is_direct() || !self.ready && self.join.is_none() {
            return;
        }
        for (rank, contact) in self.wanted_links() {
            if self.links.pending.len() >= SETUPS_MAX {
                return;
            }
            if !self.links.is_free(self.now, contact.id) || !self.make_room(rank) {
                continue;
            }
            let (permit, due) = (self.rng.next_u64(), self.now + SETUP_TIME);
            self.links.pending.insert(contact.id, Pending { permit, setup: Setup::Requested, due });
            self.send(contact.id, Message::LinkRequest { permit });
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

    /// Every contact worth a link, the most important first.
    fn wanted_links(&self) -> Vec<(Rank, Contact)> {
        let mut wanted: Vec<(Rank, Contact)> = Vec::new();
        for contact in self.leaf.members() {
            let neighbour = self.leaf.is_neighbour(contact.id);
            wanted.push((if neighbour { Rank::Neighbour } else { Rank::Leaf }, contact));
        }
        wanted.sort_by_key(|(rank, _)| *rank);
        if self.links.room(Rank::Row) {
            wanted.extend(self.wanted_slots());
            let preferred = self.links.preferred.iter();
            wanted.extend(preferred.map(|id| (Rank::Preferred, Contact { id: *id, epoch: 0 })));
        }
        wanted.retain(|(_, contact)| self.links.is_free(self.now, contact.id));
        wanted
    }

    /// Table entries whose slot has no link: by turns from every row, the emptiest row first.
    fn wanted_slots(&self) -> Vec<(Rank, Contact)> {
        let linked = self.links.open().filter_map(|link| self.table.slot(link.contact.id));
        let linked: BTreeSet<_> = linked.collect();
        let mut count: BTreeMap<u8, u64> = BTreeMap::new();
        for (row, _) in &linked {
            *count.entry(*row).or_default() += 1;
        }
        // Rows of many nodes start at different columns, so that not all ask the same peer.
        let turn = |column: u8| (column + 16 - self.me.id.digit(base::DIGITS - 1)) % 16;
        let mut slots: Vec<_> =
            self.table.entries().filter(|(slot, _)| !linked.contains(slot)).collect();
        slots.sort_by_key(|((row, column), _)| (*row, turn(*column)));
        let mut ranked: Vec<(u64, Contact)> = Vec::new();
        for ((row, _), contact) in slots {
            let place = count.entry(row).or_default();
            ranked.push((*place, contact));
            *place += 1;
        }
        ranked.sort_by_key(|(place, _)| *place);
        let rank = |place: u64| if place == 0 { Rank::Row } else { Rank::Slot };
        ranked.into_iter().map(|(place, contact)| (rank(place), contact)).collect()
    }

    /// What a link with `contact` is good for, or would be.
    fn rank(&self, contact: Contact) -> Rank {
        let id = contact.id;
        let link = self.links.get(id);
        if self.leaf.is_neighbour(id) {
            return Rank::Neighbour;
        }
        let young = link
            .is_some_and(|link| link.introduced && self.now.since(link.since) < INTRODUCTION_TIME);
        if young || self.join.as_ref().is_some_and(|join| join.through == Some(id)) {
            return Rank::Introduction;
        }
        if self.leaf.contains(id) {
            return Rank::Leaf;
        }
        let slot = self.table.slot(id);
        let before =
            |other: &&Link| other.contact.id != id && link.is_none_or(|link| earlier(other, link));
        let rivals = self.links.open().filter(before);
        let rivals: Vec<_> = rivals.filter_map(|other| self.table.slot(other.contact.id)).collect();
        match slot {
            Some((row, _)) if rivals.iter().all(|rival| rival.0 != row) => Rank::Row,
            Some(slot) if !rivals.contains(&slot) => Rank::Slot,
            _ if self.links.preferred.contains(&id) => Rank::Preferred,
            _ => Rank::Spare,
        }
    }

    /// Whether a slot for a link of this rank is free, or was made free. Only the ring's own links
    /// drive others out.
    fn make_room(&mut self, rank: Rank) -> bool {
        if self.links.room(rank) {
            return true;
        }
        if rank > Rank::Leaf {
            return false;
        }
        self.give_way(Some(rank)) && self.links.room(rank)
    }

    /// Frees the least important slot, if it is less important than `rank`.
    fn give_way(&mut self, rank: Option<Rank>) -> bool {
        let worst = self.links.open().map(|link| (self.rank(link.contact), link.since, link));
        // The oldest of its rank: its peer has had the most time to find other links.
        let worst =
            worst.max_by_key(|(rank, since, link)| (*rank, Reverse(*since), link.contact.id));
        let worst = worst.map(|(rank, _, link)| (rank, link.contact.id));
        // A request that nobody granted costs nothing to withdraw.
        let request = self.links.pending.iter().filter(|(_, pending)| {
            rank.is_none_or(|rank| rank == Rank::Neighbour) && pending.setup == Setup::Requested
        });
        let request = request.map(|(id, _)| *id).find(|id| !self.leaf.is_neighbour(*id));
        if let Some(request) = request {
            return self.links.pending.remove(&request).is_some();
        }
        match worst.filter(|(worst, _)| rank.is_none_or(|rank| rank < *worst)) {
            Some((_, peer)) => {
                self.close_link(peer);
                true
            }
            None => false,
        }
    }
}

fn earlier(a: &Link, b: &Link) -> bool {
    (a.since, a.contact.id) < (b.since, b.contact.id)
}
