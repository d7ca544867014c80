//! The simulator's command line: `sim EXPERIMENT [--nodes N] [--seed S] [--cap LINKS] [--json]
//! [--out DIR]`. Experiments are the library's; here is what reads a clock, prints and draws.
//!
//! Exit code: 0, or 1 when a firm line does not hold.

mod plot;
mod print;
mod progress;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use base::Duration;
use clap::{Parser, ValueEnum};
use sim::experiment::{EXPERIMENTS, Experiment, Report, Request};
use sim::ring::Shape;

use progress::{Clock, Progress};

/// Measures overlay and jobs in virtual time, against the published figures.
#[derive(Debug, Parser)]
#[command(name = "sim", after_help = experiments())]
struct Arguments {
    /// Which experiment; `all` for every one.
    experiment: String,
    /// Nodes; each experiment has its own default.
    #[arg(long)]
    nodes: Option<u32>,
    /// Tasks of the job (scale).
    #[arg(long)]
    tasks: Option<u32>,
    /// Of everything random. `trace` and `owner` take a range `a..b`.
    #[arg(long, default_value = "1")]
    seed: String,
    /// Links of a node at most, where links have a cost.
    #[arg(long)]
    cap: Option<u16>,
    /// Distances between nodes.
    #[arg(long, value_enum, default_value_t = Topology::Plane)]
    topology: Topology,
    /// Virtual minutes to measure, where an experiment has a length.
    #[arg(long)]
    minutes: Option<u64>,
    /// Virtual minutes of a session in the median (scale); otherwise everybody stays.
    #[arg(long)]
    sessions: Option<u64>,
    /// Only the cases whose name contains this (churn, loss, links, adversary, groups, anycast).
    #[arg(long, default_value = "")]
    only: String,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
    /// Draw the charts into this folder (SVG).
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Topology {
    Plane,
    Sphere,
    TransitStub,
    Measured,
}

/// One experiment, done.
struct Done {
    name: &'static str,
    report: Report,
    seconds: f64,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let head = head(&arguments);
    if !arguments.json {
        println!("{head}");
    }
    let chosen: Vec<&Experiment> = EXPERIMENTS
        .iter()
        .filter(|experiment| match arguments.experiment.as_str() {
            "all" => experiment.name != "trace",
            name => experiment.name == name,
        })
        .collect();
    if chosen.is_empty() {
        bail!("there is no experiment `{}`\n\n{}", arguments.experiment, experiments());
    }
    let mut done = Vec::new();
    for experiment in chosen {
        let one = run(experiment, &arguments)?;
        if !arguments.json {
            print::table(&one);
        }
        if let Some(folder) = &arguments.out {
            plot::charts(folder, one.name, &one.report.charts)?;
        }
        done.push(one);
    }
    if arguments.json {
        println!("{}", print::document(&head, &done)?);
    }
    let fails = done.iter().any(|one| one.report.fails());
    Ok(if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn run(experiment: &Experiment, arguments: &Arguments) -> Result<Done> {
    let (seed, seeds) = seeds(&arguments.seed)?;
    let clock = Clock::start();
    let start = clock.seconds();
    let progress = Progress::new(experiment.name);
    let request = Request {
        nodes: arguments.nodes,
        tasks: arguments.tasks,
        seed,
        seeds,
        cap: arguments.cap,
        only: &arguments.only,
        shape: match arguments.topology {
            Topology::Plane => Shape::Plane,
            Topology::Sphere => Shape::Sphere,
            Topology::TransitStub => Shape::TransitStub,
            Topology::Measured => Shape::Measured,
        },
        span: arguments.minutes.map(|minutes| Duration::from_secs(minutes * 60)),
        sessions: arguments.sessions.map(|minutes| Duration::from_secs(minutes * 60)),
        progress: &|what, done, all| progress.show(what, done, all),
    };
    let report = (experiment.run)(&request);
    progress.end();
    Ok(Done { name: experiment.name, report, seconds: clock.seconds() - start })
}

/// `7`, or `1..1000` (the end excluded): the first seed, and how many.
fn seeds(text: &str) -> Result<(u64, u64)> {
    let Some((first, end)) = text.split_once("..") else { return Ok((text.parse()?, 1)) };
    let (first, end): (u64, u64) = (first.parse()?, end.parse()?);
    Ok((first, end.saturating_sub(first).max(1)))
}

/// Seed, commit, and the command that repeats the run.
fn head(arguments: &Arguments) -> String {
    let git = Command::new("git")
        .args(["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "--short=12", "HEAD"])
        .output();
    let commit = git.ok().filter(|out| out.status.success());
    let commit = commit
        .map_or("unknown".into(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    let words: Vec<String> = std::env::args().skip(1).collect();
    let seed = &arguments.seed;
    format!("seed {seed} · commit {commit} · cargo run --release -p sim -- {}", words.join(" "))
}

fn experiments() -> String {
    let lines = EXPERIMENTS.iter().map(|one| format!("  {:<12} {}", one.name, one.about));
    format!("Experiments:\n{}", lines.collect::<Vec<_>>().join("\n"))
}
