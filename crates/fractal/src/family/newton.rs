//! Newton's method for zⁿ = 1, n = 3 to 8: which root a point is drawn to, and how soon.
//!
//! An orbit ends at the first step that brings it within 10⁻⁶ of a root. There the method squares the
//! distance at each step, so an orbit that has ended stays ended. One that meets 0 is NaN from
//! then on, near no root, and counts as inside.

use super::Rule;
use crate::vector::{Complex, Vector};

/// The squared distance from a root below which an orbit ends.
pub(crate) const LIMIT: f64 = 1e-12;

/// Farther than any root.
const FAR: f64 = 1e300;
const ROOTS_MAX: usize = 8;
const HALF_ROOT_3: f64 = 0.866_025_403_784_438_6;
const HALF_ROOT_2: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// The roots beside 1 of the upper half plane, in order of their argument; the others mirror them.
/// Written as numbers, so that they are the same everywhere and exactly symmetric.
const UPPER: [&[(f64, f64)]; 6] = [
    &[(-0.5, HALF_ROOT_3)],
    &[(0.0, 1.0)],
    &[
        (0.309_016_994_374_947_45, 0.951_056_516_295_153_5),
        (-0.809_016_994_374_947_5, 0.587_785_252_292_473_1),
    ],
    &[(0.5, HALF_ROOT_3), (-0.5, HALF_ROOT_3)],
    &[
        (0.623_489_801_858_733_5, 0.781_831_482_468_029_8),
        (-0.222_520_933_956_314_4, 0.974_927_912_181_823_6),
        (-0.900_968_867_902_419_1, 0.433_883_739_117_558_1),
    ],
    &[(HALF_ROOT_2, HALF_ROOT_2), (0.0, 1.0), (-HALF_ROOT_2, HALF_ROOT_2)],
];

#[derive(Debug, Clone, Copy)]
pub(super) struct Newton {
    power: u32,
    roots: [(f64, f64); ROOTS_MAX],
}

impl Newton {
    /// The method for z to this power, 3 to 8, minus 1.
    #[inline(always)]
    pub(super) fn new(power: u32) -> Newton {
        Newton { power, roots: roots(power) }
    }
}

impl Rule for Newton {
    /// w = zⁿ⁻¹, a = z·w − 1, b = n·w, z ← z − a·conj(b) / |b|².
    #[inline(always)]
    fn step<V: Vector>(self, z: Complex<V>, _: Complex<V>) -> Complex<V> {
        let w = z.power(self.power - 1);
        let a = z.times(w).minus(Complex::splat(1.0, 0.0));
        let n = V::splat(f64::from(self.power));
        let b = Complex { re: n * w.re, im: n * w.im };
        let norm = b.norm();
        z.minus(Complex {
            re: (a.re * b.re + a.im * b.im) / norm,
            im: (a.im * b.re - a.re * b.im) / norm,
        })
    }

    #[inline(always)]
    fn goes_on<V: Vector>(self, z: Complex<V>) -> V::Mask {
        let mut least = V::splat(FAR);
        for &(re, im) in &self.roots[..self.power as usize] {
            let distance = z.minus(Complex::splat(re, im)).norm();
            least = V::select(distance.at_most(least), distance, least);
        }
        V::splat(LIMIT).at_most(least)
    }
}

/// The roots in order of their argument, 1 first.
#[inline(always)]
fn roots(power: u32) -> [(f64, f64); ROOTS_MAX] {
    let upper = UPPER[power as usize - 3];
    let mut roots = [(1.0, 0.0); ROOTS_MAX];
    for (index, &(re, im)) in upper.iter().enumerate() {
        roots[1 + index] = (re, im);
        roots[power as usize - 1 - index] = (re, -im);
    }
    if power.is_multiple_of(2) {
        roots[power as usize / 2] = (-1.0, 0.0);
    }
    roots
}

/// Which root is nearest, counted by argument from 1 itself, and the squared distance from it.
pub(crate) fn nearest_root(power: u32, z: Complex<f64>) -> (u32, f64) {
    let mut nearest = (0, FAR);
    for (index, &(re, im)) in (0..power).zip(&roots(power)) {
        let distance = z.minus(Complex::splat(re, im)).norm();
        if distance < nearest.1 {
            nearest = (index, distance);
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_the_roots_of_unity_in_order() {
        for power in 3..=8_u32 {
            for (index, &(re, im)) in (0..power).zip(&roots(power)) {
                let turn = std::f64::consts::TAU * f64::from(index) / f64::from(power);
                assert!((re - libm::cos(turn)).abs() < 1e-15, "{power} {index}");
                assert!((im - libm::sin(turn)).abs() < 1e-15, "{power} {index}");
                let one = Complex { re, im }.power(power);
                assert!((one.re - 1.0).abs() < 1e-14 && one.im.abs() < 1e-14, "{power} {index}");
            }
        }
    }

    #[test]
    fn near_a_root_the_method_stays_there() {
        for power in 3..=8 {
            let newton = Newton::new(power);
            for &(re, im) in &roots(power)[..power as usize] {
                for (dx, dy) in [(9e-7, 0.0), (0.0, -9e-7), (6e-7, 6e-7), (0.0, 0.0)] {
                    let mut z = Complex { re: re + dx, im: im + dy };
                    for _ in 0..50 {
                        assert!(!newton.goes_on(z), "{power} {z:?}");
                        z = newton.step(z, Complex::splat(0.0, 0.0));
                    }
                }
            }
        }
    }

    #[test]
    fn an_orbit_that_meets_zero_never_ends() {
        let newton = Newton::new(3);
        let mut z = Complex::<f64>::splat(0.0, 0.0);
        for _ in 0..20 {
            assert!(newton.goes_on(z));
            z = newton.step(z, z);
        }
    }
}
