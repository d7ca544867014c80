//! How hard a thread works: stretches of computing, and rests between them.
//!
//! A share below the whole leaves the processor to its owner and keeps the fan quiet. Rests follow
//! each few milliseconds of work, since bursts of seconds are felt. How many threads there are is
//! the pool's to say.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::thread;

use base::{Duration, Time};
use headless::clock::Clock;

/// A rest is taken in naps of at most this, so that a thread wakes when its task is not wanted any
/// more.
const NAP_MAX: Duration = Duration::from_millis(20);
/// Of a rest that one stretch of work earns, at most. Chosen: a machine that slept through a
/// stretch owes nothing for it.
const REST_MAX: Duration = Duration::from_secs(2);

/// The share of its time that a thread computes, in percent: 10 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Intensity(u8);

/// No rests.
impl Default for Intensity {
    fn default() -> Self {
        Intensity(100)
    }
}

impl fmt::Display for Intensity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Intensity {
    /// What a stretch of work of this length earns in rest.
    fn rest_for(self, worked: Duration) -> Duration {
        let rest = worked * u32::from(100 - self.0) / u32::from(self.0);
        rest.min(REST_MAX)
    }
}

impl FromStr for Intensity {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let percent: u8 =
            text.trim_end_matches('%').parse().map_err(|error: ParseIntError| error.to_string())?;
        match percent {
            10..=100 => Ok(Intensity(percent)),
            _ => Err("a share in percent, 10 to 100".to_owned()),
        }
    }
}

/// One thread's stretch of work.
#[derive(Debug)]
pub(crate) struct Pace {
    intensity: Intensity,
    clock: Clock,
    since: Time,
}

impl Pace {
    /// A stretch begins now.
    pub(crate) fn start(intensity: Intensity) -> Self {
        let clock = Clock::start();
        Pace { intensity, clock, since: clock.now() }
    }

    /// A stretch begins now: what went before was no work.
    pub(crate) fn begin(&mut self) {
        self.since = self.clock.now();
    }

    /// Ends a stretch and rests for it, unless `is_wanted` turns false; the next stretch begins.
    pub(crate) fn rest(&mut self, is_wanted: impl Fn() -> bool) {
        let mut rest = self.intensity.rest_for(self.clock.now().since(self.since));
        while !rest.is_zero() && is_wanted() {
            let nap = rest.min(NAP_MAX);
            thread::sleep(nap);
            rest -= nap;
        }
        self.begin();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_make_up_the_share() {
        let rest = |percent: &str, millis| {
            percent.parse::<Intensity>().map(|share| share.rest_for(Duration::from_millis(millis)))
        };
        assert_eq!(rest("100", 8), Ok(Duration::ZERO));
        assert_eq!(rest("50%", 8), Ok(Duration::from_millis(8)));
        assert_eq!(rest("20", 8), Ok(Duration::from_millis(32)));
        assert_eq!(rest("10", 60_000), Ok(REST_MAX));
        for wrong in ["", "0", "9", "101", "300", "-5", "half"] {
            assert!(rest(wrong, 8).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nobody_rests_for_what_is_not_wanted() {
        let mut pace = Pace::start(Intensity(10));
        pace.since = Time::ZERO;
        let before = pace.clock.now();
        pace.rest(|| false);
        assert!(pace.since >= before);
    }
}
