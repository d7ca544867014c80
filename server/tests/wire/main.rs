//! The real server process, spoken to over real sockets.

mod http;
mod limits;
mod peer;
mod process;
mod raw;
mod signalling;
mod start;
