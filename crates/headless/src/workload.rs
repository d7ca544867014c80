//! The one workload of this version, as the node sees it: a kind, parameters, tasks, payloads.

use fractal::{Audit, Engine, Spec, TILE_BYTES_MAX, Work, encode_tile};
use node::{AuditOrder, Verdict};

/// The kind of its jobs.
pub use fractal::KIND;

// A payload that the wire refuses could never be delivered.
const _: () = assert!(TILE_BYTES_MAX as usize <= wire::limits::PAYLOAD_BYTES_MAX);

/// Iterations between two looks at whether a task is still wanted: about 10 ms.
const STEP_ITERATIONS: u64 = 1 << 23;

/// Computes the payload of a task: `None` when it is not wanted any more, as the function says that
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
pub fn appraise(kind: u16, params: &[u8], tasks: u32) -> Result<Spec, String> {
    let (_, spec) = fractal::appraise(kind, params, tasks).map_err(|error| error.to_string())?;
    Ok(spec)
}

/// The payload of a task; `None` when `goes_on`, asked every few milliseconds, said no.
///
/// # Errors
/// When the picture has no such task.
pub fn compute(
    engine: &'static dyn Engine,
    spec: &Spec,
    task: u32,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Option<Vec<u8>>, String> {
    let mut work = Work::new(engine, spec, task).ok_or("there is no such task")?;
    while !work.step(STEP_ITERATIONS) {
        if !goes_on() {
            return Ok(None);
        }
    }
    Ok(work.finish().map(|tile| encode_tile(&tile)))
}

/// Looks at a result in some places.
pub fn audit(engine: &'static dyn Engine, spec: &Spec, order: &AuditOrder) -> Verdict {
    let AuditOrder { task, payload, seed, places, .. } = order;
    let mut audit = Audit::new(engine, spec, *task, payload, *seed, *places);
    while !audit.step(STEP_ITERATIONS) {}
    if audit.is_sound() == Some(true) { Verdict::Sound } else { Verdict::Unsound }
}
