//! `chaos [--minutes N] [--peers N] [--tabs N] [--seed S]`: jobs on real processes while a hand of
//! chance kills, stops, closes them and cuts them off. `--owners N`: instead the owners of jobs are
//! killed, one after another, until so many are.
//!
//! One job after another is left to the network, and followed by a fresh peer that is spared; its
//! picture must be that of one process alone. Prints a line of JSON for each job and one in the end;
//! fails when a picture was wrong or a job stuck.
#![expect(clippy::disallowed_types, reason = "a test by the clock")]
#![expect(clippy::print_stdout, reason = "lines are its output")]

mod blows;
mod recovery;
mod wires;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tests::{Detached, Picture, Polled, Process, Scratch, alone, assert_same, detach, watch};

use blows::Chaos;

/// A job that takes longer is stuck. One takes a minute or two on two cores in peace.
const STUCK: Duration = Duration::from_secs(600);

/// Views beyond the precision of doubles, whose tiles are dear on every machine: half a minute of one
/// core and more each, in many tiles and in few.
const VIEWS: [[&str; 4]; 3] = [
    ["--zoom=1e13", "--max-iter=100000", "--size=4096x2048", "--family=mandelbrot"],
    ["--zoom=1e15", "--max-iter=200000", "--size=2048x1024", "--family=mandelbrot"],
    ["--zoom=1e14", "--max-iter=150000", "--size=3072x1536", "--family=mandelbrot"],
];
const CENTRE: [&str; 2] = ["--re=-0.743643887037158704752", "--im=0.131825904205311970493"];

struct Options {
    time: Duration,
    peers: usize,
    tabs: usize,
    seed: u64,
    /// Owners to kill; nothing else is done then.
    owners: Option<u32>,
}

fn options() -> Result<Options> {
    let time = Duration::from_secs(20 * 60);
    let mut options = Options { time, peers: 20, tabs: 2, seed: 1, owners: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} takes a number"))?;
        let value: u64 = value.parse().with_context(|| format!("{name} takes a number"))?;
        match name.as_str() {
            "--minutes" => options.time = Duration::from_secs(value * 60),
            "--peers" => options.peers = usize::try_from(value)?,
            "--tabs" => options.tabs = usize::try_from(value)?,
            "--seed" => options.seed = value,
            "--owners" => options.owners = Some(u32::try_from(value)?),
            _ => bail!("chaos takes --minutes, --peers, --tabs, --seed and --owners, not {name}"),
        }
    }
    Ok(options)
}

fn main() -> Result<()> {
    let options = options()?;
    println!("{}", json!({ "seed": options.seed, "peers": options.peers, "tabs": options.tabs }));
    let scratch = Scratch::new("chaos")?;
    let expected = VIEWS
        .iter()
        .map(|view| {
            let file = scratch.file("alone.png");
            alone(&[&CENTRE[..], &view[..]].concat(), &file)?;
            Picture::read(&file)
        })
        .collect::<Result<Vec<Picture>>>()?;
    let mut chaos = Chaos::start(&options, &scratch)?;
    let end = Instant::now() + options.time;
    let mut jobs = 0;
    let is_over = |chaos: &Chaos| match options.owners {
        Some(count) => chaos.recovery.losses() >= count,
        None => Instant::now() >= end,
    };
    while jobs == 0 || !is_over(&chaos) {
        let at = jobs % VIEWS.len();
        let begun = Instant::now();
        let Detached { job, copies } =
            detach(&chaos.server, &[&CENTRE[..], &VIEWS[at][..]].concat())?;
        chaos.recovery.begin(&job);
        let file = scratch.file("watched.png");
        let watcher = watch(&chaos.server, &job, &["--threads", "1"], &file)?;
        let document = rage_until_done(&mut chaos, watcher)
            .with_context(|| format!("job {job}, which {copies} peers held"))?;
        assert_same(&Picture::read(&file)?, &expected[at]).with_context(|| format!("job {job}"))?;
        let seconds = begun.elapsed().as_secs_f64().round();
        let repaired = &document["repaired"];
        println!(
            "{}",
            json!({ "job": job, "copies": copies, "seconds": seconds, "repaired": repaired })
        );
        jobs += 1;
    }
    let mut report = json!({ "jobs": jobs, "wrong": 0, "stuck": 0 });
    chaos.tell(&mut report);
    println!("{report}");
    Ok(())
}

/// Strikes every few seconds until the watcher is done, and returns what it printed.
fn rage_until_done(chaos: &mut Chaos, mut watcher: Process) -> Result<Value> {
    let deadline = Instant::now() + STUCK;
    loop {
        let pause = chaos.next_blow().saturating_duration_since(Instant::now());
        match watcher.lines.poll(pause)? {
            Polled::Line(document) => {
                ensure!(watcher.wait()? == 0, "watch failed: {document}");
                return Ok(document);
            }
            Polled::Closed => bail!("watch ended without a word"),
            Polled::Nothing => ensure!(Instant::now() < deadline, "stuck"),
        }
        chaos.strike()?;
    }
}
