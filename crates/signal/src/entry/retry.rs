//! When to connect to a lost server again (hostile.md T20): a restarted server meets its peers
//! spread out, those that cannot do without it first.

use base::{Duration, Rng};

/// First try while a link is up: uniform below this. 10,000 peers come back at 333 a second.
const FIRST_LINKED: Duration = Duration::from_secs(30);
/// First try of a peer without links.
const FIRST_ALONE: Duration = Duration::from_secs(2);
/// Later tries: uniform below base·2ⁿ, at most the cap (full jitter).
const LINKED: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));
const ALONE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// The same for a member that is logged in at another introducer. Chosen: one that is gone for good
/// costs each member a connection in five minutes, and one that is back has a few of a crowd at once.
const SPARED: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(600));
/// The exponent stops counting here; the caps are reached at 5, and at 9.
const FAILURES_MAX: u32 = 16;

/// Counts failures since the last welcome.
#[derive(Debug, Default)]
pub(super) struct Retry {
    failures: u32,
}

impl Retry {
    /// The delay of a first try.
    pub(super) fn first(links: u32, rng: &mut Rng) -> Duration {
        (if links > 0 { FIRST_LINKED } else { FIRST_ALONE }).mul_f64(rng.unit())
    }

    /// The delay of the try after one more failure.
    pub(super) fn next(&mut self, links: u32, is_spared: bool, rng: &mut Rng) -> Duration {
        let earlier = self.failures;
        self.failures = (earlier + 1).min(FAILURES_MAX);
        if earlier == 0 {
            return Self::first(links, rng);
        }
        let (base, cap) = match links {
            0 => ALONE,
            _ if is_spared => SPARED,
            _ => LINKED,
        };
        base.saturating_mul(1 << earlier).min(cap).mul_f64(rng.unit())
    }

    /// The server welcomed this peer.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}
