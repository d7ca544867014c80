//! The node's state in words and numbers for the page, a few times a second at most.

use base::{Duration, Time};
use node::{
    Event, GoneReason, GridEvent, JobState, JobSummary, LinkId, LinkView, Snapshot, Traffic,
};

use crate::host::{Note, list};
use crate::link::Tally;

/// Between two reports. Chosen: quick to the eye, and cheap beside a tile.
const PERIOD: Duration = Duration::from_millis(200);

/// What the page is told of the server.
#[derive(Clone, Debug)]
pub(crate) enum Server {
    /// Nobody asked for it.
    Off,
    /// A connection is being opened, or the login is under way.
    Connecting,
    /// Logged in.
    Connected,
    /// Out of reach until a next try.
    Unreachable { reason: String, retry_at: Time },
    /// It refused this peer for good.
    Refused(String),
}

/// When to report.
#[derive(Default)]
pub(crate) struct Pace {
    dirty: bool,
    last: Option<Time>,
}

impl Pace {
    pub(crate) fn touch(&mut self) {
        self.dirty = true;
    }

    /// When the next report is due.
    pub(crate) fn due(&self) -> Option<Time> {
        self.dirty.then(|| self.last.map_or(Time::ZERO, |last| last + PERIOD))
    }

    /// Whether to report now.
    pub(crate) fn take(&mut self, now: Time) -> bool {
        let due = self.due().is_some_and(|due| due <= now);
        if due {
            *self = Pace { dirty: false, last: Some(now) };
        }
        due
    }
}

pub(crate) fn server_note(server: &Server, now: Time) -> Note {
    let note = Note::plain();
    match server {
        Server::Off => note.with("state", "off"),
        Server::Connecting => note.with("state", "connecting"),
        Server::Connected => note.with("state", "connected"),
        Server::Unreachable { reason, retry_at } => note
            .with("state", "unreachable")
            .with("reason", reason.as_str())
            .with("retryMillis", millis(retry_at.since(now))),
        Server::Refused(reason) => note.with("state", "refused").with("reason", reason.as_str()),
    }
}

pub(crate) fn node_note(snapshot: &Snapshot, tally: impl Fn(LinkId) -> Tally) -> Note {
    let ids = |ids: &[base::NodeId]| list(ids.iter().map(ToString::to_string));
    Note::plain()
        .with("id", snapshot.id.to_string())
        .with("ready", snapshot.ready)
        .with("left", ids(&snapshot.left))
        .with("right", ids(&snapshot.right))
        .with("table", list(snapshot.table.iter().map(|(row, id)| entry_note(*row, id))))
        .with("links", list(snapshot.links.iter().map(|link| link_note(link, tally(link.link)))))
        .with("traffic", traffic_note(&snapshot.traffic))
}

fn entry_note(row: u8, id: &base::NodeId) -> Note {
    Note::plain().with("row", row).with("id", id.to_string())
}

fn link_note(link: &LinkView, Tally { sent, received }: Tally) -> Note {
    Note::plain()
        .with("peer", link.peer.to_string())
        .with("sent", count(sent[0]))
        .with("received", count(received[0]))
        .with("sentBulk", count(sent[1]))
        .with("receivedBulk", count(received[1]))
}

fn traffic_note(traffic: &Traffic) -> Note {
    Note::plain()
        .with("sent", count(traffic.sent.control + traffic.sent.results))
        .with("received", count(traffic.received.control + traffic.received.results))
        .with("sentResults", count(traffic.sent.results))
        .with("receivedResults", count(traffic.received.results))
}

pub(crate) fn job_note(job: &JobSummary) -> Note {
    let worker = |worker: &node::WorkerSummary| {
        Note::plain()
            .with("id", worker.worker.to_string())
            .with("done", worker.done)
            .with("leased", worker.leased)
    };
    Note::plain()
        .with("id", job.job.to_string())
        .with("owner", job.owner.to_string())
        .with("state", state_name(job.state))
        .with("tasks", job.tasks)
        .with("done", job.done)
        .with("participants", job.participants)
        .with("epoch", count(job.epoch))
        .with("recordCopies", job.record_copies)
        .with("copiesMin", job.copies_min)
        .with("copiesTotal", count(job.copies_total))
        .with("reassigned", job.reassigned)
        .with("duplicates", job.duplicates)
        .with("workers", list(job.workers.iter().map(worker)))
}

pub(crate) fn state_name(state: JobState) -> &'static str {
    match state {
        JobState::Running => "running",
        JobState::Finished => "finished",
        JobState::Cancelled => "cancelled",
        JobState::Orphaned => "orphaned",
    }
}

/// An event as a line of the page's log; `None` where a report says it better.
pub(crate) fn event_note(event: &Event) -> Option<Note> {
    let note = Note::event;
    let peer = |what: &str, peer: &base::NodeId| note(what).with("peer", peer.to_string());
    Some(match event {
        Event::Ready => note("ready"),
        Event::NotReady => note("not-ready"),
        Event::JoinFailed => note("join-failed"),
        Event::Linked(who) => peer("linked", who),
        Event::Unlinked(who) => peer("unlinked", who),
        Event::PeerGone { peer: who, reason } => {
            peer("peer-gone", who).with("left", matches!(reason, GoneReason::Left))
        }
        Event::Misbehaved { peer: who, why } => peer("misbehaved", who).with("why", *why),
        Event::Grid(event) => return grid_event_note(event),
        Event::NeighboursChanged => return None,
    })
}

fn grid_event_note(event: &GridEvent) -> Option<Note> {
    let note = |what: &str, job: &base::Key| Note::event(what).with("job", job.to_string());
    Some(match event {
        GridEvent::JobRefused { job, reason } => {
            note("job-refused", job).with("reason", reason.as_str())
        }
        GridEvent::WorkerLost { job, worker, tasks, left } => note("worker-lost", job)
            .with("peer", worker.to_string())
            .with("tasks", *tasks)
            .with("left", *left),
        GridEvent::JobChanged { job, state } => {
            note("job-changed", job).with("state", state_name(*state))
        }
        GridEvent::Accepted { job, copies } => note("accepted", job).with("copies", *copies),
        GridEvent::OwnerChanged { job, owner, .. } => {
            note("owner-changed", job).with("peer", owner.to_string())
        }
        GridEvent::Misbehaved { peer, why } => {
            Note::event("misbehaved").with("peer", peer.to_string()).with("why", *why)
        }
        _ => return None,
    })
}

pub(crate) fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "shown to people")]
fn count(number: u64) -> f64 {
    number as f64
}
