//! Reports as a table for people, and as one JSON document.

use anyhow::Result;
use serde_json::{Value, json};
use sim::experiment::{Bound, Figure};

use crate::Done;

/// One report as a table: figure, measured, reference, line, verdict.
pub(crate) fn table(done: &Done) {
    println!("\n{}", done.name);
    for figure in &done.report.figures {
        let reference = figure.reference.map_or(String::new(), number);
        let verdict = match (figure.pass, figure.firm) {
            (None, _) => "",
            (Some(true), _) => "pass",
            (Some(false), true) => "FAIL",
            (Some(false), false) => "misses its target",
        };
        println!(
            "  {:<58} {:>12} {:<12} {:>10} {:>16}  {verdict}",
            figure.name,
            number(figure.value),
            figure.unit,
            reference,
            line(figure),
        );
    }
    for note in &done.report.notes {
        println!("  note: {note}");
    }
    println!("  {}", speed(done));
}

fn line(figure: &Figure) -> String {
    match figure.bound {
        None => String::new(),
        Some(Bound::AtMost(most)) => format!("≤ {}", number(most)),
        Some(Bound::AtLeast(least)) => format!("≥ {}", number(least)),
        Some(Bound::Between(least, most)) => format!("{}–{}", number(least), number(most)),
    }
}

fn speed(done: &Done) -> String {
    let report = &done.report;
    let seconds = done.seconds.max(1e-9);
    format!(
        "{seconds:.1} s on a core: {:.0} simulated node-seconds and {:.0} events a second",
        report.node_seconds / seconds,
        report.events as f64 / seconds,
    )
}

fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if !(0.000_1..1_000_000.0).contains(&size) => format!("{value:.2e}"),
        size if size >= 1_000.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size < 0.01 => format!("{value:.6}"),
        _ => format!("{value:.4}"),
    }
}

/// Everything, for a machine.
pub(crate) fn document(head: &str, done: &[Done]) -> Result<String> {
    let runs: Vec<Value> = done
        .iter()
        .map(|one| {
            json!({
                "experiment": one.name,
                "pass": !one.report.fails(),
                "seconds": one.seconds,
                "node_seconds_per_second": one.report.node_seconds / one.seconds.max(1e-9),
                "events_per_second": one.report.events as f64 / one.seconds.max(1e-9),
                "report": one.report,
            })
        })
        .collect();
    Ok(serde_json::to_string_pretty(&json!({ "run": head, "experiments": runs }))?)
}
