//! Web driver: the peer and the fractal worker of a tab.
//!
//! Two modules are built from this crate. With the feature `node` it is the peer: it runs in a
//! dedicated worker, feeds the one machine (`peer::Peer`) with what sockets, data
//! channels, timers, tile workers and the page report, and does what it answers ([`driver`]).
//! With the feature `kernel` it is the arithmetic of one tile worker ([`kernel`]). Neither decides
//! anything that another machine decides; peer connections and pixels are the page's.
//!
//! Everything runs on one thread. A callback of the browser posts what happened to the
//! [`mailbox`]; one turn of the driver takes it from there.

#[cfg(feature = "node")]
mod driver;
#[cfg(feature = "node")]
mod host;
#[cfg(feature = "kernel")]
mod kernel;
#[cfg(feature = "node")]
mod link;
#[cfg(feature = "node")]
mod listener;
#[cfg(feature = "kernel")]
mod look;
#[cfg(feature = "node")]
mod mailbox;
#[cfg(feature = "node")]
mod page;
#[cfg(feature = "node")]
mod pool;
#[cfg(feature = "node")]
mod preview;
#[cfg(feature = "node")]
mod report;
#[cfg(feature = "node")]
mod socket;
#[cfg(feature = "node")]
mod solo;
#[cfg(feature = "node")]
mod timer;
#[cfg(feature = "node")]
mod workload;
