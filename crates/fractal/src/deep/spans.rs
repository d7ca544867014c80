//! Spans: many steps of a pixel at once, by bilinear approximation (BLA).
//!
//! A pixel's distance d from the reference orbit Z follows d ← (2Z + d)·d + e, with e its distance
//! from the centre of the picture. Where |d| ≤ 2⁻⁵³·|Z|, adding d to 2Z changes no more than one
//! rounding of that sum in f64 does, and the step is the linear d ← 2Z·d + e. Linear steps compose: a
//! span is d ← A·d + B·e with a reach r such that |d| ≤ r at its beginning makes every single step in
//! it linear in this sense, for every pixel of the picture (|e| ≤ e_max). For numbers of more digits
//! than f64 the bound is the rounding of those:
//!
//! ```text
//! one step:           A = 2Z           B = 1               r = 2⁻⁵³·|Z|
//! first, then second: A = A₂·A₁        B = A₂·B₁ + B₂      r = min(r₁, (r₂ − |B₁|·e_max) / |A₁|)
//! ```
//!
//! The bound on one step is half of what was said above: the other half is for the roundings of A,
//! B, r and d. So a span errs no more than the steps that it replaces, and nothing is to be tuned.
//! In a span |d| is far below |Z|, so no pixel escapes or comes nearer to 0 than to Z inside it.
//!
//! Spans of [`BLOCK`]·2ˡ steps begin at point 1 + i·[`BLOCK`]·2ˡ, because at point 0, which is 0 or
//! the pixel's own beginning, nothing is linear. They are made while the orbit is.

use super::number::Number;
use super::wide::{Magnitude, Wide};

/// Steps of the shortest spans. Chosen by measurement: shorter ones cost memory and gain nothing.
pub(crate) const BLOCK: u32 = 8;

/// Distances smaller than this are followed as [`Wide`].
pub(crate) const PLAIN_MIN: f64 = f64::from_bits((1023 - 300) << 52);
/// Factors of a span for plain distances have exponents of at most this size; others are left out,
/// which only spans that no plain distance reaches are.
const PLAIN_EXPONENT_MAX: i32 = 500;

/// A span for plain distances, e as multiple of the view's scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span<N> {
    pub(crate) a: [N; 2],
    pub(crate) b: [N; 2],
    /// The largest |x| and |y| of a distance at its beginning; 0 when it is of no use.
    reach: f64,
}

/// A span for distances of any size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WideSpan<N> {
    pub(crate) a: Wide<N>,
    pub(crate) b: Wide<N>,
    reach: Magnitude,
}

/// All spans of a path.
pub(crate) struct Spans<N = f64> {
    /// What e is a multiple of: a power of two near the pitch.
    scale: i32,
    /// The largest |e| of the picture.
    offset_max: Magnitude,
    /// The point that the next step begins at, with the steps of the open block before it.
    last: Option<Wide<N>>,
    open: Option<WideSpan<N>>,
    open_steps: u32,
    /// Spans by level l and place i. All levels together have fewer than points / 4 spans.
    plain: Vec<Vec<Span<N>>>,
    /// The same; empty when every distance of this picture is plain.
    wide: Vec<Vec<WideSpan<N>>>,
    keeps_wide: bool,
    /// The newest span of each level that waits for its neighbour.
    waiting: Vec<Option<WideSpan<N>>>,
}

impl<N: Number> Spans<N> {
    /// No spans yet. `offset_max` is the largest |e| of the picture, `scale` the exponent that e is
    /// given with.
    pub(crate) fn new(scale: i32, offset_max: Magnitude, keeps_wide: bool) -> Self {
        Spans {
            scale,
            offset_max,
            last: None,
            open: None,
            open_steps: 0,
            plain: Vec::new(),
            wide: Vec::new(),
            keeps_wide,
            waiting: Vec::new(),
        }
    }

    /// Takes the next point of the path, the first one being point 1.
    pub(crate) fn push(&mut self, z: Wide<N>) {
        let Some(last) = self.last.replace(z) else { return };
        let step = WideSpan::of_step(last, self.offset_max);
        let open = self.open.map_or(step, |open| open.then(step, self.offset_max));
        self.open_steps += 1;
        if self.open_steps < BLOCK {
            self.open = Some(open);
            return;
        }
        (self.open, self.open_steps) = (None, 0);
        self.close(open);
    }

    /// Keeps a span of the lowest level and those that it completes.
    fn close(&mut self, mut span: WideSpan<N>) {
        for level in 0.. {
            if level == self.waiting.len() {
                self.waiting.push(None);
                self.plain.push(Vec::new());
                self.wide.push(Vec::new());
            }
            self.plain[level].push(span.plain(self.scale));
            if self.keeps_wide {
                self.wide[level].push(span);
            }
            match self.waiting[level].take() {
                Some(first) => span = first.then(span, self.offset_max),
                None => {
                    self.waiting[level] = Some(span);
                    return;
                }
            }
        }
    }

    /// The longest span that begins at point `at`, has at most `steps_max` steps and whose reach the
    /// distance keeps; and its number of steps.
    #[inline(always)]
    pub(crate) fn longest(&self, at: u32, size: f64, steps_max: u32) -> Option<(&Span<N>, u32)> {
        search(&self.plain, at, steps_max, |span| size <= span.reach)
    }

    /// The largest distance with such a span at a point where spans begin, 0 when there is none.
    #[inline(always)]
    pub(crate) fn reach(&self, at: u32) -> f64 {
        let first = self.plain.first().and_then(|spans| spans.get((at / BLOCK) as usize));
        first.map_or(0.0, |span| span.reach)
    }

    /// The same for a distance of any size.
    pub(crate) fn longest_wide(
        &self,
        at: u32,
        size: Magnitude,
        steps_max: u32,
    ) -> Option<(&WideSpan<N>, u32)> {
        search(&self.wide, at, steps_max, |span| size.is_at_most(span.reach))
    }
}

/// Whether spans begin at a point.
#[inline(always)]
pub(crate) fn begins(at: u32) -> bool {
    at % BLOCK == 1
}

/// The higher the level, the shorter the reach: the first that does not fit ends the search.
#[inline(always)]
fn search<T>(
    levels: &[Vec<T>],
    at: u32,
    steps_max: u32,
    fits: impl Fn(&T) -> bool,
) -> Option<(&T, u32)> {
    if !begins(at) {
        return None;
    }
    let mut place = at / BLOCK;
    let mut steps = BLOCK;
    let mut best = None;
    for level in levels {
        let Some(span) = level.get(place as usize) else { break };
        if !fits(span) || steps > steps_max {
            break;
        }
        best = Some((span, steps));
        if !place.is_multiple_of(2) {
            break;
        }
        place /= 2;
        steps *= 2;
    }
    best
}

impl<N: Number> WideSpan<N> {
    fn of_step(z: Wide<N>, offset_max: Magnitude) -> Self {
        let reach = z.magnitude().times(Magnitude::new(1.0, -(N::BITS as i32)));
        // Where nothing is added, the factor of e would grow without a bound.
        let b = if offset_max.is_zero() { Wide::ZERO } else { Wide::real(1.0, 0) };
        WideSpan { a: z.shifted(1), b, reach }
    }

    fn then(self, next: Self, offset_max: Magnitude) -> Self {
        if self.reach.is_zero() || next.reach.is_zero() {
            return WideSpan { reach: Magnitude::ZERO, ..self };
        }
        let room = next.reach.minus(self.b.magnitude().times(offset_max));
        WideSpan {
            a: next.a.times(self.a),
            b: next.a.times(self.b).plus(next.b),
            reach: self.reach.smaller(room.over(self.a.magnitude())),
        }
    }

    /// The span for plain distances, with a reach for |x| and |y|: below |d|/√2.
    fn plain(&self, scale: i32) -> Span<N> {
        let b = self.b.shifted(scale);
        let reach = self.reach.to_f64() * 0.7;
        let in_range = self.a.exponent.abs() <= PLAIN_EXPONENT_MAX && b.exponent <= 0;
        let is_of_use = in_range && reach >= PLAIN_MIN;
        let pair = |(x, y)| [x, y];
        Span { a: pair(self.a.at(0)), b: pair(b.at(0)), reach: if is_of_use { reach } else { 0.0 } }
    }
}

#[cfg(test)]
mod tests;
