//! The one workload of this version, as the node sees it: a kind, parameters, tasks, payloads.

use fractal::{Engine, Spec, TILE_BYTES_MAX, Work, encode_tile};

pub(crate) use fractal::KIND;

// A payload that the wire refuses could never be delivered.
const _: () = assert!(TILE_BYTES_MAX as usize <= wire::limits::PAYLOAD_BYTES_MAX);

/// Iterations between two looks at whether a task is still wanted: about 10 ms.
const STEP_ITERATIONS: u64 = 1 << 23;

/// What a job of these parameters computes, or in words why it cannot be worked on here.
pub(crate) fn appraise(kind: u16, params: &[u8], tasks: u32) -> Result<Spec, String> {
    let (_, spec) = fractal::appraise(kind, params, tasks).map_err(|error| error.to_string())?;
    Ok(spec)
}

/// The payload of a task; `None` when `goes_on`, asked every few milliseconds, said no.
pub(crate) fn compute(
    engine: &'static dyn Engine,
    spec: &Spec,
    task: u32,
    mut goes_on: impl FnMut() -> bool,
) -> Result<Option<Vec<u8>>, String> {
    let mut work = Work::new(engine, spec, task).ok_or("there is no such task")?;
    while !work.step(STEP_ITERATIONS) {
        if !goes_on() {
            return Ok(None);
        }
    }
    Ok(work.finish().map(|tile| encode_tile(&tile)))
}
