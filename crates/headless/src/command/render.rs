//! `millefeuille render`: one picture, computed by the network or by this machine alone.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context as _;
use base::{Duration, Time};
use bytes::Bytes;
use fractal::{Colouring, Palette, View};
use headless::clock::Clock;
use node::{Event as NodeEvent, GridEvent, JobId, JobState, Traffic, WorkId};
use peer::{Event, Input};

use super::which::{Constant, Which};
use super::{Helpers, Patience, Resources, say_goodbye};
use crate::driver::{Driver, Notice, seed};
use crate::failure::{Code, Failure};
use crate::picture::{Draft, Picture};
use crate::pool::Pool;
use crate::progress::Progress;
use crate::report::{self, Outcome};
use crate::signals::Signals;
use crate::workload;

/// A render that is no member of the network by then gives up.
const READY_MAX: Duration = Duration::from_secs(60);

/// Compute a picture with the help of a network, and write it as PNG
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    helpers: Helpers,
    #[command(flatten)]
    which: Which,
    /// Real part of the centre
    #[arg(long, value_name = "S", allow_hyphen_values = true)]
    re: Option<String>,
    /// Imaginary part of the centre
    #[arg(long, value_name = "S", allow_hyphen_values = true)]
    im: Option<String>,
    /// Magnification; 1 shows a width of 4
    #[arg(long, value_name = "S", allow_hyphen_values = true)]
    zoom: Option<String>,
    /// Iterations after which a point counts as inside
    #[arg(long, value_name = "N", default_value_t = View::default().max_iter)]
    max_iter: u32,
    /// Pixels
    #[arg(long, value_name = "WxH", default_value = "1024x1024")]
    size: Size,
    /// Points computed for each pixel in each direction: 1, 2 or 4
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = samples)]
    samples: u32,
    /// Colours
    #[arg(long, value_name = "P", default_value_t)]
    palette: Palette,
    /// How often colours come round, relative to the usual 1
    #[arg(long, value_name = "X", default_value_t = Colouring::default().density)]
    density: f64,
    /// Where in the palette to begin, in turns
    #[arg(long, value_name = "X", default_value_t = Colouring::default().offset)]
    #[arg(allow_hyphen_values = true)]
    offset: f64,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) u32, pub(super) u32);

impl FromStr for Size {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sides = text.split_once(['x', 'X', '×']).ok_or("write width x height: 1920x1080")?;
        match (sides.0.parse(), sides.1.parse()) {
            (Ok(width), Ok(height)) => Ok(Size(width, height)),
            _ => Err("write width x height: 1920x1080"),
        }
    }
}

fn samples(text: &str) -> Result<u32, &'static str> {
    let samples = text.parse().ok().filter(|samples| [1, 2, 4].contains(samples));
    samples.ok_or("there are 1, 2 and 4")
}

impl Args {
    fn view(&self) -> Result<View, Failure> {
        let (formula, Constant(c_re, c_im)) = self.which.resolve()?;
        let centre = formula.centre();
        let or = |given: &Option<String>, usual: &str| given.clone().unwrap_or(usual.to_owned());
        Ok(View {
            formula,
            re: or(&self.re, centre.0),
            im: or(&self.im, centre.1),
            zoom: or(&self.zoom, "1"),
            c_re,
            c_im,
            max_iter: self.max_iter,
            width: self.size.0.saturating_mul(self.samples),
            height: self.size.1.saturating_mul(self.samples),
        })
    }
}

/// Computes, writes, and tells about it.
pub(crate) async fn run(args: &Args, is_json: bool, is_quiet: bool) -> Result<(), Failure> {
    let view = args.view()?;
    let spec = view.validate().map_err(Failure::usage)?;
    let colouring = Colouring { density: args.density, offset: args.offset };
    let picture = Picture { view, spec, samples: args.samples, palette: args.palette, colouring };
    let signals = Signals::listen().map_err(anyhow::Error::from)?;
    let mut render = Render::new(picture, &args.output, signals, is_quiet)?;
    let outcome = match args.helpers.server() {
        Some(server) => render.together(server, &args.helpers.resources).await,
        None => render.alone(args.helpers.resources.threads()).await,
    };
    render.progress.end();
    tell(&outcome?, is_json, is_quiet);
    Ok(())
}

/// Tells programs or people what became of a picture.
pub(super) fn tell(outcome: &Outcome, is_json: bool, is_quiet: bool) {
    match (is_json, is_quiet) {
        (true, _) => report::print(&outcome.document()),
        (false, false) => eprintln!("{}", outcome.sentence()),
        (false, true) => {}
    }
}

/// A picture under way.
pub(super) struct Render {
    picture: Picture,
    draft: Option<Draft>,
    file: String,
    pub(super) signals: Signals,
    pub(super) progress: Progress,
    /// One for each task.
    payloads: Vec<Option<Bytes>>,
    done: u32,
}

impl Render {
    /// Nothing is computed yet, but the file is begun.
    pub(super) fn new(
        picture: Picture,
        file: &Path,
        signals: Signals,
        is_quiet: bool,
    ) -> Result<Self, Failure> {
        Ok(Render {
            payloads: vec![None; picture.spec.task_count() as usize],
            picture,
            draft: Some(Draft::create(file)?),
            file: file.display().to_string(),
            signals,
            progress: Progress::new(is_quiet),
            done: 0,
        })
    }

    /// All of it on this machine.
    pub(super) async fn alone(&mut self, threads: u16) -> Result<Outcome, Failure> {
        let clock = Clock::start();
        let mut pool = Pool::start(threads).map_err(anyhow::Error::from)?;
        let params = Bytes::from(self.picture.view.encode());
        let tasks = self.picture.spec.task_count();
        self.progress.begin(tasks);
        for task in 0..tasks {
            pool.compute(WorkId(task.into()), task, workload::KIND, params.clone());
        }
        while self.done < tasks {
            tokio::select! {
                done = pool.done() => {
                    let task = u32::try_from(done.work.0).unwrap_or(u32::MAX);
                    let payload = done.outcome.map_err(|failure| {
                        Failure::new(Code::Runtime, format_args!("tile {task}: {failure:?}"))
                    })?;
                    self.take(task, payload);
                }
                code = self.signals.next() => return Err(interrupted(code)),
            }
        }
        let took = clock.now().since(Time::ZERO);
        let repaired = self.write().await?;
        Ok(self.outcome(None, None, took, Traffic::default(), repaired))
    }

    /// With whoever is there, and a goodbye to them, whatever became of it.
    async fn together(&mut self, server: &str, resources: &Resources) -> Result<Outcome, Failure> {
        let mut driver = resources.join(server)?;
        let outcome = self.cooperate(&mut driver, server).await;
        say_goodbye(&mut driver, &mut self.signals).await;
        outcome
    }

    /// With a driver that is a member or is about to become one, and goes on.
    pub(super) async fn cooperate(
        &mut self,
        driver: &mut Driver,
        server: &str,
    ) -> Result<Outcome, Failure> {
        self.progress.waiting(&format!("joining the network of {server}"));
        let (job, begun) = self.begin(driver, server).await?;
        self.progress.begin(self.picture.spec.task_count());
        let finished = self.finish(driver, job).await;
        let took = driver.now().since(begun);
        let node = driver.node().context("a job has a node")?;
        let (summary, me, traffic) = (node.job(job), node.id(), node.traffic());
        if let Err(failure) = finished {
            driver.ask(Input::Cancel(job));
            return Err(failure);
        }
        let repaired = self.write_while_driving(driver).await?;
        Ok(self.outcome(summary, Some(me), took, traffic, repaired))
    }

    /// Joins the network and submits the job.
    async fn begin(&mut self, driver: &mut Driver, server: &str) -> Result<(JobId, Time), Failure> {
        let mut patience = Patience::default();
        if driver.node().is_some_and(node::Node::is_ready) {
            self.submit(driver)?;
        }
        let mut hindrance = "no peer of the network answers".to_owned();
        let too_late = tokio::time::sleep(READY_MAX);
        tokio::pin!(too_late);
        loop {
            tokio::select! {
                notice = driver.next() => if let Notice::Event(event) = notice {
                    patience.check(server, driver, &event)?;
                    match event {
                        Event::Node(NodeEvent::Ready) => self.submit(driver)?,
                        Event::Submitted { job, .. } => return Ok((job, driver.now())),
                        Event::LinkFailed { reason, .. } => hindrance = reason,
                        _ => {}
                    }
                },
                code = self.signals.next() => return Err(interrupted(code)),
                () = &mut too_late => {
                    let message = format!("the network cannot be joined: {hindrance}");
                    return Err(Failure::new(Code::Unreachable, message));
                }
            }
        }
    }

    fn submit(&self, driver: &mut Driver) -> Result<(), Failure> {
        driver.ask(Input::Submit {
            serial: seed()?,
            kind: workload::KIND,
            tasks: self.picture.spec.task_count(),
            params: self.picture.view.encode().into(),
        });
        Ok(())
    }

    /// Collects the tiles.
    async fn finish(&mut self, driver: &mut Driver, job: JobId) -> Result<(), Failure> {
        loop {
            tokio::select! {
                notice = driver.next() => {
                    if let Notice::Event(Event::Node(NodeEvent::Grid(event))) = notice
                        && self.on_grid(job, event)?
                    {
                        return Ok(());
                    }
                }
                code = self.signals.next() => return Err(interrupted(code)),
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
                JobState::Cancelled | JobState::Orphaned => {
                    let (done, of) = (self.done, self.payloads.len());
                    let state = report::state_name(state);
                    let message = format!("the job was {state} with {done} of {of} tiles done");
                    return Err(Failure::new(Code::Incomplete, message));
                }
            },
            _ => {}
        }
        Ok(false)
    }

    fn take(&mut self, task: u32, payload: Bytes) {
        if let Some(slot @ None) = self.payloads.get_mut(task as usize) {
            *slot = Some(payload);
            self.done += 1;
            self.progress.advance();
        }
    }

    /// The links live on while the file is written: others may still want tiles.
    async fn write_while_driving(&mut self, driver: &mut Driver) -> Result<u32, Failure> {
        let write = self.write();
        tokio::pin!(write);
        loop {
            tokio::select! {
                written = &mut write => return written,
                _ = driver.next() => {}
            }
        }
    }

    /// Writes the file; returns how many tiles were missing or damaged, and computed here.
    fn write(&mut self) -> impl Future<Output = Result<u32, Failure>> + use<> {
        let payloads = std::mem::take(&mut self.payloads);
        let (picture, draft) = (self.picture.clone(), self.draft.take());
        async move {
            let draft = draft.context("a picture is written once")?;
            let write = move || draft.complete(|out| picture.write(out, &payloads));
            let repaired = tokio::task::spawn_blocking(write).await.context("writing")??;
            if repaired > 0 {
                tracing::warn!(repaired, "tiles were missing or damaged, and computed here");
            }
            Ok(repaired)
        }
    }

    fn outcome(
        &self,
        job: Option<node::JobSummary>,
        me: Option<base::NodeId>,
        took: Duration,
        traffic: Traffic,
        repaired: u32,
    ) -> Outcome {
        let spec = &self.picture.spec;
        let (tiles, size) = (spec.task_count(), self.picture.size());
        Outcome { job, me, tiles, took, size, traffic, repaired, file: self.file.clone() }
    }
}

fn interrupted(code: u8) -> Failure {
    Failure::new(Code::Signal(code), "interrupted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!("1920x1080".parse(), Ok(Size(1920, 1080)));
        for text in ["", "1920", "x", "1920x", "-1x5", "1e3x5", "99999999999x1"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
