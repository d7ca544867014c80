//! Single points whose counts are known without computing them, or only with many digits.

use super::*;
use crate::probe;
use crate::view::MAX_ITER_MAX;

fn count(re: &str, im: &str, max_iter: u32) -> Option<u32> {
    probe::iterations(Formula::MANDELBROT, re, im, "0", "0", max_iter).expect("a point")
}

#[test]
fn points_that_never_leave() {
    for (re, im) in [("-2", "0"), ("0", "1"), ("-2.0", "0.000"), ("-1.9999", "0"), ("0.2499", "-0")]
    {
        assert_eq!(count(re, im, MAX_ITER_MAX), None, "{re} {im}");
    }
}

#[test]
fn the_middle_of_a_small_copy_stays_for_any_number_of_steps() {
    // Of period 34 and size 10⁻²⁵, found by `oracle/centres.py`: f64 does not resolve it.
    let (re, im) =
        ("-0.000000000000579060858893320850395412", "0.999999999999522483431696780824568330");
    assert_eq!(count(re, im, 300_000), None);
    assert!(count(&re[..20], im, 300_000).is_some());
}

#[test]
fn a_last_digit_far_behind_the_point_decides() {
    // Outside the set by 10⁻ᵈ, beside −2, the distance grows by 4 a step: about d·log₂10/2 steps.
    for digits in [10, 100, 1_000] {
        let beyond = format!("-2.{}1", "0".repeat(digits - 1));
        let steps = count(&beyond, "0", 10_000).expect("it leaves");
        let expected = (digits as f64 * std::f64::consts::LOG2_10 / 2.0) as u32;
        assert!(steps.abs_diff(expected) <= 6, "{digits}: {steps}");
        assert_eq!(count(&format!("-1.{}", "9".repeat(digits)), "0", 10_000), None);
    }
}

#[test]
fn julia_points_use_all_digits_of_both_numbers() {
    // z² is the unit circle's square map: beyond it by 10⁻³⁰⁰ a point takes log₂(10³⁰⁰·ln 256) steps.
    let beyond = format!("1.{}1", "0".repeat(299));
    let probe = |re: &str, c_re: &str| probe::iterations(Formula::JULIA, re, "0", c_re, "0", 9_999);
    assert_eq!(probe(&beyond, "0"), Ok(Some(1_000)));
    assert_eq!(probe("1", "0"), Ok(None));
    // With c = −2 the point 2 stays where it is; beyond it, or with a larger c, it leaves.
    assert_eq!(probe("2", "-2"), Ok(None));
    assert!(probe(&beyond.replacen('1', "2", 1), "-2").expect("a point").is_some());
    assert!(probe("2", &format!("-1.{}", "9".repeat(300))).expect("a point").is_some());
}

#[test]
fn what_nobody_can_tell_has_an_end() {
    // A chaotic orbit that stays: digits run out long before the iterations do.
    let point = probe::iterations(Formula::JULIA, "0.3", "0", "-1.9", "0", 200_000);
    assert!(point.is_ok());
}
