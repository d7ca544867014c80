//! What a tile worker computes: numbers of a tile in slices, and their colours.
//!
//! No message handling is here: `web/tile-worker.js` and `web/paint-worker.js` pace the calls, so
//! that a tile can be dropped between two slices.

use std::cell::RefCell;

use fractal::{
    Audit, Colouring, Frames, Histogram, Painter, Series, Spec, Work, decode_tile, encode_tile,
};
use wasm_bindgen::prelude::*;

thread_local! {
    /// The job of the latest tile, and the frame that this was of. Tiles of one job come one after the
    /// other, and those of a deep picture share an orbit that takes long to compute.
    static LATEST: RefCell<Option<Latest>> = const { RefCell::new(None) };
}

struct Latest {
    params: Vec<u8>,
    frames: Frames,
    frame: u32,
    spec: Spec,
}

/// A tile under way.
#[wasm_bindgen]
pub struct Tile(Work);

#[wasm_bindgen]
impl Tile {
    /// Begins a task of the job with these parameters.
    ///
    /// # Errors
    /// When the parameters are not those of pictures that can be computed, or there is no such task.
    /// The reason was given before: the peer asks nobody for a tile of a job that it has not appraised.
    #[wasm_bindgen(constructor)]
    pub fn new(params: &[u8], task: u32) -> Result<Tile, JsError> {
        picture(params, task)
            .and_then(|(spec, tile)| Work::new(simd::best(), &spec, tile))
            .map(Tile)
            .ok_or_else(|| JsError::new("the job has no such task"))
    }

    /// Spends about `budget` iterations; true when the tile is done.
    pub fn step(&mut self, budget: f64) -> bool {
        self.0.step(whole(budget))
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

/// A look at some pixels of a tile that somebody else computed.
#[wasm_bindgen]
pub struct Inspection(Audit);

#[wasm_bindgen]
impl Inspection {
    /// Begins to look at `places` pixels of what is said to be the tile of a task, chosen by `seed`.
    ///
    /// # Errors
    /// As [`Tile::new`].
    #[wasm_bindgen(constructor)]
    pub fn new(
        params: &[u8],
        task: u32,
        payload: &[u8],
        seed: u64,
        places: u32,
    ) -> Result<Inspection, JsError> {
        let (spec, tile) =
            picture(params, task).ok_or_else(|| JsError::new("the job has no such task"))?;
        Ok(Inspection(Audit::new(simd::best(), &spec, tile, payload, seed, places)))
    }

    /// Spends about `budget` iterations; true when it is done.
    pub fn step(&mut self, budget: f64) -> bool {
        self.0.step(whole(budget))
    }

    /// Whether the tile is right wherever one looked.
    pub fn finish(self) -> bool {
        self.0.is_sound() == Some(true)
    }
}

/// A budget is a pace, not a number that anything depends on: saturation is fine.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn whole(budget: f64) -> u64 {
    budget as u64
}

/// The picture of a task of the job with these parameters, and which of its tiles the task is.
fn picture(params: &[u8], task: u32) -> Option<(Spec, u32)> {
    LATEST.with_borrow_mut(|latest| {
        let known = latest.take_if(|known| known.params == params);
        // Two large orbits need not be in memory at once.
        *latest = None;
        let engine = simd::best();
        let (frames, known) = match known {
            Some(Latest { frames, frame, spec, .. }) => (frames, Some((frame, spec))),
            None => (Series::decode(params).and_then(Series::validate).ok()?, None),
        };
        let (frame, tile) = frames.place(task)?;
        let spec = match known.filter(|(known, _)| *known == frame) {
            Some((_, spec)) => spec,
            None => frames.spec(engine, frame)?,
        };
        *latest = Some(Latest { params: params.to_vec(), frames, frame, spec: spec.clone() });
        Some((spec, tile))
    })
}

/// How often each level occurs in a picture, for colours by rank.
#[wasm_bindgen]
pub struct Counts(Histogram);

#[wasm_bindgen]
impl Counts {
    /// Of nothing yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Counts {
        Counts(Histogram::default())
    }

    /// Adds those of a tile.
    ///
    /// # Errors
    /// In words, when the bytes are not a tile of this size.
    pub fn add(&mut self, payload: &[u8], width: u32, height: u32) -> Result<(), JsError> {
        self.0.add(&decode_tile(payload, width, height)?.levels);
        Ok(())
    }
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

    /// The same with colours by rank among what was counted until now.
    pub fn ranked(self, counts: &Counts) -> Brush {
        Brush(self.0.by_rank(&counts.0))
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
