//! Job records as the store holds them: `wire` says how they merge, the store when.

use alloc::vec::Vec;

use base::Key;
use bytes::Bytes;
use store::{Merge, Merged, Refusal};
use wire::grid::{Record, merged};

/// The records of the grid.
#[derive(Clone, Debug)]
pub(crate) struct JobRecord;

impl Merge for JobRecord {
    fn merge(key: Key, held: Option<&[u8]>, news: &[u8]) -> Result<Merged, Refusal> {
        match merged(key, held, news) {
            Ok((record, true)) => Ok(Merged::Changed(Bytes::from(record))),
            Ok((_, false)) => Ok(Merged::Unchanged),
            Err(_) => Err(Refusal::Invalid),
        }
    }

    fn pieces(record: &[u8], bytes_max: usize) -> Vec<Bytes> {
        // Invariant: what the store holds came from `merge`.
        let record = Record::read(record).expect("a record that was merged here");
        record.pieces(bytes_max).map(|piece| Bytes::from(piece.encode())).collect()
    }
}
