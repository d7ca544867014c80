//! Every frame that peers exchange, with bounded reading and writing.
//!
//! A channel carries chunks of at most [`limits::CHUNK_BYTES_MAX`]; chunks make a message
//! ([`chunk`]); a message is one [`Frame`]. Frames for a node that is not linked travel as a
//! [`Parcel`], sealed by its sender ([`Sealed`]), inside an [`overlay::Routed`]. Nothing here
//! decides anything: bytes become a value or a counted refusal.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod chunk;
mod frame;
pub mod grid;
pub mod groups;
pub mod limits;
pub mod overlay;
mod sealed;

pub use base::codec::DecodeError;
pub use frame::{Class, Frame, Hello, Parcel};
pub use sealed::{SealError, Sealed, Statement};
