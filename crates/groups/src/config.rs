//! The settings of one node's groups, each with what it trades.

use base::{Duration, HEARTBEAT};

/// Settings of one node.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Between a parent's signs of life; a child's come at every second. Shorter notices a death
    /// without a link sooner, and costs a message an edge.
    pub heartbeat: Duration,
    /// Children of one node in one group. Fewer spread the load and make the tree deeper; a
    /// further child is sent to one of them.
    pub children_max: usize,
    /// Bytes of multicasts kept for whoever missed them, over all groups. Beyond it the oldest go,
    /// and what is missed of them stays missed here.
    pub kept_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            heartbeat: HEARTBEAT,
            children_max: wire::groups::CHILDREN_MAX,
            kept_bytes_max: 8 * 1024 * 1024,
        }
    }
}
