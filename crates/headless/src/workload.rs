//! The one workload of this version, as the node sees it: a kind, parameters, tasks, payloads.

use fractal::{Audit, Engine, Frames, SERIES_TASKS_MAX, Spec, TILE_BYTES_MAX, Work, encode_tile};
use node::{AuditOrder, Verdict};

// A payload that the wire refuses could never be delivered, nor a job of too many tasks.
const _: () = assert!(TILE_BYTES_MAX as usize <= wire::limits::PAYLOAD_BYTES_MAX);
const _: () = assert!(SERIES_TASKS_MAX <= wire::grid::TASKS_MAX);

/// Iterations between two looks at whether a task is still wanted: about 10 ms.
const STEP_ITERATIONS: u64 = 1 << 23;

/// Computes the payload of a picture's tile: `None` when it is not wanted any more, as the function says that
/// is asked now and then, and in words why there is none.
pub type Compute = fn(
    &'static dyn Engine,
    &Spec,
    u32,
    &mut dyn FnMut() -> bool,
) -> Result<Option<Vec<u8>>, String>;

/// What a job of these parameters computes.
///
/// # Errors
/// In words why it cannot be worked on here.
pub fn appraise(kind: u16, params: &[u8], tasks: u32) -> Result<Frames, String> {
    fractal::appraise(kind, params, tasks).map_err(|error| error.to_string())
}

/// The payload of a tile; `None` when `goes_on`, asked every few milliseconds, said no.
///
/// # Errors
/// When the picture has no such tile.
pub fn compute(
    engine: &'static dyn Engine,
    spec: &Spec,
    tile: u32,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Option<Vec<u8>>, String> {
    let mut work = Work::new(engine, spec, tile).ok_or("there is no such tile")?;
    while !work.step(STEP_ITERATIONS) {
        if !goes_on() {
            return Ok(None);
        }
    }
    Ok(work.finish().map(|tile| encode_tile(&tile)))
}

/// Looks at a result, which is said to be a tile of a picture, in some places.
pub fn audit(engine: &'static dyn Engine, spec: &Spec, tile: u32, order: &AuditOrder) -> Verdict {
    let AuditOrder { payload, seed, places, .. } = order;
    let mut audit = Audit::new(engine, spec, tile, payload, *seed, *places);
    while !audit.step(STEP_ITERATIONS) {}
    if audit.is_sound() == Some(true) { Verdict::Sound } else { Verdict::Unsound }
}
