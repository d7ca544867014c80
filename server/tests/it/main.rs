//! The real server process, spoken to over real sockets.

mod http;
mod peer;
mod process;
mod signalling;
mod start;
