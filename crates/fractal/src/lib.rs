//! Fractal pictures as pure functions: a view becomes tiles, a tile becomes numbers, numbers become
//! colours.
//!
//! The way of a picture: [`View`] is what a person asks for, decimal text kept as text. Its
//! [`View::encode`] is the canonical form of a job's parameters (of a job of many frames, [`Series::encode`]). [`View::validate`] turns it into a
//! [`Spec`], which is known to be affordable; [`appraise`] does both for a stranger's job. Each task of the job is one tile of the spec:
//! [`compute`] (or [`Work`], in slices) yields a [`Tile`] of exact levels, [`encode_tile`] its bytes,
//! and whoever looks applies a [`Palette`] with a [`Painter`].
//!
//! Everything up to and including the tile bytes is compared between peers by digest, so it is bit
//! for bit the same in a tab and in a native process: only `+ - * /` and comparisons in a fixed order
//! decide iterations, and logarithms come from `libm`. There is no I/O, no thread and no clock here.
//!
//! Another family is one more file below `family.rs`, which says what one step of it is, and a variant
//! of [`Family`]. How its steps are taken is the choice of an [`Engine`]: the instructions of a machine
//! are no business of this crate, and never change a result. Pictures too deep for f64 are computed by
//! [`deep`].

mod audit;
mod codec;
mod colour;
mod decimal;
pub mod deep;
mod engine;
mod escape;
mod family;
mod formula;
mod frames;
mod histogram;
mod job;
mod lanes;
mod palette;
mod params;
mod presets;
pub mod probe;
mod smooth;
mod task;
mod tile;
mod variation;
mod vector;
mod view;
mod work;
pub mod yardstick;

pub use audit::{Audit, audit};
pub use codec::{CodecError, TILE_BYTES_MAX, decode_tile, encode_tile};
pub use colour::{Blend, Colouring, Painter, colour_tile, turns_of};
pub use engine::{Engine, Plain};
pub use escape::{Ending, Orbit, follow};
pub use family::ESCAPE_NORM;
pub use formula::{Family, Formula, UnknownFormula};
pub use frames::{FRAMES_MAX, Frames, Gallery, SERIES_TASKS_MAX, Series, SeriesError, Zoom};
pub use histogram::Histogram;
pub use job::{JobError, KIND, SERIES_KIND, appraise};
pub use lanes::{LANES_MAX, Look, Orbits, Stream, free, watched};
pub use palette::{Palette, UnknownPalette};
pub use params::PARAMS_BYTES_MAX;
pub use presets::{Preset, presets};
pub use task::{Work, compute, compute_with};
pub use tile::{Rect, TILE, Tile, Tiles, task_count, tile_rect};
pub use variation::{Variation, variation};
pub use vector::Vector;
pub use view::{
    COORDINATE_MAX, DECIMAL_CHARS_MAX, Field, MAX_ITER_MAX, PITCH_ULPS_MIN, SIDE_MAX, Spec,
    TASKS_MAX, View, ViewError, WORK_MAX, ZOOM_MIN,
};
