//! `chaos [--minutes N] [--peers N] [--tabs N] [--seed S]`: jobs on real processes while a hand of
//! chance kills, stops and closes them.
//!
//! One job after another is left to the network, and followed by a fresh peer that is spared; its
//! picture must be that of one process alone. Meanwhile peers are killed and replaced, stopped and
//! continued, tabs closed and opened, the server restarted. Prints a line of JSON for each job and
//! one in the end; fails when a picture was wrong or a job stuck.
#![expect(clippy::disallowed_types, reason = "a test by the clock")]
#![expect(clippy::print_stdout, reason = "lines are its output")]

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use base::Rng;
use serde_json::{Value, json};
use tests::{
    Browser, Engine, Page, Peer, Picture, Polled, Process, Scratch, Server, alone, assert_same,
    detach, watch,
};

/// Between two blows.
const PAUSE: Duration = Duration::from_secs(6);
/// How long a stopped peer stands still at most: longer than any lease.
const STOP_MAX: Duration = Duration::from_secs(45);
/// A job that takes longer is stuck. One takes a minute or two on two cores in peace.
const STUCK: Duration = Duration::from_secs(600);

/// Views whose tiles take some tenths of a second each; the last is mostly cheap.
const VIEWS: [[&str; 10]; 3] = [
    [
        "--re",
        "-0.743643887037158704752",
        "--im",
        "0.131825904205311970493",
        "--zoom",
        "1e10",
        "--max-iter",
        "60000",
        "--size",
        "2048x1536",
    ],
    [
        "--re",
        "-0.7746806106269039",
        "--im",
        "-0.1374168856037867",
        "--zoom",
        "1e6",
        "--max-iter",
        "40000",
        "--size",
        "2048x1280",
    ],
    ["--re", "-0.5", "--im", "0", "--zoom", "1", "--max-iter", "20000", "--size", "3072x2048"],
];

struct Options {
    time: Duration,
    peers: usize,
    tabs: usize,
    seed: u64,
}

fn options() -> Result<Options> {
    let mut options = Options { time: Duration::from_secs(20 * 60), peers: 20, tabs: 2, seed: 1 };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} takes a number"))?;
        let value: u64 = value.parse().with_context(|| format!("{name} takes a number"))?;
        match name.as_str() {
            "--minutes" => options.time = Duration::from_secs(value * 60),
            "--peers" => options.peers = usize::try_from(value)?,
            "--tabs" => options.tabs = usize::try_from(value)?,
            "--seed" => options.seed = value,
            _ => bail!("chaos takes --minutes, --peers, --tabs and --seed, not {name}"),
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
            alone(view, &file)?;
            Picture::read(&file)
        })
        .collect::<Result<Vec<Picture>>>()?;
    let mut chaos = Chaos::start(&options, &scratch)?;
    let end = Instant::now() + options.time;
    let mut jobs = 0;
    while Instant::now() < end || jobs == 0 {
        let at = jobs % VIEWS.len();
        let begun = Instant::now();
        let job = detach(&chaos.server, &VIEWS[at])?;
        let file = scratch.file("watched.png");
        let watcher = watch(&chaos.server, &job, &["--threads", "1"], &file)?;
        let document = chaos.rage_until_done(watcher).with_context(|| format!("job {job}"))?;
        assert_same(&Picture::read(&file)?, &expected[at]).with_context(|| format!("job {job}"))?;
        let seconds = begun.elapsed().as_secs_f64().round();
        let repaired = &document["repaired"];
        println!("{}", json!({ "job": job, "seconds": seconds, "repaired": repaired }));
        jobs += 1;
    }
    let Blows { kills, stops, closes, restarts } = chaos.blows;
    println!(
        "{}",
        json!({
            "jobs": jobs, "wrong": 0, "stuck": 0,
            "kills": kills, "stops": stops, "tabs_closed": closes, "server_restarts": restarts,
        })
    );
    Ok(())
}

/// What was done to the network so far.
#[derive(Default)]
struct Blows {
    kills: u32,
    stops: u32,
    closes: u32,
    restarts: u32,
}

struct Chaos {
    rng: Rng,
    key: std::path::PathBuf,
    server: Server,
    peers: Vec<Peer>,
    /// Standing still, until then.
    stopped: Vec<(Instant, Peer)>,
    browser: Browser,
    tabs: Vec<Page>,
    blows: Blows,
}

impl Chaos {
    fn start(options: &Options, scratch: &Scratch) -> Result<Self> {
        let key = scratch.file("introducer.key");
        let server = Server::start_with("127.0.0.1:0", Some(&key))?;
        let mut chaos = Chaos {
            rng: Rng::new(options.seed),
            key,
            server,
            peers: Vec::new(),
            stopped: Vec::new(),
            browser: Browser::start(Engine::Chromium)?,
            tabs: Vec::new(),
            blows: Blows::default(),
        };
        for _ in 0..options.peers {
            chaos.add_peer()?;
        }
        for _ in 0..options.tabs {
            chaos.add_tab()?;
        }
        Ok(chaos)
    }

    fn add_peer(&mut self) -> Result<()> {
        self.peers.push(Peer::start(&self.server, &["--threads", "1"])?);
        Ok(())
    }

    fn add_tab(&mut self) -> Result<()> {
        let tab = self.browser.open(&self.server.url)?;
        self.browser.eval(tab, "window.millefeuille.start({cores: 1})")?;
        self.tabs.push(tab);
        Ok(())
    }

    /// Strikes every few seconds until the watcher is done, and returns what it printed.
    fn rage_until_done(&mut self, mut watcher: Process) -> Result<Value> {
        let deadline = Instant::now() + STUCK;
        loop {
            match watcher.lines.poll(PAUSE)? {
                Polled::Line(document) => {
                    ensure!(watcher.wait()? == 0, "watch failed: {document}");
                    return Ok(document);
                }
                Polled::Closed => bail!("watch ended without a word"),
                Polled::Nothing => ensure!(Instant::now() < deadline, "stuck"),
            }
            self.strike()?;
        }
    }

    fn strike(&mut self) -> Result<()> {
        let now = Instant::now();
        while let Some(at) = self.stopped.iter().position(|(until, _)| *until <= now) {
            let (_, peer) = self.stopped.swap_remove(at);
            peer.process.signal("CONT")?;
            self.peers.push(peer);
        }
        match self.rng.below(10) {
            0..=4 => self.kill(),
            5..=7 => self.stop(),
            8 => self.close_tab(),
            _ => self.restart_server(),
        }
    }

    fn kill(&mut self) -> Result<()> {
        if let Some(at) = self.rng.index(self.peers.len()) {
            self.peers.swap_remove(at).process.signal("KILL")?;
            self.blows.kills += 1;
            self.add_peer()?;
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        // A third of the network at most stands still at once.
        if self.stopped.len() * 3 < self.peers.len()
            && let Some(at) = self.rng.index(self.peers.len())
        {
            let peer = self.peers.swap_remove(at);
            peer.process.signal("STOP")?;
            self.blows.stops += 1;
            let until = Instant::now() + STOP_MAX.mul_f64(self.rng.unit());
            self.stopped.push((until, peer));
        }
        Ok(())
    }

    fn close_tab(&mut self) -> Result<()> {
        if let Some(at) = self.rng.index(self.tabs.len()) {
            let tab = self.tabs.swap_remove(at);
            self.browser.close(tab)?;
            self.blows.closes += 1;
            self.add_tab()?;
        }
        Ok(())
    }

    fn restart_server(&mut self) -> Result<()> {
        self.server.process.signal("KILL")?;
        self.server.process.wait()?;
        self.server = Server::start_with(&self.server.address, Some(&self.key))?;
        self.blows.restarts += 1;
        Ok(())
    }
}
