//! Pictures that nobody asked for by name: a seed and an index give a view and its colours.
//!
//! A candidate is drawn, walked towards where its picture is busy, and looked at as a small preview;
//! dull ones are drawn again. All of it is seeded and counts on the tiles' own numbers, so the same
//! seed and index are the same picture everywhere, whatever the engine.

mod appeal;
mod walk;

use base::Rng;

use crate::colour::Colouring;
use crate::decimal::decimal_from_f64;
use crate::engine::Engine;
use crate::formula::{Family, Formula};
use crate::palette::Palette;
use crate::view::View;
use appeal::Preview;
use walk::Place;

/// Candidates for one picture at most; the best of them is taken if none pleases. Chosen: nine of ten
/// please within half as many.
const CANDIDATES_MAX: u32 = 32;
/// After so many of one formula, another is tried.
const CANDIDATES_OF_A_FORMULA: u32 = 6;
/// Kept apart from any index, so that neighbouring seeds do not share pictures.
const INDEX_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A view, and the colours that become it.
#[derive(Debug, Clone, PartialEq)]
pub struct Variation {
    /// The view.
    pub view: View,
    /// The palette.
    pub palette: Palette,
    /// How it is wound.
    pub colouring: Colouring,
}

impl Variation {
    /// Density and offset of the colours as text: they are hundredths.
    pub fn winding(&self) -> [String; 2] {
        let Colouring { density, offset } = self.colouring;
        [density, offset].map(|number| decimal_from_f64(number, 2))
    }
}

/// The picture of a seed and an index, at a size in pixels. The engine changes nothing but the time: some
/// ten milliseconds on a fast one.
pub fn variation(
    engine: &'static dyn Engine,
    seed: u64,
    index: u32,
    (width, height): (u32, u32),
) -> Variation {
    let mut rng = Rng::new(seed ^ u64::from(index).wrapping_add(1).wrapping_mul(INDEX_STEP));
    let mut formula = formula(&mut rng);
    let mut best: Option<(f64, Place, Preview)> = None;
    for candidate in 1..=CANDIDATES_MAX {
        if candidate % CANDIDATES_OF_A_FORMULA == 0 {
            formula = self::formula(&mut rng);
        }
        let place = walk::candidate(engine, &mut rng, formula);
        let Some(preview) = Preview::new(engine, &place.view(), (width, height)) else { continue };
        let appeal = preview.appeal();
        if best.as_ref().is_none_or(|(most, ..)| appeal > *most) {
            best = Some((appeal, place, preview));
        }
        if appeal >= appeal::PLEASING {
            break;
        }
    }
    let palette = palette(&mut rng);
    let Some((_, place, preview)) = best else {
        let view = View { formula, width, height, ..View::default() };
        return Variation { view, palette, colouring: Colouring::default() };
    };
    let colouring = preview.colouring(&mut rng);
    let view = View { width, height, max_iter: preview.max_iter(), ..place.view() };
    Variation { view, palette, colouring }
}

/// A palette, grey more seldom than colours.
fn palette(rng: &mut Rng) -> Palette {
    let mut palette = || rng.pick(&Palette::ALL).copied().unwrap_or_default();
    match palette() {
        Palette::Ink => palette(),
        colours => colours,
    }
}

/// A formula, the richer families more often.
fn formula(rng: &mut Rng) -> Formula {
    const CHOICES: [(Family, bool, u64); 9] = [
        (Family::Power, false, 12),
        (Family::Power, true, 7),
        (Family::BurningShip, false, 2),
        (Family::BurningShip, true, 1),
        (Family::Tricorn, false, 2),
        (Family::Tricorn, true, 2),
        (Family::Celtic, false, 2),
        (Family::Celtic, true, 1),
        (Family::Newton, false, 2),
    ];
    let mut draw = rng.below(CHOICES.iter().map(|(.., weight)| weight).sum());
    let chosen = CHOICES.into_iter().find(|(.., weight)| {
        let is_here = draw < *weight;
        draw = draw.saturating_sub(*weight);
        is_here
    });
    let (family, is_julia, _) = chosen.unwrap_or(CHOICES[0]);
    let power = match family {
        // The square is the richest: three of five.
        Family::Power if rng.chance(0.6) => 2,
        Family::Power => 3 + rng.below(4) as u8,
        Family::Newton => 3 + rng.below(6) as u8,
        _ => 2,
    };
    Formula::new(family, power, is_julia).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Plain;

    #[test]
    fn a_seed_and_an_index_are_one_picture() {
        let of = |seed, index| variation(&Plain, seed, index, (300, 200));
        assert_eq!(of(1, 0), of(1, 0));
        assert_ne!(of(1, 0), of(1, 1));
        assert_ne!(of(1, 0), of(2, 0));
    }

    #[test]
    fn every_variation_is_valid_and_nearly_all_please() {
        let mut pleasing = 0;
        for index in 0..12 {
            let variation = variation(&Plain, 11, index, (640, 480));
            assert!(variation.view.validate().is_ok(), "{variation:?}");
            let preview = Preview::new(&Plain, &variation.view, (640, 480)).expect("valid");
            assert!(preview.inside() < 0.6, "{variation:?}");
            pleasing += u32::from(preview.appeal() >= appeal::PLEASING);
        }
        assert!(pleasing >= 9, "{pleasing} of 12");
    }
}
