//! Orbits in the lanes of one stream, with the pixels that they belong to.

use super::line::Line;
use crate::engine::Engine;
use crate::escape::Orbit;
use crate::formula::Formula;
use crate::lanes::{LANES_MAX, Look, Stream};

/// Bursts between two memories of where the orbits are, at least. Chosen: long enough to cost
/// nothing, short enough for the small periods that fill most of the inside.
const MEMORY_BURSTS: u64 = 4;

/// A stream under way.
pub(super) struct Team {
    stream: Stream,
    /// Lanes with an orbit, one bit for each.
    busy: u64,
    pixels: [u32; LANES_MAX],
    /// The busy lanes with the tick at which each one's orbit counts as inside.
    line: Line,
    /// Bursts taken.
    tick: u64,
    /// The tick of the next memory, and how many there were.
    remember_at: u64,
    memories: u64,
    /// What the last burst showed of the busy lanes.
    look: Look,
}

impl Team {
    pub(super) fn new() -> Team {
        Team {
            stream: Stream::new(),
            busy: 0,
            pixels: [0; LANES_MAX],
            line: Line::new(),
            tick: 0,
            remember_at: MEMORY_BURSTS,
            memories: 0,
            look: Look { ended: 0, repeated: 0 },
        }
    }

    /// Lanes with an orbit, one bit for each.
    #[inline(always)]
    pub(super) fn busy(&self) -> u64 {
        self.busy
    }

    /// Puts the orbit of a pixel, which counts as inside after so many bursts, into an idle lane.
    #[inline(always)]
    pub(super) fn take(&mut self, lane: usize, orbit: Orbit, pixel: u32, bursts_max: u64) {
        self.stream.set(lane, orbit);
        self.pixels[lane] = pixel;
        self.line.join(lane, self.tick + bursts_max);
        self.busy |= 1 << lane;
    }

    /// Steps all lanes.
    #[inline(always)]
    pub(super) fn burst(&mut self, engine: &dyn Engine, formula: Formula, steps: u32, skips: bool) {
        if self.tick >= self.remember_at {
            self.remember();
        }
        let look = engine.free(formula, &mut self.stream, steps, skips);
        let ended = look.ended & self.busy;
        self.look = Look { ended, repeated: look.repeated & self.busy & !ended };
        self.tick += 1;
    }

    /// A lane whose orbit ended within the last burst leaves: its pixel, where the orbit was before that
    /// burst, and how many bursts it had left before it.
    #[inline(always)]
    pub(super) fn next_ended(&mut self) -> Option<(u32, Orbit, u64)> {
        let lane = take_lowest(&mut self.look.ended)?;
        let due = self.leave(lane);
        Some((self.pixels[lane], self.stream.before(lane), due - self.tick + 1))
    }

    /// A lane whose orbit is inside leaves; whether there was one.
    #[inline(always)]
    pub(super) fn next_inside(&mut self) -> bool {
        // Who repeats a point may be due as well.
        let repeated = take_lowest(&mut self.look.repeated);
        let Some(lane) = repeated.or_else(|| self.line.first_due(self.tick)) else { return false };
        self.leave(lane);
        true
    }

    fn leave(&mut self, lane: usize) -> u64 {
        self.busy &= !(1 << lane);
        self.line.leave(lane)
    }

    /// Intervals of 1, 2, 1, 4, 1, 2, 1, 8, … times the least: short cycles are noticed soon and long
    /// ones eventually, whatever the ages of the orbits in flight.
    fn remember(&mut self) {
        self.stream.remember();
        self.memories += 1;
        self.remember_at = self.tick + (MEMORY_BURSTS << self.memories.trailing_zeros());
    }
}

/// Takes the lowest bit that is set.
#[inline(always)]
pub(super) fn take_lowest(bits: &mut u64) -> Option<usize> {
    let lowest = (*bits != 0).then_some(bits.trailing_zeros() as usize);
    *bits &= bits.wrapping_sub(1);
    lowest
}
