//! `links`: routes over few links (`pastry.md` §4).

use base::Duration;

use super::build::{health, pairs, ring};
use super::{Bound, Chart, Experiment, Report, Request, Series, Source, real};
use crate::ring::{Faults, Settings, World};

pub(super) const LINKS: Experiment =
    Experiment { name: "links", about: "route length under link caps", run };

/// Of a run that names none.
const NODES: u32 = 200;
const CAPS: [u16; 3] = [64, 48, 32];
const LOOKUPS: u32 = 20_000;
/// For the links to settle, and again to count how many are built.
const SETTLE: Duration = Duration::from_secs(600);
/// Hops with row-balanced links, by nodes and cap.
const ORACLE: [(u32, [f64; 3]); 3] =
    [(200, [1.82, 1.83, 1.98]), (1_000, [2.39, 2.50, 3.10]), (10_000, [3.28, 3.88, 5.60])];
/// Pairs that cannot be linked (DCUtR'26: 70 % can).
const UNLINKABLE: f64 = 0.3;

fn run(request: &Request) -> Report {
    let nodes = request.nodes.unwrap_or(NODES);
    let caps = request.cap.map_or(CAPS.to_vec(), |cap| vec![cap]);
    let mut report = Report::default();
    let mut ours = Vec::new();
    for cap in caps {
        for (name, unlinkable) in [("", 0.0), (" 30 % unlinkable", UNLINKABLE)] {
            let name = format!("cap {cap}{name}");
            if request.wants(&name) {
                let faults = Faults { unlinkable, ..Faults::default() };
                let settings = Settings { faults, ..request.linked(cap) };
                let hops = one(request, settings, nodes, &name, &mut report);
                if unlinkable == 0.0 {
                    ours.push((f64::from(cap), hops));
                }
            }
        }
    }
    let mut series = vec![Series { name: "measured".into(), points: ours, published: false }];
    if let Some((_, hops)) = ORACLE.iter().find(|(size, _)| *size == nodes) {
        let points = CAPS.map(f64::from).into_iter().zip(*hops).collect();
        series.push(Series { name: "row-balanced oracle".into(), points, published: true });
    }
    let title = format!("Mean hops by link cap, {nodes} nodes");
    let (x, y, file) = ("links at most", "hops", "links");
    report.charts.push(Chart { file, title, x, y, log_x: false, series });
    report
}

fn one(request: &Request, settings: Settings, nodes: u32, name: &str, report: &mut Report) -> f64 {
    let mut world = ring(request, settings, nodes, report);
    world.run_for(SETTLE);
    let building = world.tally().links_built;
    let before = *world.tally();
    world.run_for(SETTLE);
    let settled = world.tally().since(&before);
    let sum = pairs(request, &mut world, LOOKUPS);
    report.tell(format!("{name}: mean hops"), sum.hops, "");
    let cap = settings.overlay.links_max;
    let reference = ORACLE
        .iter()
        .find(|(size, _)| *size == nodes)
        .and_then(|(_, hops)| Some(hops[CAPS.iter().position(|known| *known == cap)?]));
    if let Some(hops) = reference {
        report.beside(hops, Source::Oracle);
        if settings.faults.unlinkable == 0.0 {
            report.firm(Bound::AtMost(hops * 1.05));
        }
    }
    let (mean, most) = degrees(&world);
    report.tell(format!("{name}: links of a node"), mean, "");
    report.tell(format!("{name}: most links of a node"), real(most), "");
    report.tell(format!("{name}: most slots ever used"), real(world.tally().slots_peak), "");
    report.firm(Bound::AtMost(f64::from(cap)));
    report.tell(format!("{name}: times over the cap"), real(world.tally().over_cap), "");
    report.firm(Bound::AtMost(0.0));
    let joins = real(building) / f64::from(nodes);
    report.tell(format!("{name}: links built for each join"), joins, "");
    let hours = (settled.node_seconds / 3_600.0).max(1e-9);
    report.tell(
        format!("{name}: links built once settled"),
        real(settled.links_built) / hours,
        "/h/node",
    );
    health(report, &format!("{name}: "), &sum);
    report.count(world.tally());
    sum.hops
}

fn degrees(world: &World) -> (f64, u64) {
    let counts: Vec<u64> = world
        .live_hosts()
        .filter_map(|host| world.overlay(host).map(|overlay| overlay.links().count() as u64))
        .collect();
    let mean = real(counts.iter().sum()) / real(counts.len().max(1) as u64);
    (mean, counts.iter().copied().max().unwrap_or(0))
}
