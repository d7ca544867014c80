//! Finding a near node to join through (Pastry §2.5: "locating a nearby node").
//!
//! A newcomer knows one node, anywhere. It asks that node for its tables, measures those of them
//! that may be nearer, goes on from the nearest, and joins through the one that knows none nearer.
//! Only with datagrams: over links, the nearest is among the few that the introducer chose.

use base::NodeId;
use wire::overlay::{Contact, UNMEASURED};

use crate::Overlay;

/// Steps of the walk (chosen: each step at least halves the distance, if the tables are near).
const STEPS_MAX: u8 = 10;
/// Measurements in one step.
const PROBES_MAX: u8 = 24;

/// Where the walk stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seek {
    /// Whose tables are looked at.
    at: NodeId,
    asked: bool,
    answered: bool,
    /// The nearest so far and its distance in microseconds.
    best: (u32, Contact),
    steps: u8,
    probes: u8,
}

impl Seek {
    pub(crate) fn new(first: Contact) -> Self {
        let best = (UNMEASURED, first);
        Seek { at: first.id, asked: false, answered: false, best, steps: 0, probes: 0 }
    }
}

impl Overlay {
    /// The bar for candidates while this node looks for an entrance.
    pub(crate) fn seeking(&self) -> Option<u32> {
        self.join.as_ref().and_then(|join| join.seek.as_ref()).map(|seek| seek.best.0)
    }

    pub(crate) fn begin_seek(&mut self, first: Contact) {
        self.candidates.clear();
        self.survey.clear();
        if let Some(join) = self.join.as_mut() {
            join.seek = Some(Seek::new(first));
        }
        self.probe(first, true);
    }

    pub(crate) fn note_seed_answered(&mut self, from: NodeId) {
        let seek = self.join.as_mut().and_then(|join| join.seek.as_mut());
        if let Some(seek) = seek.filter(|seek| seek.at == from) {
            seek.answered = true;
        }
    }

    /// A candidate answered, and it is a member of the ring.
    pub(crate) fn note_seed(&mut self, contact: Contact) {
        let rtt = self.peers.rtt(contact.id);
        let Some(seek) = self.join.as_mut().and_then(|join| join.seek.as_mut()) else { return };
        seek.best = seek.best.min((rtt, contact));
        seek.probes += 1;
        if seek.probes >= PROBES_MAX {
            self.candidates.clear();
        }
        // It is alive and its distance known: another entrance, should the nearest one fail.
        if rtt != UNMEASURED {
            self.befriend(contact, rtt);
        }
    }

    /// Takes the next step when the last one is done.
    pub(crate) fn advance_seek(&mut self) {
        let quiet = self.candidates.is_empty() && self.watch.hearsay().next().is_none();
        let Some(seek) = self.join.as_mut().and_then(|join| join.seek.as_mut()) else { return };
        if !seek.asked {
            if seek.best.0 != UNMEASURED {
                seek.asked = true;
                let at = seek.at;
                self.ask_state(at);
            } else if quiet {
                self.end_seek();
            }
        } else if seek.answered && quiet {
            let nearest = seek.best.1.id;
            if nearest == seek.at || seek.steps >= STEPS_MAX {
                self.end_seek();
            } else {
                (seek.at, seek.answered, seek.probes) = (nearest, false, 0);
                seek.steps += 1;
                self.ask_state(nearest);
            }
        }
    }

    /// The walk is over, or takes too long: join through the nearest that was found.
    pub(crate) fn end_seek(&mut self) {
        let Some(join) = self.join.as_mut() else { return };
        let Some(seek) = join.seek.take() else { return };
        join.through = Some(seek.best.1.id);
        self.candidates.clear();
        self.survey.clear();
        self.attach(seek.best.1);
        self.ask_to_join();
    }
}
