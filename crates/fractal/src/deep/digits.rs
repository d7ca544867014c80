//! Decimal text as whole numbers of any size, so that not a digit is lost before the precision of a
//! picture is known.
//!
//! Only text that [`f64_from_decimal`](crate::decimal) has taken comes here: its grammar and its
//! length are checked. An exponent may still say anything.

use super::wide::Magnitude;

/// The largest power of ten in a limb.
const TEN_19: u64 = 10_000_000_000_000_000_000;
const TEN_19_DIGITS: u32 = 19;
/// Exponents beyond this count as this: no number in use has so many digits.
const EXPONENT_MAX: i64 = 1 << 20;

/// ±N·10^power, with N in limbs, the lowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digits {
    pub(crate) is_negative: bool,
    limbs: Vec<u64>,
    power: i64,
}

impl Digits {
    /// Reads text that is known to be a plain decimal number.
    pub(crate) fn parse(text: &str) -> Digits {
        let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let fraction = fraction.trim_end_matches('0');
        let mut limbs = Vec::new();
        for byte in whole.bytes().chain(fraction.bytes()).filter(u8::is_ascii_digit) {
            multiply_add(&mut limbs, 10, u64::from(byte - b'0'));
        }
        let power = read_exponent(exponent) - fraction.len() as i64;
        Digits { is_negative: text.starts_with('-'), limbs, power }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// Whether it is zero or written as a whole number.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_zero() || self.power >= 0
    }

    /// Decimal digits before the point, or one more: 10^(n−2) ≤ size < 10^n. Of zero it says nothing.
    pub(crate) fn whole_digits(&self) -> i64 {
        let bits = self.limbs.len() as i64 * i64::from(u64::BITS)
            - self.limbs.last().map_or(0, |limb| i64::from(limb.leading_zeros()));
        // log₁₀ 2 to six digits: exact enough for texts of a thousand.
        bits * 301_030 / 1_000_000 + self.power + 1
    }

    /// ⌊size·2^shift⌋ in limbs, the lowest first. The memory is that of the result and the text.
    pub(crate) fn times_power_of_two(&self, shift: u32) -> Vec<u64> {
        let mut limbs = self.limbs.clone();
        if limbs.is_empty() {
            return limbs;
        }
        shift_left(&mut limbs, shift);
        times_power_of_ten(&mut limbs, self.power);
        limbs
    }

    /// ⌊numerator·2^shift / (size·factor)⌋ for a size above zero whose digits fit into a limb, as
    /// those of a zoom do that a person types; else `None`.
    pub(crate) fn divide_into(&self, numerator: u64, factor: u64, shift: u32) -> Option<Vec<u64>> {
        let [divisor] = self.limbs[..] else { return None };
        let mut limbs = Vec::new();
        multiply_add(&mut limbs, 0, numerator);
        shift_left(&mut limbs, shift);
        if self.power < 0 {
            times_power_of_ten(&mut limbs, -self.power);
        }
        // Cutting off after each division is cutting off once.
        divide(&mut limbs, divisor);
        divide(&mut limbs, factor);
        if self.power > 0 {
            times_power_of_ten(&mut limbs, -self.power);
        }
        Some(limbs)
    }

    /// The size to the precision of f64, for less than a few thousand digits before the point.
    pub(crate) fn magnitude(&self) -> Magnitude {
        // Enough places for what is divided by a power of ten not to become less than 64 bits.
        let places = 64 + (self.power.unsigned_abs().min(EXPONENT_MAX as u64) * 4) as u32;
        let places = if self.power < 0 { places } else { 64 };
        let limbs = self.times_power_of_two(places);
        let Some((&top, rest)) = limbs.split_last() else { return Magnitude::ZERO };
        let below = rest.last().copied().unwrap_or(0);
        let zeros = top.leading_zeros();
        let bits =
            ((u128::from(top) << u64::BITS | u128::from(below)) << zeros >> u64::BITS) as u64;
        let exponent = rest.len() as i64 * 64 - i64::from(zeros) - i64::from(places);
        Magnitude::new(bits as f64, exponent as i32)
    }
}

/// `limbs = ⌊limbs·10^power⌋`.
fn times_power_of_ten(limbs: &mut Vec<u64>, power: i64) {
    let mut left = power;
    while left != 0 && !limbs.is_empty() {
        let step = left.unsigned_abs().min(u64::from(TEN_19_DIGITS)) as u32;
        let factor = if step == TEN_19_DIGITS { TEN_19 } else { 10_u64.pow(step) };
        if left > 0 {
            multiply_add(limbs, factor, 0);
            left -= i64::from(step);
        } else {
            // Cutting off after each division is cutting off once.
            divide(limbs, factor);
            left += i64::from(step);
        }
    }
}

/// The exponent, cut off at [`EXPONENT_MAX`] either way.
fn read_exponent(text: &str) -> i64 {
    let digits = text.trim_start_matches(['+', '-']).bytes();
    let size = digits.fold(0, |size: i64, byte| {
        (size * 10 + i64::from(byte.wrapping_sub(b'0'))).min(EXPONENT_MAX)
    });
    if text.starts_with('-') { -size } else { size }
}

/// `limbs = limbs·factor + carry`.
fn multiply_add(limbs: &mut Vec<u64>, factor: u64, mut carry: u64) {
    for limb in limbs.iter_mut() {
        let product = u128::from(*limb) * u128::from(factor) + u128::from(carry);
        (*limb, carry) = (product as u64, (product >> u64::BITS) as u64);
    }
    if carry > 0 {
        limbs.push(carry);
    }
}

/// `limbs = ⌊limbs / divisor⌋`.
fn divide(limbs: &mut Vec<u64>, divisor: u64) {
    let mut rest = 0;
    for limb in limbs.iter_mut().rev() {
        let value = u128::from(rest) << u64::BITS | u128::from(*limb);
        *limb = (value / u128::from(divisor)) as u64;
        rest = (value % u128::from(divisor)) as u64;
    }
    trim(limbs);
}

fn shift_left(limbs: &mut Vec<u64>, shift: u32) {
    multiply_add(limbs, 1 << (shift % u64::BITS), 0);
    limbs.splice(0..0, std::iter::repeat_n(0, (shift / u64::BITS) as usize));
}

fn trim(limbs: &mut Vec<u64>) {
    while limbs.last() == Some(&0) {
        limbs.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_what_they_say() {
        for (text, shift, expected) in [
            ("0", 100, &[][..]),
            ("0e99999999999999999999", 10, &[]),
            ("1", 0, &[1]),
            ("-2.5", 1, &[5]),
            (".5", 64, &[1 << 63]),
            ("0.1", 64, &[0x1999_9999_9999_9999]),
            ("18446744073709551616", 0, &[0, 1]),
            ("1.5e20", 0, &[2_426_047_410_323_587_072, 8]),
            ("1e-400", 64, &[]),
            ("25e-2", 2, &[1]),
        ] {
            assert_eq!(Digits::parse(text).times_power_of_two(shift), expected, "{text}");
        }
        assert!(Digits::parse("-0.5").is_negative && !Digits::parse("+0.5").is_negative);
        assert!(Digits::parse("-0.000").is_zero());
    }

    #[test]
    fn an_exponent_may_say_anything() {
        for text in ["1e99999999999999999999", "1e-99999999999999999999"] {
            let digits = Digits::parse(text);
            assert_eq!(digits.whole_digits().abs() / 1_000_000, 1, "{text}");
        }
        assert!(Digits::parse("7e-99999999999").times_power_of_two(4_096).is_empty());
    }

    #[test]
    fn magnitudes_reach_beyond_f64() {
        // 10^1000 = 2^3321.928094887362347…
        let magnitude = Digits::parse("1e1000").magnitude();
        assert_eq!(magnitude.exponent, 3321);
        assert!((magnitude.digits - 1.902_761_694_911_97).abs() < 1e-12, "{magnitude:?}");
        assert_eq!(Digits::parse("0.00").magnitude(), Magnitude::ZERO);
    }

    proptest! {
        #[test]
        fn within_f64_magnitudes_are_those_of_the_standard_library(text in "[0-9]{1,25}\\.[0-9]{0,25}(e-?[0-9]{1,2})?") {
            let expected: f64 = text.parse().unwrap();
            let got = Digits::parse(&text).magnitude().to_f64();
            prop_assert!((got - expected).abs() <= expected * f64::EPSILON, "{got} {expected}");
            let digits = Digits::parse(&text);
            if !digits.is_zero() {
                let whole = digits.whole_digits() as i32;
                prop_assert!(expected >= libm::pow(10.0, f64::from(whole - 2)) * 0.999);
                prop_assert!(expected < libm::pow(10.0, f64::from(whole)) * 1.001);
            }
        }
    }
}
