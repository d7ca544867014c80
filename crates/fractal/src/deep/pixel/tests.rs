//! Pixels of which the fate is known. Many more are compared in `tests/deep_counts.rs`.

use crate::formula::Formula;
use crate::view::View;

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
