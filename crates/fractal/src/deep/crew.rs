//! The pixels of a tile that are under way at the same time, all followed in N.
//!
//! Each is followed by itself until it is ready for a burst; as soon as as many are ready as an engine
//! has lanes for, they step together. Who meets whom in a burst changes no pixel.

use super::Picture;
use super::burst::{Burst, Lane};
use super::number::Number;
use super::pixel::{Pixel, Turn};

/// A pixel and its place in the tile.
type Placed<N> = (u32, Pixel<N>);

/// How bursts are taken.
pub(super) struct Pace<'a, N> {
    /// Pixels in a burst.
    pub(super) lanes: usize,
    pub(super) burst: &'a dyn Fn(&mut Burst<'_, N>),
    /// What a step of a pixel costs.
    pub(super) price: u64,
}

/// The pixels under way.
pub(super) struct Crew<N> {
    /// Those in the lanes of the next burst, and the lanes.
    ready: Vec<Placed<N>>,
    lanes: Vec<Lane<N>>,
    /// Those that are followed by themselves first. At most as many as lanes.
    waiting: Vec<Placed<N>>,
}

impl<N: Number> Crew<N> {
    pub(super) fn new() -> Self {
        Crew { ready: Vec::new(), lanes: Vec::new(), waiting: Vec::new() }
    }

    /// Follows all that `next` gives, and tells `done` of each that is. True when none is left, false
    /// when the budget is spent.
    pub(super) fn walk(
        &mut self,
        picture: &Picture<N>,
        pace: &Pace<'_, N>,
        mut next: impl FnMut() -> Option<Placed<N>>,
        mut done: impl FnMut(Placed<N>, Turn),
        budget: &mut u64,
    ) -> bool {
        let price = pace.price;
        loop {
            while self.ready.len() < pace.lanes {
                let Some((place, mut pixel)) = self.waiting.pop().or_else(&mut next) else { break };
                let mut steps = budget.div_ceil(price);
                let turn = pixel.walk_to_burst(&picture.basis, &mut steps);
                *budget = (*budget).min(steps.saturating_mul(price));
                match turn {
                    Turn::Ready => {
                        self.lanes.push(pixel.lane());
                        self.ready.push((place, pixel));
                    }
                    Turn::Inside | Turn::Escaped(_) => done((place, pixel), turn),
                    Turn::Paused | Turn::Changed => {
                        self.waiting.push((place, pixel));
                        return false;
                    }
                }
            }
            if self.ready.is_empty() {
                return true;
            }
            if *budget == 0 {
                return false;
            }
            (pace.burst)(&mut picture.basis.burst(&mut self.lanes));
            let steps = self.lanes.iter().map(|lane| u64::from(lane.steps)).sum::<u64>();
            *budget = budget.saturating_sub(steps.max(1) * price);
            for index in (0..self.ready.len()).rev() {
                if self.ready[index].1.stays(&picture.basis, &mut self.lanes[index]) {
                    continue;
                }
                let (place, mut pixel) = self.ready.swap_remove(index);
                match pixel.land(&picture.basis, &self.lanes.swap_remove(index)) {
                    Some(turn) => done((place, pixel), turn),
                    None => self.waiting.push((place, pixel)),
                }
            }
        }
    }
}
