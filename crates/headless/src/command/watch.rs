//! `millefeuille watch`: the picture of a job that somebody else launched, at any time after that.

use std::path::PathBuf;

use base::Duration;
use bytes::Bytes;
use fractal::{Frames, Palette, Series};
use node::{Event as NodeEvent, GridEvent, JobId};
use peer::{Event, Input};

use super::gather::{Gather, Output};
use super::{Resources, become_member, interrupted, say_goodbye};
use crate::album::Album;
use crate::draft::Draft;
use crate::driver::{Driver, Notice};
use crate::failure::{Code, Failure};
use crate::picture::Look;
use crate::progress::Progress;
use crate::report::{self, Outcome};
use crate::signals::Signals;

/// A job that no peer has shown by then is not found. Above the time in which a ring closes over
/// dead holders.
const FOUND_MAX: Duration = Duration::from_secs(90);

/// Follow a job by its id until it is finished, whoever owns it by now, and write its pictures
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The job's id, as `render --detach` prints it
    job: JobId,
    /// The server that introduces peers, as http://HOST:PORT. Repeatable, in the environment separated
    /// by spaces: one that cannot be reached is one the next stands in for
    #[arg(long, value_name = "URL", env = "MILLEFEUILLE_SERVER", value_delimiter = ' ')]
    #[arg(required = true)]
    server: Vec<String>,
    #[command(flatten)]
    resources: Resources,
    /// Colours
    #[arg(long, value_name = "P", default_value_t)]
    palette: Palette,
    /// The file to write, of a job of many frames the directory; without it the job is only followed
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Follows, writes, and tells about it.
pub(crate) async fn run(args: &Args, is_json: bool, is_quiet: bool) -> Result<(), Failure> {
    // A job of many frames needs a directory, which is no mistake if it is there.
    let file = args.output.as_deref().filter(|path| !path.is_dir());
    let draft = file.map(Draft::create).transpose()?;
    let mut signals = Signals::listen().map_err(anyhow::Error::from)?;
    let progress = Progress::new(is_quiet);
    let mut driver = args.resources.join(&args.server)?;
    let outcome = follow(args, draft, &progress, &mut driver, &mut signals).await;
    say_goodbye(&mut driver, &mut signals).await;
    progress.end();
    report::outcome(&outcome?, is_json, is_quiet);
    Ok(())
}

async fn follow(
    args: &Args,
    draft: Option<Draft>,
    progress: &Progress,
    driver: &mut Driver,
    signals: &mut Signals,
) -> Result<Outcome, Failure> {
    progress.waiting(&format!("joining the network of {}", args.server.join(" or ")));
    become_member(driver, &args.server, signals).await?;
    progress.waiting(&format!("looking for the job {}", args.job));
    let found = find(driver, args.job, signals).await?;
    let frames =
        fractal::appraise(found.kind, &found.params, found.tasks).map_err(Failure::usage)?;
    let mut gather = Gather::new(frames.clone(), Output::Unknown, progress.clone());
    let begun = driver.now();
    let (path, palette) = (args.output.clone(), args.palette);
    let opening = tokio::task::spawn_blocking(move || output(path, palette, draft, &frames));
    gather.open(opening, driver, args.job, signals).await?;
    gather.collect(driver, args.job, signals).await?;
    gather.finish(driver, args.job, begun, signals).await
}

/// Where what was found is to go.
fn output(
    path: Option<PathBuf>,
    palette: Palette,
    draft: Option<Draft>,
    frames: &Frames,
) -> Result<Output, Failure> {
    let Some(path) = path else { return Ok(Output::Nothing) };
    let look = Look { palette, ..Look::default() };
    let Series::Picture(view) = frames.series() else {
        drop(draft);
        return Ok(Output::Album(Box::new(Album::open(&path, frames, look)?)));
    };
    // A directory is no file.
    let draft = draft.map_or_else(|| Draft::create(&path), Ok)?;
    let picture = look.picture(view.clone()).map_err(Failure::usage)?;
    Ok(Output::File(Box::new(picture), Some(draft)))
}

/// What a job turned out to be.
pub(super) struct Found {
    pub(super) kind: u16,
    pub(super) params: Bytes,
    pub(super) tasks: u32,
}

/// Asks the network for a job, and follows it from then on.
pub(super) async fn find(
    driver: &mut Driver,
    wanted: JobId,
    signals: &mut Signals,
) -> Result<Found, Failure> {
    driver.ask(Input::Watch(wanted));
    let too_late = tokio::time::sleep(FOUND_MAX);
    tokio::pin!(too_late);
    loop {
        tokio::select! {
            notice = driver.next() => match notice {
                Notice::Event(Event::Node(NodeEvent::Grid(GridEvent::JobOpened {
                    job, kind, params, tasks, ..
                }))) if job == wanted => return Ok(Found { kind, params, tasks }),
                Notice::Event(Event::Node(NodeEvent::Grid(GridEvent::JobRefused {
                    job, reason,
                }))) if job == wanted => {
                    return Err(Failure::usage(format_args!("the job cannot be followed: {reason}")));
                }
                _ => {}
            },
            code = signals.next() => return Err(interrupted(code)),
            () = &mut too_late => {
                let message = format!("no peer of this network knows the job {wanted}");
                return Err(Failure::new(Code::Unreachable, message));
            }
        }
    }
}
