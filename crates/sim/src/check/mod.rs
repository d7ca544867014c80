//! What must be true of a world. Checkers read; they never change anything.

mod holders;
mod job;
mod ledger;
mod ring;

pub use holders::{End, Holders};
pub use job::{everyone_has_everything, no_wrong_result};
pub use ledger::{Entry, Ledger};
pub use ring::{is_one_ring, leaf_sets_are_right, links_within_caps};
