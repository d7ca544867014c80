//! The one place of this process that reads a clock.
//!
//! Everything else is given a [`Time`], read once per turn. str0m speaks of `Instant`s, so a clock
//! also translates.

use base::Time;

/// The type that str0m takes and gives.
#[expect(clippy::disallowed_types, reason = "str0m's API; values come from a Clock only")]
pub(crate) type Moment = std::time::Instant;

/// Time since this process began.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Moment,
}

impl Clock {
    /// Time is zero now.
    #[must_use]
    pub fn start() -> Self {
        Clock { start: Moment::now() }
    }

    /// Time since the start.
    #[must_use]
    pub fn now(self) -> Time {
        self.time(Moment::now())
    }

    /// The time by this machine's clock, in microseconds since 1970; 0 before that.
    #[must_use]
    #[expect(clippy::disallowed_types, reason = "what people call the time")]
    pub fn unix_micros(self) -> u64 {
        let span = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
    }

    /// The same in seconds.
    #[must_use]
    pub fn unix_seconds(self) -> u64 {
        self.unix_micros() / 1_000_000
    }

    pub(crate) fn time(self, moment: Moment) -> Time {
        let span = moment.saturating_duration_since(self.start);
        Time::from_micros(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
    }

    pub(crate) fn moment(self, time: Time) -> Moment {
        self.start + time.since(Time::ZERO)
    }
}
