//! Jobs of many frames: a gallery that a seed chooses, and a zoom from one view to another.
//!
//! A [`Series`] is what a person asks for, and its bytes are a job's parameters; [`Series::validate`]
//! turns it into [`Frames`], whose frames all have one size, so that a task's frame follows from its
//! number alone: frame by frame, and in each frame from the middle. A picture is a series of one. No
//! frame is made before somebody computes or shows it.
//!
//! What a frame shows is part of the protocol: frame 7 of a series is the same view everywhere. How
//! a series travels is in `encode`, where a zoom passes in `zoom`.

mod encode;
mod error;
mod zoom;

use crate::engine::Engine;
use crate::job::{KIND, SERIES_KIND};
use crate::tile::{Rect, Tiles};
use crate::variation::{Variation, variation};
use crate::view::{Spec, View, WORK_MAX};

pub use error::SeriesError;
pub use zoom::Zoom;

/// Frames of one job at most; more are refused. Chosen: a minute at 30 frames a second, and every
/// frame of a stranger's job is checked before a part is taken in it.
pub const FRAMES_MAX: u32 = 2_048;
/// Tasks of one job at most, as the grid counts them; more are refused.
pub const SERIES_TASKS_MAX: u32 = 1 << 16;
/// The iteration limit of a gallery's frames at most, which a variation never exceeds.
const GALLERY_ITER_MAX: u64 = 20_000;

/// What a job computes, as asked for. Nothing is checked before [`Series::validate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Series {
    /// One picture.
    Picture(View),
    /// Pictures that a seed chooses.
    Gallery(Gallery),
    /// The way from one view to another.
    Zoom(Box<Zoom>),
}

/// Pictures that a seed chooses, all of one size; see [`variation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gallery {
    /// The same seed is the same pictures.
    pub seed: u64,
    /// The index of the first picture of this job.
    pub first: u32,
    /// How many there are.
    pub count: u32,
    /// Width of each in pixels.
    pub width: u32,
    /// Height of each in pixels.
    pub height: u32,
}

/// A checked series: every frame can be computed, at a bounded cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Frames {
    series: Series,
    /// Of a single picture, which is checked as a whole.
    only: Option<Spec>,
    /// The tiles of every frame.
    tiles: Tiles,
    count: u32,
}

impl Gallery {
    /// The picture of a frame, with the colours that become it.
    pub fn variation(&self, engine: &'static dyn Engine, frame: u32) -> Variation {
        let index = self.first.wrapping_add(frame);
        variation(engine, self.seed, index, (self.width, self.height))
    }
}

impl Series {
    /// The kind of its job.
    pub fn kind(&self) -> u16 {
        match self {
            Series::Picture(_) => KIND,
            Series::Gallery(_) | Series::Zoom(_) => SERIES_KIND,
        }
    }

    /// Checks every limit, whatever a stranger wrote, at a bounded cost.
    ///
    /// # Errors
    /// The first reason, in words, for which this version does not compute the series.
    pub fn validate(self) -> Result<Frames, SeriesError> {
        let (count, (width, height)) = match &self {
            Series::Picture(view) => (1, (view.width, view.height)),
            Series::Gallery(gallery) => (gallery.count, (gallery.width, gallery.height)),
            Series::Zoom(zoom) => (zoom.count, (zoom.to.width, zoom.to.height)),
        };
        let tiles = Tiles::new(width, height).ok_or(crate::ViewError::Size)?;
        if !(1..=FRAMES_MAX).contains(&count) {
            return Err(SeriesError::Count);
        }
        if u64::from(count) * u64::from(tiles.count()) > u64::from(SERIES_TASKS_MAX) {
            return Err(SeriesError::TooManyTiles { frames_max: SERIES_TASKS_MAX / tiles.count() });
        }
        let mut only = None;
        match &self {
            Series::Picture(view) => only = Some(view.validate()?),
            Series::Gallery(gallery) => gallery.check()?,
            Series::Zoom(zoom) => zoom.check()?,
        }
        Ok(Frames { series: self, only, tiles, count })
    }
}

impl Gallery {
    fn check(&self) -> Result<(), SeriesError> {
        self.first.checked_add(self.count).ok_or(SeriesError::Count)?;
        let pixels = u64::from(self.width) * u64::from(self.height) * u64::from(self.count);
        // Every variation is within the limits of a view.
        if pixels > WORK_MAX / GALLERY_ITER_MAX { Err(SeriesError::TooMuchWork) } else { Ok(()) }
    }
}

impl Frames {
    /// What was asked for.
    pub fn series(&self) -> &Series {
        &self.series
    }

    /// How many frames there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The tiles of each frame.
    pub fn tiles(&self) -> &Tiles {
        &self.tiles
    }

    /// Tasks of the job.
    pub fn task_count(&self) -> u32 {
        self.count * self.tiles.count()
    }

    /// The frame of a task, and which of its tiles it is; `None` when there is no such task.
    pub fn place(&self, task: u32) -> Option<(u32, u32)> {
        let per_frame = self.tiles.count();
        (task < self.task_count()).then(|| (task / per_frame, task % per_frame))
    }

    /// The part of its frame that a task computes; `None` when there is no such task.
    pub fn rect(&self, task: u32) -> Option<Rect> {
        self.place(task).and_then(|(_, tile)| self.tiles.rect(tile))
    }

    /// What a frame shows; `None` when there is no such frame. In a gallery it is looked for first, which
    /// takes some ten milliseconds.
    pub fn view(&self, engine: &'static dyn Engine, frame: u32) -> Option<View> {
        if frame >= self.count {
            return None;
        }
        Some(match &self.series {
            Series::Picture(view) => view.clone(),
            Series::Gallery(gallery) => gallery.variation(engine, frame).view,
            Series::Zoom(zoom) => zoom.view(frame),
        })
    }

    /// The same, ready to be computed.
    pub fn spec(&self, engine: &'static dyn Engine, frame: u32) -> Option<Spec> {
        let view = self.view(engine, frame)?;
        self.only.clone().or_else(|| view.validate().ok())
    }
}

#[cfg(test)]
mod tests;
