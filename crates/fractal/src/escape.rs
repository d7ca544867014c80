//! The reference: one orbit, one step at a time, and the level of a pixel.
//!
//! This file defines every number of a tile. Any faster kernel must agree with it bit for bit, so
//! the order of the operations below is part of the protocol: each is rounded once to f64, none is
//! fused, and none may be rearranged.
//!
//! The count of a point is the smallest n ≥ 1 with |zₙ|² > [`ESCAPE_NORM`].

use crate::view::MAX_ITER_MAX;

/// R² for the escape radius R = 256. Large, so that the smooth fraction is smooth.
pub const ESCAPE_NORM: f64 = 65_536.0;

/// log₂ of [`ESCAPE_NORM`].
const ESCAPE_NORM_LOG2: f64 = 16.0;

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

/// How an orbit left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Escape {
    /// The smallest n ≥ 1 with |zₙ|² > R².
    pub iterations: u32,
    /// |zₙ|² at that n.
    pub norm: f64,
}

impl Orbit {
    /// The canonical step z ← z² + c.
    #[inline(always)]
    pub fn step(&mut self) {
        let x = (self.x * self.x - self.y * self.y) + self.c_re;
        let y = (self.x + self.x) * self.y + self.c_im;
        (self.x, self.y) = (x, y);
    }

    /// |z|².
    #[inline(always)]
    pub fn norm(&self) -> f64 {
        self.x * self.x + self.y * self.y
    }
}

/// Follows an orbit for at most `max_iter` steps; `None` when it has not escaped by then.
pub fn escape(mut orbit: Orbit, max_iter: u32) -> Option<Escape> {
    for iterations in 1..=max_iter {
        orbit.step();
        let norm = orbit.norm();
        if norm > ESCAPE_NORM {
            return Some(Escape { iterations, norm });
        }
    }
    None
}

/// The level of a pixel: 0 when it did not escape, else `iterations << 8 | fraction`.
///
/// The fraction is ⌊256·f⌋ with f = 1 − log₂(log₂(norm) / 16), kept within 0..=255. Just beyond the
/// radius f is near 1; near R², where the step before was just inside the radius, f is near 0. So
/// `level / 256` = n + f is continuous across the bands of equal n and grows towards the set.
pub fn level_from_escape(escape: Option<Escape>) -> u32 {
    let Some(Escape { iterations, norm }) = escape else { return 0 };
    debug_assert!((1..=MAX_ITER_MAX).contains(&iterations) && norm > ESCAPE_NORM);
    let smooth = 1.0 - libm::log2(libm::log2(norm) / ESCAPE_NORM_LOG2);
    // A cast of a float to an integer saturates and truncates, on every target.
    let fraction = ((smooth * 256.0) as u32).min(255);
    iterations << 8 | fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Formula;

    fn count(re: f64, im: f64) -> Option<u32> {
        escape(Formula::Mandelbrot.orbit(re, im, 0.0, 0.0), 100_000).map(|escape| escape.iterations)
    }

    #[test]
    fn known_orbits() {
        // 0, 1, 2, 5, 26, 677.
        assert_eq!(count(1.0, 0.0), Some(5));
        assert_eq!(count(-2.0, 0.0), None);
        assert_eq!(count(0.0, 1.0), None);
        assert_eq!(count(0.0, 0.0), None);
        assert_eq!(count(300.0, 0.0), Some(1));
        // |z₁| = R exactly is not yet outside.
        assert_eq!(count(256.0, 0.0), Some(2));
    }

    #[test]
    fn julia_starts_at_the_point() {
        let orbit = Formula::Julia.orbit(4.0, 0.0, 0.0, 0.0);
        // 4, 16, 256 (not outside), 65536.
        assert_eq!(escape(orbit, 10).map(|escape| escape.iterations), Some(3));
        assert_eq!(escape(Formula::Julia.orbit(1.0, 0.0, 0.0, 0.0), 10_000), None);
    }

    #[test]
    fn max_iter_is_inclusive() {
        let orbit = Formula::Mandelbrot.orbit(1.0, 0.0, 0.0, 0.0);
        assert!(escape(orbit, 5).is_some());
        assert!(escape(orbit, 4).is_none());
    }

    #[test]
    fn level_is_monotone_and_continuous_towards_the_set() {
        // Along the real axis towards the tip of the cusp the smooth value may only grow, and by
        // little: a band's end meets the next band's beginning.
        let mut last = 0;
        for i in 0..20_000_u32 {
            let re = 2.0 - f64::from(i) * 1.7 / 20_000.0;
            let level = level_from_escape(escape(
                Formula::Mandelbrot.orbit(re, 0.0, 0.0, 0.0),
                MAX_ITER_MAX,
            ));
            assert!(level >= last, "{re}: {last} then {level}");
            assert!(last == 0 || level - last <= 8, "{re}: {last} then {level}");
            last = level;
        }
    }

    #[test]
    fn level_stays_in_its_byte() {
        for norm in [65_536.000_000_1, 4.0e9, 1e30, f64::MAX, f64::INFINITY] {
            let level = level_from_escape(Some(Escape { iterations: MAX_ITER_MAX, norm }));
            assert_eq!(level >> 8, MAX_ITER_MAX, "{norm}");
        }
        assert_eq!(level_from_escape(None), 0);
    }
}
