//! What goes wrong between hosts.

use base::{Duration, Rng, unit};

use super::chance::mix;

/// Faults of the network, all off by default. May be changed at any time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Part of the messages that get lost, each on its own.
    pub loss: f64,
    /// Part of the messages that come twice.
    pub duplication: f64,
    /// What a message may be late at most, each on its own: messages overtake each other.
    pub jitter: Duration,
    /// Part of the ordered pairs for which nothing from the one reaches the other.
    pub asymmetry: f64,
    /// Nothing passes between hosts of different sides.
    pub partitioned: bool,
    /// Part of the pairs that no link can be built between (an introduction always can).
    pub unlinkable: f64,
}

impl Faults {
    /// Whether nothing from `a` ever reaches `b`.
    #[must_use]
    pub(crate) fn is_deaf(&self, salt: u64, a: u32, b: u32) -> bool {
        self.asymmetry > 0.0
            && unit(mix(salt, (u64::from(a) << 32) | u64::from(b))) < self.asymmetry
    }

    /// Whether the two can be linked.
    #[must_use]
    pub(crate) fn is_linkable(&self, salt: u64, a: u32, b: u32) -> bool {
        let pair = (u64::from(a.min(b)) << 32) | u64::from(a.max(b));
        self.unlinkable <= 0.0 || unit(mix(salt ^ 0x11, pair)) >= self.unlinkable
    }

    /// What one message is late.
    pub(crate) fn lateness(&self, rng: &mut Rng) -> Duration {
        if self.jitter.is_zero() {
            return Duration::ZERO;
        }
        let most = u64::try_from(self.jitter.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(rng.below(most))
    }
}
