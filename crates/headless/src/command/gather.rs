//! The tiles of one picture, collected from wherever they come, until they are a file.

use anyhow::Context as _;
use base::{Duration, Time};
use bytes::Bytes;
use node::{Event as NodeEvent, GridEvent, JobId, JobState, Measures, Traffic};
use peer::Event;

use super::interrupted;
use crate::driver::{Driver, Notice};
use crate::failure::{Code, Failure};
use crate::picture::{Draft, Picture};
use crate::progress::Progress;
use crate::report::Outcome;
use crate::signals::Signals;

/// After the end of a job, a tile that is not here by then is computed here. A peer asks for it every
/// few seconds.
const STRAGGLER_MAX: std::time::Duration = std::time::Duration::from_secs(20);

/// A picture under way.
pub(super) struct Gather {
    picture: Picture,
    /// `None` once it is complete, or when nobody wants a file.
    draft: Option<Draft>,
    file: Option<String>,
    pub(super) progress: Progress,
    /// One for each task.
    payloads: Vec<Option<Bytes>>,
    done: u32,
}

impl Gather {
    /// Nothing of `picture` yet; to become `draft`, if a file is wanted.
    pub(super) fn new(picture: Picture, draft: Option<Draft>, progress: Progress) -> Self {
        Gather {
            payloads: vec![None; picture.spec.task_count() as usize],
            picture,
            file: draft.as_ref().map(|draft| draft.target().display().to_string()),
            draft,
            progress,
            done: 0,
        }
    }

    pub(super) fn picture(&self) -> &Picture {
        &self.picture
    }

    /// How many tiles there are.
    pub(super) fn tasks(&self) -> u32 {
        self.picture.spec.task_count()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.done == self.tasks()
    }

    /// Keeps the first payload of each tile.
    pub(super) fn take(&mut self, task: u32, payload: Bytes) {
        if let Some(slot @ None) = self.payloads.get_mut(task as usize) {
            *slot = Some(payload);
            self.done += 1;
            self.progress.advance();
        }
    }

    /// A tile was none.
    fn put_back(&mut self, task: u32) {
        if let Some(Some(_)) = self.payloads.get_mut(task as usize).map(Option::take) {
            self.done -= 1;
            self.progress.retreat();
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
        self.progress.begin(self.tasks());
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
                    let (done, of) = (self.done, self.payloads.len());
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

    /// Writes the file of a finished `job`, which began at `begun`. The links live on meanwhile:
    /// others may still want tiles.
    pub(super) async fn finish(
        &mut self,
        driver: &mut Driver,
        job: JobId,
        begun: Time,
    ) -> Result<Outcome, Failure> {
        let took = driver.now().since(begun);
        let node = driver.node().context("a job has a node")?;
        let (summary, me) = (node.job(job), node.id());
        let (traffic, measures) = (node.traffic(), node.measures());
        let write = self.write();
        tokio::pin!(write);
        let repaired = loop {
            tokio::select! {
                written = &mut write => break written?,
                _ = driver.next() => {}
            }
        };
        let alone = self.alone(took, repaired);
        Ok(Outcome { job: summary, me: Some(me), traffic, measures, ..alone })
    }

    /// Writes the file, if one is wanted; returns how many tiles were missing or damaged, and
    /// computed here.
    pub(super) fn write(&mut self) -> impl Future<Output = Result<u32, Failure>> + use<> {
        let payloads = std::mem::take(&mut self.payloads);
        let (picture, draft) = (self.picture.clone(), self.draft.take());
        async move {
            let Some(draft) = draft else { return Ok(0) };
            let write = move || draft.complete(|out| picture.write(out, &payloads));
            let repaired = tokio::task::spawn_blocking(write).await.context("writing")??;
            if repaired > 0 {
                tracing::warn!(repaired, "tiles were missing or damaged, and computed here");
            }
            Ok(repaired)
        }
    }

    /// What there is to tell of a picture computed without a network.
    pub(super) fn alone(&self, took: Duration, repaired: u32) -> Outcome {
        let spec = &self.picture.spec;
        Outcome {
            job: None,
            me: None,
            tiles: spec.task_count(),
            took,
            size: (spec.width(), spec.height()),
            traffic: Traffic::default(),
            measures: Measures::default(),
            repaired,
            file: self.file.clone(),
        }
    }
}
