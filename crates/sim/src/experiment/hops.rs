//! `hops`: the Pastry paper's Figs 4 and 5.

use super::build::{health, pairs, ring};
use super::reference::{self, HISTOGRAM};
use super::{Bound, Chart, Experiment, Report, Request, Series, Source, real};

pub(super) const HOPS: Experiment =
    Experiment { name: "hops", about: "route length (Pastry Figs 4 and 5)", run };

/// Sizes of a run that names none.
pub(super) const SIZES: [u32; 3] = [1_000, 2_000, 5_000];
/// Lookups (`pastry.md` §2.1).
pub(super) const LOOKUPS: u32 = 200_000;

pub(super) fn sizes(request: &Request) -> Vec<u32> {
    request.nodes.map_or(SIZES.to_vec(), |nodes| vec![nodes])
}

fn run(request: &Request) -> Report {
    let mut report = Report::default();
    let mut ours = Vec::new();
    for nodes in sizes(request) {
        let mut world = ring(request, request.quiet(), nodes, &mut report);
        let joining = *world.tally();
        report.tell(format!("{nodes} nodes: messages a join"), per(joining.sent, nodes), "");
        let sum = pairs(request, &mut world, LOOKUPS);
        let name = format!("{nodes} nodes: ");
        report.tell(format!("{name}mean hops"), sum.hops, "");
        if let Some((hops, _)) = reference::at(nodes) {
            report.beside(hops, Source::Published).firm(Bound::AtMost(hops * 1.01));
        }
        ours.push((f64::from(nodes), sum.hops));
        histogram(&mut report, nodes, &sum);
        health(&mut report, &name, &sum);
        report.count(world.tally());
    }
    let figure = ("Pastry, Fig 4", (|hops, _| hops) as fn(f64, f64) -> f64);
    let chart = reference::chart_by_nodes(("hops", "Mean hops by nodes", "hops"), figure, ours);
    report.charts.push(chart);
    report
}

fn histogram(report: &mut Report, nodes: u32, sum: &crate::ring::Summary) {
    let parts: Vec<f64> =
        sum.by_hops.iter().map(|count| real(*count) / real(sum.arrived.max(1))).collect();
    let longest = sum.by_hops.iter().rposition(|count| *count > 0).unwrap_or(0);
    report.tell(format!("{nodes} nodes: longest route"), real(longest as u64), "hops");
    if nodes == 100_000 {
        report.beside(5.0, Source::Published).firm(Bound::AtMost(5.0));
    }
    let points =
        |parts: &[f64]| (0..).map(f64::from).zip(parts.iter().copied()).collect::<Vec<_>>();
    let mut series = vec![Series {
        name: format!("{nodes} nodes"),
        points: points(&parts[..8]),
        published: false,
    }];
    if nodes == 100_000 {
        for (hops, (part, published)) in parts.iter().zip(HISTOGRAM).enumerate() {
            report.tell(format!("{nodes} nodes: part of routes with {hops} hops"), *part, "");
            report
                .beside(published, Source::Published)
                .firm(Bound::Between(published - 0.005, published + 0.005));
        }
        let name = "Pastry, Fig 5".into();
        series.push(Series { name, points: points(&HISTOGRAM), published: true });
    } else {
        for (hops, part) in parts.iter().enumerate().take(longest + 1) {
            report.tell(format!("{nodes} nodes: part of routes with {hops} hops"), *part, "");
        }
    }
    let title = format!("Routes by hops, {nodes} nodes");
    let file = "histogram";
    report.charts.retain(|chart| chart.file != file);
    report.charts.push(Chart {
        file,
        title,
        x: "hops",
        y: "part of the routes",
        log_x: false,
        series,
    });
}

fn per(count: u64, nodes: u32) -> f64 {
    real(count) / f64::from(nodes.max(1))
}
