//! Fractal pictures as pure functions: a view becomes tiles, a tile becomes numbers, numbers become
//! colours.
//!
//! The way of a picture: [`View`] is what a person asks for, decimal text kept as text. Its
//! [`View::encode`] is the canonical form of a job's parameters. [`View::validate`] turns it into a
//! [`Spec`], which is known to be affordable; [`appraise`] does both for a stranger's job. Each task of the job is one tile of the spec:
//! [`compute`] (or [`Work`], in slices) yields a [`Tile`] of exact levels, [`encode_tile`] its bytes,
//! and whoever looks applies a [`Palette`] with a [`Painter`].
//!
//! Everything up to and including the tile bytes is compared between peers by digest, so it is bit
//! for bit the same in a tab and in a native process: only `+ - * /` and comparisons in a fixed order
//! decide iterations, and logarithms come from `libm`. There is no I/O, no thread and no clock here.
//!
//! Another family is one more variant of [`Formula`]; what differs between families is written in
//! `formula.rs` and `escape.rs` and nowhere else. Pictures too deep for f64 are computed by [`deep`].

mod codec;
mod colour;
mod decimal;
pub mod deep;
mod escape;
mod formula;
mod job;
mod lanes;
mod palette;
mod params;
mod presets;
pub mod probe;
mod task;
mod tile;
mod view;
mod work;

pub use codec::{CodecError, TILE_BYTES_MAX, decode_tile, encode_tile};
pub use colour::{Colouring, Painter, colour_tile};
pub use escape::{ESCAPE_NORM, Escape, Orbit, escape, level_from_escape};
pub use formula::{Formula, UnknownFormula};
pub use job::{JobError, KIND, appraise};
pub use palette::{Palette, UnknownPalette};
pub use params::PARAMS_BYTES_MAX;
pub use presets::{Preset, presets};
pub use task::{Work, compute};
pub use tile::{Rect, TILE, Tile, Tiles, task_count, tile_rect};
pub use view::{
    COORDINATE_MAX, DECIMAL_CHARS_MAX, Field, MAX_ITER_MAX, PITCH_ULPS_MIN, SIDE_MAX, Spec,
    TASKS_MAX, View, ViewError, WORK_MAX, ZOOM_MIN,
};
