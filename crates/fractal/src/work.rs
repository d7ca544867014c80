//! The computation of one tile by f64, in slices.
//!
//! A pixel goes through up to three stations. The *front* takes the first steps of a row of neighbouring
//! pixels at once and settles those that end soon. What is left streams through the lanes: whenever an
//! orbit ends, its lane takes the next, so all of them are always busy. An orbit that has ended
//! somewhere within a burst waits among the *ended* until there are as many as lanes, and then all of
//! them repeat their last burst, watched, for their exact counts. The levels are those of the
//! reference loop in `escape.rs`, whatever the engine and the slices.

use crate::engine::Engine;
use crate::escape::Ending;
use crate::formula::Formula;
use crate::lanes::{LANES_MAX, Orbits, Stream};
use crate::tile::{Rect, Tile};
use crate::view::Spec;

/// Steps of the front. Chosen by measurement.
const FRONT: u32 = 16;
/// Steps between two looks at the lanes. Chosen by measurement: fewer cost more looking, more cost more
/// repetition for each pixel.
const BURST: u32 = 32;
/// Bursts between two memories of where the orbits are, at least. Chosen: long enough to cost
/// nothing, short enough for the small periods that fill most of the inside.
const MEMORY_BURSTS: u64 = 4;

/// A tile under way.
pub(crate) struct Work {
    engine: &'static dyn Engine,
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
    stream: Stream,
    /// Lanes with an orbit, one bit for each.
    busy: u64,
    pixels: [u32; LANES_MAX],
    /// The tick at which each lane's orbit counts as inside.
    ends: [u64; LANES_MAX],
    ended: Ended,
    /// Bursts taken.
    tick: u64,
    /// No lane's orbit counts as inside before this tick.
    first_end: u64,
    /// The tick of the next memory, and how many there were.
    remember_at: u64,
    memories: u64,
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
        assert!((1..=LANES_MAX).contains(&engine.lanes()), "an engine has 1 to LANES_MAX lanes");
        let open = width * height;
        Work {
            engine,
            skips: true,
            spec: spec.clone(),
            columns,
            top: 0,
            scattered: None,
            tile: Tile { width, height, levels: vec![0; open as usize] },
            open,
            front: Front { orbits: Orbits::new(), first: 0, waiting: 0, next: 0 },
            stream: Stream::new(),
            busy: 0,
            pixels: [0; LANES_MAX],
            ends: [u64::MAX; LANES_MAX],
            ended: Ended::new(),
            tick: 0,
            first_end: u64::MAX,
            remember_at: MEMORY_BURSTS,
            memories: 0,
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
        let lanes = self.engine.lanes() as u64;
        let mut spent = 0;
        while self.open > 0 && spent < budget {
            while self.has_room() && spent < budget {
                self.begin_front();
                spent += u64::from(FRONT) * lanes;
            }
            if self.busy == 0 {
                self.settle_ended();
                continue;
            }
            self.burst();
            spent += u64::from(BURST) * lanes;
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
        let mut idle = !self.busy & all_lanes(self.engine.lanes());
        while idle != 0 && self.front.waiting != 0 {
            let (lane, from) = (take_lowest(&mut idle), take_lowest(&mut self.front.waiting));
            let orbit = self.front.orbits.get(from);
            let pixel = self.front.first + from as u32;
            if self.skips && is_surely_inside(self.spec.formula(), orbit.c_re, orbit.c_im) {
                self.open -= 1;
                idle |= 1 << lane;
                continue;
            }
            self.stream.set(lane, orbit);
            self.pixels[lane] = pixel;
            self.ends[lane] = self.tick + u64::from((self.spec.max_iter() - FRONT).div_ceil(BURST));
            self.first_end = self.first_end.min(self.ends[lane]);
            self.busy |= 1 << lane;
        }
        idle != 0 && (self.front.next as usize) < self.tile.levels.len()
    }

    /// The first steps of the next pixels, as many as there are lanes.
    fn begin_front(&mut self) {
        let first = self.front.next;
        let left = self.tile.levels.len() as u32 - first;
        let count = left.min(self.engine.lanes() as u32);
        self.set_front(first, count as usize);
        let going = self.engine.watched(self.spec.formula(), &mut self.front.orbits, FRONT);
        for lane in 0..count as usize {
            if going >> lane & 1 == 0 {
                self.settle(first + lane as u32, &Ended::ending(&self.front.orbits, lane, 0));
            }
        }
        let going = going & all_lanes(count as usize);
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

    fn burst(&mut self) {
        let look = self.engine.free(self.spec.formula(), &mut self.stream, BURST, self.skips);
        self.tick += 1;
        let mut ended = look.ended & self.busy;
        while ended != 0 {
            self.end(take_lowest(&mut ended));
        }
        self.leave_inside(look.repeated & self.busy);
        if self.tick >= self.first_end {
            let lanes = (0..LANES_MAX).filter(|&lane| self.ends[lane] <= self.tick);
            let late = lanes.fold(0, |late, lane| late | 1 << lane) & self.busy;
            self.leave_inside(late);
            let busy = (0..LANES_MAX).filter(|lane| self.busy >> lane & 1 == 1);
            self.first_end = busy.map(|lane| self.ends[lane]).min().unwrap_or(u64::MAX);
        }
        if self.tick >= self.remember_at {
            self.remember();
        }
    }

    /// The orbits of these lanes are inside: level 0.
    fn leave_inside(&mut self, lanes: u64) {
        self.busy &= !lanes;
        self.open -= lanes.count_ones();
    }

    /// A lane's orbit has ended somewhere within the last burst.
    fn end(&mut self, lane: usize) {
        self.busy &= !(1 << lane);
        // A lane ends with the burst that reaches the limit, so what is left is less than a burst.
        let bursts_left = (self.ends[lane] - self.tick) as u32;
        let bursts = (self.spec.max_iter() - FRONT).div_ceil(BURST);
        let steps = FRONT + (bursts - bursts_left - 1) * BURST;
        self.ended.push(self.stream.before(lane), self.pixels[lane], steps);
        if self.ended.count == self.engine.lanes() {
            self.settle_ended();
        }
    }

    fn settle_ended(&mut self) {
        self.engine.watched(self.spec.formula(), &mut self.ended.orbits, BURST);
        for at in 0..self.ended.count {
            let ending = Ended::ending(&self.ended.orbits, at, self.ended.steps[at]);
            self.settle(self.ended.pixels[at], &ending);
        }
        self.ended.count = 0;
    }

    /// Gives a pixel its level: that of its ending, if it came within the limit.
    fn settle(&mut self, pixel: u32, ending: &Ending) {
        if ending.iterations <= self.spec.max_iter() {
            self.tile.levels[pixel as usize] = self.spec.level_of(Some(*ending));
        }
        self.open -= 1;
    }

    /// Intervals of 1, 2, 1, 4, 1, 2, 1, 8, … times the least: short cycles are noticed soon and long
    /// ones eventually, whatever the ages of the orbits in flight.
    fn remember(&mut self) {
        self.stream.remember();
        self.memories += 1;
        self.remember_at = self.tick + (MEMORY_BURSTS << self.memories.trailing_zeros());
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

    /// Where an orbit stands that was watched until it ended.
    fn ending(orbits: &Orbits, lane: usize, steps_before: u32) -> Ending {
        let orbit = orbits.get(lane);
        Ending { iterations: steps_before + orbits.count(lane), x: orbit.x, y: orbit.y }
    }
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

/// Takes the lowest bit that is set.
#[inline(always)]
fn take_lowest(bits: &mut u64) -> usize {
    let lowest = bits.trailing_zeros() as usize;
    *bits &= *bits - 1;
    lowest
}

#[cfg(test)]
mod tests;
