//! How fast a job's tasks go at one worker, and so how many it holds ahead: fast peers pull many at
//! a time, slow ones few, and neither waits for the network.

use base::Duration;

use crate::job::HELD_MAX;

/// Work that a worker pulls ahead of its consumption. Chosen: many round trips long, and little to
/// do again if the worker vanishes.
const AHEAD: Duration = Duration::from_secs(1);

/// How fast a job's tasks go here.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    task: Option<Duration>,
    round_trip: Option<Duration>,
}

impl Pace {
    /// A task took this long.
    pub(crate) fn computed(&mut self, took: Duration) {
        self.task = Some(smoothed(self.task, took));
    }

    /// A pull was answered after this long.
    pub(crate) fn answered(&mut self, took: Duration) {
        self.round_trip = Some(smoothed(self.round_trip, took));
    }

    /// Tasks to hold, and the number at which to ask for more: far enough below to ask for several
    /// at once, far enough above `slots` that the answer comes in time. The first pull asks for no
    /// more than can start, so that workers who come together share a small job.
    pub(crate) fn marks(&self, slots: u32) -> (u32, u32) {
        let Some(round_trip) = self.round_trip else { return (slots, slots.saturating_sub(1)) };
        let span = micros(AHEAD + round_trip * 2).saturating_mul(u64::from(slots));
        let ahead = self.task.map_or(0, |task| span.div_ceil(micros(task).max(1)));
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX).max(slots);
        (
            slots.saturating_add(ahead).min(HELD_MAX),
            slots.saturating_add(ahead / 2).min(HELD_MAX - 1),
        )
    }
}

/// One part new, three parts old.
pub(crate) fn smoothed(old: Option<Duration>, new: Duration) -> Duration {
    old.map_or(new, |old| (old * 3 + new) / 4)
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(task_ms: u64, round_trip_ms: u64) -> Pace {
        let mut pace = Pace::default();
        pace.answered(Duration::from_millis(round_trip_ms));
        pace.computed(Duration::from_millis(task_ms));
        pace
    }

    #[test]
    fn a_worker_holds_about_a_second_of_work() {
        assert_eq!(Pace::default().marks(4), (4, 3), "what can start, and no more");
        assert_eq!(pace(500, 100).marks(1), (4, 2));
        assert_eq!(pace(10_000, 100).marks(1), (2, 1), "always one per slot ahead");
        assert_eq!(pace(10, 100).marks(1), (121, 61));
        assert_eq!(pace(10, 100).marks(128), (HELD_MAX, HELD_MAX - 1));
        assert_eq!(pace(0, 0).marks(1), (HELD_MAX, HELD_MAX - 1));
    }
}
