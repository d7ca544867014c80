//! Coordinates with all their digits, and a small distance added to one.
//!
//! Whole numbers in limbs of nine decimal digits, because both ends are decimal text and so is what
//! comes out. Only text that [`View::check`](crate::View) has taken comes here: a plain decimal number
//! of a few units at most, whose exponent may still say anything.

/// Decimal digits of a limb.
const LIMB_DIGITS: usize = 9;
const LIMB: u64 = 1_000_000_000;
/// Digits that are kept of a factor.
const FACTOR_DIGITS: i32 = 15;
/// Ten to that power.
const FACTOR_SCALE: f64 = 1e15;

/// A factor digits·10^exponent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Factor {
    /// 0 to 10.
    pub(super) digits: f64,
    /// At most 0.
    pub(super) exponent: i32,
}

/// A number with a fixed number of decimal places, cut off behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sum {
    is_negative: bool,
    /// The size, the lowest limb first; the last is what stands before the point.
    limbs: Vec<u64>,
}

impl Sum {
    /// Reads a number, and keeps at least so many decimal places.
    pub(super) fn parse(text: &str, places: usize) -> Sum {
        let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = whole.bytes().chain(fraction.bytes()).filter(u8::is_ascii_digit);
        let whole_digits = whole.bytes().filter(u8::is_ascii_digit).count() as i64;
        let mut sum = Sum { is_negative: text.starts_with('-'), limbs: zeros(places) };
        let mut power = whole_digits.saturating_add(read_exponent(exponent));
        for digit in digits {
            power = power.saturating_sub(1);
            sum.add_digit(u64::from(digit - b'0'), power);
        }
        sum
    }

    /// Adds digit·10^power, where there is a limb for it.
    fn add_digit(&mut self, digit: u64, power: i64) {
        let lowest = (self.limbs.len() - 1) as i64 * LIMB_DIGITS as i64;
        let at = power.saturating_add(lowest);
        let Ok(at) = usize::try_from(at) else { return };
        if digit > 0
            && let Some(limb) = self.limbs.get_mut(at / LIMB_DIGITS)
        {
            *limb += digit * 10_u64.pow((at % LIMB_DIGITS) as u32);
        }
    }

    /// This and a part of the way from here to `end`, as decimal text.
    pub(super) fn plus_part(&self, end: &Sum, part: Factor) -> String {
        let way = end.minus(self).times(part);
        self.minus(&Sum { is_negative: !way.is_negative, ..way }).to_text()
    }

    fn minus(&self, other: &Sum) -> Sum {
        if self.is_negative != other.is_negative {
            let mut limbs: Vec<u64> =
                self.limbs.iter().zip(&other.limbs).map(|(a, b)| a + b).collect();
            carry(&mut limbs);
            return Sum { is_negative: self.is_negative, limbs };
        }
        let is_larger = self.limbs.iter().rev().ge(other.limbs.iter().rev());
        let (large, small) = if is_larger { (self, other) } else { (other, self) };
        let mut borrow = 0;
        let subtract = |(a, b): (&u64, &u64)| {
            let limb = LIMB + a - b - borrow;
            borrow = u64::from(limb < LIMB);
            limb % LIMB
        };
        let limbs = large.limbs.iter().zip(&small.limbs).map(subtract).collect();
        Sum { is_negative: self.is_negative == is_larger, limbs }
    }

    /// The product, cut off behind the last place.
    fn times(&self, factor: Factor) -> Sum {
        // digits·10^exponent = multiplier·10^(-LIMB_DIGITS·shift)
        let power = FACTOR_DIGITS - factor.exponent;
        let shift = power.unsigned_abs().div_ceil(LIMB_DIGITS as u32);
        let rest = shift * LIMB_DIGITS as u32 - power.unsigned_abs();
        let whole = (factor.digits * FACTOR_SCALE) as u128;
        let multiplier = whole * 10_u128.pow(rest);
        let (mut product, mut carry) = (Vec::new(), 0);
        for limb in &self.limbs {
            carry += u128::from(*limb) * multiplier;
            product.push((carry % u128::from(LIMB)) as u64);
            carry /= u128::from(LIMB);
        }
        while carry > 0 {
            product.push((carry % u128::from(LIMB)) as u64);
            carry /= u128::from(LIMB);
        }
        let kept = product.into_iter().skip(shift as usize);
        let limbs = kept.chain(std::iter::repeat(0)).take(self.limbs.len()).collect();
        Sum { is_negative: self.is_negative, limbs }
    }

    fn to_text(&self) -> String {
        let Some((whole, places)) = self.limbs.split_last() else { return "0".to_owned() };
        let mut text = format!("{whole}.");
        places.iter().rev().for_each(|limb| text.push_str(&format!("{limb:09}")));
        let text = text.trim_end_matches('0').trim_end_matches('.');
        let sign = if self.is_negative && text != "0" { "-" } else { "" };
        format!("{sign}{text}")
    }
}

fn zeros(places: usize) -> Vec<u64> {
    vec![0; places.div_ceil(LIMB_DIGITS) + 1]
}

fn carry(limbs: &mut [u64]) {
    for at in 1..limbs.len() {
        limbs[at] += limbs[at - 1] / LIMB;
        limbs[at - 1] %= LIMB;
    }
}

/// The exponent, or one far beyond all digits that says the same.
fn read_exponent(text: &str) -> i64 {
    let far = if text.starts_with('-') { -(1 << 40) } else { 1 << 40 };
    text.parse().unwrap_or(far)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(number: &str, places: usize) -> String {
        Sum::parse(number, places).to_text()
    }

    #[test]
    fn numbers_are_what_they_say() {
        for (number, read) in [
            ("0", "0"),
            ("-0.000", "0"),
            ("1.5", "1.5"),
            ("+12.000000000000000001", "12.000000000000000001"),
            ("-.743643887037158704752191506114774", "-0.743643887037158704752191506114774"),
            ("1500e-3", "1.5"),
            ("0.0000012E6", "1.2"),
            ("7e-99999999999999999999", "0"),
            ("0e99999999999999999999", "0"),
        ] {
            assert_eq!(text(number, 40), read, "{number}");
        }
    }

    #[test]
    fn a_part_of_the_way_is_added_at_its_place() {
        let (inner, outer) = (Sum::parse("-0.25", 40), Sum::parse("0.75", 40));
        let part = |digits, exponent| inner.plus_part(&outer, Factor { digits, exponent });
        assert_eq!(part(0.0, 0), "-0.25");
        assert_eq!(part(1.0, 0), "0.75");
        assert_eq!(part(2.5, -1), "0");
        assert_eq!(part(5.0, -30), "-0.249999999999999999999999999995");
        assert_eq!(part(5.0, -300), "-0.25");
    }

    proptest! {
        #[test]
        fn parts_agree_with_f64(inner in -16.0..16.0, outer in -16.0..16.0, part in 0.0..1.0) {
            let sum = |number: f64| Sum::parse(&number.to_string(), 60);
            let factor = Factor { digits: part, exponent: 0 };
            let at: f64 = sum(inner).plus_part(&sum(outer), factor).parse().unwrap();
            prop_assert!((at - (inner + (outer - inner) * part)).abs() < 1e-12);
        }

        #[test]
        fn text_comes_back(number in "-?[0-9]\\.[0-9]{0,39}[1-9]") {
            prop_assert_eq!(text(&number, 41), number);
        }
    }
}
