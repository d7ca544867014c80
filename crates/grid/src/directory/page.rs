//! A page of the directory, at the root of its key.

use base::{Key, NodeId, SortedMap, SortedSet, Time};
use wire::grid::{JobId, Listing, Listings, Message, PAGES, listings, page_key, page_of};

use crate::Grid;

/// Heartbeats for which a page remembers a job: one repetition may be lost.
const REMEMBERED_HEARTBEATS: u32 = 75;
/// Jobs of one page, and of one creator on it. Beyond either, what is over and was created first
/// makes room; if nothing is over, the new one is not listed.
const PAGE_MAX: usize = 256;
const CREATOR_MAX: usize = 16;
/// A node that came into the ring answers nothing for so many heartbeats: its pages are empty until
/// others have listed their jobs at it. Whoever asks asks again for longer.
const YOUNG_HEARTBEATS: u32 = 2;
/// Questions that are answered between two heartbeats, each peer's once. Others are asked again.
const ANSWERS_MAX: usize = 64;

/// A job that somebody listed here.
#[derive(Clone, Debug)]
struct Entry {
    listing: Listing,
    until: Time,
}

/// The pages that this node is, or lately was, the root of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages {
    /// At most [`PAGE_MAX`] of each page.
    entries: SortedMap<JobId, Entry>,
    /// Answered since the last heartbeat.
    answered: SortedSet<(NodeId, u8)>,
}

impl Pages {
    fn of(&self, page: u8) -> impl Iterator<Item = (&JobId, &Entry)> {
        self.entries.iter().filter(move |(job, _)| page_of(**job) == page)
    }

    pub(crate) fn review(&mut self, now: Time) {
        self.answered.clear();
        self.entries.retain(|_, entry| entry.until > now);
    }

    /// Notes a listing that was proved. False if there is no room.
    fn note(&mut self, job: JobId, listing: Listing, until: Time) -> bool {
        if let Some(entry) = self.entries.get_mut(&job) {
            entry.listing.merge(&listing);
            entry.until = until;
            return true;
        }
        let has_room = self.make_room(page_of(job), listing.job.description.creator.id());
        if has_room {
            self.entries.insert(job, Entry { listing, until });
        }
        has_room
    }

    fn make_room(&mut self, page: u8, creator: NodeId) -> bool {
        let is_its = |entry: &Entry| entry.listing.job.description.creator.id() == creator;
        let is_crowded = self.of(page).filter(|(_, entry)| is_its(entry)).count() >= CREATOR_MAX;
        if !is_crowded && self.of(page).count() < PAGE_MAX {
            return true;
        }
        let may_go = |entry: &Entry| entry.listing.is_over() && (!is_crowded || is_its(entry));
        let oldest = self
            .of(page)
            .filter(|(_, entry)| may_go(entry))
            .min_by_key(|(_, entry)| entry.listing.job.description.created)
            .map(|(job, _)| *job);
        oldest.is_some_and(|oldest| self.entries.remove(&oldest).is_some())
    }
}

impl Grid {
    /// As root of a page: somebody lists jobs.
    pub(crate) fn on_listed(&mut self, now: Time, key: Key, from: NodeId, jobs: Listings) {
        let until = now + self.config.heartbeat * REMEMBERED_HEARTBEATS;
        for listing in jobs {
            let known = self.directory.pages.entries.get(&listing.id());
            let proved = listing.verify(&self.config.network, known.map(|entry| &entry.listing));
            let job = proved.ok().filter(|job| page_key(page_of(*job)) == key);
            let Some(job) = job else {
                return self.misbehaved(from, "listed what is no job of the page");
            };
            if !self.directory.pages.note(job, listing, until) {
                self.counters.ignored += 1;
            }
        }
    }

    /// As root of a page: what is on it?
    pub(crate) fn on_page_asked(
        &mut self,
        now: Time,
        (key, from): (Key, NodeId),
        ticket: u64,
        page: u8,
    ) {
        if page >= PAGES || page_key(page) != key {
            return self.misbehaved(from, "asked for what is no page");
        }
        if now.since(self.ready_since) < self.config.heartbeat * YOUNG_HEARTBEATS {
            return;
        }
        let pages = &mut self.directory.pages;
        if pages.answered.len() >= ANSWERS_MAX || !pages.answered.insert((from, page)) {
            self.counters.ignored += 1;
            return;
        }
        let mut lists = listings(pages.of(page).map(|(_, entry)| entry.listing.clone()));
        if lists.is_empty() {
            lists.push(Listings::default());
        }
        let parts = u8::try_from(lists.len()).unwrap_or(u8::MAX);
        for (part, jobs) in (0..parts).zip(lists) {
            match from == self.me {
                true => self.on_page(from, (ticket, page), (part, parts), jobs),
                false => self.send(from, Message::Page { ticket, page, part, parts, jobs }),
            }
        }
    }
}
