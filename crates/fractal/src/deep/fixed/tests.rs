//! Fixed point against whole numbers of any size, which are exact.

use super::*;
use dashu_int::{IBig, UBig};
use proptest::prelude::*;

/// The number as a multiple of its last place.
fn exact(fixed: &Fixed) -> IBig {
    let words: Vec<u8> = fixed.limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    let size = IBig::from(UBig::from_le_bytes(&words));
    if fixed.is_negative { -size } else { size }
}

/// Numbers below 2¹⁰ in size, many of them with limbs that carry.
fn any_fixed(limbs: usize) -> impl Strategy<Value = Fixed> {
    let limb = prop_oneof![Just(0), Just(u64::MAX), any::<u64>()];
    let places = prop::collection::vec(limb, limbs - 1);
    (any::<bool>(), places, 0..1024_u64).prop_map(|(is_negative, mut limbs, whole)| {
        limbs.push(whole);
        Fixed { is_negative, limbs }
    })
}

fn any_pair() -> impl Strategy<Value = (Fixed, Fixed)> {
    (2..9_usize).prop_flat_map(|limbs| (any_fixed(limbs), any_fixed(limbs)))
}

proptest! {
    #[test]
    fn sums_and_differences_are_exact((a, b) in any_pair()) {
        let mut sum = a.clone();
        sum.add(&b);
        prop_assert_eq!(exact(&sum), exact(&a) + exact(&b));
        let mut difference = a.clone();
        difference.subtract(&b);
        prop_assert_eq!(exact(&difference), exact(&a) - exact(&b));
    }

    #[test]
    fn squares_err_by_one_unit_of_the_last_place_at_most((a, _) in any_pair()) {
        let places = (a.limbs() - 1) * 64;
        let mut square = Fixed::zero(a.limbs());
        square.set_square(&a);
        let difference = ((exact(&a) * exact(&a)) >> places) - exact(&square);
        prop_assert!(difference == IBig::ZERO || difference == IBig::ONE, "{}", difference);
    }

    #[test]
    fn text_is_cut_off_behind_the_last_place(
        text in "-?[0-9]{1,2}\\.[0-9]{0,150}(e-[0-9]{1,2})?",
        limbs in 2..9_usize,
    ) {
        let fixed = Fixed::from_digits(&Digits::parse(&text), limbs);
        let (number, exponent) = text.split_once('e').unwrap_or((&text, "-0"));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let scale = fraction.len() + exponent[1..].parse::<usize>().unwrap();
        let digits: IBig = format!("{whole}{fraction}").parse().unwrap();
        // Division of whole numbers cuts off towards zero.
        let expected = (digits << ((limbs - 1) * 64)) / IBig::from(10).pow(scale);
        prop_assert_eq!(exact(&fixed), expected);
    }

    #[test]
    fn the_nearest_wide_number_is_near((a, _) in any_pair()) {
        let wide = a.to_wide::<f64>();
        if a.limbs.iter().any(|&limb| limb != 0) {
            // The first 53 bits agree, so half a unit of the 53rd is the most by which they differ.
            let shift = (a.limbs() as i32 - 1) * 64 + wide.exponent - 60;
            let digits = IBig::from((wide.x * power_of_two(60)) as i64);
            let scaled = if shift >= 0 { exact(&a) >> shift as usize } else { exact(&a) << -shift as usize };
            let difference = digits - scaled;
            let bound = IBig::from(1 << 8);
            prop_assert!(-&bound <= difference && difference <= bound, "{}", difference);
        } else {
            prop_assert!(wide.is_zero());
        }
    }
}

#[test]
fn a_sum_can_change_its_sign() {
    let number = |text: &str| Fixed::from_digits(&Digits::parse(text), 3);
    let mut value = number("0.25");
    value.subtract(&number("1"));
    assert_eq!(value, number("-0.75"));
    value.add(&number("2"));
    assert_eq!(value, number("1.25"));
    assert_eq!(value.to_wide::<f64>().at(0), (1.25, 0.0));
}
