//! Numbers to colours. Whoever looks at a picture does this; colours never travel.
//!
//! The smooth value n + f of a pixel is first put on a logarithmic scale, so that a view whose counts
//! lie around 10 and one whose counts lie around 10,000 show a similar number of bands, and then wound
//! around the ring of the palette. A colour depends on its own pixel only, so tiles meet without seams.
//! Where colours go by rank ([`Histogram`]), it depends on the whole picture besides.

use crate::formula::Formula;
use crate::histogram::{Histogram, Ranks};
use crate::palette::{Palette, Rgb, TABLE_ENTRIES, byte_from_linear, linear_from_byte};

/// Turns of the ring for each doubling of the smooth value, at density 1. Chosen by eye.
const TURNS_PER_DOUBLING: f64 = 0.4;
/// Added to the smooth value. Chosen by eye: it calms the few wide bands far from the set.
const CALM: f64 = 4.0;
const DENSITY_MIN: f64 = 0.01;
const DENSITY_MAX: f64 = 100.0;
/// Offsets beyond this lose the precision of a turn.
const OFFSET_MAX: f64 = 1e6;

/// How the ring of a palette is wound through a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Colouring {
    /// How often colours come round, relative to the usual 1. Kept within 0.01 and 100.
    pub density: f64,
    /// Where on the ring to begin, in turns. Kept within a million turns either way.
    pub offset: f64,
}

/// A palette ready for use. Making one costs about a millisecond; keep it for many tiles.
#[derive(Debug, Clone)]
pub struct Painter {
    table: Vec<Rgb>,
    inside: Rgb,
    density: f64,
    offset: f64,
    /// How many roots a level may name; 0 where it names none.
    roots: u32,
    /// Instead of the logarithmic scale.
    ranks: Option<Ranks>,
}

impl Default for Colouring {
    fn default() -> Colouring {
        Colouring { density: 1.0, offset: 0.0 }
    }
}

impl Painter {
    /// Prepares a palette. Numbers that are not finite count as the usual ones.
    pub fn new(palette: Palette, colouring: Colouring) -> Painter {
        let usual = Colouring::default();
        let density = finite_or(colouring.density, usual.density).clamp(DENSITY_MIN, DENSITY_MAX);
        Painter {
            table: palette.table(),
            inside: palette.inside(),
            density,
            offset: finite_or(colouring.offset, usual.offset).clamp(-OFFSET_MAX, OFFSET_MAX),
            roots: 0,
            ranks: None,
        }
    }

    /// The same for a formula: the basins of Newton's method begin at different places of the ring.
    pub fn of(self, formula: Formula) -> Painter {
        Painter { roots: formula.roots(), ..self }
    }

    /// The same with colours by rank: at density 1 the picture passes through the ring once, and each
    /// part of it covers as many of the points that were counted as any other.
    pub fn by_rank(self, histogram: &Histogram) -> Painter {
        Painter { ranks: Some(histogram.ranks()), ..self }
    }

    /// The ring, as the colours of equal parts of a turn, sRGB. For whoever winds it itself.
    pub fn ring(&self) -> &[[u8; 3]] {
        &self.table
    }

    /// The colour of the inside, sRGB.
    pub fn inside(&self) -> [u8; 3] {
        self.inside
    }

    /// The colour of a level, sRGB.
    pub fn colour(&self, level: u32) -> [u8; 3] {
        if level == 0 {
            return self.inside;
        }
        let turns = self.ranks.as_ref().map_or_else(|| turns_of(level), |ranks| ranks.of(level));
        let mut turns = turns * self.density + self.offset;
        if self.roots > 0 {
            turns += f64::from(level % 8) / f64::from(self.roots);
        }
        let place = turns - libm::floor(turns);
        // A turn that rounds up to 1 is the beginning again.
        let entry = (place * f64::from(TABLE_ENTRIES)) as u32 % TABLE_ENTRIES;
        self.table[entry as usize]
    }

    /// Writes the colours of a tile's levels as opaque RGBA, four bytes per pixel.
    ///
    /// # Panics
    /// When `out` is not four bytes for each level.
    pub fn paint(&self, levels: &[u32], out: &mut [u8]) {
        let (pixels, rest) = out.as_chunks_mut::<4>();
        assert!(rest.is_empty() && pixels.len() == levels.len(), "four bytes for each level");
        for (pixel, &level) in pixels.iter_mut().zip(levels) {
            let [red, green, blue] = self.colour(level);
            *pixel = [red, green, blue, 255];
        }
    }
}

/// Colours as light: what several points of a pixel shine together.
#[derive(Debug, Clone)]
pub struct Blend {
    linear: [f64; 256],
}

impl Blend {
    /// Prepares a table.
    pub fn new() -> Blend {
        let mut linear = [0.0; 256];
        for (byte, value) in (0..=u8::MAX).zip(&mut linear) {
            *value = linear_from_byte(byte);
        }
        Blend { linear }
    }

    /// The mean of colours in sRGB, taken in linear light; black of none.
    pub fn mean(&self, colours: impl IntoIterator<Item = [u8; 3]>) -> [u8; 3] {
        let (mut sum, mut count) = ([0.0; 3], 0_u32);
        for colour in colours {
            for (sum, byte) in sum.iter_mut().zip(colour) {
                *sum += self.linear[usize::from(byte)];
            }
            count += 1;
        }
        sum.map(|sum| byte_from_linear(sum / f64::from(count.max(1))))
    }
}

impl Default for Blend {
    fn default() -> Blend {
        Blend::new()
    }
}

/// Turns of the ring for a level at density 1, before an offset; nothing of the inside, level 0.
pub fn turns_of(level: u32) -> f64 {
    libm::log2(f64::from(level) / 256.0 + CALM) * TURNS_PER_DOUBLING
}

/// Colours one tile; see [`Painter::paint`], which is faster for several.
///
/// # Panics
/// When `out` is not four bytes for each level.
pub fn colour_tile(levels: &[u32], palette: Palette, colouring: Colouring, out: &mut [u8]) {
    Painter::new(palette, colouring).paint(levels, out);
}

fn finite_or(value: f64, otherwise: f64) -> f64 {
    if value.is_finite() { value } else { otherwise }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_and_outside_are_opaque() {
        let mut out = [0; 12];
        colour_tile(&[0, 256, u32::MAX], Palette::Ember, Colouring::default(), &mut out);
        let [red, green, blue] = Palette::Ember.inside();
        assert_eq!(out[..4], [red, green, blue, 255]);
        assert_eq!((out[7], out[11]), (255, 255));
    }

    #[test]
    fn an_offset_of_whole_turns_changes_nothing() {
        let painter = |offset| Painter::new(Palette::Dusk, Colouring { density: 1.0, offset });
        let (zero, three) = (painter(0.0), painter(-3.0));
        for level in (256..1_000_000).step_by(997) {
            let same = zero.colour(level).into_iter().zip(three.colour(level));
            assert!(same.into_iter().all(|(a, b)| a.abs_diff(b) <= 2));
        }
    }

    #[test]
    fn a_mean_is_taken_in_light() {
        let blend = Blend::new();
        for byte in 0..=255 {
            assert_eq!(blend.mean([[byte; 3]; 4]), [byte; 3]);
        }
        // Half the light of white is brighter than half its number.
        assert_eq!(blend.mean([[0; 3], [255; 3]]), [188; 3]);
    }

    #[test]
    fn the_basins_of_newtons_method_differ_in_colour() {
        let newton: Formula = "newton-3".parse().expect("a known family");
        let painter = Painter::new(Palette::Spectrum, Colouring::default()).of(newton);
        let [a, b, c] = [0, 1, 2].map(|root| painter.colour(10 << 8 | root));
        assert!(a != b && b != c && c != a);
        let plain = Painter::new(Palette::Spectrum, Colouring::default()).of(Formula::JULIA);
        assert_eq!(plain.colour(2560), plain.colour(2561));
    }

    #[test]
    fn by_rank_each_colour_covers_as_much_as_any_other() {
        let levels: Vec<u32> = (1..4_000).map(|n| n * n / 7 + 1).collect();
        let mut histogram = Histogram::default();
        histogram.add(&levels);
        let painter = Painter::new(Palette::Dusk, Colouring::default()).by_rank(&histogram);
        let mut quarters = [0; 4];
        let table = painter.ring().to_vec();
        for level in &levels {
            let colour = painter.colour(*level);
            let near = |entry: &[u8; 3]| {
                entry.iter().zip(colour).map(|(a, b)| u32::from(a.abs_diff(b))).sum::<u32>()
            };
            let at = (0..table.len()).min_by_key(|at| near(&table[*at])).unwrap_or(0);
            quarters[at * 4 / table.len()] += 1;
        }
        assert!(quarters.iter().all(|count| (900..1_100).contains(count)), "{quarters:?}");
        assert_eq!(painter.colour(0), Palette::Dusk.inside());
    }

    #[test]
    fn any_numbers_are_survived() {
        for value in [f64::NAN, f64::INFINITY, -1.0, 0.0, f64::MAX, -1e-300] {
            let painter = Painter::new(Palette::Ink, Colouring { density: value, offset: value });
            let _ = painter.colour(u32::MAX);
        }
    }
}
