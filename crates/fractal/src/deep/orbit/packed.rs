//! What orbits are packed with: base-128 varints, and deflate.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// Most bytes of a varint of 64 bits.
pub(super) const VARINT_BYTES_MAX: usize = 10;

/// Inflates all of `compressed` into at most `max` bytes; `None` when it is broken, cut short, too long
/// or followed by something.
pub(super) fn inflate(compressed: &[u8], max: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; max];
    let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, consumed, produced) =
        decompress(&mut DecompressorOxide::new(), compressed, &mut out, 0, flags);
    if status != TINFLStatus::Done || consumed != compressed.len() {
        return None;
    }
    out.truncate(produced);
    Some(out)
}

pub(super) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The shortest form only; `None` when there is none.
pub(super) fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..VARINT_BYTES_MAX {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        value |= bits << (7 * place);
        if byte < 0x80 {
            let fits = place < VARINT_BYTES_MAX - 1 || bits <= 1;
            return (fits && (byte != 0 || place == 0)).then_some(value);
        }
    }
    None
}
