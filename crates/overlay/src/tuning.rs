//! How often to ask table entries whether they live (MSPastry §4.1, self-tuning).
//!
//! A dead entry costs a message a retransmission timeout. The interval is the longest that keeps
//! the share of routes which meet one below [`LOSS_TARGET`], given how many hops a route takes in a
//! ring of the estimated size and how often nodes have been failing.

use alloc::collections::VecDeque;

use base::{Digits, Duration, Time};

use crate::Overlay;

/// The share of routes that may meet a dead entry (MSPastry's L_r).
const LOSS_TARGET: f64 = 0.05;
/// Failures that the estimate of the failure rate looks back on (MSPastry's K).
const FAILURES: usize = 16;
/// From a suspicion to the end of its probes.
const DETECTION: Duration = Duration::from_secs(3);
/// Bounds of the interval: half an hour keeps the way through a home router's table open to nobody
/// anyway, and below 15 s the probes would be the larger part of all traffic.
const INTERVAL_MIN: Duration = Duration::from_secs(15);
const INTERVAL_MAX: Duration = Duration::from_secs(30 * 60);
/// Heartbeats in a mean session at the least: a neighbour's keys are without an answer for three to
/// five of them after it died, so this bounds the share of time that they are.
const SESSION_BEATS: f64 = 1_000.0;
/// A stay in seconds that is as good as one for ever: two days. What a root says beyond it says nothing.
const TOLD_MAX: u32 = 2 * 24 * 60 * 60;
/// Between two estimates.
const RETUNE_TIME: Duration = Duration::from_secs(30);

/// What was observed, and what follows from it.
#[derive(Clone, Debug)]
pub(crate) struct Tuning {
    /// When the last peers of the tables were found dead, the earliest first. It begins with the
    /// start of this node, as if one had failed then (MSPastry).
    failures: VecDeque<Time>,
    /// When this node started.
    begun: Time,
    /// Members that the leaf set lost since: everybody near is told of their deaths.
    gone: u32,
    /// How long nodes stay in the mean, in seconds, as this one was told when it joined.
    told: Option<u32>,
    interval: Duration,
    /// Between heartbeats in an idle ring.
    idle_period: Duration,
    next: Time,
}

impl Tuning {
    pub(crate) fn new(now: Time) -> Self {
        Tuning {
            failures: VecDeque::from([now]),
            begun: now,
            gone: 0,
            told: None,
            interval: INTERVAL_MAX,
            idle_period: Duration::MAX,
            next: now,
        }
    }

    /// Between heartbeats in an idle ring, if that is shorter than what is configured.
    pub(crate) fn idle_period(&self) -> Duration {
        self.idle_period
    }

    /// Silence of a table entry after which it is probed.
    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    pub(crate) fn note_failure(&mut self, now: Time) {
        if self.failures.len() >= FAILURES {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
    }

    /// A member of the leaf set is dead, left, or started anew.
    pub(crate) fn note_gone(&mut self) {
        self.gone = self.gone.saturating_add(1);
    }

    /// Failures per node and second, of `monitored` nodes.
    fn failure_rate(&self, now: Time, monitored: usize) -> f64 {
        let span = self.failures.front().map_or(Duration::ZERO, |first| now.since(*first));
        let count = self.failures.len() as f64;
        count / (span.as_secs_f64().max(1.0) * monitored.max(1) as f64)
    }
}

impl Overlay {
    /// Nodes in the ring, estimated from how densely the leaf set is populated.
    #[must_use]
    pub fn ring_size(&self) -> f64 {
        let (left, right) = (self.leaf.left(), self.leaf.right());
        let (Some(first), Some(last)) = (left.last(), right.last()) else { return 1.0 };
        let span = first.id.clockwise_to(self.me.id).checked_add(self.me.id.clockwise_to(last.id));
        let members = self.leaf.members().len();
        match span {
            Some(span) if members == left.len() + right.len() => {
                let share = span as f64 / RING;
                (members as f64 / share).max(members as f64 + 1.0)
            }
            // The two sides meet: this is everybody.
            _ => members as f64 + 1.0,
        }
    }

    /// How long nodes stay in the mean, in seconds: what a newcomer is told, which has not seen anything.
    /// What this node was told itself counts as one session. For ever, where nobody has seen one end.
    pub(crate) fn session_seconds(&self) -> u32 {
        let Tuning { begun, gone, told, .. } = self.tuning;
        let lived = self.now.since(begun).as_secs_f64() * self.leaf.members().len() as f64;
        let ended = f64::from(gone);
        match told {
            None if gone == 0 => u32::MAX,
            None => (lived / ended) as u32,
            Some(told) => ((lived + f64::from(told)) / (ended + 1.0)) as u32,
        }
    }

    /// A root says how long nodes stay in the mean.
    pub(crate) fn note_told(&mut self, seconds: u32) {
        self.tuning.told = (seconds < TOLD_MAX).then_some(seconds);
        self.expect_stay(seconds);
    }

    pub(crate) fn retune(&mut self) {
        if self.now < self.tuning.next {
            return;
        }
        self.tuning.next = self.now + RETUNE_TIME;
        let monitored = self.peers.len();
        let rate = self.tuning.failure_rate(self.now, monitored);
        let session = (1.0 / (rate * SESSION_BEATS)).min(INTERVAL_MAX.as_secs_f64());
        self.tuning.idle_period = Duration::from_millis((session * 1e3) as u64);
        let hops = hops_for(self.ring_size(), self.config.digits);
        self.tuning.interval = interval_for(rate, hops, self.period());
    }
}

/// 2¹²⁸.
const RING: f64 = 340_282_366_920_938_463_463_374_607_431_768_211_456.0;

/// The longest interval that meets the target: by bisection, as the loss grows with the interval.
fn interval_for(rate: f64, hops: f64, heartbeat: Duration) -> Duration {
    let last = dead_share(rate * (heartbeat * 3 / 2 + DETECTION).as_secs_f64());
    let loss = |interval: f64| {
        let entry = dead_share(rate * (interval + DETECTION.as_secs_f64()));
        1.0 - (1.0 - last) * libm::pow(1.0 - entry, hops)
    };
    let (mut low, mut high) = (INTERVAL_MIN.as_secs_f64(), INTERVAL_MAX.as_secs_f64());
    if loss(high) <= LOSS_TARGET {
        return INTERVAL_MAX;
    }
    for _ in 0..16 {
        let middle = (low + high) / 2.0;
        if loss(middle) <= LOSS_TARGET { low = middle } else { high = middle }
    }
    Duration::from_secs(low as u64)
}

/// Hops of a route that are table entries: all but the last one of (2ᵇ − 1) / 2ᵇ · log₂ᵇ N.
fn hops_for(ring_size: f64, digits: Digits) -> f64 {
    let columns = f64::from(digits.radix());
    let rows = libm::log2(ring_size.max(1.0)) / f64::from(digits.bits());
    ((columns - 1.0) / columns * rows - 1.0).max(1.0)
}

/// The probability that a node is dead when it is used, if it was alive at the last look and x
/// failures are to be expected in between: 1 − (1 − e⁻ˣ)/x (MSPastry's P_f).
fn dead_share(x: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { 1.0 + libm::expm1(-x) / x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_long_ago_is_worth_little() {
        assert!(
            (dead_share(1e-6) - 5e-7).abs() < 1e-12,
            "half of the failures come before the use"
        );
        assert!((dead_share(1.0) - 0.367_879_441).abs() < 1e-9);
        assert!(dead_share(1e9) > 0.999 && dead_share(1e9) < 1.0 && dead_share(0.0) == 0.0);
    }

    #[test]
    fn probes_follow_the_failures() {
        let idle = Duration::from_secs(5);
        let at = |minutes: f64| {
            interval_for(1.0 / (minutes * 60.0), hops_for(2_000.0, Digits::default()), idle)
        };
        assert_eq!(at(100_000.0), INTERVAL_MAX);
        let (slow, fast) = (at(138.0), at(15.0));
        assert!(slow > fast * 5 && slow < Duration::from_secs(900), "{slow:?} {fast:?}");
        assert_eq!(at(0.5), INTERVAL_MIN);
    }
}
