//! Slices, and one orbit for all.

use crate::engine::Plain;
use crate::formula::Formula;
use crate::task::{Work as Task, compute};
use crate::view::{Spec, View};

fn view(formula: Formula, re: &str, im: &str, zoom: &str) -> View {
    View {
        formula,
        re: re.into(),
        im: im.into(),
        zoom: zoom.into(),
        c_re: "0".into(),
        c_im: "1".into(),
        max_iter: 3_000,
        width: 24,
        height: 17,
    }
}

/// Near the preperiodic point i, and −2, and at preimages of 0 of a Julia set: plain
/// distances, wide ones, and those that change.
fn specs() -> impl Iterator<Item = Spec> {
    [
        view(Formula::MANDELBROT, "0", "1", "1e20"),
        view(Formula::MANDELBROT, "0", "1", "1e130"),
        view(Formula::MANDELBROT, "0", "1", "1e700"),
        view(Formula::MANDELBROT, "-2", "0", "1e25"),
        view(Formula::JULIA, "0", "0", "1e30"),
        view(Formula::JULIA, "0", "0", "1e200"),
    ]
    .into_iter()
    .map(|view| view.validate().expect("valid"))
}

#[test]
fn slices_change_nothing() {
    for spec in specs() {
        let whole = compute(&spec, 0).expect("the task exists");
        assert!(whole.levels.iter().any(|level| *level != whole.levels[0]), "{spec:?}");
        for budget in [1, 7, 1_000, 100_000] {
            // A clone shares the orbit; a view that is checked again does not.
            let mut work = Task::new(&Plain, &spec.clone(), 0).expect("the task exists");
            while !work.step(budget) {
                assert!((0.0..1.0).contains(&work.progress()));
            }
            assert_eq!(work.progress(), 1.0);
            assert_eq!(work.finish().as_ref(), Some(&whole), "{budget}");
        }
    }
    for (spec, again) in specs().zip(specs()) {
        let mut work = Task::new(&Plain, &again, 0).expect("the task exists");
        while !work.step(997) {}
        assert_eq!(work.finish(), compute(&spec, 0));
    }
}

#[test]
fn a_tile_has_the_levels_of_its_pixels() {
    for spec in specs() {
        let tile = compute(&spec, 0).expect("the task exists");
        let levels: Vec<u32> = (0..17)
            .flat_map(|j| (0..24).map(move |i| (i, j)))
            .map(|(i, j)| spec.level(i, j))
            .collect();
        assert_eq!(tile.levels, levels);
    }
}

#[test]
fn there_is_no_deep_task_beyond_the_last_and_no_early_end() {
    let spec = specs().next().expect("one of them");
    assert!(Task::new(&Plain, &spec, 1).is_none());
    let mut work = Task::new(&Plain, &spec, 0).expect("the task exists");
    assert!(!work.step(1));
    assert!(work.finish().is_none());
}

#[test]
fn an_orbit_that_is_supplied_spares_computing_it() {
    for (spec, again) in specs().zip(specs()) {
        let bytes = spec.reference_orbit().expect("a deep picture has one");
        assert_eq!(again.supply_orbit(&bytes), Ok(()));
        assert_eq!(again.reference_orbit().as_ref(), Some(&bytes));
        assert_eq!(compute(&again, 0), compute(&spec, 0));
    }
}
