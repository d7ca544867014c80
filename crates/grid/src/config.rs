//! The grid's settings, each with what it trades.

use base::{Duration, HEARTBEAT, Network};

/// Settings of one grid node.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The network whose introducers vouch for creators.
    pub network: Network,
    /// Between extensions, status messages and idle announcements.
    pub heartbeat: Duration,
    /// Heartbeats of silence after which a worker's leases go to others (never fewer than 3).
    pub lease_heartbeats: u32,
    /// Bytes of results kept in memory, over all jobs. Beyond it the oldest finished job's go.
    pub result_bytes_max: usize,
}

impl Config {
    /// The defaults, for a network.
    #[must_use]
    pub fn new(network: Network) -> Self {
        Config {
            network,
            heartbeat: HEARTBEAT,
            lease_heartbeats: 4,
            result_bytes_max: 256 * 1024 * 1024,
        }
    }
}
