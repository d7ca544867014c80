//! An anycast as its origin sees it: a walk is sent, members accept, the walk ends.
//!
//! A walk is one message in the hands of one node at a time, which hands it on with an
//! acknowledgement ([`crate::walk`]). A node that dies with it in hand takes it along; then the
//! origin hears nothing any more and sends another. Acceptances come straight to the origin, so a
//! walk that lies about them deceives nobody for longer than that.

use alloc::vec::Vec;

use base::{Bounded, Duration, NodeId, SortedSet, Time};
use bytes::Bytes;
use wire::groups::{Group, OFFER_BYTES_MAX, Walk, WalkId};

use crate::{Event, Groups};

/// Members that one anycast can look for.
pub const WANTED_MAX: u16 = 64;
const _: () = assert!(WANTED_MAX as usize == wire::groups::SPARED_MAX);
/// Anycasts of one node under way at once. Beyond it one is refused.
pub const WALKS_MAX: usize = 32;
/// Walks sent for one anycast. Then it ends with whoever accepted.
const ATTEMPTS_MAX: u8 = 3;
/// Heartbeats of silence after which a walk is taken for lost.
const SILENCE: u32 = 4;
/// Heartbeats after which an anycast ends, whatever is said of it: a group of a thousand members
/// that all refuse, 100 ms apart, is walked in less.
const LIFE: u32 = 150;
/// Heartbeats that an acceptance may take longer than the word that the walk is over.
const GRACE: u32 = 1;

/// An anycast of this node.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    group: Group,
    wanted: u16,
    body: Bytes,
    attempt: u8,
    /// At most twice [`WANTED_MAX`]; more are ignored.
    accepted: SortedSet<NodeId>,
    /// How many of them before this attempt.
    before: usize,
    /// The walk said that it is over.
    is_over: bool,
    due: Time,
    ends: Time,
}

impl Groups {
    pub(crate) fn on_anycast(
        &mut self,
        now: Time,
        walk: WalkId,
        group: Group,
        wanted: u16,
        body: Bytes,
    ) {
        let refused = if body.len() > OFFER_BYTES_MAX {
            Some("offer too long")
        } else if walk.origin != self.me || self.own.contains_key(&walk) {
            Some("a walk is named by its origin, once")
        } else if self.own.len() >= WALKS_MAX {
            Some("too many walks under way")
        } else {
            None
        };
        if let Some(why) = refused {
            return self.event(Event::Refused { group, why });
        }
        let own = Own {
            group,
            wanted: wanted.clamp(1, WANTED_MAX),
            body,
            attempt: 0,
            accepted: SortedSet::new(),
            before: 0,
            is_over: false,
            due: now,
            ends: now + self.config.heartbeat * LIFE,
        };
        self.own.insert(walk, own);
        self.send_walk(now, walk);
    }

    fn walk_silence(&self) -> Duration {
        self.config.heartbeat * SILENCE
    }

    /// Sends a walk, the first or another.
    fn send_walk(&mut self, now: Time, id: WalkId) {
        let due = now + self.walk_silence();
        let Some(own) = self.own.get_mut(&id) else { return };
        own.attempt += 1;
        own.is_over = false;
        own.due = due;
        own.before = own.accepted.len();
        let accepted = u16::try_from(own.before).unwrap_or(u16::MAX);
        let walk = Walk {
            walk: id,
            group: own.group,
            attempt: own.attempt,
            hops: 0,
            wanted: own.wanted.saturating_sub(accepted).max(1),
            accepted: 0,
            is_torn: false,
            stops: Bounded::new(),
            up: None,
            visited: Bounded::new(),
            spared: Bounded::truncating(own.accepted.iter().copied()),
            body: own.body.clone(),
        };
        self.begin_walk(now, walk);
    }

    pub(crate) fn on_accepted(&mut self, now: Time, from: NodeId, id: WalkId) {
        let due = now + self.walk_silence();
        let accepted_max = usize::from(WANTED_MAX) * 2;
        let Some(own) = self.own.get_mut(&id).filter(|own| own.accepted.len() < accepted_max)
        else {
            return self.counters.ignored += 1;
        };
        if !own.is_over {
            own.due = due;
        }
        let is_new = own.accepted.insert(from);
        let is_enough = own.accepted.len() >= usize::from(own.wanted);
        if is_new {
            self.event(Event::Accepted { walk: id, by: from });
        }
        if is_enough {
            self.end_walk(id);
        }
    }

    pub(crate) fn on_walking(&mut self, now: Time, id: WalkId, attempt: u8) {
        let due = now + self.walk_silence();
        if let Some(own) = self.own.get_mut(&id).filter(|own| own.attempt == attempt) {
            own.due = due;
        } else {
            self.counters.ignored += 1;
        }
    }

    /// A walk is over. Whoever accepted on it may still have to be heard; and a tree that was torn
    /// needs time to mend before another walk is worth sending.
    pub(crate) fn on_ended(
        &mut self,
        now: Time,
        id: WalkId,
        attempt: u8,
        accepted: u16,
        is_torn: bool,
    ) {
        let (grace, mending) = (self.config.heartbeat * GRACE, self.walk_silence());
        let Some(own) = self.own.get_mut(&id).filter(|own| own.attempt == attempt) else {
            return self.counters.ignored += 1;
        };
        let has_all = own.before + usize::from(accepted) <= own.accepted.len();
        let is_last = own.attempt >= ATTEMPTS_MAX;
        if has_all && (!is_torn || is_last) {
            return self.end_walk(id);
        }
        own.is_over = true;
        own.due = now + if is_torn { mending } else { grace };
    }

    fn end_walk(&mut self, id: WalkId) {
        if let Some(own) = self.own.remove(&id) {
            let accepted = u16::try_from(own.accepted.len()).unwrap_or(u16::MAX);
            self.event(Event::WalkEnded { walk: id, accepted });
        }
    }

    pub(crate) fn own_walk_at(&self) -> Option<Time> {
        self.own.values().map(|own| own.due.min(own.ends)).min()
    }

    /// Anycasts that were not heard of for too long: another walk, or the end.
    pub(crate) fn retry_walks(&mut self, now: Time) {
        let due = self.own.iter().filter(|(_, own)| own.due.min(own.ends) <= now);
        for id in due.map(|(id, _)| *id).collect::<Vec<_>>() {
            let is_last = |own: &Own| own.attempt >= ATTEMPTS_MAX || own.ends <= now;
            if self.own.get(&id).is_some_and(is_last) {
                self.end_walk(id);
            } else {
                self.send_walk(now, id);
            }
        }
    }
}
