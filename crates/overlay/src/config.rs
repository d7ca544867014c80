//! The overlay's settings, each with its source.

use base::{Duration, HEARTBEAT};

/// Settings of one overlay node.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Links at most, both directions together. A tab 64, a native peer 256 (design §3).
    pub links_max: u16,
    /// Between heartbeats to the ring neighbours.
    pub heartbeat: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config { links_max: 64, heartbeat: HEARTBEAT }
    }
}
