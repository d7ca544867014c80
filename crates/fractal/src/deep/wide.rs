//! Complex numbers of any precision with an exponent of their own, for what f64 would round to zero or
//! to infinity: distances in deep pictures and the derivatives that magnify them.
//!
//! Slower than their parts by an order of magnitude, so only what is out of range is kept this way.
//! Each operation rounds as the parts do, in a fixed order; scaling by powers of two rounds nothing.

use std::cmp::Ordering;

use super::number::Number;

/// The exponent of zero: below that of any number, and far enough from the end of i32 to add to.
const ZERO_EXPONENT: i32 = i32::MIN / 4;
/// A sum ignores what is smaller than its larger part by more than this power of two.
const ALIGN_MAX: i32 = 200;

/// (x + iy)·2^exponent. The larger of |x| and |y| lies within 1 and 2, or all is zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wide<N = f64> {
    pub(crate) x: N,
    pub(crate) y: N,
    pub(crate) exponent: i32,
}

/// A positive number or zero: digits·2^exponent, with digits within 1 and 2 unless zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Magnitude {
    pub(crate) digits: f64,
    pub(crate) exponent: i32,
}

/// 2^exponent; 0 below the range of normal f64 and infinity above it.
#[inline(always)]
pub(crate) fn power_of_two(exponent: i32) -> f64 {
    match exponent {
        ..-1022 => 0.0,
        1024.. => f64::INFINITY,
        _ => f64::from_bits(((exponent + 1023) as u64) << 52),
    }
}

/// e with 2^e ≤ |value| < 2^(e+1), for a finite value other than zero.
pub(crate) fn exponent_of(value: f64) -> i32 {
    let biased = |value: f64| ((value.to_bits() >> 52) & 0x7ff) as i32;
    match biased(value) {
        // Below the normal range: brought into it first.
        0 => biased(value * power_of_two(200)) - 1223,
        biased => biased - 1023,
    }
}

/// The larger of |x| and |y|.
#[inline(always)]
pub(crate) fn larger(x: f64, y: f64) -> f64 {
    let (x, y) = (x.abs(), y.abs());
    if x > y { x } else { y }
}

impl<N: Number> Wide<N> {
    pub(crate) const ZERO: Self = Wide { x: N::ZERO, y: N::ZERO, exponent: ZERO_EXPONENT };

    /// (x + iy)·2^exponent, for finite x and y.
    pub(crate) fn new(x: N, y: N, exponent: i32) -> Self {
        let size = larger(x.near(), y.near());
        if size == 0.0 {
            return Wide::ZERO;
        }
        let shift = exponent_of(size);
        // In two steps, for 2^-shift alone may be out of range.
        let (first, second) = (power_of_two(-shift / 2), power_of_two(-shift - -shift / 2));
        let scaled = |part: N| part.scaled(first).scaled(second);
        Wide { x: scaled(x), y: scaled(y), exponent: exponent + shift }
    }

    /// A real number.
    pub(crate) fn real(x: f64, exponent: i32) -> Self {
        Wide::new(N::from_f64(x), N::ZERO, exponent)
    }

    /// This real number and i times another.
    pub(crate) fn with_imaginary(self, other: Self) -> Self {
        let exponent = self.exponent.max(other.exponent);
        Wide::new(self.at(exponent).0, other.at(exponent).0, exponent)
    }

    /// Rounded to f64.
    pub(crate) fn near(self) -> Wide {
        Wide { x: self.x.near(), y: self.y.near(), exponent: self.exponent }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.exponent == ZERO_EXPONENT
    }

    /// The parts as multiples of 2^exponent; what is out of range below becomes zero.
    pub(crate) fn at(self, exponent: i32) -> (N, N) {
        let shift = self.exponent.saturating_sub(exponent);
        let (first, second) = (power_of_two(shift / 2), power_of_two(shift - shift / 2));
        let scaled = |part: N| part.scaled(first).scaled(second);
        (scaled(self.x), scaled(self.y))
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        let (large, small) =
            if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        if small.exponent < large.exponent - ALIGN_MAX {
            return large;
        }
        let (x, y) = small.at(large.exponent);
        Wide::new(large.x + x, large.y + y, large.exponent)
    }

    pub(crate) fn times(self, other: Self) -> Self {
        if self.is_zero() || other.is_zero() {
            return Wide::ZERO;
        }
        let x = self.x * other.x - self.y * other.y;
        let y = self.x * other.y + self.y * other.x;
        Wide::new(x, y, self.exponent + other.exponent)
    }

    /// This number times 2^shift.
    pub(crate) fn shifted(self, shift: i32) -> Self {
        if self.is_zero() { self } else { Wide { exponent: self.exponent + shift, ..self } }
    }

    /// |x + iy|, rounded.
    pub(crate) fn magnitude(self) -> Magnitude {
        let (x, y) = (self.x.near(), self.y.near());
        let digits = (x * x + y * y).sqrt();
        Magnitude::new(digits, self.exponent)
    }
}

impl Magnitude {
    pub(crate) const ZERO: Magnitude = Magnitude { digits: 0.0, exponent: ZERO_EXPONENT };

    /// digits·2^exponent, for finite digits of at least 0.
    pub(crate) fn new(digits: f64, exponent: i32) -> Magnitude {
        let Wide { x, exponent, .. } = Wide::<f64>::real(digits, exponent);
        Magnitude { digits: x, exponent }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.exponent == ZERO_EXPONENT
    }

    pub(crate) fn times(self, other: Magnitude) -> Magnitude {
        if self.is_zero() || other.is_zero() {
            return Magnitude::ZERO;
        }
        Magnitude::new(self.digits * other.digits, self.exponent + other.exponent)
    }

    pub(crate) fn plus(self, other: Magnitude) -> Magnitude {
        let real = |magnitude: Magnitude| Wide::<f64>::real(magnitude.digits, magnitude.exponent);
        let Wide { x, exponent, .. } = real(self).plus(real(other));
        Magnitude { digits: x, exponent }
    }

    /// The quotient, for a divisor that is not zero.
    pub(crate) fn over(self, other: Magnitude) -> Magnitude {
        if self.is_zero() {
            return Magnitude::ZERO;
        }
        Magnitude::new(self.digits / other.digits, self.exponent - other.exponent)
    }

    /// The difference, or zero where it would be negative.
    pub(crate) fn minus(self, other: Magnitude) -> Magnitude {
        if self.is_at_most(other) {
            return Magnitude::ZERO;
        }
        let shift = other.exponent.saturating_sub(self.exponent);
        Magnitude::new(self.digits - other.digits * power_of_two(shift), self.exponent)
    }

    pub(crate) fn is_at_most(self, other: Magnitude) -> bool {
        match self.exponent.cmp(&other.exponent) {
            Ordering::Less => true,
            Ordering::Equal => self.digits <= other.digits,
            Ordering::Greater => false,
        }
    }

    pub(crate) fn smaller(self, other: Magnitude) -> Magnitude {
        if self.is_at_most(other) { self } else { other }
    }

    /// As f64: zero or infinity where it is out of range.
    pub(crate) fn to_f64(self) -> f64 {
        self.digits * power_of_two(self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_part() -> impl Strategy<Value = f64> {
        prop_oneof![Just(0.0), -1e9..1e9_f64, -1e-3..1e-3_f64]
    }

    fn within(wide: Wide, exponent: i32) -> Wide {
        Wide { exponent: wide.exponent + exponent, ..wide }
    }

    proptest! {
        #[test]
        fn arithmetic_is_that_of_f64_where_both_reach(
            (a, b, c, d) in (any_part(), any_part(), any_part(), any_part()),
            shift in -3_000..3_000_i32,
        ) {
            let (p, q) = (Wide::new(a, b, 0), Wide::new(c, d, 0));
            prop_assert_eq!(p.times(q).at(0), (a * c - b * d, a * d + b * c));
            prop_assert_eq!(p.plus(q).at(0), (a + c, b + d));
            // The same far outside the range of f64.
            if !p.is_zero() && !q.is_zero() {
                let far = within(p, shift).times(within(q, shift));
                prop_assert_eq!(far.at(2 * shift), (a * c - b * d, a * d + b * c));
                prop_assert_eq!(within(p, shift).plus(within(q, shift)).at(shift), (a + c, b + d));
            }
        }

        #[test]
        fn magnitudes_are_ordered_like_numbers(a in 0.0..1e6_f64, b in 0.0..1e6_f64) {
            let (p, q) = (Magnitude::new(a, 0), Magnitude::new(b, 0));
            prop_assert_eq!(p.is_at_most(q), a <= b);
            prop_assert_eq!(p.smaller(q).to_f64(), a.min(b));
            prop_assert_eq!(p.minus(q).to_f64(), (a - b).max(0.0));
            if b > 0.0 {
                prop_assert_eq!(p.over(q).to_f64(), a / b);
            }
        }
    }

    #[test]
    fn exponents_reach_below_the_normal_range() {
        for exponent in [-1074, -1060, -1023, -1022, -1, 0, 1, 1023] {
            let value = if exponent < -1022 {
                f64::from_bits(1 << (exponent + 1074))
            } else {
                power_of_two(exponent)
            };
            assert_eq!(exponent_of(value), exponent);
            assert_eq!(Wide::new(value, 0.0, 0), Wide { x: 1.0, y: 0.0, exponent });
        }
    }

    #[test]
    fn what_is_negligible_changes_nothing() {
        let one = Wide::new(1.0, 0.0, 0);
        assert_eq!(one.plus(Wide::new(1.0, 1.0, -5_000)), one);
        assert_eq!(one.plus(Wide::ZERO), one);
        assert_eq!(Wide::<f64>::ZERO.plus(Wide::ZERO), Wide::ZERO);
        assert_eq!(one.at(5_000), (0.0, 0.0));
    }
}
