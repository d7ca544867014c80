//! The driver's work: jobs of the grid, the job that this tab renders alone, and who computes.
//!
//! A launch begins here at once and moves to the grid as soon as the node is a member. Leases and
//! results are the node's; which worker computes is [`crate::pool`]'s.

use base::NodeId;
use bytes::Bytes;
use node::{AuditOrder, Failure, JobId, Verdict, WorkId};
use peer::Input;

use super::Driver;
use crate::host::Note;
use crate::pool::{Answer, Breakdown, Errand, NOBODY_LEFT};
use crate::solo::{Solo, Stage};
use crate::workload::{Picture, ViewObject};

/// Pictures of jobs that are remembered for their tiles' places: twice what a node keeps of jobs.
/// Beyond it the one with the lowest id is forgotten, and its tiles are not shown any more.
const PICTURES_MAX: usize = 32;

impl Driver {
    pub(super) fn set_cores(&mut self, count: u16, paused: bool, intensity: u8) {
        let resumed = self.paused && !paused;
        (self.cores, self.paused) = (count, paused);
        self.pool.pace(intensity);
        self.pool.resize(count);
        self.tell_slots();
        if let Some(solo) = &mut self.solo {
            match (paused, resumed) {
                (true, _) if solo.stage == Stage::Alone => solo.halt(&mut self.pool),
                (false, _) => solo.order(&mut self.pool, count),
                _ => {}
            }
        }
    }

    /// As many as can compute: workers may have broken down for good.
    pub(super) fn tell_slots(&mut self) {
        let (workers, _) = self.pool.count();
        let workers = u16::try_from(workers).unwrap_or(u16::MAX);
        let slots = if self.paused { 0 } else { self.cores.min(workers) };
        self.tell(Input::Slots(slots));
    }

    /// Takes no more tiles; `finished` is posted once none is in hand. What waits in the node's
    /// queue is handed back by its goodbye.
    pub(super) fn finish(&mut self) {
        self.finishing = true;
        self.finish_if_idle();
    }

    fn finish_if_idle(&self) {
        if self.finishing && !self.pool.has(|errand| matches!(errand, Errand::Grid(_))) {
            Note::new("finished").post(&self.host);
        }
    }

    pub(super) fn on_worker_broke(&mut self, number: u32, reason: &str) {
        let Some(Breakdown { replaced, lost }) = self.pool.broke(number) else { return };
        Note::event("worker-broke")
            .with("reason", reason)
            .with("replaced", replaced)
            .with("gone", self.pool.is_gone())
            .post(&self.host);
        for errand in lost {
            match errand {
                // The worker is to blame, not the task: this peer may be given it again.
                Errand::Grid(work) => {
                    self.tell(Input::Computed { work, outcome: Err(Failure::Stopped) });
                }
                errand => self.on_answer(errand, Err(reason.to_owned())),
            }
        }
        self.tell_slots();
    }

    pub(super) fn compute(&mut self, work: WorkId, task: u32, params: &[u8]) {
        if let Some(payload) = self.solo.as_ref().and_then(|solo| solo.known(params, task)) {
            return self.tell(Input::Computed { work, outcome: Ok(payload) });
        }
        if self.finishing || !self.pool.order(Errand::Grid(work), params.into(), task, false) {
            self.tell(Input::Computed { work, outcome: Err(Failure::Stopped) });
        }
    }

    pub(super) fn audit(&mut self, order: AuditOrder) {
        let audit = order.audit;
        if !self.pool.audit(order) {
            self.tell(Input::Audited { audit, verdict: Verdict::Stopped });
        }
    }

    pub(super) fn on_answer(&mut self, errand: Errand, outcome: Result<Answer, String>) {
        if let Errand::Audit(audit) = errand {
            let verdict = match outcome {
                Ok(Answer::Verdict(true)) => Verdict::Sound,
                Ok(Answer::Verdict(false)) => Verdict::Unsound,
                // The worker is to blame, not the tile.
                _ => Verdict::Stopped,
            };
            return self.tell(Input::Audited { audit, verdict });
        }
        let outcome = outcome.and_then(|answer| match answer {
            Answer::Tile(payload) => Ok(payload),
            Answer::Verdict(_) => Err("an answer to another question".to_owned()),
        });
        self.on_computed(errand, outcome);
    }

    fn on_computed(&mut self, errand: Errand, outcome: Result<Vec<u8>, String>) {
        match errand {
            Errand::Audit(_) => {}
            Errand::Grid(work) => {
                let outcome = outcome.map(Bytes::from).map_err(Failure::Failed);
                self.tell(Input::Computed { work, outcome });
                self.finish_if_idle();
            }
            Errand::Solo(task) => self.on_solo_computed(task, outcome),
            Errand::Preview { picture, task } => {
                self.previews.on_computed(&picture, task, outcome);
            }
        }
    }

    /// Renders for this tab: alone at once, and through the grid as soon as the node is a member.
    pub(super) fn launch(&mut self, name: String, view: &ViewObject) {
        let picture = match Picture::from_page(view) {
            Ok(picture) => picture,
            Err(reason) => return Note::refused(&name, &reason).post(&self.host),
        };
        let is_ready = self.node().is_some_and(node::Node::is_ready);
        if !is_ready && self.pool.is_gone() {
            return Note::refused(&name, NOBODY_LEFT).post(&self.host);
        }
        self.end_solo();
        let solo = Solo::new(name, picture);
        opened_note(&solo.name, "", true, &solo.picture).post(&self.host);
        self.solo = Some(solo);
        if is_ready {
            self.give_solo();
        } else if let Some(solo) = &mut self.solo
            && !self.paused
        {
            solo.order(&mut self.pool, self.cores);
        }
    }

    /// The grid takes over what this tab has begun alone.
    pub(super) fn give_solo(&mut self) {
        let created = self.timer.unix_micros();
        let Some(solo) = &mut self.solo else { return };
        if solo.stage != Stage::Alone {
            return;
        }
        solo.halt(&mut self.pool);
        solo.stage = Stage::Submitting { created };
        let params = Bytes::copy_from_slice(&solo.picture.params);
        let (kind, tasks) = (solo.picture.kind(), solo.picture.tasks());
        self.tell(Input::Submit { created, kind, tasks, params });
    }

    pub(super) fn on_submitted(&mut self, created: u64, job: JobId) {
        match &mut self.solo {
            Some(solo) if solo.stage == (Stage::Submitting { created }) => {
                solo.stage = Stage::Given { job };
                Note::new("renamed")
                    .with("from", solo.name.as_str())
                    .with("to", job.to_string())
                    .post(&self.host);
            }
            // Cancelled, or replaced by another, while it was being signed.
            _ => self.tell(Input::Cancel(job)),
        }
    }

    /// The grid did not get this submission: this tab goes on alone.
    pub(super) fn take_back(&mut self, created: u64) {
        let Some(solo) = &mut self.solo else { return };
        if solo.stage != (Stage::Submitting { created }) {
            return;
        }
        solo.stage = Stage::Alone;
        if !self.paused {
            solo.order(&mut self.pool, self.cores);
        }
    }

    /// The page tells the visitor why; there is nothing to go on with.
    pub(super) fn on_job_refused(&mut self, job: JobId) {
        self.solo.take_if(|solo| solo.stage == Stage::Given { job });
    }

    fn on_solo_computed(&mut self, task: u32, outcome: Result<Vec<u8>, String>) {
        let me = self.node().map(|node| node.id().to_string());
        let Some(solo) = &mut self.solo else { return };
        match outcome {
            Ok(payload) => {
                let me = me.as_deref().unwrap_or("self");
                solo.picture.post_tile(&self.host, &solo.name, me, task, &payload);
                if solo.finished(task, payload.into()) {
                    Note::event("job-changed")
                        .with("job", solo.name.as_str())
                        .with("state", "finished")
                        .post(&self.host);
                }
                solo.order(&mut self.pool, self.cores);
            }
            Err(reason) => {
                solo.halt(&mut self.pool);
                solo.stage = Stage::Ended;
                Note::refused(&solo.name, &reason).post(&self.host);
            }
        }
    }

    pub(super) fn cancel(&mut self, job: &str) {
        let solo = self.solo.as_ref().filter(|solo| solo.name == job);
        match solo.map(|solo| solo.stage) {
            // The page has not heard of the job's new name yet.
            Some(Stage::Given { job }) => self.tell(Input::Cancel(job)),
            Some(_) => self.end_solo(),
            None => {
                if let Ok(job) = job.parse() {
                    self.tell(Input::Cancel(job));
                }
            }
        }
    }

    /// Follows a job of the network, as soon as this tab is a member. What is no id is no job.
    pub(super) fn watch(&mut self, job: &str) {
        self.watched = job.parse().ok();
        if self.node().is_some_and(node::Node::is_ready) {
            self.watch_now();
        }
    }

    pub(super) fn watch_now(&mut self) {
        if let Some(job) = self.watched {
            self.tell(Input::Watch(job));
        }
    }

    /// Stops what this tab renders alone, or has not given to the grid yet, and says so. What the
    /// grid has goes on there.
    fn end_solo(&mut self) {
        let Some(mut solo) = self.solo.take() else { return };
        solo.halt(&mut self.pool);
        if matches!(solo.stage, Stage::Alone | Stage::Submitting { .. }) {
            Note::event("job-changed")
                .with("job", solo.name.as_str())
                .with("state", "cancelled")
                .post(&self.host);
        }
    }

    pub(super) fn on_job_opened(
        &mut self,
        job: JobId,
        owner: NodeId,
        kind: u16,
        params: &[u8],
        tasks: u32,
    ) {
        // Both were appraised before; a job that cannot be read is no job of ours.
        let Ok(picture) = Picture::from_job(kind, params, tasks) else { return };
        // A job's id begins like its creator's.
        let mine = self.node().is_some_and(|node| node.id().value() >> 64 == job.value() >> 64);
        let is_wanted = self.solo.as_ref().is_some_and(|solo| solo.stage == Stage::Given { job });
        if mine && !is_wanted && self.watched != Some(job) {
            // Cancelled while it was being signed: it ends in this turn, and is not worth a word.
            return;
        }
        opened_note(&job.to_string(), &owner.to_string(), mine, &picture).post(&self.host);
        self.pictures.insert(job, picture);
        if self.pictures.len() > PICTURES_MAX {
            self.pictures.pop_first();
        }
    }
}

fn opened_note(name: &str, owner: &str, mine: bool, picture: &Picture) -> Note {
    let note = Note::new("opened")
        .with("picture", name)
        .with("owner", owner)
        .with("mine", mine)
        .with("tasks", picture.tasks())
        .with("view", picture.describe());
    match picture.describe_frames() {
        Some(frames) => note.with("frames", frames),
        None => note,
    }
}
