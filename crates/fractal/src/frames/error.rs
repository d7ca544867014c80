//! Why a series is refused. The checks are in `frames.rs` and `frames/zoom.rs`.

use super::{FRAMES_MAX, SERIES_TASKS_MAX};
use crate::view::ViewError;

/// Why a series is refused, in words for the person who asked.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SeriesError {
    /// The size, or the only picture, is no view.
    #[error(transparent)]
    View(#[from] ViewError),
    /// A frame of a zoom is no view.
    #[error("frame {frame}: {error}")]
    Frame {
        /// Which, counted in the whole zoom.
        frame: u32,
        /// Why.
        error: ViewError,
    },
    /// No frame, more than [`FRAMES_MAX`], or some that the series does not have.
    #[error("a job has 1 to {FRAMES_MAX} frames")]
    Count,
    /// More tiles than the tasks of a job.
    #[error(
        "the frames have more than {SERIES_TASKS_MAX} tiles; at this size there may be \
         {frames_max} of them"
    )]
    TooManyTiles {
        /// How many frames of this size fit.
        frames_max: u32,
    },
    /// All frames together exceed what one job may cost.
    #[error("the frames are too much work together; ask for fewer, or a lower iteration limit")]
    TooMuchWork,
    /// The ends of a zoom are pictures of different things.
    #[error("both ends of a zoom are of one family, with one constant and one size")]
    Ends,
    /// The bytes are no series.
    #[error("the job's parameters are {0}")]
    Malformed(&'static str),
}
