//! simd128: two f64 at a time. A module that is built with it runs only where it is.

use std::arch::wasm32::*;

use fractal::deep::{Burst, Double, burst};
use fractal::{Engine, Formula, Look, Orbits, Stream, Vector, free, watched};

use crate::operators;

#[derive(Clone, Copy)]
struct V128(v128);

operators!(V128: f64x2_add f64x2_sub f64x2_mul f64x2_div);

impl Vector for V128 {
    const WIDTH: usize = 2;
    type Mask = v128;

    #[inline(always)]
    fn splat(value: f64) -> V128 {
        V128(f64x2_splat(value))
    }

    #[inline(always)]
    fn load(from: &[f64]) -> V128 {
        // SAFETY: two f64 are as long as a v128, which needs no alignment.
        V128(unsafe { v128_load(from[..2].as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, to: &mut [f64]) {
        // SAFETY: as for `load`.
        unsafe { v128_store(to[..2].as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn abs(self) -> V128 {
        V128(f64x2_abs(self.0))
    }

    #[inline(always)]
    fn at_most(self, other: V128) -> v128 {
        f64x2_le(self.0, other.0)
    }

    #[inline(always)]
    fn equals(self, other: V128) -> v128 {
        f64x2_eq(self.0, other.0)
    }

    #[inline(always)]
    fn both(a: v128, b: v128) -> v128 {
        v128_and(a, b)
    }

    #[inline(always)]
    fn select(mask: v128, a: V128, b: V128) -> V128 {
        V128(v128_bitselect(a.0, b.0, mask))
    }

    #[inline(always)]
    fn bits(mask: v128) -> u64 {
        i64x2_bitmask(mask).into()
    }
}

/// Vectors in flight. Chosen by measurement in V8.
const VECTORS: usize = 6;
/// The same of deep pixels.
const BURST_VECTORS: usize = 2;

/// Exists only where it was compiled, and runs only where that is allowed.
pub(crate) struct Simd128;

impl Engine for Simd128 {
    fn name(&self) -> &'static str {
        "simd128"
    }

    fn lanes(&self) -> usize {
        VECTORS * V128::WIDTH
    }

    fn free(&self, formula: Formula, stream: &mut Stream, steps: u32, repeats: bool) -> Look {
        free::<V128, VECTORS>(formula, stream, steps, repeats)
    }

    fn watched(&self, formula: Formula, orbits: &mut Orbits, steps: u32) -> u64 {
        watched::<V128, VECTORS>(formula, orbits, steps)
    }

    fn burst_lanes(&self) -> usize {
        BURST_VECTORS * V128::WIDTH
    }

    fn burst(&self, pixels: &mut Burst<'_, f64>) {
        burst::<f64, V128, BURST_VECTORS>(pixels);
    }

    fn fine_burst(&self, pixels: &mut Burst<'_, Double>) {
        burst::<Double, V128, 1>(pixels);
    }
}
