//! Making the tables near: the second stage of a join, and its upkeep (Pastry §2.4–2.5).
//!
//! A newcomer asks every entry of its tables for that entry's tables, and measures whoever may be
//! nearer than what it has. Each teller names its own distances, so most of what it names is ruled
//! out unasked: a node that is `a` from the teller, who is `b` from here, is at least `|a − b|`
//! from here. The rest is measured in the order of that bound, so that the bar soon is high.
//!
//! Distances can be measured on straight paths only. Over links that cost something, those are the
//! linked peers: there the tables are filled with whoever is alive, and a link that proves clearly
//! nearer than its slot's entry takes the slot.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use base::{Bounded, Duration, NodeId, SortedMap, SortedSet, Time};
use wire::overlay::{Contact, Message, NEAR_ENTRIES, STATE_ENTRIES, Sighting, UNMEASURED};

use crate::Overlay;

/// Nodes to be asked for their tables: as many as tables of 10⁶ nodes hold. When full, no more.
const QUEUE_MAX: usize = 128;
/// At least so many, however short nodes stay: whoever is told that they do may be told a lie.
const QUEUE_MIN: usize = 4;
/// For each so many seconds that a newcomer can be expected to stay it asks one more. Chosen: a
/// question, its answer and what is shown in the end are 3 KiB, so a second stage costs 130 bytes for
/// each second; tables that nobody uses for long need not be the nearest.
const SECONDS_PER_QUESTION: usize = 24;
/// Requests under way.
const ASKED_MAX: usize = 4;
/// How long one may take.
const REPLY_TIME: Duration = Duration::from_secs(2);

/// The state of this conversation.
#[derive(Debug)]
pub(crate) struct Survey {
    queue: VecDeque<NodeId>,
    asked: SortedMap<NodeId, Time>,
    /// A join's second stage is under way.
    is_fresh: bool,
    /// How many it may ask, [`QUEUE_MIN`] to [`QUEUE_MAX`].
    questions: usize,
}

impl Survey {
    pub(crate) fn new() -> Self {
        let (queue, asked) = (VecDeque::new(), SortedMap::new());
        Survey { queue, asked, is_fresh: false, questions: QUEUE_MAX }
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        self.asked.values().min().copied()
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.asked.clear();
    }
}

impl Overlay {
    /// Nodes stay so long in the mean: what a second stage may cost.
    pub(crate) fn expect_stay(&mut self, seconds: u32) {
        let questions = usize::try_from(seconds).unwrap_or(usize::MAX) / SECONDS_PER_QUESTION;
        self.survey.questions = questions.clamp(QUEUE_MIN, QUEUE_MAX);
    }

    /// The node has joined: from now on it asks its tables for theirs, the nearest first.
    pub(crate) fn begin_second_stage(&mut self) {
        self.offer_known();
        let entries = self.table.entries().map(|(_, contact)| contact.id);
        let near = self.near.entries().iter().map(|entry| entry.contact.id);
        let known: Vec<NodeId> = if self.is_direct() {
            entries.chain(near).collect()
        } else {
            self.links.open().filter(|link| link.ready).map(|link| link.contact.id).collect()
        };
        let mut known = base::in_order(known.into_iter().map(|id| (self.peers.rtt(id), id)));
        known.dedup();
        known.truncate(self.survey.questions);
        self.survey.queue = known.into_iter().map(|(_, id)| id).collect();
        self.survey.is_fresh = true;
    }

    /// Asks on, as long as few measurements are waiting.
    pub(crate) fn advance_survey(&mut self) {
        while self.ready && self.survey.asked.len() < ASKED_MAX && self.candidates.is_empty() {
            let Some(id) = self.survey.queue.pop_front() else {
                if self.survey.asked.is_empty() && core::mem::take(&mut self.survey.is_fresh) {
                    self.survey.queue = VecDeque::new();
                    self.show_state();
                }
                return;
            };
            if self.is_needed(id) {
                self.ask_state(id);
            }
        }
    }

    /// The end of a join: everybody in the tables sees what came of it (Pastry §2.4), and takes
    /// what is nearer than what they have. Where nodes stay for short, the nearest do.
    fn show_state(&mut self) {
        if !self.is_direct() {
            return;
        }
        let entries = self.table.entries().map(|(_, contact)| contact.id);
        let near = self.near.entries().iter().map(|entry| entry.contact.id);
        let leaf = self.leaf.members().into_iter().map(|contact| contact.id);
        let all: SortedSet<NodeId> = entries.chain(near).chain(leaf).collect();
        let questions = self.survey.questions;
        // Whoever was measured and found no place here may have one for this node: near it among those
        // who share a prefix, as only the nearest of each column are in the table.
        let met = self.peers.measured().into_iter().map(|contact| contact.id);
        let met = met.filter(|id| self.table.shared(*id) > 0 && !all.contains(id));
        for id in met.collect::<Vec<_>>() {
            self.tell_measured(id);
        }
        // The nearest are those who may want this node most.
        for (_, id) in base::in_order(all.into_iter().map(|id| (self.peers.rtt(id), id)))
            .into_iter()
            .take(questions)
        {
            self.send_state(id);
        }
    }

    pub(crate) fn ask_state(&mut self, id: NodeId) {
        self.survey.asked.insert(id, self.now + REPLY_TIME);
        let rtt = if self.ready { self.peers.rtt(id) } else { UNMEASURED };
        self.send(id, Message::StateRequest { rtt });
    }

    pub(crate) fn on_survey_due(&mut self) {
        let now = self.now;
        self.survey.asked.retain(|_, due| *due > now);
    }

    pub(crate) fn on_state_request(&mut self, from: Contact, rtt: u32) {
        self.send_state(from.id);
        self.on_measured(from, rtt);
    }

    fn send_state(&mut self, to: NodeId) {
        let entries = self.table.state_message(to);
        let (rtt, near) = (self.peers.rtt(to), self.near.message());
        self.send(to, Message::State { rtt, entries, near });
    }

    pub(crate) fn on_state(
        &mut self,
        from: Contact,
        rtt: u32,
        entries: &Bounded<Sighting, STATE_ENTRIES>,
        near: &Bounded<Sighting, NEAR_ENTRIES>,
    ) {
        let asked = self.survey.asked.remove(&from.id).is_some();
        if asked {
            self.note_seed_answered(from.id);
        } else if !self.ready || !self.is_direct() {
            return;
        } else {
            self.on_measured(from, rtt);
        }
        // Its own word on the distance only rules candidates out.
        let way = Some(self.peers.rtt(from.id)).filter(|way| *way != UNMEASURED).unwrap_or(rtt);
        self.learn_within(way, near);
        self.learn_within(way, entries);
    }

    /// `id` has entered the tables here, and may want this node in its own. At the end of a join all
    /// are told at once.
    pub(crate) fn tell_measured(&mut self, id: NodeId) {
        let rtt = self.peers.rtt(id);
        if self.ready && !self.survey.is_fresh && rtt != UNMEASURED {
            self.send(id, Message::Measured { rtt });
        }
    }

    /// `from` says how far this node is: if that is near, measure.
    pub(crate) fn on_measured(&mut self, from: Contact, rtt: u32) {
        if self.ready && rtt != UNMEASURED {
            // Only who has joined says how far others are.
            self.set_ready(from.id, true);
            self.learn(from, Some(rtt), None);
        }
    }

    /// What `teller` names, with the bound that its distances give.
    pub(crate) fn learn_sightings(&mut self, teller: NodeId, sightings: &[Sighting]) {
        self.learn_within(self.peers.rtt(teller), sightings);
    }

    /// The same of a teller who is `way` microseconds from here.
    fn learn_within(&mut self, way: u32, sightings: &[Sighting]) {
        for sighting in sightings {
            let bounded = way != UNMEASURED && sighting.rtt != UNMEASURED;
            self.learn(sighting.contact, bounded.then(|| way.abs_diff(sighting.rtt)), None);
        }
    }

    /// A straight path to `id` and back took this long.
    pub(crate) fn note_rtt(&mut self, id: NodeId, rtt: Duration) {
        let micros = u32::try_from(rtt.as_micros()).unwrap_or(UNMEASURED);
        self.peers.measure(id, micros);
        if let Some(link) = self.links.get_mut(id) {
            link.rtt.sample(rtt);
            link.deaf = false;
        }
    }

    /// Whether it is worth a question that a node at least `floor` microseconds away may be in the
    /// neighbourhood set. Once this node has joined, gaps are no reason to ask whoever is named.
    pub(crate) fn wants_near(&self, floor: u32) -> bool {
        let settled = self.ready && !self.survey.is_fresh;
        let last = self.near.entries().last().map(|last| last.rtt);
        self.near.wants(floor) && (!settled || last.is_none_or(|last| floor < last))
    }

    /// Where members of the neighbourhood set are gone, another member knows others.
    pub(crate) fn repair_neighbourhood(&mut self) {
        let near = self.near.entries();
        if near.len() == NEAR_ENTRIES {
            return;
        }
        if let Some(entry) = self.rng.pick(near).copied()
            && self.survey.asked.is_empty()
        {
            self.ask_state(entry.contact.id);
        }
    }
}
