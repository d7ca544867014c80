//! What a page needs to look: numbers that it colours itself, sixty times a second, and pictures that
//! nobody asked for by name.
//!
//! Colours made here are for a screen. A file is painted by [`Brush`](crate::kernel::Brush), in f64.

#![expect(unreachable_pub, reason = "wasm-bindgen exports public functions only")]

use fractal::{Formula, decode_tile, turns_of, variation};
use wasm_bindgen::prelude::*;

/// Parts of a turn.
const PARTS: f64 = (1 << 20) as f64;
/// Above the parts of the largest number of turns.
const ROOT_SHIFT: u32 = 25;
/// The turns of the inside.
const INSIDE: i32 = -1;

/// A tile's bytes as turns of a palette's ring at density 1: one number a pixel, row by row, in 2⁻²⁰
/// turns, and -1 inside. In a picture of Newton's method bits 25 to 27 are the number of the root.
///
/// # Errors
/// In words, when the bytes are not a tile of this size, or there is no such formula.
#[wasm_bindgen]
pub fn turns(payload: &[u8], width: u32, height: u32, formula: &str) -> Result<Vec<i32>, JsError> {
    let names_roots = formula.parse::<Formula>()?.roots() > 0;
    let tile = decode_tile(payload, width, height)?;
    let turns = |&level: &u32| {
        let root = if names_roots { level % 8 } else { 0 };
        #[expect(clippy::cast_possible_truncation, reason = "colours for a screen")]
        let turns = (turns_of(level) * PARTS) as i32 | (root << ROOT_SHIFT).cast_signed();
        if level == 0 { INSIDE } else { turns }
    };
    Ok(tile.levels.iter().map(turns).collect())
}

/// The picture of a seed and an index that suits this size, as the parameters of a link: `f`, `re`,
/// `im`, `z`, `cr`, `ci`, `i`, `p`, `d` and `o`; see `web/view.js`.
#[wasm_bindgen]
pub fn surprise(seed: u64, index: u32, width: u32, height: u32) -> String {
    let varied = variation(simd::best(), seed, index, (width, height));
    let [density, offset] = varied.winding();
    let view = varied.view;
    format!(
        "f={}&re={}&im={}&z={}&cr={}&ci={}&i={}&p={}&d={density}&o={offset}",
        view.formula,
        view.re,
        view.im,
        view.zoom,
        view.c_re,
        view.c_im,
        view.max_iter,
        varied.palette,
    )
}
