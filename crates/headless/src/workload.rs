//! The one workload of this version, as the node sees it: a kind, parameters, tasks, payloads.

use fractal::{Spec, TILE_BYTES_MAX, View, Work, encode_tile};

pub(crate) use fractal::KIND;

// A payload that the wire refuses could never be delivered.
const _: () = assert!(TILE_BYTES_MAX as usize <= wire::limits::PAYLOAD_BYTES_MAX);

/// Iterations between two looks at whether a task is still wanted: about 10 ms.
const STEP_ITERATIONS: u64 = 1 << 23;

/// Whether a job of these parameters can be worked on here; the reason in words, if not.
pub(crate) fn appraise(kind: u16, params: &[u8], tasks: u32) -> Result<Spec, String> {
    if kind != KIND {
        return Err(format!("this peer knows no workload of kind {kind}"));
    }
    let spec = View::decode(params).and_then(|view| view.validate()).map_err(|e| e.to_string())?;
    if spec.task_count() != tasks {
        let count = spec.task_count();
        return Err(format!("the picture has {count} tiles, and the job claims {tasks}"));
    }
    Ok(spec)
}

/// The payload of a task; `None` when `is_wanted` said no on the way.
pub(crate) fn compute(
    spec: &Spec,
    task: u32,
    is_wanted: impl Fn() -> bool,
) -> Result<Option<Vec<u8>>, String> {
    let mut work = Work::new(spec, task).ok_or("there is no such task")?;
    while !work.step(STEP_ITERATIONS) {
        if !is_wanted() {
            return Ok(None);
        }
    }
    Ok(work.finish().map(|tile| encode_tile(&tile)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_computed_is_taken() {
        let view = View { width: 300, height: 200, ..View::default() };
        assert!(appraise(KIND, &view.encode(), 2).is_ok());
        for (kind, params, tasks) in [
            (KIND + 1, view.encode(), 2),
            (KIND, view.encode(), 3),
            (KIND, b"nonsense".to_vec(), 2),
            (KIND, View { max_iter: 0, ..view.clone() }.encode(), 2),
        ] {
            let refusal = appraise(kind, &params, tasks).unwrap_err();
            assert!(refusal.len() > 10, "{refusal}");
        }
    }
}
