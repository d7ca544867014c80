//! One machine with one peer on it: the simulator's driver.

use std::collections::BTreeMap;

use base::{NodeId, Secret, Time};
use node::{LinkId, Name, Node, WorkId};
use peer::{Event, Peer, ServerId};

/// Names a host in its world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostId(pub u32);

/// What a host is started with.
#[derive(Clone, Copy, Debug)]
pub struct HostConfig {
    /// Links at most.
    pub links_max: u16,
    /// Workers.
    pub slots: u16,
    /// Work a worker does in a second, in seconds of a worker of speed 1.
    pub speed: f64,
    /// Bytes of results kept in memory at most.
    pub result_bytes_max: usize,
    /// The introducer that it is told of, of those of the world.
    pub entrance: u8,
}

impl Default for HostConfig {
    fn default() -> Self {
        HostConfig {
            links_max: 64,
            slots: 1,
            speed: 1.0,
            result_bytes_max: peer::RESULT_BYTES_MAX,
            entrance: 0,
        }
    }
}

/// The far end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Far {
    pub(crate) host: HostId,
    pub(crate) link: LinkId,
}

/// A peer connection of a host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection {
    /// Known once an offer or answer was taken.
    pub(crate) far: Option<Far>,
    /// Both channels are open.
    pub(crate) open: bool,
    /// When each channel is free again: control, bulk.
    pub(crate) free_at: [Time; 2],
    /// When the last chunk of each channel arrives: none overtakes it.
    pub(crate) arrives_at: [Time; 2],
}

/// One machine.
#[derive(Debug)]
pub struct Host {
    pub(crate) config: HostConfig,
    pub(crate) secret: Secret,
    pub(crate) epoch: u64,
    pub(crate) peer: Peer,
    pub(crate) alive: bool,
    pub(crate) frozen: bool,
    /// On the side of a split network that lacks the servers.
    pub(crate) is_far: bool,
    /// Which of the world's servers it means by the numbers that it gave them.
    pub(crate) servers: BTreeMap<ServerId, u8>,
    pub(crate) connections: BTreeMap<LinkId, Connection>,
    pub(crate) computing: BTreeMap<WorkId, ()>,
    pub(crate) wake_at: Option<Time>,
    /// When its latest job was created.
    pub(crate) created: u64,
    pub(crate) busy: base::Duration,
    pub(crate) links_peak: u32,
    /// Values that it holds, or not any more, where that is noted.
    pub(crate) values: Vec<(Time, Name, bool)>,
    /// Everything this peer told its driver, with the time.
    pub events: Vec<(Time, Event)>,
}

impl Host {
    /// Its node, once a server has vouched for it.
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        self.peer.node()
    }

    /// Its id, once a server has vouched for it.
    #[must_use]
    pub fn id(&self) -> Option<NodeId> {
        self.node().map(Node::id)
    }

    /// Whether its process runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.alive
    }

    /// Whether it is a full member of the ring.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.alive && self.node().is_some_and(Node::is_ready)
    }

    /// The most established links it had at once.
    #[must_use]
    pub fn links_peak(&self) -> u32 {
        self.links_peak
    }

    /// Worker time spent on tasks.
    #[must_use]
    pub fn busy(&self) -> base::Duration {
        self.busy
    }
}
