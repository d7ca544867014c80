//! A deterministic world: whole peers, the very code that runs in tabs, in virtual time.
//!
//! A [`World`] holds peers ([`peer::Peer`]), the server's room ([`signal::room::Room`]), and a
//! network between them ([`Network`]): latency, bandwidth, the cost of building a link, what is
//! noticed of a peer that vanished. Faults are calls on the world; checkers are apart from it, in
//! [`check`]. One seed gives one run, to the last bit ([`World::trace`]).
//!
//! [`ring`] is another, faster world: bare overlay nodes by the hundred thousand, for what is
//! measured of routing. [`experiment`] holds the measurements, each against its reference;
//! [`Passing`] is what a bench of one node's speed counts.

pub mod check;
mod connect;
mod division;
pub mod experiment;
mod host;
mod lives;
mod network;
mod passing;
pub mod ring;
mod server;
mod workload;
mod world;

pub use host::{Host, HostConfig, HostId};
pub use network::Network;
pub use passing::Passing;
pub use workload::{KIND, Work, payload};
pub use world::World;
