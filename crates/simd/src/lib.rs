//! The vectors of the machine at hand, for the fractal kernels.
//!
//! `fractal` is pure and does not know its platform: it writes a kernel once, over any
//! [`fractal::Vector`]. Here are the vectors: SSE2, AVX2 and AVX-512 on x86-64, chosen when the program
//! runs, and simd128 in wasm, chosen when it is built. A choice changes speed and never a bit: every
//! operation rounds each lane once, and none is fused. All unsafe code of the kernels is here.
#![cfg_attr(
    any(target_arch = "x86_64", target_feature = "simd128"),
    expect(unsafe_code, reason = "vector instructions have no safe form in a generic function")
)]

#[cfg(target_feature = "simd128")]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

use fractal::{Engine, Plain};

/// The fastest engine of this machine.
pub fn best() -> &'static dyn Engine {
    all().last().copied().unwrap_or(&Plain)
}

/// Every engine of this machine, the fastest last.
pub fn all() -> Vec<&'static dyn Engine> {
    let plain: &'static dyn Engine = &Plain;
    std::iter::once(plain).chain(of_this_machine()).collect()
}

#[cfg(target_arch = "x86_64")]
use x86::engines as of_this_machine;

#[cfg(target_feature = "simd128")]
fn of_this_machine() -> Vec<&'static dyn Engine> {
    vec![&wasm::Simd128]
}

#[cfg(not(any(target_arch = "x86_64", target_feature = "simd128")))]
fn of_this_machine() -> Vec<&'static dyn Engine> {
    Vec::new()
}

/// The part of [`fractal::Vector`] that is the same for every type that wraps an intrinsic's.
#[cfg(any(target_arch = "x86_64", target_feature = "simd128"))]
macro_rules! operators {
    ($vector:ident: $add:ident $sub:ident $mul:ident $div:ident) => {
        operators!($vector Add add $add);
        operators!($vector Sub sub $sub);
        operators!($vector Mul mul $mul);
        operators!($vector Div div $div);
    };
    ($vector:ident $trait:ident $method:ident $intrinsic:ident) => {
        impl std::ops::$trait for $vector {
            type Output = $vector;
            #[inline(always)]
            #[allow(unused_unsafe, reason = "some intrinsics are safe, by architecture")]
            fn $method(self, other: $vector) -> $vector {
                // SAFETY: these vectors are private, and exist only inside an engine, which exists
                // only where the machine has the instructions.
                $vector(unsafe { $intrinsic(self.0, other.0) })
            }
        }
    };
}
#[cfg(any(target_arch = "x86_64", target_feature = "simd128"))]
pub(crate) use operators;
