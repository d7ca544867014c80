//! `millefeuille peer`: take part until told to stop.

use std::net::SocketAddr;

use node::{Event as NodeEvent, GridEvent};
use peer::Event;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{Patience, Resources, say_goodbye};
use crate::driver::{Driver, Notice};
use crate::failure::Failure;
use crate::metrics::Metrics;
use crate::report;
use crate::signals::Signals;

/// Events kept back until the first `ready`, so that a reader can wait for it; later ones are
/// dropped.
const EARLY_MAX: usize = 256;

/// Take part in a network and compute for others, until stopped
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server that introduces peers, as http://HOST:PORT. Repeatable, in the environment separated
    /// by spaces: one that cannot be reached is one the next stands in for
    #[arg(long, value_name = "URL", env = "MILLEFEUILLE_SERVER", value_delimiter = ' ')]
    #[arg(required = true)]
    server: Vec<String>,
    #[command(flatten)]
    resources: Resources,
    /// Tell numbers at http://ADDRESS/metrics, for Prometheus
    #[arg(long, value_name = "ADDRESS", env = "MILLEFEUILLE_METRICS_LISTEN")]
    metrics_listen: Option<SocketAddr>,
}

/// Runs until a signal; then hands its tasks back and says goodbye.
pub(crate) async fn run(args: &Args, is_json: bool) -> Result<(), Failure> {
    let mut signals = Signals::listen().map_err(anyhow::Error::from)?;
    let metrics = match args.metrics_listen {
        Some(address) => Some(Metrics::listen(address).await?),
        None => None,
    };
    let mut driver = args.resources.join(&args.server)?;
    let mut patience = Patience::default();
    let mut journal = Journal::new(is_json);
    let outcome = loop {
        tokio::select! {
            notice = driver.next() => if let Notice::Event(event) = notice {
                journal.note(&driver, &event);
                if let Err(failure) = patience.check(&args.server, &driver, &event) {
                    break Err(failure);
                }
            },
            stream = asked(metrics.as_ref()) => if let Some(metrics) = &metrics {
                metrics.answer(stream, driver.node());
            },
            _ = signals.next() => break Ok(()),
        }
    };
    tracing::info!("leaving");
    say_goodbye(&mut driver, &mut signals).await;
    outcome
}

/// The next who wants the numbers; nobody where none are told.
async fn asked(metrics: Option<&Metrics>) -> TcpStream {
    match metrics {
        Some(metrics) => metrics.asked().await,
        None => std::future::pending().await,
    }
}

/// Tells programs (stdout) and people (stderr) what happens.
#[derive(Debug)]
struct Journal {
    is_json: bool,
    was_ready: bool,
    early: Vec<Value>,
}

impl Journal {
    fn new(is_json: bool) -> Self {
        Journal { is_json, was_ready: false, early: Vec::new() }
    }

    fn note(&mut self, driver: &Driver, event: &Event) {
        log(event);
        if !self.is_json {
            return;
        }
        if let (Event::Node(NodeEvent::Ready), Some(node)) = (event, driver.node()) {
            report::print(&json!({ "event": "ready", "id": node.id().to_string() }));
            self.was_ready = true;
            self.early.drain(..).for_each(|event| report::print(&event));
        }
        let Some(document) = report::event(event) else { return };
        if self.was_ready {
            report::print(&document);
        } else if self.early.len() < EARLY_MAX {
            self.early.push(document);
        }
    }
}

fn log(event: &Event) {
    match event {
        Event::Named { card, .. } => tracing::info!(id = %card.id(), "this peer"),
        Event::ServerReached { peers } => tracing::info!(peers, "known to the server"),
        Event::ServerUnreachable { reason, retry } => {
            let retry = retry.as_secs_f64();
            tracing::warn!(%reason, "the server cannot be reached; next try in {retry:.1} s");
        }
        Event::LinkFailed { peer, reason } => tracing::debug!(?peer, %reason, "no link"),
        Event::Node(event) => log_node(event),
        Event::ServerRefused(reason) => tracing::warn!(%reason, "the server refuses this peer"),
        // A peer submits nothing, and meets others without a relay.
        Event::IceServers(_) | Event::Submitted { .. } | Event::NotSubmitted { .. } => {}
    }
}

fn log_node(event: &NodeEvent) {
    match event {
        NodeEvent::Ready => tracing::info!("ready; Ctrl-C stops"),
        NodeEvent::NotReady => tracing::info!("not ready; joins again"),
        NodeEvent::JoinFailed => tracing::info!("nobody answered the join; asks the server again"),
        NodeEvent::NeighboursChanged => tracing::debug!("the leaf set changed"),
        NodeEvent::Linked(peer) => tracing::info!(?peer, "linked"),
        NodeEvent::Unlinked(peer) => tracing::info!(?peer, "unlinked"),
        NodeEvent::PeerGone { peer, reason } => tracing::info!(?peer, ?reason, "a peer is gone"),
        NodeEvent::Misbehaved { peer, why } => tracing::warn!(?peer, why, "a peer misbehaves"),
        NodeEvent::Grid(event) => log_grid(event),
    }
}

fn log_grid(event: &GridEvent) {
    match event {
        GridEvent::JobOpened { job, owner, tasks, .. } => {
            tracing::info!(?job, ?owner, tasks, "works on a job");
        }
        GridEvent::JobRefused { job, reason } => tracing::info!(?job, %reason, "refused a job"),
        GridEvent::TaskDone { job, task, worker, .. } => {
            tracing::debug!(?job, task, ?worker, "task done");
        }
        GridEvent::TaskFailed { job, task, worker, reason } => {
            tracing::warn!(?job, task, ?worker, %reason, "task failed");
        }
        GridEvent::TaskRevoked { job, task, worker } => {
            tracing::debug!(?job, task, ?worker, "a task is not done after all");
        }
        GridEvent::WorkerBarred { job, worker, reviewed } => {
            tracing::warn!(?job, ?worker, reviewed, "a worker was caught with a wrong result");
        }
        GridEvent::WorkerLost { job, worker, tasks, left } => {
            tracing::info!(?job, ?worker, tasks, left, "lost a worker");
        }
        GridEvent::JobChanged { job, state } => tracing::info!(?job, ?state, "job"),
        GridEvent::Accepted { job, copies } => tracing::info!(?job, copies, "the job is held"),
        GridEvent::OwnerChanged { job, owner, epoch } => {
            tracing::info!(?job, ?owner, epoch, "the job has another owner");
        }
        GridEvent::Recovered { job, after } => {
            let after = after.as_secs_f64();
            tracing::info!(?job, "owns the job now; it goes on after {after:.1} s");
        }
        GridEvent::Misbehaved { peer, why } => tracing::warn!(?peer, why, "a peer misbehaves"),
        // A peer asks for no list.
        GridEvent::Listed { .. } => {}
        GridEvent::Participants { job, count } => tracing::debug!(?job, count, "participants"),
    }
}
