//! Which links are wanted, and which has to go (design §3's order, row-balanced).

use alloc::vec::Vec;
use core::cmp::Reverse;

use base::{Duration, NodeId, SortedMap, SortedSet};
use wire::overlay::{Contact, Message};

use crate::Overlay;
use crate::admission::SETUP_TIME;
use crate::links::{Link, Pending, Rank, Setup};

/// Set-ups under way at once (pastry.md §5, line 22).
const SETUPS_MAX: usize = 8;
/// How long a link that came by introduction is protected: a join with two failed attempts, and
/// the newcomer's first links of its own.
const INTRODUCTION_TIME: Duration = Duration::from_secs(20);

/// Age of a link that fills no slot before it gives way to one that does (pastry.md §4).
const SPARE_TIME: Duration = Duration::from_secs(60);

impl Overlay {
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

    /// Every contact worth a link, the most important first.
    fn wanted_links(&self) -> Vec<(Rank, Contact)> {
        let mut wanted: Vec<(Rank, Contact)> = Vec::new();
        let is_neighbour = |contact: &Contact| self.leaf.is_neighbour(contact.id);
        let members = self.leaf.members().into_iter();
        let (near, far): (Vec<_>, Vec<_>) = members.partition(is_neighbour);
        wanted.extend(near.into_iter().map(|contact| (Rank::Neighbour, contact)));
        wanted.extend(far.into_iter().map(|contact| (Rank::Leaf, contact)));
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
        let linked: SortedSet<_> = linked.collect();
        let mut count: SortedMap<u8, u64> = SortedMap::new();
        for (row, _) in &linked {
            *count.entry(*row).or_default() += 1;
        }
        // Rows of many nodes start at different columns, so that not all ask the same peer.
        let radix = self.config.digits.radix();
        let first = self.me.id.to_bytes()[15] % radix;
        let turn = |column: u8| (column + radix - first) % radix;
        let slots = self.table.entries().filter(|(slot, _)| !linked.contains(slot));
        let slots =
            base::in_order(slots.map(|((row, column), contact)| (row, turn(column), contact)));
        let mut ranked: Vec<(u64, usize, Contact)> = Vec::new();
        for (at, (row, _, contact)) in slots.into_iter().enumerate() {
            let place = count.entry(row).or_default();
            ranked.push((*place, at, contact));
            *place += 1;
        }
        let rank = |place: u64| if place == 0 { Rank::Row } else { Rank::Slot };
        base::in_order(ranked)
            .into_iter()
            .map(|(place, _, contact)| (rank(place), contact))
            .collect()
    }

    /// What a link with `contact` is good for, or would be.
    pub(crate) fn rank(&self, contact: Contact) -> Rank {
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

    /// Whether a peer's request for a link of this rank is granted; room is made for it. Where there
    /// is a choice, one that is good for nothing here leaves the slots free that the routing table
    /// lacks, so that they go to links which serve both ends; one that fills such a slot drives out
    /// one that fills none.
    pub(crate) fn admits(&mut self, rank: Rank) -> bool {
        match rank {
            Rank::Spare if self.links.has_choice() => {
                self.links.room_for(rank, 1 + self.wanted_slots().len() as u64)
            }
            Rank::Row | Rank::Slot if self.links.has_choice() => {
                self.make_room(rank) || self.drop_spare()
            }
            _ => self.make_room(rank),
        }
    }

    /// Closes the oldest link that fills no slot, if its peer had time to find another.
    fn drop_spare(&mut self) -> bool {
        let old = |link: &&Link| self.now.since(link.since) >= SPARE_TIME;
        let spare = |link: &&Link| self.rank(link.contact) == Rank::Spare;
        let oldest = self.links.open().filter(old).filter(spare);
        let oldest = oldest.min_by_key(|link| (link.since, link.contact.id));
        let peer = oldest.map(|link| link.contact.id);
        peer.inspect(|peer| self.close_link(*peer)).is_some()
    }

    /// Whether the holder of a slot has refused a link, so that somebody else may take the slot.
    pub(crate) fn is_unlinkable(&self, id: NodeId) -> bool {
        self.links.has_choice() && !self.links.is_open(id) && self.links.backs_off(self.now, id)
    }

    /// Asks for others to fill the slots whose peers refused: once for each refusal.
    pub(crate) fn look_for_others(&mut self) {
        for row in core::mem::take(&mut self.links.refused_rows) {
            self.repair_row(row, false);
        }
    }

    /// Whether a slot for a link of this rank is free, or was made free. Only the ring's own links
    /// drive others out.
    pub(crate) fn make_room(&mut self, rank: Rank) -> bool {
        if self.links.room(rank) {
            return true;
        }
        if rank > Rank::Leaf {
            return false;
        }
        self.give_way(Some(rank)) && self.links.room(rank)
    }

    /// Frees the least important slot, if it is less important than `rank`.
    pub(crate) fn give_way(&mut self, rank: Option<Rank>) -> bool {
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
