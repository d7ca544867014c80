//! What a command prints on stdout for programs: one line of JSON for each event of a peer, one
//! document for a finished render.

use std::io::Write as _;

use base::Duration;
use node::{
    Event as NodeEvent, GoneReason, GridEvent, JobState, JobSummary, Measures, Spans, Traffic,
};
use peer::Event;
use serde_json::{Value, json};

use crate::failure::Failure;

/// Prints one JSON document on a line of its own and flushes it.
pub(crate) fn print(document: &Value) {
    let mut out = std::io::stdout().lock();
    // Whoever reads may have gone; that is no reason for a peer to end.
    let _ = writeln!(out, "{document}").and_then(|()| out.flush());
}

/// The document of a failure.
pub(crate) fn failure(failure: &Failure) -> Value {
    json!({ "error": { "code": failure.code.name(), "message": failure.message } })
}

/// The event as programs see it; `None` for what nobody outside needs.
pub(crate) fn event(event: &Event) -> Option<Value> {
    Some(match event {
        Event::ServerReached { peers } => json!({ "event": "server_reached", "peers": peers }),
        Event::ServerUnreachable { reason, retry } => json!({
            "event": "server_unreachable", "reason": reason, "retry_seconds": seconds(*retry),
        }),
        Event::ServerRefused(reason) => json!({ "event": "refused", "reason": reason }),
        Event::LinkFailed { peer, reason } => {
            json!({ "event": "link_failed", "peer": peer.to_string(), "reason": reason })
        }
        Event::Node(event) => return node_event(event),
        Event::Named { .. }
        | Event::IceServers(_)
        | Event::Submitted { .. }
        | Event::NotSubmitted { .. } => return None,
    })
}

fn node_event(event: &NodeEvent) -> Option<Value> {
    Some(match event {
        // The id of `ready` is the caller's to add.
        NodeEvent::Ready | NodeEvent::NeighboursChanged => return None,
        NodeEvent::NotReady => json!({ "event": "not_ready" }),
        NodeEvent::JoinFailed => json!({ "event": "join_failed" }),
        NodeEvent::Linked(peer) => json!({ "event": "linked", "peer": peer.to_string() }),
        NodeEvent::Unlinked(peer) => json!({ "event": "unlinked", "peer": peer.to_string() }),
        NodeEvent::PeerGone { peer, reason } => json!({
            "event": "peer_gone",
            "peer": peer.to_string(),
            "reason": match reason { GoneReason::Left => "left", GoneReason::Silent => "silent" },
        }),
        NodeEvent::Misbehaved { peer, why } => misbehaved(&peer.to_string(), why),
        NodeEvent::Grid(event) => return grid_event(event),
    })
}

fn grid_event(event: &GridEvent) -> Option<Value> {
    Some(match event {
        GridEvent::JobOpened { job, owner, tasks, .. } => json!({
            "event": "job_opened",
            "job": job.to_string(), "owner": owner.to_string(), "tasks": tasks,
        }),
        GridEvent::JobRefused { job, reason } => {
            json!({ "event": "job_refused", "job": job.to_string(), "reason": reason })
        }
        GridEvent::TaskDone { job, task, worker, .. } => json!({
            "event": "task_done",
            "job": job.to_string(), "task": task, "worker": worker.to_string(),
        }),
        GridEvent::TaskRevoked { job, task, worker } => json!({
            "event": "task_revoked",
            "job": job.to_string(), "task": task, "worker": worker.to_string(),
        }),
        GridEvent::WorkerBarred { job, worker, reviewed } => json!({
            "event": "worker_barred",
            "job": job.to_string(), "worker": worker.to_string(), "reviewed": reviewed,
        }),
        GridEvent::Participants { job, count } => {
            json!({ "event": "participants", "job": job.to_string(), "count": count })
        }
        GridEvent::Accepted { job, copies } => {
            json!({ "event": "accepted", "job": job.to_string(), "copies": copies })
        }
        GridEvent::OwnerChanged { job, owner, epoch } => json!({
            "event": "owner_changed",
            "job": job.to_string(), "owner": owner.to_string(), "epoch": epoch,
        }),
        GridEvent::Recovered { job, after } => json!({
            "event": "recovered", "job": job.to_string(), "after_s": after.as_secs_f64(),
        }),
        GridEvent::TaskFailed { job, task, worker, reason } => json!({
            "event": "task_failed",
            "job": job.to_string(), "task": task, "worker": worker.to_string(), "reason": reason,
        }),
        GridEvent::WorkerLost { job, worker, tasks, left } => json!({
            "event": "worker_lost",
            "job": job.to_string(), "worker": worker.to_string(), "tasks": tasks, "left": left,
        }),
        GridEvent::JobChanged { job, state } => {
            json!({ "event": "job_changed", "job": job.to_string(), "state": state_name(*state) })
        }
        GridEvent::Misbehaved { peer, why } => misbehaved(&peer.to_string(), why),
        // The answer to a question that a command asked.
        GridEvent::Listed { .. } => return None,
    })
}

fn misbehaved(peer: &str, why: &str) -> Value {
    json!({ "event": "misbehaved", "peer": peer, "why": why })
}

/// The name of a state.
pub(crate) fn state_name(state: JobState) -> &'static str {
    match state {
        JobState::Running => "running",
        JobState::Finished => "finished",
        JobState::Cancelled => "cancelled",
        JobState::Orphaned => "orphaned",
    }
}

/// A job as programs see it.
pub(crate) fn job(job: &JobSummary) -> Value {
    let workers: Vec<Value> = job
        .workers
        .iter()
        .map(|w| json!({ "id": w.worker.to_string(), "tiles": w.done, "leased": w.leased }))
        .collect();
    json!({
        "job": job.job.to_string(),
        "state": state_name(job.state),
        "owner": job.owner.to_string(),
        "epoch": job.epoch,
        "tiles": job.tasks,
        "done": job.done,
        "verified": job.verified,
        "barred": job.barred.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "participants": job.participants,
        "record_copies": job.record_copies,
        "copies": { "min": job.copies_min, "mean": copies_mean(job) },
        "workers": workers,
    })
}

/// The same for people.
pub(crate) fn job_text(job: &JobSummary) -> String {
    let share = 100 * u64::from(job.done) / u64::from(job.tasks.max(1));
    let mut text = format!(
        "job      {}\nstate    {}, {} of {} tiles ({share} %)\nowner    {} (epoch {})\ncopies   \
         {} of the record; of each tile at least {}, {:.1} on average, as far as is known here",
        job.job,
        state_name(job.state),
        job.done,
        job.tasks,
        job.owner,
        job.epoch,
        job.record_copies,
        job.copies_min,
        copies_mean(job),
    );
    for worker in &job.barred {
        text += &format!("\nbarred   {worker}  caught with a wrong tile");
    }
    for worker in &job.workers {
        text += &format!("\nworker   {}  {} tiles", worker.worker, worker.done);
    }
    text
}

/// Known copies of a finished tile, on average.
fn copies_mean(job: &JobSummary) -> f64 {
    let mean = job.copies_total as f64 / f64::from(job.done.max(1));
    (mean * 10.0).round() / 10.0
}

/// Tells about a finished picture: programs on stdout, people on stderr.
pub(crate) fn outcome(outcome: &Outcome, is_json: bool, is_quiet: bool) {
    match (is_json, is_quiet) {
        (true, _) => print(&outcome.document()),
        (false, false) => eprintln!("{}", outcome.sentence()),
        (false, true) => {}
    }
}

/// What became of a render.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// `None`: computed alone.
    pub(crate) job: Option<JobSummary>,
    pub(crate) me: Option<base::NodeId>,
    pub(crate) tiles: u32,
    /// Pictures that the tiles are of.
    pub(crate) frames: u32,
    pub(crate) took: Duration,
    pub(crate) size: (u32, u32),
    pub(crate) traffic: Traffic,
    /// By the five things that load sharing minimises, at this peer.
    pub(crate) measures: Measures,
    /// Tiles that were missing or damaged in the end, and computed for the file.
    pub(crate) repaired: u32,
    /// `None`: nobody wanted one.
    pub(crate) file: Option<String>,
}

impl Outcome {
    /// The document of a finished render.
    pub(crate) fn document(&self) -> Value {
        let job = self.job.as_ref();
        let peers: Vec<Value> = job
            .into_iter()
            .flat_map(|job| &job.workers)
            .map(|w| {
                let you = Some(w.worker) == self.me;
                json!({ "id": w.worker.to_string(), "tiles": w.done, "you": you })
            })
            .collect();
        let amount =
            |amount: node::Amount| json!({ "control": amount.control, "results": amount.results });
        json!({
            "job": job.map(|job| job.job.to_string()),
            "tiles": self.tiles,
            "frames": self.frames,
            "seconds": seconds(self.took),
            "width": self.size.0,
            "height": self.size.1,
            "peers": peers,
            "reassigned": job.map_or(0, |job| job.reassigned),
            "duplicates": job.map_or(0, |job| job.duplicates),
            "repaired": self.repaired,
            "measures": measures(&self.measures, &self.traffic),
            "bytes": {
                "sent": amount(self.traffic.sent),
                "received": amount(self.traffic.received),
            },
            "file": self.file,
        })
    }

    /// The same for people.
    pub(crate) fn sentence(&self) -> String {
        let workers = self.job.as_ref().map_or(0, |job| job.workers.len());
        let by = match workers {
            0 | 1 => String::new(),
            n => format!(" by {n} peers"),
        };
        let (seconds, (width, height)) = (self.took.as_secs_f64(), self.size);
        let file = self.file.as_deref().unwrap_or("no file");
        let frames = match self.frames {
            1 => String::new(),
            n => format!("{n} frames of "),
        };
        let tiles = self.tiles;
        format!("{file}: {frames}{width}×{height} pixels, {tiles} tiles{by} in {seconds:.1} s")
    }
}

/// What load sharing minimises ([`Measures`] says what each counts), as this peer saw it.
fn measures(measures: &Measures, traffic: &Traffic) -> Value {
    let recovery = |spans: &Spans| {
        json!({
            "count": spans.count,
            "mean_s": spans.mean().map(seconds),
            "longest_s": seconds(spans.longest),
        })
    };
    let overhead = traffic.sent.control as f64 / (traffic.sent.results.max(1)) as f64;
    json!({
        "idle_share": measures.idle_share(),
        "worker_recovery": recovery(&measures.worker_recovery),
        "owner_recovery": recovery(&measures.owner_recovery),
        "control_per_result_byte": (traffic.sent.results > 0).then_some(overhead),
        "tiles_lost": measures.lost,
        "redundant_results": measures.redundant_results,
        "redundant_deliveries": measures.redundant_deliveries,
    })
}

/// Milliseconds are as exact as anybody wants it.
fn seconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e3).round() / 1e3
}
