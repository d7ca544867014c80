//! `distance`: the Pastry paper's Fig 6.

use super::build::{health, pairs, ring};
use super::hops::{LOOKUPS, sizes};
use super::reference;
use super::{Bound, Experiment, Report, Request, Source};
use crate::ring::Shape;

pub(super) const DISTANCE: Experiment =
    Experiment { name: "distance", about: "route distance over direct distance (Fig 6)", run };

fn run(request: &Request) -> Report {
    let mut report = Report::default();
    let mut ours = Vec::new();
    for nodes in sizes(request) {
        let mut world = ring(request, request.quiet(), nodes, &mut report);
        let sum = pairs(request, &mut world, LOOKUPS);
        let name = format!("{nodes} nodes: ");
        report.tell(format!("{name}distance of routes over direct distance"), sum.stretch, "");
        if let Some((_, distance)) = reference::at(nodes).filter(|_| request.shape == Shape::Plane)
        {
            report.beside(distance, Source::Published).firm(Bound::AtMost(distance * 1.03));
        }
        ours.push((f64::from(nodes), sum.stretch));
        health(&mut report, &name, &sum);
        report.count(world.tally());
    }
    let axes = ("distance", "Distance of routes over direct distance, by nodes", "ratio");
    let figure = ("Pastry, Fig 6", (|_, distance| distance) as fn(f64, f64) -> f64);
    report.charts.push(reference::chart_by_nodes(axes, figure, ours));
    report
}
