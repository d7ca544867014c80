//! One point by itself: does its orbit end, and when? For a person who wants to check a picture.

use crate::deep;
use crate::escape::{Orbit, follow};
use crate::formula::Formula;
use crate::view::{Field, ViewError, check_max_iter, coordinate};

/// A checked point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point(Way);

/// How its orbit is followed.
#[derive(Debug, Clone, PartialEq)]
enum Way {
    Plain(Formula, Orbit),
    Deep(deep::Point),
}

impl Point {
    /// A point from decimal text, under the rules of a [`View`](crate::View)'s coordinates.
    ///
    /// # Errors
    /// The first reason for which the text is not a coordinate.
    pub fn parse(
        formula: Formula,
        (re, im): (&str, &str),
        (c_re, c_im): (&str, &str),
    ) -> Result<Point, ViewError> {
        let texts = [re, im, c_re, c_im];
        let (re, im) = (coordinate(Field::Re, re)?, coordinate(Field::Im, im)?);
        let (c_re, c_im) = (coordinate(Field::CRe, c_re)?, coordinate(Field::CIm, c_im)?);
        let nearest = formula.orbit(re, im, c_re, c_im);
        Ok(Point(if deep::reaches(formula) {
            Way::Deep(deep::Point::new(formula, texts, nearest))
        } else {
            Way::Plain(formula, nearest)
        }))
    }

    /// The smallest n ≥ 1 with |zₙ| > 256, for Newton's method with |zₙ − root|² < 10⁻¹²; `None` when
    /// there is none up to `max_iter`.
    ///
    /// For z² + c it is that of the number that the text says, not of an f64 near it: where a whole
    /// picture has another count at this place, its pixel is that f64, or beside the point. For
    /// the other families it is that of the nearest f64, computed in f64.
    pub fn iterations(&self, max_iter: u32) -> Option<u32> {
        match &self.0 {
            Way::Plain(formula, orbit) => {
                follow(*formula, *orbit, max_iter).map(|ending| ending.iterations)
            }
            Way::Deep(point) => point.iterations(max_iter),
        }
    }
}

/// The count of one point given as decimal text; `None` when its orbit does not end.
///
/// # Errors
/// The first reason for which the text is not a coordinate or the limit is out of range.
pub fn iterations(
    formula: Formula,
    re: &str,
    im: &str,
    c_re: &str,
    c_im: &str,
    max_iter: u32,
) -> Result<Option<u32>, ViewError> {
    check_max_iter(max_iter)?;
    Ok(Point::parse(formula, (re, im), (c_re, c_im))?.iterations(max_iter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points() {
        let mandelbrot = |re, im| iterations(Formula::MANDELBROT, re, im, "0", "0", 10_000);
        assert_eq!(mandelbrot("1", "0"), Ok(Some(5)));
        assert_eq!(mandelbrot("-2", "0"), Ok(None));
        assert_eq!(mandelbrot("0", "1"), Ok(None));
        assert_eq!(mandelbrot("0", "i"), Err(ViewError::NotDecimal(Field::Im)));
        assert_eq!(mandelbrot("17", "0"), Err(ViewError::OutOfRange(Field::Re)));
        assert_eq!(iterations(Formula::JULIA, "4", "0", "0", "0", 9), Ok(Some(3)));
        assert_eq!(iterations(Formula::JULIA, "0", "0", "0", "0", 0), Err(ViewError::MaxIter));
    }

    #[test]
    fn families_that_are_never_deep_are_followed_in_f64() {
        for formula in Formula::all().filter(|formula| !deep::reaches(*formula)) {
            for (re, im) in [(0.3, 0.4), (-1.2, 0.1), (1.5, -0.7), (-0.1, 1.1)] {
                let expected = follow(formula, formula.orbit(re, im, -0.4, 0.6), 2_000);
                let texts = (re.to_string(), im.to_string());
                let got = iterations(formula, &texts.0, &texts.1, "-0.4", "0.6", 2_000);
                assert_eq!(got, Ok(expected.map(|ending| ending.iterations)), "{formula}");
            }
        }
    }
}
