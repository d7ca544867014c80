//! Where paths end.

use super::*;
use crate::deep::Deep;
use crate::formula::Formula;
use crate::view::View;

fn path(re: &str, im: &str, zoom: &str, max_iter: u32) -> Path {
    let view =
        View { re: re.into(), im: im.into(), zoom: zoom.into(), max_iter, ..View::default() };
    let pitch = crate::deep::pitch(zoom, view.width).expect("within the limits");
    let orbit = Deep::new(&view, pitch).orbit();
    assert_eq!(orbit.paths.len(), 1);
    orbit.paths.into_iter().next().expect("one path")
}

#[test]
fn a_path_ends_after_one_period() {
    // Centres of copies of period 1, 2 and 3, the last as near as the picture can tell.
    assert_eq!(path("0", "0", "1e30", 1_000).points.len(), 1 + 1);
    assert_eq!(path("-1", "0", "1e30", 1_000).points.len(), 1 + 2);
    let three = "-1.7548776662466927600495088963585286918946066177727931";
    assert_eq!(path(three, "0", "1e30", 1_000).points.len(), 1 + 3);
    // Nearer, the centre is beside the copy's: its own period is no longer 3.
    assert!(path(three, "0", "1e60", 1_000).points.len() > 100);
}

#[test]
fn a_path_ends_outside_or_at_the_limit() {
    // 0, 1, 2, 5, 26, 677.
    let points = path("1", "0", "1e30", 1_000).points;
    assert_eq!(points.last(), Some(&[677.0, 0.0]));
    assert_eq!(points.len(), 1 + 5);
    assert_eq!(path("1", "0", "1e30", 3).points.len(), 1 + 3);
}

#[test]
fn tiny_points_keep_their_range() {
    // c = 10⁻¹⁵⁰ has points of that size, and the path of a copy's centre one that is smaller still.
    let path = path("1e-150", "0", "1e200", 5);
    let sizes: Vec<i32> = (0..=5).map(|at| path.wide(at).exponent).collect();
    let log2_c = -499;
    assert_eq!(sizes[1..], [log2_c; 5]);
    assert!(path.wide(0).is_zero());
    assert_eq!(path.points[1], [1e-150, 0.0]);
    assert_eq!(path.tiny.len(), 5);
}

#[test]
fn a_julia_set_has_the_path_of_zero_too() {
    let view = View {
        formula: Formula::JULIA,
        re: "0.5".into(),
        im: "0".into(),
        c_re: "-2".into(),
        zoom: "1e40".into(),
        max_iter: 50,
        ..View::default()
    };
    let pitch = crate::deep::pitch("1e40", view.width).expect("within the limits");
    let orbit = Deep::new(&view, pitch).orbit();
    let begin = |path: usize, count: usize| orbit.paths[path].points[..count].to_vec();
    assert_eq!(begin(0, 2), [[0.5, 0.0], [-1.75, 0.0]]);
    assert_eq!(begin(1, 4), [[0.0, 0.0], [-2.0, 0.0], [2.0, 0.0], [2.0, 0.0]]);
}
