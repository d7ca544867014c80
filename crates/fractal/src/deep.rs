//! Deep pictures, where neighbouring pixels differ by less than f64 can say.
//!
//! One orbit, that of the centre, is computed with as many digits as the picture needs (`orbit`, on
//! numbers of `fixed`, read from text by `digits`); each pixel is followed as its distance from that
//! orbit (`pixel`), many steps at once where that is exact (`spans`), and beyond the range of f64
//! with exponents of their own (`wide`). `plan` says what all of this is made for, `work` computes
//! a tile in slices, `point` a single point with all its digits.
//!
//! The levels are those of the same definition as in `escape.rs`, |zₙ|² > R² with R = 256, and agree
//! with it as computed with unlimited digits but where an orbit passes the radius within the rounding
//! of f64, and where it is too long and too chaotic (see [`PIXEL_COST_MAX`]). They are the same bits
//! on every machine: this is part of the protocol.
//!
//! Not here: families other than z² + c, and which pictures are deep (`view.rs`).

use std::fmt;
use std::sync::{Arc, Mutex};

use crate::escape::Ending;
use crate::formula::Formula;
use crate::smooth::Scale;
use crate::view::View;

mod digits;
mod fixed;
mod iterate;
mod orbit;
mod pixel;
mod plan;
mod point;
mod spans;
mod wide;
mod work;

pub use orbit::{Orbit, OrbitError, PATH_POINTS_MAX};
pub(crate) use plan::{pitch, zoom_exponent_max};
pub(crate) use point::Point;
pub(crate) use wide::Magnitude;
pub(crate) use work::Work;

use orbit::{Path, Walk};
use pixel::{Ground, Pixel, Turn};
use plan::Plan;
use spans::Spans;

/// What a step of the orbit costs beside its squarings, in iterations of a plain picture.
const ORBIT_STEP_COST: u64 = 60;

/// What a pixel by itself may cost, in products of limbs: some 20 ms. Where that does not suffice, its
/// count is that of f64: a long orbit that is chaotic all the way.
const PIXEL_COST_MAX: u64 = 1 << 24;

/// A deep picture: its view, and the reference orbit once somebody needs it. Whoever computes tiles
/// of one picture in one process shares one of these, so that the orbit is computed once.
pub(crate) struct Deep {
    view: View,
    pitch: Magnitude,
    state: Mutex<State>,
}

enum State {
    /// Nobody has asked yet.
    Asleep,
    Making(Box<Making>),
    Ready(Arc<Picture>),
}

/// All that is needed to follow a pixel.
pub(crate) struct Picture {
    plan: Plan,
    ground: Ground,
    /// What the levels are read from.
    levels: Scale,
}

/// The orbit under way.
struct Making {
    plan: Plan,
    walks: Vec<Walk>,
    paths: Vec<Path>,
    spans: Vec<Spans>,
}

/// Whether pictures of this formula can be deep: those of z² + c.
pub(crate) fn reaches(formula: Formula) -> bool {
    matches!(formula, Formula::MANDELBROT | Formula::JULIA)
}

impl Deep {
    /// A picture that was found to be affordable, with its pitch.
    pub(crate) fn new(view: &View, pitch: Magnitude) -> Deep {
        Deep { view: view.clone(), pitch, state: Mutex::new(State::Asleep) }
    }

    /// Spends about `budget` iterations on the orbit, shared with whoever else does; the picture,
    /// once it is complete, and what is left of the budget.
    fn prepare(&self, mut budget: u64) -> (Option<Arc<Picture>>, u64) {
        let mut state = self.state.lock().expect("nobody panics while making an orbit");
        if let State::Asleep = *state {
            *state = State::Making(Box::new(Making::new(Plan::new(&self.view, self.pitch))));
        }
        if let State::Making(making) = &mut *state {
            if !making.step(&mut budget) {
                return (None, 0);
            }
            let State::Making(making) = std::mem::replace(&mut *state, State::Asleep) else {
                unreachable!("it was just seen");
            };
            *state = State::Ready(Arc::new(making.finish()));
        }
        let State::Ready(picture) = &*state else { unreachable!("it is complete") };
        (Some(Arc::clone(picture)), budget)
    }

    /// The picture at one go.
    fn ready(&self) -> Arc<Picture> {
        loop {
            if let (Some(picture), _) = self.prepare(u64::MAX) {
                return picture;
            }
        }
    }

    /// The reference orbit at one go.
    pub(crate) fn orbit(&self) -> Orbit {
        self.ready().ground.orbit.clone()
    }

    /// Takes an orbit that was computed elsewhere instead of computing it.
    ///
    /// # Errors
    /// When it cannot be the orbit of this picture.
    pub(crate) fn supply(&self, orbit: Orbit) -> Result<(), OrbitError> {
        let plan = Plan::new(&self.view, self.pitch);
        let picture = Picture::from_orbit(plan, orbit)?;
        *self.state.lock().expect("nobody panics while making an orbit") =
            State::Ready(Arc::new(picture));
        Ok(())
    }

    /// The level of one pixel by itself.
    pub(crate) fn level(&self, i: u32, j: u32) -> u32 {
        self.ready().level(i, j)
    }
}

impl Making {
    fn new(plan: Plan) -> Making {
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

    fn finish(self) -> Picture {
        let c = self.walks[0].constant();
        let orbit = Orbit { c, paths: self.paths };
        Picture::new(self.plan, orbit, self.spans)
    }
}

impl Picture {
    fn new(plan: Plan, orbit: Orbit, spans: Vec<Spans>) -> Picture {
        let (scale, is_julia) = (plan.pitch().exponent, plan.is_julia());
        let max_iter = plan.max_iter();
        let levels = Scale::new(plan.formula());
        Picture { ground: Ground { orbit, spans, scale, is_julia, max_iter }, levels, plan }
    }

    /// The picture with an orbit that came from elsewhere.
    fn from_orbit(plan: Plan, orbit: Orbit) -> Result<Picture, OrbitError> {
        orbit.check(&plan)?;
        let spans = |path: &Path| {
            let mut spans = plan.spans();
            (1..path.points.len()).for_each(|at| spans.push(path.wide(at as u32)));
            spans
        };
        let spans = orbit.paths.iter().map(spans).collect();
        Ok(Picture::new(plan, orbit, spans))
    }

    fn pixel(&self, i: u32, j: u32) -> Pixel {
        Pixel::new(&self.ground, self.plan.offset(i, j))
    }

    fn level(&self, i: u32, j: u32) -> u32 {
        let mut pixel = self.pixel(i, j);
        loop {
            if let Some(level) = self.walk(&mut pixel, (i, j), &mut { u64::MAX }) {
                return level;
            }
        }
    }

    /// Walks on with the pixel at a place, spending the budget; its level when it is done.
    fn walk(&self, pixel: &mut Pixel, place: (u32, u32), budget: &mut u64) -> Option<u32> {
        let turn = pixel.walk(&self.ground, budget);
        let ended = match turn {
            Turn::Paused | Turn::Changed => return None,
            Turn::Inside => None,
            Turn::Escaped(ending) => Some(ending),
        };
        let is_certain = pixel.is_certain(turn);
        let exact = (!is_certain).then(|| self.ending_by_itself(pixel, place)).flatten();
        Some(self.levels.level(exact.unwrap_or(ended)))
    }

    /// Where a pixel escapes, by its own orbit with as many digits as make that certain; `None` where
    /// that costs more than [`PIXEL_COST_MAX`].
    fn ending_by_itself(&self, pixel: &Pixel, place: (u32, u32)) -> Option<Option<Ending>> {
        let growth = pixel.growth_exponent().saturating_sub(self.ground.scale);
        let places = growth.max(-self.ground.scale).unsigned_abs() + 2 * u64::BITS;
        let orbit = |limbs| self.plan.orbit_at(place, limbs);
        point::certain_ending(orbit, places, self.ground.max_iter, PIXEL_COST_MAX)
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
