//! The bytes of a computed tile. Digests are over these bytes, so the encoder is deterministic.
//!
//! ```text
//! version u8 = 1 | width u16 | height u16 | deflate(symbols)
//! ```
//!
//! Little-endian. One symbol per pixel, row by row, each a base-128 varint: 0 for inside, else
//! 1 + zigzag(level − previous), where previous is the last level before it that was not inside. In the
//! first column the walk begins anew with the level above, for the end of a row says little about the
//! beginning of the next.
//!
//! The reader believes nothing: the header must agree with what the caller expects, which bounds all
//! memory, and every byte must be accounted for.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use crate::tile::{TILE, Tile};

/// Most bytes of an encoded tile: the longest symbols, which deflate stores as they are at worst.
/// Longer bytes are refused unread.
pub const TILE_BYTES_MAX: u32 = HEADER_BYTES as u32 + TILE * TILE * SYMBOL_BYTES_MAX as u32 + 1_024;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 5;
/// Most bytes of a symbol: 1 + a zigzag of 32 bits has at most 33 bits.
const SYMBOL_BYTES_MAX: usize = 5;
/// Most bytes of any varint, of 64 bits.
pub(crate) const VARINT_BYTES_MAX: usize = 10;
/// Chosen: higher levels of deflate save a quarter of the bytes where a picture is smooth and 1 to 6 %
/// where it is not, for three to five times the work.
const DEFLATE_LEVEL: u8 = 1;
/// The smallest level of an escaped pixel: one iteration.
const LEVEL_MIN: u32 = 1 << 8;

/// Why bytes are not a tile of the expected size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// More than [`TILE_BYTES_MAX`], or shorter than a header.
    #[error("no tile has this many bytes")]
    Length,
    /// Another version of the format.
    #[error("the tile is of another version")]
    Version,
    /// The header names another size than expected, or no tile has the expected one.
    #[error("the tile is of another size")]
    Size,
    /// The compressed part is broken, cut short, too long, or followed by something.
    #[error("the tile's compressed part is damaged")]
    Compression,
    /// The symbols are not exactly one canonical level for each pixel.
    #[error("the tile's numbers are damaged")]
    Symbols,
}

/// The bytes of a tile, at most [`TILE_BYTES_MAX`].
///
/// # Panics
/// When the tile is not one that [`Work`](crate::Work) or [`decode_tile`] could have made: a side
/// outside 1 to [`TILE`], or another number of levels than pixels.
pub fn encode_tile(tile: &Tile) -> Vec<u8> {
    assert!(has_valid_sides(tile.width, tile.height), "a side outside 1 to TILE");
    assert_eq!(tile.levels.len(), (tile.width * tile.height) as usize, "one level per pixel");
    let mut bytes = vec![VERSION];
    bytes.extend((tile.width as u16).to_le_bytes());
    bytes.extend((tile.height as u16).to_le_bytes());
    bytes.extend(compress_to_vec(&symbols_from_levels(tile), DEFLATE_LEVEL));
    bytes
}

/// Reads the bytes of a tile of which the size is known from its task. Uses at most five bytes of
/// memory per pixel besides the tile.
///
/// # Errors
/// When the bytes are not such a tile, entirely and exactly.
pub fn decode_tile(bytes: &[u8], width: u32, height: u32) -> Result<Tile, CodecError> {
    if bytes.len() > TILE_BYTES_MAX as usize {
        return Err(CodecError::Length);
    }
    let (header, compressed) =
        bytes.split_first_chunk::<HEADER_BYTES>().ok_or(CodecError::Length)?;
    let [version, w0, w1, h0, h1] = *header;
    if version != VERSION {
        return Err(CodecError::Version);
    }
    let named = [u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1])].map(u32::from);
    if named != [width, height] || !has_valid_sides(width, height) {
        return Err(CodecError::Size);
    }
    let symbols = inflate(compressed, (width * height) as usize * SYMBOL_BYTES_MAX)?;
    let levels = levels_from_symbols(&symbols, width, height).ok_or(CodecError::Symbols)?;
    Ok(Tile { width, height, levels })
}

fn has_valid_sides(width: u32, height: u32) -> bool {
    (1..=TILE).contains(&width) && (1..=TILE).contains(&height)
}

/// Inflates all of `compressed` into at most `max` bytes.
pub(crate) fn inflate(compressed: &[u8], max: usize) -> Result<Vec<u8>, CodecError> {
    let mut out = vec![0; max];
    let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, consumed, produced) =
        decompress(&mut DecompressorOxide::new(), compressed, &mut out, 0, flags);
    if status != TINFLStatus::Done || consumed != compressed.len() {
        return Err(CodecError::Compression);
    }
    out.truncate(produced);
    Ok(out)
}

fn symbols_from_levels(tile: &Tile) -> Vec<u8> {
    let mut symbols = Vec::with_capacity(tile.levels.len() * 2);
    let mut prediction = Prediction::new();
    for row in tile.levels.chunks(tile.width as usize) {
        prediction.begin_row();
        for &level in row {
            let symbol = match level {
                0 => 0,
                _ => 1 + u64::from(zigzag(level.wrapping_sub(prediction.level()))),
            };
            prediction.saw(level);
            write_varint(&mut symbols, symbol);
        }
    }
    symbols
}

fn levels_from_symbols(mut symbols: &[u8], width: u32, height: u32) -> Option<Vec<u32>> {
    let mut levels = Vec::with_capacity((width * height) as usize);
    let mut prediction = Prediction::new();
    for _ in 0..height {
        prediction.begin_row();
        for _ in 0..width {
            let level = match read_varint(&mut symbols)? {
                0 => 0,
                symbol => {
                    let delta = unzigzag(u32::try_from(symbol - 1).ok()?);
                    let level = prediction.level().wrapping_add(delta);
                    (level >= LEVEL_MIN).then_some(level)?
                }
            };
            prediction.saw(level);
            levels.push(level);
        }
    }
    symbols.is_empty().then_some(levels)
}

/// What the next level is expected to be.
struct Prediction {
    previous: u32,
    row_begin: u32,
    at_row_begin: bool,
}

impl Prediction {
    fn new() -> Prediction {
        Prediction { previous: LEVEL_MIN, row_begin: LEVEL_MIN, at_row_begin: true }
    }

    fn begin_row(&mut self) {
        self.previous = self.row_begin;
        self.at_row_begin = true;
    }

    fn level(&self) -> u32 {
        self.previous
    }

    fn saw(&mut self, level: u32) {
        if level != 0 {
            if self.at_row_begin {
                self.row_begin = level;
            }
            self.previous = level;
        }
        self.at_row_begin = false;
    }
}

/// Small differences of either sign to small numbers: 0, −1, 1, −2, … to 0, 1, 2, 3, …
fn zigzag(delta: u32) -> u32 {
    delta << 1 ^ ((delta as i32) >> 31) as u32
}

fn unzigzag(code: u32) -> u32 {
    code >> 1 ^ (code & 1).wrapping_neg()
}

pub(crate) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The shortest form only; `None` when there is none.
pub(crate) fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
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

#[cfg(test)]
mod tests;
