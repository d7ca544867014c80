//! Whole pictures: the area of the Mandelbrot set, and symmetry.

use fractal::{Family, Formula, View, compute_with};

/// All levels, row by row.
fn levels(view: &View) -> Vec<u32> {
    let spec = view.validate().expect("within the limits");
    let mut levels = vec![0; (view.width * view.height) as usize];
    for (task, rect) in (0..).zip(spec.tiles().rects()) {
        let tile = compute_with(simd::best(), &spec, task).expect("a task of the view");
        for (row, line) in (rect.y..).zip(tile.levels.chunks(rect.width as usize)) {
            let at = (row * view.width + rect.x) as usize;
            levels[at..at + line.len()].copy_from_slice(line);
        }
    }
    levels
}

/// The area as it is known from far finer grids: 1.5065918 ± 3·10⁻⁷.
const AREA: f64 = 1.506_591_8;
/// How far the area of this many pixels may be off. The edge runs through some 20,000 of 1,400², each of
/// which is counted as a whole or not at all: √20,000 pixels of 3²/1,400² at random. And some points beside
/// the set need more than the limit to leave: with a thousand iterations they make 4·10⁻³, and a
/// sixteenth of that with 16,000.
const ERROR: f64 = 1e-3;

#[test]
fn the_area_of_the_mandelbrot_set_is_known() {
    let (side, width) = (1_400, 3.0);
    let view = View {
        re: "-0.75".into(),
        zoom: (4.0 / width).to_string(),
        max_iter: 16_000,
        width: side,
        height: side,
        ..View::default()
    };
    let levels = levels(&view);
    let inside = levels.iter().filter(|&&level| level == 0).count() as f64;
    let area = inside * (width / f64::from(side)).powi(2);
    assert!((area - AREA).abs() <= ERROR, "{area}");
    let rows: Vec<&[u32]> = levels.chunks(side as usize).collect();
    assert!(rows.iter().eq(rows.iter().rev()), "above and below the real axis");
}

#[test]
fn symmetric_pictures_are_exactly_symmetric() {
    let view = View { re: "0".into(), c_re: "-0.75".into(), c_im: "0".into(), ..View::default() };
    for formula in Formula::all() {
        let view = View { formula, width: 301, height: 202, max_iter: 700, ..view.clone() };
        let mut levels = levels(&view);
        if formula.family() == Family::Newton {
            // Mirrored points end at mirrored roots, which a level names.
            levels.iter_mut().for_each(|level| *level >>= 8);
        }
        let rows: Vec<&[u32]> = levels.chunks(301).collect();
        // The Ship looks up.
        if !formula.to_string().starts_with("burning-ship") || formula.is_julia() {
            assert!(rows.iter().eq(rows.iter().rev()), "{formula}: above and below the real axis");
        }
        if formula.is_julia() {
            let is_even = rows.iter().all(|row| row.iter().eq(row.iter().rev()));
            assert_eq!(is_even, formula.power() % 2 == 0, "{formula}: left and right");
        }
    }
}
