//! A single point with all its digits: how many iterations until it escapes, by direct iteration with
//! as many binary places as the answer needs.
//!
//! How many are needed is not known before: an orbit magnifies what was rounded. So each walk
//! carries a bound of its own error, f64 first; where the bound grows too large for the answer to be
//! certain, the walk begins again with more places.

use super::digits::Digits;
use super::fixed::Fixed;
use super::iterate::Iterate;
use super::plan::orbit_of;
use super::wide::Magnitude;
use crate::escape::{Ending, Orbit, follow};
use crate::family::ESCAPE_NORM;
use crate::formula::Formula;
use crate::vector::Complex;
use crate::view::COORDINATE_MAX;

/// The escape radius.
const RADIUS: f64 = 256.0;
/// What one step in f64 adds to the error, as share of |z|² + |c|: four roundings in each part, and
/// those of the bound itself.
const ROUNDING: f64 = 1.0 / (1_u64 << 49) as f64;
/// The largest error for which f64 goes on: far below what decides about escaping.
const ERROR_MAX: f64 = 1.0 / (1 << 10) as f64;
/// Units of the last place that one step adds to the error of a walk in fixed point, c included.
const STEP_UNITS: f64 = 8.0;
/// Two, and more than what computing the bound rounds.
const TWICE_AND_MORE: f64 = 2.0 + 1.0 / (1_u64 << 40) as f64;
/// Binary places that the error may not reach.
const GUARD_BITS: i32 = 64;
/// Binary places of the first walk in fixed point; each further has twice as many.
const PLACES_MIN: u32 = 256;
/// Most binary places: four times what the deepest picture needs.
const PLACES_MAX: u32 = 1 << 14;
/// What all walks together may cost, in products of limbs: about a second. A point that is so
/// unstable that this does not suffice gets the count that f64 gives, right or not.
const COST_MAX: u64 = 1 << 30;

/// A point and what to do with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    formula: Formula,
    /// re, im, c_re, c_im.
    numbers: [Digits; 4],
    /// Its orbit in f64.
    nearest: Orbit,
}

/// How a walk ended.
enum Walked {
    /// With the escape, if there is one.
    Certain(Option<Ending>),
    /// Its error grew too large, or it had no budget left.
    Lost,
}

impl Point {
    /// A point from plain decimal text of coordinates within [`COORDINATE_MAX`], and its orbit in
    /// f64.
    pub(crate) fn new(formula: Formula, texts: [&str; 4], nearest: Orbit) -> Point {
        Point { formula, numbers: texts.map(Digits::parse), nearest }
    }

    /// The smallest n ≥ 1 with |zₙ| > 256, or `None` when there is none up to `max_iter`.
    pub(crate) fn iterations(&self, max_iter: u32) -> Option<u32> {
        if self.is_known_inside() {
            return None;
        }
        if let Walked::Certain(ending) = self.walk_in_f64(max_iter) {
            return ending.map(|ending| ending.iterations);
        }
        let orbit = |limbs| {
            let numbers = self.numbers.each_ref().map(|digits| Fixed::from_digits(digits, limbs));
            orbit_of(self.formula, numbers)
        };
        let ending = certain_ending(orbit, PLACES_MIN, max_iter, COST_MAX)
            .unwrap_or_else(|| follow(self.formula, self.nearest, max_iter));
        ending.map(|ending| ending.iterations)
    }

    /// The real points of the Mandelbrot set: between −2 and 1/4. Most of their orbits are chaotic,
    /// and no number of digits would show that they never leave.
    fn is_known_inside(&self) -> bool {
        let Orbit { c_re, .. } = self.nearest;
        let is_real = self.numbers[1].is_zero();
        self.formula == Formula::MANDELBROT && is_real && -2.0 < c_re && c_re < 0.25
    }

    fn walk_in_f64(&self, max_iter: u32) -> Walked {
        let Orbit { x, y, c_re, c_im } = self.nearest;
        let (mut z, c) = (Complex { re: x, im: y }, Complex { re: c_re, im: c_im });
        let size_of_c = c_re.abs() + c_im.abs();
        // Whole numbers of this size are exact, and so are their squares.
        let is_exact = self.numbers.iter().all(Digits::is_whole);
        let rounding = if is_exact { 0.0 } else { ROUNDING };
        let mut error = COORDINATE_MAX * rounding;
        for iterations in 1..=max_iter {
            let size = z.norm().sqrt();
            error = (2.0 * size + error) * error + (size * size + size_of_c) * rounding;
            z = z.square().plus(c);
            let size = z.norm().sqrt();
            let is_close = (size - RADIUS).abs() <= error && !is_exact;
            if is_close || error > ERROR_MAX {
                return Walked::Lost;
            }
            if z.norm() > ESCAPE_NORM {
                return Walked::Certain(Some(Ending { iterations, x: z.re, y: z.im }));
            }
        }
        Walked::Certain(None)
    }
}

/// Where the orbit, which is given for any number of limbs, escapes within `max_iter` steps, for certain;
/// `None` when that is not known after `budget` products of limbs. The first walk has `places`
/// binary places.
pub(crate) fn certain_ending(
    orbit: impl Fn(usize) -> Iterate,
    mut places: u32,
    max_iter: u32,
    mut budget: u64,
) -> Option<Option<Ending>> {
    while budget > 0 && places <= PLACES_MAX {
        let limbs = 1 + places.div_ceil(u64::BITS) as usize;
        if let Walked::Certain(ending) = walk(orbit(limbs), limbs, max_iter, &mut budget) {
            return Some(ending);
        }
        places *= 2;
    }
    None
}

fn walk(mut z: Iterate, limbs: usize, max_iter: u32, budget: &mut u64) -> Walked {
    let cost = (limbs * limbs) as u64;
    let places = (limbs as i32 - 1) * u64::BITS as i32;
    let allowed = Magnitude::new(1.0, places - GUARD_BITS);
    let mut error = Magnitude::new(1.0, 1);
    for iterations in 1..=max_iter {
        if *budget == 0 || !error.is_at_most(allowed) {
            return Walked::Lost;
        }
        *budget = budget.saturating_sub(cost);
        // (2|z| + error)·error, and what the step adds.
        let twice = z.point::<f64>().magnitude().times(Magnitude::new(TWICE_AND_MORE, 0));
        let own = error.times(Magnitude::new(1.0, -places));
        error = twice.plus(own).times(error).plus(Magnitude::new(STEP_UNITS, 0));
        z.step();
        let (x, y) = z.point::<f64>().at(0);
        let ending = Ending { iterations, x, y };
        if ending.norm() > ESCAPE_NORM {
            return Walked::Certain(Some(ending));
        }
    }
    if error.is_at_most(allowed) { Walked::Certain(None) } else { Walked::Lost }
}

#[cfg(test)]
mod tests;
