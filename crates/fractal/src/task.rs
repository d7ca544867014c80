//! The computation of one tile, in slices, so that a driver can pace it, show its progress or drop it.
//!
//! Which kernel computes the tile follows from the view: `work` in f64, `deep` where that does not
//! tell the pixels apart.

use std::sync::Arc;

use crate::deep;
use crate::tile::Tile;
use crate::view::Spec;
use crate::work;

/// A tile under way.
pub struct Work(Kernel);

enum Kernel {
    Plain(Box<work::Work>),
    Deep(deep::Work),
}

/// The tile of a task at one go; `None` when the spec has no such task.
pub fn compute(spec: &Spec, task: u32) -> Option<Tile> {
    let mut work = Work::new(spec, task)?;
    while !work.step(u64::MAX) {}
    work.finish()
}

impl Work {
    /// Begins the tile of a task; `None` when the spec has no such task.
    pub fn new(spec: &Spec, task: u32) -> Option<Work> {
        let kernel = match spec.deep() {
            Some(deep) => Kernel::Deep(deep::Work::new(Arc::clone(deep), spec.tile_rect(task)?)),
            None => Kernel::Plain(Box::new(work::Work::new(spec, task)?)),
        };
        Some(Work(kernel))
    }

    /// Spends about `budget` iterations, at least a few; true when the tile is done.
    pub fn step(&mut self, budget: u64) -> bool {
        match &mut self.0 {
            Kernel::Plain(work) => work.step(budget),
            Kernel::Deep(work) => work.step(budget),
        }
    }

    /// The share of pixels that have their level, 0 to 1.
    pub fn progress(&self) -> f64 {
        match &self.0 {
            Kernel::Plain(work) => work.progress(),
            Kernel::Deep(work) => work.progress(),
        }
    }

    /// The tile; `None` before [`Work::step`] has said that it is done.
    pub fn finish(self) -> Option<Tile> {
        match self.0 {
            Kernel::Plain(work) => work.finish(),
            Kernel::Deep(work) => work.finish(),
        }
    }
}
