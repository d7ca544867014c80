//! Views: what is taken, what is refused, and why.

use super::*;

fn check(change: impl Fn(&mut View), expected: Result<(), ViewError>) {
    let mut view = View::default();
    change(&mut view);
    assert_eq!(view.validate().map(|_| ()), expected, "{view:?}");
}

#[test]
fn every_limit_is_inclusive_and_refused_beyond() {
    check(|_| (), Ok(()));
    check(|view| view.width = 0, Err(ViewError::Size));
    check(|view| view.height = SIDE_MAX + 1, Err(ViewError::Size));
    check(|view| view.width = u32::MAX, Err(ViewError::Size));
    check(|view| (view.width, view.height) = (SIDE_MAX, SIDE_MAX), Ok(()));
    check(|view| (view.width, view.height) = (1, 1), Ok(()));
    check(|view| view.max_iter = 0, Err(ViewError::MaxIter));
    check(|view| view.max_iter = MAX_ITER_MAX, Ok(()));
    check(|view| view.max_iter = MAX_ITER_MAX + 1, Err(ViewError::MaxIter));
    check(|view| view.re = "16".into(), Ok(()));
    check(|view| view.re = "-16.1".into(), Err(ViewError::OutOfRange(Field::Re)));
    check(|view| view.im = "1e400".into(), Err(ViewError::OutOfRange(Field::Im)));
    check(|view| view.c_re = "17".into(), Err(ViewError::OutOfRange(Field::CRe)));
    check(|view| view.c_im = "x".into(), Err(ViewError::NotDecimal(Field::CIm)));
    check(|view| view.zoom = "0.001".into(), Ok(()));
    for zoom in ["0.0009", "0", "-0", "-1", "-1e999", "1e-5000"] {
        check(|view| view.zoom = zoom.into(), Err(ViewError::TooWide));
    }
}

#[test]
fn text_is_refused_by_shape_and_length() {
    check(|view| view.re = String::new(), Err(ViewError::Empty(Field::Re)));
    check(|view| view.zoom = "inf".into(), Err(ViewError::NotDecimal(Field::Zoom)));
    check(|view| view.re = "NaN".into(), Err(ViewError::NotDecimal(Field::Re)));
    check(|view| view.im = "0x10".into(), Err(ViewError::NotDecimal(Field::Im)));
    check(|view| view.re = "1_0".into(), Err(ViewError::NotDecimal(Field::Re)));
    check(|view| view.re = "1".repeat(10_000), Err(ViewError::TooLong(Field::Re)));
    check(|view| view.re = format!("0.{}", "1".repeat(1_098)), Ok(()));
    check(|view| view.re = format!("0.{}", "1".repeat(1_099)), Err(ViewError::TooLong(Field::Re)));
    let long = "0".repeat(1_100);
    let all_long = |view: &mut View| {
        (view.re, view.im, view.c_re, view.c_im) =
            (long.clone(), long.clone(), long.clone(), long.clone());
    };
    check(all_long, Err(ViewError::TextTooLong));
}

#[test]
fn work_is_bounded_as_a_whole() {
    let huge = |max_iter| {
        move |view: &mut View| {
            (view.width, view.height, view.max_iter) = (SIDE_MAX, SIDE_MAX, max_iter);
        }
    };
    check(huge(1 << 18), Ok(()));
    check(huge((1 << 18) + 1), Err(ViewError::TooMuchWork { max_iter_max: 1 << 18 }));
}

#[test]
fn a_view_is_deep_where_f64_ends() {
    let view = |zoom: &str| View {
        re: "-0.743643887037158704752191506114774".into(),
        im: "0.131825904205311970493132056385139".into(),
        zoom: zoom.into(),
        ..View::default()
    };
    let is_deep = |view: View| view.validate().map(|spec| spec.deep().is_some());
    // A pitch of 4 ulp at 0.74 is 2⁻⁵¹, so with 1,024 pixels the width is 2⁻⁴¹ = 4 / 2⁴³.
    assert_eq!(is_deep(view("8.7e12")), Ok(false));
    for zoom in ["8.9e12", "1e300", "1e999", "1e+1000"] {
        assert_eq!(is_deep(view(zoom)), Ok(true), "{zoom}");
    }
    // Around 0 every zoom is representable, but not meaningful.
    let origin = View { re: "0".into(), im: "0".into(), zoom: "1e60".into(), ..View::default() };
    assert_eq!(is_deep(origin), Ok(true));
}

#[test]
fn zoom_ends_where_f64_does_for_families_that_have_nothing_else_and_says_so() {
    for formula in Formula::all() {
        let view = |zoom: &str| View {
            formula,
            re: "-0.743643887037158704752191506114774".into(),
            im: "0.131825904205311970493132056385139".into(),
            zoom: zoom.into(),
            ..View::default()
        };
        let is_deep = |zoom| view(zoom).validate().map(|spec| spec.deep().is_some());
        assert_eq!(is_deep("8.7e12"), Ok(false), "{formula}");
        let beyond = if ["mandelbrot", "julia"].contains(&formula.to_string().as_str()) {
            Ok(true)
        } else {
            Err(ViewError::TooDeepForFamily { zoom_max: 8_796_093_022_208.0 })
        };
        for zoom in ["8.9e12", "1e300", "1e999"] {
            assert_eq!(is_deep(zoom), beyond, "{formula} {zoom}");
        }
        if let Err(error) = beyond {
            assert!(error.to_string().ends_with("reach a zoom of about 8.7e12"), "{error}");
            // Around 0 every zoom is representable, but not meaningful.
            let origin = View { re: "0".into(), im: "0".into(), ..view("1e60") };
            assert!(matches!(origin.validate(), Err(ViewError::TooDeepForFamily { .. })));
        }
    }
}

#[test]
fn deep_views_have_limits_too() {
    let deepest = |width| ViewError::TooDeep { exponent_max: deep::zoom_exponent_max(width) };
    for width in [1, 1_024, SIDE_MAX] {
        let ViewError::TooDeep { exponent_max } = deepest(width) else { unreachable!() };
        for (zoom, expected) in [
            (format!("1e{exponent_max}"), Ok(())),
            (format!("1e{}", exponent_max + 2), Err(deepest(width))),
            (format!("1{}", "0".repeat(exponent_max as usize + 2)), Err(deepest(width))),
            ("1e5000".into(), Err(deepest(width))),
            ("1e99999999999999999999999".into(), Err(deepest(width))),
        ] {
            check(
                |view| (view.width, view.zoom) = (width, zoom.clone()),
                if zoom.len() > DECIMAL_CHARS_MAX as usize {
                    Err(ViewError::TooLong(Field::Zoom))
                } else {
                    expected
                },
            );
        }
    }
    let deep =
        |max_iter| move |view: &mut View| (view.zoom, view.max_iter) = ("1e90".into(), max_iter);
    check(deep(PATH_POINTS_MAX), Ok(()));
    check(deep(PATH_POINTS_MAX + 1), Err(ViewError::DeepMaxIter));
}

#[test]
fn coordinates_are_where_the_formula_says() {
    let view = View {
        re: "0.25".into(),
        im: "-1".into(),
        zoom: "2".into(),
        width: 512,
        height: 256,
        ..View::default()
    };
    let spec = view.validate().expect("valid");
    let pitch = 2.0 / 512.0;
    assert_eq!(spec.column(0), 0.25 - 255.5 * pitch);
    assert_eq!(spec.column(511), 0.25 + 255.5 * pitch);
    // Up is larger.
    assert_eq!(spec.row(0), -1.0 + 127.5 * pitch);
    assert_eq!(spec.row(255), -1.0 - 127.5 * pitch);
}

#[test]
fn symmetric_views_have_symmetric_coordinates() {
    for (width, height, zoom) in [(301, 200, "1.37"), (77, 333, "0.9")] {
        let view = View {
            re: "0".into(),
            zoom: zoom.into(),
            width,
            height,
            formula: Formula::JULIA,
            ..View::default()
        };
        let spec = view.validate().expect("valid");
        for j in 0..height {
            assert_eq!(spec.row(j), -spec.row(height - 1 - j));
        }
        for i in 0..width {
            assert_eq!(spec.column(i), -spec.column(width - 1 - i));
        }
    }
}

#[test]
fn limits_are_said_in_numbers_that_a_person_can_type() {
    let said = |error: ViewError| error.to_string();
    assert!(said(ViewError::TooWide).ends_with("at least 1/1000"));
    assert!(said(ViewError::OutOfRange(Field::Re)).ends_with("between -16 and 16"));
    assert!(said(ViewError::TooDeep { exponent_max: 1_230 }).ends_with("about 1e1230"));
    for (zoom_max, text) in [(8_796_093_022_208.0, "8.7e12"), (1.0, "1.0e0"), (9.99e15, "9.9e15")] {
        let words = said(ViewError::TooDeepForFamily { zoom_max });
        assert!(words.ends_with(&format!("about {text}")), "{words}");
    }
}
