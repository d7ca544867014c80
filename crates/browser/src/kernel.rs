//! What a tile worker computes: numbers of a tile in slices, and their colours.
//!
//! No message handling is here: `web/tile-worker.js` and `web/paint-worker.js` pace the calls, so
//! that a tile can be dropped between two slices.

use std::cell::RefCell;

use fractal::{Colouring, Painter, Spec, View, Work, decode_tile, encode_tile};
use wasm_bindgen::prelude::*;

thread_local! {
    /// The picture of the latest tile. Tiles of one job come one after the other, and those of a deep
    /// picture share an orbit that takes long to compute.
    static LATEST: RefCell<Option<(Vec<u8>, Spec)>> = const { RefCell::new(None) };
}

/// A tile under way.
#[wasm_bindgen]
pub struct Tile(Work);

#[wasm_bindgen]
impl Tile {
    /// Begins a task of the job with these parameters.
    ///
    /// # Errors
    /// When the parameters are not those of a view that can be computed. The reason was given
    /// before: the peer asks nobody for a tile of a job that it has not appraised.
    #[wasm_bindgen(constructor)]
    pub fn new(params: &[u8], task: u32) -> Result<Tile, JsError> {
        let spec = picture(params).ok_or_else(|| JsError::new("the job names no picture"))?;
        Work::new(simd::best(), &spec, task)
            .map(Tile)
            .ok_or_else(|| JsError::new("the job has no such task"))
    }

    /// Spends about `budget` iterations; true when the tile is done.
    pub fn step(&mut self, budget: f64) -> bool {
        // A budget is a pace, not a number that anything depends on: saturation is fine.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        self.0.step(budget as u64)
    }

    /// The tile's bytes, as they are compared and sent.
    ///
    /// # Errors
    /// Before [`Tile::step`] has said that it is done.
    pub fn finish(self) -> Result<Vec<u8>, JsError> {
        let tile = self.0.finish().ok_or_else(|| JsError::new("the tile is not done"))?;
        Ok(encode_tile(&tile))
    }
}

/// The picture of a job with these parameters, if there is one.
fn picture(params: &[u8]) -> Option<Spec> {
    LATEST.with_borrow_mut(|latest| {
        if let Some((_, spec)) = latest.as_ref().filter(|(known, _)| known == params) {
            return Some(spec.clone());
        }
        // Two large orbits need not be in memory at once.
        *latest = None;
        let spec = View::decode(params).and_then(|view| view.validate()).ok()?;
        *latest = Some((params.to_vec(), spec.clone()));
        Some(spec)
    })
}

/// A palette ready for use.
#[wasm_bindgen]
pub struct Brush(Painter);

#[wasm_bindgen]
impl Brush {
    /// A palette by name, its bands `density` times as dense as usual, begun at `offset` turns, for
    /// pictures of a formula.
    ///
    /// # Errors
    /// In words, when there is no such palette or formula.
    #[wasm_bindgen(constructor)]
    pub fn new(palette: &str, density: f64, offset: f64, formula: &str) -> Result<Brush, JsError> {
        let painter = Painter::new(palette.parse()?, Colouring { density, offset });
        Ok(Brush(painter.of(formula.parse()?)))
    }

    /// The ring as colours of equal parts of a turn, RGBA, and behind them that of the inside.
    pub fn ring(&self) -> Vec<u8> {
        let colours = self.0.ring().iter().copied().chain([self.0.inside()]);
        colours.flat_map(|[red, green, blue]| [red, green, blue, 255]).collect()
    }

    /// A tile's bytes as opaque RGBA pixels.
    ///
    /// # Errors
    /// In words, when the bytes are not a tile of this size.
    pub fn paint(&self, payload: &[u8], width: u32, height: u32) -> Result<Vec<u8>, JsError> {
        let tile = decode_tile(payload, width, height)?;
        let mut pixels = vec![0; tile.levels.len() * 4];
        self.0.paint(&tile.levels, &mut pixels);
        Ok(pixels)
    }
}
