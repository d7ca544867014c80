//! Load on a real server: `load [idle] [relay] [storm] [--peers N]`, all three without a name.
//!
//! Thousands of real clients in one process: each has a key, a WebSocket from an address of its own
//! share of the loopback, and the entry machine of the product. `idle` lets them log in, be
//! introduced and stay: joins a second, and memory of the server for each. `relay` has them send
//! each other signals at a fixed rate: messages a second, and how long they are under way. `storm`
//! kills the server under them and starts it again. One line of JSON each; not a test: it fails
//! when clients are refused or lost, never for being slow.
#![expect(clippy::print_stdout, reason = "lines are its output")]

mod histogram;
mod peer;
mod server;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::time::{Instant, interval, sleep, timeout};

use peer::{Crowd, Tally};
use server::Server;

/// Clients that connect at the same time; further ones wait for one of them.
const ENTERING_MAX: usize = 256;
/// Nothing takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);
/// Messages a second that are to be relayed at least (hostile.md G7).
const RELAYED_PER_SECOND: f64 = 15_000.0;
/// Messages a second that are offered: above it, and below what a peer may send.
const OFFERED_PER_SECOND: f64 = 18_000.0;
/// How long; an introduction lets signals pass for a minute.
const RELAY_TIME: Duration = Duration::from_secs(20);
/// Files besides the clients' sockets.
const FILES_BESIDES: u64 = 256;

#[tokio::main]
async fn main() -> Result<()> {
    let mut phases = Vec::new();
    let mut peers = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "idle" | "relay" | "storm" => phases.push(argument),
            "--peers" => {
                let number = arguments.next().and_then(|number| number.parse().ok());
                peers = Some(number.context("--peers takes a number")?);
            }
            _ => bail!("load takes idle, relay, storm and --peers N, not {argument}"),
        }
    }
    if phases.is_empty() {
        phases = ["idle", "relay", "storm"].map(str::to_owned).to_vec();
    }
    for phase in phases {
        let peers: usize = peers.unwrap_or(if phase == "idle" { 15_000 } else { 10_000 });
        raise_file_limit(peers)?;
        match phase.as_str() {
            "idle" => idle(peers).await?,
            "relay" => relay(peers).await?,
            _ => storm(peers).await?,
        }
    }
    Ok(())
}

/// Every client is a file, here and at the server, which raises its own limit.
fn raise_file_limit(peers: usize) -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("cannot raise the limit of open files")?;
    let needed = peers as u64 + FILES_BESIDES;
    if let Some(most) = getrlimit(Resource::Nofile).current.filter(|&most| most < needed) {
        bail!(
            "{peers} peers need {needed} open files, here and at the server, and {most} are \
             allowed: raise the hard limit (ulimit -Hn) or pass --peers {}",
            most - FILES_BESIDES
        );
    }
    Ok(())
}

async fn idle(peers: usize) -> Result<()> {
    let server = Server::start(peers).await?;
    let before = server.resident_kib()?;
    let begun = Instant::now();
    let crowd = enter(&server, peers).await?;
    let took = begun.elapsed().as_secs_f64();
    let after = server.resident_kib()?;
    let processor = server.processor_seconds()?;
    let per_peer = (after - before) as f64 / peers as f64;
    println!(
        "{}",
        json!({
            "phase": "idle", "peers": peers, "seconds": rounded(took),
            "joins_per_second": (peers as f64 / took).round(), "joins_line": 2_000,
            "joins_per_processor_second": (peers as f64 / processor).round(),
            "resident_kib": after, "resident_kib_per_peer": rounded(per_peer), "memory_line": 12,
            "latency_ms": crowd.tally.joins.summary(),
        })
    );
    crowd.leave().await;
    server.stop().await
}

async fn relay(peers: usize) -> Result<()> {
    let server = Server::start(peers).await?;
    let crowd = enter(&server, peers).await?;
    // Of twice the peers as pairs, each is good for its quota: all are introduced afresh.
    let pause = Duration::from_secs_f64(peers as f64 / OFFERED_PER_SECOND);
    let processor = server.processor_seconds()?;
    let begun = Instant::now();
    crowd.chat(pause, begun + RELAY_TIME);
    sleep(RELAY_TIME).await;
    let took = begun.elapsed().as_secs_f64();
    let processor = server.processor_seconds()? - processor;
    let (sent, arrived) = (crowd.tally.sent.load(Relaxed), crowd.tally.arrived.load(Relaxed));
    ensure!(crowd.tally.here.load(Relaxed) == peers as u64, "peers were lost: {:?}", crowd.tally);
    println!(
        "{}",
        json!({
            "phase": "relay", "peers": peers, "seconds": rounded(took), "sent": sent,
            "arrived": arrived, "arrived_per_second": (arrived as f64 / took).round(),
            "arrived_per_processor_second": (arrived as f64 / processor).round(),
            "rate_line": RELAYED_PER_SECOND, "latency_ms": crowd.tally.signals.summary(),
            "latency_line": { "p99": 50 },
        })
    );
    crowd.leave().await;
    server.stop().await
}

async fn storm(peers: usize) -> Result<()> {
    let server = Server::start_as_shipped(peers).await?;
    let crowd = enter(&server, peers).await?;
    let tally = Arc::clone(&crowd.tally);
    let before = tally.logins.load(Relaxed);
    let server = server.kill_and_restart().await?;
    let begun = Instant::now();
    let mut seconds = interval(Duration::from_secs(1));
    let (mut last, mut peak, mut back) = (before, 0, None);
    let wanted = before + (peers as u64 * 99).div_ceil(100);
    while back.is_none() {
        seconds.tick().await;
        let logins = tally.logins.load(Relaxed);
        peak = peak.max(logins - last);
        last = logins;
        let all = tally.here.load(Relaxed) >= (peers as u64 * 99).div_ceil(100);
        back = (logins >= wanted && all).then(|| begun.elapsed());
        ensure!(begun.elapsed() < PATIENCE, "peers do not come back: {tally:?}");
    }
    let took = back.unwrap_or_default().as_secs_f64();
    println!(
        "{}",
        json!({
            "phase": "storm", "peers": peers, "seconds_until_99_percent": rounded(took),
            "time_line": 90, "peak_logins_per_second": peak, "peak_line": 500,
        })
    );
    crowd.leave().await;
    server.stop().await
}

/// Everybody logs in and is introduced.
async fn enter(server: &Server, peers: usize) -> Result<Crowd> {
    let tally = Arc::new(Tally::default());
    let crowd = Crowd::enter(&server.address, peers, ENTERING_MAX, Arc::clone(&tally)).await;
    let all = async {
        while tally.introduced.load(Relaxed) < peers as u64 {
            tally.changed.notified().await;
        }
    };
    if timeout(PATIENCE, all).await.is_err() {
        bail!("not everybody was introduced: {tally:?}");
    }
    Ok(crowd)
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
