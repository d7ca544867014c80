//! Every engine of this machine gives the reference loop's levels, bit for bit.

use fractal::yardstick::deep_views;
use fractal::{Formula, Plain, View, Work, compute_with};
use proptest::prelude::*;

fn any_view() -> impl Strategy<Value = View> {
    let formula = prop::sample::select(Formula::all().collect::<Vec<_>>());
    let plane = (-2.2..1.4_f64, -1.4..1.4_f64);
    let constant = (-1.5..0.8_f64, -1.2..1.2_f64);
    let depth = (1.0..9.0_f64, prop_oneof![0..3_i32, -3..11_i32]);
    (formula, plane, depth, constant, (1..70_u32, 1..40_u32), 1..2_500_u32).prop_map(
        |(formula, (re, im), (mantissa, exponent), (c_re, c_im), (width, height), max_iter)| View {
            formula,
            re: re.to_string(),
            im: im.to_string(),
            zoom: format!("{mantissa:.3}e{exponent}"),
            c_re: c_re.to_string(),
            c_im: c_im.to_string(),
            max_iter,
            width,
            height,
        },
    )
}

/// The levels of a small picture, by the loop that defines them.
fn reference(view: &View) -> Vec<u32> {
    let spec = view.validate().expect("within the limits");
    let pixels = (0..view.height).flat_map(|j| (0..view.width).map(move |i| (i, j)));
    pixels.map(|(i, j)| spec.level(i, j)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_engine_gives_the_bits_of_the_reference_loop(view in any_view()) {
        let spec = view.validate().expect("within the limits");
        let expected = reference(&view);
        for engine in simd::all() {
            let tile = compute_with(engine, &spec, 0).expect("one tile");
            prop_assert!(tile.levels == expected, "{} differs", engine.name());
        }
    }
}

#[test]
fn every_family_meets_every_engine_at_its_whole_set() {
    for formula in Formula::all() {
        let (re, im) = formula.centre();
        let view = View {
            formula,
            re: re.into(),
            im: im.into(),
            c_re: "-0.4".into(),
            c_im: "0.6".into(),
            max_iter: 3_000,
            width: 120,
            height: 90,
            ..View::default()
        };
        let (spec, expected) = (view.validate().expect("valid"), reference(&view));
        let first = expected[0];
        assert!(expected.iter().any(|level| *level != first), "{formula} is uniform");
        for engine in simd::all() {
            let tile = compute_with(engine, &spec, 0).expect("one tile");
            assert!(tile.levels == expected, "{formula}: {} differs", engine.name());
        }
    }
}

/// Deep places: near the points i and −2 of the Mandelbrot set, where any zoom shows spirals; a Julia set
/// around 0; and the bench's views, in which pixels need more digits than f64 has.
fn any_deep_view() -> impl Strategy<Value = View> {
    let i = || View { re: "0".into(), im: "1".into(), ..View::default() };
    let tip = || View { re: "-2".into(), im: "0".into(), ..View::default() };
    let julia = || View {
        formula: Formula::JULIA,
        re: "0".into(),
        c_re: "0".into(),
        c_im: "1".into(),
        ..View::default()
    };
    let zooms = prop_oneof![14..60_u32, 60..330_u32, 330..1_000_u32];
    let place = prop_oneof![
        zooms.clone().prop_map(move |zoom| View { zoom: format!("1e{zoom}"), ..i() }),
        zooms.clone().prop_map(move |zoom| View { zoom: format!("1e{zoom}"), ..tip() }),
        (16..400_u32).prop_map(move |zoom| View { zoom: format!("1e{zoom}"), ..julia() }),
        prop::sample::select(deep_views().map(|(_, view)| view).collect::<Vec<_>>()),
    ];
    (place, (1..28_u32, 1..20_u32)).prop_map(|(view, (width, height))| View {
        max_iter: view.max_iter.clamp(4_000, 12_000),
        width,
        height,
        ..view
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn every_engine_gives_the_same_deep_pictures(view in any_deep_view(), slice in 1_000..1_000_000_u64) {
        let spec = view.validate().expect("within the limits");
        let expected = compute_with(&Plain, &spec, 0).expect("one tile");
        for engine in simd::all() {
            let mut work = Work::new(engine, &spec, 0).expect("one tile");
            while !work.step(slice) {}
            prop_assert!(work.finish().as_ref() == Some(&expected), "{} differs", engine.name());
        }
    }
}

#[test]
fn x86_64_has_more_than_plain_numbers() {
    if cfg!(target_arch = "x86_64") {
        assert!(simd::all().len() > 1 && simd::best().lanes() > 4);
    }
}
