//! The computation of one tile by f64, in slices.
//!
//! Pixels stream through the lanes: whenever an orbit ends, its lane takes the next pixel, and only the
//! tail of a tile runs with empty lanes. The levels are those of the reference loop in `escape.rs`,
//! whatever the slices.

use crate::escape::{Escape, escape, level_from_escape};
use crate::lanes::{CHUNK, LANES, Lanes};
use crate::tile::Tile;
use crate::view::Spec;

/// Chunks between two memories of where the orbits are, at least. Chosen: long enough to cost
/// nothing, short enough for the small periods that fill most of the inside.
const MEMORY_CHUNKS: u64 = 8;
/// Marks a lane without a pixel.
const NO_PIXEL: u32 = u32::MAX;

/// A tile under way.
pub(crate) struct Work {
    spec: Spec,
    columns: Vec<f64>,
    top: u32,
    tile: Tile,
    /// The next pixel to hand to a lane, counted through the tile in rows.
    next: u32,
    /// Pixels without a level.
    open: u32,
    lanes: Lanes,
    pixels: [u32; LANES],
    /// The tick at which each lane took its pixel.
    born: [u64; LANES],
    /// Chunks taken.
    tick: u64,
    /// No lane reaches the iteration limit before this tick.
    first_end: u64,
    /// The tick of the next memory, and how many there were.
    remember_at: u64,
    memories: u64,
}

impl Work {
    /// Begins the tile of a task; `None` when the spec has no such task.
    pub(crate) fn new(spec: &Spec, task: u32) -> Option<Work> {
        let rect = spec.tile_rect(task)?;
        let open = rect.width * rect.height;
        let levels = vec![0; open as usize];
        let mut work = Work {
            spec: spec.clone(),
            columns: (rect.x..rect.x + rect.width).map(|i| spec.column(i)).collect(),
            top: rect.y,
            tile: Tile { width: rect.width, height: rect.height, levels },
            next: 0,
            open,
            lanes: Lanes::new(),
            pixels: [NO_PIXEL; LANES],
            born: [0; LANES],
            tick: 0,
            first_end: 0,
            remember_at: MEMORY_CHUNKS,
            memories: 0,
        };
        (0..LANES).for_each(|lane| work.refill(lane));
        work.first_end = work.chunks_max();
        Some(work)
    }

    /// Spends about `budget` iterations, at least one chunk of all lanes; true when the tile is done.
    pub(crate) fn step(&mut self, budget: u64) -> bool {
        let mut spent: u64 = 0;
        while self.open > 0 && spent < budget {
            let look = self.lanes.advance();
            self.tick += 1;
            spent += u64::from(CHUNK) * LANES as u64;
            if look.escaped {
                self.collect_escaped();
            }
            if look.repeated {
                self.collect_inside(|work, lane| work.lanes.has_repeated(lane));
            }
            if self.tick >= self.first_end {
                self.collect_inside(|work, lane| work.tick >= work.end(lane));
                self.first_end = (0..LANES).map(|lane| self.end(lane)).min().unwrap_or(u64::MAX);
            }
            if self.tick >= self.remember_at {
                self.remember();
            }
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

    fn collect_escaped(&mut self) {
        for lane in 0..LANES {
            if !self.lanes.is_within(lane) {
                let before = self.iterations(lane) - u64::from(CHUNK);
                // Below the limit, so it fits: a lane ends at the first chunk that reaches the limit.
                let before = before as u32;
                let left = CHUNK.min(self.spec.max_iter() - before);
                let escape = escape(self.lanes.before(lane), left)
                    .map(|end| Escape { iterations: before + end.iterations, norm: end.norm });
                self.end_lane(lane, level_from_escape(escape));
            }
        }
    }

    fn collect_inside(&mut self, is_inside: impl Fn(&Work, usize) -> bool) {
        for lane in 0..LANES {
            if self.pixels[lane] != NO_PIXEL && is_inside(self, lane) {
                self.end_lane(lane, 0);
            }
        }
    }

    fn end_lane(&mut self, lane: usize, level: u32) {
        self.tile.levels[self.pixels[lane] as usize] = level;
        self.open -= 1;
        self.refill(lane);
    }

    fn refill(&mut self, lane: usize) {
        let pixel = self.next;
        if pixel as usize == self.tile.levels.len() {
            self.pixels[lane] = NO_PIXEL;
            self.lanes.idle(lane);
            return;
        }
        self.next += 1;
        let (row, column) = (pixel / self.tile.width, pixel % self.tile.width);
        let im = self.spec.row(self.top + row);
        self.lanes.set(lane, self.spec.orbit(self.columns[column as usize], im));
        self.pixels[lane] = pixel;
        self.born[lane] = self.tick;
    }

    /// Intervals of 1, 2, 1, 4, 1, 2, 1, 8, … times the least: short cycles are noticed soon and long
    /// ones eventually, whatever the ages of the orbits in flight.
    fn remember(&mut self) {
        self.lanes.remember();
        self.memories += 1;
        self.remember_at = self.tick + (MEMORY_CHUNKS << self.memories.trailing_zeros());
    }

    /// Steps that the lane's pixel has taken.
    fn iterations(&self, lane: usize) -> u64 {
        (self.tick - self.born[lane]) * u64::from(CHUNK)
    }

    /// The tick at which the lane's pixel counts as inside.
    fn end(&self, lane: usize) -> u64 {
        if self.pixels[lane] == NO_PIXEL { u64::MAX } else { self.born[lane] + self.chunks_max() }
    }

    fn chunks_max(&self) -> u64 {
        u64::from(self.spec.max_iter().div_ceil(CHUNK))
    }
}

#[cfg(test)]
mod tests;
