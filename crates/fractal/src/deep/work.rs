//! The computation of one tile of a deep picture, in slices.
//!
//! First the orbit, unless the picture has it already; then pixel by pixel in rows. The levels do not
//! depend on the slices.

use std::sync::Arc;

use super::pixel::Pixel;
use super::{Deep, Picture};
use crate::tile::{Rect, Tile};

/// What a step or a span of a pixel costs, in iterations of a plain picture. Chosen by measurement.
const STEP_COST: u64 = 6;

/// A tile under way.
pub(crate) struct Work {
    deep: Arc<Deep>,
    picture: Option<Arc<Picture>>,
    rect: Rect,
    /// Single pixels by column and row, in place of the rows of `rect`.
    scattered: Option<Vec<(u32, u32)>>,
    /// Levels of the pixels that are done, row by row.
    levels: Vec<u32>,
    pixel: Option<Pixel>,
}

impl Work {
    /// Begins the part `rect` of a picture.
    pub(crate) fn new(deep: Arc<Deep>, rect: Rect) -> Work {
        let levels = Vec::with_capacity((rect.width * rect.height) as usize);
        Work { deep, picture: None, rect, scattered: None, levels, pixel: None }
    }

    /// Begins single pixels of a picture; the tile is a row of them.
    pub(crate) fn scattered(deep: Arc<Deep>, pixels: Vec<(u32, u32)>) -> Work {
        let rect = Rect { x: 0, y: 0, width: pixels.len() as u32, height: 1 };
        Work { scattered: Some(pixels), ..Work::new(deep, rect) }
    }

    /// Spends about `budget` iterations; true when the tile is done.
    pub(crate) fn step(&mut self, budget: u64) -> bool {
        let mut left = budget;
        if self.picture.is_none() {
            (self.picture, left) = self.deep.prepare(budget);
        }
        let Some(picture) = self.picture.clone() else { return false };
        let mut left = (left / STEP_COST).max(1);
        while !self.is_done() && left > 0 {
            let (i, j) = self.next();
            let mut pixel = self.pixel.take().unwrap_or_else(|| picture.pixel(i, j));
            match picture.walk(&mut pixel, (i, j), &mut left) {
                Some(level) => self.levels.push(level),
                None => self.pixel = Some(pixel),
            }
        }
        self.is_done()
    }

    /// The place of the first pixel without a level.
    fn next(&self) -> (u32, u32) {
        let done = self.levels.len() as u32;
        if let Some(pixels) = &self.scattered {
            return pixels[done as usize];
        }
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

#[cfg(test)]
mod tests;
