//! What will happen when: a heap of small keys over a slab of large happenings.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use base::Time;

/// Happenings in the order of their time; those of one moment in the order in which they came.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    heap: BinaryHeap<Reverse<(Time, u64, u32)>>,
    slots: Vec<Option<T>>,
    free: Vec<u32>,
    sequence: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Agenda { heap: BinaryHeap::new(), slots: Vec::new(), free: Vec::new(), sequence: 0 }
    }
}

impl<T> Agenda<T> {
    pub(crate) fn push(&mut self, at: Time, happening: T) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(happening);
                slot
            }
            None => {
                self.slots.push(Some(happening));
                // Four thousand million happenings at once do not fit the memory.
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.sequence += 1;
        self.heap.push(Reverse((at, self.sequence, slot)));
    }

    /// The next happening, if it is due by `end`.
    pub(crate) fn pop(&mut self, end: Time) -> Option<(Time, T)> {
        let Reverse((at, _, slot)) = *self.heap.peek()?;
        if at > end {
            return None;
        }
        self.heap.pop();
        self.free.push(slot);
        self.slots[slot as usize].take().map(|happening| (at, happening))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_keeps_the_order_of_coming() {
        let mut agenda = Agenda::default();
        for (at, what) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b'), (9, 'e')] {
            agenda.push(Time::from_micros(at), what);
        }
        let due = std::iter::from_fn(|| agenda.pop(Time::from_micros(5)));
        assert_eq!(due.map(|(_, what)| what).collect::<String>(), "abcd");
        assert_eq!(agenda.pop(Time::FAR_FUTURE).map(|(_, what)| what), Some('e'));
    }
}
