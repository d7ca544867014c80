//! Mandelbrot and Multibrot sets and their Julia sets: z ← zᵖ + c.

use super::Rule;
use crate::vector::{Complex, Vector};

/// The power is known when the kernel is compiled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Power<const P: u32>;

impl<const P: u32> Rule for Power<P> {
    #[inline(always)]
    fn step<V: Vector>(self, z: Complex<V>, c: Complex<V>) -> Complex<V> {
        z.power(P).plus(c)
    }
}
