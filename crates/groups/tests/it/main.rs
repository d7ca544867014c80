//! Groups in a world of virtual time: what a tree owes its members, measured and under faults.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod anycast;
mod faults;
mod figures;
mod hostile;
mod overlay;
mod trees;
mod world;
