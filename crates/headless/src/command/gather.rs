//! The tiles of one job, collected from wherever they come, until they are files.
//!
//! A single picture is written when the job is over. Of a job of many frames each is written as soon
//! as its tiles are here, so what is in memory is the frames under way.

mod files;

use anyhow::Context as _;
use base::{Duration, Time};
use bytes::Bytes;
use fractal::Frames;
use node::{Event as NodeEvent, GridEvent, JobId, JobState, Measures, Traffic};
use peer::Event;
use tokio::task::JoinHandle;

use super::interrupted;
use crate::album::Album;
use crate::draft::Draft;
use crate::driver::{Driver, Notice};
use crate::failure::{Code, Failure};
use crate::picture::Picture;
use crate::progress::Progress;
use crate::report::Outcome;
use crate::signals::Signals;
use files::Files;

/// After the end of a job, a tile that is not here by then is computed here. A peer asks for it every
/// few seconds.
const STRAGGLER_MAX: std::time::Duration = std::time::Duration::from_secs(20);

/// Where the tiles go.
pub(super) enum Output {
    /// Not known yet.
    Unknown,
    /// Nobody wants a file.
    Nothing,
    /// One picture. Without a draft once that is being filled.
    File(Box<Picture>, Option<Draft>),
    /// A file for each frame.
    Album(Box<Album>),
}

impl Output {
    /// The file, or the directory.
    fn name(&self) -> Option<String> {
        let path = match self {
            Output::Unknown | Output::Nothing => None,
            Output::File(_, draft) => draft.as_ref().map(Draft::target),
            Output::Album(album) => Some(album.directory()),
        };
        path.map(|path| path.display().to_string())
    }
}

/// A job under way.
pub(super) struct Gather {
    frames: Frames,
    files: Files,
    pub(super) progress: Progress,
    /// For each task, whether it is done.
    is_done: Vec<bool>,
    done: u32,
    /// Whether the job is known to be finished.
    is_over: bool,
}

impl Gather {
    /// Nothing of a job yet.
    pub(super) fn new(frames: Frames, output: Output, progress: Progress) -> Self {
        Gather {
            is_done: vec![false; frames.task_count() as usize],
            files: Files::new(frames.clone(), output),
            frames,
            progress,
            done: 0,
            is_over: false,
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
        self.files.put(task, payload);
        if let Some((frame, _)) = self.frames.place(task) {
            self.write_if_complete(frame);
        }
    }

    /// A tile was none.
    fn put_back(&mut self, task: u32) {
        let Some(is_done @ true) = self.is_done.get_mut(task as usize) else { return };
        *is_done = false;
        self.done -= 1;
        self.progress.retreat();
        self.files.take_back(task);
    }

    fn write_if_complete(&mut self, frame: u32) {
        if self.is_done[self.files.tasks_of(frame)].iter().all(|done| *done) {
            self.files.complete(frame);
        }
    }

    /// Waits for a file to fail; never when none does. Cancel-safe.
    pub(super) async fn file_failed(&mut self) -> Failure {
        self.files.failed().await
    }

    /// Writes whatever is not yet. What is missing or damaged is computed here.
    pub(super) async fn write(&mut self) -> Result<(), Failure> {
        self.files.write().await
    }

    /// Takes what comes of `job` while `opening` looks at where it is to go, which may take long
    /// where there are many files.
    pub(super) async fn open(
        &mut self,
        mut opening: JoinHandle<Result<Output, Failure>>,
        driver: &mut Driver,
        job: JobId,
        signals: &mut Signals,
    ) -> Result<(), Failure> {
        self.progress.begin(self.frames.task_count());
        let output = loop {
            tokio::select! {
                opened = &mut opening => break opened.context("looking at the files")??,
                notice = driver.next() => self.on_notice(job, notice)?,
                code = signals.next() => return Err(interrupted(code)),
            }
        };
        self.files.set_output(output);
        (0..self.frames.count()).for_each(|frame| self.write_if_complete(frame));
        Ok(())
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
        let mut known = (self.is_over, self.done);
        let too_late = tokio::time::sleep(STRAGGLER_MAX);
        tokio::pin!(too_late);
        while !(self.is_over && self.is_complete()) {
            tokio::select! {
                notice = driver.next() => {
                    self.on_notice(job, notice)?;
                    if known != (self.is_over, self.done) {
                        too_late.as_mut().reset(tokio::time::Instant::now() + STRAGGLER_MAX);
                    }
                    known = (self.is_over, self.done);
                }
                failure = self.file_failed() => return Err(failure),
                () = &mut too_late, if self.is_over => break,
                code = signals.next() => return Err(interrupted(code)),
            }
        }
        Ok(())
    }

    fn on_notice(&mut self, mine: JobId, notice: Notice) -> Result<(), Failure> {
        let Notice::Event(Event::Node(NodeEvent::Grid(event))) = notice else { return Ok(()) };
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
                JobState::Finished => self.is_over = true,
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
        Ok(())
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
            repaired: self.files.repaired(),
            file: self.files.name().cloned(),
        }
    }
}
