//! A job that this tab renders alone: before it has entered a network, or without one.
//!
//! The same tiles by the same workers; only the page sees them. When the node becomes a member
//! meanwhile, the job goes to the grid, and what is done here is not computed again.

use base::SortedMap;
use std::rc::Rc;

use bytes::Bytes;
use node::JobId;

use crate::pool::{Errand, Pool};
use crate::workload::Picture;

/// Where the job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// This tab computes it.
    Alone,
    /// The peer signs it for the grid.
    Submitting { created: u64 },
    /// The grid has it; results that exist here answer its computations.
    Given { job: JobId },
    /// It is over.
    Ended,
}

/// At most one at a time.
pub(crate) struct Solo {
    /// The page's name for it, until the grid gives it another.
    pub(crate) name: String,
    pub(crate) picture: Picture,
    pub(crate) stage: Stage,
    done: SortedMap<u32, Bytes>,
    /// The first task that was never ordered.
    next: u32,
}

impl Solo {
    pub(crate) fn new(name: String, picture: Picture) -> Self {
        Solo { name, picture, stage: Stage::Alone, done: SortedMap::new(), next: 0 }
    }

    /// Orders tasks, as many at once as there are workers.
    pub(crate) fn order(&mut self, pool: &mut Pool, workers: u16) {
        if self.stage != Stage::Alone {
            return;
        }
        let ahead = u32::from(workers) + 1;
        let done = u32::try_from(self.done.len()).unwrap_or(u32::MAX);
        while self.next < self.picture.tasks() && self.next - done < ahead {
            let params = Rc::clone(&self.picture.params);
            if !pool.order(Errand::Solo(self.next), params, self.next, false) {
                return;
            }
            self.next += 1;
        }
    }

    /// Stops computing.
    pub(crate) fn halt(&mut self, pool: &mut Pool) {
        pool.abandon(|errand| matches!(errand, Errand::Solo(_)));
        // Done tasks are a prefix but for those under way, which are few: they are done again.
        self.next = (0..).find(|task| !self.done.contains_key(task)).unwrap_or(0);
        let next = self.next;
        self.done.retain(|task, _| *task < next);
    }

    /// A tile is done; true when it was the last.
    pub(crate) fn finished(&mut self, task: u32, payload: Bytes) -> bool {
        self.done.insert(task, payload);
        let all = self.done_count() == self.picture.tasks();
        if all {
            self.stage = Stage::Ended;
        }
        all
    }

    fn done_count(&self) -> u32 {
        u32::try_from(self.done.len()).unwrap_or(u32::MAX)
    }

    /// A result that a computation of the grid need not repeat.
    pub(crate) fn known(&self, params: &[u8], task: u32) -> Option<Bytes> {
        let same = matches!(self.stage, Stage::Given { .. }) && *self.picture.params == *params;
        if same { self.done.get(&task).cloned() } else { None }
    }
}
