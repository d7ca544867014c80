//! The palettes: a few stops each, and the table of colours between them.
//!
//! A palette is a closed ring, so that it can be passed through again and again. Colours are blended
//! in Oklab, where equal steps look equal, along a smooth curve through the stops. All of it is
//! `+ - * /` and `libm`, so a table has the same bytes everywhere.

use std::fmt;
use std::str::FromStr;

/// Entries of a table. A power of two; chosen: neighbours differ by less than the eye can tell.
pub(crate) const TABLE_ENTRIES: u32 = 4_096;

/// A ring of colours, and one for the inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Palette {
    /// Midnight blue, white and gold.
    #[default]
    Dusk,
    /// Black through glowing coal to pale flame.
    Ember,
    /// Abyss, teal and foam.
    Ocean,
    /// Night sky with green and violet light.
    Aurora,
    /// Grey alone.
    Ink,
    /// Plum, rose, apricot and evening blue.
    Sunset,
    /// All hues, from night to noon and back.
    Spectrum,
    /// Dark chocolate, pastry and cream.
    Pastry,
}

/// The text names no palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown palette; there are dusk, ember, ocean, aurora, ink, sunset, spectrum and pastry")]
pub struct UnknownPalette;

/// sRGB, one byte each.
pub(crate) type Rgb = [u8; 3];

impl Palette {
    /// All palettes, in the order in which an interface shows them.
    pub const ALL: [Palette; 8] = [
        Palette::Dusk,
        Palette::Ember,
        Palette::Ocean,
        Palette::Aurora,
        Palette::Ink,
        Palette::Sunset,
        Palette::Spectrum,
        Palette::Pastry,
    ];

    /// The name in commands and links, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Palette::Dusk => "dusk",
            Palette::Ember => "ember",
            Palette::Ocean => "ocean",
            Palette::Aurora => "aurora",
            Palette::Ink => "ink",
            Palette::Sunset => "sunset",
            Palette::Spectrum => "spectrum",
            Palette::Pastry => "pastry",
        }
    }

    /// The name that people see.
    pub fn title(self) -> &'static str {
        match self {
            Palette::Dusk => "Dusk",
            Palette::Ember => "Ember",
            Palette::Ocean => "Ocean",
            Palette::Aurora => "Aurora",
            Palette::Ink => "Ink",
            Palette::Sunset => "Sunset",
            Palette::Spectrum => "Spectrum",
            Palette::Pastry => "Pastry",
        }
    }

    /// The colour of the inside, sRGB.
    pub fn inside(self) -> [u8; 3] {
        rgb_from_hex(match self {
            Palette::Dusk => 0x00020a,
            Palette::Ember => 0x070202,
            Palette::Ocean => 0x01060c,
            Palette::Aurora => 0x03030b,
            Palette::Ink => 0x050505,
            Palette::Sunset => 0x0a0410,
            Palette::Spectrum => 0x060608,
            Palette::Pastry => 0x0d0603,
        })
    }

    /// Evenly spaced around the ring, sRGB as in `0xrrggbb`.
    pub fn stops(self) -> &'static [u32] {
        match self {
            Palette::Dusk => {
                &[0x000732, 0x0f3f96, 0x4b97d6, 0xe9f6fb, 0xffc24a, 0xb3550f, 0x2c0d16]
            }
            Palette::Ember => {
                &[0x0a0408, 0x4a0d14, 0xa82012, 0xee6314, 0xffc04d, 0xfff2cf, 0xd97a2b, 0x4f1622]
            }
            Palette::Ocean => {
                &[0x020c1f, 0x04335c, 0x06748c, 0x2fb7a8, 0xc8f2df, 0x5cc6d0, 0x156aa6, 0x0a2757]
            }
            Palette::Aurora => {
                &[0x05071c, 0x0b3a4a, 0x12976b, 0x8cf0a0, 0xdcfae6, 0x7a9de8, 0x6a3fb5, 0x26104d]
            }
            Palette::Ink => &[0x0c0c0d, 0x555557, 0xb4b4b3, 0xf6f5f1, 0x9a9a9b, 0x3a3a3c],
            Palette::Sunset => {
                &[0x1c0f33, 0x5e1f5c, 0xb83664, 0xf2745f, 0xffc484, 0xffeed2, 0x8fa6d6, 0x3b4285]
            }
            Palette::Spectrum => {
                &[0x1b1038, 0x7a1f5f, 0xd9444d, 0xf59a3c, 0xf6e58a, 0x58b97a, 0x1b7a94, 0x243f80]
            }
            Palette::Pastry => {
                &[0x1c0d07, 0x5a2d14, 0xb06a2a, 0xe9b86a, 0xfff3dc, 0xf0b9a4, 0xa84a4a, 0x471620]
            }
        }
    }

    /// The ring as [`TABLE_ENTRIES`] colours.
    pub(crate) fn table(self) -> Vec<Rgb> {
        let stops: Vec<[f64; 3]> =
            self.stops().iter().map(|&hex| oklab_from_rgb(rgb_from_hex(hex))).collect();
        (0..TABLE_ENTRIES)
            .map(|entry| {
                rgb_from_oklab(point_on_ring(&stops, f64::from(entry) / f64::from(TABLE_ENTRIES)))
            })
            .collect()
    }
}

impl fmt::Display for Palette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Palette {
    type Err = UnknownPalette;

    fn from_str(text: &str) -> Result<Palette, UnknownPalette> {
        Palette::ALL.into_iter().find(|palette| palette.name() == text).ok_or(UnknownPalette)
    }
}

fn rgb_from_hex(hex: u32) -> Rgb {
    let [_, red, green, blue] = hex.to_be_bytes();
    [red, green, blue]
}

/// The closed Catmull-Rom curve through the stops, at `turn` in 0..1.
fn point_on_ring(stops: &[[f64; 3]], turn: f64) -> [f64; 3] {
    let place = turn * stops.len() as f64;
    let first = place as usize;
    let t = place - first as f64;
    let stop = |offset: usize| stops[(first + stops.len() + offset - 1) % stops.len()];
    let (a, b, c, d) = (stop(0), stop(1), stop(2), stop(3));
    [0, 1, 2].map(|i| {
        let linear = c[i] - a[i];
        let square = 2.0 * a[i] - 5.0 * b[i] + 4.0 * c[i] - d[i];
        let cubic = 3.0 * (b[i] - c[i]) + d[i] - a[i];
        b[i] + 0.5 * t * (linear + t * (square + t * cubic))
    })
}

/// Björn Ottosson's Oklab, with the matrices of his publication.
fn oklab_from_rgb(rgb: Rgb) -> [f64; 3] {
    let [r, g, b] = rgb.map(linear_from_byte);
    let l = libm::cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    let m = libm::cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    let s = libm::cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    [
        0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
        1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
        0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
    ]
}

fn rgb_from_oklab([lightness, a, b]: [f64; 3]) -> Rgb {
    let l = lightness + 0.3963377774 * a + 0.2158037573 * b;
    let m = lightness - 0.1055613458 * a - 0.0638541728 * b;
    let s = lightness - 0.0894841775 * a - 1.2914855480 * b;
    let (l, m, s) = (l * l * l, m * m * m, s * s * s);
    [
        4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
        -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
        -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
    ]
    .map(byte_from_linear)
}

pub(crate) fn linear_from_byte(byte: u8) -> f64 {
    let value = f64::from(byte) / 255.0;
    if value <= 0.04045 { value / 12.92 } else { libm::pow((value + 0.055) / 1.055, 2.4) }
}

pub(crate) fn byte_from_linear(value: f64) -> u8 {
    let value = value.clamp(0.0, 1.0);
    let encoded = if value <= 0.003_130_8 {
        value * 12.92
    } else {
        1.055 * libm::pow(value, 1.0 / 2.4) - 0.055
    };
    (encoded * 255.0 + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_are_all_listed_in_the_error() {
        for palette in Palette::ALL {
            assert_eq!(palette.to_string().parse(), Ok(palette));
            assert!(UnknownPalette.to_string().contains(palette.name()));
        }
        assert_eq!("Ember".parse::<Palette>(), Err(UnknownPalette));
    }

    #[test]
    fn the_ring_passes_through_its_stops_and_has_no_seam() {
        for palette in Palette::ALL {
            let table = palette.table();
            let stops = palette.stops();
            for (index, &hex) in stops.iter().enumerate() {
                let entry = (index * TABLE_ENTRIES as usize).div_ceil(stops.len());
                for (got, stop) in table[entry].into_iter().zip(rgb_from_hex(hex)) {
                    assert!(got.abs_diff(stop) <= 2, "{palette} {index}");
                }
            }
            for entry in 0..table.len() {
                let (here, next) = (table[entry], table[(entry + 1) % table.len()]);
                assert!(here.into_iter().zip(next).all(|(a, b)| a.abs_diff(b) <= 2), "{palette}");
            }
        }
    }
}
