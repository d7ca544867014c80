//! The reference orbit of a deep picture: the one orbit that is computed with all the digits.
//!
//! Every pixel is followed as its distance from this orbit (`pixel`). The orbit is computed once for
//! a picture, in slices, and depends on the view alone; its canonical bytes (`orbit/codec`) can be
//! kept and given to whoever computes other tiles of the same picture.
//!
//! A path ends early, at a point n, when the picture cannot tell zₙ from 0: when
//! |zₙ| ≤ |dzₙ/dc|·pitch/4. A pixel off the centre is by then farther from the path than the path is
//! from 0, so it begins anew at 0 there anyway (Zhuoran's rebasing), and the rest of the path is of
//! no use. Where the view is centred on a minibrot that is after one period.

use super::iterate::Iterate;
use super::number::Number;
use super::plan::Plan;
use super::wide::{Magnitude, Wide, larger};
use crate::family::ESCAPE_NORM;

mod codec;
mod packed;

pub use codec::OrbitError;

/// Most points of a path; a view with a larger iteration limit than this is too deep to be affordable
/// and refused. Chosen: with the spans that are made of it, a path of this length takes 0.2 GB.
pub const PATH_POINTS_MAX: u32 = 1 << 22;

/// Points below this size are kept as [`Wide`] too, for the steps of distances that are as small.
/// 2⁻⁴⁰⁰.
pub(crate) const TINY: f64 = f64::from_bits((1023 - 400) << 52);

/// The points of one orbit, the first z₀.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path<N = f64> {
    /// Rounded; zero where that is too small. At most [`PATH_POINTS_MAX`] + 1.
    pub(crate) points: Vec<[N; 2]>,
    /// The points smaller than [`TINY`] other than zero, by their place. At most as many as points.
    tiny: Vec<(u32, Wide<N>)>,
}

/// The reference orbit: the path of the centre and, where that is another one, the path of 0, onto
/// which pixels change when they pass nearer to 0 than to the path that they are on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Orbit<N = f64> {
    /// c, rounded to f64.
    pub(crate) c: [f64; 2],
    /// One path for the Mandelbrot set, where the centre's orbit begins at 0, else two.
    pub(crate) paths: Vec<Path<N>>,
}

impl<N> Default for Path<N> {
    fn default() -> Self {
        Path { points: Vec::new(), tiny: Vec::new() }
    }
}

impl<N: Number> Path<N> {
    pub(crate) fn push(&mut self, z: Wide<N>) {
        let (x, y) = z.at(0);
        if larger(x.near(), y.near()) < TINY && !z.is_zero() {
            self.tiny.push((self.points.len() as u32, z));
        }
        // Zero has one form here, for it has one in the bytes.
        self.points.push([x + N::ZERO, y + N::ZERO]);
    }

    /// A point with all of its range.
    pub(crate) fn wide(&self, at: u32) -> Wide<N> {
        let [x, y] = self.points[at as usize];
        if larger(x.near(), y.near()) >= TINY {
            return Wide::new(x, y, 0);
        }
        let place = self.tiny.binary_search_by_key(&at, |&(place, _)| place);
        place.map_or(Wide::ZERO, |place| self.tiny[place].1)
    }
}

/// A path under way.
pub(crate) struct Walk {
    z: Iterate,
    /// dzₙ by the point of the picture, where the path is that of the picture's centre.
    derivative: Option<Wide>,
    /// What each step adds to the derivative: 1 when c is the point of the picture, else 0.
    derivative_step: Wide,
    /// A quarter of the distance of two pixels.
    nearness: Magnitude,
    steps_left: u32,
    is_over: bool,
}

impl Walk {
    /// The path of the picture's centre.
    pub(crate) fn of_centre(plan: &Plan) -> Walk {
        let one = Wide::new(1.0, 0.0, 0);
        let (derivative, step) =
            if plan.is_julia() { (one, Wide::ZERO) } else { (Wide::ZERO, one) };
        Walk {
            derivative: Some(derivative),
            derivative_step: step,
            ..Walk::new(plan, plan.centre())
        }
    }

    /// The path of 0.
    pub(crate) fn of_zero(plan: &Plan) -> Walk {
        Walk::new(plan, plan.zero())
    }

    fn new(plan: &Plan, z: Iterate) -> Walk {
        Walk {
            z,
            derivative: None,
            derivative_step: Wide::ZERO,
            nearness: Magnitude::new(plan.pitch().digits * 0.25, plan.pitch().exponent),
            steps_left: plan.max_iter(),
            is_over: false,
        }
    }

    /// The point where the path is.
    pub(crate) fn point<N: Number>(&self) -> Wide<N> {
        self.z.point()
    }

    /// c to the precision of f64.
    pub(crate) fn constant(&self) -> [f64; 2] {
        let (x, y) = self.z.constant::<f64>().at(0);
        [x, y]
    }

    /// The next point of the path, or `None` behind the last.
    pub(crate) fn step<N: Number>(&mut self) -> Option<Wide<N>> {
        if self.is_over || self.steps_left == 0 {
            return None;
        }
        self.steps_left -= 1;
        if let Some(derivative) = self.derivative {
            let twice = self.point::<f64>().shifted(1);
            self.derivative = Some(twice.times(derivative).plus(self.derivative_step));
        }
        self.z.step();
        let z = self.point::<N>();
        self.is_over = has_escaped(z.near()) || self.is_at_zero(z.near());
        Some(z)
    }

    fn is_at_zero(&self, z: Wide) -> bool {
        let near = self.derivative.map(|derivative| derivative.magnitude().times(self.nearness));
        z.is_zero() || near.is_some_and(|near| z.magnitude().is_at_most(near))
    }
}

/// Whether |z| is beyond the escape radius, as a pixel's own test would say.
fn has_escaped(z: Wide) -> bool {
    let (x, y) = z.at(0);
    x * x + y * y > ESCAPE_NORM
}

#[cfg(test)]
mod tests;
