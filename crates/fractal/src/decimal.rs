//! Decimal text to f64, for text that came from a stranger.
//!
//! The grammar is narrower than that of `str::parse`, which also takes `inf` and `nan`: an optional
//! sign, digits with an optional point, an optional exponent. The conversion itself is `str::parse`:
//! correctly rounded, so the same bits on every machine.

use crate::view::DECIMAL_CHARS_MAX;

/// Why a text is not a decimal number that we accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecimalError {
    Empty,
    TooLong,
    NotDecimal,
    /// A decimal number, but beyond the range of f64.
    TooLarge,
}

/// The f64 nearest to a plain decimal number. Always finite.
pub(crate) fn f64_from_decimal(text: &str) -> Result<f64, DecimalError> {
    if text.is_empty() {
        return Err(DecimalError::Empty);
    }
    if text.len() > DECIMAL_CHARS_MAX as usize {
        return Err(DecimalError::TooLong);
    }
    if !is_plain_decimal(text.as_bytes()) {
        return Err(DecimalError::NotDecimal);
    }
    let value: f64 = text.parse().map_err(|_| DecimalError::NotDecimal)?;
    if value.is_finite() { Ok(value) } else { Err(DecimalError::TooLarge) }
}

/// A number below 2⁶⁴ / 10^`places` as plain decimal text, rounded to so many places behind the point.
pub(crate) fn decimal_from_f64(value: f64, places: u32) -> String {
    let one = 10_u64.pow(places);
    let scaled = libm::round(value.abs() * one as f64) as u64;
    let sign = if value < 0.0 && scaled > 0 { "-" } else { "" };
    let (whole, mut fraction) = (scaled / one, scaled % one);
    let mut width = places as usize;
    while width > 0 && fraction % 10 == 0 {
        (fraction, width) = (fraction / 10, width - 1);
    }
    match width {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction:0width$}"),
    }
}

fn is_plain_decimal(text: &[u8]) -> bool {
    let rest = without_sign(text);
    let (whole, rest) = split_digits(rest);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => split_digits(rest),
        _ => (0, rest),
    };
    if whole + fraction == 0 {
        return false;
    }
    match rest {
        [] => true,
        [b'e' | b'E', rest @ ..] => {
            let (digits, rest) = split_digits(without_sign(rest));
            digits > 0 && rest.is_empty()
        }
        _ => false,
    }
}

fn without_sign(text: &[u8]) -> &[u8] {
    match text {
        [b'+' | b'-', rest @ ..] => rest,
        _ => text,
    }
}

/// How many digits `text` begins with, and what follows them.
fn split_digits(text: &[u8]) -> (usize, &[u8]) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count, &text[count..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_plain_decimals() {
        for (value, places, text) in [
            (0.0, 2, "0"),
            (-0.001, 2, "0"),
            (-0.75, 16, "-0.75"),
            (1.05, 2, "1.05"),
            (2.996, 2, "3"),
            (12_345.6, 0, "12346"),
            (-1.740_062_382_579_34, 15, "-1.74006238257934"),
        ] {
            assert_eq!(decimal_from_f64(value, places), text);
        }
    }

    #[test]
    fn accepts_plain_decimals() {
        for (text, value) in [
            ("0", 0.0),
            ("-0.75", -0.75),
            ("+1.5e3", 1500.0),
            (".5", 0.5),
            ("2.", 2.0),
            ("1E-3", 0.001),
            ("1e-400", 0.0),
            ("0.1", 0.1),
        ] {
            assert_eq!(f64_from_decimal(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        use DecimalError::*;
        for (text, why) in [
            ("", Empty),
            ("nan", NotDecimal),
            ("inf", NotDecimal),
            ("-infinity", NotDecimal),
            ("0x1p4", NotDecimal),
            ("1_000", NotDecimal),
            (" 1", NotDecimal),
            ("1 ", NotDecimal),
            ("1,5", NotDecimal),
            ("1.2.3", NotDecimal),
            ("+-1", NotDecimal),
            (".", NotDecimal),
            ("e5", NotDecimal),
            ("1e", NotDecimal),
            ("1e+", NotDecimal),
            ("1e1.5", NotDecimal),
            ("٣", NotDecimal),
            ("1\0", NotDecimal),
            ("1e999999999999999999999", TooLarge),
        ] {
            assert_eq!(f64_from_decimal(text), Err(why), "{text:?}");
        }
        assert_eq!(f64_from_decimal(&"1".repeat(10_000)), Err(TooLong));
        let longest = format!("0.{}", "1".repeat(DECIMAL_CHARS_MAX as usize - 2));
        assert_eq!(f64_from_decimal(&longest), Ok(1.0 / 9.0));
    }
}
