//! A holder looks after its values: taken, offered to who lacks them, dropped when others hold them.
//!
//! The closer a holder is to the key, the sooner it looks; who hears a closer one do it waits for
//! another period. So one holder does the work while it lives, and any other takes over.

use alloc::vec::Vec;

use base::{Duration, NodeId, Time};
use bytes::Bytes;
use wire::overlay::Target;
use wire::store::{Holding, Message, Name, Offered, Version};

use crate::shelf::{Copy, Held};
use crate::{Event, Merge, Output, Store};

/// Who acknowledged a value keeps it for so long, whatever it learns meanwhile.
const PROMISE: Duration = Duration::from_secs(20);
/// A copy is dropped trusting in acknowledgements that arrived not longer ago than this: less than
/// the promise by more than a message takes.
const TRUST: Duration = Duration::from_secs(10);
/// A difference of lifetimes that is not worth a change. More than a message takes: otherwise two
/// holders that tell each other how long a value has left would extend its life for ever.
const LIFETIME_SLACK: Duration = Duration::from_secs(5);
/// Times that others are asked in one round, each after a longer pause, if they do not answer.
const ASKS_MAX: u32 = 4;
/// Periods after which a holder looks for itself, however often it hears that a closer one does.
const TRUST_PERIODS: u32 = 4;

impl<M: Merge> Store<M> {
    /// Room for a value that `from` brings.
    pub(crate) fn has_room(&self, from: NodeId, bytes: u64) -> bool {
        let coming = self.fetches.coming_bytes();
        let brought = self.shelf.brought_by(from) + self.fetches.coming_from(from);
        let is_known = from == self.me || self.place.knows(from);
        !self.shelf.is_full()
            && self.shelf.bytes() + coming + bytes <= self.config.held_bytes_max
            && (is_known || brought + bytes <= self.config.stranger_bytes_max)
    }

    /// Holds a value from now on. The caller knows that there is room.
    pub(crate) fn hold(&mut self, name: Name, bytes: Bytes, expires: Time, from: NodeId) {
        let lifetime = expires.since(self.now);
        self.outputs.push_back(Output::Keep { name, value: bytes.clone(), lifetime });
        self.shelve(name, bytes, expires, from);
    }

    /// The same for a value that the driver keeps already.
    pub(crate) fn shelve(&mut self, name: Name, bytes: Bytes, expires: Time, from: NodeId) {
        let standing = self.place.standing(name.key(), |_| false);
        let rank = standing.rank;
        self.shelf.insert(name, Held::new(bytes, expires, standing, from));
        // The closest looks around at once: nobody else may be doing so.
        let at = if rank == 0 { self.now } else { self.now + self.turn(rank) };
        self.shelf.check_at(&name, at);
        self.is_root_anew(&name);
        self.tell_record(&name);
        if rank == 0 {
            self.check(&name);
        }
    }

    /// Time between two looks of the holder with `rank` closer ones.
    fn turn(&self, rank: u32) -> Duration {
        self.config.period + self.config.period * rank.min(8) / 8
    }

    /// The record as it is, for the upper layer.
    pub(crate) fn tell_record(&mut self, name: &Name) {
        let Name::Record(key) = *name else { return };
        let Some(held) = self.shelf.get(name) else { return };
        let (record, is_root) = (held.bytes.clone(), held.is_root);
        self.event(Event::Record { key, record, is_root });
    }

    /// A record may have changed.
    pub(crate) fn change_record(&mut self, name: &Name, record: Bytes) {
        let Some(held) = self.shelf.get(name).filter(|held| held.bytes != record) else { return };
        let lifetime = held.expires.since(self.now);
        self.shelf.replace(name, record.clone());
        self.outputs.push_back(Output::Keep { name: *name, value: record, lifetime });
        self.tell_record(name);
    }

    fn is_root_anew(&mut self, name: &Name) -> bool {
        let is_root = self.ready && self.place.is_root(name.key());
        let Some(held) = self.shelf.get_mut(name) else { return false };
        core::mem::replace(&mut held.is_root, is_root) != is_root
    }

    /// The neighbours changed: who should hold what?
    pub(crate) fn place_anew(&mut self) {
        for name in self.shelf.names() {
            self.replace(&name);
        }
    }

    pub(crate) fn replace(&mut self, name: &Name) {
        let (now, place) = (self.now, &self.place);
        let Some(held) = self.shelf.get_mut(name) else { return };
        let refused = &held.refused;
        let refuses = |id| refused.get(&id).is_some_and(|until| *until > now);
        let standing = place.standing(name.key(), refuses);
        let before = core::mem::replace(&mut held.standing, standing);
        held.copies.retain(|id, _| place.knows(*id));
        held.refused.retain(|id, _| place.knows(*id));
        let is_moved = held.standing.members != before.members;
        // Those who held it before and are still there look first, the closest of them at once.
        let is_closer = |id: &&NodeId| name.key().closer(**id, self.me).is_lt();
        let waits = before.members.iter().filter(is_closer).filter(|id| place.knows(**id)).count();
        let waits = u32::try_from(waits).unwrap_or(u32::MAX).min(8);
        if is_moved {
            self.shelf.check_by(name, now + self.config.settle * (waits + 1));
        }
        if self.is_root_anew(name) {
            self.tell_record(name);
        }
        self.report(name);
    }

    /// Looks after the values that are due.
    pub(crate) fn check_due(&mut self) {
        // What is due a little later comes along: lists are cheaper than messages.
        let slack = if self.shelf.next_due().is_some_and(|at| at <= self.now) {
            self.config.settle / 2
        } else {
            return;
        };
        for name in self.shelf.due_by(self.now + slack) {
            self.check(&name);
        }
    }

    /// One look: who lacks it is offered it; who should not hold it asks whether it may go.
    pub(crate) fn check(&mut self, name: &Name) {
        let now = self.now;
        let Some(held) = self.shelf.get_mut(name) else { return };
        if held.expires <= now {
            self.counters.expired += 1;
            return self.remove(name);
        }
        held.forget_pieces();
        let before = held.refused.len();
        held.refused.retain(|_, until| *until > now);
        if held.refused.len() < before {
            self.replace(name);
        }
        if self.may_drop(name) {
            return self.drop_copy(name);
        }
        let is_unanswered = self.ready && self.ask(name);
        let Some(held) = self.shelf.get_mut(name) else { return };
        held.asks = if is_unanswered { held.asks % ASKS_MAX + 1 } else { 0 };
        let (asks, rank) = (held.asks, held.standing.rank);
        let is_member = held.standing.members.contains(&self.me);
        let released = held.promised_until;
        let turn = match asks {
            _ if self.place.is_leaving => self.config.retry,
            1..ASKS_MAX => self.config.retry * asks,
            _ => self.turn(rank),
        };
        self.shelf.check_at(name, now + turn);
        if !is_member && released > now {
            self.shelf.check_by(name, released);
        }
        self.report(name);
    }

    /// Asks those who did not lately say that they hold it. Whether there are any.
    fn ask(&mut self, name: &Name) -> bool {
        let now = self.now;
        let Some(held) = self.shelf.get_mut(name) else { return false };
        held.asked_at = Some(now);
        let item = Offered {
            version: held.version(name),
            bytes: u32::try_from(held.bytes.len()).unwrap_or(u32::MAX),
            lifetime: u32::try_from(held.expires.since(now).as_secs()).unwrap_or(u32::MAX),
        };
        if held.standing.members.is_empty() {
            // Too far to know who should hold it: their root does.
            self.route(name.key(), Target::Root, Message::Put(item));
            return true;
        }
        // Holders trust each other for half a period; who would drop its copy trusts nobody so long.
        let is_staying = held.standing.members.contains(&self.me) || self.place.is_leaving;
        let patience = if is_staying { self.config.period / 2 } else { TRUST / 2 };
        let is_fresh = |copy: &Copy| {
            let at = if is_staying { Some(copy.at) } else { copy.promised_at };
            copy.version == item.version && at.is_some_and(|at| at + patience > now)
        };
        let is_confirmed = |id: &NodeId| held.copies.get(id).is_some_and(is_fresh);
        let members = held.standing.members.iter();
        let asked: Vec<NodeId> =
            members.filter(|id| **id != self.me && !is_confirmed(id)).copied().collect();
        for id in &asked {
            self.mail.offer(*id, item);
        }
        !asked.is_empty()
    }

    /// A closer holder looks after it: this one need not, for a period.
    pub(crate) fn defer(&mut self, name: &Name, to: NodeId) {
        let is_closer = name.key().closer(to, self.me).is_lt();
        let patience = self.config.period * TRUST_PERIODS;
        let Some(held) = self.shelf.get_mut(name) else { return };
        let looked = *held.asked_at.get_or_insert(self.now);
        let (rank, is_member) = (held.standing.rank, held.standing.members.contains(&self.me));
        if is_closer && is_member && looked + patience > self.now {
            self.shelf.check_at(name, self.now + self.turn(rank + 1));
        }
    }

    /// `from` holds this version; it promised to keep it for a while if it acknowledged it.
    pub(crate) fn note_copy(
        &mut self,
        name: &Name,
        from: NodeId,
        version: Version,
        is_promise: bool,
    ) {
        let now = self.now;
        let Some(held) = self.shelf.get_mut(name).filter(|_| self.place.knows(from)) else {
            return;
        };
        held.refused.remove(&from);
        let kept = held.copies.get(&from).filter(|copy| copy.version == version);
        let before = kept.and_then(|copy| copy.promised_at);
        let promised_at = if is_promise { Some(now) } else { before };
        held.copies.insert(from, Copy { at: now, promised_at, version });
        if self.may_drop(name) {
            self.drop_copy(name);
        } else {
            self.report(name);
        }
    }

    /// Every node that should hold it has just said that it does, and nobody relies on this one.
    fn may_drop(&mut self, name: &Name) -> bool {
        let (me, now) = (self.me, self.now);
        let Some(held) = self.shelf.get_mut(name) else { return false };
        let members = &held.standing.members;
        let is_asked = !members.is_empty() && !members.contains(&me) && !self.place.is_leaving;
        if !is_asked || held.promised_until > now {
            return false;
        }
        let version = held.version(name);
        let said = |copy: &Copy| {
            copy.version == version && copy.promised_at.is_some_and(|at| at + TRUST > now)
        };
        held.standing.members.iter().all(|id| held.copies.get(id).is_some_and(said))
    }

    /// As a holder that is too far to know the others: their root says that all hold it.
    pub(crate) fn drop_if_vouched(&mut self, item: &Holding) {
        let name = item.version.name();
        let now = self.now;
        let Some(held) = self.shelf.get_mut(&name) else { return };
        let is_asked = held.asked_at.is_some_and(|at| at + TRUST > now);
        let is_free = held.standing.members.is_empty() && held.promised_until <= now;
        if is_asked && is_free && item.complete && held.version(&name) == item.version {
            self.drop_copy(&name);
        }
    }

    fn drop_copy(&mut self, name: &Name) {
        self.counters.dropped += 1;
        let bytes = self.shelf.get(name).map(|held| held.bytes.clone());
        self.remove(name);
        // It may come back with the next change of neighbours.
        if let (Name::Blob(digest), Some(bytes)) = (*name, bytes) {
            self.cache.add(digest, bytes);
        }
    }

    fn remove(&mut self, name: &Name) {
        if self.shelf.remove(name).is_some() {
            self.outputs.push_back(Output::Forget(*name));
        }
    }

    /// Longer lives win; differences that a message's way explains do not count.
    pub(crate) fn extend(&mut self, name: &Name, lifetime: u32) {
        let until = self.expiry(Duration::from_secs(u64::from(lifetime)));
        if let Some(held) = self.shelf.get_mut(name)
            && until > held.expires + LIFETIME_SLACK
        {
            held.expires = until;
        }
    }

    /// What this node says of a value that it holds; from now on others may rely on it.
    pub(crate) fn acknowledge(&mut self, to: NodeId, name: &Name) {
        let until = self.now + PROMISE;
        let Some(held) = self.shelf.get_mut(name) else { return };
        held.promised_until = until;
        let version = held.version(name);
        let (copies, complete) = self.copies(name);
        self.mail.have(to, Holding { version, copies, complete });
    }

    /// Holders known, this node included, and whether all who should hold it do.
    pub(crate) fn copies(&self, name: &Name) -> (u8, bool) {
        let Some(held) = self.shelf.get(name) else { return (0, false) };
        let others = held.standing.members.iter().filter(|id| **id != self.me);
        let (mut copies, mut complete) = (1u8, !held.standing.members.is_empty());
        for id in others {
            let has = held.copies.contains_key(id);
            copies += u8::from(has);
            complete &= has;
        }
        (copies, complete)
    }

    /// As root: tells how many copies there are, if that changed.
    pub(crate) fn report(&mut self, name: &Name) {
        let report = self.copies(name);
        let Some(held) = self.shelf.get_mut(name) else { return };
        if !held.is_root || held.reported == report {
            return;
        }
        held.reported = report;
        let watchers = match report.1 {
            true => core::mem::take(&mut held.watchers),
            false => held.watchers.clone(),
        };
        for watcher in watchers {
            self.acknowledge(watcher, name);
        }
        self.note_put(name, report.0, report.1);
        self.event(Event::Stored { name: *name, copies: report.0 });
    }
}
