//! `trace`: one seed, one run. A small world with everything that can go wrong in it, as a digest.

use base::Duration;
use overlay::{Config, Reach};

use super::{Experiment, Report, Request, real};
use crate::ring::{Churn, Faults, Sessions, Settings, Shape, Tally, World};

pub(super) const TRACE: Experiment =
    Experiment { name: "trace", about: "digests of small worlds, for --seed a..b", run };

const NODES: u32 = 24;
const APART: Duration = Duration::from_millis(300);
const SPAN: Duration = Duration::from_secs(60);

/// The digest of the small world of `seed`: the same in every build of the same source.
#[must_use]
pub fn trace_of(seed: u64) -> u64 {
    world_of(seed).0
}

fn world_of(seed: u64) -> (u64, Tally) {
    let shapes = [Shape::Plane, Shape::Sphere, Shape::TransitStub, Shape::Measured];
    let reach = if seed.is_multiple_of(2) { Reach::Links } else { Reach::Direct };
    let faults = Faults {
        loss: 0.02,
        duplication: 0.02,
        jitter: Duration::from_millis(50),
        asymmetry: 0.01,
        unlinkable: 0.2,
        ..Faults::default()
    };
    let settings = Settings {
        seed,
        overlay: Config { reach, links_max: 16, ..Config::default() },
        shape: shapes[usize::try_from(seed / 2 % 4).unwrap_or(0)],
        faults,
        ..Settings::default()
    };
    let mut world = World::new(settings);
    world.found();
    for _ in 1..NODES {
        world.run_for(APART);
        world.join(None);
    }
    let sessions = Some(Sessions::Weibull { median: Duration::from_secs(60), shape: 0.5 });
    let churn = Churn { sessions, goodbyes: 0.5, lookups: 1.0 };
    churn.begin(&mut world);
    churn.run(&mut world, SPAN);
    (world.trace_hash(), *world.tally())
}

fn run(request: &Request) -> Report {
    let mut report = Report::default();
    for number in 0..request.seeds {
        (request.progress)("seeds", number, request.seeds);
        let seed = request.seed + number;
        let (trace, tally) = world_of(seed);
        report.note(format!("seed {seed}: {trace:016x}"));
        report.count(&tally);
    }
    report.tell("worlds", real(request.seeds), "");
    report
}
