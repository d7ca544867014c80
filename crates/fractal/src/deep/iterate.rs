//! One step of z² + c with all its digits.

use super::fixed::Fixed;
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

    /// z to the precision of f64.
    pub(crate) fn point(&self) -> Wide {
        wide(&self.x, &self.y)
    }

    /// c to the precision of f64.
    pub(crate) fn constant(&self) -> Wide {
        wide(&self.c.0, &self.c.1)
    }
}

fn wide(x: &Fixed, y: &Fixed) -> Wide {
    let (x, y) = (x.to_wide(), y.to_wide());
    let exponent = x.exponent.max(y.exponent);
    Wide::new(x.at(exponent).0, y.at(exponent).0, exponent)
}
