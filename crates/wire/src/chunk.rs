//! Messages as chunks of at most 16 KiB, for one direction of one channel.
//!
//! Channels are ordered and reliable, so a chunk needs no number: one leading byte says whether
//! more of the message follows. A receiver stores only what has arrived, never what was promised.

use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

use crate::limits::CHUNK_BYTES_MAX;

const LAST: u8 = 0;
const MORE: u8 = 1;

/// Bytes of the mark in front of each chunk.
pub const MARK_BYTES: usize = 1;

/// Why a chunk was refused. The reader is empty again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// A chunk of no bytes, or an unknown mark.
    #[error("malformed chunk")]
    Malformed,
    /// The chunk or the message is longer than allowed.
    #[error("message too long")]
    TooLong,
}

/// Cuts `message` into chunks.
pub fn split(message: &[u8]) -> Vec<Bytes> {
    let room = CHUNK_BYTES_MAX - MARK_BYTES;
    let count = message.len().div_ceil(room).max(1);
    let mut pieces = message.chunks(room);
    (1..=count)
        .map(|at| {
            let piece = pieces.next().unwrap_or(&[]);
            let mut chunk = BytesMut::with_capacity(MARK_BYTES + piece.len());
            chunk.extend_from_slice(&[if at == count { LAST } else { MORE }]);
            chunk.extend_from_slice(piece);
            chunk.freeze()
        })
        .collect()
}

/// Puts the chunks of one channel together again.
#[derive(Debug)]
pub struct Reader {
    message_bytes_max: usize,
    partial: Vec<u8>,
}

impl Reader {
    /// A reader that refuses messages longer than `message_bytes_max`.
    #[must_use]
    pub fn new(message_bytes_max: usize) -> Self {
        Reader { message_bytes_max, partial: Vec::new() }
    }

    /// Takes the next chunk; returns the message that it completes, if any.
    ///
    /// # Errors
    /// [`ChunkError`]; what had arrived of the message is dropped.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Option<Vec<u8>>, ChunkError> {
        let verdict = self.check(chunk);
        if let Err(error) = verdict {
            self.partial = Vec::new();
            return Err(error);
        }
        self.partial.extend_from_slice(&chunk[MARK_BYTES..]);
        if chunk[0] == MORE {
            return Ok(None);
        }
        Ok(Some(core::mem::take(&mut self.partial)))
    }

    fn check(&self, chunk: &[u8]) -> Result<(), ChunkError> {
        match chunk.first() {
            Some(&(LAST | MORE)) => {}
            _ => return Err(ChunkError::Malformed),
        }
        // Only the last chunk may be short: otherwise a message of any length could be made of
        // one-byte chunks at a great cost to the receiver.
        if chunk[0] == MORE && chunk.len() < CHUNK_BYTES_MAX {
            return Err(ChunkError::Malformed);
        }
        let total = self.partial.len() + chunk.len() - MARK_BYTES;
        if chunk.len() > CHUNK_BYTES_MAX || total > self.message_bytes_max {
            return Err(ChunkError::TooLong);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    #[test]
    fn sizes_around_the_limit_survive() {
        for size in [0, 1, 16_382, 16_383, 16_384, 32_766, 32_767, 100_000] {
            let message: Vec<u8> = (0..size).map(|i: u32| i.to_le_bytes()[0]).collect();
            let mut reader = Reader::new(200_000);
            let chunks = split(&message);
            assert!(chunks.iter().all(|c| c.len() <= CHUNK_BYTES_MAX));
            let (last, first) = chunks.split_last().unwrap();
            for chunk in first {
                assert_eq!(reader.push(chunk), Ok(None));
            }
            assert_eq!(reader.push(last), Ok(Some(message)), "{size}");
        }
    }

    #[test]
    fn too_long_is_refused_as_it_arrives() {
        let mut reader = Reader::new(20_000);
        let chunks = split(&vec![7; 50_000]);
        assert_eq!(reader.push(&chunks[0]), Ok(None));
        assert_eq!(reader.push(&chunks[1]), Err(ChunkError::TooLong));
        assert_eq!(reader.push(&[]), Err(ChunkError::Malformed));
        assert_eq!(reader.push(&[9]), Err(ChunkError::Malformed));
        assert_eq!(reader.push(&[MORE, 1, 2]), Err(ChunkError::Malformed));
        assert_eq!(reader.push(&[LAST, 1, 2]), Ok(Some(vec![1, 2])));
    }

    proptest! {
        #[test]
        fn garbage_is_bounded(chunks in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..100), 0..50)) {
            let mut reader = Reader::new(1_000);
            for chunk in chunks {
                if let Ok(Some(message)) = reader.push(&chunk) {
                    prop_assert!(message.len() <= 1_000);
                }
            }
        }
    }
}
