//! The simplest record: a set of entries of fixed size, each with a number in front. Merging is
//! union; pieces are ranges of numbers.

use std::collections::BTreeSet;

use base::Key;
use bytes::Bytes;
use proptest::prelude::*;
use store::{Merge, Merged, Refusal};

pub(crate) const ENTRY_BYTES: usize = 52;
const PIECE_ENTRIES: u32 = 1024;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Union;

fn number(entry: &[u8]) -> u32 {
    u32::from_be_bytes(entry[..4].try_into().unwrap())
}

/// The entry with a number, told apart by one byte.
pub(crate) fn entry(number: u32, mark: u8) -> [u8; ENTRY_BYTES] {
    let mut entry = [mark; ENTRY_BYTES];
    entry[..4].copy_from_slice(&number.to_be_bytes());
    entry
}

pub(crate) fn record(numbers: impl IntoIterator<Item = u32>) -> Bytes {
    let numbers: BTreeSet<u32> = numbers.into_iter().collect();
    numbers.into_iter().flat_map(|number| entry(number, 7)).collect::<Vec<u8>>().into()
}

pub(crate) fn numbers(record: &[u8]) -> BTreeSet<u32> {
    record.chunks(ENTRY_BYTES).map(number).collect()
}

fn entries(bytes: &[u8]) -> Result<Vec<&[u8]>, Refusal> {
    let entries: Vec<&[u8]> = bytes.chunks(ENTRY_BYTES).collect();
    let is_whole = bytes.len().is_multiple_of(ENTRY_BYTES);
    let is_sorted = entries.windows(2).all(|pair| pair[0] < pair[1]);
    if bytes.is_empty() || !is_whole || !is_sorted { Err(Refusal::Invalid) } else { Ok(entries) }
}

impl Merge for Union {
    fn merge(_: Key, held: Option<&[u8]>, news: &[u8]) -> Result<Merged, Refusal> {
        let news = entries(news)?;
        let held = held.map_or(Ok(Vec::new()), entries)?;
        if news.iter().all(|entry| held.binary_search(entry).is_ok()) {
            return Ok(Merged::Unchanged);
        }
        let mut all = [held, news].concat();
        all.sort_unstable();
        all.dedup();
        Ok(Merged::Changed(all.concat().into()))
    }

    fn pieces(record: &[u8], bytes_max: usize) -> Vec<Bytes> {
        let entries: Vec<&[u8]> = record.chunks(ENTRY_BYTES).collect();
        let is_same = |a: &&[u8], b: &&[u8]| number(a) / PIECE_ENTRIES == number(b) / PIECE_ENTRIES;
        let pieces =
            entries.chunk_by(is_same).flat_map(|piece| piece.chunks(bytes_max / ENTRY_BYTES));
        pieces.map(|piece| piece.concat().into()).collect()
    }
}

proptest! {
    #[test]
    fn any_order_gives_one_record(
        a in proptest::collection::btree_set(0u32..5000, 1..50),
        b in proptest::collection::btree_set(0u32..5000, 1..50),
    ) {
        let key = Key::ZERO;
        let merge = |held: &Bytes, news: &Bytes| match Union::merge(key, Some(held), news).unwrap() {
            Merged::Changed(bytes) => bytes,
            Merged::Unchanged => held.clone(),
        };
        let (a, b) = (record(a), record(b));
        let both = merge(&a, &b);
        prop_assert_eq!(&merge(&b, &a), &both);
        prop_assert_eq!(&merge(&both, &a), &both);
        let pieces = Union::pieces(&both, 1000);
        prop_assert!(pieces.iter().all(|piece| piece.len() <= 1000));
        let first = pieces[0].clone();
        prop_assert_eq!(pieces.iter().fold(first, |held, piece| merge(&held, piece)), both);
    }
}
