//! The vocabulary of every other crate: identifiers and ring arithmetic, time, seeded randomness,
//! bounded collections, strict encoding, node identity.
//!
//! Nothing here knows a protocol, a socket or a clock. The one rule a reader could break: these
//! types decide the same thing bit for bit natively and in wasm, so no `usize` reaches the wire or
//! a decision.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod bounded;
pub mod codec;
mod digits;
mod hex;
mod id;
mod identity;
mod network;
mod rng;
mod sorted;
mod time;

pub use bounded::{Bounded, Full};
pub use digits::Digits;
pub use id::{Digest, Id, Key, NodeId};
pub use identity::{Card, IdentityError, PublicKey, SECRET_BYTES, Secret, Signature, Voucher};
pub use network::{INTRODUCERS_MAX, Network};
pub use rng::{Rng, unit};
pub use sorted::{SortedMap, SortedSet, in_order};
pub use time::{Duration, Time};

/// The integer version of everything that peers exchange. A peer of another version is refused at
/// the first frame, with this number in the reason.
pub const PROTOCOL_VERSION: u16 = 1;

/// Heartbeat period between ring neighbours while jobs are under way near them (design §4). Two
/// seconds, because a hidden page's timers run at 1 Hz.
pub const HEARTBEAT: Duration = Duration::from_secs(2);
