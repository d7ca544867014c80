//! A tile that somebody else computed, looked at in a few places.
//!
//! The places follow from a seed that is drawn once the tile is in hand, so whoever computed it
//! could not know them. They are computed again by the kernels that compute tiles; kernels are
//! exact, so one level that differs proves the tile wrong. A tile of which a share w is wrong passes
//! n places with probability (1 − w)ⁿ: 256 places miss 1 % in 7.6 % of all cases, and 5 % in two of a
//! million. Who is audited, when and how thoroughly is not decided here.

use base::Rng;

use crate::codec::decode_tile;
use crate::engine::{Engine, Plain};
use crate::task::Work;
use crate::view::Spec;

/// An audit under way.
pub struct Audit {
    /// `None` when the bytes are not even a tile.
    work: Option<Work>,
    /// What the tile says of each place.
    claimed: Vec<u32>,
}

/// Whether `payload` can be the tile of a task, as far as `places` of its pixels show. At one go.
pub fn audit(spec: &Spec, task: u32, payload: &[u8], seed: u64, places: u32) -> bool {
    let mut audit = Audit::new(&Plain, spec, task, payload, seed, places);
    while !audit.step(u64::MAX) {}
    audit.is_sound().unwrap_or(false)
}

impl Audit {
    /// Begins to look at `places` pixels of what is said to be the tile of a task, chosen by `seed`
    /// with replacement; at each pixel once where the tile has no more than that.
    ///
    /// # Panics
    /// As [`Work::new`].
    pub fn new(
        engine: &'static dyn Engine,
        spec: &Spec,
        task: u32,
        payload: &[u8],
        seed: u64,
        places: u32,
    ) -> Audit {
        let rect = spec.tile_rect(task);
        let tile =
            rect.and_then(|rect| Some((rect, decode_tile(payload, rect.width, rect.height).ok()?)));
        let Some((rect, tile)) = tile else { return Audit { work: None, claimed: Vec::new() } };
        let count = tile.levels.len();
        let chosen: Vec<usize> = if count <= places as usize {
            (0..count).collect()
        } else {
            let mut rng = Rng::new(seed);
            (0..places).filter_map(|_| rng.index(count)).collect()
        };
        let place = |at: &usize| {
            let at = *at as u32;
            (rect.x + at % rect.width, rect.y + at / rect.width)
        };
        let pixels: Vec<(u32, u32)> = chosen.iter().map(place).collect();
        Audit {
            work: Some(Work::scattered(engine, spec, &pixels)),
            claimed: chosen.iter().map(|&at| tile.levels[at]).collect(),
        }
    }

    /// Spends about `budget` iterations, at least a few; true when it is done.
    pub fn step(&mut self, budget: u64) -> bool {
        self.work.as_mut().is_none_or(|work| work.step(budget))
    }

    /// Whether the tile is right in every place that was looked at; `None` before [`Audit::step`]
    /// has said that it is done.
    pub fn is_sound(self) -> Option<bool> {
        match self.work {
            None => Some(false),
            Some(work) => work.finish().map(|row| row.levels == self.claimed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Formula, View, compute, encode_tile};

    fn spec(view: View) -> Spec {
        view.validate().unwrap()
    }

    fn views() -> Vec<View> {
        let plain = View { width: 300, height: 70, max_iter: 400, ..View::default() };
        let deep = View {
            re: "-0.743643887037158704752191506114774".into(),
            im: "0.131825904205311970493132056385139".into(),
            zoom: "1e22".into(),
            width: 40,
            height: 30,
            max_iter: 3000,
            ..plain.clone()
        };
        let small = View { width: 40, height: 30, max_iter: 200, ..View::default() };
        let families = Formula::all().map(|formula| View { formula, ..small.clone() });
        families.chain([plain, deep]).collect()
    }

    #[test]
    fn every_right_tile_is_sound() {
        for view in views() {
            let spec = spec(view);
            for task in 0..spec.task_count() {
                let payload = encode_tile(&compute(&spec, task).unwrap());
                for (seed, places) in [(1, 0), (2, 1), (3, 100), (4, 1 << 20)] {
                    assert!(audit(&spec, task, &payload, seed, places), "{spec:?} {task}");
                }
            }
        }
    }

    #[test]
    fn a_tile_with_one_wrong_pixel_is_found_out_where_that_is_looked_at() {
        for view in views() {
            let spec = spec(view);
            let mut tile = compute(&spec, 0).unwrap();
            let at = tile.levels.len() / 3;
            tile.levels[at] = if tile.levels[at] == 0 { 1 << 8 } else { tile.levels[at] + 1 };
            let payload = encode_tile(&tile);
            assert!(!audit(&spec, 0, &payload, 5, u32::MAX), "all pixels are looked at");
            assert!(audit(&spec, 0, &payload, 5, 0));
        }
    }

    #[test]
    fn what_is_found_out_follows_from_the_share_that_is_wrong() {
        let spec = spec(View { width: 256, height: 256, max_iter: 50, ..View::default() });
        let mut tile = compute(&spec, 0).unwrap();
        // One pixel of a hundred.
        for level in tile.levels.iter_mut().step_by(100) {
            *level = level.wrapping_add(256).max(256);
        }
        let payload = encode_tile(&tile);
        let found = (0..500).filter(|&seed| !audit(&spec, 0, &payload, seed, 256)).count();
        // Expected 462, with a standard deviation of 6.
        assert!((432..=492).contains(&found), "{found} of 500");
    }

    #[test]
    fn what_is_no_tile_of_this_task_is_unsound() {
        let spec = spec(View { width: 300, height: 70, max_iter: 60, ..View::default() });
        let [first, second] = [0, 1].map(|task| encode_tile(&compute(&spec, task).unwrap()));
        assert!(!audit(&spec, 0, &second, 1, 16), "another size");
        assert!(!audit(&spec, 2, &first, 1, 16), "no such task");
        assert!(!audit(&spec, 0, &[], 1, 16));
        assert!(!audit(&spec, 0, &first[..first.len() - 1], 1, 0), "cut short");
    }
}
