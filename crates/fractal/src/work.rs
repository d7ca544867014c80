//! The computation of one tile by f64, in slices.
//!
//! A pixel goes through up to three stations. The *front* takes the first steps of a row of neighbouring
//! pixels at once and settles those that end soon. What is left streams through the lanes: whenever an
//! orbit ends, its lane takes the next, so all of them are always busy. An orbit that has ended
//! somewhere within a burst waits among the *ended* until there are as many as lanes, and then all of
//! them repeat their last burst, watched, for their exact counts. The levels are those of the
//! reference loop in `escape.rs`, whatever the engine and the slices.

mod line;
mod team;

use crate::engine::Engine;
use crate::escape::Ending;
use crate::formula::Formula;
use crate::lanes::{LANES_MAX, Orbits};
use crate::tile::{Rect, Tile};
use crate::view::Spec;

use team::{Team, take_lowest};

/// Steps of the front. Chosen by measurement.
const FRONT: u32 = 16;
/// Steps between two looks at the lanes. Chosen by measurement: fewer cost more looking, more cost more
/// repetition for each pixel.
const BURST: u32 = 32;
/// A tile under way.
pub(crate) struct Work {
    engine: &'static dyn Engine,
    /// Those of the engine.
    lanes: usize,
    skips: bool,
    spec: Spec,
    columns: Vec<f64>,
    top: u32,
    /// Of single pixels, the imaginary part of each beside its real part in `columns`.
    scattered: Option<Vec<f64>>,
    /// What is computed: a tile, or single pixels in one row.
    tile: Tile,
    /// Pixels without a level.
    open: u32,
    front: Front,
    team: Team,
    ended: Ended,
    /// Bursts that take an orbit that does not end to the limit.
    bursts_max: u64,
}

/// Neighbouring pixels at their first steps.
struct Front {
    orbits: Orbits,
    /// The pixel in the first lane, counted through the tile in rows.
    first: u32,
    /// Lanes of which the pixel has not ended and is in no lane of the stream, one bit for each.
    waiting: u64,
    /// The first pixel that was not here.
    next: u32,
}

/// Orbits that have ended within the burst that they are about to repeat.
struct Ended {
    orbits: Orbits,
    pixels: [u32; LANES_MAX],
    /// Steps before the burst.
    steps: [u32; LANES_MAX],
    count: usize,
}

impl Work {
    /// Begins the tile of a task; `None` when the spec has no such task.
    pub(crate) fn new(engine: &'static dyn Engine, spec: &Spec, task: u32) -> Option<Work> {
        let Rect { x, y, width, height } = spec.tile_rect(task)?;
        let columns = (x..x + width).map(|i| spec.column(i)).collect();
        Some(Work { top: y, ..Work::of(engine, spec, columns, (width, height)) })
    }

    /// Begins single pixels of a picture, given by column and row; the tile is a row of them.
    pub(crate) fn scattered(
        engine: &'static dyn Engine,
        spec: &Spec,
        pixels: &[(u32, u32)],
    ) -> Work {
        let columns = pixels.iter().map(|&(i, _)| spec.column(i)).collect();
        let rows = pixels.iter().map(|&(_, j)| spec.row(j)).collect();
        let size = (pixels.len() as u32, 1);
        Work { scattered: Some(rows), ..Work::of(engine, spec, columns, size) }
    }

    fn of(
        engine: &'static dyn Engine,
        spec: &Spec,
        columns: Vec<f64>,
        (width, height): (u32, u32),
    ) -> Work {
        let lanes = engine.lanes();
        assert!((1..=LANES_MAX).contains(&lanes), "an engine has 1 to LANES_MAX lanes");
        let open = width * height;
        Work {
            engine,
            lanes,
            skips: true,
            spec: spec.clone(),
            columns,
            top: 0,
            scattered: None,
            tile: Tile { width, height, levels: vec![0; open as usize] },
            open,
            front: Front { orbits: Orbits::new(), first: 0, waiting: 0, next: 0 },
            team: Team::new(),
            ended: Ended::new(),
            bursts_max: spec.max_iter().saturating_sub(FRONT).div_ceil(BURST).into(),
        }
    }

    /// Takes every step that the plain loop would take, also of orbits that are known never to end.
    /// For measurements: the levels are the same.
    pub(crate) fn without_skipping(mut self) -> Work {
        self.skips = false;
        self
    }

    /// Spends about `budget` iterations, at least one burst of all lanes; true when the tile is done.
    pub(crate) fn step(&mut self, budget: u64) -> bool {
        let lanes = self.lanes as u64;
        let mut spent = 0;
        while self.open > 0 && spent < budget {
            while self.has_room() && spent < budget {
                self.begin_front();
                spent += u64::from(FRONT) * lanes;
            }
            if self.team.busy() == 0 {
                self.settle_ended();
                continue;
            }
            self.team.burst(self.engine, self.spec.formula(), BURST, self.skips);
            spent += u64::from(BURST) * lanes;
            self.look();
        }
        self.open == 0
    }

    /// The share of pixels that have their level, 0 to 1.
    pub(crate) fn progress(&self) -> f64 {
        1.0 - f64::from(self.open) / f64::from(self.tile.width * self.tile.height)
    }

    /// The tile; `None` before [`Work::step`] has said that it is done.
    pub(crate) fn finish(self) -> Option<Tile> {
        (self.open == 0).then_some(self.tile)
    }

    /// Fills idle lanes; whether one is left that another front could fill.
    fn has_room(&mut self) -> bool {
        let team = &mut self.team;
        let mut idle = !team.busy() & all_lanes(self.lanes);
        while idle != 0
            && let Some(from) = take_lowest(&mut self.front.waiting)
        {
            let orbit = self.front.orbits.get(from);
            if self.skips && is_surely_inside(self.spec.formula(), orbit.c_re, orbit.c_im) {
                self.open -= 1;
                continue;
            }
            let lane = take_lowest(&mut idle).unwrap_or(0);
            team.take(lane, orbit, self.front.first + from as u32, self.bursts_max);
        }
        idle != 0 && (self.front.next as usize) < self.tile.levels.len()
    }

    /// The first steps of the next pixels, as many as there are lanes.
    fn begin_front(&mut self) {
        let first = self.front.next;
        let left = self.tile.levels.len() as u32 - first;
        let count = left.min(self.lanes as u32);
        self.set_front(first, count as usize);
        let going = self.engine.watched(self.spec.formula(), &mut self.front.orbits, FRONT);
        let going = going & all_lanes(count as usize);
        let levels = &mut self.tile.levels[first as usize..(first + count) as usize];
        for (lane, level) in levels.iter_mut().enumerate() {
            if going >> lane & 1 == 0 {
                *level = level_of(&self.spec, &self.front.orbits, lane, 0);
            }
        }
        self.open -= count - going.count_ones();
        (self.front.first, self.front.next) = (first, first + count);
        if self.spec.max_iter() > FRONT {
            self.front.waiting = going;
        } else {
            // Whoever has not ended by the limit is inside, level 0.
            self.open -= going.count_ones();
        }
    }

    /// Puts the orbits of the pixels from `first` on into the lanes of the front.
    fn set_front(&mut self, first: u32, count: usize) {
        if let Some(rows) = &self.scattered {
            let points = self.columns.iter().zip(rows).skip(first as usize);
            for (lane, (&re, &im)) in points.take(count).enumerate() {
                self.front.orbits.set(lane, self.spec.orbit(re, im));
            }
            return;
        }
        let (mut row, mut column) = (first / self.tile.width, (first % self.tile.width) as usize);
        let mut lane = 0;
        while lane < count {
            let (im, left) = (self.spec.row(self.top + row), count - lane);
            let columns = &self.columns[column..];
            let columns = &columns[..left.min(columns.len())];
            self.front.orbits.set_row(lane, columns, |re| self.spec.orbit(re, im));
            (lane, row, column) = (lane + columns.len(), row + 1, 0);
        }
    }

    /// Sees what the last burst showed.
    fn look(&mut self) {
        while let Some((pixel, orbit, bursts_left)) = self.team.next_ended() {
            let steps = FRONT + (self.bursts_max - bursts_left) as u32 * BURST;
            self.ended.push(orbit, pixel, steps);
            if self.ended.count == self.lanes {
                self.settle_ended();
            }
        }
        while self.team.next_inside() {
            self.open -= 1;
        }
    }

    fn settle_ended(&mut self) {
        let Ended { orbits, pixels, steps, count } = &mut self.ended;
        self.engine.watched(self.spec.formula(), orbits, BURST);
        for (at, (&pixel, &steps)) in pixels.iter().zip(&*steps).enumerate().take(*count) {
            self.tile.levels[pixel as usize] = level_of(&self.spec, orbits, at, steps);
        }
        self.open -= *count as u32;
        *count = 0;
    }
}

impl Ended {
    fn new() -> Ended {
        Ended { orbits: Orbits::new(), pixels: [0; LANES_MAX], steps: [0; LANES_MAX], count: 0 }
    }

    /// There is room for as many as lanes; whoever fills it settles them.
    fn push(&mut self, orbit: crate::escape::Orbit, pixel: u32, steps: u32) {
        self.orbits.set(self.count, orbit);
        self.pixels[self.count] = pixel;
        self.steps[self.count] = steps;
        self.count += 1;
    }
}

/// The level of a lane's orbit that was watched until it ended, after so many steps before: of an
/// orbit inside, if it came beyond the limit.
#[inline(always)]
fn level_of(spec: &Spec, orbits: &Orbits, lane: usize, steps_before: u32) -> u32 {
    let orbit = orbits.get(lane);
    let iterations = steps_before + orbits.count(lane);
    let ending = Ending { iterations, x: orbit.x, y: orbit.y };
    spec.level_of((iterations <= spec.max_iter()).then_some(ending))
}

/// Whether c is well within the main cardioid or the disc beside it, where no orbit ends. Points within
/// a millionth of the edge are left to the loop: theory is about numbers that are not rounded.
fn is_surely_inside(formula: Formula, re: f64, im: f64) -> bool {
    const MARGIN: f64 = 1e-6;
    if formula != Formula::MANDELBROT {
        return false;
    }
    let disc = (re + 1.0) * (re + 1.0) + im * im;
    let (x, y2) = (re - 0.25, im * im);
    let q = x * x + y2;
    disc < 0.0625 - MARGIN || q * (q + x) < 0.25 * y2 - MARGIN
}

/// Ones for the first lanes.
fn all_lanes(count: usize) -> u64 {
    if count >= LANES_MAX { u64::MAX } else { (1 << count) - 1 }
}

#[cfg(test)]
mod tests;
