//! Which jobs the network has, for whoever asks.
//!
//! The directory is soft state. Whoever is the root of a job's record lists the job at the root of
//! its page, again and again, and when the ring changes close by (here); the page forgets what it
//! does not hear of (`page`); whoever wants to know asks all pages (`question`). So no clock has to
//! agree with another, a page needs no copies, and what nobody holds any more is listed nowhere. A
//! page whose root went is whole again when everyone has repeated itself.

use alloc::vec::Vec;

use base::{SortedMap, Time};
use wire::grid::{JobId, Listing, Message, Record, listings, page_key, page_of};

use crate::{Grid, Output};

mod page;
mod question;

use page::Pages;
use question::Question;

/// Heartbeats after which a job that goes on, or one that is over, is listed again. Chosen: a list
/// shows how far a job is, and a day of a finished job costs less than a few of its tiles.
const OPEN_HEARTBEATS: u32 = 5;
const OVER_HEARTBEATS: u32 = 30;
/// The part of a heartbeat after which jobs are listed anew when a neighbour came or went: a page may
/// have another root, and a newcomer takes a moment to be one. Many changes at once are one.
const AGAIN_PER_HEARTBEAT: u32 = 2;
/// Jobs that one node lists. Beyond it further ones are listed when others are gone.
const CHARGES_MAX: usize = 1024;

/// A job whose record this node is the root of.
#[derive(Clone, Debug)]
struct Charge {
    listing: Listing,
    list_at: Time,
}

/// This node's part in the directory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    charges: SortedMap<JobId, Charge>,
    pages: Pages,
    question: Option<Question>,
    /// What this node was told last, all of it proved.
    found: SortedMap<JobId, Listing>,
}

impl Grid {
    /// The record of a job is here, and this node is or is not the root of its key.
    pub(crate) fn take_charge(&mut self, now: Time, record: &Record, is_root: bool) {
        let job = record.job.description.job();
        let charges = &mut self.directory.charges;
        if !is_root || (charges.len() >= CHARGES_MAX && !charges.contains_key(&job)) {
            charges.remove(&job);
            return;
        }
        let listing = Listing {
            job: record.job.clone(),
            tenure: record.tenure,
            done: u32::try_from(record.done.len()).unwrap_or(u32::MAX),
            cancelled: record.cancelled,
        };
        let known = charges.get(&job);
        let is_same = |known: &Listing| {
            (known.is_over(), known.tenure) == (listing.is_over(), listing.tenure)
        };
        let known = known.filter(|charge| is_same(&charge.listing));
        let list_at = known.map_or(now, |charge| charge.list_at);
        charges.insert(job, Charge { listing, list_at });
    }

    /// The record of a job is not here any more, or not at its root.
    pub(crate) fn leave_charge(&mut self, job: JobId) {
        self.directory.charges.remove(&job);
    }

    /// The ring changed close by: pages may have another root, who knows nothing yet.
    pub(crate) fn list_anew(&mut self, now: Time) {
        let soon = now + self.config.heartbeat / AGAIN_PER_HEARTBEAT;
        for charge in self.directory.charges.values_mut() {
            charge.list_at = charge.list_at.min(soon);
        }
    }

    /// Lists what is due.
    pub(crate) fn list_due(&mut self, now: Time) {
        if !self.ready {
            return;
        }
        let heartbeat = self.config.heartbeat;
        let mut due: SortedMap<u8, Vec<Listing>> = SortedMap::new();
        for (job, charge) in &mut self.directory.charges {
            if charge.list_at <= now {
                let is_over = charge.listing.is_over();
                let pause = if is_over { OVER_HEARTBEATS } else { OPEN_HEARTBEATS };
                charge.list_at = now + heartbeat * pause;
                due.entry(page_of(*job)).or_default().push(charge.listing.clone());
            }
        }
        for (page, jobs) in due {
            let list =
                |jobs| Output::Route { key: page_key(page), message: Message::List { jobs } };
            self.outputs.extend(listings(jobs).into_iter().map(list));
        }
    }

    /// Each heartbeat: what is old is forgotten, what was not answered is asked again.
    pub(crate) fn review_directory(&mut self, now: Time) {
        self.directory.pages.review(now);
        self.repeat_question();
    }
}
