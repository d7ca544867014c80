//! A walk in the hands of this node: offered to the member here, then handed on, depth first
//! (Scribe's anycast).
//!
//! In a tree, a walk that remembers the siblings it has still to visit and the node above the
//! highest one it reached comes by everybody once, whatever it remembers of those it saw; the list
//! of visited nodes is for trees that change under way. A stop that does not acknowledge is passed
//! over.

use alloc::vec::Vec;

use base::{Bounded, NodeId, SortedMap, Time};
use wire::groups::{Message, OFFER_BYTES_MAX, VISITED_MAX, Walk, WalkId};
use wire::limits::HOPS_MAX;

use crate::face::Way;
use crate::multicast::Pending;
use crate::{Groups, Output};

/// Walks in the hands of one node, each waiting for the member's answer or for the next stop's
/// acknowledgement. Beyond it a walk goes on without being offered, and unguarded.
const HELD_MAX: usize = 64;
/// Walks remembered, to tell a repeated message from a second visit. Beyond it the one seen longest
/// ago is forgotten.
const KNOWN_MAX: usize = 256;
/// Heartbeats for which a walk is remembered.
const KNOWN_BEATS: u32 = 15;
/// Edges that a walk crosses at most. Then it ends where it is.
const WALK_HOPS_MAX: u32 = 4096;
/// Stops after which a walk tells its origin that it is under way: more often than the origin's
/// patience, at 100 ms a stop.
const WALKING_HOPS: u32 = 16;
/// Times that a walk is sent to a stop that does not acknowledge.
const HAND_TRIES_MAX: u8 = 3;

/// What this node has to do with walks of others, and its own when they come by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hands {
    /// Offered here; at most [`HELD_MAX`].
    offered: SortedMap<WalkId, (Walk, Time)>,
    /// Sent on, without the stop it was sent to; at most [`HELD_MAX`].
    handed: SortedMap<WalkId, Handed>,
    /// At most [`KNOWN_MAX`].
    known: SortedMap<WalkId, Known>,
}

/// A walk that the next stop may not have.
#[derive(Clone, Debug)]
struct Handed {
    walk: Walk,
    to: NodeId,
    tries: u8,
    due: Time,
}

/// A walk that was here.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Attempt and hops of its last visit.
    last: (u8, u32),
    has_accepted: bool,
    at: Time,
}

impl Hands {
    pub(crate) fn is_empty(&self) -> bool {
        self.offered.is_empty() && self.handed.is_empty() && self.known.is_empty()
    }

    /// Whether the walk is here for the first time in this state.
    fn is_new(&mut self, walk: &Walk, now: Time) -> bool {
        let visit = (walk.attempt, walk.hops);
        if let Some(known) = self.known.get_mut(&walk.walk) {
            let is_new = visit > known.last;
            if is_new {
                known.last = visit;
                known.at = now;
            }
            return is_new;
        }
        if self.known.len() >= KNOWN_MAX {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.at).map(|(id, _)| *id);
            if let Some(oldest) = oldest {
                self.known.remove(&oldest);
            }
        }
        self.known.insert(walk.walk, Known { last: visit, has_accepted: false, at: now });
        true
    }
}

impl Groups {
    /// This node's own walk sets out: here if this node is in the tree, otherwise towards it.
    pub(crate) fn begin_walk(&mut self, now: Time, walk: Walk) {
        self.hands.is_new(&walk, now);
        self.walk_arrived(now, walk);
    }

    pub(crate) fn on_walk(&mut self, now: Time, from: NodeId, walk: Walk) {
        if walk.body.len() > OFFER_BYTES_MAX || walk.wanted == 0 || walk.hops == 0 {
            return self.misbehaved(from, "impossible walk");
        }
        let (id, attempt, hops) = (walk.walk, walk.attempt, walk.hops);
        self.send(from, Message::WalkAck { walk: id, attempt, hops });
        if !self.hands.is_new(&walk, now) {
            return self.counters.ignored += 1;
        }
        if walk.hops.is_multiple_of(WALKING_HOPS) {
            self.tell_origin(now, id, Message::Walking { walk: id, attempt });
        }
        self.walk_arrived(now, walk);
    }

    fn walk_arrived(&mut self, now: Time, mut walk: Walk) {
        let is_seeking = walk.visited.is_empty();
        let Some(tree) = self.trees.get(&walk.group) else {
            if is_seeking && walk.hops < u32::from(HOPS_MAX) {
                let group = walk.group;
                return self.pend(group, Pending::Walk(walk));
            }
            // Somebody still took this node for part of the tree.
            walk.is_torn |= walk.up == Some(self.me);
            return self.hand_on(now, walk);
        };
        if is_seeking && tree.is_lost() && tree.children.is_empty() {
            // Nobody is above or below: by the overlay's way, as from outside the tree.
            let group = walk.group;
            return self.pend(group, Pending::Walk(walk));
        }
        let is_upwards = is_seeking || walk.up == Some(self.me);
        let mut children: Vec<NodeId> = tree.children.keys().copied().collect();
        self.rng.shuffle(&mut children);
        if is_upwards {
            // Whoever was asked to be the parent is in the tree, or on its own way into it.
            walk.up = tree.parent().or(tree.joining());
            walk.is_torn |= tree.is_lost();
        }
        let stops = children.into_iter().chain(walk.stops);
        walk.stops = Bounded::truncating(stops.filter(|id| !walk.visited.contains(id)));
        let is_spared = walk.walk.origin == self.me || walk.spared.contains(&self.me);
        let is_offered = tree.is_member && !is_spared;
        let was_here = walk.visited.contains(&self.me);
        let first = walk.visited.len().saturating_sub(VISITED_MAX - 1);
        let visited = walk.visited.into_iter().skip(first).chain([self.me]);
        walk.visited = Bounded::truncating(visited);
        if is_offered && !was_here { self.offer(now, walk) } else { self.hand_on(now, walk) }
    }

    fn offer(&mut self, now: Time, walk: Walk) {
        let id = walk.walk;
        if self.hands.known.get(&id).is_some_and(|known| known.has_accepted) {
            // In an earlier attempt, and its word was lost.
            return self.accept(now, walk);
        }
        if self.hands.offered.len() >= HELD_MAX || self.hands.offered.contains_key(&id) {
            return self.hand_on(now, walk);
        }
        let (group, origin, body) = (walk.group, id.origin, walk.body.clone());
        self.hands.offered.insert(id, (walk, now + self.config.heartbeat));
        self.outputs.push_back(Output::Offer { walk: id, group, origin, body });
    }

    pub(crate) fn on_answer(&mut self, now: Time, id: WalkId, accepted: bool) {
        match (self.hands.offered.remove(&id), accepted) {
            (Some((walk, _)), true) => self.accept(now, walk),
            (Some((walk, _)), false) => self.hand_on(now, walk),
            // The walk went on without this member; the origin gets one more than it wanted.
            (None, true) => self.tell_accepted(now, id),
            (None, false) => {}
        }
    }

    fn accept(&mut self, now: Time, mut walk: Walk) {
        self.tell_accepted(now, walk.walk);
        walk.wanted -= 1;
        walk.accepted = walk.accepted.saturating_add(1);
        self.hand_on(now, walk);
    }

    fn tell_accepted(&mut self, now: Time, id: WalkId) {
        if let Some(known) = self.hands.known.get_mut(&id) {
            known.has_accepted = true;
            self.tell_origin(now, id, Message::Accepted { walk: id });
        }
    }

    /// To the next stop, or the end.
    fn hand_on(&mut self, now: Time, mut walk: Walk) {
        let id = walk.walk;
        let next = if walk.wanted == 0 || walk.hops >= WALK_HOPS_MAX {
            None
        } else {
            next_stop(&mut walk, self.me)
        };
        let Some(to) = next else {
            return self.tell_origin(now, id, ended(&walk));
        };
        self.hand_to(now, walk, to);
    }

    fn hand_to(&mut self, now: Time, mut walk: Walk, to: NodeId) {
        walk.hops += 1;
        self.send(to, Message::Walk(walk.clone()));
        if self.hands.handed.len() < HELD_MAX {
            let due = now + self.config.heartbeat / 2;
            self.hands.handed.insert(walk.walk, Handed { walk, to, tries: 1, due });
        }
    }

    /// A walk whose way towards the tree is known.
    pub(crate) fn seek(&mut self, now: Time, walk: Walk, way: Way) {
        match way {
            Way::Hop(to) => self.hand_to(now, walk, to),
            Way::Root => self.tell_origin(now, walk.walk, ended(&walk)),
            // The origin sends another.
            Way::None => self.counters.ignored += 1,
        }
    }

    fn tell_origin(&mut self, now: Time, id: WalkId, message: Message) {
        if id.origin != self.me {
            return self.send(id.origin, message);
        }
        if let Message::Ended { attempt, accepted, is_torn, .. } = message {
            self.on_ended(now, id, attempt, accepted, is_torn);
        }
    }

    pub(crate) fn on_walk_ack(&mut self, from: NodeId, id: WalkId, attempt: u8, hops: u32) {
        let is_it = |handed: &Handed| {
            (handed.to, handed.walk.attempt, handed.walk.hops) == (from, attempt, hops)
        };
        if self.hands.handed.get(&id).is_some_and(is_it) {
            self.hands.handed.remove(&id);
        }
    }

    pub(crate) fn held_walk_at(&self) -> Option<Time> {
        let offered = self.hands.offered.values().map(|(_, due)| *due);
        offered.chain(self.hands.handed.values().map(|handed| handed.due)).min()
    }

    /// Members that did not answer, stops that did not acknowledge.
    pub(crate) fn repeat_walks(&mut self, now: Time) {
        let due = self.hands.offered.iter().filter(|(_, (_, due))| *due <= now);
        for id in due.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.on_answer(now, id, false);
        }
        let due = self.hands.handed.iter().filter(|(_, handed)| handed.due <= now);
        for id in due.map(|(id, _)| *id).collect::<Vec<_>>() {
            let Some(handed) = self.hands.handed.get_mut(&id) else { continue };
            if handed.tries >= HAND_TRIES_MAX {
                let silent = handed.to;
                self.pass_over(now, id);
                self.outputs.push_back(Output::Doubt(silent));
                continue;
            }
            handed.tries += 1;
            handed.due = now + self.config.heartbeat / 2;
            let (to, walk) = (handed.to, handed.walk.clone());
            self.send(to, Message::Walk(walk));
        }
    }

    /// The stop is not there: to the next one.
    fn pass_over(&mut self, now: Time, id: WalkId) {
        let Some(mut handed) = self.hands.handed.remove(&id) else { return };
        handed.walk.is_torn = true;
        handed.walk.up.take_if(|up| *up == handed.to);
        if !handed.walk.visited.is_empty() {
            self.hand_on(now, handed.walk);
        } else if handed.walk.hops < u32::from(HOPS_MAX) {
            // On its way to the tree: by another hop.
            let group = handed.walk.group;
            self.pend(group, Pending::Walk(handed.walk));
        } else {
            self.counters.ignored += 1;
        }
    }

    pub(crate) fn on_stop_gone(&mut self, now: Time, peer: NodeId) {
        let gone = self.hands.handed.iter().filter(|(_, handed)| handed.to == peer);
        for id in gone.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.pass_over(now, id);
        }
    }

    pub(crate) fn forget_walks(&mut self, now: Time) {
        let life = self.config.heartbeat * KNOWN_BEATS;
        self.hands.known.retain(|_, known| now.since(known.at) <= life);
    }

    /// Hands on every walk: this node leaves.
    pub(crate) fn let_go_of_walks(&mut self, now: Time) {
        for id in self.hands.offered.keys().copied().collect::<Vec<_>>() {
            self.on_answer(now, id, false);
        }
    }
}

fn ended(walk: &Walk) -> Message {
    let Walk { walk, attempt, accepted, is_torn, .. } = *walk;
    Message::Ended { walk, attempt, accepted, is_torn }
}

/// Takes the next stop out: downwards first, then up; never back to where it is or was.
fn next_stop(walk: &mut Walk, me: NodeId) -> Option<NodeId> {
    let mut stops = core::mem::take(&mut walk.stops).into_iter();
    let is_next = |id: &NodeId| *id != me && !walk.visited.contains(id);
    let next = stops.find(is_next).or_else(|| walk.up.filter(is_next));
    walk.stops = Bounded::truncating(stops);
    next
}
