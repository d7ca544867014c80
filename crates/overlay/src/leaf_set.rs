//! The leaf set: the nodes closest to this one on either side of the ring (Pastry §2.3).
//!
//! Only what the set holds and what it covers lives here; who may enter it is decided in `repair`.
//! Invariant: each side is sorted, nearest first, without this node and without repetitions. In a
//! ring of at most |L| nodes one node stands on both sides.

use alloc::vec::Vec;
use core::cmp::Ordering;

use base::{Bounded, Key, NodeId, SortedSet};
use wire::overlay::{Contact, LEAF_HALF_MAX, LeafState};

/// The neighbours of one node.
#[derive(Clone, Debug)]
pub(crate) struct LeafSet {
    me: NodeId,
    /// Places on each side.
    half: usize,
    left: Vec<Contact>,
    right: Vec<Contact>,
}

impl LeafSet {
    pub(crate) fn new(me: NodeId, half: usize) -> Self {
        let half = half.clamp(1, LEAF_HALF_MAX);
        LeafSet { me, half, left: Vec::new(), right: Vec::new() }
    }

    /// Places on each side.
    pub(crate) fn half(&self) -> usize {
        self.half
    }

    /// Counter-clockwise neighbours, nearest first.
    pub(crate) fn left(&self) -> &[Contact] {
        &self.left
    }

    /// Clockwise neighbours, nearest first.
    pub(crate) fn right(&self) -> &[Contact] {
        &self.right
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Both sides, the left one first; in a small ring, whoever stands on both comes twice.
    pub(crate) fn contacts(&self) -> impl Iterator<Item = &Contact> {
        self.left.iter().chain(&self.right)
    }

    pub(crate) fn get(&self, id: NodeId) -> Option<Contact> {
        self.contacts().find(|contact| contact.id == id).copied()
    }

    pub(crate) fn contains(&self, id: NodeId) -> bool {
        self.get(id).is_some()
    }

    /// Whether `id`, not a member, would become one.
    pub(crate) fn wants(&self, id: NodeId) -> bool {
        self.reach_of(id).is_some()
    }

    /// How far from this node `id`, not a member, would enter: on the side where that is less, of
    /// those that have a place for it.
    pub(crate) fn reach_of(&self, id: NodeId) -> Option<u128> {
        let (left, right) = (id.clockwise_to(self.me), self.me.clockwise_to(id));
        let full = |side: &[Contact]| side.get(self.half - 1).map(|last| last.id);
        let enters_left = full(&self.left).is_none_or(|last| left < last.clockwise_to(self.me));
        let enters_right = full(&self.right).is_none_or(|last| right < self.me.clockwise_to(last));
        let reaches = [enters_left.then_some(left), enters_right.then_some(right)];
        reaches.into_iter().flatten().min().filter(|_| id != self.me && !self.contains(id))
    }

    /// Whether `id`, not a member, would become one beside `others`, as far as they become members.
    pub(crate) fn has_place_beside(
        &self,
        id: NodeId,
        others: impl Iterator<Item = NodeId> + Clone,
    ) -> bool {
        let enters = |side: &[Contact], reach: &dyn Fn(NodeId) -> u128| {
            let is_nearer = |other: &NodeId| reach(*other) < reach(id);
            let members = side.iter().map(|contact| contact.id).filter(is_nearer).count();
            let strangers = others.clone().filter(|other| !self.contains(*other));
            members + strangers.filter(is_nearer).count() < self.half
        };
        id != self.me
            && !self.contains(id)
            && (enters(&self.left, &|other| other.clockwise_to(self.me))
                || enters(&self.right, &|other| self.me.clockwise_to(other)))
    }

    /// Takes `contact` in where it is close enough, or raises the epoch of a member. True when the
    /// set changed.
    pub(crate) fn insert(&mut self, contact: Contact) -> bool {
        if contact.id == self.me {
            return false;
        }
        let (me, half) = (self.me, self.half);
        let left = enter(&mut self.left, half, contact, |other| other.clockwise_to(me));
        let right = enter(&mut self.right, half, contact, |other| me.clockwise_to(other));
        left || right
    }

    /// Takes a member out. The other side's members close the gap as far as they reach.
    pub(crate) fn remove(&mut self, id: NodeId) -> bool {
        if !self.contains(id) {
            return false;
        }
        self.left.retain(|contact| contact.id != id);
        self.right.retain(|contact| contact.id != id);
        for contact in self.members() {
            self.insert(contact);
        }
        true
    }

    /// Every member once, the nearest first, left before right.
    pub(crate) fn members(&self) -> Vec<Contact> {
        let mut members = Vec::with_capacity(2 * self.half);
        for rank in 0..self.half {
            for contact in [self.left.get(rank), self.right.get(rank)].into_iter().flatten() {
                if !members.contains(contact) {
                    members.push(*contact);
                }
            }
        }
        members
    }

    /// The ring neighbours: none, one (a ring of two) or two.
    pub(crate) fn neighbours(&self) -> impl Iterator<Item = Contact> + use<> {
        let left = self.left.first().copied();
        let right = self.right.first().copied().filter(|right| Some(*right) != left);
        left.into_iter().chain(right)
    }

    pub(crate) fn is_neighbour(&self, id: NodeId) -> bool {
        self.neighbours().any(|contact| contact.id == id)
    }

    pub(crate) fn is_left_neighbour(&self, id: NodeId) -> bool {
        self.left.first().is_some_and(|left| left.id == id)
    }

    /// The members that stand behind `id`, one step further from this node.
    pub(crate) fn behind(&self, id: NodeId) -> impl Iterator<Item = Contact> {
        let next = move |side: &[Contact]| {
            let at = side.iter().position(|contact| contact.id == id)?;
            side.get(at + 1).copied()
        };
        [next(&self.left), next(&self.right)].into_iter().flatten()
    }

    /// The farthest member on each side that is not full: whom to ask for more. A member that
    /// is nearer the other way round only holds a place.
    pub(crate) fn short_ends(&self) -> Vec<Contact> {
        let me = self.me;
        let is_left =
            |contact: &Contact| contact.id.clockwise_to(me) <= me.clockwise_to(contact.id);
        let left: Vec<_> = self.left.iter().filter(|contact| is_left(contact)).collect();
        let right: Vec<_> = self.right.iter().filter(|contact| !is_left(contact)).collect();
        let sides = [(left, &self.left), (right, &self.right)].into_iter();
        let short = sides.filter(|(own, _)| own.len() < self.half);
        short.filter_map(|(own, all)| own.last().copied().or(all.last()).copied()).collect()
    }

    /// Whether the root of `key` is this node or a member: the key lies between the extremes, or
    /// the two sides together go all the way round.
    pub(crate) fn covers(&self, key: Key) -> bool {
        if self.left.len() < self.half || self.right.len() < self.half {
            return true;
        }
        let (Some(first), Some(last)) = (self.left.last(), self.right.last()) else { return true };
        let (left, right) = (first.id.clockwise_to(self.me), self.me.clockwise_to(last.id));
        match left.checked_add(right) {
            Some(span) => first.id.clockwise_to(key) <= span,
            None => true,
        }
    }

    /// Whether this node is one of the `count` nodes closest to `key`, for certain. Whoever is closer
    /// stands on the side of the key: if all of that side is, there may be more behind it.
    pub(crate) fn is_among_closest(&self, key: Key, count: usize) -> bool {
        let is_closer = |contact: &&Contact| key.closer(contact.id, self.me) == Ordering::Less;
        let left = self.left.iter().filter(is_closer).count();
        let right = self.right.iter().filter(is_closer).count();
        let closer = self.members().iter().filter(is_closer).count();
        closer < count && left < self.half && right < self.half
    }

    /// How far the last of the `count` nodes closest to `key` is from it, where this node and its
    /// members show it for certain.
    pub(crate) fn reach_of_closest(&self, key: Key, count: usize) -> Option<u128> {
        let ids = self.contacts().map(|contact| contact.id).chain([self.me]);
        // In a small ring somebody stands on both sides.
        let reaches: SortedSet<_> = ids.map(|id| (id.distance(key), id)).collect();
        let (last, _) = *reaches.iter().nth(count.checked_sub(1)?)?;
        let ends = [key.value().wrapping_sub(last), key.value().wrapping_add(last)];
        ends.into_iter().all(|end| self.covers(Key::new(end))).then_some(last)
    }

    /// What this node tells others.
    pub(crate) fn state(&self, ready: bool) -> LeafState {
        LeafState {
            ready,
            left: Bounded::truncating(self.left.iter().copied()),
            right: Bounded::truncating(self.right.iter().copied()),
        }
    }
}

/// Whether `state` can be an honest node's: sorted from `owner` outwards, without itself.
pub(crate) fn is_plausible(owner: NodeId, state: &LeafState) -> bool {
    let rises = |reaches: Vec<u128>| {
        reaches.first() != Some(&0) && reaches.windows(2).all(|pair| pair[0] < pair[1])
    };
    rises(state.left.iter().map(|contact| contact.id.clockwise_to(owner)).collect())
        && rises(state.right.iter().map(|contact| owner.clockwise_to(contact.id)).collect())
}

fn enter(
    side: &mut Vec<Contact>,
    half: usize,
    contact: Contact,
    reach: impl Fn(NodeId) -> u128,
) -> bool {
    let at = side.partition_point(|other| reach(other.id) < reach(contact.id));
    if let Some(member) = side.get_mut(at).filter(|member| member.id == contact.id) {
        let fresh = member.epoch < contact.epoch;
        member.epoch = member.epoch.max(contact.epoch);
        return fresh;
    }
    if at >= half {
        return false;
    }
    side.insert(at, contact);
    side.truncate(half);
    true
}

#[cfg(test)]
mod tests;
