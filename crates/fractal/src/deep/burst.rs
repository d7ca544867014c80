//! Several pixels of a deep picture side by side: the single steps between their spans.
//!
//! Most of a deep picture's time goes into single steps, which wait for one another. So pixels that are
//! at the beginning of a block of points which no span takes them across step on together, in the
//! lanes of an engine's vectors, each along its own part of the path. A lane stops early behind the step
//! at which its pixel escapes, or has come nearer to 0 than to the path; before a step that leads
//! to a distance too small for plain numbers; and before a block that a span takes it across. What
//! follows then is decided by the pixel itself (`pixel`), in the same arithmetic.
//!
//! [`burst`] is generic over the vector and meant to be inlined into a function that is compiled
//! for the machine's instructions (see [`Engine`](crate::Engine)).

use super::number::{Lanes, Number, WIDTH_MAX};
use super::orbit::Path;
use super::spans::{BLOCK, Spans};
use crate::family::ESCAPE_NORM;
use crate::vector::Vector;

/// Steps of a burst: a few blocks. Chosen by measurement.
pub(crate) const STEPS: u32 = 3 * BLOCK;
/// Points of a burst.
const POINTS: usize = STEPS as usize + 1;
/// Most pixels side by side.
pub const BURST_LANES_MAX: usize = 32;

/// A pixel on its way from burst to burst.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lane<N> {
    /// The path, and the point of it that the next step begins at.
    pub(crate) path: usize,
    pub(crate) at: u32,
    /// Its distance, and what each step adds.
    pub(crate) distance: [N; 2],
    pub(crate) offset: [N; 2],
    pub(crate) growth: [f64; 2],
    /// Steps taken in the last burst, and in all of them.
    pub(crate) steps: u32,
    pub(crate) steps_in_all: u32,
    /// Whether nothing happened to it.
    pub(crate) goes_on: bool,
}

/// Pixels about to step, and what they share.
pub struct Burst<'a, N> {
    pub(crate) paths: &'a [Path<N>],
    pub(crate) spans: &'a [Spans<N>],
    /// What each step adds to the growth.
    pub(crate) growth_step: f64,
    /// Distances below this are no plain numbers.
    pub(crate) smallest: f64,
    /// At most [`BURST_LANES_MAX`].
    pub(crate) lanes: &'a mut [Lane<N>],
}

/// One vector of pixels.
#[derive(Clone, Copy)]
struct Group<V: Vector, L> {
    x: L,
    y: L,
    u: L,
    v: L,
    growth_x: V,
    growth_y: V,
    steps: V,
    goes_on: V::Mask,
    point: (L, L),
}

/// Takes all steps, with VECTORS vectors in flight.
#[inline(always)]
pub fn burst<N: Number, V: Vector, const VECTORS: usize>(burst: &mut Burst<'_, N>) {
    let Burst { paths, spans, growth_step, smallest, ref mut lanes } = *burst;
    for lanes in lanes.chunks_mut(V::WIDTH * VECTORS) {
        // A vector that is not full repeats its last lane.
        let last = lanes.len() - 1;
        let of = |group: usize, lane: usize| (group * V::WIDTH + lane).min(last);
        let run = |lane: usize| {
            let Lane { path, at, .. } = lanes[lane];
            let points = &paths[path].points[at as usize..];
            points.first_chunk::<POINTS>().expect("a burst ends before its path")
        };
        // Loops, not `from_fn`: what is behind a call is not compiled for the machine's vectors.
        let mut runs = [[run(0); WIDTH_MAX]; VECTORS];
        for (group, runs) in runs.iter_mut().enumerate() {
            for (lane, slot) in runs.iter_mut().enumerate().take(V::WIDTH) {
                *slot = run(of(group, lane));
            }
        }
        let reach = |lanes: &[Lane<N>], group: usize, step: u32| {
            <V as Lanes<V, f64>>::gather(|lane| {
                let Lane { path, at, .. } = lanes[of(group, lane)];
                spans[path].reach(at + step)
            })
        };
        let point = |group: usize, step: usize| {
            let part = |part: usize| N::Lanes::<V>::gather(|lane| runs[group][lane][step][part]);
            (part(0), part(1))
        };
        let mut groups = [Group::new(|lane| &lanes[of(0, lane)], point(0, 0)); VECTORS];
        for (index, group) in groups.iter_mut().enumerate().skip(1) {
            *group = Group::new(|lane| &lanes[of(index, lane)], point(index, 0));
        }
        for block in (0..STEPS).step_by(BLOCK as usize) {
            if block > 0 {
                for (index, group) in groups.iter_mut().enumerate() {
                    group.stop_at_spans::<N>(reach(lanes, index, block));
                }
            }
            for step in block..block + BLOCK {
                for (index, group) in groups.iter_mut().enumerate() {
                    group.step::<N>(point(index, step as usize + 1), growth_step, smallest);
                }
            }
        }
        for (index, group) in groups.into_iter().enumerate() {
            group.finish(|lane| of(index, lane), lanes);
        }
    }
}

impl<V: Vector, L> Group<V, L> {
    #[inline(always)]
    fn new<'a, N: Number + 'a>(lane: impl Fn(usize) -> &'a Lane<N>, point: (L, L)) -> Self
    where
        L: Lanes<V, N>,
    {
        let growth = |part: usize| <V as Lanes<V, f64>>::gather(|at| lane(at).growth[part]);
        Group {
            x: L::gather(|at| lane(at).distance[0]),
            y: L::gather(|at| lane(at).distance[1]),
            u: L::gather(|at| lane(at).offset[0]),
            v: L::gather(|at| lane(at).offset[1]),
            growth_x: growth(0),
            growth_y: growth(1),
            steps: V::splat(0.0),
            goes_on: V::splat(0.0).at_most(V::splat(0.0)),
            point,
        }
    }

    /// Stops those that a span of this reach takes on.
    #[inline(always)]
    fn stop_at_spans<N: Number>(&mut self, reach: V)
    where
        L: Lanes<V, N>,
    {
        let is_free = V::select(
            larger(self.x.near(), self.y.near()).at_most(reach),
            V::splat(0.0),
            V::splat(1.0),
        );
        self.goes_on = V::both(self.goes_on, is_free.equals(V::splat(1.0)));
    }

    /// One step of those that go on, in the order of operations of a single pixel's.
    #[inline(always)]
    fn step<N: Number>(&mut self, point: (L, L), growth_step: f64, smallest: f64)
    where
        L: Lanes<V, N>,
    {
        let (x, y, (zx, zy)) = (self.x, self.y, self.point);
        let (tx, ty) = ((zx + zx) + x, (zy + zy) + y);
        let (next_x, next_y) = ((tx * x - ty * y) + self.u, (tx * y + ty * x) + self.v);
        let (ax, ay) = ((tx + x).near(), (ty + y).near());
        let (gx, gy) = (self.growth_x, self.growth_y);
        let next_gx = (ax * gx - ay * gy) + V::splat(growth_step);
        let next_gy = (ax * gy + ay * gx) + V::splat(0.0);
        let (near_x, near_y) = (next_x.near().abs(), next_y.near().abs());
        let is_plain = V::splat(smallest).at_most(larger(near_x, near_y));
        let goes_on = V::both(self.goes_on, is_plain);
        self.x = L::select(goes_on, next_x, x);
        self.y = L::select(goes_on, next_y, y);
        self.growth_x = V::select(goes_on, next_gx, gx);
        self.growth_y = V::select(goes_on, next_gy, gy);
        self.steps = V::select(goes_on, self.steps + V::splat(1.0), self.steps);
        let (full_x, full_y) = ((point.0 + next_x).near(), (point.1 + next_y).near());
        let norm = full_x * full_x + full_y * full_y;
        let is_here = norm.at_most(V::splat(ESCAPE_NORM));
        let is_near = (near_x * near_x + near_y * near_y).at_most(norm);
        self.goes_on = V::both(goes_on, V::both(is_here, is_near));
        self.point = point;
    }

    #[inline(always)]
    fn finish<N: Number>(self, place: impl Fn(usize) -> usize, lanes: &mut [Lane<N>])
    where
        L: Lanes<V, N>,
    {
        self.x.scatter(|lane, x| lanes[place(lane)].distance[0] = x);
        self.y.scatter(|lane, y| lanes[place(lane)].distance[1] = y);
        Lanes::<V, f64>::scatter(self.growth_x, |lane, x| lanes[place(lane)].growth[0] = x);
        Lanes::<V, f64>::scatter(self.growth_y, |lane, y| lanes[place(lane)].growth[1] = y);
        Lanes::<V, f64>::scatter(self.steps, |lane, steps| lanes[place(lane)].steps = steps as u32);
        let goes_on = V::bits(self.goes_on);
        (0..V::WIDTH).for_each(|lane| lanes[place(lane)].goes_on = goes_on >> lane & 1 == 1);
    }
}

/// The larger size in each lane.
#[inline(always)]
fn larger<V: Vector>(x: V, y: V) -> V {
    let (x, y) = (x.abs(), y.abs());
    V::select(x.at_most(y), y, x)
}
