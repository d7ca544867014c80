//! The files of a job under way: the tiles that wait for them, and the writing beside everything else.
//!
//! Which tiles are here is not known here.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;

use anyhow::Context as _;
use bytes::Bytes;
use fractal::Frames;
use tokio::task::JoinSet;

use super::Output;
use crate::failure::Failure;

/// Files written at once: computing matters more.
const WRITING_MAX: usize = 2;

/// Tiles on their way into files.
pub(super) struct Files {
    frames: Frames,
    output: Output,
    name: Option<String>,
    /// One for each task, of frames that are not written yet.
    payloads: Vec<Option<Bytes>>,
    /// Files being written; each says how many tiles were computed for it.
    writing: JoinSet<anyhow::Result<u32>>,
    /// Complete frames that wait for their turn.
    waiting: VecDeque<(u32, Vec<Option<Bytes>>)>,
    written: BTreeSet<u32>,
    /// Frames that were written with a tile that turned out to be wrong.
    doubtful: BTreeSet<u32>,
    repaired: u32,
}

impl Files {
    /// Nothing yet.
    pub(super) fn new(frames: Frames, output: Output) -> Self {
        Files {
            payloads: vec![None; frames.task_count() as usize],
            frames,
            name: output.name(),
            output,
            writing: JoinSet::new(),
            waiting: VecDeque::new(),
            written: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            repaired: 0,
        }
    }

    /// Where the tiles go, which was not known.
    pub(super) fn set_output(&mut self, output: Output) {
        self.name = output.name();
        self.output = output;
    }

    /// The file, or the directory.
    pub(super) fn name(&self) -> Option<&String> {
        self.name.as_ref()
    }

    /// Tiles that were missing or damaged, and computed here.
    pub(super) fn repaired(&self) -> u32 {
        self.repaired
    }

    /// A tile is here.
    pub(super) fn put(&mut self, task: u32, payload: Bytes) {
        if !matches!(self.output, Output::Nothing)
            && let Some(place) = self.payloads.get_mut(task as usize)
        {
            *place = Some(payload);
        }
    }

    /// A tile was none.
    pub(super) fn take_back(&mut self, task: u32) {
        if let Some(place) = self.payloads.get_mut(task as usize) {
            *place = None;
        }
        if let Some((frame, _)) = self.frames.place(task)
            && self.written.contains(&frame)
        {
            self.doubtful.insert(frame);
        }
    }

    /// The tasks of a frame.
    pub(super) fn tasks_of(&self, frame: u32) -> Range<usize> {
        let tiles = self.frames.tiles().count() as usize;
        frame as usize * tiles..(frame as usize + 1) * tiles
    }

    /// Begins to write a frame, of which all tiles are here.
    pub(super) fn complete(&mut self, frame: u32) {
        if matches!(self.output, Output::Album(_)) && self.written.insert(frame) {
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
    async fn written(&mut self) -> Result<bool, Failure> {
        let Some(written) = self.writing.join_next().await else { return Ok(false) };
        self.repaired += written.context("writing")??;
        self.write_next();
        Ok(true)
    }

    /// Waits for a file to fail; never when none does. Cancel-safe.
    pub(super) async fn failed(&mut self) -> Failure {
        loop {
            match self.written().await {
                Ok(true) => {}
                Ok(false) => std::future::pending().await,
                Err(failure) => return failure,
            }
        }
    }

    /// Writes whatever is not yet: the picture, frames that lack a tile, and those of which a tile was
    /// wrong. What is missing or damaged is computed here.
    pub(super) async fn write(&mut self) -> Result<(), Failure> {
        while self.written().await? {}
        match &mut self.output {
            Output::Unknown | Output::Nothing => {}
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
        while self.written().await? {}
        if self.repaired > 0 {
            let repaired = self.repaired;
            tracing::warn!(repaired, "tiles were missing or damaged, and computed here");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::album::Album;
    use crate::album::tests::{Directory, look, zoom};

    fn payload(frames: &Frames, task: u32) -> Bytes {
        let (frame, tile) = frames.place(task).unwrap();
        let spec = frames.spec(simd::best(), frame).unwrap();
        fractal::encode_tile(&fractal::compute(&spec, tile).unwrap()).into()
    }

    /// The frames of a zoom of four have one tile each.
    #[tokio::test]
    async fn tiles_that_came_before_the_place_was_known_are_written() {
        let (directory, frames) = (Directory::new("late"), zoom());
        let mut files = Files::new(frames.clone(), Output::Unknown);
        for task in [0, 2] {
            files.put(task, payload(&frames, task));
            files.complete(task);
        }
        assert_eq!((files.name(), files.repaired()), (None, 0));
        let album = Album::open(&directory.0, &frames, look()).unwrap();
        files.set_output(Output::Album(Box::new(album.clone())));
        files.complete(0);
        files.put(1, payload(&frames, 1));
        files.complete(1);
        // One that was written turns out to be none, and does not come again.
        files.take_back(1);
        files.write().await.unwrap();
        assert_eq!(files.repaired(), 2, "frames 1 and 3 are computed here");
        assert_eq!(Album::open(&directory.0, &frames, look()).unwrap().found(), 4);
        assert_eq!(files.name(), Some(&directory.0.display().to_string()));
    }
}
