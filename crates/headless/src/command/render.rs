//! `millefeuille render`: one picture, computed by the network or by this machine alone.

use std::path::PathBuf;
use std::str::FromStr;

use base::{Duration, Time};
use bytes::Bytes;
use fractal::{Frames, Series, View};
use headless::clock::Clock;
use node::{Event as NodeEvent, GridEvent, JobId, WorkId};
use peer::{Event, Input};
use serde_json::json;

use super::colours::Colours;
use super::gather::{Gather, Output};
use super::which::{Constant, Which};
use super::{Helpers, Resources, become_member, interrupted, say_goodbye};
use crate::draft::Draft;
use crate::driver::{Driver, Notice};
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::report::{self, Outcome};
use crate::signals::Signals;

/// A job that no other peer holds by then is not left alone; where fewer hold it than should, they are
/// enough.
const ENTRUSTED_MAX: Duration = Duration::from_secs(30);

/// Compute a picture with the help of a network, and write it as PNG or its numbers as NPY
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
    #[command(flatten)]
    colours: Colours,
    /// The file to write: a PNG, or the numbers alone if its name ends in .npy
    #[arg(short, long, value_name = "FILE", required_unless_present = "detach")]
    output: Option<PathBuf>,
    /// Leave once the network holds the job, and print its id for `watch`
    #[arg(long, requires = "server", conflicts_with = "output")]
    detach: bool,
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
            width: self.size.0.saturating_mul(self.colours.samples),
            height: self.size.1.saturating_mul(self.colours.samples),
        })
    }
}

/// Computes, writes, and tells about it.
pub(crate) async fn run(args: &Args, is_json: bool, is_quiet: bool) -> Result<(), Failure> {
    let view = args.view()?;
    let picture = args.colours.look().picture(view.clone()).map_err(Failure::usage)?;
    let frames = Series::Picture(view).validate().map_err(Failure::usage)?;
    let signals = Signals::listen().map_err(anyhow::Error::from)?;
    if args.detach {
        return detach(&frames, &args.helpers, signals, is_json).await;
    }
    let draft = args.output.as_deref().map(Draft::create).transpose()?;
    let output = Output::File(Box::new(picture), draft);
    let gather = Gather::new(frames, output, Progress::new(is_quiet));
    let outcome = compute(gather, &args.helpers, signals).await?;
    report::outcome(&outcome, is_json, is_quiet);
    Ok(())
}

/// Computes and writes, by a network if one is to help.
pub(super) async fn compute(
    mut gather: Gather,
    helpers: &Helpers,
    mut signals: Signals,
) -> Result<Outcome, Failure> {
    let resources = &helpers.resources;
    let outcome = match helpers.servers() {
        Some(servers) => together(&mut gather, servers, resources, &mut signals).await,
        None => alone(&mut gather, resources, &mut signals).await,
    };
    gather.progress.end();
    outcome
}

/// All of it on this machine.
async fn alone(
    gather: &mut Gather,
    resources: &Resources,
    signals: &mut Signals,
) -> Result<Outcome, Failure> {
    let clock = Clock::start();
    let mut pool = resources.pool()?;
    let series = gather.frames().series();
    let (kind, params) = (series.kind(), Bytes::from(series.encode()));
    let tasks = gather.frames().task_count();
    gather.progress.begin(tasks);
    for task in 0..tasks {
        pool.compute(WorkId(task.into()), task, kind, params.clone());
    }
    while !gather.is_complete() {
        tokio::select! {
            done = pool.done() => {
                let task = u32::try_from(done.work.0).unwrap_or(u32::MAX);
                let payload = done.outcome.map_err(|failure| {
                    Failure::new(Code::Runtime, format_args!("tile {task}: {failure:?}"))
                })?;
                gather.take(task, payload);
            }
            failure = gather.file_failed() => return Err(failure),
            code = signals.next() => return Err(interrupted(code)),
        }
    }
    let took = clock.now().since(Time::ZERO);
    gather.write().await?;
    Ok(gather.alone(took))
}

/// Leaves the job to the network, and prints its id.
pub(super) async fn detach(
    frames: &Frames,
    helpers: &Helpers,
    mut signals: Signals,
    is_json: bool,
) -> Result<(), Failure> {
    let servers = helpers.servers().unwrap_or_default();
    let mut driver = helpers.resources.join(servers)?;
    let accepted = entrust(frames, &mut driver, servers, &mut signals).await;
    say_goodbye(&mut driver, &mut signals).await;
    let (job, copies) = accepted?;
    if usize::from(copies) < wire::store::COPIES {
        // In a network of fewer peers. It is as safe as they are.
        tracing::warn!(
            copies,
            "few peers hold the job, and this one, which leaves, is one of them"
        );
    }
    match is_json {
        true => report::print(&json!({ "job": job.to_string(), "record_copies": copies })),
        false => println!("{job}"),
    }
    Ok(())
}

/// Submits, and waits until the job would outlive this peer.
async fn entrust(
    frames: &Frames,
    driver: &mut Driver,
    servers: &[String],
    signals: &mut Signals,
) -> Result<(JobId, u16), Failure> {
    let peers = become_member(driver, servers, signals).await?;
    // A ring of a few, where the server knows more, is soon one with the others'.
    let enough = wire::store::COPIES.min(peers as usize);
    let mine = submit(frames, driver, signals).await?;
    let too_late = tokio::time::sleep(ENTRUSTED_MAX);
    tokio::pin!(too_late);
    loop {
        tokio::select! {
            notice = driver.next() => {
                let Notice::Event(Event::Node(NodeEvent::Grid(event))) = notice else { continue };
                match event {
                    GridEvent::Accepted { job, copies }
                        if job == mine && copies > 1 && usize::from(copies) >= enough =>
                    {
                        return Ok((job, copies));
                    }
                    GridEvent::JobRefused { job, reason } if job == mine => {
                        let message = format!("the job was refused: {reason}");
                        return Err(Failure::usage(message));
                    }
                    _ => {}
                }
            },
            code = signals.next() => return Err(interrupted(code)),
            () = &mut too_late => {
                let held = driver.node().and_then(|node| node.job(mine));
                let copies = held.map_or(0, |held| held.record_copies);
                if copies > 1 {
                    return Ok((mine, copies));
                }
                let message = "no other peer holds the job: without this one it would be lost";
                return Err(Failure::new(Code::Incomplete, message));
            }
        }
    }
}

/// With whoever is there, and a goodbye to them, whatever became of it.
async fn together(
    gather: &mut Gather,
    servers: &[String],
    resources: &Resources,
    signals: &mut Signals,
) -> Result<Outcome, Failure> {
    let mut driver = resources.join(servers)?;
    let known = servers.join(" or ");
    gather.progress.waiting(&format!("joining the network of {known}"));
    let outcome = cooperate(gather, &mut driver, servers, signals).await;
    say_goodbye(&mut driver, signals).await;
    outcome
}

async fn cooperate(
    gather: &mut Gather,
    driver: &mut Driver,
    servers: &[String],
    signals: &mut Signals,
) -> Result<Outcome, Failure> {
    become_member(driver, servers, signals).await?;
    let job = submit(gather.frames(), driver, signals).await?;
    let begun = driver.now();
    let gathered = gather.collect(driver, job, signals).await;
    if gathered.is_err() {
        driver.ask(Input::Cancel(job));
    }
    gathered?;
    gather.finish(driver, job, begun, signals).await
}

/// Hands the frames to the network as a job of this peer.
async fn submit(
    frames: &Frames,
    driver: &mut Driver,
    signals: &mut Signals,
) -> Result<JobId, Failure> {
    driver.ask(Input::Submit {
        created: driver.unix_micros(),
        kind: frames.series().kind(),
        tasks: frames.task_count(),
        params: frames.series().encode().into(),
    });
    loop {
        tokio::select! {
            notice = driver.next() => match notice {
                Notice::Event(Event::Submitted { job, .. }) => return Ok(job),
                Notice::Event(Event::NotSubmitted { .. }) => {
                    return Err(Failure::new(Code::Runtime, "the job could not be submitted"));
                }
                _ => {}
            },
            code = signals.next() => return Err(interrupted(code)),
        }
    }
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
