//! `replicas`: which of the k nodes closest to a key a route meets first (the Pastry paper's Fig 8).

use base::Digits;
use overlay::Config;

use super::build::{Aim, look_up, ring};
use super::{Bound, Experiment, Report, Request, Source, real};
use crate::ring::{Lookup, Settings};

pub(super) const REPLICAS: Experiment =
    Experiment { name: "replicas", about: "how near the first replica met is (Fig 8)", run };

/// Of a run that names none; Fig 8 has 10,000.
const NODES: u32 = 2_000;
/// As many as Fig 8.
const LOOKUPS: u32 = 100_000;
const K: usize = 5;
/// Routes to the root: Fig 8's bars, as the paper's text contradicts them.
const STANDARD: [f64; K] = [0.593, 0.785, 0.893, 0.959, 1.0];
/// With the heuristic: §3.3's text.
const HEURISTIC: [f64; 2] = [0.76, 0.92];

fn run(request: &Request) -> Report {
    let mut report = Report::default();
    let quiet = request.quiet();
    // Fig 8's parameters, but for |M|, which is 16 there and 32 here.
    let published = Config { digits: Digits::Octal, leaf_half: 4, ..quiet.overlay };
    let published = Settings { overlay: published, ..quiet };
    for (name, settings) in [("b = 3, |L| = 8", published), ("b = 4, |L| = 16", quiet)] {
        if request.wants(name) {
            one(request, settings, name, &mut report);
        }
    }
    report
}

fn one(request: &Request, settings: Settings, name: &str, report: &mut Report) {
    let is_published = settings.overlay.digits == Digits::Octal;
    let nodes = request.nodes.unwrap_or(NODES);
    let mut world = ring(request, settings, nodes, report);
    world.watch_replicas(K);
    for (aim, how, published) in
        [(Aim::Keys, "to the root", &STANDARD[..]), (Aim::Replicas, "to a near one", &HEURISTIC)]
    {
        let (first, sum) = look_up(request, &mut world, LOOKUPS, aim, nodes / 5);
        let parts = parts(&world.lookups()[first..]);
        for (rank, part) in parts.iter().enumerate() {
            let figure = format!("{name}, {how}: first met is one of the nearest {}", rank + 1);
            report.tell(figure, *part, "of lookups");
            if let Some(published) = published.get(rank) {
                report.beside(*published, Source::Published);
            }
            if let Some(line) = HEURISTIC.get(rank).filter(|_| aim == Aim::Replicas) {
                let line = Bound::AtLeast(*line);
                if is_published {
                    report.firm(line)
                } else {
                    report.target(line)
                };
            }
        }
        report.tell(format!("{name}, {how}: mean hops"), sum.hops, "");
        report.tell(format!("{name}, {how}: delay over direct delay"), sum.stretch, "");
        let lost = sum.asked - sum.arrived;
        report.tell(format!("{name}, {how}: lookups not delivered"), real(lost), "");
        report.firm(Bound::AtMost(0.0));
        report.tell(format!("{name}, {how}: deliveries elsewhere"), real(sum.wrong), "");
        report.firm(Bound::AtMost(0.0));
    }
    report.count(world.tally());
}

/// The part of `lookups` that met the nearest of the k first, one of the nearest two, and so on.
fn parts(lookups: &[Lookup]) -> [f64; K] {
    let mut ranks = [0u64; K];
    for (rank, _) in lookups.iter().filter_map(|lookup| lookup.replica) {
        ranks[usize::from(rank).min(K - 1)] += 1;
    }
    let all = real(ranks.iter().sum::<u64>().max(1));
    let mut sum = 0;
    ranks.map(|count| {
        sum += count;
        real(sum) / all
    })
}
