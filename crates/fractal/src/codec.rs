//! The bytes of a computed tile. Digests are over these bytes, so the encoder is deterministic.
//!
//! ```text
//! version u8 = 2 | width u16 | height u16 | form u8 | levels
//! form 0, plain: a u32 for each level, row by row
//! form 1, packed: the bits of their symbols (`symbols`), a symbol for each level (`prediction`)
//! ```
//!
//! Little-endian. A tile is plain where packing would not make it smaller, so none is larger than that.
//! Packing is a few instructions for each pixel, for a tile that is cheap to compute is packed all the
//! same: deflate, which this replaced, took two to six times as long, for more bytes.
//!
//! The reader believes nothing: the header must agree with what the caller expects, which bounds all
//! memory, and every bit must be accounted for.

mod bits;
mod prediction;
mod symbols;

use crate::tile::{TILE, Tile};
use bits::{Reader, Writer};
use prediction::Prediction;
use symbols::Contexts;

/// Most bytes of an encoded tile. Longer bytes are refused unread.
pub const TILE_BYTES_MAX: u32 = HEADER_BYTES as u32 + TILE * TILE * LEVEL_BYTES as u32;

const VERSION: u8 = 2;
const HEADER_BYTES: usize = 6;
const PLAIN: u8 = 0;
const PACKED: u8 = 1;
/// Bytes of a plain level.
const LEVEL_BYTES: usize = 4;
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
    /// The levels are cut short, or followed by something.
    #[error("the tile is cut short or too long")]
    End,
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
    let mut header = vec![VERSION];
    header.extend((tile.width as u16).to_le_bytes());
    header.extend((tile.height as u16).to_le_bytes());
    packed(tile, header.clone()).unwrap_or_else(|| plain(tile, header))
}

fn plain(tile: &Tile, mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.reserve_exact(1 + tile.levels.len() * LEVEL_BYTES);
    bytes.push(PLAIN);
    bytes.extend(tile.levels.iter().flat_map(|level| level.to_le_bytes()));
    bytes
}

/// `None` where that is no smaller than plain levels, or not possible.
fn packed(tile: &Tile, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let width = tile.width as usize;
    let length_max = tile.levels.len() * LEVEL_BYTES;
    bytes.push(PACKED);
    let mut writer = Writer::new(bytes, length_max);
    let (mut prediction, mut contexts) = (Prediction::new(width), Contexts::new(width));
    for row in tile.levels.chunks_exact(width) {
        prediction.read_row(row, contexts.row_mut())?;
        contexts.write_row(&mut writer);
        if writer.len() >= HEADER_BYTES + length_max {
            return None;
        }
    }
    let bytes = writer.finish();
    (bytes.len() < HEADER_BYTES + length_max).then_some(bytes)
}

/// Reads the bytes of a tile of which the size is known from its task. Uses no memory but that of the
/// tile and of a few rows.
///
/// # Errors
/// When the bytes are not such a tile, entirely and exactly.
pub fn decode_tile(bytes: &[u8], width: u32, height: u32) -> Result<Tile, CodecError> {
    if bytes.len() > TILE_BYTES_MAX as usize {
        return Err(CodecError::Length);
    }
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(CodecError::Length)?;
    let [version, w0, w1, h0, h1, form] = *header;
    if version != VERSION {
        return Err(CodecError::Version);
    }
    let named = [u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1])].map(u32::from);
    if named != [width, height] || !has_valid_sides(width, height) {
        return Err(CodecError::Size);
    }
    let levels = match form {
        PLAIN => plain_levels(rest, (width * height) as usize)?,
        PACKED => packed_levels(rest, width as usize, height as usize)?,
        _ => return Err(CodecError::Version),
    };
    Ok(Tile { width, height, levels })
}

fn plain_levels(bytes: &[u8], pixels: usize) -> Result<Vec<u32>, CodecError> {
    if bytes.len() != pixels * LEVEL_BYTES {
        return Err(CodecError::End);
    }
    let (levels, _) = bytes.as_chunks::<LEVEL_BYTES>();
    let levels: Vec<u32> = levels.iter().map(|&level| u32::from_le_bytes(level)).collect();
    let are_levels = levels.iter().all(|&level| is_level(level));
    are_levels.then_some(levels).ok_or(CodecError::Symbols)
}

fn packed_levels(bytes: &[u8], width: usize, height: usize) -> Result<Vec<u32>, CodecError> {
    let mut levels = vec![0; width * height];
    let mut reader = Reader::new(bytes);
    let (mut prediction, mut contexts) = (Prediction::new(width), Contexts::new(width));
    for row in levels.chunks_exact_mut(width) {
        contexts.read_row(&mut reader).ok_or(CodecError::Symbols)?;
        prediction.write_row(contexts.row(), row).ok_or(CodecError::Symbols)?;
    }
    if reader.is_at_end() { Ok(levels) } else { Err(CodecError::End) }
}

fn has_valid_sides(width: u32, height: u32) -> bool {
    (1..=TILE).contains(&width) && (1..=TILE).contains(&height)
}

/// Whether this is a level at all: 0 inside, or at least one iteration.
fn is_level(level: u32) -> bool {
    level == 0 || level >= LEVEL_MIN
}

#[cfg(test)]
mod tests;
