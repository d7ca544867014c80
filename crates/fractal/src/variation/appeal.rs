//! A small preview, and what it says about the picture: busy spots, appeal, colours.

use std::cmp::Reverse;

use base::Rng;

use crate::colour::{Colouring, turns_of};
use crate::engine::Engine;
use crate::task::compute_with;
use crate::view::View;

/// Width of a preview in pixels; its height follows the picture's.
const WIDTH: u32 = 80;
/// The shape of previews on a walk.
pub(super) const WALK_SIZE: (u32, u32) = (4, 3);
/// The appeal from which on a candidate is taken. Chosen by eye on contact sheets.
pub(super) const PLEASING: f64 = 0.52;
/// The largest share of the inside that does not count against a picture.
const INSIDE_MAX: f64 = 0.25;
/// Neighbours that differ by more of the picture's span than this look like noise.
const NOISE: f64 = 0.22;
/// The largest share of noise that does not count against a picture.
const NOISE_MAX: f64 = 0.07;
/// Neighbours that differ by more of the span than this are detail.
const DETAIL: f64 = 0.02;
const BINS: usize = 24;
/// Parts of a picture in each direction, which are looked at one by one.
const PARTS: usize = 4;
/// The least and the largest share of detail with which a part counts as filled.
const FILLED: std::ops::RangeInclusive<f64> = 0.15..=0.92;

/// The numbers of a preview.
pub(super) struct Preview {
    width: usize,
    /// Turns of a palette at density 1 for each pixel; `None` inside.
    turns: Vec<Option<f64>>,
    /// Turns of what is not inside, sorted.
    sorted: Vec<f64>,
    most_iterations: u32,
}

impl Preview {
    /// The preview of a view in the shape of `size`; `None` when it cannot be computed.
    pub(super) fn new(
        engine: &'static dyn Engine,
        view: &View,
        size: (u32, u32),
    ) -> Option<Preview> {
        let height = (u64::from(WIDTH) * u64::from(size.1) / u64::from(size.0.max(1))) as u32;
        let view = View { width: WIDTH, height: height.clamp(20, 200), ..view.clone() };
        let tile = compute_with(engine, &view.validate().ok()?, 0)?;
        let turns: Vec<Option<f64>> =
            tile.levels.iter().map(|&level| (level > 0).then(|| turns_of(level))).collect();
        // What is not negative has the order of its bits.
        let known = turns.iter().copied().flatten();
        let sorted = base::in_order(known.map(f64::to_bits)).into_iter().map(f64::from_bits);
        let sorted = sorted.collect();
        let most_iterations = tile.levels.iter().map(|level| level >> 8).max().unwrap_or(0);
        Some(Preview { width: WIDTH as usize, turns, sorted, most_iterations })
    }

    /// The share of the inside.
    pub(super) fn inside(&self) -> f64 {
        1.0 - self.sorted.len() as f64 / self.turns.len() as f64
    }

    /// 0 for dull and for noisy pictures, towards 1 for those with a wide, even choice of levels.
    pub(super) fn appeal(&self) -> f64 {
        let (low, high) = (self.quantile(0.02), self.quantile(0.98));
        let span = high - low;
        if span < 0.15 {
            return 0.0;
        }
        let mut bins = [0_u32; BINS];
        for turns in &self.sorted {
            let place = (turns - low) / span * BINS as f64;
            bins[(place as usize).min(BINS - 1)] += 1;
        }
        let total = self.sorted.len() as f64;
        let entropy: f64 = bins
            .into_iter()
            .filter(|&count| count > 0)
            .map(|count| f64::from(count) / total)
            .map(|share| -share * libm::log2(share))
            .sum();
        let evenness = entropy / libm::log2(BINS as f64);
        let noise = self.share_of_pairs(|difference| difference > NOISE * span);
        let detail = self.share_of_pairs(|difference| difference > DETAIL * span);
        let too_much = |share: f64, most: f64| ((share - most) / (1.0 - most)).max(0.0);
        let penalty = 3.0 * too_much(self.inside(), INSIDE_MAX) + 4.0 * too_much(noise, NOISE_MAX);
        let filled = 0.35 + 0.65 * self.filled(span);
        (evenness * filled * (detail * 2.5).min(1.0) - penalty).max(0.0)
    }

    /// The share of the picture's parts that are neither empty nor crowded.
    fn filled(&self, span: f64) -> f64 {
        let height = self.turns.len() / self.width;
        let (mut some, mut all) = ([0_u32; PARTS * PARTS], [0_u32; PARTS * PARTS]);
        for at in (1..self.turns.len()).filter(|at| at % self.width > 0) {
            let (x, y) = (at % self.width, at / self.width);
            let part = y * PARTS / height * PARTS + x * PARTS / self.width;
            all[part] += 1;
            some[part] += u32::from(self.difference(at - 1, at) > DETAIL * span);
        }
        let shares =
            some.iter().zip(&all).map(|(&some, &all)| f64::from(some) / f64::from(all.max(1)));
        shares.filter(|share| FILLED.contains(share)).count() as f64 / (PARTS * PARTS) as f64
    }

    /// A spot where neighbours differ, as a part of the picture's width from its middle, up positive.
    pub(super) fn busy_spot(&self, rng: &mut Rng) -> Option<(f64, f64)> {
        let height = self.turns.len() / self.width;
        let mut spots = Vec::new();
        for y in height / 8..height - height / 8 {
            for x in self.width / 8..self.width - self.width / 8 {
                let at = y * self.width + x;
                let around = [at - 1, at + 1, at - self.width, at + self.width];
                let busy: f64 = around.iter().map(|&other| self.difference(at, other)).sum();
                spots.push((Reverse(busy.to_bits()), at));
            }
        }
        let mut spots = base::in_order(spots);
        spots.truncate(spots.len() / 12);
        let &(Reverse(busy), at) = rng.pick(&spots)?;
        let (x, y) = ((at % self.width) as f64, (at / self.width) as f64);
        let width = self.width as f64;
        let place = ((x + 0.5) / width - 0.5, (height as f64 * 0.5 - y - 0.5) / width);
        (busy > 0).then_some(place)
    }

    /// Colours such that the middle nine tenths of the levels pass through about one turn.
    pub(super) fn colouring(&self, rng: &mut Rng) -> Colouring {
        let (low, high) = (self.quantile(0.05), self.quantile(0.95));
        let turns = 0.7 + 0.7 * rng.unit();
        let density = (turns / (high - low).max(0.05)).clamp(0.2, 6.0);
        let density = libm::round(density * 100.0) / 100.0;
        let offset = rng.unit() - low * density;
        let offset = libm::round((offset - libm::floor(offset)) * 100.0) / 100.0;
        Colouring { density, offset }
    }

    /// A limit beyond what the preview's pixels needed.
    pub(super) fn max_iter(&self) -> u32 {
        self.most_iterations.saturating_mul(6).clamp(500, 20_000)
    }

    fn quantile(&self, share: f64) -> f64 {
        let at = (share * self.sorted.len() as f64) as usize;
        self.sorted.get(at).or(self.sorted.last()).copied().unwrap_or(0.0)
    }

    /// How far two pixels are apart, in turns, at most 1.
    fn difference(&self, a: usize, b: usize) -> f64 {
        match (self.turns[a], self.turns[b]) {
            (Some(a), Some(b)) => (a - b).abs().min(1.0),
            (None, None) => 0.0,
            _ => 0.3,
        }
    }

    fn share_of_pairs(&self, counts: impl Fn(f64) -> bool) -> f64 {
        let pairs = (1..self.turns.len()).filter(|at| at % self.width > 0);
        let (mut some, mut all) = (0_u32, 0_u32);
        for at in pairs {
            all += 1;
            some += u32::from(counts(self.difference(at - 1, at)));
        }
        f64::from(some) / f64::from(all.max(1))
    }
}
