//! What series are taken, what their frames show, and that their bytes are read as they were written.

use proptest::prelude::*;

use super::*;
use crate::engine::Plain;
use crate::formula::Formula;
use crate::job::appraise;
use crate::view::ViewError;

fn gallery() -> Gallery {
    Gallery { seed: 5, first: 3, count: 4, width: 300, height: 200 }
}

fn zoom(to: View) -> Zoom {
    let from = View { width: to.width, height: to.height, ..View::default() };
    Zoom { from, to, frames: 25, first: 0, count: 25 }
}

/// Seahorses, at a depth that f64 knows nothing of.
fn deep() -> View {
    View {
        re: "-0.743643887037158704752191506114774".into(),
        im: "0.131825904205311970493132056385139".into(),
        zoom: "1e27".into(),
        max_iter: 5_000,
        width: 320,
        height: 180,
        ..View::default()
    }
}

#[test]
fn tasks_go_frame_by_frame_and_each_from_the_middle() {
    let frames = Series::Gallery(gallery()).validate().unwrap();
    assert_eq!((frames.count(), frames.task_count()), (4, 8));
    let places: Vec<_> = (0..9).map(|task| frames.place(task)).collect();
    let expected = (0..4).flat_map(|frame| [Some((frame, 0)), Some((frame, 1))]);
    assert_eq!(places, expected.chain([None]).collect::<Vec<_>>());
    assert_eq!(frames.rect(5), frames.tiles().rect(1));
    assert_eq!(frames.view(&Plain, 4), None);
}

#[test]
fn a_gallery_is_what_its_seed_says_wherever_a_job_begins() {
    let frames = Series::Gallery(gallery()).validate().unwrap();
    let later = Gallery { first: 5, count: 1, ..gallery() };
    let view = later.variation(&Plain, 0).view;
    assert_eq!(frames.view(&Plain, 2), Some(view.clone()));
    assert_eq!(frames.spec(&Plain, 2), view.validate().ok());
}

/// Peers of one network must agree on every picture of a seed. Whoever means to change the choice
/// raises the edition in `encode.rs` with it.
#[test]
fn the_choice_of_a_seed_is_part_of_the_protocol() {
    let views = (0..6).map(|frame| gallery().variation(&Plain, frame).view);
    let shown =
        views.map(|view| format!("{} {} {} {}", view.formula, view.re, view.zoom, view.c_re));
    let expected = [
        "julia 0.8162890314606303 53.04194203634654 0.14258568983060202",
        "multibrot-3 -0.24719854923399562 376498.6611564112 0",
        "mandelbrot -0.14877875699288198 220.84985375477228 0",
        "julia 0.5496553531899422 2.7686232196999203 0.0005084477263462561",
        "mandelbrot -0.09781021781925696 3917.4510334971606 0",
        "newton-4 0.8681819672005632 3.631743559885404 0",
    ];
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

#[test]
fn a_zoom_begins_and_ends_where_it_was_told_to_and_one_point_stays_put() {
    for to in [deep(), View { zoom: "1e9".into(), ..deep() }] {
        let zoom = zoom(to.clone());
        assert_eq!((zoom.view(0), zoom.view(24)), (zoom.from.clone(), to.clone()));
        // The place on the screen of the point that stays: here the last centre's, nearly.
        let number = |text: &str| text.parse::<f64>().unwrap();
        let place = |view: &View| (number(&to.re) - number(&view.re)) * number(&view.zoom);
        let fixed = place(&zoom.view(0));
        for frame in 1..6 {
            let view = zoom.view(frame);
            let expected = fixed * (1.0 - number(&view.zoom) / number(&to.zoom));
            assert!((place(&view) - expected).abs() < 1e-6, "{frame}: {view:?}");
        }
        let zooms: Vec<f64> = (0..25).map(|frame| number(&zoom.view(frame).zoom)).collect();
        let step = zooms[1] / zooms[0];
        assert!(zooms.windows(2).all(|pair| (pair[1] / pair[0] / step - 1.0).abs() < 1e-6));
        Series::Zoom(Box::new(zoom)).validate().unwrap();
    }
}

#[test]
fn the_way_out_is_the_way_in_backwards() {
    let inward = zoom(deep());
    let Zoom { from, to, .. } = inward.clone();
    let outward = Zoom { from: to, to: from, ..inward.clone() };
    for frame in 1..24 {
        let (view, other) = (inward.view(frame), outward.view(24 - frame));
        // To a billionth of the screen.
        let places = 2 + 27 * frame as usize / 24 + 9;
        assert_eq!(view.re[..places], other.re[..places], "{frame}");
        assert_eq!(view.im[..places - 1], other.im[..places - 1], "{frame}");
    }
}

#[test]
fn frames_far_down_differ_from_their_end_where_it_can_be_seen() {
    let zoom = zoom(deep());
    let (frame, end) = (zoom.view(23), zoom.view(24));
    assert_ne!(frame.re, end.re);
    assert_eq!(frame.re[..26], end.re[..26]);
    let same_centre =
        Zoom { from: View { re: end.re.clone(), im: end.im, ..zoom.from.clone() }, ..zoom };
    assert_eq!(same_centre.view(7).re, end.re);
}

#[test]
fn a_pan_takes_equal_steps() {
    let to = View { re: "0.5".into(), im: "1".into(), ..View::default() };
    let pan = Zoom { frames: 5, count: 5, ..zoom(to) };
    let places: Vec<_> = (0..5).map(|frame| pan.view(frame).re).collect();
    assert_eq!(places, ["-0.5", "-0.25", "0", "0.25", "0.5"]);
}

#[test]
fn what_cannot_be_computed_is_refused_in_words() {
    let check = |series: Series, expected: SeriesError| {
        let refusal = series.validate().unwrap_err();
        assert_eq!(refusal, expected);
        assert!(refusal.to_string().len() > 10);
    };
    let of = |change: fn(&mut Gallery)| {
        let mut gallery = gallery();
        change(&mut gallery);
        Series::Gallery(gallery)
    };
    check(of(|gallery| gallery.count = 0), SeriesError::Count);
    check(of(|gallery| gallery.count = FRAMES_MAX + 1), SeriesError::Count);
    check(of(|gallery| gallery.first = u32::MAX), SeriesError::Count);
    check(of(|gallery| gallery.width = 0), ViewError::Size.into());
    let large = of(|gallery| (gallery.width, gallery.height, gallery.count) = (16_000, 16_000, 20));
    check(large, SeriesError::TooManyTiles { frames_max: 16 });
    let large = of(|gallery| (gallery.width, gallery.height, gallery.count) = (16_000, 16_000, 16));
    check(large, SeriesError::TooMuchWork);

    let of = |change: fn(&mut Zoom)| {
        let mut zoom = zoom(deep());
        change(&mut zoom);
        Series::Zoom(Box::new(zoom))
    };
    check(of(|zoom| zoom.frames = 1), SeriesError::Count);
    check(of(|zoom| zoom.first = 1), SeriesError::Count);
    check(of(|zoom| zoom.from.formula = Formula::JULIA), SeriesError::Ends);
    check(of(|zoom| zoom.from.c_re = "1".into()), SeriesError::Ends);
    check(of(|zoom| zoom.from.width = 10), SeriesError::Ends);
    let error = ViewError::TooWide;
    check(of(|zoom| zoom.from.zoom = "0".into()), SeriesError::Frame { frame: 0, error });
    check(
        of(|zoom| zoom.to.re = "1".repeat(1_200)),
        SeriesError::Frame { frame: 24, error: ViewError::TooLong(crate::Field::Re) },
    );
}

fn any_series() -> impl Strategy<Value = Series> {
    let gallery =
        any::<(u64, u32, u32, u32, u32)>().prop_map(|(seed, first, count, width, height)| {
            Series::Gallery(Gallery { seed, first, count, width, height })
        });
    let view = ("[-0-9.e]{0,40}", "[-0-9.e]{0,40}", any::<u32>())
        .prop_map(|(re, zoom, max_iter)| View { re, zoom, max_iter, ..View::default() });
    let zoom = (view.clone(), view, any::<(u32, u32, u32)>()).prop_map(|(from, to, numbers)| {
        let (frames, first, count) = numbers;
        Series::Zoom(Box::new(Zoom { from, to, frames, first, count }))
    });
    prop_oneof![gallery, zoom]
}

proptest! {
    #[test]
    fn decode_undoes_encode(series in any_series(), byte: u8) {
        let bytes = series.encode();
        prop_assert_eq!(Series::decode(&bytes), Ok(series.clone()));
        prop_assert!(Series::decode(&bytes[..bytes.len() - 1]).is_err());
        prop_assert!(Series::decode(&[&bytes[..], &[byte]].concat()).is_err());
    }

    #[test]
    fn whatever_decodes_is_judged(
        series in any_series(),
        at in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let mut bytes = series.encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(other) = Series::decode(&bytes) {
            prop_assert_eq!(other.encode(), bytes.clone());
            let _ = appraise(other.kind(), &bytes, 1);
        }
    }
}
