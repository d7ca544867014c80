//! The computation of one tile, in slices, so that a driver can pace it, show its progress or drop it.
//!
//! Which kernel computes the tile follows from the view: `work` in f64, `deep` where that does not
//! tell the pixels apart.

use std::sync::Arc;

use crate::deep;
use crate::engine::{Engine, Plain};
use crate::tile::Tile;
use crate::view::Spec;
use crate::work;

/// A tile under way.
pub struct Work(Kernel);

enum Kernel {
    Plain(Box<work::Work>),
    Deep(Box<deep::Work>),
}

/// The tile of a task at one go; `None` when the spec has no such task.
pub fn compute(spec: &Spec, task: u32) -> Option<Tile> {
    compute_with(&Plain, spec, task)
}

/// [`compute`] with an engine of the machine: the same tile, sooner.
pub fn compute_with(engine: &'static dyn Engine, spec: &Spec, task: u32) -> Option<Tile> {
    let mut work = Work::new(engine, spec, task)?;
    while !work.step(u64::MAX) {}
    work.finish()
}

impl Work {
    /// Begins the tile of a task; `None` when the spec has no such task.
    ///
    /// # Panics
    /// When the engine has no lanes or more than [`LANES_MAX`](crate::LANES_MAX).
    pub fn new(engine: &'static dyn Engine, spec: &Spec, task: u32) -> Option<Work> {
        let kernel = match spec.deep() {
            Some(deep) => {
                let rect = spec.tile_rect(task)?;
                Kernel::Deep(Box::new(deep::Work::new(engine, Arc::clone(deep), rect)))
            }
            None => Kernel::Plain(Box::new(work::Work::new(engine, spec, task)?)),
        };
        Some(Work(kernel))
    }

    /// Takes every step that the plain loop would take, also of orbits that are known never to end.
    /// For measurements: the levels are the same. Of a deep tile nothing changes: to skip steps is
    /// how it is computed.
    pub fn without_skipping(self) -> Work {
        match self.0 {
            Kernel::Plain(work) => Work(Kernel::Plain(Box::new(work.without_skipping()))),
            Kernel::Deep(_) => self,
        }
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
