//! What the peer reports: some of it changes the driver's state, most of it is shown on the page.

use base::codec;
use js_sys::Uint8Array;
use node::{GridEvent, JobListing, JobState};
use peer::Event;
use signal::message::IceServer;

use super::Driver;
use crate::host::{Note, list};
use crate::report::{self, Server};
use crate::workload::Picture;

/// Jobs of a directory that the page is told of.
const LISTED_MAX: usize = 64;

impl Driver {
    pub(super) fn on_event(&mut self, event: Event) {
        match event {
            Event::Named { card, servers } => {
                let voucher = Uint8Array::from(codec::encode(&card.voucher).as_slice());
                self.host.keep_voucher(voucher, &servers.join(" "));
            }
            Event::IceServers(ice_servers) => {
                self.ice_servers = list(ice_servers.iter().map(ice_note));
            }
            Event::ServerReached { .. } => self.server = Server::Connected,
            Event::ServerUnreachable { reason, retry } => {
                self.server = Server::Unreachable { reason, retry_at: self.now + retry };
            }
            Event::ServerRefused(reason) => self.server = Server::Refused(reason),
            Event::Submitted { created, job } => self.on_submitted(created, job),
            Event::NotSubmitted { created } => self.take_back(created),
            Event::LinkFailed { peer, reason } => Note::event("link-failed")
                .with("peer", peer.to_string())
                .with("reason", reason)
                .post(&self.host),
            Event::Node(event) => self.on_node_event(event),
        }
    }

    fn on_node_event(&mut self, event: node::Event) {
        if let Some(note) = report::event_note(&event) {
            note.post(&self.host);
        }
        match event {
            node::Event::Ready => {
                self.give_solo();
                self.watch_now();
            }
            node::Event::Grid(GridEvent::JobOpened { job, owner, kind, params, tasks }) => {
                self.on_job_opened(job, owner, kind, &params, tasks);
            }
            node::Event::Grid(GridEvent::JobRefused { job, .. }) => self.on_job_refused(job),
            node::Event::Grid(GridEvent::TaskDone { job, task, worker, payload }) => {
                let Some(picture) = self.pictures.get(&job) else { return };
                let (job, worker) = (job.to_string(), worker.to_string());
                picture.post_tile(&self.host, &job, &worker, task, &payload);
            }
            node::Event::Grid(GridEvent::TaskRevoked { job, task, .. }) => Note::new("revoked")
                .with("picture", job.to_string())
                .with("task", task)
                .post(&self.host),
            node::Event::Grid(GridEvent::Listed { jobs, .. }) => {
                Note::new("listed")
                    .with("jobs", list(looked_at(&jobs).filter_map(listing_note)))
                    .post(&self.host);
            }
            _ => {}
        }
    }
}

/// Of a directory what a page may show: what runs, then the latest. To read a stranger's job costs
/// some milliseconds.
fn looked_at(jobs: &[JobListing]) -> impl Iterator<Item = &JobListing> {
    let place = |(at, job): (usize, &JobListing)| {
        (job.state != JobState::Running, core::cmp::Reverse(job.created), at)
    };
    let order = base::in_order(jobs.iter().enumerate().map(place));
    order.into_iter().take(LISTED_MAX).map(|(.., at)| &jobs[at])
}

/// A job of the directory as `web/directory.js` has it; `None` for what is no picture.
fn listing_note(listing: &JobListing) -> Option<Note> {
    let JobListing { job, creator, created, owner, epoch, state, kind, params, tasks, done } =
        listing;
    let picture = Picture::from_job(*kind, params, *tasks).ok()?;
    #[expect(clippy::cast_precision_loss, reason = "shown to people")]
    let (created, epoch) = (*created as f64 / 1e3, *epoch as f64);
    let note = Note::plain()
        .with("id", job.to_string())
        .with("creator", creator.to_string())
        .with("created", created)
        .with("owner", owner.to_string())
        .with("epoch", epoch)
        .with("state", report::state_name(*state))
        .with("tasks", *tasks)
        .with("done", *done)
        .with("view", picture.describe());
    Some(match picture.describe_frames() {
        Some(frames) => note.with("frames", frames),
        None => note,
    })
}

fn ice_note(server: &IceServer) -> Note {
    let note = Note::plain().with("urls", server.url.as_str());
    if server.username.is_empty() {
        return note;
    }
    note.with("username", server.username.as_str()).with("credential", server.credential.as_str())
}
