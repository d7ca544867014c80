//! The overlay's settings, each with its source.

use base::{Digits, Duration, HEARTBEAT};
use wire::overlay::LEAF_HALF;

/// What lies under the overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Connections that cost something, such as WebRTC: routed messages go to linked peers only,
    /// and the others hear what is sealed and routed to them.
    Links,
    /// Datagrams, such as UDP, which the published Pastry runs on: whoever is in a table can be
    /// sent to. There is no link budget, and no output about links.
    Direct,
}

/// Settings of one overlay node.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// What lies under the overlay.
    pub reach: Reach,
    /// How the routing table reads identifiers (Pastry's b); the same at all nodes of a network.
    pub digits: Digits,
    /// Entries on one side of the leaf set, |L| / 2: at least 1, and at most
    /// [`LEAF_HALF_MAX`](wire::overlay::LEAF_HALF_MAX). The same at all nodes of a network.
    pub leaf_half: usize,
    /// Links at most, both directions together. A tab 64, a native peer 256 (design §3).
    pub links_max: u16,
    /// Between heartbeats to the ring neighbours while jobs are under way near by (design §4's H).
    pub heartbeat: Duration,
    /// The same in an idle ring.
    pub idle_heartbeat: Duration,
}

impl Config {
    /// By how many percent a node must be nearer to take another's slot in the routing table.
    pub(crate) fn gain(&self) -> u32 {
        match self.reach {
            Reach::Links => 30,
            Reach::Direct => 0,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            reach: Reach::Links,
            digits: Digits::default(),
            leaf_half: LEAF_HALF,
            links_max: 64,
            heartbeat: HEARTBEAT,
            idle_heartbeat: HEARTBEAT * 4,
        }
    }
}
