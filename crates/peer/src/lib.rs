//! A whole peer: [`node::Node`], [`signal::negotiation::Negotiator`] and a
//! [`signal::entry::Entry`] for each introducer wired together; the one machine a driver sees.
//!
//! They are strangers: the node does not know how a link is built, the negotiator not what it
//! is for, an entry not what a ring is, nor that there are others. What lies between them (whom to
//! dial first, when to ask for another introduction, when to found a ring, which server to try) is
//! here, once, so that a tab, a native process and the simulator run the same peer. A driver adds
//! sockets, channels, timers, workers, a key.
//!
//! Driving contract: one [`Peer::handle`], then [`Peer::poll_output`] until `None`, then the next.
#![no_std]
extern crate alloc;

mod face;
mod introduction;
mod servers;
mod wiring;

use alloc::collections::VecDeque;
use alloc::string::String;

use base::{Bounded, PublicKey, Rng, SortedMap, SortedSet, Time, Voucher};
use node::{Description, LinkId, Node};
use signal::negotiation::{Attempt, Negotiator};

pub use face::{Event, Input, Output, SignToken, Wake};
pub use servers::SERVERS_MAX;
pub use signal::entry::ServerId;

use introduction::Introduction;
use servers::Servers;

/// Submissions waiting for a signature; above it a new one is refused.
const SUBMISSIONS_MAX: usize = 64;

/// Bytes of results that a peer keeps in memory, of all its jobs, if it has a machine to itself.
pub const RESULT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What a peer is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its key.
    pub public_key: PublicKey,
    /// Its start: higher than any before.
    pub epoch: u64,
    /// The voucher it kept from an earlier start.
    pub voucher: Option<Voucher>,
    /// Introducers to try, one after the other, by the addresses of their WebSockets. The first that
    /// lets it in names the network and all others.
    pub servers: Bounded<String, SERVERS_MAX>,
    /// Whether it is a native process.
    pub native: bool,
    /// Whether peers and servers on this very machine may be met at the loopback address: when the
    /// server is on it too.
    pub loopback: bool,
    /// Links at most.
    pub links_max: u16,
    /// Bytes of results kept in memory at most: [`RESULT_BYTES_MAX`], where nothing speaks for less.
    /// What came by and may be useful (the store's cache, a group's last messages) is kept within
    /// half of it each.
    pub result_bytes_max: usize,
}

/// The machine.
#[derive(Debug)]
pub struct Peer {
    config: Config,
    rng: Rng,
    servers: Servers,
    /// From the first welcome on: without a voucher there is no id.
    named: Option<Named>,
    introduction: Introduction,
    /// Linked just now: to be joined through once the node is drained.
    join_through: Option<base::NodeId>,
    /// Links that negotiation handed to the node and neither side has closed.
    open: SortedSet<LinkId>,
    submissions: SortedMap<u64, Description>,
    slots: u16,
    standing: (u32, bool),
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
struct Named {
    node: Node,
    negotiator: Negotiator,
}

impl Peer {
    /// A peer that asks for its first server at once. `seed` must be unpredictable in a driver.
    #[must_use]
    pub fn new(config: Config, seed: u64, now: Time) -> Self {
        let mut rng = Rng::new(seed);
        let entry = signal::entry::Config {
            public_key: config.public_key,
            epoch: config.epoch,
            voucher: config.voucher,
            network: None,
            native: config.native,
        };
        let (addresses, seed) = (&config.servers, rng.next_u64());
        let mut peer = Peer {
            servers: Servers::new(addresses, entry, config.loopback, seed, now),
            config,
            rng,
            named: None,
            introduction: Introduction::default(),
            join_through: None,
            open: SortedSet::new(),
            submissions: SortedMap::new(),
            slots: 0,
            standing: (0, false),
            outputs: VecDeque::new(),
        };
        peer.pump(now);
        peer
    }

    /// The node, once a server has vouched for this peer: for reading.
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        self.named.as_ref().map(|named| &named.node)
    }

    /// The next thing to do. `None`: everything is done until the next input or deadline.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call with [`Input::Timeout`] at the latest, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        let entry = self.servers.poll_timeout().map(|(at, why)| (at, Wake::Entry(why)));
        let next = self.servers.next_at().map(|at| (at, Wake::NextServer));
        let node = self.named.as_ref().and_then(|named| {
            let node = named.node.poll_timeout().map(|(at, why)| (at, Wake::Node(why)));
            let negotiation =
                named.negotiator.poll_timeout().map(|(at, why)| (at, Wake::Negotiation(why)));
            [node, negotiation].into_iter().flatten().min_by_key(|(at, _)| *at)
        });
        [entry, next, node].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Takes one input; drain [`Peer::poll_output`] afterwards.
    pub fn handle(&mut self, now: Time, input: Input) {
        self.take(now, input);
        self.pump(now);
        self.report_standing(now);
    }
}

fn attempt_of(link: LinkId) -> Attempt {
    Attempt(link.0)
}

fn link_of(attempt: Attempt) -> LinkId {
    LinkId(attempt.0)
}
