//! What a person asks to see, and the check that makes it safe to compute.
//!
//! A [`View`] is text and may say anything; a [`Spec`] is numbers within limits. Only
//! [`View::validate`] makes a spec, so whoever holds one may compute it. Coordinates stay text in the
//! view: where pixels are nearer to each other than f64 can tell, the picture is a deep one, and
//! `deep` reads as many digits of the same text as it needs.
//!
//! The picture: zoom 1 shows a width of 4 units around the centre, pixels are square, the imaginary
//! axis points up, and pixel (i, j) samples its middle.

mod error;

use std::sync::Arc;

use crate::decimal::{DecimalError, f64_from_decimal};
use crate::deep::{self, Deep, Magnitude, OrbitError, PATH_POINTS_MAX};
use crate::escape::{Ending, Orbit, follow};
use crate::formula::Formula;
use crate::smooth::Scale;
use crate::tile::{self, Rect, TILE, Tiles};

pub use error::{Field, ViewError};

/// Longest side of a picture in pixels; a larger one is refused.
pub const SIDE_MAX: u32 = 16_384;
/// Most tasks of one job. Follows from [`SIDE_MAX`] and [`TILE`].
pub const TASKS_MAX: u32 = SIDE_MAX.div_ceil(TILE) * SIDE_MAX.div_ceil(TILE);
/// Largest iteration limit, so that a count and its 8-bit fraction share a u32; a larger is refused.
pub const MAX_ITER_MAX: u32 = (1 << 24) - 1;
/// Most characters of a coordinate or a zoom, enough for every digit of the deepest zooms; longer
/// text is refused unread.
pub const DECIMAL_CHARS_MAX: u32 = 1_100;
/// Largest size of each coordinate of the centre and of c; a larger one is refused. Nothing of
/// any family is farther out than 2, but for the basins of Newton's method, which fill the plane.
pub const COORDINATE_MAX: f64 = 16.0;
/// Smallest zoom; a smaller one is refused. Chosen: it shows the set as a single pixel.
pub const ZOOM_MIN: f64 = 1e-3;
/// Most iterations that a whole job may cost, pixels times limit; a costlier one is refused.
/// Chosen: a poster of 64 megapixels at a limit of a million, or about ten hours of one fast core.
pub const WORK_MAX: u64 = 1 << 46;
/// Least distance of neighbouring pixels in units of the last place of the largest coordinate;
/// a view beyond is deep, or refused where its family has no deep pictures. Chosen: below 4 the rounding
/// of coordinates is seen as distortion.
pub const PITCH_ULPS_MIN: f64 = 4.0;

/// The size below which a coordinate is not taken to be finer than this. Around 0 f64 would
/// represent ever smaller coordinates, but the first steps of the orbit lose what they differ by.
const COORDINATE_FLOOR: f64 = 1.0 / 1024.0;
/// The width that zoom 1 shows.
const WIDTH_AT_ZOOM_1: f64 = 4.0;

/// A picture as asked for. Nothing is checked before [`View::validate`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct View {
    /// What is iterated.
    pub formula: Formula,
    /// Real part of the centre, a plain decimal number.
    pub re: String,
    /// Imaginary part of the centre, a plain decimal number.
    pub im: String,
    /// Magnification, a plain decimal number; 1 shows a width of 4 units.
    pub zoom: String,
    /// Real part of the constant of a Julia set. Other pictures carry it unused, usually "0".
    pub c_re: String,
    /// Imaginary part of the constant of a Julia set.
    pub c_im: String,
    /// Steps after which a point counts as inside.
    pub max_iter: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// A checked view: finite numbers and bounded cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    formula: Formula,
    re: f64,
    im: f64,
    c_re: f64,
    c_im: f64,
    pitch: f64,
    max_iter: u32,
    tiles: Tiles,
    scale: Arc<Scale>,
    /// What the levels come from where f64 does not suffice. The numbers above are rounded there.
    deep: Option<Arc<Deep>>,
}

/// The text of a view in numbers.
pub(crate) struct Numbers {
    re: f64,
    im: f64,
    c_re: f64,
    c_im: f64,
    pitch: Pitch,
}

/// Distance between neighbouring pixels.
enum Pitch {
    /// f64 tells them apart.
    Plain(f64),
    Deep(Magnitude),
}

impl Default for View {
    /// The whole Mandelbrot set.
    fn default() -> View {
        View {
            formula: Formula::MANDELBROT,
            re: "-0.5".into(),
            im: "0".into(),
            zoom: "1".into(),
            c_re: "0".into(),
            c_im: "0".into(),
            max_iter: 1_000,
            width: 1_024,
            height: 1_024,
        }
    }
}

impl View {
    /// Checks every limit and converts the text to numbers. The cost is bounded whatever the text.
    ///
    /// # Errors
    /// The first reason, in words, for which this version does not compute the view.
    pub fn validate(&self) -> Result<Spec, ViewError> {
        let Numbers { re, im, c_re, c_im, pitch } = self.check()?;
        let tiles = Tiles::new(self.width, self.height).ok_or(ViewError::Size)?;
        let (pitch, deep) = match pitch {
            Pitch::Plain(pitch) => (pitch, None),
            Pitch::Deep(pitch) => (pitch.to_f64(), Some(Arc::new(Deep::new(self, pitch)))),
        };
        let (formula, max_iter) = (self.formula, self.max_iter);
        let scale = Arc::new(Scale::new(formula));
        Ok(Spec { formula, re, im, c_re, c_im, pitch, max_iter, tiles, scale, deep })
    }

    /// The same checks, without what it takes to compute.
    pub(crate) fn check(&self) -> Result<Numbers, ViewError> {
        if !tile::has_valid_sides(self.width, self.height) {
            return Err(ViewError::Size);
        }
        check_max_iter(self.max_iter)?;
        let max_iter_max = WORK_MAX / (u64::from(self.width) * u64::from(self.height));
        if u64::from(self.max_iter) > max_iter_max {
            return Err(ViewError::TooMuchWork { max_iter_max });
        }
        if !self.fits_params() {
            return Err(self.longest_text());
        }
        let re = coordinate(Field::Re, &self.re)?;
        let im = coordinate(Field::Im, &self.im)?;
        let c_re = coordinate(Field::CRe, &self.c_re)?;
        let c_im = coordinate(Field::CIm, &self.c_im)?;
        let pitch = match self.plain_pitch(re, im)? {
            Some(pitch) => Pitch::Plain(pitch),
            None => Pitch::Deep(self.deep_pitch(re, im)?),
        };
        Ok(Numbers { re, im, c_re, c_im, pitch })
    }

    /// The error of a view whose text does not fit: of one number if that alone is too long.
    fn longest_text(&self) -> ViewError {
        let fields = [Field::Re, Field::Im, Field::Zoom, Field::CRe, Field::CIm];
        let too_long = |text: &&str| text.len() > DECIMAL_CHARS_MAX as usize;
        let longest = fields.into_iter().zip(self.texts()).find(|(_, text)| too_long(text));
        longest.map_or(ViewError::TextTooLong, |(field, _)| ViewError::TooLong(field))
    }

    /// The numbers in the order in which they are encoded.
    pub(crate) fn texts(&self) -> [&str; 5] {
        [&self.re, &self.im, &self.zoom, &self.c_re, &self.c_im]
    }

    /// Distance between neighbouring pixels, `None` where f64 does not resolve it.
    fn plain_pitch(&self, re: f64, im: f64) -> Result<Option<f64>, ViewError> {
        let zoom = match number(Field::Zoom, &self.zoom) {
            // A zoom beyond f64 is a decimal number all the same, and is too deep or too negative.
            Err(ViewError::OutOfRange(_)) if self.zoom.starts_with('-') => 0.0,
            Err(ViewError::OutOfRange(_)) => return Ok(None),
            other => other?,
        };
        if zoom < ZOOM_MIN {
            return Err(ViewError::TooWide);
        }
        let width = f64::from(self.width);
        let pitch = WIDTH_AT_ZOOM_1 / (zoom * width);
        let reach_re = re.abs() + width * 0.5 * pitch;
        let reach_im = im.abs() + f64::from(self.height) * 0.5 * pitch;
        let is_resolved = pitch >= PITCH_ULPS_MIN * ulp(reach_re.max(reach_im));
        Ok(is_resolved.then_some(pitch))
    }

    /// The same for a deep view, if it is affordable.
    fn deep_pitch(&self, re: f64, im: f64) -> Result<Magnitude, ViewError> {
        if !deep::reaches(self.formula) {
            let finest = PITCH_ULPS_MIN * ulp(re.abs().max(im.abs()));
            let zoom_max = WIDTH_AT_ZOOM_1 / (finest * f64::from(self.width));
            return Err(ViewError::TooDeepForFamily { zoom_max });
        }
        let too_deep = || ViewError::TooDeep { exponent_max: deep::zoom_exponent_max(self.width) };
        let pitch = deep::pitch(&self.zoom, self.width).ok_or_else(too_deep)?;
        if self.max_iter > PATH_POINTS_MAX {
            return Err(ViewError::DeepMaxIter);
        }
        Ok(pitch)
    }
}

impl Spec {
    /// Family of the picture.
    pub fn formula(&self) -> Formula {
        self.formula
    }

    /// Steps after which a point counts as inside.
    pub fn max_iter(&self) -> u32 {
        self.max_iter
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.tiles.width()
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.tiles.height()
    }

    /// The tasks of this picture.
    pub fn tiles(&self) -> &Tiles {
        &self.tiles
    }

    /// How many tasks the picture has.
    pub fn task_count(&self) -> u32 {
        self.tiles.count()
    }

    /// The part of the picture that a task computes; `None` when there is no such task.
    pub fn tile_rect(&self, task: u32) -> Option<Rect> {
        self.tiles.rect(task)
    }

    /// Real part of the points of column `i`, counted from the left edge of the picture.
    ///
    /// In a deep picture neighbours may round to the same.
    ///
    /// Invariant: a coordinate depends on the pixel and the view only, never on the tile, and these
    /// operations in this order are part of the protocol.
    pub fn column(&self, i: u32) -> f64 {
        self.re + ((f64::from(i) + 0.5) - f64::from(self.width()) * 0.5) * self.pitch
    }

    /// Imaginary part of the points of row `j`, counted from the top edge of the picture.
    pub fn row(&self, j: u32) -> f64 {
        self.im - ((f64::from(j) + 0.5) - f64::from(self.height()) * 0.5) * self.pitch
    }

    /// The orbit of the point `(re, im)` before its first step.
    pub fn orbit(&self, re: f64, im: f64) -> Orbit {
        self.formula.orbit(re, im, self.c_re, self.c_im)
    }

    /// The deep picture, where this is one: coordinates in f64 do not tell its pixels apart.
    pub(crate) fn deep(&self) -> Option<&Arc<Deep>> {
        self.deep.as_ref()
    }

    /// Whether f64 does not tell the pixels apart, so that there is an orbit to be kept.
    pub fn is_deep(&self) -> bool {
        self.deep.is_some()
    }

    /// The bytes of the reference orbit of a deep picture, computed now if nobody has yet; `None`
    /// for a picture that needs none. The same for the same view on every machine.
    pub fn reference_orbit(&self) -> Option<Vec<u8>> {
        self.deep.as_ref().map(|deep| deep.orbit().encode())
    }

    /// Whether this and another spec have one reference orbit between them, as clones do: what either
    /// computes of it, or is supplied with, the other has.
    pub fn shares_orbit_with(&self, other: &Spec) -> bool {
        let orbits = self.deep.as_ref().zip(other.deep.as_ref());
        orbits.is_some_and(|(mine, other)| Arc::ptr_eq(mine, other))
    }

    /// Takes the reference orbit that somebody else has computed for the same view, which spares
    /// this spec and its clones to do so. Whether the bytes are the ones that were meant is for the
    /// caller to know, by their digest: a wrong orbit makes a wrong picture.
    ///
    /// # Errors
    /// When the bytes are not an orbit that this view could have.
    pub fn supply_orbit(&self, bytes: &[u8]) -> Result<(), OrbitError> {
        let deep = self.deep.as_ref().ok_or(OrbitError::NotNeeded)?;
        deep.supply(deep::Orbit::decode(bytes)?)
    }

    /// The level of one pixel, by the reference loop: what a verifier compares a tile with.
    pub fn level(&self, i: u32, j: u32) -> u32 {
        if let Some(deep) = &self.deep {
            return deep.level(i, j);
        }
        let orbit = self.orbit(self.column(i), self.row(j));
        self.level_of(follow(self.formula, orbit, self.max_iter))
    }

    /// The level of an orbit that ended so, or did not.
    pub(crate) fn level_of(&self, ending: Option<Ending>) -> u32 {
        self.scale.level(ending)
    }
}

pub(crate) fn check_max_iter(max_iter: u32) -> Result<(), ViewError> {
    if (1..=MAX_ITER_MAX).contains(&max_iter) { Ok(()) } else { Err(ViewError::MaxIter) }
}

/// A coordinate within [`COORDINATE_MAX`].
pub(crate) fn coordinate(field: Field, text: &str) -> Result<f64, ViewError> {
    let value = number(field, text)?;
    if value.abs() <= COORDINATE_MAX { Ok(value) } else { Err(ViewError::OutOfRange(field)) }
}

fn number(field: Field, text: &str) -> Result<f64, ViewError> {
    f64_from_decimal(text).map_err(|error| match error {
        DecimalError::Empty => ViewError::Empty(field),
        DecimalError::TooLong => ViewError::TooLong(field),
        DecimalError::NotDecimal => ViewError::NotDecimal(field),
        DecimalError::TooLarge => ViewError::OutOfRange(field),
    })
}

/// Distance from a finite positive number to the next larger f64.
fn ulp(value: f64) -> f64 {
    let value = value.max(COORDINATE_FLOOR);
    f64::from_bits(value.to_bits() + 1) - value
}

#[cfg(test)]
mod tests;
