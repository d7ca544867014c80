//! Several independent orbits in flight, so that the processor always has work while one waits for
//! its own last step.
//!
//! Plain arrays of fixed length: the compiler makes vectors of them, two f64 wide or more, and the
//! results are the same for every width, because lanes never mix. A lane takes the canonical step of
//! `escape.rs`, unconditionally, [`CHUNK`] times between two looks at it. That is exact all the same:
//! an orbit that has left stays outside (beyond R = 256 and beyond |c| the square outgrows c, up to
//! infinity and NaN), and the state before the chunk is kept, from which the count is recovered.

use crate::escape::{ESCAPE_NORM, Orbit};

/// Orbits in flight. Chosen by measurement: six SSE2 or wasm vectors.
pub(crate) const LANES: usize = 12;
/// Steps between two looks. Chosen by measurement: longer chunks cost more recovery per pixel.
pub(crate) const CHUNK: u32 = 16;

type Lane = [f64; LANES];

/// What idles in a lane without a pixel: bounded (x² − 2 maps [−2, 2] into itself), and chaotic, so
/// that it does not keep reporting that it repeats itself.
const IDLE: Orbit = Orbit { x: 0.3, y: 0.0, c_re: -2.0, c_im: 0.0 };

/// The state of all lanes.
pub(crate) struct Lanes {
    x: Lane,
    y: Lane,
    c_re: Lane,
    c_im: Lane,
    before_x: Lane,
    before_y: Lane,
    seen_x: Lane,
    seen_y: Lane,
    norm: Lane,
}

/// What a look at the lanes after a chunk shows.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    /// Some orbit is outside.
    pub(crate) escaped: bool,
    /// Some orbit is where it was when it was last remembered.
    pub(crate) repeated: bool,
}

impl Lanes {
    pub(crate) fn new() -> Lanes {
        let zero = [0.0; LANES];
        let mut lanes = Lanes {
            x: zero,
            y: zero,
            c_re: zero,
            c_im: zero,
            before_x: zero,
            before_y: zero,
            seen_x: zero,
            seen_y: zero,
            norm: zero,
        };
        (0..LANES).for_each(|lane| lanes.idle(lane));
        lanes
    }

    /// Puts an orbit into a lane.
    pub(crate) fn set(&mut self, lane: usize, orbit: Orbit) {
        (self.x[lane], self.y[lane]) = (orbit.x, orbit.y);
        (self.c_re[lane], self.c_im[lane]) = (orbit.c_re, orbit.c_im);
        // Equal to nothing: what was remembered belongs to another orbit.
        (self.seen_x[lane], self.seen_y[lane]) = (f64::NAN, f64::NAN);
        self.norm[lane] = 0.0;
    }

    /// Leaves a lane without a pixel.
    pub(crate) fn idle(&mut self, lane: usize) {
        self.set(lane, IDLE);
    }

    /// Takes [`CHUNK`] steps in every lane.
    pub(crate) fn advance(&mut self) -> Look {
        let (c_re, c_im) = (self.c_re, self.c_im);
        let (mut x, mut y) = (self.x, self.y);
        (self.before_x, self.before_y) = (x, y);
        for _ in 0..CHUNK {
            for lane in 0..LANES {
                // `Orbit::step`, operation by operation.
                let (a, b) = (x[lane], y[lane]);
                x[lane] = (a * a - b * b) + c_re[lane];
                y[lane] = (a + a) * b + c_im[lane];
            }
        }
        (self.x, self.y) = (x, y);
        self.look()
    }

    #[inline(always)]
    fn look(&mut self) -> Look {
        let (mut within, mut repeated) = (true, false);
        for lane in 0..LANES {
            let (x, y) = (self.x[lane], self.y[lane]);
            let norm = x * x + y * y;
            self.norm[lane] = norm;
            within &= norm <= ESCAPE_NORM;
            repeated |= (x == self.seen_x[lane]) & (y == self.seen_y[lane]);
        }
        Look { escaped: !within, repeated }
    }

    /// Whether a lane's orbit was still inside the radius at the last look. One that left early in
    /// the chunk is NaN by then and so not within either.
    pub(crate) fn is_within(&self, lane: usize) -> bool {
        self.norm[lane] <= ESCAPE_NORM
    }

    /// Whether a lane's orbit is where it was when it was last remembered. Then it will be there
    /// again and again, for a step depends on nothing else, and will never leave.
    pub(crate) fn has_repeated(&self, lane: usize) -> bool {
        self.x[lane] == self.seen_x[lane] && self.y[lane] == self.seen_y[lane]
    }

    /// Where a lane's orbit was before the last chunk.
    pub(crate) fn before(&self, lane: usize) -> Orbit {
        Orbit {
            x: self.before_x[lane],
            y: self.before_y[lane],
            c_re: self.c_re[lane],
            c_im: self.c_im[lane],
        }
    }

    /// Remembers where every orbit is, to notice when it comes back.
    pub(crate) fn remember(&mut self) {
        (self.seen_x, self.seen_y) = (self.x, self.y);
    }
}
