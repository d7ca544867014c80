//! A few views worth beginning with, for the page and the command line.

use crate::colour::Colouring;
use crate::formula::Formula;
use crate::palette::Palette;
use crate::view::View;

/// A named view and the colours that become it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preset {
    /// The name in commands and links, in lower case.
    pub name: &'static str,
    /// The name that people see.
    pub title: &'static str,
    /// Family of the picture.
    pub formula: Formula,
    /// Centre, as decimal text.
    pub centre: (&'static str, &'static str),
    /// Magnification, as decimal text.
    pub zoom: &'static str,
    /// The constant of a Julia set, as decimal text.
    pub c: (&'static str, &'static str),
    /// Steps after which a point counts as inside.
    pub max_iter: u32,
    /// The palette that it was chosen with.
    pub palette: Palette,
    /// How that palette is wound.
    pub colouring: Colouring,
}

impl Preset {
    /// The view at a size in pixels.
    pub fn view(&self, width: u32, height: u32) -> View {
        View {
            formula: self.formula,
            re: self.centre.0.into(),
            im: self.centre.1.into(),
            zoom: self.zoom.into(),
            c_re: self.c.0.into(),
            c_im: self.c.1.into(),
            max_iter: self.max_iter,
            width,
            height,
        }
    }
}

/// The views, the whole set first.
pub fn presets() -> &'static [Preset] {
    &PRESETS
}

const fn mandelbrot(
    (name, title): (&'static str, &'static str),
    centre: (&'static str, &'static str),
    zoom: &'static str,
    max_iter: u32,
    (palette, density, offset): (Palette, f64, f64),
) -> Preset {
    let (formula, c) = (Formula::MANDELBROT, ("0", "0"));
    let colouring = Colouring { density, offset };
    Preset { name, title, formula, centre, zoom, c, max_iter, palette, colouring }
}

const fn julia(
    (name, title): (&'static str, &'static str),
    c: (&'static str, &'static str),
    zoom: &'static str,
    max_iter: u32,
    (palette, density, offset): (Palette, f64, f64),
) -> Preset {
    let (formula, centre) = (Formula::JULIA, ("0", "0"));
    let colouring = Colouring { density, offset };
    Preset { name, title, formula, centre, zoom, c, max_iter, palette, colouring }
}

static PRESETS: [Preset; 12] = [
    mandelbrot(
        ("whole", "The whole set"),
        ("-0.68", "0"),
        "0.95",
        2_000,
        (Palette::Dusk, 1.0, -0.06),
    ),
    mandelbrot(
        ("seahorse", "Seahorse valley"),
        ("-0.74345", "0.13135"),
        "1100",
        5_000,
        (Palette::Dusk, 1.0, 0.0),
    ),
    mandelbrot(
        ("tail", "The seahorse's tail"),
        ("-0.743643887037158704752191506114774", "0.131825904205311970493132056385139"),
        "60000000",
        8_000,
        (Palette::Sunset, 1.0, 0.0),
    ),
    mandelbrot(
        ("elephants", "Elephant valley"),
        ("0.2912", "0.0149"),
        "500",
        4_000,
        (Palette::Ember, 1.0, 0.0),
    ),
    mandelbrot(
        ("scepter", "Scepter valley"),
        ("-1.250495", "0.0201"),
        "5000",
        4_000,
        (Palette::Aurora, 1.0, 0.27),
    ),
    mandelbrot(
        ("shore", "Spiral shore"),
        ("-0.0615", "0.669"),
        "150",
        4_000,
        (Palette::Ocean, 1.0, 0.0),
    ),
    mandelbrot(
        ("curls", "Cream curls"),
        ("-1.768778833", "-0.001738996"),
        "20000000",
        6_000,
        (Palette::Pastry, 1.0, 0.0),
    ),
    mandelbrot(
        ("starfish", "Starfish"),
        ("-0.374004139", "0.659792175"),
        "600",
        6_000,
        (Palette::Spectrum, 1.0, 0.0),
    ),
    julia(
        ("rabbit", "Douady's rabbit"),
        ("-0.123", "0.745"),
        "1",
        2_000,
        (Palette::Ocean, 1.0, 0.0),
    ),
    julia(("dragon", "Dragon"), ("-0.8", "0.156"), "1.15", 2_000, (Palette::Ember, 1.0, 0.0)),
    julia(("lace", "Lace"), ("-0.7269", "0.1889"), "1.15", 3_000, (Palette::Aurora, 1.0, 0.0)),
    julia(("frost", "Frost"), ("0", "1"), "1.05", 2_000, (Palette::Ink, 2.0, 0.45)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_valid_as_a_poster_and_has_its_own_name() {
        for (index, preset) in presets().iter().enumerate() {
            for (width, height) in [(256, 256), (3_840, 2_160), (7_016, 9_933)] {
                let valid = preset.view(width, height).validate();
                assert!(valid.is_ok(), "{}: {valid:?}", preset.name);
            }
            assert!(presets()[..index].iter().all(|other| other.name != preset.name));
        }
    }
}
