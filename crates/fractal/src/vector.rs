//! The arithmetic that kernels are written in: several f64 side by side, and complex numbers of them.
//!
//! A kernel is written once, over [`Vector`]. Here is the narrowest one, a single f64; wider ones know
//! the machine's instructions and live with the drivers. Every operation rounds each lane once, as
//! IEEE 754 says, and lanes never mix, so a result does not depend on the width. There is no fused
//! multiply-add on purpose.

use std::ops::{Add, Div, Mul, Sub};

/// Several f64 side by side.
pub trait Vector:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// How many.
    const WIDTH: usize;
    /// One truth for each.
    type Mask: Copy;

    /// The same number in each lane.
    fn splat(value: f64) -> Self;
    /// The first [`Vector::WIDTH`] numbers.
    ///
    /// # Panics
    /// When there are fewer.
    fn load(from: &[f64]) -> Self;
    /// Writes the first [`Vector::WIDTH`] numbers.
    ///
    /// # Panics
    /// When there is room for fewer.
    fn store(self, to: &mut [f64]);
    /// Without the sign.
    fn abs(self) -> Self;
    /// Where this is less than or equal to `other`. A NaN is not.
    fn at_most(self, other: Self) -> Self::Mask;
    /// Where this equals `other`. A NaN does not.
    fn equals(self, other: Self) -> Self::Mask;
    /// Where both are true.
    fn both(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// `a` where the mask is true, else `b`.
    fn select(mask: Self::Mask, a: Self, b: Self) -> Self;
    /// The mask as bits, the first lane lowest.
    fn bits(mask: Self::Mask) -> u64;
}

impl Vector for f64 {
    const WIDTH: usize = 1;
    type Mask = bool;

    #[inline(always)]
    fn splat(value: f64) -> f64 {
        value
    }

    #[inline(always)]
    fn load(from: &[f64]) -> f64 {
        from[0]
    }

    #[inline(always)]
    fn store(self, to: &mut [f64]) {
        to[0] = self;
    }

    #[inline(always)]
    fn abs(self) -> f64 {
        f64::abs(self)
    }

    #[inline(always)]
    fn at_most(self, other: f64) -> bool {
        self <= other
    }

    #[inline(always)]
    fn equals(self, other: f64) -> bool {
        self == other
    }

    #[inline(always)]
    fn both(a: bool, b: bool) -> bool {
        a & b
    }

    #[inline(always)]
    fn select(mask: bool, a: f64, b: f64) -> f64 {
        if mask { a } else { b }
    }

    #[inline(always)]
    fn bits(mask: bool) -> u64 {
        u64::from(mask)
    }
}

/// A complex number in each lane. The order of the operations below is part of the protocol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Complex<V> {
    pub(crate) re: V,
    pub(crate) im: V,
}

impl<V: Vector> Complex<V> {
    /// The same number in each lane.
    #[inline(always)]
    pub(crate) fn splat(re: f64, im: f64) -> Complex<V> {
        Complex { re: V::splat(re), im: V::splat(im) }
    }

    #[inline(always)]
    pub(crate) fn square(self) -> Complex<V> {
        let Complex { re, im } = self;
        Complex { re: re * re - im * im, im: (re + re) * im }
    }

    #[inline(always)]
    pub(crate) fn times(self, other: Complex<V>) -> Complex<V> {
        Complex {
            re: self.re * other.re - self.im * other.im,
            im: self.re * other.im + self.im * other.re,
        }
    }

    #[inline(always)]
    pub(crate) fn plus(self, other: Complex<V>) -> Complex<V> {
        Complex { re: self.re + other.re, im: self.im + other.im }
    }

    #[inline(always)]
    pub(crate) fn minus(self, other: Complex<V>) -> Complex<V> {
        Complex { re: self.re - other.re, im: self.im - other.im }
    }

    /// The power by squaring, from the highest bit of the exponent: z⁷ is ((z²·z)²)·z.
    #[inline(always)]
    pub(crate) fn power(self, exponent: u32) -> Complex<V> {
        let mut power = self;
        for bit in (0..exponent.ilog2()).rev() {
            power = power.square();
            if exponent >> bit & 1 == 1 {
                power = power.times(self);
            }
        }
        power
    }

    /// |z|².
    #[inline(always)]
    pub(crate) fn norm(self) -> V {
        self.re * self.re + self.im * self.im
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_whole_numbers_are_exact() {
        let z = Complex { re: 2.0, im: 1.0 };
        let mut power = z;
        for exponent in 1..=9 {
            assert_eq!(z.power(exponent), power, "{exponent}");
            power = power.times(z);
        }
    }

    #[test]
    fn a_nan_is_neither_at_most_nor_equal() {
        assert!(!f64::NAN.at_most(1.0) && !1.0.at_most(f64::NAN) && !f64::NAN.equals(f64::NAN));
        assert!(1.0.at_most(1.0) && !1.0.at_most(0.5));
    }
}
