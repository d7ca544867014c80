//! What the store asks of a record: that it can be merged, and cut into pieces. What it means is
//! known to whoever implements this.

use alloc::vec::Vec;

use base::Key;
use bytes::Bytes;

/// What merging did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// The news was known.
    Unchanged,
    /// The record is this now.
    Changed(Bytes),
}

/// Why news was not merged. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No honest peer says this of this key.
    Invalid,
    /// It means something only on top of a record that is not here.
    Incomplete,
}

/// A record of the upper layer: a join-semilattice in its one byte form.
///
/// Merging is commutative, associative and idempotent: holders that have merged the same news in
/// any order, any number of times, have equal bytes.
pub trait Merge {
    /// Merges `news`, a small delta or a whole record, into what is held. The bytes of a record are
    /// themselves news. At most [`wire::store::RECORD_BYTES_MAX`] bytes may come of it; what is
    /// longer is not stored.
    ///
    /// # Errors
    /// [`Refusal`].
    fn merge(key: Key, held: Option<&[u8]>, news: &[u8]) -> Result<Merged, Refusal>;

    /// Cuts a record into news of at most `bytes_max` bytes each; merging all, in this order, into
    /// nothing gives the record again. A record's cuts lie where a small change leaves most pieces
    /// as they are: pieces that two holders have in common are not sent.
    fn pieces(record: &[u8], bytes_max: usize) -> Vec<Bytes>;
}
