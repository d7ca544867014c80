//! Keeping the tables full: what others say about third parties, and asking them for more
//! (Pastry §3.2, Bamboo's periodic sharing).
//!
//! Contacts named by others wait in `candidates` until they are probed, a few at a time;
//! `on_leaf_state` is where a sender enters the tables. The leaf set is repaired at once, the
//! routing table lazily.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use base::{Duration, Key, NodeId, Time};
use wire::overlay::{Contact, LeafState, Message, Row, UNMEASURED};

use crate::candidates::Promise;
use crate::leaf_set::is_plausible;
use crate::routing_table::Placed;
use crate::{Event, Overlay, random_part};

/// Probes of hearsay contacts under way.
const HEARSAY_PROBES_MAX: usize = 8;
/// The same while joining, when all that is known is hearsay: a leaf set at a time.
const JOIN_PROBES_MAX: usize = 16;
/// Between two beats of maintenance.
const BEAT: Duration = Duration::from_secs(2);
/// Between two shares of the leaf set with one member (Bamboo's periodic sharing).
const SHARE_BEATS: u64 = 22;
/// For how long a leaf set that lost a member keeps asking.
const GAP_BEATS: u32 = 5;
/// Between two requests for a random row (MSPastry: 20 minutes).
const ROW_BEATS: u64 = 300;
/// Silence of a member before its absence from another's leaf set counts: at a join, leaf sets
/// differ for a moment.
const DOUBT_SILENCE: Duration = Duration::from_secs(3);
/// Between two requests for the same row (FreePastry's row-patch throttle).
const ROW_THROTTLE: Duration = Duration::from_secs(5);
/// Rows whose last request is remembered: every row there is.
const ROW_REQUESTS_MAX: usize = base::DIGITS as usize;

/// The state of this conversation.
#[derive(Debug)]
pub(crate) struct Repair {
    pub(crate) next_beat: Time,
    /// The leaf set lost a member lately: the ends of a short side are asked at every beat.
    gap_until: Time,
    /// Whom a dead node's neighbour named when it announced the death.
    heirs: Vec<Contact>,
    beats: u64,
    requested: BTreeMap<u8, Time>,
}

impl Repair {
    pub(crate) fn new(next_beat: Time) -> Self {
        Repair {
            next_beat,
            gap_until: Time::ZERO,
            heirs: Vec::new(),
            beats: 0,
            requested: BTreeMap::new(),
        }
    }
}

impl Repair {
    /// Keeps the contacts of an announcement until its subject is out of the leaf set.
    pub(crate) fn keep_heirs(&mut self, leaf: &LeafState) {
        self.heirs = leaf.left.iter().chain(&leaf.right).copied().collect();
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
        if self.now < self.repair.gap_until {
            self.ask_extremes();
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
        self.check_unity();
        self.watch.prune(self.now);
        self.detach_strangers();
        let (leaf, table, near, links) = (&self.leaf, &self.table, &self.near, &self.links);
        let needed =
            |id| leaf.contains(id) || table.contains(id) || near.contains(id) || links.needs(id);
        self.peers.prune(self.now, needed);
        self.stale.links = true;
    }

    /// A leaf set, unasked. The first message on every link is one too, so a sender that shares
    /// nobody with this node may be of another ring: it enters by a join, not by chance.
    pub(crate) fn on_leaf_set(&mut self, from: Contact, leaf: &LeafState) {
        let mut listed = leaf.left.iter().chain(&leaf.right).map(|contact| contact.id);
        let lists_me = listed.clone().any(|id| id == self.me.id);
        let shares = listed.any(|id| self.leaf.contains(id));
        let enters = lists_me || shares || self.leaf.contains(from.id);
        self.on_leaf_state(from, leaf, leaf.ready && enters);
        if leaf.ready && enters && !lists_me && self.ready && would_list(from.id, leaf, self.me.id)
        {
            self.probe(from, false);
        }
    }

    /// `from` describes itself. `enters`: it takes part in a ring, so it may enter the tables.
    pub(crate) fn on_leaf_state(&mut self, from: Contact, leaf: &LeafState, enters: bool) {
        if !is_plausible(from.id, leaf) {
            self.misbehaved(from.id, "implausible leaf set");
            return;
        }
        self.set_ready(from.id, leaf.ready);
        if !self.ready && self.join.is_none() {
            return;
        }
        if enters {
            // A newcomer does not know everybody yet.
            let is_old = self.leaf.contains(from.id);
            self.admit(from);
            self.learn_all(leaf.left.iter().chain(&leaf.right));
            if is_old {
                self.doubt_unlisted(from.id, leaf);
            }
        }
    }

    pub(crate) fn on_row_request(&mut self, from: NodeId, row: u8) {
        if row >= base::DIGITS {
            self.misbehaved(from, "row out of range");
            return;
        }
        let entries = self.table.row_message(row);
        self.send(from, Message::Row { row, entries });
    }

    pub(crate) fn on_row(&mut self, from: NodeId, row: u8, entries: &Row) {
        if self.repair.requested.contains_key(&row) {
            self.learn_sightings(from, entries);
        }
    }

    /// Others named these contacts: remember those that would fill the tables.
    pub(crate) fn learn_all<'a>(&mut self, contacts: impl IntoIterator<Item = &'a Contact>) {
        for contact in contacts {
            self.learn(*contact, None);
        }
    }

    /// Somebody named `contact`, which is at least `floor` microseconds away, if that is known.
    pub(crate) fn learn(&mut self, contact: Contact, floor: Option<u32>) {
        if let Some(promise) = self.promise(contact, floor)
            && !self.watch.is_probing(contact.id)
        {
            self.candidates.put(promise, contact);
        }
    }

    /// Starts probes of what others named, the most promising first.
    pub(crate) fn probe_candidates(&mut self) {
        if self.candidates.is_empty() {
            return;
        }
        let probes_max = if self.ready { HEARSAY_PROBES_MAX } else { JOIN_PROBES_MAX };
        let mut room = probes_max.saturating_sub(self.watch.hearsay().count());
        while room > 0 && self.watch.has_room() {
            let Some((promise, contact)) = self.candidates.pop() else { return };
            let floor = match promise {
                Promise::Nearer(floor) => Some(floor),
                Promise::Leaf(_) | Promise::Hole => None,
            };
            // The tables may have changed since it was named.
            if self.promise(contact, floor).is_some() {
                self.probe(contact, true);
                room -= 1;
            }
        }
    }

    /// The leaf set has a gap. Whoever announced it said who is next; where nobody did, or they are
    /// dead too, the farthest on the short side knows. It may have a gap itself, so it is asked for
    /// a while.
    pub(crate) fn repair_leaf_set(&mut self) {
        self.repair.gap_until = self.now + BEAT * GAP_BEATS;
        let heirs = core::mem::take(&mut self.repair.heirs);
        self.learn_all(&heirs);
        if heirs.is_empty() {
            self.ask_extremes();
        }
    }

    fn ask_extremes(&mut self) {
        for contact in self.leaf.short_ends() {
            self.probe(contact, false);
        }
    }

    /// A message for `key` went to `hop` although the table should hold a better one.
    pub(crate) fn repair_hole(&mut self, hop: NodeId, key: Key) {
        let row = self.me.id.shared_digits(key);
        let is_hole = hop.shared_digits(key) <= row
            && self.table.get((row, key.digit(row))).is_none()
            && !self.leaf.covers(key);
        if is_hole {
            self.repair_row(row);
        }
    }

    /// Asks an entry of `row` for its row: the one there is, or the next one down.
    pub(crate) fn repair_row(&mut self, row: u8) {
        let asked = self.repair.requested.get(&row);
        if asked.is_some_and(|at| self.now.since(*at) < ROW_THROTTLE) {
            return;
        }
        let below = (row..self.table.depth()).find(|row| self.table.row(*row).next().is_some());
        let entries: Vec<Contact> = below
            .map_or(Vec::new(), |row| self.table.row(row).map(|entry| entry.contact).collect());
        let Some(entry) = self.rng.pick(&entries).copied() else { return };
        if self.repair.requested.len() < ROW_REQUESTS_MAX || asked.is_some() {
            self.repair.requested.insert(row, self.now);
            self.send(entry.id, Message::RowRequest { row });
        }
    }

    /// `contact` has spoken, and takes part in the ring: it enters where it belongs.
    pub(crate) fn admit(&mut self, contact: Contact) {
        self.candidates.remove(contact.id);
        let rtt = self.peers.rtt(contact.id);
        let enters_leaf = self.leaf.insert(contact);
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
        if self.leaf.wants(id) {
            return Some(at);
        }
        if self.table.has_hole(id) {
            return Some(Promise::Hole);
        }
        if known.is_some_and(|peer| peer.rtt != UNMEASURED) {
            // It has been offered its place already.
            return None;
        }
        let floor = floor.filter(|_| self.is_direct())?;
        let floor = self.peers.met(id).unwrap_or(floor);
        let is_better = self.table.wants(id, floor) || self.near.wants(floor);
        is_better.then_some(Promise::Nearer(floor))
    }

    /// A ready neighbour that does not list a member of this node's leaf set may have found it
    /// dead: its word is hearsay, the member's silence decides whether to ask.
    fn doubt_unlisted(&mut self, from: NodeId, leaf: &LeafState) {
        if !leaf.ready {
            return;
        }
        let listed = |id| leaf.left.iter().chain(&leaf.right).any(|contact| contact.id == id);
        let silent = |id| {
            let heard = self.peers.get(id).map(|peer| peer.heard);
            heard.is_some_and(|heard| self.now.since(heard) >= DOUBT_SILENCE)
        };
        let doubted = self.leaf.members().into_iter().filter(|member| {
            member.id != from
                && !listed(member.id)
                && would_list(from, leaf, member.id)
                && silent(member.id)
        });
        for member in doubted.collect::<Vec<_>>() {
            self.probe(member, false);
        }
    }

    fn share_leaf_set(&mut self, turn: u64) {
        // By turns with the two that matter most, and with any.
        let member = match turn % 3 {
            0 => self.leaf.left().first().copied(),
            1 => self.leaf.right().first().copied(),
            _ => self.rng.pick(&self.leaf.members()).copied(),
        };
        if let Some(member) = member {
            self.send(member.id, Message::LeafSet(self.leaf.state(self.ready)));
        }
    }

    fn maintain_rows(&mut self) {
        let rows = u64::from(self.table.depth());
        let row = u8::try_from(self.rng.below(rows)).unwrap_or(0);
        self.repair_row(row);
        self.repair_neighbourhood();
    }
}

/// Whether `id` belongs into the leaf set that `from` described.
fn would_list(from: NodeId, leaf: &LeafState, id: NodeId) -> bool {
    let left = leaf.left.last().map(|last| last.id.clockwise_to(from));
    let right = leaf.right.last().map(|last| from.clockwise_to(last.id));
    left.is_none_or(|reach| id.clockwise_to(from) < reach)
        || right.is_none_or(|reach| from.clockwise_to(id) < reach)
}

impl Overlay {
    /// Tells everybody near that this node has joined.
    pub(crate) fn announce(&mut self) {
        self.event(Event::Ready);
        self.begin_second_stage();
        let linked = self.links.open().map(|link| link.contact.id);
        let mut receivers: Vec<NodeId> = linked.collect();
        let members = self.leaf.members().into_iter().map(|contact| contact.id);
        receivers.extend(members);
        receivers.sort_unstable();
        receivers.dedup();
        for id in receivers {
            self.send(id, Message::LeafSet(self.leaf.state(self.ready)));
        }
    }
}
