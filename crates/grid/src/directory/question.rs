//! Asking all pages of the directory which jobs there are.

use base::{NodeId, SortedMap, SortedSet};
use wire::grid::{JobId, Listing, Listings, Message, PAGES, page_key, page_of};

use crate::{Event, Grid, JobListing, JobState, Output};

/// Heartbeats for which an answer is waited for; each repeats the question.
const TRIES_MAX: u32 = 4;
/// Jobs in the answers to one question. Beyond it the rest is not told.
const FOUND_MAX: usize = 4096;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    ticket: u64,
    /// Pages without a whole answer, with the parts that came.
    waiting: SortedMap<u8, SortedSet<u8>>,
    found: SortedMap<JobId, Listing>,
    tries: u32,
}

impl Grid {
    /// Somebody here wants to know. Whoever asks while a question is open gets its answer.
    pub(crate) fn on_list_jobs(&mut self) {
        if self.directory.question.is_some() {
            return;
        }
        self.directory.question = Some(Question {
            ticket: self.rng.next_u64(),
            waiting: (0..PAGES).map(|page| (page, SortedSet::new())).collect(),
            found: SortedMap::new(),
            tries: 0,
        });
        self.ask_pages();
    }

    fn ask_pages(&mut self) {
        let Some(question) = self.directory.question.as_ref().filter(|_| self.ready) else {
            return;
        };
        let ticket = question.ticket;
        let ask = |page: &u8| Output::Route {
            key: page_key(*page),
            message: Message::AskPage { ticket, page: *page },
        };
        self.outputs.extend(question.waiting.keys().map(ask));
    }

    pub(crate) fn repeat_question(&mut self) {
        let Some(question) = &mut self.directory.question else { return };
        question.tries += 1;
        match question.tries < TRIES_MAX {
            true => self.ask_pages(),
            false => self.end_question(),
        }
    }

    /// A part of an answer. Whoever knows the ticket was asked, or carried the question.
    pub(crate) fn on_page(
        &mut self,
        from: NodeId,
        (ticket, page): (u64, u8),
        (part, parts): (u8, u8),
        jobs: Listings,
    ) {
        let (network, known) = (self.config.network, &self.directory.found);
        let question = self.directory.question.as_mut();
        let question = question.filter(|question| question.ticket == ticket && part < parts);
        let Some(question) = question.filter(|question| question.waiting.contains_key(&page))
        else {
            self.counters.ignored += 1;
            return;
        };
        for listing in jobs {
            let proved = listing.verify(&network, known.get(&listing.id())).ok();
            let Some(job) = proved.filter(|job| page_of(*job) == page) else {
                return self.misbehaved(from, "answered with what is no job of the page");
            };
            if let Some(known) = question.found.get_mut(&job) {
                known.merge(&listing);
            } else if question.found.len() < FOUND_MAX {
                question.found.insert(job, listing);
            }
        }
        let came = question.waiting.entry(page).or_default();
        came.insert(part);
        if came.len() >= usize::from(parts) {
            question.waiting.remove(&page);
        }
        if question.waiting.is_empty() {
            self.end_question();
        }
    }

    /// Tells what came.
    fn end_question(&mut self) {
        let Some(question) = self.directory.question.take() else { return };
        let missing = u8::try_from(question.waiting.len()).unwrap_or(PAGES);
        self.directory.found = question.found;
        let jobs = self.directory.found.iter().map(|(job, listing)| told(*job, listing)).collect();
        self.event(Event::Listed { jobs, missing });
    }
}

/// A listing for people.
fn told(job: JobId, listing: &Listing) -> JobListing {
    let description = &listing.job.description;
    JobListing {
        job,
        creator: description.creator.id(),
        created: description.created,
        owner: listing.tenure.owner,
        epoch: listing.tenure.epoch,
        state: match (listing.cancelled, listing.is_over()) {
            (Some(_), _) => JobState::Cancelled,
            (None, true) => JobState::Finished,
            (None, false) => JobState::Running,
        },
        kind: description.kind,
        params: description.params.clone(),
        tasks: description.tasks,
        done: listing.done.min(description.tasks),
    }
}
