//! The Tricorn: z ← conj(z)² + c.

use super::Rule;
use crate::vector::{Complex, Vector};

#[derive(Debug, Clone, Copy)]
pub(super) struct Tricorn;

impl Rule for Tricorn {
    /// x ← x² − y² + Re c, y ← Im c − 2xy.
    #[inline(always)]
    fn step<V: Vector>(self, z: Complex<V>, c: Complex<V>) -> Complex<V> {
        let square = z.square();
        Complex { re: square.re + c.re, im: c.im - square.im }
    }
}
