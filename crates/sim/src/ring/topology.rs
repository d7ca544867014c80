//! How far apart two hosts are: one-way delays, the same for a pair at all times and both ways.
//!
//! - [`Shape::Plane`]: uniform on a square of 1000 × 1000, delay = distance × 100 µs (the Pastry
//!   paper's network, `pastry.md` §2.1).
//! - [`Shape::Sphere`]: uniform on a sphere, up to 100 ms to the antipode.
//! - [`Shape::TransitStub`]: hosts in stub domains, stubs at the routers of transit domains, as
//!   GT-ITM draws the Internet.
//! - [`Shape::Measured`]: what measured delays look like and the others do not: heavy-tailed access
//!   lines, and pairs for which a detour is faster (triangle violations), drawn by hash.

use base::{Duration, Rng, unit};

use super::chance::mix;

/// One-way delay of one unit of distance on the plane, in microseconds.
pub const PLANE_MICROS: f64 = 100.0;
/// One-way delay to the antipode of the sphere, in microseconds (chosen: half the world in fibre).
const SPHERE_MICROS: f64 = 100_000.0;
/// Transit routers, and stub domains at each (GT-ITM's order of magnitude).
const ROUTERS: usize = 40;
const STUBS: u64 = 12;

/// A family of networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A uniform square.
    Plane,
    /// A uniform sphere.
    Sphere,
    /// A hierarchy of routers.
    TransitStub,
    /// Not a metric.
    Measured,
}

/// Where a host is. What the numbers mean depends on the shape.
type Spot = [f32; 3];

/// A network with its hosts.
#[derive(Debug)]
pub struct Topology {
    shape: Shape,
    salt: u64,
    spots: Vec<Spot>,
    /// Delay between transit routers, row by row, in microseconds.
    backbone: Vec<f64>,
}

impl Topology {
    /// A network without hosts.
    #[must_use]
    pub fn new(shape: Shape, seed: u64) -> Self {
        let mut rng = Rng::new(mix(seed, 0x7090));
        let backbone = if shape == Shape::TransitStub { backbone(&mut rng) } else { Vec::new() };
        Topology { shape, salt: rng.next_u64(), spots: Vec::new(), backbone }
    }

    /// Puts one more host somewhere.
    pub fn place(&mut self, rng: &mut Rng) {
        #[expect(clippy::cast_possible_truncation, reason = "a place needs no more bits")]
        let spot = match self.shape {
            Shape::Plane => [rng.unit() * 1000.0, rng.unit() * 1000.0, 0.0],
            Shape::Sphere => on_sphere(rng),
            Shape::TransitStub => {
                let router = rng.below(ROUTERS as u64);
                #[expect(clippy::cast_precision_loss, reason = "a small number")]
                let (router, stub) = (router as f64, rng.below(STUBS) as f64);
                [router, stub, 500.0 + rng.unit() * 2_000.0]
            }
            // A plane of 60 ms, and an access line: log-normal, median 6 ms.
            Shape::Measured => {
                [rng.unit() * 60_000.0, rng.unit() * 60_000.0, log_normal(rng.next_u64(), 6e3, 0.9)]
            }
        }
        .map(|part| part as f32);
        self.spots.push(spot);
    }

    /// Whether this host has its place.
    pub(crate) fn has(&self, host: u32) -> bool {
        (host as usize) < self.spots.len()
    }

    /// The one-way delay between two hosts, in microseconds.
    #[must_use]
    pub fn micros(&self, a: u32, b: u32) -> f64 {
        let (p, q) = (self.spots[a as usize], self.spots[b as usize]);
        let [p, q] = [p, q].map(|spot| spot.map(f64::from));
        match self.shape {
            Shape::Plane => flat(p, q) * PLANE_MICROS,
            Shape::Sphere => {
                let dot = (p[0] * q[0] + p[1] * q[1] + p[2] * q[2]).clamp(-1.0, 1.0);
                libm::acos(dot) / core::f64::consts::PI * SPHERE_MICROS
            }
            Shape::TransitStub => self.through_routers(p, q),
            Shape::Measured => {
                let pair = mix(self.salt, (u64::from(a.min(b)) << 32) | u64::from(a.max(b)));
                let detour = if unit(mix(pair, 1)) < 0.05 { 2.5 } else { 1.0 };
                flat(p, q) * log_normal(pair, 1.0, 0.25) * detour + p[2] + q[2]
            }
        }
    }

    /// The one-way delay between two hosts.
    #[must_use]
    pub fn delay(&self, a: u32, b: u32) -> Duration {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive")]
        Duration::from_micros(self.micros(a, b) as u64 + 1)
    }

    fn through_routers(&self, p: [f64; 3], q: [f64; 3]) -> f64 {
        if p[0] == q[0] && p[1] == q[1] {
            return p[2] + q[2];
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let (from, to) = (p[0] as usize, q[0] as usize);
        // From a stub domain to its transit router and back: 3 ms and a bit for each domain.
        let uplinks = 6_000.0 + 300.0 * (p[1] + q[1]);
        p[2] + q[2] + uplinks + self.backbone[from * ROUTERS + to]
    }
}

/// Shortest ways over a random graph of routers on a plane, in microseconds.
fn backbone(rng: &mut Rng) -> Vec<f64> {
    let spots: Vec<[f64; 3]> =
        (0..ROUTERS).map(|_| [rng.unit() * 50_000.0, rng.unit() * 50_000.0, 0.0]).collect();
    let mut ways = vec![f64::INFINITY; ROUTERS * ROUTERS];
    for a in 0..ROUTERS {
        ways[a * ROUTERS + a] = 0.0;
        // A ring keeps it in one piece; two chords each make it a graph.
        let others =
            [(a + 1) % ROUTERS, rng.index(ROUTERS).unwrap_or(0), rng.index(ROUTERS).unwrap_or(0)];
        for b in others.into_iter().filter(|b| *b != a) {
            let span = flat(spots[a], spots[b]) + 500.0;
            ways[a * ROUTERS + b] = span;
            ways[b * ROUTERS + a] = span;
        }
    }
    for middle in 0..ROUTERS {
        for a in 0..ROUTERS {
            for b in 0..ROUTERS {
                let detour = ways[a * ROUTERS + middle] + ways[middle * ROUTERS + b];
                let way = &mut ways[a * ROUTERS + b];
                *way = way.min(detour);
            }
        }
    }
    ways
}

fn flat(p: [f64; 3], q: [f64; 3]) -> f64 {
    let (x, y) = (p[0] - q[0], p[1] - q[1]);
    (x * x + y * y).sqrt()
}

fn on_sphere(rng: &mut Rng) -> [f64; 3] {
    loop {
        let point = [0; 3].map(|_| rng.unit() * 2.0 - 1.0);
        let square: f64 = point.iter().map(|part| part * part).sum();
        if square > 0.01 && square <= 1.0 {
            return point.map(|part| part / square.sqrt());
        }
    }
}

/// `median × e^(sigma × normal)`, the normal as a sum of twelve uniform numbers.
fn log_normal(hash: u64, median: f64, sigma: f64) -> f64 {
    let normal: f64 = (0..12).map(|part| unit(mix(hash, 100 + part))).sum::<f64>() - 6.0;
    median * libm::exp(sigma * normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_symmetric_positive_and_spread() {
        for shape in [Shape::Plane, Shape::Sphere, Shape::TransitStub, Shape::Measured] {
            let mut rng = Rng::new(3);
            let mut topology = Topology::new(shape, 3);
            (0..100).for_each(|_| topology.place(&mut rng));
            let pairs = (0..100).flat_map(|a| (0..a).map(move |b| (a, b)));
            let delays: Vec<f64> = pairs.map(|(a, b)| topology.micros(a, b)).collect();
            assert_eq!(topology.micros(3, 9), topology.micros(9, 3));
            let mean = delays.iter().sum::<f64>() / 4_950.0;
            assert!((20_000.0..120_000.0).contains(&mean), "{shape:?}: mean {mean}");
            let least = delays.iter().copied().fold(f64::INFINITY, f64::min);
            assert!(least < mean / 3.0, "{shape:?}: least {least}, mean {mean}");
        }
    }

    #[test]
    fn only_the_measured_one_breaks_the_triangle_much() {
        let violations = |shape| {
            let mut rng = Rng::new(5);
            let mut topology = Topology::new(shape, 5);
            (0..40).for_each(|_| topology.place(&mut rng));
            let mut count = 0;
            for a in 0..40 {
                for b in 0..a {
                    let straight = topology.micros(a, b);
                    let shortest = (0..40)
                        .filter(|c| *c != a && *c != b)
                        .map(|c| topology.micros(a, c) + topology.micros(c, b))
                        .fold(f64::INFINITY, f64::min);
                    count += u32::from(shortest < straight * 0.99);
                }
            }
            count
        };
        assert_eq!((violations(Shape::Plane), violations(Shape::Sphere)), (0, 0));
        assert!(violations(Shape::Measured) > 20);
    }
}
