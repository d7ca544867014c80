//! Signed numbers with a fixed number of binary places, as many as a deep picture needs.
//!
//! Written for one loop, the orbit of z² + c, which adds, subtracts and squares numbers of a few
//! bits before the point and hundreds behind it. A general crate of arbitrary precision would add a
//! sixth to the page's modules for these operations (49 to 61 kB compressed, measured with dashu,
//! which the tests compare with). There is no division, and nothing here rounds but
//! [`Fixed::set_square`] and reading decimal text.

use std::cmp::Ordering;

use super::digits::Digits;
use super::number::Number;
use super::wide::{Wide, exponent_of, power_of_two};

/// Bits of a limb.
const LIMB: u32 = u64::BITS;

/// A number: its sign and its size in limbs, the lowest first. The last limb is the whole part, so
/// sizes stay below 2⁶⁴; the others are binary places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fixed {
    is_negative: bool,
    limbs: Vec<u64>,
}

impl Fixed {
    /// Zero with `64·(limbs − 1)` binary places. There are at least two limbs.
    pub(crate) fn zero(limbs: usize) -> Fixed {
        assert!(limbs >= 2, "a whole part and some places");
        Fixed { is_negative: false, limbs: vec![0; limbs] }
    }

    /// A decimal number below 2⁶⁴ in size, cut off behind the last place.
    pub(crate) fn from_digits(digits: &Digits, limbs: usize) -> Fixed {
        let places = (limbs as u32 - 1) * LIMB;
        Fixed::from_units(digits.is_negative, &digits.times_power_of_two(places), limbs)
    }

    /// A multiple of the last place, below 2⁶⁴ in size.
    pub(crate) fn from_units(is_negative: bool, units: &[u64], limbs: usize) -> Fixed {
        let mut fixed = Fixed { is_negative, ..Fixed::zero(limbs) };
        for (limb, &unit) in fixed.limbs.iter_mut().zip(units) {
            *limb = unit;
        }
        fixed
    }

    /// value·2^exponent, for a result below 2⁶⁴ in size, cut off behind the last place.
    pub(crate) fn from_f64(value: f64, exponent: i32, limbs: usize) -> Fixed {
        let mut fixed = Fixed::zero(limbs);
        if value == 0.0 {
            return fixed;
        }
        fixed.is_negative = value < 0.0;
        let first = exponent_of(value);
        // The 53 bits of the value as a whole number, and how far they are above the last place.
        let bits = (value.abs() * power_of_two(52 - first)) as u64;
        let above = (limbs as i32 - 1) * LIMB as i32 + exponent + first - 52;
        if above <= -(LIMB as i32) {
            return fixed;
        }
        let (at, shift) = ((above.max(0) as u32 / LIMB) as usize, above.max(0) as u32 % LIMB);
        let pair = u128::from(bits >> (-above).max(0)) << shift;
        for (limb, part) in fixed.limbs[at..].iter_mut().zip([pair as u64, (pair >> LIMB) as u64]) {
            *limb = part;
        }
        fixed
    }

    /// Limbs of the number.
    pub(crate) fn limbs(&self) -> usize {
        self.limbs.len()
    }

    /// `self += other`.
    pub(crate) fn add(&mut self, other: &Fixed) {
        self.add_signed(other, other.is_negative);
    }

    /// `self -= other`.
    pub(crate) fn subtract(&mut self, other: &Fixed) {
        self.add_signed(other, !other.is_negative);
    }

    /// `self = other`, without a new allocation.
    pub(crate) fn set(&mut self, other: &Fixed) {
        self.is_negative = other.is_negative;
        self.limbs.copy_from_slice(&other.limbs);
    }

    fn add_signed(&mut self, other: &Fixed, is_negative: bool) {
        if self.is_negative == is_negative {
            let mut carry = false;
            for (a, &b) in self.limbs.iter_mut().zip(&other.limbs) {
                let (sum, over) = a.overflowing_add(b);
                let (sum, over_again) = sum.overflowing_add(u64::from(carry));
                (*a, carry) = (sum, over | over_again);
            }
            return;
        }
        let is_smaller = self.compare_size(other) == Ordering::Less;
        let mut borrow = false;
        for (a, &b) in self.limbs.iter_mut().zip(&other.limbs) {
            let (large, small) = if is_smaller { (b, *a) } else { (*a, b) };
            let (difference, under) = large.overflowing_sub(small);
            let (difference, under_again) = difference.overflowing_sub(u64::from(borrow));
            (*a, borrow) = (difference, under | under_again);
        }
        if is_smaller {
            self.is_negative = is_negative;
        }
    }

    fn compare_size(&self, other: &Fixed) -> Ordering {
        self.limbs.iter().rev().cmp(other.limbs.iter().rev())
    }

    /// `self = a²`, at most one unit of the last place below the exact square, for |a| < 2³².
    ///
    /// Only the columns of the product that reach the result are computed, and two more below them
    /// for their carries. What is left out is less than limbs·2⁻⁶⁴ of a unit.
    pub(crate) fn set_square(&mut self, a: &Fixed) {
        let limbs = &a.limbs;
        let count = limbs.len();
        self.is_negative = false;
        let mut carry = Column::default();
        for column in count.saturating_sub(3)..2 * count - 1 {
            // Pairs i < j with i + j = column.
            let first = (column + 1).saturating_sub(count);
            let half = column.div_ceil(2);
            let mut cross = Column::default();
            let low = &limbs[first..half];
            let high = &limbs[column + 1 - half..column + 1 - first];
            for (&x, &y) in low.iter().zip(high.iter().rev()) {
                cross.add(u128::from(x) * u128::from(y));
            }
            cross.double();
            if column % 2 == 0 {
                cross.add(u128::from(limbs[column / 2]) * u128::from(limbs[column / 2]));
            }
            cross.add_column(carry);
            if let Some(at) = column.checked_sub(count - 1) {
                self.limbs[at] = cross.low as u64;
            }
            carry = cross.shifted();
        }
    }

    /// The number as a real [`Wide`]: the 128 bits from the highest on, rounded.
    pub(crate) fn to_wide<N: Number>(&self) -> Wide<N> {
        let Some(top) = self.limbs.iter().rposition(|&limb| limb != 0) else { return Wide::ZERO };
        let zeros = self.limbs[top].leading_zeros();
        let limb = |below: usize| top.checked_sub(below).map_or(0, |at| self.limbs[at]);
        let pair = u128::from(limb(0)) << LIMB | u128::from(limb(1));
        let bits = pair << zeros | u128::from(limb(2)) << zeros >> LIMB;
        let exponent = (top as i32 + 2 - self.limbs.len() as i32) * LIMB as i32 - zeros as i32;
        Wide::new(N::from_places(self.is_negative, bits), N::ZERO, exponent)
    }
}

/// Three limbs of a running sum.
#[derive(Clone, Copy, Default)]
struct Column {
    low: u128,
    high: u64,
}

impl Column {
    #[inline(always)]
    fn add(&mut self, value: u128) {
        let (low, over) = self.low.overflowing_add(value);
        self.low = low;
        self.high += u64::from(over);
    }

    fn add_column(&mut self, other: Column) {
        self.add(other.low);
        self.high += other.high;
    }

    fn double(&mut self) {
        self.high = self.high << 1 | (self.low >> 127) as u64;
        self.low <<= 1;
    }

    /// The sum without its lowest limb.
    fn shifted(self) -> Column {
        Column { low: self.low >> LIMB | u128::from(self.high) << LIMB, high: 0 }
    }
}

#[cfg(test)]
mod tests;
