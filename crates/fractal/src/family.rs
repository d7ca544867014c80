//! The families: what one step does to a point, and when its orbit ends.
//!
//! A family is one file here that implements [`Rule`], and one line in [`Formula::visit`]. It is written
//! once, over [`Vector`]: the reference loop, the native kernels and the page's run the same source.
//! The order of its operations is part of the protocol: each is rounded once to f64, none is fused,
//! and none may be rearranged.

mod celtic;
mod newton;
mod power;
mod ship;
mod tricorn;

use crate::formula::{Family, Formula};
use crate::vector::{Complex, Vector};

/// R² for the escape radius R = 256. Large, so that the smooth fraction is smooth.
pub const ESCAPE_NORM: f64 = 65_536.0;

/// What a family does.
pub(crate) trait Rule: Copy {
    /// One step of the orbit.
    fn step<V: Vector>(self, z: Complex<V>, c: Complex<V>) -> Complex<V>;

    /// Where the orbit has not ended at `z`. Once it has, every further step must say so too: for
    /// escapes that is so beyond R = 256 and beyond |c|, where a power outgrows c, up to NaN.
    #[inline(always)]
    fn goes_on<V: Vector>(self, z: Complex<V>) -> V::Mask {
        z.norm().at_most(V::splat(ESCAPE_NORM))
    }
}

/// Something to do with a rule.
pub(crate) trait WithRule {
    type Out;
    fn with<R: Rule>(self, rule: R) -> Self::Out;
}

impl Formula {
    /// Does something with this formula's rule.
    #[inline(always)]
    pub(crate) fn visit<W: WithRule>(self, what: W) -> W::Out {
        match (self.family(), self.power()) {
            (Family::Power, 3) => what.with(power::Power::<3>),
            (Family::Power, 4) => what.with(power::Power::<4>),
            (Family::Power, 5) => what.with(power::Power::<5>),
            (Family::Power, 6) => what.with(power::Power::<6>),
            (Family::Power, 7) => what.with(power::Power::<7>),
            (Family::Power, 8) => what.with(power::Power::<8>),
            (Family::Power, _) => what.with(power::Power::<2>),
            (Family::BurningShip, _) => what.with(ship::Ship),
            (Family::Tricorn, _) => what.with(tricorn::Tricorn),
            (Family::Celtic, _) => what.with(celtic::Celtic),
            (Family::Newton, power) => what.with(newton::Newton::new(power)),
        }
    }
}

pub(crate) use newton::{LIMIT as NEWTON_LIMIT, nearest_root};
