//! `distance`: the Pastry paper's Fig 6.

use super::build::{health, pairs, ring};
use super::hops::{LOOKUPS, sizes};
use super::reference;
use super::{Bound, Chart, Experiment, Report, Request, Series, Source};
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
    let published = reference::BY_NODES.map(|(nodes, _, distance)| (f64::from(nodes), distance));
    report.charts.push(Chart {
        file: "distance",
        title: "Distance of routes over direct distance, by nodes".into(),
        x: "nodes",
        y: "ratio",
        log_x: true,
        series: vec![
            Series { name: "Pastry, Fig 6".into(), points: published.to_vec(), published: true },
            Series { name: "measured".into(), points: ours, published: false },
        ],
    });
    report
}
