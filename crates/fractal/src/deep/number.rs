//! The numbers that distances are followed in: f64, and [`Double`] with twice its digits for the
//! pixels that f64 cannot decide. Each of them one at a time, and side by side in vectors.
//!
//! Only what iterating needs: sums, products, and scaling by powers of two. Each operation is a
//! fixed sequence of f64 operations, so results are the same bits everywhere.

use std::fmt::Debug;
use std::ops::{Add, Mul, Neg, Sub};

use crate::vector::Vector;

/// A real number of fixed precision.
pub trait Number:
    Copy
    + Debug
    + PartialEq
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
{
    /// Digits: an operation errs by at most 2 to the minus this of the sizes that go in, or a few
    /// times that.
    const BITS: u32;
    /// Zero.
    const ZERO: Self;
    /// Several of them side by side, with the same operations.
    type Lanes<V: Vector>: Lanes<V, Self>;

    /// The number itself.
    fn from_f64(value: f64) -> Self;
    /// ±0.bits, rounded.
    fn from_places(is_negative: bool, bits: u128) -> Self;
    /// The nearest f64.
    fn near(self) -> f64;
    /// The product with a power of two; exact unless it leaves the range of f64.
    fn scaled(self, power: f64) -> Self;
}

/// Numbers side by side, one in each lane of V.
pub trait Lanes<V: Vector, N>:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self>
{
    /// The number of each lane.
    fn gather(number: impl Fn(usize) -> N) -> Self;
    /// Gives the number of each lane away.
    fn scatter(self, give: impl FnMut(usize, N));
    /// The nearest f64 of each.
    fn near(self) -> V;
    /// `a` where the mask is true, else `b`.
    fn select(mask: V::Mask, a: Self, b: Self) -> Self;
}

/// Lanes of the widest vector.
pub(crate) const WIDTH_MAX: usize = 8;

impl Number for f64 {
    const BITS: u32 = f64::MANTISSA_DIGITS;
    const ZERO: f64 = 0.0;
    type Lanes<V: Vector> = V;

    #[inline(always)]
    fn from_f64(value: f64) -> f64 {
        value
    }

    fn from_places(is_negative: bool, bits: u128) -> f64 {
        let size = (bits >> u64::BITS) as u64 as f64 * TWO_TO_MINUS_64;
        if is_negative { -size } else { size }
    }

    #[inline(always)]
    fn near(self) -> f64 {
        self
    }

    #[inline(always)]
    fn scaled(self, power: f64) -> f64 {
        self * power
    }
}

impl<V: Vector> Lanes<V, f64> for V {
    #[inline(always)]
    fn gather(number: impl Fn(usize) -> f64) -> V {
        let mut numbers = [0.0; WIDTH_MAX];
        for (lane, slot) in numbers.iter_mut().enumerate().take(V::WIDTH) {
            *slot = number(lane);
        }
        V::load(&numbers)
    }

    #[inline(always)]
    fn scatter(self, mut give: impl FnMut(usize, f64)) {
        let mut numbers = [0.0; WIDTH_MAX];
        self.store(&mut numbers);
        for (lane, &number) in numbers.iter().enumerate().take(V::WIDTH) {
            give(lane, number);
        }
    }

    #[inline(always)]
    fn near(self) -> V {
        self
    }

    #[inline(always)]
    fn select(mask: V::Mask, a: V, b: V) -> V {
        V::select(mask, a, b)
    }
}

const TWO_TO_MINUS_64: f64 = 1.0 / (1_u128 << 64) as f64;
/// Splits a number into halves of 26 bits: 2²⁷ + 1.
const SPLIT: f64 = (1 + (1_u64 << 27)) as f64;

/// The unevaluated sum of two f64, the second at most half a unit of the first's last place; in each
/// lane of V.
///
/// The algorithms are those of Dekker (1971) and Knuth, without fused multiply-add. Between 2⁻⁹⁰⁰ and
/// 2⁹⁰⁰, where this crate uses them, nothing is out of range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Double<V = f64> {
    high: V,
    low: V,
}

impl<V: Vector> Double<V> {
    /// The sum of two numbers of which the first is the larger.
    #[inline(always)]
    fn ordered(large: V, small: V) -> Double<V> {
        let high = large + small;
        Double { high, low: small - (high - large) }
    }

    /// The sum of two f64, exactly.
    #[inline(always)]
    fn sum(a: V, b: V) -> Double<V> {
        let high = a + b;
        let part = high - a;
        Double { high, low: (a - (high - part)) + (b - part) }
    }

    /// The difference of two f64, exactly.
    #[inline(always)]
    fn difference(a: V, b: V) -> Double<V> {
        let high = a - b;
        let part = high - a;
        Double { high, low: (a - (high - part)) - (b + part) }
    }

    /// The product of two f64, exactly.
    #[inline(always)]
    fn product(a: V, b: V) -> Double<V> {
        let high = a * b;
        let ((a1, a2), (b1, b2)) = (halves(a), halves(b));
        Double { high, low: a2 * b2 - (((high - a1 * b1) - a2 * b1) - a1 * b2) }
    }
}

#[inline(always)]
fn halves<V: Vector>(value: V) -> (V, V) {
    let part = V::splat(SPLIT) * value;
    let high = part - (part - value);
    (high, value - high)
}

impl<V: Vector> Add for Double<V> {
    type Output = Double<V>;
    #[inline(always)]
    fn add(self, other: Double<V>) -> Double<V> {
        let sum = Double::sum(self.high, other.high);
        Double::ordered(sum.high, sum.low + (self.low + other.low))
    }
}

impl<V: Vector> Sub for Double<V> {
    type Output = Double<V>;
    #[inline(always)]
    fn sub(self, other: Double<V>) -> Double<V> {
        let difference = Double::difference(self.high, other.high);
        Double::ordered(difference.high, difference.low + (self.low - other.low))
    }
}

impl<V: Vector> Mul for Double<V> {
    type Output = Double<V>;
    #[inline(always)]
    fn mul(self, other: Double<V>) -> Double<V> {
        let product = Double::product(self.high, other.high);
        let cross = self.high * other.low + self.low * other.high;
        Double::ordered(product.high, product.low + cross)
    }
}

impl Neg for Double {
    type Output = Double;
    #[inline(always)]
    fn neg(self) -> Double {
        Double { high: -self.high, low: -self.low }
    }
}

impl Number for Double {
    const BITS: u32 = 2 * f64::MANTISSA_DIGITS;
    const ZERO: Double = Double { high: 0.0, low: 0.0 };
    type Lanes<V: Vector> = Double<V>;

    #[inline(always)]
    fn from_f64(value: f64) -> Double {
        Double { high: value, low: 0.0 }
    }

    fn from_places(is_negative: bool, bits: u128) -> Double {
        // Two bits of room, for the nearest f64 may be the next power of two.
        let bits = (bits >> 2) as i128;
        let high = bits as f64;
        let low = (bits - high as i128) as f64;
        let size = Double { high, low }.scaled(4.0 * TWO_TO_MINUS_64 * TWO_TO_MINUS_64);
        if is_negative { -size } else { size }
    }

    #[inline(always)]
    fn near(self) -> f64 {
        self.high
    }

    #[inline(always)]
    fn scaled(self, power: f64) -> Double {
        Double { high: self.high * power, low: self.low * power }
    }
}

impl<V: Vector> Lanes<V, Double> for Double<V> {
    #[inline(always)]
    fn gather(number: impl Fn(usize) -> Double) -> Double<V> {
        let part =
            |part: fn(Double) -> f64| <V as Lanes<V, f64>>::gather(|lane| part(number(lane)));
        Double { high: part(|number| number.high), low: part(|number| number.low) }
    }

    #[inline(always)]
    fn scatter(self, mut give: impl FnMut(usize, Double)) {
        let (mut high, mut low) = ([0.0; WIDTH_MAX], [0.0; WIDTH_MAX]);
        self.high.store(&mut high);
        self.low.store(&mut low);
        for (lane, (&high, &low)) in high.iter().zip(&low).enumerate().take(V::WIDTH) {
            give(lane, Double { high, low });
        }
    }

    #[inline(always)]
    fn near(self) -> V {
        self.high
    }

    #[inline(always)]
    fn select(mask: V::Mask, a: Double<V>, b: Double<V>) -> Double<V> {
        Double { high: V::select(mask, a.high, b.high), low: V::select(mask, a.low, b.low) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deep::wide::power_of_two;
    use dashu_int::IBig;
    use proptest::prelude::*;

    /// Both parts as a multiple of 2⁻³⁰⁰.
    fn exact(value: Double) -> IBig {
        part(value.high) + part(value.low)
    }

    fn part(value: f64) -> IBig {
        let (bits, exponent) = (value.to_bits(), (value.to_bits() >> 52 & 0x7ff) as i64);
        if exponent == 0 {
            assert_eq!(value, 0.0);
            return IBig::ZERO;
        }
        let digits = IBig::from((bits & ((1 << 52) - 1)) | 1 << 52);
        let shift = exponent - 1075 + 300;
        let size = if shift >= 0 { digits << shift as usize } else { digits >> -shift as usize };
        if value < 0.0 { -size } else { size }
    }

    fn any_double() -> impl Strategy<Value = Double> {
        (any::<bool>(), any::<u128>(), 0..40_u32, -20..20_i32).prop_map(
            |(sign, bits, zeros, power)| {
                Double::from_places(sign, bits >> zeros).scaled(power_of_two(power))
            },
        )
    }

    fn within(error: IBig, size: IBig, bits: usize) -> bool {
        let error = if error < IBig::ZERO { -error } else { error };
        (error << bits) <= size
    }

    fn size(value: &IBig) -> IBig {
        if *value < IBig::ZERO { -value } else { value.clone() }
    }

    proptest! {
        #[test]
        fn sums_and_products_err_in_the_last_digits(a in any_double(), b in any_double()) {
            let (p, q) = (exact(a), exact(b));
            let larger = size(&p) + size(&q);
            prop_assert!(within(exact(a + b) - (&p + &q), larger.clone(), 104));
            prop_assert!(within(exact(a - b) - (&p - &q), larger, 104));
            let product = (&p * &q) >> 300;
            prop_assert!(within(exact(a * b) - &product, size(&product), 102));
        }

        #[test]
        fn places_are_kept(sign: bool, bits: u128) {
            let value = exact(Double::from_places(sign, bits));
            let places = (IBig::from(bits) << 300) >> 128;
            let expected = if sign { -places } else { places };
            prop_assert!(within(&value - &expected, size(&expected).max(IBig::from(1) << 200), 104));
            prop_assert_eq!(f64::from_places(sign, bits).is_sign_negative(), sign);
        }
    }
}
