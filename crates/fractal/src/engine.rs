//! The seam between what is computed and the instructions that compute it.
//!
//! An engine steps lanes with one kind of vector. Which one never changes a bit of the result, so a
//! driver chooses what its machine does fastest, and hands it in; the engines of real machines live
//! with the drivers. Here is the one that every machine has.

use crate::formula::Formula;
use crate::lanes::{self, LANES_MAX, Look, Orbits, Stream};

/// A way to step orbits. An implementation calls [`free`](crate::free) and [`watched`](crate::watched)
/// with one vector and one number of them, and nothing else.
pub trait Engine: Sync {
    /// The name in measurements.
    fn name(&self) -> &'static str;
    /// Orbits in flight, 1 to [`LANES_MAX`].
    fn lanes(&self) -> usize;
    /// [`free`](crate::free) over all lanes.
    fn free(&self, formula: Formula, stream: &mut Stream, steps: u32, repeats: bool) -> Look;
    /// [`watched`](crate::watched) over all lanes.
    fn watched(&self, formula: Formula, orbits: &mut Orbits, steps: u32) -> u64;
}

/// Single numbers, a few in flight.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

const PLAIN_LANES: usize = 4;
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
}
