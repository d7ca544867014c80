//! Several independent orbits in flight, so that the processor always has work while one waits for
//! its own last step.
//!
//! Two ways to step them. [`free`] looks at nothing until its steps are done; that is exact all the
//! same, for an orbit that has ended stays ended, and the state before is kept, from which the count is
//! recovered. [`watched`] stops each orbit where it ends and counts, for a third of the speed.
//!
//! Both are generic over the vector and how many of them are in flight, and meant to be inlined into a
//! function that is compiled for the machine's instructions (see [`Engine`](crate::Engine)). Which
//! pixel is in which lane, and when to look, is `work.rs`.

use crate::escape::Orbit;
use crate::family::{Rule, WithRule};
use crate::formula::Formula;
use crate::vector::{Complex, Vector};

/// Most orbits in flight; an engine has at most so many lanes.
pub const LANES_MAX: usize = 64;

/// One number for each lane, where the widest vectors may be loaded from.
#[derive(Debug, Clone)]
#[repr(align(64))]
struct Row([f64; LANES_MAX]);

/// Orbits side by side.
#[derive(Debug, Clone)]
pub struct Orbits {
    x: Row,
    y: Row,
    c_re: Row,
    c_im: Row,
    count: Row,
}

/// Orbits in flight, with where they were.
#[derive(Debug, Clone)]
pub struct Stream {
    now: Orbits,
    before_x: Row,
    before_y: Row,
    seen_x: Row,
    seen_y: Row,
}

/// What a look at the lanes shows, one bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The orbit has ended.
    pub ended: u64,
    /// The orbit is where it was when it was last remembered. Then it will be there again and again,
    /// for a step depends on nothing else, and will never end.
    pub repeated: u64,
}

impl Orbits {
    pub(crate) fn new() -> Orbits {
        let zero = Row([0.0; LANES_MAX]);
        let (x, y, c_re, c_im) = (zero.clone(), zero.clone(), zero.clone(), zero.clone());
        Orbits { x, y, c_re, c_im, count: zero }
    }

    /// Puts an orbit into a lane.
    #[inline(always)]
    pub(crate) fn set(&mut self, lane: usize, orbit: Orbit) {
        (self.x.0[lane], self.y.0[lane]) = (orbit.x, orbit.y);
        (self.c_re.0[lane], self.c_im.0[lane]) = (orbit.c_re, orbit.c_im);
    }

    /// Puts the orbits of neighbouring points of a row into neighbouring lanes.
    pub(crate) fn set_row(
        &mut self,
        lane: usize,
        columns: &[f64],
        orbit_at: impl Fn(f64) -> Orbit,
    ) {
        let lanes = lane..lane + columns.len();
        let z = self.x.0[lanes.clone()].iter_mut().zip(&mut self.y.0[lanes.clone()]);
        let c = self.c_re.0[lanes.clone()].iter_mut().zip(&mut self.c_im.0[lanes]);
        for ((&re, (x, y)), (c_re, c_im)) in columns.iter().zip(z).zip(c) {
            let orbit = orbit_at(re);
            (*x, *y, *c_re, *c_im) = (orbit.x, orbit.y, orbit.c_re, orbit.c_im);
        }
    }

    /// Where a lane's orbit is.
    #[inline(always)]
    pub(crate) fn get(&self, lane: usize) -> Orbit {
        Orbit {
            x: self.x.0[lane],
            y: self.y.0[lane],
            c_re: self.c_re.0[lane],
            c_im: self.c_im.0[lane],
        }
    }

    /// The steps that a lane's orbit took in the last [`watched`].
    #[inline(always)]
    pub(crate) fn count(&self, lane: usize) -> u32 {
        self.count.0[lane] as u32
    }
}

impl Stream {
    pub(crate) fn new() -> Stream {
        let now = Orbits::new();
        let nowhere = Row([f64::NAN; LANES_MAX]);
        let (before_x, before_y) = (now.x.clone(), now.y.clone());
        Stream { now, before_x, before_y, seen_x: nowhere.clone(), seen_y: nowhere }
    }

    /// Puts an orbit into a lane.
    #[inline(always)]
    pub(crate) fn set(&mut self, lane: usize, orbit: Orbit) {
        self.now.set(lane, orbit);
        // Equal to nothing: what was remembered belongs to another orbit.
        self.seen_x.0[lane] = f64::NAN;
    }

    /// Where a lane's orbit was before the last [`free`].
    #[inline(always)]
    pub(crate) fn before(&self, lane: usize) -> Orbit {
        Orbit { x: self.before_x.0[lane], y: self.before_y.0[lane], ..self.now.get(lane) }
    }

    /// Remembers where every orbit is, to notice when it comes back.
    pub(crate) fn remember(&mut self) {
        (self.seen_x, self.seen_y) = (self.now.x.clone(), self.now.y.clone());
    }
}

/// Takes `steps` steps in each of the first `N` vectors of lanes, then looks; for repetition only where
/// that is asked for.
#[inline(always)]
pub fn free<V: Vector, const N: usize>(
    formula: Formula,
    stream: &mut Stream,
    steps: u32,
    repeats: bool,
) -> Look {
    formula.visit(Free::<'_, V, N> { stream, steps, repeats, vector: std::marker::PhantomData })
}

/// Takes up to `steps` steps in each of the first `N` vectors of lanes, at least one, and stops an orbit
/// where it ends. Returns which have not ended, one bit for each.
#[inline(always)]
pub fn watched<V: Vector, const N: usize>(
    formula: Formula,
    orbits: &mut Orbits,
    steps: u32,
) -> u64 {
    formula.visit(Watched::<'_, V, N> { orbits, steps, vector: std::marker::PhantomData })
}

struct Free<'a, V, const N: usize> {
    stream: &'a mut Stream,
    steps: u32,
    repeats: bool,
    vector: std::marker::PhantomData<V>,
}

impl<V: Vector, const N: usize> WithRule for Free<'_, V, N> {
    type Out = Look;

    #[inline(always)]
    fn with<R: Rule>(self, rule: R) -> Look {
        let Stream { now, before_x, before_y, seen_x, seen_y } = self.stream;
        let c: [Complex<V>; N] = load(&now.c_re, &now.c_im);
        let mut z: [Complex<V>; N] = load(&now.x, &now.y);
        store(z, before_x, before_y);
        for _ in 0..self.steps {
            for (z, c) in z.iter_mut().zip(c) {
                *z = rule.step(*z, c);
            }
        }
        store(z, &mut now.x, &mut now.y);
        let all = V::splat(0.0).equals(V::splat(0.0));
        let (mut going, mut all_go_on) = ([all; N], all);
        for at in 0..N {
            going[at] = rule.goes_on(z[at]);
            all_go_on = V::both(all_go_on, going[at]);
        }
        let is_quiet = V::bits(all_go_on) == V::bits(all);
        let ended = if is_quiet { 0 } else { !bits::<V, N>(going) };
        if !self.repeats {
            return Look { ended, repeated: 0 };
        }
        let seen: [Complex<V>; N] = load(seen_x, seen_y);
        let mut same = [all; N];
        for at in 0..N {
            same[at] = V::both(z[at].re.equals(seen[at].re), z[at].im.equals(seen[at].im));
        }
        Look { ended, repeated: bits::<V, N>(same) }
    }
}

/// Steps between two questions whether any orbit is left.
const QUESTION: u32 = 4;

struct Watched<'a, V, const N: usize> {
    orbits: &'a mut Orbits,
    steps: u32,
    vector: std::marker::PhantomData<V>,
}

impl<V: Vector, const N: usize> WithRule for Watched<'_, V, N> {
    type Out = u64;

    #[inline(always)]
    fn with<R: Rule>(self, rule: R) -> u64 {
        let Orbits { x, y, c_re, c_im, count } = self.orbits;
        let c: [Complex<V>; N] = load(c_re, c_im);
        let mut z: [Complex<V>; N] = load(x, y);
        let (none, one) = (V::splat(0.0), V::splat(1.0));
        let mut counts = [none; N];
        // The first step is always taken: a count is at least 1.
        let mut going = [none.at_most(none); N];
        for step in 0..self.steps {
            if step % QUESTION == 0 && going.iter().all(|&going| V::bits(going) == 0) {
                break;
            }
            for at in 0..N {
                let next = rule.step(z[at], c[at]);
                counts[at] = counts[at] + V::select(going[at], one, none);
                z[at].re = V::select(going[at], next.re, z[at].re);
                z[at].im = V::select(going[at], next.im, z[at].im);
                // An orbit that was stopped is where it ended, so it says no again.
                going[at] = rule.goes_on(z[at]);
            }
        }
        store(z, x, y);
        for (at, steps) in counts.into_iter().enumerate() {
            steps.store(&mut count.0[at * V::WIDTH..]);
        }
        bits::<V, N>(going)
    }
}

/// The masks of all vectors, one bit for each lane.
#[inline(always)]
fn bits<V: Vector, const N: usize>(masks: [V::Mask; N]) -> u64 {
    let mut bits = 0;
    for (at, mask) in masks.into_iter().enumerate() {
        bits |= V::bits(mask) << (at * V::WIDTH);
    }
    bits
}

#[inline(always)]
fn load<V: Vector, const N: usize>(re: &Row, im: &Row) -> [Complex<V>; N] {
    const { assert!(N * V::WIDTH <= LANES_MAX) };
    // A loop, not `from_fn`: that may be compiled apart, without the instructions.
    let mut z = [Complex::splat(0.0, 0.0); N];
    for (at, z) in z.iter_mut().enumerate() {
        z.re = V::load(&re.0[at * V::WIDTH..]);
        z.im = V::load(&im.0[at * V::WIDTH..]);
    }
    z
}

#[inline(always)]
fn store<V: Vector, const N: usize>(z: [Complex<V>; N], re: &mut Row, im: &mut Row) {
    for (at, z) in z.into_iter().enumerate() {
        z.re.store(&mut re.0[at * V::WIDTH..]);
        z.im.store(&mut im.0[at * V::WIDTH..]);
    }
}
