//! The Burning Ship: z ← (|x| + i|y|)² + c.

use super::Rule;
use crate::vector::{Complex, Vector};

#[derive(Debug, Clone, Copy)]
pub(super) struct Ship;

impl Rule for Ship {
    /// x ← x² − y² + Re c, y ← |2xy| + Im c.
    #[inline(always)]
    fn step<V: Vector>(self, z: Complex<V>, c: Complex<V>) -> Complex<V> {
        let square = z.square();
        Complex { re: square.re, im: square.im.abs() }.plus(c)
    }
}
