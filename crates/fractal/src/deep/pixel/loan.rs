//! A pixel in a lane of a burst: how it gets there, whether it stays, and how it comes back.

use super::{Basis, Distance, Pixel, Turn, norm};
use crate::deep::burst::{Lane, STEPS};
use crate::deep::number::Number;
use crate::deep::spans::begins;
use crate::deep::wide::{Wide, larger};
use crate::escape::Ending;
use crate::family::ESCAPE_NORM;

impl<N: Number> Pixel<N> {
    /// The pixel, ready for a burst.
    pub(crate) fn lane(&self) -> Lane<N> {
        let Distance::Plain(x, y) = self.distance else { unreachable!("no wide pixel is ready") };
        let (growth_x, growth_y) = self.growth.at(0);
        Lane {
            path: self.path,
            at: self.at,
            distance: [x, y],
            offset: [self.plain_offset.0, self.plain_offset.1],
            growth: [growth_x, growth_y],
            steps: 0,
            steps_in_all: 0,
            goes_on: true,
        }
    }

    /// Whether the pixel is ready for another burst after one, as [`Pixel::walk_to_burst`] would find.
    #[inline(always)]
    pub(crate) fn stays(&self, basis: &Basis<N>, lane: &mut Lane<N>) -> bool {
        lane.at += lane.steps;
        lane.steps_in_all += lane.steps;
        let count = self.count + lane.steps_in_all;
        lane.goes_on
            && has_room(basis.path(self).points.len(), lane.at, count, basis)
            && !self.is_at_span(basis, lane)
    }

    /// Whether a span takes the lane on.
    fn is_at_span(&self, basis: &Basis<N>, lane: &Lane<N>) -> bool {
        let [x, y] = lane.distance;
        begins(lane.at) && larger(x.near(), y.near()) <= basis.spans[self.path].reach(lane.at)
    }

    /// Takes over from a lane that does not stay; what became of the pixel, if it is done.
    pub(crate) fn land(&mut self, basis: &Basis<N>, lane: &Lane<N>) -> Option<Turn> {
        (self.at, self.count) = (lane.at, self.count + lane.steps_in_all);
        self.set_growth(lane.growth[0], lane.growth[1]);
        let [x, y] = lane.distance;
        self.distance = Distance::Plain(x, y);
        if lane.goes_on {
            return None;
        }
        let [zx, zy] = basis.path(self).points[self.at as usize];
        let (full_x, full_y) = (zx + x, zy + y);
        let norm = norm(full_x, full_y);
        if norm > ESCAPE_NORM {
            let (x, y) = (full_x.near(), full_y.near());
            return Some(Turn::Escaped(Ending { iterations: self.count, x, y }));
        }
        if lane.steps > 0 && norm < super::norm(x, y) {
            (self.at, self.path) = (0, basis.rebased());
            self.distance = Distance::Plain(full_x, full_y);
        } else if !self.is_at_span(basis, lane) {
            // The next step leads below what plain numbers hold.
            self.distance = Distance::Wide(Wide::new(x, y, 0));
        }
        None
    }
}

/// Whether a burst that begins at this point ends before its path, and within the iteration limit.
#[inline(always)]
pub(super) fn has_room<N>(points: usize, at: u32, count: u32, basis: &Basis<N>) -> bool {
    ((at + STEPS) as usize) < points - 1 && count + STEPS <= basis.max_iter
}
