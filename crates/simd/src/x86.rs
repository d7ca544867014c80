//! SSE2, which every x86-64 has, AVX2 and AVX-512.

use std::arch::x86_64::*;

use fractal::deep::{Burst, Double, burst};
use fractal::{Engine, Formula, Look, Orbits, Stream, Vector, free, watched};

use crate::operators;

#[derive(Clone, Copy)]
struct M128(__m128d);
#[derive(Clone, Copy)]
struct M256(__m256d);
#[derive(Clone, Copy)]
struct M512(__m512d);

operators!(M128: _mm_add_pd _mm_sub_pd _mm_mul_pd _mm_div_pd);
operators!(M256: _mm256_add_pd _mm256_sub_pd _mm256_mul_pd _mm256_div_pd);
operators!(M512: _mm512_add_pd _mm512_sub_pd _mm512_mul_pd _mm512_div_pd);

/// The methods of `Vector`, each an expression over intrinsics. In all of them the intrinsics are there
/// (see `operators`), and slices are as long as what is loaded from them or stored to them.
macro_rules! vector {
    (
        $vector:ident, $width:literal, $mask:ty,
        splat($s:ident) $splat:expr, load($f:ident) $load:expr, store($v:ident, $t:ident) $store:expr,
        abs($a:ident) $abs:expr, at_most($l1:ident, $l2:ident) $at_most:expr,
        equals($e1:ident, $e2:ident) $equals:expr, both($b1:ident, $b2:ident) $both:expr,
        select($m:ident, $x:ident, $y:ident) $select:expr, bits($n:ident) $bits:expr
    ) => {
        // SAFETY of every block: as said above.
        impl Vector for $vector {
            const WIDTH: usize = $width;
            type Mask = $mask;
            #[inline(always)]
            fn splat($s: f64) -> Self {
                $vector(unsafe { $splat })
            }
            #[inline(always)]
            fn load(from: &[f64]) -> Self {
                let $f = from[..$width].as_ptr();
                $vector(unsafe { $load })
            }
            #[inline(always)]
            fn store(self, to: &mut [f64]) {
                let ($v, $t) = (self.0, to[..$width].as_mut_ptr());
                unsafe { $store }
            }
            #[inline(always)]
            fn abs(self) -> Self {
                let $a = self.0;
                $vector(unsafe { $abs })
            }
            #[inline(always)]
            fn at_most(self, other: Self) -> $mask {
                let ($l1, $l2) = (self.0, other.0);
                unsafe { $at_most }
            }
            #[inline(always)]
            fn equals(self, other: Self) -> $mask {
                let ($e1, $e2) = (self.0, other.0);
                unsafe { $equals }
            }
            #[inline(always)]
            #[allow(unused_unsafe, reason = "masks of AVX-512 are integers")]
            fn both($b1: $mask, $b2: $mask) -> $mask {
                unsafe { $both }
            }
            #[inline(always)]
            fn select($m: $mask, a: Self, b: Self) -> Self {
                let ($x, $y) = (a.0, b.0);
                $vector(unsafe { $select })
            }
            #[inline(always)]
            #[allow(unused_unsafe, reason = "masks of AVX-512 are integers")]
            fn bits($n: $mask) -> u64 {
                unsafe { $bits }
            }
        }
    };
}

vector! {
    M128, 2, __m128d,
    splat(value) _mm_set1_pd(value),
    load(from) _mm_loadu_pd(from),
    store(value, to) _mm_storeu_pd(to, value),
    abs(a) _mm_andnot_pd(_mm_set1_pd(-0.0), a),
    at_most(a, b) _mm_cmple_pd(a, b),
    equals(a, b) _mm_cmpeq_pd(a, b),
    both(a, b) _mm_and_pd(a, b),
    select(mask, a, b) _mm_or_pd(_mm_and_pd(mask, a), _mm_andnot_pd(mask, b)),
    bits(mask) _mm_movemask_pd(mask).cast_unsigned().into()
}

vector! {
    M256, 4, __m256d,
    splat(value) _mm256_set1_pd(value),
    load(from) _mm256_loadu_pd(from),
    store(value, to) _mm256_storeu_pd(to, value),
    abs(a) _mm256_andnot_pd(_mm256_set1_pd(-0.0), a),
    at_most(a, b) _mm256_cmp_pd::<_CMP_LE_OQ>(a, b),
    equals(a, b) _mm256_cmp_pd::<_CMP_EQ_OQ>(a, b),
    both(a, b) _mm256_and_pd(a, b),
    select(mask, a, b) _mm256_blendv_pd(b, a, mask),
    bits(mask) _mm256_movemask_pd(mask).cast_unsigned().into()
}

vector! {
    M512, 8, __mmask8,
    splat(value) _mm512_set1_pd(value),
    load(from) _mm512_loadu_pd(from),
    store(value, to) _mm512_storeu_pd(to, value),
    abs(a) _mm512_abs_pd(a),
    at_most(a, b) _mm512_cmp_pd_mask::<_CMP_LE_OQ>(a, b),
    equals(a, b) _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(a, b),
    both(a, b) a & b,
    select(mask, a, b) _mm512_mask_blend_pd(mask, b, a),
    bits(mask) mask.into()
}

/// An engine: its name, the vector, how many in flight, how many in bursts of deep pixels, and the
/// features that the functions behind it are compiled for.
macro_rules! engine {
    ($engine:ident, $name:literal, $vector:ty, $vectors:literal, $bursts:literal, $features:literal) => {
        /// Exists only where the machine has the instructions: [`engines`] asks.
        struct $engine;

        impl Engine for $engine {
            fn name(&self) -> &'static str {
                $name
            }

            fn lanes(&self) -> usize {
                $vectors * <$vector>::WIDTH
            }

            fn free(
                &self,
                formula: Formula,
                stream: &mut Stream,
                steps: u32,
                repeats: bool,
            ) -> Look {
                #[target_feature(enable = $features)]
                fn compiled(
                    formula: Formula,
                    stream: &mut Stream,
                    steps: u32,
                    repeats: bool,
                ) -> Look {
                    free::<$vector, $vectors>(formula, stream, steps, repeats)
                }
                // SAFETY: the engine exists.
                unsafe { compiled(formula, stream, steps, repeats) }
            }

            fn watched(&self, formula: Formula, orbits: &mut Orbits, steps: u32) -> u64 {
                #[target_feature(enable = $features)]
                fn compiled(formula: Formula, orbits: &mut Orbits, steps: u32) -> u64 {
                    watched::<$vector, $vectors>(formula, orbits, steps)
                }
                // SAFETY: the engine exists.
                unsafe { compiled(formula, orbits, steps) }
            }

            fn burst_lanes(&self) -> usize {
                $bursts * <$vector>::WIDTH
            }

            fn burst(&self, pixels: &mut Burst<'_, f64>) {
                #[target_feature(enable = $features)]
                fn compiled(pixels: &mut Burst<'_, f64>) {
                    burst::<f64, $vector, $bursts>(pixels);
                }
                // SAFETY: the engine exists.
                unsafe { compiled(pixels) }
            }

            fn fine_burst(&self, pixels: &mut Burst<'_, Double>) {
                #[target_feature(enable = $features)]
                fn compiled(pixels: &mut Burst<'_, Double>) {
                    burst::<Double, $vector, 1>(pixels);
                }
                // SAFETY: the engine exists.
                unsafe { compiled(pixels) }
            }
        }
    };
}

engine!(Sse2, "SSE2", M128, 6, 2, "sse2");
engine!(Avx2, "AVX2", M256, 6, 2, "avx2");
engine!(Avx512, "AVX-512", M512, 6, 2, "avx512f");

/// Those that this machine can run, the fastest last.
pub(crate) fn engines() -> Vec<&'static dyn Engine> {
    let mut engines: Vec<&'static dyn Engine> = vec![&Sse2];
    if is_x86_feature_detected!("avx2") {
        engines.push(&Avx2);
    }
    if is_x86_feature_detected!("avx512f") {
        engines.push(&Avx512);
    }
    engines
}
