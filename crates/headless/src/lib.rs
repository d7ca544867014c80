//! Links of a native peer, apart from the peer: what the program `millefeuille` and the link bench
//! both drive.
//!
//! Only what a link needs is here: sessions ([`links`]), their UDP sockets, and the clock. Who is
//! dialled and what is said is the program's business, and the program is `main.rs`.

pub mod clock;
pub mod link;
pub mod links;
mod ports;
