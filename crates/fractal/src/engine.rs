//! The seam between what is computed and the instructions that compute it.
//!
//! An engine steps lanes with one kind of vector. Which one never changes a bit of the result, so a
//! driver chooses what its machine does fastest, and hands it in; the engines of real machines live
//! with the drivers. Here is the one that every machine has.

use crate::deep::{self, Burst, Double};
use crate::formula::Formula;
use crate::lanes::{self, LANES_MAX, Look, Orbits, Stream};

/// A way to step orbits. An implementation calls [`free`](crate::free), [`watched`](crate::watched) and
/// [`burst`](crate::deep::burst) with one vector and numbers of them, and nothing else.
pub trait Engine: Sync {
    /// The name in measurements.
    fn name(&self) -> &'static str;
    /// Orbits in flight, 1 to [`LANES_MAX`].
    fn lanes(&self) -> usize;
    /// [`free`](crate::free) over all lanes.
    fn free(&self, formula: Formula, stream: &mut Stream, steps: u32, repeats: bool) -> Look;
    /// [`watched`](crate::watched) over all lanes.
    fn watched(&self, formula: Formula, orbits: &mut Orbits, steps: u32) -> u64;
    /// Pixels of deep pictures side by side, 1 to [`BURST_LANES_MAX`](crate::deep::BURST_LANES_MAX).
    fn burst_lanes(&self) -> usize;
    /// [`burst`](crate::deep::burst) over these pixels.
    fn burst(&self, burst: &mut Burst<'_, f64>);
    /// The same with twice the digits.
    fn fine_burst(&self, burst: &mut Burst<'_, Double>);
}

/// Single numbers, a few in flight.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

const PLAIN_LANES: usize = 4;
const PLAIN_BURST_LANES: usize = 2;
const _: () = assert!(PLAIN_LANES <= LANES_MAX);

impl Engine for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn lanes(&self) -> usize {
        PLAIN_LANES
    }

    fn free(&self, formula: Formula, stream: &mut Stream, steps: u32, repeats: bool) -> Look {
        lanes::free::<f64, PLAIN_LANES>(formula, stream, steps, repeats)
    }

    fn watched(&self, formula: Formula, orbits: &mut Orbits, steps: u32) -> u64 {
        lanes::watched::<f64, PLAIN_LANES>(formula, orbits, steps)
    }

    fn burst_lanes(&self) -> usize {
        PLAIN_BURST_LANES
    }

    fn burst(&self, burst: &mut Burst<'_, f64>) {
        deep::burst::<f64, f64, PLAIN_BURST_LANES>(burst);
    }

    fn fine_burst(&self, burst: &mut Burst<'_, Double>) {
        deep::burst::<Double, f64, 1>(burst);
    }
}
