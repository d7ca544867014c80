//! News of a record: from whoever has it to the root of the key, and from there to each holder.
//!
//! Who waits for an answer repeats it. What gets lost all the same is found when the holders
//! compare their records.

use alloc::vec;
use alloc::vec::Vec;

use base::{Duration, Key, NodeId, SortedMap, SortedSet, Time};
use bytes::Bytes;
use wire::overlay::Target;
use wire::store::{COPIES, Message, Name, PIECE_BYTES_MAX};

use crate::fetch::Wanted;
use crate::place::WINDOW;
use crate::{Event, Merge, Refusal, Store};

/// News of this node under way to roots. Beyond it [`crate::Input::Merge`] is answered with
/// [`Event::NotStored`] at once.
const ERRANDS_MAX: usize = 1024;
/// Their bytes, likewise.
const ERRAND_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Times that the root is told.
const ERRAND_TRIES_MAX: u32 = 8;
/// News that this node as root passes on at once. What comes beyond it is merged here, and reaches
/// the others when they compare.
const PUSHES_MAX: usize = 512;
/// Times that a holder is told before it is left to the comparison.
const PUSH_TRIES_MAX: u32 = 3;
/// Holders that must have merged news before whoever sent it may forget it.
const QUORUM: u8 = 3;
const _: () = assert!(QUORUM as usize * 2 > COPIES);

/// News on its way to the root.
#[derive(Clone, Debug)]
struct Errand {
    key: Key,
    delta: Bytes,
    expires: Time,
    tries: u32,
    ask_at: Time,
}

/// News on its way from the root to the other holders.
#[derive(Clone, Debug)]
struct Push {
    key: Key,
    delta: Bytes,
    lifetime: u32,
    /// Who did not answer yet.
    waiting: SortedSet<NodeId>,
    copies: u8,
    /// Who waits for the answer, and its number for it.
    origin: Option<(NodeId, u64)>,
    tries: u32,
    ask_at: Time,
}

/// All news under way.
#[derive(Clone, Debug)]
pub(crate) struct News {
    errands: SortedMap<u64, Errand>,
    pushes: SortedMap<u64, Push>,
    errand_bytes: u64,
    /// Counts up from a number that cannot be guessed: answers come from nodes not known before.
    next_ticket: u64,
}

impl News {
    pub(crate) fn new(first: u64) -> Self {
        let (errands, pushes) = (SortedMap::new(), SortedMap::new());
        News { errands, pushes, errand_bytes: 0, next_ticket: first }
    }

    fn ticket(&mut self) -> u64 {
        self.next_ticket = self.next_ticket.wrapping_add(1);
        self.next_ticket
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        let errands = self.errands.values().map(|errand| errand.ask_at);
        errands.chain(self.pushes.values().map(|push| push.ask_at)).min()
    }

    fn finish(&mut self, ticket: u64) -> Option<Errand> {
        let errand = self.errands.remove(&ticket)?;
        self.errand_bytes -= errand.delta.len() as u64;
        Some(errand)
    }
}

impl<M: Merge> Store<M> {
    pub(crate) fn news_are_out(&self) -> bool {
        self.news.errands.is_empty() && self.news.pushes.is_empty()
    }

    pub(crate) fn on_merge(&mut self, key: Key, delta: &Bytes, lifetime: Duration) {
        let name = Name::Record(key);
        let deltas = match delta.len() > PIECE_BYTES_MAX {
            true => self.merging.pieces(delta, PIECE_BYTES_MAX),
            false => vec![delta.clone()],
        };
        let bytes: u64 = deltas.iter().map(|delta| delta.len() as u64).sum();
        let is_full = self.news.errands.len() + deltas.len() > ERRANDS_MAX
            || self.news.errand_bytes + bytes > ERRAND_BYTES_MAX;
        let is_long = deltas.iter().any(|delta| delta.len() > PIECE_BYTES_MAX);
        if is_full || is_long {
            return self.event(Event::NotStored { name });
        }
        let (expires, now) = (self.expiry(lifetime), self.now);
        for delta in deltas {
            if self.apply(&name, key, &delta) == Some(Err(Refusal::Invalid)) {
                return self.event(Event::NotStored { name });
            }
            let ticket = self.news.ticket();
            self.news.errand_bytes += delta.len() as u64;
            let errand = Errand { key, delta, expires, tries: 0, ask_at: now };
            self.news.errands.insert(ticket, errand);
            self.run_errand(ticket);
        }
    }

    /// Merges news into a record that is held here. `None` if it is not, or may not grow.
    fn apply(&mut self, name: &Name, key: Key, delta: &[u8]) -> Option<Result<(), Refusal>> {
        let held = self.shelf.get(name)?;
        let merged = Self::merged(self.merging, key, Some(&held.bytes), delta);
        if let Ok(Some(record)) = &merged {
            let growth = (record.len() as u64).saturating_sub(held.size());
            if self.shelf.bytes() + growth > self.config.held_bytes_max {
                self.counters.refused += 1;
                return None;
            }
        }
        Some(merged.map(|record| {
            if let Some(record) = record {
                self.change_record(name, record);
            }
        }))
    }

    /// Tells the root; this node may be the root.
    fn run_errand(&mut self, ticket: u64) {
        let retry = self.config.retry;
        let Some(errand) = self.news.errands.get_mut(&ticket) else { return };
        errand.ask_at = self.now + retry * (errand.tries + 2);
        if !self.ready {
            return;
        }
        errand.tries += 1;
        let (key, delta) = (errand.key, errand.delta.clone());
        let left = errand.expires.since(self.now).as_secs();
        let lifetime = u32::try_from(left).unwrap_or(u32::MAX);
        if self.place.is_root(key) {
            self.lead_news(self.me, ticket, key, lifetime, delta);
        } else {
            self.counters.sent_bytes += delta.len() as u64;
            self.route(key, Target::Root, Message::News { ticket, key, lifetime, delta });
        }
    }

    /// As root: merges news and passes it on to the other holders.
    pub(crate) fn lead_news(
        &mut self,
        from: NodeId,
        ticket: u64,
        key: Key,
        lifetime: u32,
        delta: Bytes,
    ) {
        let origin = Some((from, ticket));
        let is_repeated = self.news.pushes.values().any(|push| push.origin == origin);
        if !self.ready || self.place.is_leaving || is_repeated {
            return;
        }
        if delta.len() > PIECE_BYTES_MAX {
            return self.misbehaved(from, "sent news longer than any may be");
        }
        if !self.merge_as_root(from, key, lifetime, &delta) {
            return;
        }
        let name = Name::Record(key);
        let members = self.shelf.get(&name).map(|held| held.standing.members.clone());
        let waiting: SortedSet<NodeId> =
            members.unwrap_or_default().into_iter().filter(|id| *id != self.me).collect();
        let push =
            Push { key, delta, lifetime, waiting, copies: 1, origin, tries: 0, ask_at: self.now };
        if push.waiting.is_empty() || self.news.pushes.len() >= PUSHES_MAX {
            return self.answer(&push);
        }
        let ticket = self.news.ticket();
        self.news.pushes.insert(ticket, push);
        self.push(ticket);
    }

    /// Whether the news is in the record here now.
    fn merge_as_root(&mut self, from: NodeId, key: Key, lifetime: u32, delta: &[u8]) -> bool {
        let name = Name::Record(key);
        let expires = self.expiry(Duration::from_secs(u64::from(lifetime)));
        let merged = match self.apply(&name, key, delta) {
            Some(merged) => merged,
            None if self.shelf.has(&name) => return false,
            None => match Self::merged(self.merging, key, None, delta) {
                Ok(Some(record)) if self.has_room(from, record.len() as u64) => {
                    self.hold(name, record, expires, from);
                    Ok(())
                }
                Ok(_) => {
                    self.counters.refused += 1;
                    return false;
                }
                Err(refusal) => Err(refusal),
            },
        };
        match merged {
            Ok(()) => {
                self.extend(&name, lifetime);
                true
            }
            Err(Refusal::Invalid) => {
                self.misbehaved(from, "sent news that cannot be");
                false
            }
            Err(Refusal::Incomplete) => {
                // Other holders have what it builds on; the sender repeats it.
                let keep = Some((expires, from));
                self.fetch(name, Wanted { source: None, keep, get: false, bytes: 0 });
                false
            }
        }
    }

    /// Tells, or tells again, those who did not answer.
    fn push(&mut self, ticket: u64) {
        let Some(push) = self.news.pushes.get_mut(&ticket) else { return };
        push.tries += 1;
        push.ask_at = self.now + self.config.retry;
        let (key, lifetime, delta) = (push.key, push.lifetime, push.delta.clone());
        let message = Message::News { ticket, key, lifetime, delta };
        for to in push.waiting.clone() {
            if let Message::News { delta, .. } = &message {
                self.counters.sent_bytes += delta.len() as u64;
            }
            self.send(to, message.clone());
        }
    }

    /// Whoever brought the news need not repeat it.
    fn answer(&mut self, push: &Push) {
        let Some((origin, ticket)) = push.origin else { return };
        if origin == self.me {
            self.finish_errand(ticket, push.copies);
        } else {
            self.send(origin, Message::Took { ticket, copies: push.copies });
        }
    }

    fn finish_errand(&mut self, ticket: u64, copies: u8) {
        if let Some(errand) = self.news.finish(ticket) {
            self.event(Event::Stored { name: Name::Record(errand.key), copies });
        }
    }

    /// As holder: the root, or another who believes to be it, has news.
    pub(crate) fn on_news(
        &mut self,
        from: NodeId,
        ticket: u64,
        key: Key,
        lifetime: u32,
        delta: &[u8],
    ) {
        let name = Name::Record(key);
        match self.apply(&name, key, delta) {
            Some(Ok(())) => {
                self.extend(&name, lifetime);
                self.send(from, Message::Took { ticket, copies: 1 });
            }
            Some(Err(_)) => self.misbehaved(from, "sent news that cannot be"),
            None => {
                let rank = usize::try_from(self.place.standing(key, |_| false).rank);
                let is_near = rank.is_ok_and(|rank| rank < WINDOW);
                let is_mine = self.ready && is_near && !self.place.is_leaving;
                if !is_mine || self.shelf.has(&name) || !self.has_room(from, 0) {
                    self.counters.ignored += 1;
                    return;
                }
                let expires = self.expiry(Duration::from_secs(u64::from(lifetime)));
                let keep = Some((expires, from));
                self.fetch(name, Wanted { source: Some(from), keep, get: false, bytes: 0 });
            }
        }
    }

    pub(crate) fn on_took(&mut self, from: NodeId, ticket: u64, copies: u8) {
        if self.news.errands.contains_key(&ticket) {
            return self.finish_errand(ticket, copies);
        }
        let Some(push) = self.news.pushes.get_mut(&ticket) else {
            self.counters.ignored += 1;
            return;
        };
        if push.waiting.remove(&from) {
            push.copies = push.copies.saturating_add(1);
        }
        self.review_push(ticket);
    }

    /// Answers the origin when enough holders merged it, and forgets it when all did.
    fn review_push(&mut self, ticket: u64) {
        let Some(push) = self.news.pushes.get_mut(&ticket) else { return };
        let is_done = push.waiting.is_empty();
        if is_done || push.copies >= QUORUM {
            let push = push.clone();
            self.answer(&push);
            match self.news.pushes.get_mut(&ticket) {
                Some(push) if !is_done => push.origin = None,
                _ => {
                    self.news.pushes.remove(&ticket);
                }
            }
        }
    }

    /// Nobody waits for `peer` any more.
    pub(crate) fn news_without(&mut self, peer: NodeId) {
        for ticket in self.news.pushes.keys().copied().collect::<Vec<_>>() {
            let push = self.news.pushes.get_mut(&ticket);
            if push.is_some_and(|push| push.waiting.remove(&peer)) {
                self.review_push(ticket);
            }
        }
    }

    pub(crate) fn repeat_news(&mut self) {
        let now = self.now;
        let errands = self.news.errands.iter().filter(|(_, errand)| errand.ask_at <= now);
        let errands: Vec<(u64, u32)> =
            errands.map(|(ticket, errand)| (*ticket, errand.tries)).collect();
        for (ticket, tries) in errands {
            if tries < ERRAND_TRIES_MAX {
                self.run_errand(ticket);
            } else if let Some(errand) = self.news.finish(ticket) {
                self.event(Event::NotStored { name: Name::Record(errand.key) });
            }
        }
        let pushes = self.news.pushes.iter().filter(|(_, push)| push.ask_at <= now);
        let pushes: Vec<(u64, u32)> = pushes.map(|(ticket, push)| (*ticket, push.tries)).collect();
        for (ticket, tries) in pushes {
            if tries < PUSH_TRIES_MAX {
                self.push(ticket);
            } else if let Some(push) = self.news.pushes.remove(&ticket) {
                self.answer(&push);
            }
        }
    }
}
