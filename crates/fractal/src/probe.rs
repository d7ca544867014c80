//! One point by itself: does it escape, and when? For a person who wants to check a picture.

use crate::deep;
use crate::formula::Formula;
use crate::view::{Field, ViewError, check_max_iter, coordinate};

/// A checked point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point(deep::Point);

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
        Ok(Point(deep::Point::new(formula, texts, formula.orbit(re, im, c_re, c_im))))
    }

    /// The smallest n ≥ 1 with |zₙ| > 256, or `None` when there is none up to `max_iter`: of the
    /// number that the text says, not of an f64 near it. Where a whole picture has another count at
    /// this place, its pixel is that f64, or beside the point.
    pub fn iterations(&self, max_iter: u32) -> Option<u32> {
        self.0.iterations(max_iter)
    }
}

/// The count of one point given as decimal text; `None` when it does not escape.
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
        let mandelbrot = |re, im| iterations(Formula::Mandelbrot, re, im, "0", "0", 10_000);
        assert_eq!(mandelbrot("1", "0"), Ok(Some(5)));
        assert_eq!(mandelbrot("-2", "0"), Ok(None));
        assert_eq!(mandelbrot("0", "1"), Ok(None));
        assert_eq!(mandelbrot("0", "i"), Err(ViewError::NotDecimal(Field::Im)));
        assert_eq!(mandelbrot("17", "0"), Err(ViewError::OutOfRange(Field::Re)));
        assert_eq!(iterations(Formula::Julia, "4", "0", "0", "0", 9), Ok(Some(3)));
        assert_eq!(iterations(Formula::Julia, "0", "0", "0", "0", 0), Err(ViewError::MaxIter));
    }
}
