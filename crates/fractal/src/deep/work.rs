//! The computation of one tile of a deep picture, in slices.
//!
//! First the orbit, unless the picture has it already; then pixel by pixel in rows, each in f64 and, where
//! that leaves its count in doubt, with more digits. The levels do not depend on the slices.

use std::sync::Arc;

use super::number::{Double, Number};
use super::pixel::{Pixel, Turn};
use super::{Deep, Ground, Picture};
use crate::escape::Ending;
use crate::tile::{Rect, Tile};

/// What a step or a span of a pixel costs, in iterations of a plain picture. Chosen by measurement.
const STEP_COST: u64 = 6;
/// The same with twice the digits.
const FINE_STEP_COST: u64 = 30;

/// A tile under way.
pub(crate) struct Work {
    deep: Arc<Deep>,
    plain: Option<Arc<Picture<f64>>>,
    fine: Option<Arc<Picture<Double>>>,
    rect: Rect,
    /// Levels of the pixels that are done, row by row.
    levels: Vec<u32>,
    stage: Stage,
}

/// How far the next pixel is.
enum Stage {
    New,
    Plain(Pixel<f64>),
    /// In doubt after f64, and not yet begun anew.
    Doubt,
    Fine(Pixel<Double>),
}

impl Work {
    /// Begins the part `rect` of a picture.
    pub(crate) fn new(deep: Arc<Deep>, rect: Rect) -> Work {
        let levels = Vec::with_capacity((rect.width * rect.height) as usize);
        Work { deep, plain: None, fine: None, rect, levels, stage: Stage::New }
    }

    /// Spends about `budget` iterations; true when the tile is done.
    pub(crate) fn step(&mut self, mut budget: u64) -> bool {
        while !self.is_done() && budget > 0 {
            if let Some(ended) = self.walk(&mut budget) {
                self.levels.push(self.deep.levels.level(ended));
                self.stage = Stage::New;
            }
        }
        self.is_done()
    }

    /// Walks on with the next pixel, by one stage; where it escapes, if it does, once that is known.
    fn walk(&mut self, budget: &mut u64) -> Option<Option<Ending>> {
        let place = self.next();
        match &mut self.stage {
            Stage::New => {
                let picture = prepared(&mut self.plain, &self.deep.plain, &self.deep, budget)?;
                self.stage = Stage::Plain(Pixel::new(&picture.basis, picture.plan.place(place)));
                None
            }
            Stage::Plain(pixel) => {
                let picture = self.plain.as_ref()?;
                let turn = walk(pixel, picture, STEP_COST, budget);
                let ended = turn.ended()?;
                if pixel.is_certain(&picture.basis, turn) {
                    return Some(ended);
                }
                self.stage = Stage::Doubt;
                None
            }
            Stage::Doubt => {
                let picture = prepared(&mut self.fine, &self.deep.fine, &self.deep, budget)?;
                self.stage =
                    Stage::Fine(Pixel::new(&picture.basis, picture.plan.fine_place(place)));
                None
            }
            Stage::Fine(pixel) => {
                let picture = self.fine.as_ref()?;
                let turn = walk(pixel, picture, FINE_STEP_COST, budget);
                let ended = turn.ended()?;
                let is_certain = pixel.is_certain(&picture.basis, turn);
                let exact = (!is_certain).then(|| picture.ending_by_itself(pixel, place)).flatten();
                Some(exact.unwrap_or(ended))
            }
        }
    }

    /// The place of the first pixel without a level.
    fn next(&self) -> (u32, u32) {
        let done = self.levels.len() as u32;
        let (row, column) = (done / self.rect.width, done % self.rect.width);
        (self.rect.x + column, self.rect.y + row)
    }

    fn is_done(&self) -> bool {
        self.levels.len() == (self.rect.width * self.rect.height) as usize
    }

    /// The share of pixels that have their level, 0 to 1: 0 while the orbit is made.
    pub(crate) fn progress(&self) -> f64 {
        self.levels.len() as f64 / f64::from(self.rect.width * self.rect.height)
    }

    /// The tile; `None` before [`Work::step`] has said that it is done.
    pub(crate) fn finish(self) -> Option<Tile> {
        let Rect { width, height, .. } = self.rect;
        self.is_done().then_some(Tile { width, height, levels: self.levels })
    }
}

/// The picture that pixels in N are followed on, once its orbit is complete.
fn prepared<N: Number>(
    known: &mut Option<Arc<Picture<N>>>,
    ground: &Ground<N>,
    deep: &Deep,
    budget: &mut u64,
) -> Option<Arc<Picture<N>>> {
    if known.is_none() {
        *known = ground.prepare(|| deep.plan::<N>(), budget);
    }
    known.clone()
}

/// Walks on with a pixel, at this price for each step.
fn walk<N: Number>(
    pixel: &mut Pixel<N>,
    picture: &Picture<N>,
    price: u64,
    budget: &mut u64,
) -> Turn {
    let mut steps = budget.div_ceil(price);
    let turn = pixel.walk(&picture.basis, &mut steps);
    *budget = (*budget).min(steps.saturating_mul(price));
    turn
}

#[cfg(test)]
mod tests;
