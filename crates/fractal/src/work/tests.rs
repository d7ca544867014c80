//! The lanes against the reference loop, bit for bit.

use super::*;
use crate::engine::Plain;
use crate::formula::Formula;
use crate::task::compute;
use crate::view::View;
use proptest::prelude::*;

/// Every pixel of a task by the reference loop.
fn reference(spec: &Spec, task: u32) -> Vec<u32> {
    let rect = spec.tile_rect(task).expect("the task exists");
    (rect.y..rect.y + rect.height)
        .flat_map(|j| (rect.x..rect.x + rect.width).map(move |i| (i, j)))
        .map(|(i, j)| spec.level(i, j))
        .collect()
}

fn levels(spec: &Spec) -> impl Iterator<Item = Tile> + '_ {
    (0..spec.task_count()).map(|task| compute(spec, task).expect("the task exists"))
}

fn any_view() -> impl Strategy<Value = View> {
    let plane = (-2.2..1.2_f64, -1.3..1.3_f64);
    let size = (1..40_u32, 1..40_u32);
    let depth = prop_oneof![0.0..4.0_f64, -3.0..12.0_f64];
    let constant = (-1.5..0.5_f64, -1.0..1.0_f64);
    (
        prop::sample::select(Formula::all().collect::<Vec<_>>()),
        plane,
        depth,
        constant,
        size,
        1..3_000_u32,
    )
        .prop_map(|(formula, (re, im), depth, (c_re, c_im), (width, height), max_iter)| View {
            formula,
            re: re.to_string(),
            im: im.to_string(),
            zoom: libm::pow(10.0, depth).to_string(),
            c_re: c_re.to_string(),
            c_im: c_im.to_string(),
            max_iter,
            width,
            height,
        })
}

proptest! {
    #[test]
    fn lanes_agree_with_the_reference(view in any_view(), budget in 1..100_000_u64) {
        let Ok(spec) = view.validate() else { return Ok(()) };
        let mut work = Work::new(&Plain, &spec, 0).expect("there is a first task");
        while !work.step(budget) {
            prop_assert!((0.0..1.0).contains(&work.progress()));
        }
        prop_assert_eq!(work.progress(), 1.0);
        prop_assert_eq!(work.finish().map(|tile| tile.levels), Some(reference(&spec, 0)));
    }
}

/// Views of which the orbits begin far out, exactly on cycles, or at the limit of a chunk.
#[test]
fn lanes_agree_with_the_reference_at_the_edges() {
    let view = |formula, re: &str, zoom: &str, max_iter, (width, height)| View {
        formula,
        re: re.into(),
        zoom: zoom.into(),
        max_iter,
        width,
        height,
        ..View::default()
    };
    for view in [
        view(Formula::MANDELBROT, "0", "0.001", 100, (64, 64)),
        view(Formula::MANDELBROT, "0", "0.001", 100, (1, 2_000)),
        view(Formula::JULIA, "0", "0.001", 100, (64, 64)),
        view(Formula::MANDELBROT, "-2", "1", BURST, (65, 33)),
        view(Formula::MANDELBROT, "-2", "1", FRONT + BURST + 1, (65, 33)),
        view(Formula::MANDELBROT, "-2", "1", 1, (65, 33)),
        view(Formula::MANDELBROT, "-2", "1", FRONT, (65, 33)),
        view(Formula::MANDELBROT, "-2", "1", FRONT + 1, (65, 33)),
        view(Formula::MANDELBROT, "-2", "1", FRONT + BURST, (65, 33)),
        view(Formula::MANDELBROT, "-0.75", "4", 20_000, (31, 31)),
        view(Formula::MANDELBROT, "-1.4011551890", "10000", 20_000, (31, 31)),
        view(Formula::JULIA, "0", "1", 5_000, (63, 63)),
    ] {
        let spec = view.validate().expect("valid");
        for task in 0..spec.task_count() {
            let tile = compute(&spec, task).expect("the task exists");
            assert!(tile.levels == reference(&spec, task), "{view:?} task {task}");
        }
    }
}

#[test]
fn the_full_view_has_its_known_counts() {
    let view = View { re: "-0.75".into(), zoom: "1.3333333333333333".into(), ..View::default() };
    let spec = view.validate().expect("valid");
    let all: Vec<u32> = levels(&spec).flat_map(|tile| tile.levels).collect();
    let inside = all.iter().filter(|&&level| level == 0).count();
    let escaped: u64 = all.iter().map(|&level| u64::from(level >> 8)).sum();
    assert_eq!(inside, 175_996);
    assert_eq!(escaped + inside as u64 * 1_000, 183_638_272);
    // The area of the set is 1.506591. What has not escaped after 1,000 steps is a little more, and a
    // grid of 1,024 points a side is off by some 1e-3 at an edge so long.
    let area = inside as f64 * 9.0 / 1_048_576.0;
    assert!((area - 1.510_59).abs() < 5e-6, "{area}");
    assert!(area > 1.506_591 && area - 1.506_591 < 5e-3, "{area}");
}

#[test]
fn symmetric_views_are_symmetric() {
    let spec = View { width: 512, height: 300, ..View::default() }.validate().expect("valid");
    let julia = View {
        formula: Formula::JULIA,
        re: "0".into(),
        c_re: "-0.123".into(),
        c_im: "0.745".into(),
        width: 512,
        height: 512,
        ..View::default()
    };
    let julia = julia.validate().expect("valid");
    for i in 0..512 {
        for j in 0..150 {
            assert_eq!(spec.level(i, j), spec.level(i, 299 - j), "the set mirrors");
        }
    }
    let tiles: Vec<(crate::tile::Rect, Tile)> = julia.tiles().rects().zip(levels(&julia)).collect();
    let level = |i: u32, j: u32| {
        let (rect, tile) = tiles
            .iter()
            .find(|(rect, _)| rect.x == i / 256 * 256 && rect.y == j / 256 * 256)
            .expect("tiles cover the picture");
        tile.levels[((j - rect.y) * rect.width + i - rect.x) as usize]
    };
    for i in 0..512 {
        for j in 0..256 {
            assert_eq!(level(i, j), level(511 - i, 511 - j), "a Julia set turns by half");
        }
    }
}

#[test]
fn there_is_no_task_beyond_the_last() {
    let spec = View::default().validate().expect("valid");
    assert!(Work::new(&Plain, &spec, spec.task_count()).is_none());
    let mut work = Work::new(&Plain, &spec, 0).expect("there is a first task");
    assert!(!work.step(1));
    assert!(work.finish().is_none());
}
