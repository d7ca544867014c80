//! Deep pictures, where neighbouring pixels differ by less than f64 can say.
//!
//! One orbit, that of the centre, is computed with as many digits as the picture needs (`orbit`, on
//! numbers of `fixed`, read from text by `digits`); each pixel is followed as its distance from that
//! orbit (`pixel`), many steps at once where that is exact (`spans`), and beyond the range of f64
//! with exponents of their own (`wide`). Pixels whose count f64 leaves in doubt are followed again with
//! twice the digits (`number`), and the few that remain by themselves, with all of them (`point`).
//! `plan` says what all of this is made for, `work` computes a tile in slices.
//!
//! The levels are those of the same definition as in `escape.rs`, |zₙ|² > R² with R = 256, and agree
//! with it as computed with unlimited digits but where an orbit passes the radius within the rounding
//! of f64, and where it is too long and too chaotic (see [`PIXEL_COST_MAX`]). They are the same bits
//! on every machine: this is part of the protocol.
//!
//! Not here: families other than z² + c, and which pictures are deep (`view.rs`).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::engine::Plain;
use crate::escape::Ending;
use crate::formula::Formula;
use crate::smooth::Scale;
use crate::tile::Rect;
use crate::view::View;

mod burst;
mod crew;
mod digits;
mod fixed;
mod iterate;
mod number;
mod orbit;
mod pixel;
mod plan;
mod point;
mod spans;
mod wide;
mod work;

pub use burst::{BURST_LANES_MAX, Burst, burst};
pub use number::Double;
pub(crate) use orbit::Orbit;
pub use orbit::{OrbitError, PATH_POINTS_MAX};
pub(crate) use plan::{log2_of, pitch, zoom_exponent_max};
pub(crate) use point::Point;
pub(crate) use wide::Magnitude;
pub(crate) use work::Work;

use number::Number;
use orbit::{Path, Walk};
use pixel::{Basis, Pixel};
use plan::Plan;
use spans::Spans;

/// What a step of the orbit costs beside its squarings, in iterations of a plain picture.
const ORBIT_STEP_COST: u64 = 60;

/// What a pixel by itself may cost, in products of limbs: some 20 ms. Where that does not suffice, its
/// count is that of the distances: a long orbit that is chaotic all the way.
const PIXEL_COST_MAX: u64 = 1 << 24;

/// A deep picture: its view, and what is needed to follow pixels once somebody needs it. Whoever
/// computes tiles of one picture in one process shares one of these, so that orbits are computed once.
pub(crate) struct Deep {
    view: View,
    pitch: Magnitude,
    /// What the levels are read from.
    levels: Scale,
    plain: Ground<f64>,
    /// For the pixels that f64 does not decide, if there are any.
    fine: Ground<Double>,
}

/// A picture for distances in N, in whichever state it is.
struct Ground<N>(Mutex<State<N>>);

enum State<N> {
    /// Nobody has asked yet.
    Asleep,
    Making(Box<Making<N>>),
    Ready(Arc<Picture<N>>),
}

/// All that is needed to follow a pixel.
pub(crate) struct Picture<N> {
    plan: Plan,
    basis: Basis<N>,
}

/// The orbit under way.
struct Making<N> {
    plan: Plan,
    walks: Vec<Walk>,
    paths: Vec<Path<N>>,
    spans: Vec<Spans<N>>,
}

/// Whether pictures of this formula can be deep: those of z² + c.
pub(crate) fn reaches(formula: Formula) -> bool {
    matches!(formula, Formula::MANDELBROT | Formula::JULIA)
}

impl Deep {
    /// A picture that was found to be affordable, with its pitch.
    pub(crate) fn new(view: &View, pitch: Magnitude) -> Deep {
        let levels = Scale::new(view.formula);
        Deep { view: view.clone(), pitch, levels, plain: Ground::new(), fine: Ground::new() }
    }

    fn plan<N: Number>(&self) -> Plan {
        Plan::new::<N>(&self.view, self.pitch)
    }

    /// The reference orbit at one go.
    pub(crate) fn orbit(&self) -> Orbit {
        loop {
            if let Some(picture) = self.plain.prepare(|| self.plan::<f64>(), &mut { u64::MAX }) {
                return picture.basis.orbit.clone();
            }
        }
    }

    /// Takes an orbit that was computed elsewhere instead of computing it.
    ///
    /// # Errors
    /// When it cannot be the orbit of this picture.
    pub(crate) fn supply(&self, orbit: Orbit) -> Result<(), OrbitError> {
        let picture = Picture::from_orbit(self.plan::<f64>(), orbit)?;
        *self.plain.state() = State::Ready(Arc::new(picture));
        Ok(())
    }

    /// The level of one pixel by itself.
    pub(crate) fn level(self: &Arc<Deep>, i: u32, j: u32) -> u32 {
        let mut work =
            Work::new(&Plain, Arc::clone(self), Rect { x: i, y: j, width: 1, height: 1 });
        while !work.step(u64::MAX) {}
        work.finish().map_or(0, |tile| tile.levels[0])
    }
}

impl<N: Number> Ground<N> {
    fn new() -> Self {
        Ground(Mutex::new(State::Asleep))
    }

    fn state(&self) -> MutexGuard<'_, State<N>> {
        self.0.lock().expect("nobody panics while making an orbit")
    }

    /// Spends about `budget` iterations on the orbit, shared with whoever else does; the picture,
    /// once it is complete.
    fn prepare(&self, plan: impl FnOnce() -> Plan, budget: &mut u64) -> Option<Arc<Picture<N>>> {
        let mut state = self.state();
        if let State::Asleep = *state {
            *state = State::Making(Box::new(Making::new(plan())));
        }
        if let State::Making(making) = &mut *state {
            if !making.step(budget) {
                return None;
            }
            let State::Making(making) = std::mem::replace(&mut *state, State::Asleep) else {
                unreachable!("it was just seen");
            };
            *state = State::Ready(Arc::new(making.finish()));
        }
        let State::Ready(picture) = &*state else { unreachable!("it is complete") };
        Some(Arc::clone(picture))
    }
}

impl<N: Number> Making<N> {
    fn new(plan: Plan) -> Self {
        let mut walks = vec![Walk::of_centre(&plan)];
        if plan.is_julia() {
            walks.push(Walk::of_zero(&plan));
        }
        let spans = walks.iter().map(|_| plan.spans()).collect();
        let begin = |walk: &Walk| {
            let mut path = Path::default();
            path.push(walk.point());
            path
        };
        let paths = walks.iter().map(begin).collect();
        Making { plan, walks, paths, spans }
    }

    /// Walks on; true when all paths are complete.
    fn step(&mut self, budget: &mut u64) -> bool {
        let limbs = self.plan.limbs() as u64;
        let cost = ORBIT_STEP_COST + limbs * limbs;
        for ((walk, path), spans) in self.walks.iter_mut().zip(&mut self.paths).zip(&mut self.spans)
        {
            loop {
                if *budget == 0 {
                    return false;
                }
                *budget = budget.saturating_sub(cost);
                let Some(point) = walk.step() else { break };
                path.push(point);
                spans.push(point);
            }
        }
        true
    }

    fn finish(self) -> Picture<N> {
        let c = self.walks[0].constant();
        let orbit = Orbit { c, paths: self.paths };
        Picture::new(self.plan, orbit, self.spans)
    }
}

impl<N: Number> Picture<N> {
    fn new(plan: Plan, orbit: Orbit<N>, spans: Vec<Spans<N>>) -> Self {
        let (scale, is_julia) = (plan.pitch().exponent, plan.is_julia());
        let max_iter = plan.max_iter();
        Picture { basis: Basis { orbit, spans, scale, is_julia, max_iter }, plan }
    }

    /// Where a pixel escapes, by its own orbit with as many digits as make that certain; `None` where
    /// that costs more than [`PIXEL_COST_MAX`].
    fn ending_by_itself(&self, pixel: &Pixel<N>, place: (u32, u32)) -> Option<Option<Ending>> {
        let growth = pixel.growth_exponent().saturating_sub(self.basis.scale);
        let places = growth.max(-self.basis.scale).unsigned_abs() + 2 * u64::BITS;
        let orbit = |limbs| self.plan.orbit_at(place, limbs);
        point::certain_ending(orbit, places, self.basis.max_iter, PIXEL_COST_MAX)
    }
}

impl Picture<f64> {
    /// The picture with an orbit that came from elsewhere.
    fn from_orbit(plan: Plan, orbit: Orbit) -> Result<Self, OrbitError> {
        orbit.check(&plan)?;
        let spans = |path: &Path| {
            let mut spans = plan.spans();
            (1..path.points.len()).for_each(|at| spans.push(path.wide(at as u32)));
            spans
        };
        let spans = orbit.paths.iter().map(spans).collect();
        Ok(Picture::new(plan, orbit, spans))
    }
}

impl PartialEq for Deep {
    /// Whether it is the same picture; how far its orbit is makes no difference.
    fn eq(&self, other: &Deep) -> bool {
        self.view == other.view
    }
}

impl fmt::Debug for Deep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deep").field("view", &self.view).finish_non_exhaustive()
    }
}
