//! One pixel of a deep picture: its distance from the reference orbit, followed until it escapes.
//!
//! With Z the reference and d the distance, z = Z + d, and z² + c + e is Z's next point plus
//! (2Z + d)·d + e, so the distance is all that has to be followed, in f64. When z is nearer to 0
//! than to Z, or the path ends, the pixel goes on as a distance from 0 at the beginning of the path
//! of 0 (Zhuoran's rebasing): what is added to a small distance is never large, so no digit is lost,
//! and there are no glitches to be found and mended. Many steps at once are in `spans`.
//!
//! What f64 rounds in a distance is as if the pixel were shifted by some 2⁻⁵⁰ of its offset. That
//! decides about nothing but among the finest filaments, where an orbit magnifies even this to
//! its own size. So the magnification is followed too, and [`Pixel::is_certain`] tells whether the
//! count can be trusted; where it cannot, the pixel is followed anew with twice the digits
//! ([`Double`](super::number::Double)), and where these do not decide either, by itself (`point`).
//!
//! Distances that f64 cannot hold are followed as [`Wide`], in the same order of operations (`tiny`).
//! Single steps are taken in bursts, by lanes that a pixel lends itself to (`loan`); whether its count
//! can be trusted is in `certain`.
//! Everything here is part of the protocol: two peers must get the same bits.

mod certain;
mod loan;
mod tiny;

use super::burst::{Burst, Lane};
use super::number::Number;
use super::orbit::{Orbit, Path};
use super::spans::{PLAIN_MIN, Span, Spans, begins};
use super::wide::{Wide, larger};
use crate::escape::Ending;
use crate::family::ESCAPE_NORM;
use loan::has_room;

/// A distance of at least this exponent is followed in plain f64. Above that of [`PLAIN_MIN`], so
/// that a distance near the border does not change sides at every step.
pub(crate) const PLAIN_EXPONENT_MIN: i32 = -250;

/// Stands for a magnification beyond f64.
const LOST: Wide = Wide { x: 1.0, y: 1.0, exponent: 1 << 20 };

/// What all pixels of a picture share.
pub(crate) struct Basis<N> {
    pub(crate) orbit: Orbit<N>,
    /// The spans of each path.
    pub(crate) spans: Vec<Spans<N>>,
    /// Exponent of the pixels' offsets.
    pub(crate) scale: i32,
    /// Whether each step adds the offset, or the path only begins with it.
    pub(crate) is_julia: bool,
    pub(crate) max_iter: u32,
}

/// A pixel under way.
#[derive(Debug, Clone)]
pub(crate) struct Pixel<N> {
    /// What each step adds, and the same without an exponent, zero where that is too small.
    offset: Wide<N>,
    plain_offset: (N, N),
    /// The same in multiples of 2^scale, as spans have it.
    unit_offset: (N, N),
    /// The larger part of where the pixel is, in multiples of 2^scale.
    reach: f64,
    /// dzₙ by the pixel's place, in multiples of 2^scale.
    growth: Wide,
    /// The path that it is on, and the point of the path.
    path: usize,
    at: u32,
    /// Steps taken.
    count: u32,
    distance: Distance<N>,
}

#[derive(Debug, Clone, Copy)]
enum Distance<N> {
    Plain(N, N),
    Wide(Wide<N>),
}

/// Why a walk paused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Turn {
    /// The budget is spent.
    Paused,
    /// The next steps can be taken in a burst.
    Ready,
    /// No escape within the limit.
    Inside,
    /// The pixel left.
    Escaped(Ending),
    /// The distance is now of the other kind.
    Changed,
}

impl Turn {
    /// Where the pixel escapes, if it does; `None` while that is not known.
    pub(crate) fn ended(self) -> Option<Option<Ending>> {
        match self {
            Turn::Paused | Turn::Ready | Turn::Changed => None,
            Turn::Inside => Some(None),
            Turn::Escaped(ending) => Some(Some(ending)),
        }
    }
}

impl<N: Number> Basis<N> {
    /// These lanes, about to step.
    pub(crate) fn burst<'a>(&'a self, lanes: &'a mut [Lane<N>]) -> Burst<'a, N> {
        let growth_step = self.growth_step().at(0).0;
        let smallest = self.smallest();
        Burst { paths: &self.orbit.paths, spans: &self.spans, growth_step, smallest, lanes }
    }

    /// Plain distances below this are followed as wide ones, unless a larger offset is added to them at
    /// once.
    fn smallest(&self) -> f64 {
        if !self.is_julia && self.scale >= PLAIN_EXPONENT_MIN { 0.0 } else { PLAIN_MIN }
    }

    fn path(&self, pixel: &Pixel<N>) -> &Path<N> {
        &self.orbit.paths[pixel.path]
    }

    /// What each step adds to the growth of a pixel.
    fn growth_step(&self) -> Wide {
        if self.is_julia { Wide::ZERO } else { Wide::real(1.0, self.scale) }
    }

    /// The path of 0, on which a pixel goes on that was nearer to 0.
    fn rebased(&self) -> usize {
        self.orbit.paths.len() - 1
    }
}

impl<N: Number> Pixel<N> {
    /// The pixel at this offset from the centre.
    pub(crate) fn new(basis: &Basis<N>, place: Wide<N>) -> Self {
        let (u, v) = place.near().at(basis.scale);
        let (offset, distance) =
            if basis.is_julia { (Wide::ZERO, place) } else { (place, Wide::ZERO) };
        let mut pixel = Pixel {
            offset,
            plain_offset: offset.at(0),
            unit_offset: offset.at(basis.scale),
            reach: larger(u, v),
            growth: if basis.is_julia { Wide::real(1.0, basis.scale) } else { Wide::ZERO },
            path: 0,
            at: 0,
            count: 0,
            distance: Distance::Wide(distance),
        };
        pixel.set_wide(basis, distance);
        pixel
    }

    /// Walks on until a burst is next, spending one of `budget` for each step or span.
    pub(crate) fn walk_to_burst(&mut self, basis: &Basis<N>, budget: &mut u64) -> Turn {
        loop {
            let turn = match self.distance {
                Distance::Plain(x, y) => self.walk_plain(basis, (x, y), budget),
                Distance::Wide(distance) => self.step_wide(basis, distance, budget),
            };
            if turn != Turn::Changed {
                return turn;
            }
        }
    }

    fn set_wide(&mut self, basis: &Basis<N>, distance: Wide<N>) {
        let is_plain = basis.smallest() == 0.0 || distance.exponent >= PLAIN_EXPONENT_MIN;
        self.distance = if is_plain {
            let (x, y) = distance.at(0);
            Distance::Plain(x, y)
        } else {
            Distance::Wide(distance)
        };
    }

    fn walk_plain(&mut self, basis: &Basis<N>, (mut x, mut y): (N, N), budget: &mut u64) -> Turn {
        let smallest = basis.smallest();
        let ((u, v), (unit_u, unit_v)) = (self.plain_offset, self.unit_offset);
        let (mut points, mut spans) = self.path_and_spans(basis);
        let (mut at, mut count) = (self.at, self.count);
        let (mut growth_x, mut growth_y) = self.growth.at(0);
        let growth_step = basis.growth_step().at(0).0;
        let turn = loop {
            if count == basis.max_iter {
                break Turn::Inside;
            }
            if *budget == 0 {
                break Turn::Paused;
            }
            let (next_x, next_y, steps, [ax, ay], [bx, by]) =
                match spans.longest(at, larger(x.near(), y.near()), basis.max_iter - count) {
                    Some((&Span { a: [ax, ay], b: [bx, by], .. }, steps)) => {
                        let next_x = (ax * x - ay * y) + (bx * unit_u - by * unit_v);
                        let next_y = (ax * y + ay * x) + (bx * unit_v + by * unit_u);
                        (next_x, next_y, steps, near([ax, ay]), near([bx, by]))
                    }
                    None if begins(at) && has_room(points.len(), at, count, basis) => {
                        break Turn::Ready;
                    }
                    None => {
                        let [zx, zy] = points[at as usize];
                        let (tx, ty) = ((zx + zx) + x, (zy + zy) + y);
                        let (next_x, next_y) = ((tx * x - ty * y) + u, (tx * y + ty * x) + v);
                        (next_x, next_y, 1, near([tx + x, ty + y]), [growth_step, 0.0])
                    }
                };
            *budget -= 1;
            if larger(next_x.near(), next_y.near()) < smallest {
                // Too small for f64 to be exact: the step is taken again as a wide one.
                (self.at, self.count) = (at, count);
                self.distance = Distance::Wide(Wide::new(x, y, 0));
                self.set_growth(growth_x, growth_y);
                return Turn::Changed;
            }
            (growth_x, growth_y) =
                ((ax * growth_x - ay * growth_y) + bx, (ax * growth_y + ay * growth_x) + by);
            (at, count) = (at + steps, count + steps);
            let [zx, zy] = points[at as usize];
            let (full_x, full_y) = (zx + next_x, zy + next_y);
            let norm = norm(full_x, full_y);
            if norm > ESCAPE_NORM {
                let (x, y) = (full_x.near(), full_y.near());
                break Turn::Escaped(Ending { iterations: count, x, y });
            }
            let is_last = at as usize + 1 == points.len();
            if is_last || norm < self::norm(next_x, next_y) {
                (x, y) = (full_x, full_y);
                at = 0;
                self.path = basis.rebased();
                (points, spans) = self.path_and_spans(basis);
            } else {
                (x, y) = (next_x, next_y);
            }
        };
        (self.at, self.count, self.distance) = (at, count, Distance::Plain(x, y));
        self.set_growth(growth_x, growth_y);
        turn
    }

    fn set_growth(&mut self, x: f64, y: f64) {
        self.growth =
            if larger(x, y) < f64::MAX && !y.is_nan() { Wide::new(x, y, 0) } else { LOST };
    }

    fn path_and_spans<'a>(&self, basis: &'a Basis<N>) -> (&'a [[N; 2]], &'a Spans<N>) {
        (&basis.path(self).points, &basis.spans[self.path])
    }
}

#[inline(always)]
fn norm<N: Number>(x: N, y: N) -> f64 {
    let (x, y) = (x.near(), y.near());
    x * x + y * y
}

#[inline(always)]
fn near<N: Number>([x, y]: [N; 2]) -> [f64; 2] {
    [x.near(), y.near()]
}

#[cfg(test)]
mod tests;
