//! The pictures that threads compute, kept ready between tasks.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use fractal::{Frames, Series, Spec};

/// Jobs of which is known what they compute; the one that was longest not asked for is forgotten.
const JOBS_MAX: usize = 8;
/// Pictures that are kept ready, the latest first; the oldest is forgotten. A gallery's are dear to
/// find, and every thread may be at another.
const SPECS_MAX: usize = 64;
/// Deep ones among them. Chosen: one may take 0.2 GB, and peers seldom work on more at once.
const DEEP_MAX: usize = 3;

/// The pictures of the latest tasks. All threads share them, so that the reference orbit of a deep
/// picture is computed once.
#[derive(Debug, Default)]
pub(super) struct Specs(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// By the parameters of the jobs.
    jobs: VecDeque<(Bytes, Frames)>,
    /// By those and the frame.
    specs: VecDeque<((Bytes, u32), Spec)>,
}

impl Specs {
    /// The picture of a task, and which of its tiles the task is.
    ///
    /// # Errors
    /// In words why there is none.
    pub(super) fn of(&self, kind: u16, params: &Bytes, task: u32) -> Result<(Spec, u32), String> {
        let mut kept = self.0.lock().map_err(|_| "a computation panicked")?;
        let Kept { jobs, specs } = &mut *kept;
        let frames = frames_of(jobs, kind, params)?;
        let (frame, tile) = frames.place(task).ok_or("no such task")?;
        let make = || frames.spec(simd::best(), frame).ok_or_else(|| "no such frame".to_owned());
        let spec = take_or(specs, &(params.clone(), frame), SPECS_MAX, make)?.clone();
        let mut deep = 0;
        specs.retain(|(_, spec)| {
            deep += usize::from(spec.is_deep());
            !spec.is_deep() || deep <= DEEP_MAX
        });
        Ok((spec, tile))
    }
}

fn frames_of<'a>(
    jobs: &'a mut VecDeque<(Bytes, Frames)>,
    kind: u16,
    params: &Bytes,
) -> Result<&'a Frames, String> {
    let make = || {
        let series = Series::decode(params).map_err(|error| error.to_string())?;
        series.validate().map_err(|error| error.to_string())
    };
    let frames = take_or(jobs, params, JOBS_MAX, make)?;
    if frames.series().kind() == kind {
        Ok(frames)
    } else {
        Err(format!("the parameters are not those of a job of kind {kind}"))
    }
}

/// The value of `key`, made if it is not here, and in front from now on.
fn take_or<'a, K: PartialEq + Clone, V>(
    list: &'a mut VecDeque<(K, V)>,
    key: &K,
    max: usize,
    make: impl FnOnce() -> Result<V, String>,
) -> Result<&'a V, String> {
    let known = list.iter().position(|(known, _)| known == key);
    let latest = match known.and_then(|at| list.remove(at)) {
        Some(known) => known,
        None => (key.clone(), make()?),
    };
    list.push_front(latest);
    list.truncate(max);
    Ok(&list[0].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fractal::{Gallery, KIND, SERIES_KIND, View};

    #[test]
    fn tasks_of_a_job_share_its_picture() {
        let specs = Specs::default();
        let spec = |exponent: u32| {
            let view = View { zoom: format!("1e{exponent}"), im: "1".into(), ..View::default() };
            specs.of(KIND, &Bytes::from(view.encode()), 1).unwrap().0
        };
        for exponent in 20..30 {
            let first = spec(exponent);
            assert!(first.shares_orbit_with(&spec(exponent)));
            assert!(!first.shares_orbit_with(&spec(exponent - 1)));
        }
        assert_eq!(specs.0.lock().unwrap().specs.len(), DEEP_MAX);
    }

    #[test]
    fn a_task_is_a_tile_of_a_frame() {
        let gallery = Gallery { seed: 1, first: 7, count: 2, width: 300, height: 20 };
        let params = Bytes::from(Series::Gallery(gallery).encode());
        let specs = Specs::default();
        let (spec, tile) = specs.of(SERIES_KIND, &params, 3).unwrap();
        let expected = gallery.variation(simd::best(), 1).view.validate().ok();
        assert_eq!((Some(spec), tile), (expected, 1));
        assert!(specs.of(SERIES_KIND, &params, 4).is_err());
        assert!(specs.of(KIND, &params, 3).is_err());
    }
}
