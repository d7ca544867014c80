//! Why a view is refused. The checks are in `view.rs`.

use std::fmt;

use super::{COORDINATE_MAX, DECIMAL_CHARS_MAX, MAX_ITER_MAX, SIDE_MAX, ZOOM_MIN};
#[cfg(doc)]
use super::{View, WORK_MAX};
use crate::deep::PATH_POINTS_MAX;

/// The part of a view that an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// [`View::re`].
    Re,
    /// [`View::im`].
    Im,
    /// [`View::zoom`].
    Zoom,
    /// [`View::c_re`].
    CRe,
    /// [`View::c_im`].
    CIm,
}

/// Why a view is refused, in words for the person who asked.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ViewError {
    /// A number has no text.
    #[error("{0} is empty; write a decimal number such as -0.75")]
    Empty(Field),
    /// A number has more than [`DECIMAL_CHARS_MAX`] characters.
    #[error("{0} is longer than {DECIMAL_CHARS_MAX} characters")]
    TooLong(Field),
    /// A number is something else than sign, digits, point and exponent.
    #[error("{0} is not a plain decimal number such as -0.75 or 1.5e3")]
    NotDecimal(Field),
    /// A coordinate is beyond [`COORDINATE_MAX`].
    #[error("{0} is out of range; it must lie between -{max} and {max}", max = COORDINATE_MAX as u32)]
    OutOfRange(Field),
    /// The zoom is zero, negative, or below [`ZOOM_MIN`].
    #[error("the zoom is too small; it must be at least 1/{}", (1.0 / ZOOM_MIN) as u32)]
    TooWide,
    /// Neighbouring pixels are nearer than 2 to the minus 4,096.
    #[error("the zoom is too deep; at this picture width it may be at most about 1e{exponent_max}")]
    TooDeep {
        /// The deepest zoom at this width, as a power of ten.
        exponent_max: u32,
    },
    /// f64 cannot tell the pixels apart, and this family has nothing else.
    #[error(
        "the zoom is too deep; this family is computed with 64-bit floating-point numbers, which \
         at this place and picture width reach a zoom of about {}", rounded(*zoom_max)
    )]
    TooDeepForFamily {
        /// The deepest zoom at this centre and width, approximately.
        zoom_max: f64,
    },
    /// A deep view with more iterations than a reference orbit may have.
    #[error("the iteration limit may be at most {PATH_POINTS_MAX} at this zoom")]
    DeepMaxIter,
    /// A side is 0 or more than [`SIDE_MAX`].
    #[error("the picture must be 1 to {SIDE_MAX} pixels wide and high")]
    Size,
    /// The iteration limit is 0 or more than [`MAX_ITER_MAX`].
    #[error("the iteration limit must be between 1 and {MAX_ITER_MAX}")]
    MaxIter,
    /// Pixels times iteration limit exceed [`WORK_MAX`].
    #[error(
        "the picture is too much work: at this size the iteration limit may be at most \
         {max_iter_max}"
    )]
    TooMuchWork {
        /// The largest iteration limit at this size.
        max_iter_max: u64,
    },
    /// The numbers together do not fit into the parameters of a job.
    #[error("the coordinates are too long together; use fewer digits")]
    TextTooLong,
    /// The bytes are not the canonical encoding of a view.
    #[error("the job's parameters cannot be read: {0}")]
    Malformed(&'static str),
}

/// A number of at least 1 for a person: its first two digits, cut so that what is said is within
/// reach, and its power of ten. Not the standard library's text of an f64, which is exact and was a
/// seventh of the page's kernel.
fn rounded(mut value: f64) -> String {
    let mut exponent = 0;
    while value >= 10.0 && value.is_finite() {
        value /= 10.0;
        exponent += 1;
    }
    let tenths = (value * 10.0) as u32;
    format!("{}.{}e{exponent}", tenths / 10, tenths % 10)
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::Re => "the real part of the centre",
            Field::Im => "the imaginary part of the centre",
            Field::Zoom => "the zoom",
            Field::CRe => "the real part of the constant c",
            Field::CIm => "the imaginary part of the constant c",
        })
    }
}
