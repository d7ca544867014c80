//! A multicast floods the tree from where it enters: over each edge once, upwards as well as down.
//!
//! Scribe sends it to the root first and down from there. Flooding crosses the same edges without
//! the way to the root, so members near the origin hear it sooner, no node sees all of a group's
//! traffic because it is the root, and a part that lost its root goes on hearing its own. What it
//! gives up is one order for all: each origin's multicasts are numbered, and not even those are
//! held back for each other.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use base::{NodeId, Time};
use bytes::Bytes;
use wire::groups::{BODY_BYTES_MAX, CastId, Group, Message, Stream};
use wire::limits::HOPS_MAX;

use crate::face::Way;
use crate::{Event, Groups, Output};

/// Messages that wait for the overlay to name their next hop. Beyond it the first is dropped.
const PENDING_MAX: usize = 64;

/// A message on its way to a tree that this node is no part of.
#[derive(Clone, Debug)]
pub(crate) enum Pending {
    /// A multicast.
    Enter { cast: CastId, hops: u8, body: Bytes },
    /// An anycast.
    Walk(wire::groups::Walk),
}

impl Groups {
    pub(crate) fn on_multicast(&mut self, now: Time, group: Group, body: Bytes) {
        if body.len() > BODY_BYTES_MAX {
            return self.event(Event::Refused { group, why: "multicast too long" });
        }
        let me = self.me;
        if let Some(tree) = self.trees.get_mut(&group) {
            let cast = tree.next_cast(me, &mut self.rng);
            return self.take(now, None, group, cast, body);
        }
        let stream = Stream { origin: me, nonce: self.rng.next_u64() };
        let cast = CastId { stream, number: 1 };
        self.pend(group, Pending::Enter { cast, hops: 0, body });
    }

    /// Keeps a message until its way is known.
    pub(crate) fn pend(&mut self, group: Group, pending: Pending) {
        if self.pending.len() >= PENDING_MAX {
            self.pending.pop_front();
            self.counters.ignored += 1;
        }
        self.pending.push_back((group, pending));
        self.outputs.push_back(Output::AskWay { group });
    }

    /// Sends on what waited for this way.
    pub(crate) fn on_pending_way(&mut self, now: Time, group: Group, way: Way) {
        let pending = core::mem::take(&mut self.pending);
        let (due, rest): (VecDeque<_>, _) =
            pending.into_iter().partition(|(other, _)| *other == group);
        self.pending = rest;
        for (_, pending) in due {
            match pending {
                Pending::Walk(walk) => self.seek(now, walk, way),
                Pending::Enter { cast, hops, body } => match way {
                    Way::Hop(to) => {
                        self.send(to, Message::Enter { group, cast, hops: hops + 1, body });
                    }
                    // At the root, and no tree here: the group has no members.
                    Way::Root | Way::None => self.counters.ignored += 1,
                },
            }
        }
    }

    pub(crate) fn on_enter(
        &mut self,
        now: Time,
        from: NodeId,
        group: Group,
        cast: CastId,
        hops: u8,
        body: Bytes,
    ) {
        if !self.is_sound(from, cast, &body) {
            return;
        }
        if self.trees.contains_key(&group) {
            self.take(now, Some(from), group, cast, body);
        } else if hops < HOPS_MAX {
            self.pend(group, Pending::Enter { cast, hops, body });
        } else {
            self.counters.ignored += 1;
        }
    }

    pub(crate) fn on_cast(
        &mut self,
        now: Time,
        from: NodeId,
        group: Group,
        cast: CastId,
        body: Bytes,
    ) {
        if !self.is_sound(from, cast, &body) {
            return;
        }
        let Some(tree) = self.trees.get_mut(&group).filter(|tree| tree.has_edge(from)) else {
            return self.no_edge(from, group);
        };
        tree.note_heard(from, now);
        self.take(now, Some(from), group, cast, body);
    }

    fn is_sound(&mut self, from: NodeId, cast: CastId, body: &Bytes) -> bool {
        let is_sound = cast.number > 0 && body.len() <= BODY_BYTES_MAX;
        if !is_sound {
            self.misbehaved(from, "impossible multicast");
        }
        is_sound
    }

    /// A multicast is here. For the first time: keep, pass on, deliver.
    fn take(&mut self, now: Time, from: Option<NodeId>, group: Group, cast: CastId, body: Bytes) {
        let Some(tree) = self.trees.get_mut(&group) else { return };
        let gap = tree.gaps.remove(&cast);
        let track = tree.track_mut(cast.stream, cast.number, now);
        if !track.take(cast.number) {
            // Of before this node's time, but asked for by somebody below or above.
            let askers = gap.map(|gap| gap.askers).unwrap_or_default();
            if askers.is_empty() {
                self.counters.duplicates += 1;
            } else {
                self.kept.insert(now, group, cast, body.clone());
                self.carry(group, cast, body, askers.into_iter().collect());
            }
            return;
        }
        track.heard = now;
        if let Some(from) = from {
            self.note_gaps(now, group, cast.stream, from);
        }
        self.kept.insert(now, group, cast, body.clone());
        let Some(tree) = self.trees.get_mut(&group) else { return };
        let to: Vec<NodeId> = tree.neighbours().filter(|id| Some(*id) != from).collect();
        for id in &to {
            if let Some(child) = tree.children.get_mut(id) {
                child.was_sent = true;
            }
        }
        let is_for_me = tree.is_member && cast.stream.origin != self.me;
        self.carry(group, cast, body.clone(), to);
        if is_for_me {
            self.counters.delivered += 1;
            let origin = cast.stream.origin;
            self.outputs.push_back(Output::Deliver { group, origin, body });
        }
    }

    fn carry(&mut self, group: Group, cast: CastId, body: Bytes, to: Vec<NodeId>) {
        self.counters.forwarded += to.len() as u64;
        self.publish(to, Message::Cast { group, cast, body });
    }
}
