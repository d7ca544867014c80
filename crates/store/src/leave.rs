//! Leaving: what is held goes to those who will hold it without this node.

use base::Time;

use crate::{Event, Merge, Store};

/// How far leaving is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    No,
    /// Handing over, until then at the longest.
    Until(Time),
    Gone,
}

impl Leaving {
    pub(crate) fn until(self) -> Option<Time> {
        match self {
            Leaving::Until(at) => Some(at),
            Leaving::No | Leaving::Gone => None,
        }
    }
}

impl<M: Merge> Store<M> {
    pub(crate) fn on_leave(&mut self) {
        if self.leaving != Leaving::No {
            return;
        }
        self.leaving = Leaving::Until(self.now + self.config.leave_time);
        self.place.is_leaving = true;
        self.place_anew();
        for name in self.shelf.names() {
            self.check(&name);
        }
    }

    /// Ends leaving when nothing is left to hand over, or time is up.
    pub(crate) fn review_leave(&mut self) {
        let Some(until) = self.leaving.until() else { return };
        let is_short = |name| !self.copies(name).1;
        let names = self.shelf.names();
        let short = names.iter().filter(|name| is_short(name)).count();
        let is_done = short == 0 && self.puts.is_empty() && self.news_are_out();
        if is_done || until <= self.now || !self.ready || self.place.is_alone() {
            self.leaving = Leaving::Gone;
            let short = u32::try_from(short).unwrap_or(u32::MAX);
            self.event(Event::HandedOver { short });
        }
    }
}
