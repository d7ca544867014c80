//! The Celtic set: z ← |Re z²| + i·Im z² + c.

use super::Rule;
use crate::vector::{Complex, Vector};

#[derive(Debug, Clone, Copy)]
pub(super) struct Celtic;

impl Rule for Celtic {
    /// x ← |x² − y²| + Re c, y ← 2xy + Im c.
    #[inline(always)]
    fn step<V: Vector>(self, z: Complex<V>, c: Complex<V>) -> Complex<V> {
        let square = z.square();
        Complex { re: square.re.abs(), im: square.im }.plus(c)
    }
}
