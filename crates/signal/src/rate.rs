//! How often a stranger may do something: a burst, then a steady rate.

use base::{Duration, Time};

/// A token bucket, kept as the one moment at which it will be full again (GCRA). Time that stands
/// still or steps back grants nothing and breaks nothing.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    full_at: Time,
    interval: Duration,
    depth: Duration,
}

impl Bucket {
    /// A full bucket of `burst` tokens that gains one in each `interval`.
    #[must_use]
    pub fn new(burst: u32, interval: Duration) -> Self {
        Bucket { full_at: Time::ZERO, interval, depth: interval.saturating_mul(burst) }
    }

    /// Takes a token; `false` when there is none, and then nothing has changed.
    pub fn take(&mut self, now: Time) -> bool {
        let full_at = self.full_at.max(now) + self.interval;
        if full_at.since(now) > self.depth {
            return false;
        }
        self.full_at = full_at;
        true
    }

    /// Whether nothing was taken lately: then a fresh bucket is the same.
    #[must_use]
    pub fn is_full(&self, now: Time) -> bool {
        self.full_at <= now
    }

    /// How long until there is a token; nothing when there is one.
    #[must_use]
    pub fn wait(&self, now: Time) -> Duration {
        let full_at = self.full_at.max(now) + self.interval;
        full_at.since(now).saturating_sub(self.depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_then_a_rate() {
        let mut bucket = Bucket::new(20, Duration::from_millis(200));
        let start = Time::from_millis(5_000);
        assert_eq!((0..100).filter(|_| bucket.take(start)).count(), 20);
        assert!(!bucket.is_full(start));
        assert_eq!(bucket.wait(start), Duration::from_millis(200));
        assert!(!bucket.take(start + Duration::from_millis(199)));
        assert!(bucket.take(start + Duration::from_millis(200)));
        assert!(!bucket.take(start + Duration::from_millis(200)));
        let later = start + Duration::from_secs(3_600);
        assert!(bucket.is_full(later) && bucket.wait(later) == Duration::ZERO);
        assert_eq!((0..100).filter(|_| bucket.take(later)).count(), 20);
    }

    #[test]
    fn a_clock_that_steps_back_grants_nothing() {
        let mut bucket = Bucket::new(1, Duration::from_secs(1));
        assert!(bucket.take(Time::from_millis(10_000)));
        assert!(!bucket.take(Time::from_millis(1_000)));
    }

    proptest! {
        #[test]
        fn never_more_than_burst_plus_rate(gaps in proptest::collection::vec(0u64..400, 1..300)) {
            let mut bucket = Bucket::new(20, Duration::from_millis(200));
            let (mut at, mut taken) = (0, 0);
            for gap in gaps {
                at += gap;
                taken += u64::from(bucket.take(Time::from_millis(at)));
                prop_assert!(taken <= 20 + at / 200);
            }
        }
    }
}
