//! Known orbits of every family, and each family against its textbook definition.

use super::*;
use crate::formula::Family;
use proptest::prelude::*;

fn count(name: &str, re: f64, im: f64, max_iter: u32) -> Option<u32> {
    let formula: Formula = name.parse().expect("a known family");
    let orbit = formula.orbit(re, im, 0.0, 0.0);
    follow(formula, orbit, max_iter).map(|ending| ending.iterations)
}

#[test]
fn known_orbits_of_the_mandelbrot_set() {
    let count = |re, im| count("mandelbrot", re, im, 100_000);
    // 0, 1, 2, 5, 26, 677.
    assert_eq!(count(1.0, 0.0), Some(5));
    assert_eq!(count(-2.0, 0.0), None);
    assert_eq!(count(0.0, 1.0), None);
    assert_eq!(count(0.0, 0.0), None);
    assert_eq!(count(300.0, 0.0), Some(1));
    // |z₁| = R exactly is not yet outside.
    assert_eq!(count(256.0, 0.0), Some(2));
}

#[test]
fn known_orbits_of_the_multibrot_sets() {
    // 1, 2, 9, 730; and 1, 2, 257 for the eighth power.
    let at_one = [(2, 5), (3, 4), (4, 4), (5, 4), (6, 4), (7, 4), (8, 3)];
    for (power, expected) in at_one {
        let name = format!("multibrot-{power}");
        let direct = (1..9).scan(0.0_f64, |z, n| {
            *z = (0..power).fold(1.0, |product, _| product * *z) + 1.0;
            Some((n, *z))
        });
        let direct = direct.into_iter().find(|(_, z)| z.abs() > 256.0).map(|(n, _)| n);
        assert_eq!(count(&name, 1.0, 0.0, 100), direct, "{name}");
        assert_eq!(count(&name, 1.0, 0.0, 100), Some(expected), "{name}");
    }
    assert_eq!(count("multibrot-5", 0.0, 1.0, 100), Some(4));
    assert_eq!(count("multibrot-4", -1.0, 0.0, 10_000), None);
    assert_eq!(count("multibrot-3", 0.0, 1.0, 10_000), None);
}

#[test]
fn known_orbits_of_the_folded_families() {
    // The ship at i: i, −1 + i, |−2| + 1 = 3i, −9 + i, 80 + 19i, 6039 + …i.
    assert_eq!(count("burning-ship", 0.0, 1.0, 100), Some(6));
    // On the positive real axis all of them are the Mandelbrot set.
    for name in ["burning-ship", "tricorn", "celtic"] {
        assert_eq!(count(name, 1.0, 0.0, 100), Some(5), "{name}");
        assert_eq!(count(name, 0.25, 0.0, 10_000), None, "{name}");
    }
    // Celtic at −1: −1, |1| − 1 = 0, −1, …; at −2: −2, |4| − 2 = 2, 2, ….
    assert_eq!(count("celtic", -1.0, 0.0, 10_000), None);
    assert_eq!(count("celtic", -2.0, 0.0, 10_000), None);
    // The tricorn at i: i, −1 + i, −(−2) + 1 = 3i, −9 + i, ….
    assert_eq!(count("tricorn", 0.0, 1.0, 100), Some(6));
}

#[test]
fn known_orbits_of_newtons_method() {
    assert_eq!(count("newton-3", 1.0, 0.0, 100), Some(1), "a root stays");
    assert_eq!(count("newton-3", 0.0, 0.0, 100), None, "no step leads out of 0");
    // Far out each step is a little less than two thirds of the last; near a root it squares.
    let mut z = 10.0_f64;
    let direct = (1..100).find(|_| {
        z -= (z * z * z - 1.0) / (3.0 * z * z);
        (z - 1.0) * (z - 1.0) < 1e-12
    });
    assert_eq!(count("newton-3", 10.0, 0.0, 100), direct);
    assert_eq!(count("newton-3", 10.0, 0.0, 100), Some(9));
}

#[test]
fn julia_sets_start_at_the_point() {
    // 4, 16, 256 (not outside), 65536.
    assert_eq!(count("julia", 4.0, 0.0, 10), Some(3));
    assert_eq!(count("julia", 1.0, 0.0, 10_000), None);
    // 4, 64, 262144.
    assert_eq!(count("multibrot-3-julia", 4.0, 0.0, 10), Some(2));
    assert_eq!(count("burning-ship-julia", -4.0, 0.0, 10), Some(3));
}

#[test]
fn max_iter_is_inclusive() {
    assert_eq!(count("mandelbrot", 1.0, 0.0, 5), Some(5));
    assert_eq!(count("mandelbrot", 1.0, 0.0, 4), None);
}

/// One step as a textbook writes it, in polar form where that is what differs most from ours.
fn textbook(formula: Formula, (x, y): (f64, f64), (a, b): (f64, f64)) -> (f64, f64) {
    let polar = |x: f64, y: f64, power: f64| {
        let (r, phi) = (libm::pow(libm::hypot(x, y), power), power * libm::atan2(y, x));
        (r * libm::cos(phi), r * libm::sin(phi))
    };
    let power = f64::from(formula.power());
    match formula.family() {
        Family::Power => {
            let (re, im) = polar(x, y, power);
            (re + a, im + b)
        }
        Family::BurningShip => {
            let (re, im) = polar(x.abs(), y.abs(), 2.0);
            (re + a, im + b)
        }
        Family::Tricorn => {
            let (re, im) = polar(x, -y, 2.0);
            (re + a, im + b)
        }
        Family::Celtic => {
            let (re, im) = polar(x, y, 2.0);
            (re.abs() + a, im + b)
        }
        Family::Newton => {
            // z ← ((n − 1)·z + z^(1 − n)) / n.
            let (re, im) = polar(x, y, 1.0 - power);
            (((power - 1.0) * x + re) / power, ((power - 1.0) * y + im) / power)
        }
    }
}

struct Step(Complex<f64>, Complex<f64>);

impl WithRule for Step {
    type Out = Complex<f64>;
    fn with<R: Rule>(self, rule: R) -> Complex<f64> {
        rule.step(self.0, self.1)
    }
}

proptest! {
    #[test]
    fn every_rule_is_its_textbook_definition(
        (x, y) in (-2.0..2.0_f64, -2.0..2.0_f64),
        (a, b) in (-2.0..2.0_f64, -2.0..2.0_f64),
    ) {
        prop_assume!(x.abs() + y.abs() > 0.1);
        for formula in Formula::all() {
            let ours = formula.visit(Step(Complex { re: x, im: y }, Complex { re: a, im: b }));
            let (re, im) = textbook(formula, (x, y), (a, b));
            let scale = 1.0 + re.abs() + im.abs();
            prop_assert!((ours.re - re).abs() < 1e-12 * scale, "{formula} {ours:?} {re} {im}");
            prop_assert!((ours.im - im).abs() < 1e-12 * scale, "{formula} {ours:?} {re} {im}");
        }
    }
}
