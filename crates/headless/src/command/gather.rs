//! The tiles of one job, collected from wherever they come, until they are files.
//!
//! A single picture is written when the job is over. Of a job of many frames each is written as soon
//! as its tiles are here, so what is in memory is the frames under way.

use std::collections::{BTreeSet, VecDeque};

use anyhow::Context as _;
use base::{Duration, Time};
use bytes::Bytes;
use fractal::Frames;
use node::{Event as NodeEvent, GridEvent, JobId, JobState, Measures, Traffic};
use peer::Event;
use tokio::task::JoinSet;

use super::interrupted;
use crate::album::Album;
use crate::driver::{Driver, Notice};
use crate::failure::{Code, Failure};
use crate::picture::{Draft, Picture};
use crate::progress::Progress;
use crate::report::Outcome;
use crate::signals::Signals;

/// Files written at once: computing matters more.
const WRITING_MAX: usize = 2;

/// After the end of a job, a tile that is not here by then is computed here. A peer asks for it every
/// few seconds.
const STRAGGLER_MAX: std::time::Duration = std::time::Duration::from_secs(20);

/// Where the tiles go.
pub(super) enum Output {
    /// Nobody wants a file.
    Nothing,
    /// One picture. Without a draft once that is being filled.
    File(Box<Picture>, Option<Draft>),
    /// A file for each frame.
    Album(Box<Album>),
}

/// A job under way.
pub(super) struct Gather {
    frames: Frames,
    output: Output,
    file: Option<String>,
    pub(super) progress: Progress,
    /// For each task, whether it is done.
    is_done: Vec<bool>,
    /// One for each task, of frames that are not written yet.
    payloads: Vec<Option<Bytes>>,
    done: u32,
    /// Files being written; each says how many tiles were computed for it.
    writing: JoinSet<anyhow::Result<u32>>,
    /// Complete frames that wait for their turn.
    waiting: VecDeque<(u32, Vec<Option<Bytes>>)>,
    written: BTreeSet<u32>,
    /// Frames that were written with a tile that turned out to be wrong.
    doubtful: BTreeSet<u32>,
    repaired: u32,
}

impl Gather {
    /// Nothing of a job yet.
    pub(super) fn new(frames: Frames, output: Output, progress: Progress) -> Self {
        let tasks = frames.task_count() as usize;
        let file = match &output {
            Output::Nothing => None,
            Output::File(_, draft) => draft.as_ref().map(Draft::target),
            Output::Album(album) => Some(album.directory()),
        };
        Gather {
            file: file.map(|path| path.display().to_string()),
            frames,
            output,
            progress,
            is_done: vec![false; tasks],
            payloads: vec![None; tasks],
            done: 0,
            writing: JoinSet::new(),
            waiting: VecDeque::new(),
            written: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            repaired: 0,
        }
    }

    /// What is computed.
    pub(super) fn frames(&self) -> &Frames {
        &self.frames
    }

    pub(super) fn is_complete(&self) -> bool {
        self.done == self.frames.task_count()
    }

    /// Keeps the first payload of each tile.
    pub(super) fn take(&mut self, task: u32, payload: Bytes) {
        let Some(is_done @ false) = self.is_done.get_mut(task as usize) else { return };
        *is_done = true;
        self.done += 1;
        self.progress.advance();
        if !matches!(self.output, Output::Nothing) {
            self.payloads[task as usize] = Some(payload);
        }
        self.write_frame_of(task);
    }

    /// A tile was none.
    fn put_back(&mut self, task: u32) {
        let Some(is_done @ true) = self.is_done.get_mut(task as usize) else { return };
        *is_done = false;
        self.done -= 1;
        self.progress.retreat();
        self.payloads[task as usize] = None;
        if let Some((frame, _)) = self.frames.place(task)
            && self.written.contains(&frame)
        {
            self.doubtful.insert(frame);
        }
    }

    /// The tasks of a frame.
    fn tasks_of(&self, frame: u32) -> std::ops::Range<usize> {
        let tiles = self.frames.tiles().count() as usize;
        frame as usize * tiles..(frame as usize + 1) * tiles
    }

    /// Begins to write the frame of a task, if this was its last.
    fn write_frame_of(&mut self, task: u32) {
        let Some((frame, _)) = self.frames.place(task) else { return };
        let tasks = self.tasks_of(frame);
        if matches!(self.output, Output::Album(_))
            && !self.written.contains(&frame)
            && self.is_done[tasks.clone()].iter().all(|done| *done)
        {
            self.written.insert(frame);
            self.write_frame(frame);
        }
    }

    fn write_frame(&mut self, frame: u32) {
        let tasks = self.tasks_of(frame);
        let payloads = self.payloads[tasks].iter_mut().map(Option::take).collect();
        self.waiting.push_back((frame, payloads));
        self.write_next();
    }

    fn write_next(&mut self) {
        let Output::Album(album) = &self.output else { return };
        while self.writing.len() < WRITING_MAX
            && let Some((frame, payloads)) = self.waiting.pop_front()
        {
            if !album.has(frame) {
                let album = album.clone();
                self.writing.spawn_blocking(move || album.write(frame, &payloads));
            }
        }
    }

    /// Waits for a file under way; false when there is none. Cancel-safe.
    async fn file_written(&mut self) -> Result<bool, Failure> {
        let Some(written) = self.writing.join_next().await else { return Ok(false) };
        self.repaired += written.context("writing")??;
        self.write_next();
        Ok(true)
    }

    /// Waits for a file to fail; never when none does. Cancel-safe.
    pub(super) async fn file_failed(&mut self) -> Failure {
        loop {
            match self.file_written().await {
                Ok(true) => {}
                Ok(false) => std::future::pending().await,
                Err(failure) => return failure,
            }
        }
    }

    /// Waits for the tiles of `job` until it is finished. A worker hears of the end from the owner,
    /// and may lack some tiles then: they are waited for as long as they come.
    pub(super) async fn collect(
        &mut self,
        driver: &mut Driver,
        job: JobId,
        signals: &mut Signals,
    ) -> Result<(), Failure> {
        self.progress.begin(self.frames.task_count());
        let mut is_over = false;
        let mut known = self.done;
        let too_late = tokio::time::sleep(STRAGGLER_MAX);
        tokio::pin!(too_late);
        while !(is_over && self.is_complete()) {
            tokio::select! {
                notice = driver.next() => {
                    if let Notice::Event(Event::Node(NodeEvent::Grid(event))) = notice {
                        let is_end = self.on_grid(job, event)?;
                        if is_end || self.done != known {
                            too_late.as_mut().reset(tokio::time::Instant::now() + STRAGGLER_MAX);
                        }
                        (is_over, known) = (is_over || is_end, self.done);
                    }
                }
                failure = self.file_failed() => return Err(failure),
                () = &mut too_late, if is_over => break,
                code = signals.next() => return Err(interrupted(code)),
            }
        }
        Ok(())
    }

    /// Whether the job is finished.
    fn on_grid(&mut self, mine: JobId, event: GridEvent) -> Result<bool, Failure> {
        match event {
            GridEvent::TaskDone { job, task, payload, .. } if job == mine => {
                self.take(task, payload);
            }
            GridEvent::TaskRevoked { job, task, .. } if job == mine => self.put_back(task),
            GridEvent::WorkerBarred { job, worker, reviewed } if job == mine => {
                let tiles = format!("{reviewed} others of it are looked at again");
                self.progress.say(&format!("{worker:?} was caught with a wrong tile; {tiles}"));
            }
            GridEvent::Participants { job, count } if job == mine => self.progress.peers(count),
            GridEvent::JobRefused { job, reason } if job == mine => {
                return Err(Failure::usage(format_args!("the job was refused: {reason}")));
            }
            GridEvent::JobChanged { job, state } if job == mine => match state {
                JobState::Running => {}
                JobState::Finished => return Ok(true),
                JobState::Orphaned => self.progress.say("the owner is gone; another takes over"),
                JobState::Cancelled => {
                    let (done, of) = (self.done, self.is_done.len());
                    let message = format!("the job was cancelled with {done} of {of} tiles done");
                    return Err(Failure::new(Code::Incomplete, message));
                }
            },
            GridEvent::OwnerChanged { job, owner, .. } if job == mine => {
                self.progress.say(&format!("{owner:?} owns the job now"));
            }
            _ => {}
        }
        Ok(false)
    }

    /// Writes the files of a finished `job`, which began at `begun`. The links live on meanwhile:
    /// others may still want tiles.
    pub(super) async fn finish(
        &mut self,
        driver: &mut Driver,
        job: JobId,
        begun: Time,
        signals: &mut Signals,
    ) -> Result<Outcome, Failure> {
        let took = driver.now().since(begun);
        let node = driver.node().context("a job has a node")?;
        let (summary, me) = (node.job(job), node.id());
        let (traffic, measures) = (node.traffic(), node.measures());
        {
            let write = self.write();
            tokio::pin!(write);
            loop {
                tokio::select! {
                    written = &mut write => break written?,
                    _ = driver.next() => {}
                    code = signals.next() => return Err(interrupted(code)),
                }
            }
        }
        let alone = self.alone(took);
        Ok(Outcome { job: summary, me: Some(me), traffic, measures, ..alone })
    }

    /// Writes whatever is not yet: the picture, frames that lack a tile, and those of which a tile was
    /// wrong. What is missing or damaged is computed here.
    pub(super) async fn write(&mut self) -> Result<(), Failure> {
        while self.file_written().await? {}
        match &mut self.output {
            Output::Nothing => {}
            Output::File(picture, draft) => {
                let (picture, draft) = (picture.clone(), draft.take());
                let payloads = std::mem::take(&mut self.payloads);
                if let Some(draft) = draft {
                    let file = draft.target().to_owned();
                    let write =
                        move || draft.complete(|out| picture.write_as(&file, out, &payloads));
                    self.writing.spawn_blocking(write);
                }
            }
            Output::Album(_) => {
                let left = |frame: &u32| !self.written.contains(frame);
                let mut frames: BTreeSet<u32> = (0..self.frames.count()).filter(left).collect();
                frames.append(&mut self.doubtful);
                for frame in frames {
                    self.write_frame(frame);
                }
            }
        }
        while self.file_written().await? {}
        if self.repaired > 0 {
            let repaired = self.repaired;
            tracing::warn!(repaired, "tiles were missing or damaged, and computed here");
        }
        Ok(())
    }

    /// What there is to tell of a job computed without a network.
    pub(super) fn alone(&self, took: Duration) -> Outcome {
        let tiles = self.frames.tiles();
        Outcome {
            job: None,
            me: None,
            tiles: self.frames.task_count(),
            frames: self.frames.count(),
            took,
            size: (tiles.width(), tiles.height()),
            traffic: Traffic::default(),
            measures: Measures::default(),
            repaired: self.repaired,
            file: self.file.clone(),
        }
    }
}
