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

    /// Waits for the tiles of `job` until it is finished.
    pub(super) async fn collect(
        &mut self,
        driver: &mut Driver,
        job: JobId,
        signals: &mut Signals,
    ) -> Result<(), Failure> {
        self.progress.begin(self.tasks());
        loop {
            tokio::select! {
                notice = driver.next() => {
                    if let Notice::Event(Event::Node(NodeEvent::Grid(event))) = notice
                        && self.on_grid(job, event)?
                    {
                        return Ok(());
                    }
                }
                code = signals.next() => return Err(interrupted(code)),
            }
        }
    }

    /// Whether the job is finished.
    fn on_grid(&mut self, mine: JobId, event: GridEvent) -> Result<bool, Failure> {
        match event {
            GridEvent::TaskDone { job, task, payload, .. } if job == mine => {
                self.take(task, payload);
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
