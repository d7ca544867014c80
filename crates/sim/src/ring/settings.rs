//! What a world is made of.

use base::Duration;
use overlay::{Config, Reach};

use super::{Faults, Shape, UpperConfig};

/// What a world is made of.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Of everything random.
    pub seed: u64,
    /// Of every overlay node.
    pub overlay: Config,
    /// Distances.
    pub shape: Shape,
    /// What goes wrong.
    pub faults: Faults,
    /// From the decision to build a link until it is open.
    pub link_setup: Duration,
    /// Links that one host builds at once; further ones wait.
    pub setups_max: u8,
    /// What stands on every overlay node from its start; see [`super::World::build_up`].
    pub upper: Option<UpperConfig>,
    /// From the silent death of a host to its peers' links being closed for it (webrtc.md §3).
    pub death_notice: Duration,
}

impl Default for Settings {
    /// Datagrams on a plane.
    fn default() -> Self {
        Settings {
            seed: 1,
            overlay: Config { reach: Reach::Direct, ..Config::default() },
            shape: Shape::Plane,
            faults: Faults::default(),
            link_setup: Duration::from_secs(1),
            setups_max: 8,
            upper: None,
            death_notice: Duration::from_secs(8),
        }
    }
}
