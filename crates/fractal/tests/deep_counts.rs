//! Counts against those of whole numbers of any size, computed by `oracle/views.py`: single points,
//! and pixels of deep pictures.

use fractal::{Formula, View, probe};

const COUNTS: &str = include_str!("deep_counts.txt");

/// The lines of one kind and what follows the kind.
fn lines(kind: &str) -> impl Iterator<Item = Vec<&'static str>> {
    COUNTS.lines().filter_map(move |line| {
        let words: Vec<&str> = line.split(' ').collect();
        (words[0] == kind).then(|| words[1..].to_vec())
    })
}

fn count(text: &str) -> Option<u32> {
    (text != "-").then(|| text.parse().expect("a number"))
}

fn formula(text: &str) -> Formula {
    text.parse().expect("a family")
}

#[test]
fn points_escape_when_they_should() {
    let mut seen = 0;
    for words in lines("point") {
        let [family, re, im, c_re, c_im, max_iter, expected] = words[..] else {
            panic!("{words:?}")
        };
        let max_iter = max_iter.parse().expect("a number");
        let got = probe::iterations(formula(family), re, im, c_re, c_im, max_iter);
        assert_eq!(got, Ok(count(expected)), "{words:?}");
        seen += 1;
    }
    assert!(seen >= 200, "{seen} points");
}

/// A view and its pixels: column, row and count.
type Sampled = (View, Vec<(u32, u32, Option<u32>)>);

fn sampled_views() -> Vec<Sampled> {
    let mut views: Vec<Sampled> = Vec::new();
    for line in COUNTS.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u32>().expect("a number");
        match words[0] {
            "view" => {
                let text = |at: usize| words[at].to_owned();
                let view = View {
                    formula: formula(words[1]),
                    re: text(2),
                    im: text(3),
                    zoom: text(4),
                    c_re: text(5),
                    c_im: text(6),
                    max_iter: number(7),
                    width: number(8),
                    height: number(9),
                };
                views.push((view, Vec::new()));
            }
            "pixel" => {
                let (_, pixels) = views.last_mut().expect("a view comes first");
                pixels.push((number(1), number(2), count(words[3])));
            }
            _ => {}
        }
    }
    views
}

#[test]
fn pixels_of_deep_pictures_have_the_counts_of_their_points() {
    let views = sampled_views();
    let mut total = 0;
    let mut wrong = Vec::new();
    for (view, pixels) in &views {
        let spec = view.validate().expect("a view that can be computed");
        assert!(spec.reference_orbit().is_some(), "zoom {} is deep", view.zoom);
        for &(i, j, expected) in pixels {
            let level = spec.level(i, j);
            let got = (level > 0).then_some(level >> 8);
            total += 1;
            if got != expected {
                wrong.push((view.zoom.clone(), view.formula, i, j, got, expected));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {total}: {wrong:?}", wrong.len());
    assert!(views.len() >= 30 && total >= 600, "{} views, {total} pixels", views.len());
}

#[test]
fn deep_pictures_of_the_table_are_not_uniform() {
    for (view, pixels) in sampled_views() {
        let first = pixels[0].2;
        assert!(pixels.iter().any(|pixel| pixel.2 != first), "{} {}", view.formula, view.zoom);
    }
}
