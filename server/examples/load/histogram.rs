//! Durations in classes of a sixteenth of an octave, counted by many tasks.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde_json::{Value, json};

const PARTS: u64 = 16;
/// Up to 2⁴⁰ µs.
const CLASSES: usize = 40 * PARTS as usize;

pub(crate) struct Histogram(Vec<AtomicU64>);

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.summary())
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram((0..CLASSES).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Histogram {
    pub(crate) fn add(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).max(PARTS);
        let octave = micros.ilog2();
        let part = (micros >> (octave - PARTS.ilog2())) - PARTS;
        let class = usize::try_from(u64::from(octave) * PARTS + part).unwrap_or(CLASSES);
        self.0[class.min(CLASSES - 1)].fetch_add(1, Relaxed);
    }

    /// Median, 99th percentile and maximum in milliseconds; each the upper end of its class.
    pub(crate) fn summary(&self) -> Value {
        let counts: Vec<u64> = self.0.iter().map(|count| count.load(Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let below = |share: f64| {
            let mut left = (total as f64 * share).ceil();
            let class = counts.iter().position(|&count| {
                left -= count as f64;
                left <= 0.0 && total > 0
            });
            class.map(|class| millis(class as u64 + 1))
        };
        json!({ "p50": below(0.5), "p99": below(0.99), "max": below(1.0) })
    }
}

/// The lower end of a class.
fn millis(class: u64) -> f64 {
    let (octave, part) = (class / PARTS, class % PARTS);
    let micros = (PARTS + part) as f64 * (octave as f64 - 4.0).exp2();
    (micros / 10.0).round() / 100.0
}
