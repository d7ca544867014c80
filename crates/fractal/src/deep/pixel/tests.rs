//! Pixels of which the fate is known. Many more are compared in `tests/deep_counts.rs`.

use super::super::burst::burst;
use super::super::crew::{Crew, Pace};
use super::super::number::Double;
use super::super::plan::Plan;
use super::super::{Making, Picture, pitch, point};
use super::*;
use crate::formula::Formula;
use crate::view::View;
use crate::yardstick::deep_views;

/// The count of the middle pixel, which is the centre itself: its distance is 0 for ever.
fn middle(formula: Formula, (re, im): (&str, &str), zoom: &str) -> Option<u32> {
    let view = View {
        formula,
        re: re.into(),
        im: im.into(),
        zoom: zoom.into(),
        c_re: "0".into(),
        c_im: "1".into(),
        max_iter: 2_000,
        width: 9,
        height: 7,
    };
    let level = view.validate().expect("valid").level(4, 3);
    (level > 0).then_some(level >> 8)
}

#[test]
fn the_centre_follows_its_own_orbit() {
    for zoom in ["1e30", "1e100", "1e400"] {
        let mandelbrot = |re, im| middle(Formula::MANDELBROT, (re, im), zoom);
        assert_eq!(mandelbrot("1", "0"), Some(5), "{zoom}");
        for (re, im) in [("0", "0"), ("-1", "0"), ("0", "1"), ("-2", "0"), ("-1.75", "0")] {
            assert_eq!(mandelbrot(re, im), None, "{re} {im} {zoom}");
        }
        // Of c = i the point 0 stays, and i + 1 leaves: |z| = 1.4, 3, 9.1, 82, 6,700.
        assert_eq!(middle(Formula::JULIA, ("0", "0"), zoom), None, "{zoom}");
        assert_eq!(middle(Formula::JULIA, ("1", "1"), zoom), Some(4), "{zoom}");
    }
}

#[test]
fn what_is_all_inside_is_inside_at_any_depth() {
    // The middle of the large disc and of a smaller one.
    for (re, zoom) in [("-1", "1e20"), ("-1", "1e300"), ("-0.1", "1e50"), ("-0.1", "1e1000")] {
        let view = View {
            re: re.into(),
            zoom: zoom.into(),
            max_iter: 5_000,
            width: 8,
            height: 8,
            ..View::default()
        };
        let tile = crate::compute(&view.validate().expect("valid"), 0).expect("a task");
        assert!(tile.levels.iter().all(|&level| level == 0), "{re} {zoom}");
    }
}

/// A place among dense filaments, where f64 leaves every eleventh pixel in doubt.
fn filaments() -> View {
    let view = deep_views().find(|(name, _)| *name == "1e50").expect("a view").1;
    View { width: 24, height: 18, ..view }
}

fn picture<N: Number>(view: &View) -> Picture<N> {
    let pitch = pitch(&view.zoom, view.width).expect("within the limits");
    let mut making = Making::new(Plan::new::<N>(view, pitch));
    assert!(making.step(&mut { u64::MAX }));
    making.finish()
}

/// Where a pixel escapes, and whether that is certain.
fn followed<N: Number>(picture: &Picture<N>, place: Wide<N>) -> (Option<u32>, bool) {
    let mut next = Some((0, Pixel::new(&picture.basis, place)));
    let mut followed = None;
    let pace = Pace { lanes: 1, burst: &burst::<N, f64, 1>, price: 1 };
    let done = |(_, pixel): (u32, Pixel<N>), turn: Turn| {
        let count = turn.ended().flatten().map(|ending| ending.iterations);
        followed = Some((count, pixel.is_certain(&picture.basis, turn)));
    };
    assert!(Crew::new().walk(picture, &pace, || next.take(), done, &mut { u64::MAX }));
    followed.expect("there was no limit")
}

#[test]
fn twice_the_digits_decide_what_f64_leaves_in_doubt() {
    let view = filaments();
    let (plain, fine) = (picture::<f64>(&view), picture::<Double>(&view));
    let (mut doubtful, mut different, mut lost) = (0, 0, 0);
    for place in (0..18).flat_map(|j| (0..24).map(move |i| (i, j))) {
        let (count, is_certain) = followed(&plain, plain.plan.place(place));
        let (better, is_better_certain) = followed(&fine, fine.plan.fine_place(place));
        if !is_better_certain {
            lost += 1;
            continue;
        }
        assert!(count == better || !is_certain, "{place:?}: {count:?}, in fact {better:?}");
        if !is_certain {
            doubtful += 1;
            different += u32::from(count != better);
            let orbit = |limbs| fine.plan.orbit_at(place, limbs);
            let exact = point::certain_ending(orbit, 384, view.max_iter, 1 << 24);
            let exact = exact.expect("affordable").map(|ending| ending.iterations);
            assert_eq!(better, exact, "{place:?}");
        }
    }
    // Doubt is not idle, and not everywhere.
    assert!(different >= 5 && doubtful <= 60 && lost <= 2, "{different} {doubtful} {lost}");
}
