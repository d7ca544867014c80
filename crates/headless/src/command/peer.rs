//! `millefeuille peer`: take part until told to stop.

use node::{Event, GridEvent};
use serde_json::{Value, json};

use super::{Patience, Resources, say_goodbye};
use crate::driver::{Driver, Notice};
use crate::failure::Failure;
use crate::report;
use crate::signals::Signals;

/// Events kept back until the first `ready`, which is the first line of all; above it the oldest
/// go unseen.
const EARLY_MAX: usize = 256;

/// Take part in a network and compute for others, until stopped
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server that introduces peers, as http://HOST:PORT
    #[arg(long, value_name = "URL", env = "MILLEFEUILLE_SERVER")]
    server: String,
    #[command(flatten)]
    resources: Resources,
}

/// Runs until a signal; then hands its tasks back and says goodbye.
pub(crate) async fn run(args: &Args, is_json: bool) -> Result<(), Failure> {
    let mut signals = Signals::listen().map_err(anyhow::Error::from)?;
    let mut driver = args.resources.join(&args.server)?;
    let mut patience = Patience::default();
    let mut journal = Journal::new(is_json);
    loop {
        tokio::select! {
            notice = driver.next() => {
                journal.note(&driver, &notice);
                patience.check(&args.server, &notice)?;
            }
            _ = signals.next() => break,
        }
    }
    tracing::info!("leaving");
    say_goodbye(&mut driver, &mut signals).await;
    Ok(())
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

    fn note(&mut self, driver: &Driver, notice: &Notice) {
        log(notice);
        if !self.is_json {
            return;
        }
        if let (Notice::Event(Event::Ready), Some(node)) = (notice, driver.node()) {
            report::print(&json!({ "event": "ready", "id": node.id().to_string() }));
            self.was_ready = true;
            self.early.drain(..).for_each(|event| report::print(&event));
        }
        let Some(event) = report::event(notice) else { return };
        let is_urgent = matches!(notice, Notice::Unreachable { .. } | Notice::Refused(_));
        if self.was_ready || is_urgent {
            report::print(&event);
        } else {
            self.early.truncate(EARLY_MAX - 1);
            self.early.push(event);
        }
    }
}

fn log(notice: &Notice) {
    match notice {
        Notice::Welcome { id, peers } => tracing::info!(%id, peers, "known to the server"),
        Notice::Unreachable { reason, retry, .. } => {
            let retry = retry.as_secs_f64();
            tracing::warn!(%reason, "the server cannot be reached; next try in {retry:.1} s");
        }
        Notice::DialFailed { peer, reason } => tracing::debug!(?peer, %reason, "no link"),
        Notice::Event(Event::Ready) => tracing::info!("ready; stop with Ctrl-C"),
        Notice::Event(Event::NotReady) => tracing::info!("not ready; joining again"),
        Notice::Event(Event::Linked(peer)) => tracing::info!(?peer, "linked"),
        Notice::Event(Event::Unlinked(peer)) => tracing::info!(?peer, "unlinked"),
        Notice::Event(Event::PeerGone { peer, reason }) => {
            tracing::info!(?peer, ?reason, "a peer is gone");
        }
        Notice::Event(Event::Misbehaved { peer, why }) => {
            tracing::warn!(?peer, why, "a peer misbehaves");
        }
        Notice::Event(Event::Grid(event)) => log_grid(event),
        Notice::Refused(_) | Notice::Left | Notice::Event(_) => {}
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
        GridEvent::WorkerLost { job, worker, tasks, left } => {
            tracing::info!(?job, ?worker, tasks, left, "lost a worker");
        }
        GridEvent::JobChanged { job, state } => tracing::info!(?job, ?state, "job"),
        GridEvent::Misbehaved { peer, why } => tracing::warn!(?peer, why, "a peer misbehaves"),
        GridEvent::Participants { .. } => {}
    }
}
