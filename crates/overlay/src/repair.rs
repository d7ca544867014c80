//! Keeping the tables full (Pastry §3.2).
//!
//! `admit` is the one way into a table, for whoever spoke. The leaf set is repaired at once, the
//! routing table lazily. What others say of third parties is in `hearsay`, what they say of
//! themselves in `sharing`.

use alloc::vec::Vec;

use base::{Duration, Key, NodeId, SortedMap, Time};
use wire::overlay::{Contact, LeafState, Message, Row, UNMEASURED};

use crate::met::Met;
use crate::routing_table::{Placed, Slot};
use crate::{Overlay, random_part};

/// Between two beats of maintenance.
const BEAT: Duration = Duration::from_secs(2);
/// Between two shares of the leaf set with one member (Bamboo's periodic sharing).
const SHARE_BEATS: u64 = 22;
/// For how long a leaf set that lost a member keeps asking.
const GAP_BEATS: u32 = 5;
/// How long ago somebody may have spoken whom the leaf set takes in unasked when it is named: as long as
/// it takes to confirm an announced death.
const JUST_NOW: Duration = Duration::from_secs(2);
/// Between two requests for a random row (MSPastry: 20 minutes).
const ROW_BEATS: u64 = 300;
/// Between two requests for the same row (FreePastry's row-patch throttle).
const ROW_THROTTLE: Duration = Duration::from_secs(5);
/// Announced deaths whose heirs are remembered. When full, the oldest are forgotten: the farthest
/// member on the short side knows them, too.
const HEIRS_MAX: usize = 8;
/// Contacts left to others for a beat. Beyond it they are forgotten: the ends of a short side name
/// them again.
const WAITING_MAX: usize = 64;

/// A request for a row of somebody's routing table.
#[derive(Clone, Copy, Debug)]
struct Request {
    at: Time,
    /// For a hole: nothing else of the answer is looked at.
    hole: bool,
}

/// The state of this conversation.
#[derive(Debug)]
pub(crate) struct Repair {
    pub(crate) next_beat: Time,
    /// The leaf set lost a member lately: the ends of a short side are asked at every beat.
    gap_until: Time,
    /// Deaths that were announced and are not confirmed yet, with those whom the announcement named.
    heirs: Vec<(NodeId, Vec<Contact>)>,
    /// Those named at confirmed deaths that this node leaves the first word to; at most
    /// [`WAITING_MAX`].
    waiting: Vec<Contact>,
    beats: u64,
    /// The last request for each row there is.
    requested: SortedMap<u8, Request>,
}

impl Repair {
    pub(crate) fn new(next_beat: Time) -> Self {
        Repair {
            next_beat,
            gap_until: Time::ZERO,
            heirs: Vec::new(),
            waiting: Vec::new(),
            beats: 0,
            requested: SortedMap::new(),
        }
    }

    /// Keeps the contacts of an announcement until its subject is out of the leaf set.
    pub(crate) fn keep_heirs(&mut self, of: NodeId, leaf: &LeafState) {
        self.heirs.retain(|(dead, _)| *dead != of);
        if self.heirs.len() >= HEIRS_MAX {
            self.heirs.remove(0);
        }
        self.heirs.push((of, leaf.contacts().copied().collect()));
    }

    /// Whether the last announcement of this death named `id`, who has heard it, too.
    pub(crate) fn is_heir(&self, of: NodeId, id: NodeId) -> bool {
        let named = self.heirs.iter().filter(|(dead, _)| *dead == of);
        named.flat_map(|(_, heirs)| heirs).any(|contact| contact.id == id)
    }

    fn take_heirs(&mut self, of: NodeId) -> Vec<Contact> {
        let at = self.heirs.iter().position(|(dead, _)| *dead == of);
        at.map(|at| self.heirs.swap_remove(at).1).unwrap_or_default()
    }
}

impl Overlay {
    /// The regular work: once a heartbeat.
    pub(crate) fn on_beat(&mut self) {
        // A little irregular, so that nodes do not fall into step.
        self.repair.next_beat = self.now + BEAT * 7 / 8 + random_part(&mut self.rng, BEAT / 4);
        self.repair.beats += 1;
        self.retune();
        self.probe_silent();
        let waiting = core::mem::take(&mut self.repair.waiting);
        self.learn_all(None, &waiting);
        if self.now < self.repair.gap_until {
            if !self.is_closing_gap() {
                self.ask_extremes();
            }
            if !self.is_direct() {
                // Announcements to members without a link may be lost with the dead relay.
                self.share_leaf_set(self.repair.beats);
            }
        }
        if self.repair.beats.is_multiple_of(SHARE_BEATS) {
            self.share_leaf_set(self.repair.beats / SHARE_BEATS);
        }
        if self.repair.beats.is_multiple_of(ROW_BEATS) {
            self.maintain_rows();
        }
        self.look_for_others();
        self.check_unity();
        self.watch.prune(self.now);
        self.detach_strangers();
        self.with_peers(|peers, now, needed| peers.prune(now, needed));
        self.stale.links = true;
    }

    pub(crate) fn on_row_request(&mut self, from: NodeId, row: u8) {
        if row >= self.table.rows() {
            self.misbehaved(from, "row out of range");
            return;
        }
        let entries = self.table.row_message(row);
        self.send(from, Message::Row { row, entries });
    }

    pub(crate) fn on_row(&mut self, from: NodeId, row: u8, entries: &Row) {
        match self.repair.requested.get(&row) {
            Some(request) if request.hole && self.is_direct() => {
                self.learn_all(Some(from), entries.iter().map(|entry| &entry.contact));
            }
            Some(_) => self.learn_sightings(from, entries),
            None => {}
        }
    }

    /// The leaf set lost `gone`. Whoever announced it said who is next; where nobody did, or they are
    /// dead too, the farthest on the short side knows. It may have a gap itself, so it is asked for
    /// a while.
    ///
    /// Two nodes come into each other's leaf sets for it, one on either side, and one question is
    /// enough for both: with datagrams the one to the left (`asks_first`) has the first word, the other
    /// waits for the next beat.
    pub(crate) fn repair_leaf_set(&mut self, gone: NodeId, asks_first: bool) {
        self.repair.gap_until = self.now + BEAT * GAP_BEATS;
        let named = self.repair.take_heirs(gone);
        let is_announced = !named.is_empty();
        let known = self.known_heirs();
        let mut heirs = Vec::new();
        for contact in named {
            if self.spoke_just_now(contact) { self.admit(contact) } else { heirs.push(contact) }
        }
        heirs.extend(known);
        if self.is_direct() && !asks_first {
            self.repair.waiting.extend(heirs);
            self.repair.waiting.truncate(WAITING_MAX);
            return;
        }
        self.learn_all(None, &heirs);
        if !is_announced {
            self.ask_extremes();
        }
    }

    /// Whether the leaf set wants `contact`, who has just said something: then nobody need ask it. Whoever
    /// learns of a death earlier asks those who take the dead one's place there, where there may be no
    /// room for it yet.
    fn spoke_just_now(&self, contact: Contact) -> bool {
        let peer = self.peers.get(contact.id).filter(|peer| peer.contact == contact);
        self.is_direct()
            && self.leaf.wants(contact.id)
            && peer.is_some_and(|peer| peer.ready && self.now.since(peer.heard) < JUST_NOW)
    }

    /// With datagrams, those who spoke lately and whom the leaf set wants now, the nearest first: when
    /// many die at once, some answered while a dead one still had their place.
    fn known_heirs(&self) -> Vec<Contact> {
        if !self.is_direct() {
            return Vec::new();
        }
        let lately = self.peers.heard_within(self.now, BEAT * GAP_BEATS);
        let wanted = lately.filter_map(|contact| Some((self.leaf.reach_of(contact.id)?, contact)));
        let nearest = base::in_order(wanted).into_iter().take(self.leaf.half());
        nearest.map(|(_, contact)| contact).collect()
    }

    /// Whether somebody is asked, or will be, who may close a gap of the leaf set.
    pub(crate) fn is_closing_gap(&self) -> bool {
        let asked = || self.watch.asked();
        let is_end = |id: NodeId| self.leaf.short_ends().iter().any(|end| end.id == id);
        let near = |id: NodeId| {
            self.leaf.reach_of(id).is_some_and(|reach| reach == self.me.id.distance(id))
        };
        !self.repair.waiting.is_empty() || asked().any(|id| is_end(id) || near(id))
    }

    fn ask_extremes(&mut self) {
        for contact in self.leaf.short_ends() {
            self.probe(contact, false);
        }
    }

    /// A message for `key` went to `hop` although the table should hold a better one.
    pub(crate) fn repair_hole(&mut self, hop: NodeId, key: Key) {
        let Some(slot) = self.table.slot(key) else { return };
        let row = slot.0;
        let is_hole = self.config.digits.shared(hop, key) <= row
            && self.table.get(slot).is_none()
            && !self.leaf.covers(key);
        if is_hole && !(self.is_direct() && self.refill(slot)) {
            self.repair_row(row, true);
        }
    }

    /// Asks an entry of `row` for its row: the one there is, or the next one down.
    pub(crate) fn repair_row(&mut self, row: u8, hole: bool) {
        let asked = self.repair.requested.get(&row);
        if asked.is_some_and(|request| self.now.since(request.at) < ROW_THROTTLE) {
            return;
        }
        let below = (row..self.table.depth()).find(|row| self.table.row(*row).next().is_some());
        let entries: Vec<Contact> = below
            .map_or(Vec::new(), |row| self.table.row(row).map(|entry| entry.contact).collect());
        let Some(entry) = self.rng.pick(&entries).copied() else { return };
        self.repair.requested.insert(row, Request { at: self.now, hole });
        self.send(entry.id, Message::RowRequest { row });
    }

    /// `contact` has spoken, and takes part in the ring: it enters where it belongs.
    pub(crate) fn admit(&mut self, contact: Contact) {
        self.candidates.remove(contact.id);
        let rtt = self.peers.rtt(contact.id);
        let enters_leaf = self.leaf.insert(contact);
        if let Some(holder) = self.table.rival(contact.id).filter(|id| self.is_unlinkable(*id)) {
            self.table.remove(holder);
        }
        let placed = self.table.insert(contact, rtt);
        let is_near = rtt != UNMEASURED && self.befriend(contact, rtt);
        self.stale.leaf |= enters_leaf;
        self.stale.links |= !matches!(placed, Placed::Nowhere | Placed::There);
        if enters_leaf || placed != Placed::Nowhere || is_near {
            self.watch.admit(contact.id);
            self.attach(contact);
        }
        if let Placed::Instead(old) = placed {
            self.release(old.id);
        }
    }

    /// A slot of the routing table is empty: the nearest of those who fit and spoke lately takes it. If
    /// there is none, the nearest who fits and was here once is asked. False where nobody is known.
    pub(crate) fn refill(&mut self, slot: Slot) -> bool {
        let fits = |met: &Met| {
            self.table.slot(met.contact.id) == Some(slot)
                && !self.watch.is_probing(met.contact.id)
                && !self.watch.is_dead(self.now, met.contact)
        };
        let patience = self.tuning.interval();
        let is_old = |met: &Met| self.now.since(met.heard) >= patience;
        let known = self.peers.ever_met().filter(fits);
        let best = known.min_by_key(|met| (is_old(met), met.rtt, met.contact.id));
        let Some(best) = best else { return false };
        // A slot may be wrong for a while, a leaf set not.
        if is_old(&best) || self.leaf.wants(best.contact.id) {
            self.learn(best.contact, Some(best.rtt), None);
        } else {
            self.peers.recall(best.contact.id);
            self.admit(best.contact);
        }
        true
    }

    /// Offers everybody who is known to take part in the ring, and how far it is, to the tables: those
    /// who were measured before there was a place for them, or whose place was another's.
    pub(crate) fn offer_known(&mut self) {
        for contact in self.peers.measured() {
            self.admit(contact);
        }
    }

    /// Offers `contact` to the neighbourhood set; whether it is a member now.
    pub(crate) fn befriend(&mut self, contact: Contact, rtt: u32) -> bool {
        let (is_near, gone) = self.near.insert(contact, rtt);
        if is_near {
            self.attach(contact);
        }
        if let Some(gone) = gone {
            self.release(gone.id);
        }
        is_near
    }

    pub(crate) fn set_ready(&mut self, id: NodeId, ready: bool) {
        if let Some(peer) = self.peers.get_mut(id)
            && peer.ready != ready
        {
            peer.ready = ready;
            self.stale.ways = true;
            self.stale.links = true;
        }
        self.links.set_ready(id, ready);
    }

    fn maintain_rows(&mut self) {
        let rows = u64::from(self.table.depth());
        let row = u8::try_from(self.rng.below(rows)).unwrap_or(0);
        self.repair_row(row, false);
        self.repair_neighbourhood();
    }
}
