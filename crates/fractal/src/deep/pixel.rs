//! One pixel of a deep picture: its distance from the reference orbit, followed until it escapes.
//!
//! With Z the reference and d the distance, z = Z + d, and z² + c + e is Z's next point plus
//! (2Z + d)·d + e, so the distance is all that has to be followed, in f64. When z is nearer to 0
//! than to Z, or the path ends, the pixel goes on as a distance from 0 at the beginning of the path
//! of 0 (Zhuoran's rebasing): what is added to a small distance is never large, so no digit is lost,
//! and there are no glitches to be found and mended. Many steps at once are in `spans`.
//!
//! What f64 rounds in a distance is as if the pixel were shifted by some 2⁻⁵⁰ of its offset. That
//! decides about nothing but among the finest filaments, where an orbit magnifies even this beyond
//! its own size. So the magnification is followed too, and [`Pixel::is_certain`] tells whether the
//! count can be trusted; where it cannot, the pixel is computed by itself (`point`).
//!
//! Distances that f64 cannot hold are followed as [`Wide`], in the same order of operations.
//! Everything here is part of the protocol: two peers must get the same bits.

use super::orbit::{Orbit, Path};
use super::spans::{PLAIN_MIN, Span, Spans, WideSpan};
use super::wide::{Wide, larger};
use crate::escape::Ending;
use crate::family::ESCAPE_NORM;

/// A distance of at least this exponent is followed in plain f64. Above that of [`PLAIN_MIN`], so
/// that a distance near the border does not change sides at every step.
pub(crate) const PLAIN_EXPONENT_MIN: i32 = -250;

/// How many times its own size a point may move while the pixel moves by its whole offset, so that
/// its count can be trusted: 2³⁷. Roundings move the pixel by 2⁻⁵³ of its offset each, 2⁻⁴⁷ in all when
/// they add up as 4,000 random ones do, and so move the point by a thousandth of its size.
const CERTAIN_MAX: f64 = (1_u64 << 37) as f64;
/// Stands for a magnification beyond f64.
const LOST: Wide = Wide { x: 1.0, y: 1.0, exponent: 1 << 20 };

/// What all pixels of a picture share.
pub(crate) struct Ground {
    pub(crate) orbit: Orbit,
    /// The spans of each path.
    pub(crate) spans: Vec<Spans>,
    /// Exponent of the pixels' offsets.
    pub(crate) scale: i32,
    /// Whether each step adds the offset, or the path only begins with it.
    pub(crate) is_julia: bool,
    pub(crate) max_iter: u32,
}

/// A pixel under way.
#[derive(Debug, Clone)]
pub(crate) struct Pixel {
    /// What each step adds, and the same in f64, zero where that is too small.
    offset: Wide,
    plain_offset: (f64, f64),
    /// The same in multiples of 2^scale, as spans have it.
    unit_offset: (f64, f64),
    /// The larger part of where the pixel is, in multiples of 2^scale.
    reach: f64,
    /// dzₙ by the pixel's place, in multiples of 2^scale.
    growth: Wide,
    /// The path that it is on, and the point of the path.
    path: usize,
    at: u32,
    /// Steps taken.
    count: u32,
    distance: Distance,
}

#[derive(Debug, Clone, Copy)]
enum Distance {
    Plain(f64, f64),
    Wide(Wide),
}

/// Why a walk paused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Turn {
    /// The budget is spent.
    Paused,
    /// No escape within the limit.
    Inside,
    /// The pixel left.
    Escaped(Ending),
    /// The distance is now of the other kind.
    Changed,
}

impl Ground {
    fn path(&self, pixel: &Pixel) -> &Path {
        &self.orbit.paths[pixel.path]
    }

    /// What each step adds to the growth of a pixel.
    fn growth_step(&self) -> Wide {
        if self.is_julia { Wide::ZERO } else { Wide::new(1.0, 0.0, self.scale) }
    }

    /// The path of 0, on which a pixel goes on that was nearer to 0.
    fn rebased(&self) -> usize {
        self.orbit.paths.len() - 1
    }
}

impl Pixel {
    /// The pixel at this offset from the centre, in multiples of 2^scale.
    pub(crate) fn new(ground: &Ground, (u, v): (f64, f64)) -> Pixel {
        let place = Wide::new(u, v, ground.scale);
        let (offset, distance) =
            if ground.is_julia { (Wide::ZERO, place) } else { (place, Wide::ZERO) };
        let mut pixel = Pixel {
            offset,
            plain_offset: offset.at(0),
            unit_offset: offset.at(ground.scale),
            reach: larger(u, v),
            growth: if ground.is_julia { Wide::new(1.0, 0.0, ground.scale) } else { Wide::ZERO },
            path: 0,
            at: 0,
            count: 0,
            distance: Distance::Wide(distance),
        };
        pixel.set_wide(distance);
        pixel
    }

    /// Walks on, spending one of `budget` for each step or span.
    pub(crate) fn walk(&mut self, ground: &Ground, budget: &mut u64) -> Turn {
        loop {
            let turn = match self.distance {
                Distance::Plain(x, y) => self.walk_plain(ground, (x, y), budget),
                Distance::Wide(distance) => self.step_wide(ground, distance, budget),
            };
            if turn != Turn::Changed {
                return turn;
            }
        }
    }

    /// Whether the count of a pixel that is done can be trusted: the size that its last point has, or 1
    /// when it stayed inside.
    pub(crate) fn is_certain(&self, turn: Turn) -> bool {
        let size = if let Turn::Escaped(ending) = turn { ending.norm().sqrt() } else { 1.0 };
        self.growth.magnitude().to_f64() * self.reach <= size * CERTAIN_MAX
    }

    /// log₂ of how far the last point moves with the pixel, in multiples of 2^scale.
    pub(crate) fn growth_exponent(&self) -> i32 {
        self.growth.exponent
    }

    /// Whether even the smallest plain distance may be followed in f64, because a larger offset is
    /// added to it at once.
    fn is_always_plain(&self) -> bool {
        self.offset.exponent >= PLAIN_EXPONENT_MIN
    }

    fn set_wide(&mut self, distance: Wide) {
        let is_plain = self.is_always_plain() || distance.exponent >= PLAIN_EXPONENT_MIN;
        self.distance = if is_plain {
            let (x, y) = distance.at(0);
            Distance::Plain(x, y)
        } else {
            Distance::Wide(distance)
        };
    }

    fn walk_plain(
        &mut self,
        ground: &Ground,
        (mut x, mut y): (f64, f64),
        budget: &mut u64,
    ) -> Turn {
        let smallest = if self.is_always_plain() { 0.0 } else { PLAIN_MIN };
        let ((u, v), (unit_u, unit_v)) = (self.plain_offset, self.unit_offset);
        let (mut points, mut spans) = self.path_and_spans(ground);
        let (mut at, mut count) = (self.at, self.count);
        let (mut growth_x, mut growth_y) = self.growth.at(0);
        let growth_step = ground.growth_step().at(0).0;
        let turn = loop {
            if count == ground.max_iter {
                break Turn::Inside;
            }
            if *budget == 0 {
                break Turn::Paused;
            }
            *budget -= 1;
            let (next_x, next_y, steps, [ax, ay], [bx, by]) =
                match spans.longest(at, larger(x, y), ground.max_iter - count) {
                    Some((&Span { a: [ax, ay], b: [bx, by], .. }, steps)) => {
                        let next_x = (ax * x - ay * y) + (bx * unit_u - by * unit_v);
                        let next_y = (ax * y + ay * x) + (bx * unit_v + by * unit_u);
                        (next_x, next_y, steps, [ax, ay], [bx, by])
                    }
                    None => {
                        let [zx, zy] = points[at as usize];
                        let (tx, ty) = ((zx + zx) + x, (zy + zy) + y);
                        let (next_x, next_y) = ((tx * x - ty * y) + u, (tx * y + ty * x) + v);
                        (next_x, next_y, 1, [tx + x, ty + y], [growth_step, 0.0])
                    }
                };
            if larger(next_x, next_y) < smallest {
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
            let norm = full_x * full_x + full_y * full_y;
            if norm > ESCAPE_NORM {
                break Turn::Escaped(Ending { iterations: count, x: full_x, y: full_y });
            }
            let is_last = at as usize + 1 == points.len();
            if is_last || norm < next_x * next_x + next_y * next_y {
                (x, y) = (full_x, full_y);
                at = 0;
                self.path = ground.rebased();
                (points, spans) = self.path_and_spans(ground);
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

    fn path_and_spans<'a>(&self, ground: &'a Ground) -> (&'a [[f64; 2]], &'a Spans) {
        (&ground.path(self).points, &ground.spans[self.path])
    }

    /// One step or span of a distance that f64 cannot hold. It is small, so nothing escapes but with
    /// the path itself.
    fn step_wide(&mut self, ground: &Ground, distance: Wide, budget: &mut u64) -> Turn {
        if self.count == ground.max_iter {
            return Turn::Inside;
        }
        if *budget == 0 {
            return Turn::Paused;
        }
        *budget -= 1;
        let (path, spans) = (ground.path(self), &ground.spans[self.path]);
        let steps_max = ground.max_iter - self.count;
        let (next, steps, a, b) = match spans.longest_wide(self.at, distance.magnitude(), steps_max)
        {
            Some((&WideSpan { a, b, .. }, steps)) => {
                (a.times(distance).plus(b.times(self.offset)), steps, a, b.shifted(ground.scale))
            }
            None => {
                let twice = path.wide(self.at).shifted(1).plus(distance);
                let next = twice.times(distance).plus(self.offset);
                (next, 1, twice.plus(distance), ground.growth_step())
            }
        };
        self.growth = a.times(self.growth).plus(b);
        (self.at, self.count) = (self.at + steps, self.count + steps);
        let full = path.wide(self.at).plus(next);
        let (x, y) = full.at(0);
        let norm = x * x + y * y;
        if norm > ESCAPE_NORM {
            return Turn::Escaped(Ending { iterations: self.count, x, y });
        }
        let is_last = self.at as usize + 1 == path.points.len();
        if is_last || !next.magnitude().is_at_most(full.magnitude()) {
            (self.path, self.at) = (ground.rebased(), 0);
            self.set_wide(full);
        } else {
            self.set_wide(next);
        }
        Turn::Changed
    }
}

#[cfg(test)]
mod tests;
