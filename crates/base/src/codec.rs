//! Strict binary encoding: postcard, with one byte form for each value.
//!
//! Used by `wire` (frames between peers) and `signal` (introduction). Postcard itself accepts
//! over-long varints; here a message whose re-encoding differs from what arrived is refused, so a
//! signature or digest over bytes is a signature or digest over the value.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// Why bytes were refused. Nothing was kept of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than its family allows; nothing was parsed.
    #[error("too long")]
    TooLong,
    /// Not a message of this family: truncated, unknown kind, a bound exceeded.
    #[error("malformed")]
    Malformed,
    /// Trailing bytes, or a value written in a longer form than the shortest.
    #[error("not canonical")]
    NotCanonical,
}

/// The one byte form of `value`.
///
/// # Panics
/// If `value` cannot be serialised, which no derived message type can cause.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("derived messages always serialise")
}

/// Reads a value of at most `bytes_max` bytes.
///
/// # Errors
/// [`DecodeError`] when the bytes are not exactly the canonical form of a `T`.
pub fn decode<'a, T: Deserialize<'a> + Serialize>(
    bytes: &'a [u8],
    bytes_max: usize,
) -> Result<T, DecodeError> {
    if bytes.len() > bytes_max {
        return Err(DecodeError::TooLong);
    }
    let (value, rest) =
        postcard::take_from_bytes::<T>(bytes).map_err(|_| DecodeError::Malformed)?;
    if !rest.is_empty() || encode(&value) != bytes {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bounded;
    use proptest::prelude::*;
    use std::vec;

    #[test]
    fn a_value_has_one_form() {
        assert_eq!(decode::<u32>(&encode(&300u32), 8), Ok(300));
        assert_eq!(decode::<u32>(&[0x80, 0x00], 8), Err(DecodeError::NotCanonical));
        assert_eq!(decode::<u32>(&[1, 1], 8), Err(DecodeError::NotCanonical));
        assert_eq!(decode::<u32>(&[0x80], 8), Err(DecodeError::Malformed));
        assert_eq!(decode::<u32>(&[1, 1, 1], 2), Err(DecodeError::TooLong));
    }

    #[test]
    fn a_claimed_length_is_refused_before_it_is_read() {
        let claim = [0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3];
        assert_eq!(decode::<Bounded<u64, 16>>(&claim, 64), Err(DecodeError::Malformed));
    }

    proptest! {
        #[test]
        fn lists_survive(list in proptest::collection::vec(any::<u64>(), 0..20)) {
            let bytes = encode(&list);
            let read = decode::<Bounded<u64, 16>>(&bytes, 4096);
            if list.len() <= 16 {
                prop_assert_eq!(read.map(Bounded::into_vec), Ok(list));
            } else {
                prop_assert!(read.is_err());
            }
        }

        #[test]
        fn garbage_is_an_error_or_canonical(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = decode::<(u64, vec::Vec<u8>)>(&bytes, 64) {
                prop_assert_eq!(encode(&value), bytes);
            }
        }
    }
}
