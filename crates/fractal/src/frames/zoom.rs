//! The way of a zoom: as if one walked through a picture of any depth towards a point that stays put.
//!
//! The zoom grows by one factor from frame to frame. The centre keeps to the straight line between
//! both ends, such that one point of the plane stays at one place of the screen, and all others flow
//! away from it: its distance from the deeper end shrinks with the width of the picture. That distance
//! is added to the deeper end's centre digit by digit, so a frame is as exact as its end, at any depth.

use crate::deep::log2_of;
use crate::frames::{FRAMES_MAX, SeriesError};
use crate::params::PARAMS_BYTES_MAX;
use crate::view::{View, ViewError, WORK_MAX};

use sum::{Factor, Sum};

mod sum;

/// Decimal places of a centre beyond those of the zoom: of 16,384 pixels a millionth.
const PLACES_BEYOND: f64 = 12.0;
/// Zooms nearer to each other than by this power of ten are one; then the way is a pan.
const PAN_LOG10: f64 = 1e-6;

/// Frames between the ends that are looked at before a part is taken.
const LOOKS: u32 = 24;

/// A way from one view to another, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zoom {
    /// The first frame of the way.
    pub from: View,
    /// The last. Family, constant and size are those of `from`.
    pub to: View,
    /// Frames of the whole way, its ends among them.
    pub frames: u32,
    /// The first that this job computes.
    pub first: u32,
    /// How many it computes.
    pub count: u32,
}

impl Zoom {
    /// What a frame of this job shows.
    pub fn view(&self, frame: u32) -> View {
        let at = self.first + frame;
        match at {
            0 => self.from.clone(),
            _ if at + 1 >= self.frames => self.to.clone(),
            _ => self.between(at),
        }
    }

    /// A frame between the ends.
    fn between(&self, at: u32) -> View {
        let share = f64::from(at) / f64::from(self.frames - 1);
        let (from, to) = (log10(&self.from.zoom), log10(&self.to.zoom));
        let zoom = from + (to - from) * share;
        let is_inward = to >= from;
        let (outer, inner) =
            if is_inward { (&self.from, &self.to) } else { (&self.to, &self.from) };
        let (shallow, deep) = if is_inward { (from, to) } else { (to, from) };
        let distance = if deep - shallow < PAN_LOG10 {
            Factor { digits: if is_inward { 1.0 - share } else { share }, exponent: 0 }
        } else {
            distance(shallow, zoom, deep)
        };
        let places = (zoom.max(0.0) + PLACES_BEYOND) as usize;
        let centre = |inner: &str, outer: &str| match inner == outer {
            true => inner.to_owned(),
            false => Sum::parse(inner, places).plus_part(&Sum::parse(outer, places), distance),
        };
        View {
            re: centre(&inner.re, &outer.re),
            im: centre(&inner.im, &outer.im),
            zoom: decimal(zoom),
            max_iter: self.max_iter(at),
            ..self.to.clone()
        }
    }

    /// The iteration limit of a frame of the whole way.
    fn max_iter(&self, at: u32) -> u32 {
        let share = f64::from(at) / f64::from(self.frames - 1);
        let (from, to) = (f64::from(self.from.max_iter), f64::from(self.to.max_iter));
        (from + (to - from) * share) as u32
    }

    /// Whether strangers may be asked to compute it. Between the ends only some frames are looked at,
    /// since each costs a thousand digits; another that is no view is an error of its own tasks.
    ///
    /// # Errors
    /// The first of them that is no view, or what is wrong with the whole.
    pub(super) fn check(&self) -> Result<(), SeriesError> {
        let end = self.first.checked_add(self.count).ok_or(SeriesError::Count)?;
        if !(2..=FRAMES_MAX).contains(&self.frames) || end > self.frames {
            return Err(SeriesError::Count);
        }
        for (view, frame) in [(&self.from, 0), (&self.to, self.frames - 1)] {
            view.check().map_err(|error| SeriesError::Frame { frame, error })?;
        }
        let frame_of = |view: &View| (view.formula, view.width, view.height);
        let constant_of = |view: &View| (view.c_re.clone(), view.c_im.clone());
        if frame_of(&self.from) != frame_of(&self.to)
            || constant_of(&self.from) != constant_of(&self.to)
        {
            return Err(SeriesError::Ends);
        }
        let iterations: u64 = (self.first..end).map(|at| u64::from(self.max_iter(at))).sum();
        if iterations > WORK_MAX / (u64::from(self.to.width) * u64::from(self.to.height)) {
            return Err(SeriesError::TooMuchWork);
        }
        let bytes: usize = [&self.from, &self.to].map(|view| view.encode().len()).iter().sum();
        // The rest is less than 32 bytes.
        if bytes + 32 > PARAMS_BYTES_MAX as usize {
            return Err(ViewError::TextTooLong.into());
        }
        for frame in (0..self.count).step_by(self.count.div_ceil(LOOKS) as usize) {
            let is_view = self.view(frame).check();
            is_view.map_err(|error| SeriesError::Frame { frame: self.first + frame, error })?;
        }
        Ok(())
    }
}

/// How far the centre is from the deeper end, as a part of the way from end to end: (d/z − 1)/(d/s − 1)
/// of the zooms s < z < d, given by their logarithms.
fn distance(shallow: f64, zoom: f64, deep: f64) -> Factor {
    let less_than_one = |log10: f64| -libm::expm1(-log10 * std::f64::consts::LN_10);
    let part = less_than_one(deep - zoom) / less_than_one(deep - shallow);
    let exponent = libm::floor(shallow - zoom);
    Factor { digits: part * libm::exp10(shallow - zoom - exponent), exponent: exponent as i32 }
}

fn log10(zoom: &str) -> f64 {
    log2_of(zoom) * std::f64::consts::LOG10_2
}

/// 10^log10 as decimal text of ten digits.
fn decimal(log10: f64) -> String {
    let whole = libm::floor(log10);
    // 1 to 10, in whole billionths.
    let digits = libm::round(libm::exp10(log10 - whole) * 1e9) as u64;
    format!("{}.{:09}e{}", digits / 1_000_000_000, digits % 1_000_000_000, whole as i32)
}
