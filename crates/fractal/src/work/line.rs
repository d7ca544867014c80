//! The lanes that have an orbit, in the order in which they got it.
//!
//! Every orbit may take equally many bursts, so this is also the order in which they reach the limit: who is
//! due is always first. Whoever leaves earlier does so from the middle.

use crate::lanes::LANES_MAX;

/// Stands for the beginning and the end of the line.
const NOBODY: usize = LANES_MAX;

/// A doubly linked list through arrays.
pub(super) struct Line {
    before: [u8; LANES_MAX + 1],
    behind: [u8; LANES_MAX + 1],
    /// The tick at which each lane is due.
    due: [u64; LANES_MAX],
}

impl Line {
    pub(super) fn new() -> Line {
        let empty = [NOBODY as u8; LANES_MAX + 1];
        Line { before: empty, behind: empty, due: [0; LANES_MAX] }
    }

    /// A lane joins behind all others, due no earlier than they are.
    #[inline(always)]
    pub(super) fn join(&mut self, lane: usize, due: u64) {
        self.due[lane] = due;
        let last = self.before[NOBODY];
        self.link(usize::from(last), lane);
        self.link(lane, NOBODY);
    }

    /// A lane that is in the line leaves it; the tick at which it would have been due.
    #[inline(always)]
    pub(super) fn leave(&mut self, lane: usize) -> u64 {
        self.link(usize::from(self.before[lane]), usize::from(self.behind[lane]));
        self.due[lane]
    }

    /// The first lane, if it is due.
    #[inline(always)]
    pub(super) fn first_due(&self, tick: u64) -> Option<usize> {
        let first = usize::from(self.behind[NOBODY]);
        self.due.get(first).is_some_and(|&due| due <= tick).then_some(first)
    }

    #[inline(always)]
    fn link(&mut self, before: usize, behind: usize) {
        (self.behind[before], self.before[behind]) = (behind as u8, before as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_due_in_the_order_in_which_they_came() {
        let mut line = Line::new();
        assert_eq!(line.first_due(u64::MAX), None);
        for (lane, due) in [(3, 10), (0, 10), (63, 12), (1, 15)] {
            line.join(lane, due);
        }
        assert_eq!(line.leave(0), 10);
        assert_eq!((line.first_due(9), line.first_due(10)), (None, Some(3)));
        line.leave(3);
        line.join(3, 20);
        assert_eq!((line.first_due(11), line.first_due(12)), (None, Some(63)));
        for lane in [63, 1, 3] {
            assert_eq!(line.first_due(20), Some(lane));
            line.leave(lane);
        }
        assert_eq!(line.first_due(u64::MAX), None);
    }
}
