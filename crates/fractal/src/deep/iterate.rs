//! One step of z² + c with all its digits.

use super::fixed::Fixed;
use super::number::Number;
use super::wide::Wide;

/// A point on its way, and room for what a step needs, so that it allocates nothing.
pub(crate) struct Iterate {
    x: Fixed,
    y: Fixed,
    c: (Fixed, Fixed),
    xx: Fixed,
    yy: Fixed,
    sum: Fixed,
    square: Fixed,
}

impl Iterate {
    /// The orbit of `start` before its first step. All numbers have the same limbs.
    pub(crate) fn new(start: (Fixed, Fixed), c: (Fixed, Fixed)) -> Iterate {
        let zero = || Fixed::zero(start.0.limbs());
        let (xx, yy, sum, square) = (zero(), zero(), zero(), zero());
        Iterate { x: start.0, y: start.1, c, xx, yy, sum, square }
    }

    /// The orbit of 0 with the same c.
    pub(crate) fn restarted_at_zero(self) -> Iterate {
        let zero = || Fixed::zero(self.x.limbs());
        Iterate::new((zero(), zero()), self.c)
    }

    /// z ← z² + c with three squarings, for 2xy = (x + y)² − x² − y². Each part errs by at most three
    /// units of the last place.
    pub(crate) fn step(&mut self) {
        self.xx.set_square(&self.x);
        self.yy.set_square(&self.y);
        self.sum.set(&self.x);
        self.sum.add(&self.y);
        self.square.set_square(&self.sum);
        self.x.set(&self.xx);
        self.x.subtract(&self.yy);
        self.x.add(&self.c.0);
        self.y.set(&self.square);
        self.y.subtract(&self.xx);
        self.y.subtract(&self.yy);
        self.y.add(&self.c.1);
    }

    /// z, rounded.
    pub(crate) fn point<N: Number>(&self) -> Wide<N> {
        self.x.to_wide().with_imaginary(self.y.to_wide())
    }

    /// c, rounded.
    pub(crate) fn constant<N: Number>(&self) -> Wide<N> {
        self.c.0.to_wide().with_imaginary(self.c.1.to_wide())
    }
}
