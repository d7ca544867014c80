//! `replicas`: which of the k nodes closest to a key a route meets first (the Pastry paper's Fig 8).

use super::build::{Aim, look_up, ring};
use super::{Bound, Experiment, Report, Request, Source, real};

pub(super) const REPLICAS: Experiment =
    Experiment { name: "replicas", about: "how near the first replica met is (Fig 8)", run };

/// Of a run that names none; Fig 8 has 10,000.
const NODES: u32 = 2_000;
const LOOKUPS: u32 = 50_000;
const K: usize = 5;
/// Part that met the closest replica, and one of the closest two, with the second stage and the
/// heuristic (§3.3).
const PUBLISHED: [f64; 2] = [0.76, 0.92];

fn run(request: &Request) -> Report {
    let nodes = request.nodes.unwrap_or(NODES);
    let mut report = Report::default();
    let mut world = ring(request, request.quiet(), nodes, &mut report);
    world.watch_replicas(K);
    let rate = nodes / 5;
    look_up(request, &mut world, LOOKUPS, Aim::Keys, rate);
    let mut ranks = [0u64; K];
    for lookup in world.lookups() {
        if let Some((rank, _)) = lookup.replica {
            ranks[usize::from(rank).min(K - 1)] += 1;
        }
    }
    let all = real(ranks.iter().sum::<u64>().max(1));
    let mut sum = 0.0;
    for (rank, count) in ranks.iter().enumerate() {
        sum += real(*count) / all;
        report.tell(format!("first met is one of the nearest {}", rank + 1), sum, "of lookups");
        if let Some(published) = PUBLISHED.get(rank) {
            report.beside(*published, Source::Published).target(Bound::AtLeast(*published));
        }
    }
    report.note(
        "b = 4, |L| = 16 and no replica heuristic; the published figures are for b = 3, |L| = 8",
    );
    report.count(world.tally());
    report
}
