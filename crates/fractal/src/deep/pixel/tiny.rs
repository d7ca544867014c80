//! Steps of distances that f64 cannot hold.

use super::{Basis, Pixel, Turn, norm};
use crate::deep::number::Number;
use crate::deep::spans::WideSpan;
use crate::deep::wide::Wide;
use crate::escape::Ending;
use crate::family::ESCAPE_NORM;

impl<N: Number> Pixel<N> {
    /// One step or span of a distance that f64 cannot hold. It is small, so nothing escapes but with
    /// the path itself.
    pub(super) fn step_wide(
        &mut self,
        basis: &Basis<N>,
        distance: Wide<N>,
        budget: &mut u64,
    ) -> Turn {
        if self.count == basis.max_iter {
            return Turn::Inside;
        }
        if *budget == 0 {
            return Turn::Paused;
        }
        *budget -= 1;
        let (path, spans) = (basis.path(self), &basis.spans[self.path]);
        let steps_max = basis.max_iter - self.count;
        let (next, steps, a, b) = match spans.longest_wide(self.at, distance.magnitude(), steps_max)
        {
            Some((&WideSpan { a, b, .. }, steps)) => (
                a.times(distance).plus(b.times(self.offset)),
                steps,
                a.near(),
                b.near().shifted(basis.scale),
            ),
            None => {
                let twice = path.wide(self.at).shifted(1).plus(distance);
                let next = twice.times(distance).plus(self.offset);
                (next, 1, twice.plus(distance).near(), basis.growth_step())
            }
        };
        self.growth = a.times(self.growth).plus(b);
        (self.at, self.count) = (self.at + steps, self.count + steps);
        let full = path.wide(self.at).plus(next);
        let (x, y) = full.near().at(0);
        if norm(x, y) > ESCAPE_NORM {
            return Turn::Escaped(Ending { iterations: self.count, x, y });
        }
        let is_last = self.at as usize + 1 == path.points.len();
        if is_last || !next.magnitude().is_at_most(full.magnitude()) {
            (self.path, self.at) = (basis.rebased(), 0);
            self.set_wide(basis, full);
        } else {
            self.set_wide(basis, next);
        }
        Turn::Changed
    }
}
