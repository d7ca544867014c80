//! The level of a pixel: its count, and how far within that count.
//!
//! A level is 0 for a point that did not end, else `iterations << 8 | fraction`. The fraction is
//! ⌊256·f⌋ with f = 1 − logₚ(log(norm) / log(R²)), kept within 0..=255, for the power p of the formula.
//! Just beyond the radius f is near 1; near R²ᵖ, where the step before was just inside, f is near 0. So
//! `level / 256` = n + f is continuous across the bands of equal n and grows towards the set. For
//! Newton's method norm is 1 / distance², R² is 10¹², p is 2, and the three lowest bits of the fraction
//! name the root.
//!
//! No logarithm is taken for a pixel: the fraction is how many of 255 thresholds the norm stays
//! within, which is exact, and quick to look up.

use crate::escape::Ending;
use crate::family::{ESCAPE_NORM, NEWTON_LIMIT, nearest_root};
use crate::formula::{Family, Formula};
use crate::vector::Complex;

/// Bits of a norm below those that choose its bucket: 64 buckets between two powers of two.
const BUCKET_SHIFT: u32 = 46;
/// The bits of Newton's fraction that name the root.
const ROOT_BITS: u32 = 7;

/// The thresholds of a formula.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    formula: Formula,
    /// The largest norm with at least this fraction. No norm has 256 of 256: the last is 0.
    thresholds: [f64; 257],
    /// The least fraction of each bucket, from the bucket of R² on.
    buckets: Vec<u8>,
    first_bucket: u64,
}

impl Scale {
    pub(crate) fn new(formula: Formula) -> Scale {
        let (limit, power) = match formula.family() {
            Family::Newton => (1.0 / NEWTON_LIMIT, 2.0),
            _ => (ESCAPE_NORM, f64::from(formula.power())),
        };
        let limit_log2 = libm::log2(limit);
        let mut thresholds = [0.0; 257];
        for (k, threshold) in (0..256_u32).zip(&mut thresholds) {
            let exponent = libm::pow(power, 1.0 - f64::from(k) / 256.0);
            *threshold = libm::exp2(limit_log2 * exponent);
        }
        let first_bucket = bucket(limit);
        let last_bucket = bucket(thresholds[1]) + 1;
        let mut fraction = 255;
        let buckets = (first_bucket..=last_bucket).map(|bucket| {
            let end = f64::from_bits((bucket + 1) << BUCKET_SHIFT);
            while fraction > 0 && end > thresholds[fraction] {
                fraction -= 1;
            }
            fraction as u8
        });
        let buckets = buckets.collect();
        Scale { formula, thresholds, buckets, first_bucket }
    }

    /// The level of an orbit, of which the end is `None` when there was none.
    #[inline]
    pub(crate) fn level(&self, ending: Option<Ending>) -> u32 {
        let Some(ending) = ending else { return 0 };
        if self.formula.family() != Family::Newton {
            return ending.iterations << 8 | self.fraction(ending.norm());
        }
        let z = Complex { re: ending.x, im: ending.y };
        let (root, distance) = nearest_root(self.formula.power(), z);
        ending.iterations << 8 | self.fraction(1.0 / distance) & !ROOT_BITS | root
    }

    /// The fraction of an orbit that ended at this norm.
    pub(crate) fn fraction(&self, norm: f64) -> u32 {
        let place = bucket(norm).saturating_sub(self.first_bucket);
        let place = place.min(self.buckets.len() as u64 - 1);
        let least = usize::from(self.buckets[place as usize]);
        // A bucket is at most 1/44 of a power of two, and has one threshold at most: near R², where
        // they are densest, there are 23 of them in a power of two.
        (least + usize::from(norm <= self.thresholds[least + 1])) as u32
    }
}

/// Bits of positive numbers are in the order of the numbers.
fn bucket(norm: f64) -> u64 {
    norm.to_bits() >> BUCKET_SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escape::follow;
    use crate::view::MAX_ITER_MAX;
    use proptest::prelude::*;

    /// The fraction as the head of this file defines it.
    fn by_logarithms(norm: f64, limit: f64, power: f64) -> f64 {
        let smooth = 1.0 - libm::log2(libm::log2(norm) / libm::log2(limit)) / libm::log2(power);
        smooth * 256.0
    }

    proptest! {
        #[test]
        fn the_fraction_is_that_of_the_logarithms(share in 0.0..1.0_f64) {
            for formula in Formula::all() {
                let scale = Scale::new(formula);
                let newton = formula.family() == Family::Newton;
                let limit = if newton { 1e12 } else { ESCAPE_NORM };
                let power = if newton { 2.0 } else { f64::from(formula.power()) };
                let norm = libm::pow(limit, libm::pow(power, share));
                let expected = by_logarithms(norm, limit, power);
                let got = f64::from(scale.fraction(norm));
                let within = got <= expected + 1e-9 && expected - 1e-9 < got + 1.0;
                prop_assert!(within || got == 255.0, "{formula} {norm}: {got}, not {expected}");
            }
        }
    }

    #[test]
    fn the_level_is_monotone_and_continuous_towards_the_set() {
        // Along the real axis towards the set the smooth value may only grow, and by little: a
        // band's end meets the next band's beginning.
        for (name, begin, end) in [
            ("mandelbrot", 2.0, 0.3),
            ("multibrot-3", 2.0, 0.5),
            ("multibrot-8", 2.0, 0.9),
            ("tricorn", 2.0, 0.3),
        ] {
            let formula: Formula = name.parse().expect("a known family");
            let scale = Scale::new(formula);
            let mut last = 0;
            for i in 0..20_000_u32 {
                let re = begin + (end - begin) * f64::from(i) / 20_000.0;
                let orbit = formula.orbit(re, 0.0, 0.0, 0.0);
                let level = scale.level(follow(formula, orbit, MAX_ITER_MAX));
                assert!(level >= last, "{name} {re}: {last} then {level}");
                assert!(last == 0 || level - last <= 8, "{name} {re}: {last} then {level}");
                last = level;
            }
        }
    }

    #[test]
    fn a_level_of_newtons_method_names_its_root() {
        let formula: Formula = "newton-5".parse().expect("a known family");
        let scale = Scale::new(formula);
        for root in 0..5_u32 {
            let turn = std::f64::consts::TAU * f64::from(root) / 5.0;
            let orbit = formula.orbit(3.0 * libm::cos(turn), 3.0 * libm::sin(turn), 0.0, 0.0);
            let level = scale.level(follow(formula, orbit, 100));
            assert_eq!(level & ROOT_BITS, root);
        }
    }

    #[test]
    fn the_fraction_stays_in_its_byte() {
        for formula in Formula::all() {
            let scale = Scale::new(formula);
            for norm in [65_536.000_000_1, 4.0e9, 1e30, f64::MAX, f64::INFINITY, f64::NAN] {
                assert!(scale.fraction(norm) <= 255, "{formula} {norm}");
            }
            assert_eq!(scale.fraction(f64::INFINITY), 0);
            assert_eq!(scale.level(None), 0);
        }
    }
}
