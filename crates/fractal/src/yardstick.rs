//! What kernels are measured with: three views, the plain loop over a view, and an engine's limit.
//!
//! Speed is *useful* iterations per second: the sum of what the plain loop takes, whatever the kernel
//! skips. No picture needs this file.

use crate::engine::Engine;
use crate::escape::follow;
use crate::formula::Formula;
use crate::lanes::Stream;
use crate::task::Work;
use crate::view::{Spec, View};

/// The names of the views of [`view`].
pub const VIEWS: [&str; 3] = ["full", "seahorse", "seaesc"];

/// `full`: the Mandelbrot set, a sixth of it inside, the rest over soon. `seahorse`: 40 % inside at 5,000
/// iterations. `seaesc`: nearly all of it ends, after about 1,060. `None` for another name.
pub fn view(name: &str) -> Option<View> {
    let seahorse = |zoom: &str| View {
        re: "-0.743643887037158704752191506114774".into(),
        im: "0.131825904205311970493132056385139".into(),
        zoom: zoom.into(),
        max_iter: 5_000,
        ..View::default()
    };
    match name {
        "full" => {
            Some(View { re: "-0.75".into(), zoom: "1.3333333333333333".into(), ..View::default() })
        }
        // Pixels of 2⁻²⁸ and 2⁻³⁶.
        "seahorse" => Some(seahorse("1048576")),
        "seaesc" => Some(seahorse("268435456")),
        _ => None,
    }
}

/// The deep views by name, at 1024×768: name, iteration limit, zoom, re, im in each line.
pub fn deep_views() -> impl Iterator<Item = (&'static str, View)> {
    let lines = include_str!("yardstick/deep.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let [name, max_iter, zoom, re, im] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let max_iter = max_iter.parse().ok()?;
        let (re, im, zoom) = (re.into(), im.into(), zoom.into());
        Some((name, View { re, im, zoom, max_iter, height: 768, ..View::default() }))
    })
}

/// Follows every `stride`-th pixel in each direction, one after the other; returns how many iterations
/// that took.
pub fn plain_loop(spec: &Spec, stride: u32) -> u64 {
    let mut total = 0;
    for j in (0..spec.height()).step_by(stride as usize) {
        for i in (0..spec.width()).step_by(stride as usize) {
            let orbit = spec.orbit(spec.column(i), spec.row(j));
            let ending = follow(spec.formula(), orbit, spec.max_iter());
            total += u64::from(ending.map_or(spec.max_iter(), |ending| ending.iterations));
        }
    }
    total
}

/// Computes the tile of a task; returns how many useful iterations there were, 0 when there is no such
/// task.
pub fn stream(engine: &'static dyn Engine, spec: &Spec, task: u32, skips: bool) -> u64 {
    let Some(work) = Work::new(engine, spec, task) else { return 0 };
    let mut work = if skips { work } else { work.without_skipping() };
    while !work.step(u64::MAX) {}
    let levels = work.finish().map(|tile| tile.levels).unwrap_or_default();
    let iterations = |level: u32| if level == 0 { spec.max_iter() } else { level >> 8 };
    levels.into_iter().map(|level| u64::from(iterations(level))).sum()
}

/// Takes the same steps as a kernel and does nothing else: orbits that never end, in registers. Returns
/// how many iterations that were.
pub fn limit(engine: &'static dyn Engine, steps: u32) -> u64 {
    let mut stream = Stream::new();
    engine.free(Formula::MANDELBROT, &mut stream, steps, false);
    engine.lanes() as u64 * u64::from(steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Plain;

    #[test]
    fn the_full_view_has_its_nominal_iterations_whichever_way_they_are_taken() {
        let spec = view("full").and_then(|view| view.validate().ok()).expect("a known view");
        for skips in [false, true] {
            let tiles = (0..spec.task_count()).map(|task| stream(&Plain, &spec, task, skips));
            assert_eq!(tiles.sum::<u64>(), 183_638_272);
        }
        assert_eq!(plain_loop(&spec, 1), 183_638_272);
        assert_eq!(view("half"), None);
    }
}
