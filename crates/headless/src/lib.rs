//! Parts of a native peer that are driven by more than the program `millefeuille`: by the link
//! bench, and by tests that pull the plug.
//!
//! What a link needs is here, sessions ([`links`]), their UDP sockets and the clock, and the
//! database of the data directory ([`vault`]). Who is dialled, what is said and what is kept is the
//! program's business, and the program is `main.rs`.

pub mod clock;
pub mod link;
pub mod links;
mod ports;
pub mod vault;
