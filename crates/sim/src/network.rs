//! What lies between the hosts.

use base::{Duration, Rng};

/// The network of a world. Every pair of hosts is alike; a topology gives each its own latency.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// One way, the shortest.
    pub latency_min: Duration,
    /// One way, the longest; each chunk draws its own, and none overtakes another on its channel.
    pub latency_max: Duration,
    /// Bytes a second that a channel takes.
    pub bytes_per_second: u64,
    /// From an answer applied to both channels open.
    pub link_setup: Duration,
    /// From the silent death of a host to its peers' transports noticing (webrtc.md §3).
    pub death_notice: Duration,
}

impl Default for Network {
    /// A home network: 5–20 ms, 10 MB/s.
    fn default() -> Self {
        Network {
            latency_min: Duration::from_millis(5),
            latency_max: Duration::from_millis(20),
            bytes_per_second: 10_000_000,
            link_setup: Duration::from_millis(100),
            death_notice: Duration::from_secs(8),
        }
    }
}

impl Network {
    /// A latency for one message.
    pub(crate) fn latency(&self, rng: &mut Rng) -> Duration {
        let spread = self.latency_max.saturating_sub(self.latency_min).as_micros();
        let extra = rng.below(u64::try_from(spread).unwrap_or(u64::MAX).saturating_add(1));
        self.latency_min + Duration::from_micros(extra)
    }

    /// How long `bytes` occupy a channel.
    pub(crate) fn transmission(&self, bytes: u64) -> Duration {
        Duration::from_micros(bytes.saturating_mul(1_000_000) / self.bytes_per_second.max(1))
    }
}
