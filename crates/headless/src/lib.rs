//! A native peer, for the program `millefeuille`, for the link bench and for tests that pull the plug.
//!
//! The [`driver`] is a whole peer: links ([`links`]) with their UDP sockets, the clock, threads for tiles
//! ([`pool`]), the socket to the server, the data directory ([`disk`], [`vault`]). What it is started
//! for, and what people are told, is the program's business, and the program is `main.rs`.

mod archive;
pub mod clock;
pub mod disk;
pub mod driver;
pub mod link;
pub mod links;
pub mod pace;
pub mod pool;
mod ports;
pub mod socket;
pub mod vault;
pub mod workload;
