//! Whether the count of a pixel can be trusted, however its distances were rounded.

use super::{Basis, Distance, Pixel, Turn};
use crate::deep::number::Number;
use crate::deep::wide::{Wide, power_of_two};
use crate::family::ESCAPE_NORM;
use crate::view::COORDINATE_MAX;

/// By how much more than one rounding all roundings together move a pixel, in bits: 2⁻⁵³ of its offset
/// each, 2⁻⁴⁷ when they add up as 4,000 random ones do.
const ROUNDINGS_BITS: u32 = 6;
/// The largest share of its own size by which a point may be moved so, for the move to be seen as
/// small: that of the point before is half of it, and the error of that is a square.
const MOVED_MAX: f64 = 1.0 / 8.0;
/// What the norm and c may round, as share of the size.
const NORM_ROUNDING: f64 = 1.0 / (1_u64 << 48) as f64;
/// The escape radius, and its square with room for c on both sides.
const RADIUS: f64 = 256.0;
const NEXT_RADIUS: f64 = ESCAPE_NORM - 2.0 * COORDINATE_MAX;

impl<N: Number> Pixel<N> {
    /// Whether the count of a pixel that is done can be trusted: whether its last point and the one
    /// before are on their side of the radius however they were rounded.
    pub(crate) fn is_certain(&self, basis: &Basis<N>, turn: Turn) -> bool {
        let roundings = power_of_two(ROUNDINGS_BITS as i32 - N::BITS as i32);
        let moved = self.growth.magnitude().to_f64() * self.reach * roundings;
        let (size, edge) = match turn {
            Turn::Escaped(ending) => {
                let size = ending.norm().sqrt();
                (size, (size - RADIUS).min(NEXT_RADIUS - size))
            }
            _ => {
                let size = self.full(basis).magnitude().to_f64();
                (size.max(1.0), RADIUS - size)
            }
        };
        let moved = moved + size * NORM_ROUNDING;
        moved <= size * MOVED_MAX && moved < edge
    }

    /// The point where the pixel is.
    fn full(&self, basis: &Basis<N>) -> Wide {
        let distance = match self.distance {
            Distance::Plain(x, y) => Wide::new(x, y, 0),
            Distance::Wide(distance) => distance,
        };
        basis.path(self).wide(self.at).plus(distance).near()
    }

    /// log₂ of how far the last point moves with the pixel, in multiples of 2^scale.
    pub(crate) fn growth_exponent(&self) -> i32 {
        self.growth.exponent
    }
}
