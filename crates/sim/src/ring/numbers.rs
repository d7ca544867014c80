//! The records of the stores here: sets of numbers, eight bytes each, in order. Merging is union.

use base::Key;
use bytes::Bytes;
use store::{Merge, Merged, Refusal};

const BYTES: usize = 8;

/// Knows records.
#[derive(Clone, Copy, Debug)]
pub struct Numbers;

fn parts(bytes: &[u8]) -> Result<Vec<&[u8]>, Refusal> {
    let parts: Vec<&[u8]> = bytes.chunks(BYTES).collect();
    let is_sorted = parts.windows(2).all(|pair| pair[0] < pair[1]);
    let is_whole = !bytes.is_empty() && bytes.len().is_multiple_of(BYTES);
    if is_whole && is_sorted { Ok(parts) } else { Err(Refusal::Invalid) }
}

impl Merge for Numbers {
    fn merge(&self, _: Key, held: Option<&[u8]>, news: &[u8]) -> Result<Merged, Refusal> {
        let news = parts(news)?;
        let held = held.map_or(Ok(Vec::new()), parts)?;
        if news.iter().all(|part| held.binary_search(part).is_ok()) {
            return Ok(Merged::Unchanged);
        }
        let mut all = [held, news].concat();
        all.sort_unstable();
        all.dedup();
        Ok(Merged::Changed(all.concat().into()))
    }

    fn pieces(&self, record: &[u8], bytes_max: usize) -> Vec<Bytes> {
        let bytes_max = (bytes_max / BYTES).max(1) * BYTES;
        record.chunks(bytes_max).map(Bytes::copy_from_slice).collect()
    }
}
