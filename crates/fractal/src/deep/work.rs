//! The computation of one tile of a deep picture, in slices.
//!
//! First the orbit, unless the picture has it already; then all pixels in f64, and then those of which that
//! leaves the count in doubt, with more digits. The levels depend neither on the slices nor on the
//! engine.

use std::sync::Arc;

use super::burst::{BURST_LANES_MAX, Burst};
use super::crew::{Crew, Pace};
use super::number::{Double, Number};
use super::pixel::{Pixel, Turn};
use super::{Deep, Ground, Picture};
use crate::engine::Engine;
use crate::tile::{Rect, Tile};

/// What a step or a span of a pixel costs, in iterations of a plain picture. Chosen by measurement.
const STEP_COST: u64 = 6;
/// The same with twice the digits.
const FINE_STEP_COST: u64 = 30;

/// A tile under way.
pub(crate) struct Work {
    engine: &'static dyn Engine,
    deep: Arc<Deep>,
    rect: Rect,
    plain: Option<Arc<Picture<f64>>>,
    fine: Option<Arc<Picture<Double>>>,
    /// Levels of all pixels, row by row, and how many are known.
    levels: Vec<u32>,
    known: u32,
    /// The first pixel that was not begun.
    next: u32,
    crew: Crew<f64>,
    /// Pixels that f64 leaves in doubt, and those that are followed anew.
    doubtful: Vec<u32>,
    fine_crew: Crew<Double>,
}

impl Work {
    /// Begins the part `rect` of a picture.
    pub(crate) fn new(engine: &'static dyn Engine, deep: Arc<Deep>, rect: Rect) -> Work {
        let lanes = 1..=BURST_LANES_MAX;
        assert!(lanes.contains(&engine.burst_lanes()), "an engine has 1 to BURST_LANES_MAX lanes");
        Work {
            engine,
            deep,
            rect,
            plain: None,
            fine: None,
            levels: vec![0; (rect.width * rect.height) as usize],
            known: 0,
            next: 0,
            crew: Crew::new(),
            doubtful: Vec::new(),
            fine_crew: Crew::new(),
        }
    }

    /// Spends about `budget` iterations; true when the tile is done.
    pub(crate) fn step(&mut self, mut budget: u64) -> bool {
        let is_over =
            self.walk(&mut budget).is_some_and(|()| self.walk_doubtful(&mut budget).is_some());
        is_over && self.is_done()
    }

    /// Follows all pixels in f64; `None` when the budget does not suffice.
    fn walk(&mut self, budget: &mut u64) -> Option<()> {
        let picture = prepared(&mut self.plain, &self.deep.plain, &self.deep, budget)?;
        let (rect, count) = (self.rect, self.levels.len() as u32);
        let next = || {
            let place = self.next;
            self.next += 1;
            (place < count).then(|| {
                (place, Pixel::new(&picture.basis, picture.plan.place(pixel_of(rect, place))))
            })
        };
        let done = |(place, pixel): (u32, Pixel<f64>), turn: Turn| {
            if !pixel.is_certain(&picture.basis, turn) {
                self.doubtful.push(place);
            } else {
                self.levels[place as usize] = self.deep.levels.level(turn.ended().flatten());
                self.known += 1;
            }
        };
        let pace = Pace {
            lanes: self.engine.burst_lanes(),
            burst: &|burst: &mut Burst<'_, f64>| self.engine.burst(burst),
            price: STEP_COST,
        };
        self.crew.walk(&picture, &pace, next, done, budget).then_some(())
    }

    /// Follows the pixels in doubt with more digits.
    fn walk_doubtful(&mut self, budget: &mut u64) -> Option<()> {
        if self.is_done() {
            return Some(());
        }
        let picture = prepared(&mut self.fine, &self.deep.fine, &self.deep, budget)?;
        let rect = self.rect;
        let next = || {
            let place = self.doubtful.pop()?;
            let offset = picture.plan.fine_place(pixel_of(rect, place));
            Some((place, Pixel::new(&picture.basis, offset)))
        };
        let done = |(place, pixel): (u32, Pixel<Double>), turn: Turn| {
            let exact = if pixel.is_certain(&picture.basis, turn) {
                None
            } else {
                picture.ending_by_itself(&pixel, pixel_of(rect, place))
            };
            let ended = exact.or(turn.ended()).flatten();
            self.levels[place as usize] = self.deep.levels.level(ended);
            self.known += 1;
        };
        let pace = Pace {
            lanes: self.engine.burst_lanes(),
            burst: &|burst: &mut Burst<'_, Double>| self.engine.fine_burst(burst),
            price: FINE_STEP_COST,
        };
        self.fine_crew.walk(&picture, &pace, next, done, budget).then_some(())
    }

    fn is_done(&self) -> bool {
        self.known as usize == self.levels.len()
    }

    /// The share of pixels that have their level, 0 to 1: 0 while the orbit is made.
    pub(crate) fn progress(&self) -> f64 {
        f64::from(self.known) / self.levels.len() as f64
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

/// Column and row in the picture of a pixel of a tile.
fn pixel_of(rect: Rect, place: u32) -> (u32, u32) {
    (rect.x + place % rect.width, rect.y + place / rect.width)
}

#[cfg(test)]
mod tests;
