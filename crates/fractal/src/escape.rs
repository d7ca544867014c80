//! The reference: one orbit, one step at a time.
//!
//! The count of a point is the smallest n ≥ 1 at which its orbit has ended: |zₙ|² > [`ESCAPE_NORM`],
//! or for Newton's method |zₙ − root|² < 10⁻¹². Any faster kernel must agree with this one bit for bit.
//!
//! [`ESCAPE_NORM`]: crate::ESCAPE_NORM

use crate::family::{Rule, WithRule};
use crate::formula::Formula;
use crate::vector::Complex;

/// A point on its way: z = x + iy, and the constant that each step adds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Orbit {
    /// Real part of z.
    pub x: f64,
    /// Imaginary part of z.
    pub y: f64,
    /// Real part of c.
    pub c_re: f64,
    /// Imaginary part of c.
    pub c_im: f64,
}

/// Where an orbit ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ending {
    /// The count.
    pub iterations: u32,
    /// Real part of z at that count.
    pub x: f64,
    /// Imaginary part of z at that count.
    pub y: f64,
}

impl Ending {
    /// |z|² where the orbit ended.
    pub fn norm(&self) -> f64 {
        Complex { re: self.x, im: self.y }.norm()
    }
}

/// Follows an orbit for at most `max_iter` steps; `None` when it has not ended by then.
pub fn follow(formula: Formula, orbit: Orbit, max_iter: u32) -> Option<Ending> {
    formula.visit(Follow { orbit, max_iter })
}

struct Follow {
    orbit: Orbit,
    max_iter: u32,
}

impl WithRule for Follow {
    type Out = Option<Ending>;

    #[inline(always)]
    fn with<R: Rule>(self, rule: R) -> Option<Ending> {
        let Orbit { x, y, c_re, c_im } = self.orbit;
        let (mut z, c) = (Complex { re: x, im: y }, Complex { re: c_re, im: c_im });
        for iterations in 1..=self.max_iter {
            z = rule.step(z, c);
            if !rule.goes_on(z) {
                return Some(Ending { iterations, x: z.re, y: z.im });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
