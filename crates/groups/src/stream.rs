//! Which multicasts of one stream were here. Numbers and bits; no messages, no clock but an
//! argument.

use base::Time;
use wire::groups::WINDOW;

/// What was seen of one stream.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    /// The highest number heard of.
    newest: u64,
    /// What is not above it is of before this node's time.
    floor: u64,
    /// Bit i: number `newest - i` was here.
    seen: u64,
    /// When something of it was last here for the first time.
    pub(crate) heard: Time,
}

impl Track {
    /// Nothing above `floor` was here.
    pub(crate) fn new(floor: u64, now: Time) -> Self {
        Track { newest: floor, floor, seen: 0, heard: now }
    }

    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// The stream has come as far as `number`.
    pub(crate) fn reach(&mut self, number: u64) {
        let ahead = number.saturating_sub(self.newest);
        self.seen = match u32::try_from(ahead) {
            Ok(ahead) => self.seen.checked_shl(ahead).unwrap_or(0),
            Err(_) => 0,
        };
        self.newest = self.newest.max(number);
    }

    /// `number` is here. True if for the first time, as far as is remembered: what lies a window
    /// back counts as seen.
    pub(crate) fn take(&mut self, number: u64) -> bool {
        self.reach(number);
        if number <= self.floor || self.is_beyond(number) {
            return false;
        }
        let bit = 1 << (self.newest - number);
        let is_new = self.seen & bit == 0;
        self.seen |= bit;
        is_new
    }

    /// Too old to be missed or told apart.
    pub(crate) fn is_beyond(&self, number: u64) -> bool {
        self.newest.saturating_sub(number) >= WINDOW
    }

    /// The numbers within the window that were not here, the oldest first.
    pub(crate) fn missing(&self) -> impl Iterator<Item = u64> {
        let first = self.newest.saturating_sub(WINDOW - 1);
        let is_missing = |number: u64| self.seen & (1 << (self.newest - number)) == 0;
        (first..=self.newest).filter(move |&number| number > self.floor && is_missing(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use base::SortedSet;
    use proptest::prelude::*;

    #[test]
    fn gaps_show_and_close() {
        let mut track = Track::new(2, Time::ZERO);
        assert!(!track.take(2) && track.take(3) && !track.take(3));
        assert!(track.take(6));
        assert_eq!(track.missing().collect::<Vec<_>>(), [4, 5]);
        assert!(track.take(4));
        track.reach(8);
        assert_eq!(track.missing().collect::<Vec<_>>(), [5, 7, 8]);
        track.reach(3);
        assert_eq!(track.newest(), 8);
    }

    #[test]
    fn what_lies_a_window_back_is_given_up() {
        let mut track = Track::new(0, Time::ZERO);
        track.reach(WINDOW + 1);
        assert_eq!(track.missing().next(), Some(2));
        assert!(!track.take(1) && track.take(2));
        track.reach(u64::MAX);
        assert_eq!(track.missing().count(), 64);
        assert!(track.take(u64::MAX) && !track.take(u64::MAX));
    }

    proptest! {
        #[test]
        fn a_number_is_new_once_and_missing_until_then(
            floor in 0u64..10,
            numbers in proptest::collection::vec(1u64..60, 1..80),
        ) {
            let mut track = Track::new(floor, Time::ZERO);
            let mut model = SortedSet::new();
            for number in numbers {
                let is_new = number > floor && model.insert(number);
                prop_assert_eq!(track.take(number), is_new);
                let newest = model.last().copied().unwrap_or(floor).max(floor);
                let missing: Vec<u64> =
                    (floor + 1..=newest).filter(|number| !model.contains(number)).collect();
                prop_assert_eq!(track.missing().collect::<Vec<_>>(), missing);
            }
        }
    }
}
