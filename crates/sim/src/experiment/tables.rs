//! `tables`: the Pastry paper's Fig 7.

use super::build::ring;
use super::reference::ROWS;
use super::{Bound, Chart, Experiment, Report, Request, Series, Source, real};
use crate::ring::{RowQuality, table_quality, wrong_leaf_sets};

pub(super) const TABLES: Experiment =
    Experiment { name: "tables", about: "quality of routing-table entries (Fig 7)", run };

/// Nodes of Fig 7.
const NODES: u32 = 5_000;
/// Nodes whose tables are looked at; all, up to here.
const SAMPLE: usize = 2_000;

fn run(request: &Request) -> Report {
    let nodes = request.nodes.unwrap_or(NODES);
    let mut report = Report::default();
    let world = ring(request, request.quiet(), nodes, &mut report);
    let rows = table_quality(&world, SAMPLE, request.seed);
    for (row, quality) in rows.iter().enumerate() {
        tell(&mut report, row, quality, nodes == NODES);
    }
    report.tell("leaf sets that are not exact", real(wrong_leaf_sets(&world) as u64), "");
    report.firm(Bound::AtMost(0.0));
    let sent = real(world.tally().sent) / f64::from(nodes.max(1));
    report.tell("messages of all kinds, a join", sent, "");
    report.count(world.tally());
    let points = |of: fn(&RowQuality) -> f64| {
        (0..).map(f64::from).zip(rows.iter().map(of)).take(ROWS.len()).collect::<Vec<_>>()
    };
    let published = |column: usize| {
        (0..).map(f64::from).zip(ROWS.iter().map(|row| row[column])).collect::<Vec<_>>()
    };
    let series = |name: &str, points, published| Series { name: name.into(), points, published };
    report.charts.push(Chart {
        file: "tables",
        title: format!("Routing-table entries by row, {nodes} nodes"),
        x: "row",
        y: "entries of 15",
        log_x: false,
        series: vec![
            series("optimal, Pastry Fig 7", published(0), true),
            series("sub-optimal, Pastry Fig 7", published(1), true),
            series("optimal", points(|row| row.optimal), false),
            series("sub-optimal", points(|row| row.suboptimal), false),
        ],
    });
    report
}

fn tell(report: &mut Report, row: usize, quality: &RowQuality, compare: bool) {
    let published = ROWS.get(row).filter(|_| compare);
    report.tell(format!("row {row}: optimal"), quality.optimal, "entries");
    if let Some([optimal, ..]) = published {
        report.beside(*optimal, Source::Published);
        // Row 3 has one entry on average: the paper's own error is larger than what could be missed.
        if row < 3 {
            report.firm(Bound::AtLeast(*optimal));
        }
    }
    report.tell(format!("row {row}: sub-optimal"), quality.suboptimal, "entries");
    if let Some([_, suboptimal, _]) = published {
        report.beside(*suboptimal, Source::Published);
    }
    report.tell(format!("row {row}: missing though a node fits"), quality.missing, "entries");
    report.tell(format!("row {row}: empty"), quality.empty(), "entries");
    if let Some([.., empty]) = published {
        report.beside(*empty, Source::Published);
    }
    report.tell(format!("row {row}: entries' delay over the nearest's"), quality.excess, "");
}
