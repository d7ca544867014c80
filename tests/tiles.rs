//! Random tiles of all families, at all depths, with the digest of their bytes as this machine
//! computes them: what every other engine must reproduce.

use base::{Digest, Rng};
use data_encoding::HEXLOWER;
use fractal::yardstick::deep_views;
use fractal::{Formula, View, compute_with, encode_tile};
use serde_json::{Value, json};

/// A task of a job and what its result must be.
#[derive(Clone, Debug)]
pub struct RandomTile {
    /// The job's parameters.
    pub params: Vec<u8>,
    /// The task.
    pub task: u32,
    /// SHA-256 of the encoded tile.
    pub digest: Digest,
    /// Bytes of the encoded tile.
    pub bytes: usize,
}

impl RandomTile {
    /// As a line for a program in another language.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({"params": HEXLOWER.encode(&self.params), "task": self.task,
            "digest": self.digest.to_string(), "bytes": self.bytes})
    }
}

/// `count` tiles, the same for the same seed. Uniform ones (nothing but inside, say) are left out:
/// they would agree by accident.
///
/// # Panics
/// When a view that was drawn within the limits is refused.
#[must_use]
pub fn random_tiles(seed: u64, count: usize) -> Vec<RandomTile> {
    let mut rng = Rng::new(seed);
    let mut tiles = Vec::new();
    while tiles.len() < count {
        let view = random_view(&mut rng, 0.125);
        let spec = view.validate().expect("drawn within the limits");
        let task = u32::try_from(rng.below(u64::from(spec.task_count()))).unwrap_or(0);
        let tile = compute_with(simd::best(), &spec, task).expect("a task of the view");
        if tile.levels.iter().any(|level| *level != tile.levels[0]) {
            let bytes = encode_tile(&tile);
            let digest = Digest::of(&[&bytes]);
            tiles.push(RandomTile { params: view.encode(), task, digest, bytes: bytes.len() });
        }
    }
    tiles
}

/// A picture of one small tile, of a few hundred pixels; one of 64 is deep.
#[must_use]
pub fn random_small_view(rng: &mut Rng) -> View {
    let view = random_view(rng, 1.0 / 64.0);
    let size = |rng: &mut Rng| 16 + u32::try_from(rng.below(16)).unwrap_or(0);
    View { width: size(rng), height: size(rng), ..view }
}

/// So many of them are deep, up to 10¹⁰⁰⁰: spirals near the points i and −2 of the Mandelbrot set, a Julia
/// set around 0, or a part of the bench's views, whose dense filaments take more digits than f64 has.
fn random_view(rng: &mut Rng, deep: f64) -> View {
    if !rng.chance(deep) {
        return random_plain_view(rng);
    }
    let size = |rng: &mut Rng| 16 + u32::try_from(rng.below(40)).unwrap_or(0);
    let (width, height, max_iter) = (size(rng), size(rng), 6_000);
    let bench: Vec<View> = deep_views().map(|(_, view)| view).collect();
    let depths = if rng.chance(0.5) { 60 } else { 980 };
    let exponent = 14 + rng.below(depths);
    let zoom = format!("{:.3}e{exponent}", 1.0 + 8.0 * rng.unit());
    let (formula, re, im, c_im) = match rng.below(4) {
        0 => (Formula::MANDELBROT, "0", "1", "0"),
        1 => (Formula::MANDELBROT, "-2", "0", "0"),
        2 => (Formula::JULIA, "0", "0", "1"),
        _ => {
            let view = rng.pick(&bench).cloned().unwrap_or_default();
            return View { width, height, max_iter: view.max_iter.min(20_000), ..view };
        }
    };
    let [re, im, c_im] = [re, im, c_im].map(str::to_owned);
    View { formula, re, im, zoom, c_im, width, height, max_iter, ..View::default() }
}

/// A place near the boundary, where counts differ from pixel to pixel: for the Mandelbrot set, which is
/// one of three views, a point of the main cardioid's edge, zoomed in by up to 10¹⁰; for any other
/// formula its whole set, or a part of it.
fn random_plain_view(rng: &mut Rng) -> View {
    let size = |rng: &mut Rng| 64 + u32::try_from(rng.below(600)).unwrap_or(0);
    let exponent = i32::try_from(rng.below(11)).unwrap_or(0);
    let turn = rng.unit() * 8.0 - 4.0;
    // A rational parametrisation of the unit circle: no transcendental function is needed.
    let (cos, sin) = ((1.0 - turn * turn) / (1.0 + turn * turn), 2.0 * turn / (1.0 + turn * turn));
    let (re, im) = (cos / 2.0 - (cos * cos - sin * sin) / 4.0, sin / 2.0 - cos * sin / 2.0);
    let formulas: Vec<Formula> = Formula::all().collect();
    let any = rng.pick(&formulas).copied().unwrap_or_default();
    let formula = if rng.chance(0.33) { Formula::MANDELBROT } else { any };
    let centre = formula.centre();
    let is_edge = formula == Formula::MANDELBROT;
    let zoom = |rng: &mut Rng, exponent| format!("{:.3}e{exponent}", 1.0 + 8.0 * rng.unit());
    View {
        formula,
        re: if is_edge { format!("{re:.17}") } else { centre.0.to_owned() },
        im: if is_edge { format!("{im:.17}") } else { centre.1.to_owned() },
        zoom: zoom(rng, if is_edge { exponent } else { 0 }),
        c_re: if formula.is_julia() { format!("{:.17}", re * 1.02) } else { "0".to_owned() },
        c_im: if formula.is_julia() { format!("{:.17}", im * 1.02) } else { "0".to_owned() },
        max_iter: 50 + u32::try_from(rng.below(2_000)).unwrap_or(0),
        width: size(rng),
        height: size(rng),
    }
}
