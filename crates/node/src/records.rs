//! What the store has to know of job records: how they merge, and how they are cut.

use alloc::vec::Vec;

use base::{Key, Network};
use bytes::Bytes;
use store::{Merge, Merged, Refusal};
use wire::grid::{Record, merged};

/// Tasks whose entries make one piece. A result changes the piece that its task falls into, and no
/// other: 1,000 entries and the longest description stay below a piece's 60 KiB.
const PIECE_TASKS: u32 = 1000;

/// Job records of one network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Records(pub(crate) Network);

impl Merge for Records {
    fn merge(&self, key: Key, held: Option<&[u8]>, news: &[u8]) -> Result<Merged, Refusal> {
        match merged(key, held, news, &self.0) {
            Ok((record, true)) => Ok(Merged::Changed(record.into())),
            Ok((_, false)) => Ok(Merged::Unchanged),
            Err(_) => Err(Refusal::Invalid),
        }
    }

    fn pieces(&self, record: &[u8], _: usize) -> Vec<Bytes> {
        // Only what was merged here is cut here.
        let Ok(whole) = Record::read(record) else {
            return Vec::new();
        };
        let head = Record::new(whole.job.clone());
        let first = Record { tenure: whole.tenure, cancelled: whole.cancelled, ..head.clone() };
        let mut pieces = alloc::vec![first];
        for (task, done) in whole.done {
            let number = (task / PIECE_TASKS) as usize;
            pieces.resize(pieces.len().max(number + 2), head.clone());
            if let Some(piece) = pieces.get_mut(number + 1) {
                piece.done.insert(task, done);
            }
        }
        pieces.iter().map(|piece| piece.encode().into()).collect()
    }
}
