//! What a deep picture shows, as numbers of the precision that it needs.
//!
//! Made from a view that [`validate`](crate::View::validate) has found affordable. Only whoever
//! computes makes one: reading the digits is no part of the check.

use super::digits::Digits;
use super::fixed::Fixed;
use super::iterate::Iterate;
use super::number::Number;
use super::pixel::PLAIN_EXPONENT_MIN;
use super::spans::Spans;
use super::wide::{Magnitude, Wide};
use crate::formula::Formula;
use crate::view::View;

/// Binary places of the reference orbit beyond those of the pitch, for distances with this many digits.
/// Each of at most 2²² steps rounds by a few units of the last place, so the orbit is that of a centre
/// nearer than 2⁻³⁸ of a pixel, for [`Double`](super::number::Double) 2⁻¹⁰².
const fn guard_bits(bits: u32) -> u32 {
    bits / f64::MANTISSA_DIGITS * u64::BITS
}
/// The deepest pitch is 2 to the minus this; a deeper view is refused. Chosen: the coordinates that
/// fit into the parameters of a job have digits for about as much.
pub(crate) const PITCH_BITS_MAX: u32 = 4_096;

/// The numbers of a deep picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    formula: Formula,
    /// re, im, c_re, c_im.
    numbers: [Digits; 4],
    zoom: Digits,
    pitch: Magnitude,
    sides: (u32, u32),
    max_iter: u32,
    limbs: usize,
}

impl Plan {
    /// The numbers of a view that was checked, with the pitch that it was checked for, and enough
    /// limbs for distances that are followed in N.
    pub(crate) fn new<N: Number>(view: &View, pitch: Magnitude) -> Plan {
        let limbs = limbs_for(view.formula, pitch, guard_bits(N::BITS));
        let numbers = [&view.re, &view.im, &view.c_re, &view.c_im].map(|text| Digits::parse(text));
        let sides = (view.width, view.height);
        Plan {
            formula: view.formula,
            numbers,
            zoom: Digits::parse(&view.zoom),
            pitch,
            sides,
            max_iter: view.max_iter,
            limbs,
        }
    }

    /// The orbit of the picture's centre.
    pub(crate) fn centre(&self) -> Iterate {
        orbit_of(self.formula, self.numbers(self.limbs))
    }

    /// The orbit of pixel (i, j) with this many limbs.
    pub(crate) fn orbit_at(&self, (i, j): (u32, u32), limbs: usize) -> Iterate {
        let [mut re, mut im, c_re, c_im] = self.numbers(limbs);
        let (u, v) = self.offset(i, j);
        let (width, height) = self.sides;
        re.add(&self.exact_offset((i, width), u, limbs));
        im.subtract(&self.exact_offset((j, height), -v, limbs));
        orbit_of(self.formula, [re, im, c_re, c_im])
    }

    fn numbers(&self, limbs: usize) -> [Fixed; 4] {
        self.numbers.each_ref().map(|digits| Fixed::from_digits(digits, limbs))
    }

    /// 4·(at + 1/2 − side/2) / (zoom·width). Where the zoom has too many digits to divide by, the
    /// same as rounded for [`Plan::offset`].
    fn exact_offset(&self, (at, side): (u32, u32), rounded: f64, limbs: usize) -> Fixed {
        let twice = 2 * i64::from(at) + 1 - i64::from(side);
        let places = (limbs as u32 - 1) * u64::BITS;
        let width = u64::from(self.sides.0);
        let units = self.zoom.divide_into(2 * twice.unsigned_abs(), width, places);
        units.map_or_else(
            || Fixed::from_f64(rounded, self.pitch.exponent, limbs),
            |units| Fixed::from_units(twice < 0, &units, limbs),
        )
    }

    /// The orbit of 0 with the c of the picture's centre.
    pub(crate) fn zero(&self) -> Iterate {
        self.centre().restarted_at_zero()
    }

    /// Whether the point of the picture is z₀, and c is the same for all.
    pub(crate) fn is_julia(&self) -> bool {
        self.formula.is_julia()
    }

    /// Distance of neighbouring pixels.
    pub(crate) fn pitch(&self) -> Magnitude {
        self.pitch
    }

    /// Limbs of each number.
    pub(crate) fn limbs(&self) -> usize {
        self.limbs
    }

    /// Steps after which a point counts as inside.
    pub(crate) fn max_iter(&self) -> u32 {
        self.max_iter
    }

    /// Distance of pixel (i, j) from the centre in multiples of 2^exponent of the pitch, the
    /// imaginary axis pointing up.
    fn offset(&self, i: u32, j: u32) -> (f64, f64) {
        let from_middle = |at: u32, side: u32| (f64::from(at) + 0.5) - f64::from(side) * 0.5;
        let (u, v) = (from_middle(i, self.sides.0), from_middle(j, self.sides.1));
        (u * self.pitch.digits, -(v * self.pitch.digits))
    }

    /// The same as a number.
    pub(crate) fn place(&self, (i, j): (u32, u32)) -> Wide {
        let (u, v) = self.offset(i, j);
        Wide::new(u, v, self.pitch.exponent)
    }

    /// The same with as many digits as N has, rounded once.
    pub(crate) fn fine_place<N: Number>(&self, (i, j): (u32, u32)) -> Wide<N> {
        let (u, v) = self.offset(i, j);
        let (width, height) = self.sides;
        let mut y = self.exact_offset((j, height), -v, self.limbs).to_wide::<N>();
        y.x = -y.x;
        self.exact_offset((i, width), u, self.limbs).to_wide().with_imaginary(y)
    }

    /// The spans of a path of this picture, before its first step.
    pub(crate) fn spans<N: Number>(&self) -> Spans<N> {
        let scale = self.pitch.exponent;
        if self.is_julia() {
            // A distance that passes 0 is squared, and no offset comes to it.
            Spans::new(scale, Magnitude::ZERO, 2 * scale < PLAIN_EXPONENT_MIN)
        } else {
            Spans::new(scale, self.offset_max(), scale < PLAIN_EXPONENT_MIN)
        }
    }

    /// No pixel is farther from the centre than this.
    fn offset_max(&self) -> Magnitude {
        let (u, v) = self.offset(0, 0);
        Wide::new(u, v, self.pitch.exponent).magnitude()
    }
}

/// The orbit of a point: re, im, c_re, c_im.
pub(crate) fn orbit_of(formula: Formula, [re, im, c_re, c_im]: [Fixed; 4]) -> Iterate {
    let zero = || Fixed::zero(re.limbs());
    if formula.is_julia() {
        Iterate::new((re, im), (c_re, c_im))
    } else {
        Iterate::new((zero(), zero()), (re, im))
    }
}

/// Limbs that tell pixels at this distance apart: the whole part and the places. Julia sets need
/// twice the places, for a path that passes 0 at the distance of a pixel squares that distance.
fn limbs_for(formula: Formula, pitch: Magnitude, guard_bits: u32) -> usize {
    let bits = (-pitch.exponent).max(0) as u32;
    let bits = if formula.is_julia() { 2 * bits } else { bits };
    1 + (bits + guard_bits).div_ceil(u64::BITS) as usize
}

/// 4 / (zoom · width) for the text of a zoom above 1; `None` when that is less than 2 to the minus
/// [`PITCH_BITS_MAX`].
pub(crate) fn pitch(zoom: &str, width: u32) -> Option<Magnitude> {
    let zoom = Digits::parse(zoom);
    // Checked first, for the size in memory is that of the number.
    if zoom.whole_digits() > i64::from(zoom_exponent_max(width)) + 4 {
        return None;
    }
    let per_width = zoom.magnitude().times(Magnitude::new(f64::from(width), 0));
    let pitch = Magnitude::new(4.0, 0).over(per_width);
    (pitch.exponent >= -(PITCH_BITS_MAX as i32)).then_some(pitch)
}

/// The logarithm to base 2 of the text of a positive number whose pitch is a deep or a plain one.
pub(crate) fn log2_of(zoom: &str) -> f64 {
    let zoom = Digits::parse(zoom).magnitude();
    f64::from(zoom.exponent) + libm::log2(zoom.digits)
}

/// The power of ten below the deepest zoom for pictures of this width.
pub(crate) fn zoom_exponent_max(width: u32) -> u32 {
    let bits = PITCH_BITS_MAX + 2 - (u32::BITS - width.leading_zeros());
    // log₁₀ 2, rounded down.
    bits * 30_102 / 100_000
}
