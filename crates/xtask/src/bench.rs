//! Benches: programs that print ratios as lines of JSON, run one after another on a quiet machine.
//!
//! A ratio compares two measurements of the same run, so it survives a change of machine where a
//! duration would not. A row:
//! `{"section":"kernel","name":"wasm / native","ratio":0.71,"detail":"…","pass":true|false|null}`

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::run::{Repo, follow, run as run_command, say};
use crate::setup::{self, WASM_TARGET};
use crate::stages::{Counts, StageFailed, Stages};
use crate::web::{self, Mode};

const LIMIT: Duration = Duration::from_secs(20 * 60);

/// A bench program and what has to be built before it.
struct Section {
    name: &'static str,
    /// Cargo commands.
    builds: &'static [&'static [&'static str]],
    /// Run by node, below the root.
    program: &'static str,
}

const PRODUCTS: &[&str] = &["build", "--release", "-p", "headless", "-p", "millefeuille-server"];

/// The simulator in wasm, built for speed.
const SIM_MODULE: &[&str] = &[
    "build",
    "-p",
    "sim",
    "--no-default-features",
    "--example",
    "wasm",
    "--target",
    WASM_TARGET,
    "--release",
];

const SECTIONS: [Section; 7] = [
    Section {
        name: "kernel",
        builds: &[
            &["build", "--release", "-p", "tests", "--bin", "tiles"],
            &["build", "--release", "-p", "simd", "--example", "kernels"],
        ],
        program: "tests/bench/kernel.mjs",
    },
    Section {
        name: "deep",
        builds: &[&["build", "--release", "-p", "simd", "--example", "deep"]],
        program: "tests/bench/deep.mjs",
    },
    Section {
        name: "codec",
        builds: &[&["build", "--release", "-p", "simd", "--example", "codec"]],
        program: "tests/bench/codec.mjs",
    },
    Section {
        name: "link",
        builds: &[&["build", "--release", "-p", "headless", "--example", "links"]],
        program: "tests/bench/link.mjs",
    },
    Section {
        name: "route",
        builds: &[
            &["build", "--release", "-p", "sim", "--no-default-features", "--example", "route"],
            SIM_MODULE,
        ],
        program: "tests/bench/route.mjs",
    },
    Section {
        name: "trace",
        builds: &[&["build", "--release", "-p", "sim"], SIM_MODULE],
        program: "tests/bench/trace.mjs",
    },
    Section { name: "grid", builds: &[PRODUCTS], program: "tests/bench/grid.mjs" },
];

/// One line of the table.
#[derive(Debug, PartialEq)]
struct Row {
    section: String,
    name: String,
    ratio: Option<f64>,
    detail: String,
    pass: Option<bool>,
}

impl Row {
    /// The row in a line of output; `None` where the line is talk.
    fn read(line: &str) -> Option<Row> {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        Some(Row {
            section: text("section")?,
            name: text("name")?,
            ratio: value["ratio"].as_f64(),
            detail: text("detail").unwrap_or_default(),
            pass: value["pass"].as_bool(),
        })
    }
}

pub(crate) fn run(repo: &Repo, stages: &mut Stages, names: &[&str]) -> Result<()> {
    let known = SECTIONS.map(|section| section.name);
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        bail!("no section {unknown}; there are {}", known.join(", "));
    }
    setup::install(repo, stages)?;
    web::build(repo, stages, Mode::Release)?;
    let mut rows = Vec::new();
    let mut complete = true;
    for section in SECTIONS.iter().filter(|one| names.is_empty() || names.contains(&one.name)) {
        complete &= stages.check(&format!("bench {}", section.name), || {
            let found = measure(repo, section)?;
            ensure!(!found.is_empty(), "{} printed no row", section.program);
            let count = |pass| found.iter().filter(|row| row.pass == Some(pass)).count() as u64;
            let counts = Counts { passed: count(true), failed: count(false) };
            rows.extend(found);
            Ok(counts)
        });
    }
    say(&format!("\n{}", table(&rows)));
    if complete { Ok(()) } else { Err(StageFailed.into()) }
}

fn measure(repo: &Repo, section: &Section) -> Result<Vec<Row>> {
    let program = repo.root.join(section.program);
    ensure!(program.is_file(), "{} is not there", section.program);
    for build in section.builds {
        run_command(&mut repo.cargo(build)).context("building what is measured")?;
    }
    let mut node = repo.program("node");
    node.arg(program);
    let mut node = repo.with_products("release", node);
    let mut rows = Vec::new();
    let status = follow(&mut node, LIMIT, |line| rows.extend(Row::read(line)))?;
    ensure!(status.success(), "{}: {status}", section.program);
    Ok(rows)
}

fn table(rows: &[Row]) -> String {
    let width = |text: fn(&Row) -> &str| {
        rows.iter().map(|row| text(row).chars().count()).max().unwrap_or(0).max(7)
    };
    let (section, name) = (width(|row| &row.section), width(|row| &row.name));
    let mut lines =
        vec![format!("{:section$}  {:name$}  {:>8}        detail", "section", "name", "ratio")];
    for row in rows {
        let ratio = row.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}"));
        let pass = match row.pass {
            Some(true) => "ok",
            Some(false) => "FAIL",
            None => "",
        };
        let Row { section: of, name: what, detail, .. } = row;
        let line = format!("{of:section$}  {what:name$}  {ratio:>8}  {pass:4}  {detail}");
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_from_talk() {
        let line = r#"{"section":"kernel","name":"wasm / native","ratio":0.71,"pass":true}"#;
        let row = Row::read(line).unwrap();
        assert_eq!((row.ratio, row.pass, row.detail.as_str()), (Some(0.71), Some(true), ""));
        assert_eq!(Row::read(r#"{"section":"grid","name":"x","pass":null}"#).unwrap().pass, None);
        assert_eq!(Row::read("warming up"), None);
        assert_eq!(Row::read(r#"{"event":"ready"}"#), None);
    }

    #[test]
    fn the_table_shows_what_failed() {
        let row = |name: &str, ratio, pass| Row {
            section: "link".into(),
            name: name.into(),
            ratio,
            detail: "three runs".into(),
            pass,
        };
        let text = table(&[row("a", Some(1.5), Some(false)), row("b", None, None)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1].contains("1.500  FAIL  three runs"), "{text}");
        assert!(lines[2].contains("-        three runs"), "{text}");
    }
}
