//! `millefeuille job`: what the network knows of its jobs and of one of them, and the end of one
//! before its time.

mod list;

use base::Duration;
use node::{Event as NodeEvent, GridEvent, JobId, JobState, JobSummary};
use peer::{Event, Input};

use super::watch::find;
use super::{Resources, become_member, interrupted, say_goodbye};
use crate::driver::{Driver, Notice};
use crate::failure::{Code, Failure};
use crate::report;
use crate::signals::Signals;

/// An owner speaks to its participants every heartbeat; after two of them what is known of the job
/// is the owner's word.
const HEARD_MAX: Duration = Duration::from_secs(5);
/// A cancellation that no holder of the record has confirmed by then failed.
const CANCELLED_MAX: Duration = Duration::from_secs(20);

/// Look at the jobs of a network, or end one
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the network's jobs, the newest first
    Ls(Network),
    /// Tell who owns a job, how far it is, and how safe
    Show(Target),
    /// End a job; only its creator can, with the --data-dir it was launched with
    Cancel(Target),
}

#[derive(Debug, clap::Args)]
struct Target {
    /// The job's id, as `render --detach` prints it
    job: JobId,
    #[command(flatten)]
    network: Network,
}

#[derive(Debug, clap::Args)]
struct Network {
    /// The server that introduces peers, as http://HOST:PORT. Repeatable, in the environment separated
    /// by spaces: one that cannot be reached is one the next stands in for
    #[arg(long, value_name = "URL", env = "MILLEFEUILLE_SERVER", value_delimiter = ' ')]
    #[arg(required = true)]
    server: Vec<String>,
    #[command(flatten)]
    resources: Resources,
}

/// Does it, and says goodbye.
pub(crate) async fn run(args: &Args, is_json: bool) -> Result<(), Failure> {
    let (Action::Ls(network)
    | Action::Show(Target { network, .. })
    | Action::Cancel(Target { network, .. })) = &args.action;
    let mut signals = Signals::listen().map_err(anyhow::Error::from)?;
    let mut driver = network.resources.join(&network.server)?;
    let (servers, signals) = (&network.server, &mut signals);
    let outcome = match &args.action {
        Action::Ls(_) => list::run(servers, &mut driver, signals, is_json).await,
        Action::Show(target) => {
            show(target, &mut driver, signals).await.map(|summary| tell(&summary, is_json))
        }
        Action::Cancel(target) => {
            cancel(target, &mut driver, signals).await.map(|summary| tell(&summary, is_json))
        }
    };
    say_goodbye(&mut driver, signals).await;
    outcome
}

fn tell(summary: &JobSummary, is_json: bool) {
    match is_json {
        true => report::print(&report::job(summary)),
        false => println!("{}", report::job_text(summary)),
    }
}

async fn show(
    target: &Target,
    driver: &mut Driver,
    signals: &mut Signals,
) -> Result<JobSummary, Failure> {
    become_member(driver, &target.network.server, signals).await?;
    find(driver, target.job, signals).await?;
    // Whoever owns it is heard within a heartbeat or two; one that has ended says no more.
    let heard = tokio::time::sleep(HEARD_MAX);
    tokio::pin!(heard);
    loop {
        tokio::select! {
            notice = driver.next() => if is_over(&notice, target.job).is_some() { break },
            code = signals.next() => return Err(interrupted(code)),
            () = &mut heard => break,
        }
    }
    summary(driver, target.job)
}

async fn cancel(
    target: &Target,
    driver: &mut Driver,
    signals: &mut Signals,
) -> Result<JobSummary, Failure> {
    become_member(driver, &target.network.server, signals).await?;
    let me = driver.node().map(node::Node::id);
    if me.is_none_or(|me| me.value() >> 64 != target.job.value() >> 64) {
        let message = "only its creator can end a job: use the --data-dir it was launched with";
        return Err(Failure::usage(message));
    }
    find(driver, target.job, signals).await?;
    driver.ask(Input::Cancel(target.job));
    let too_late = tokio::time::sleep(CANCELLED_MAX);
    tokio::pin!(too_late);
    loop {
        tokio::select! {
            notice = driver.next() => match is_over(&notice, target.job) {
                Some(JobState::Cancelled) => return summary(driver, target.job),
                Some(_) => {
                    return Err(Failure::new(Code::Runtime, "the job is finished already"));
                }
                None => {}
            },
            code = signals.next() => return Err(interrupted(code)),
            () = &mut too_late => {
                return Err(Failure::new(Code::Runtime, "the network did not take it in time"));
            }
        }
    }
}

/// How the job ended, if this says so.
fn is_over(notice: &Notice, mine: JobId) -> Option<JobState> {
    match notice {
        Notice::Event(Event::Node(NodeEvent::Grid(GridEvent::JobChanged { job, state })))
            if *job == mine && matches!(state, JobState::Finished | JobState::Cancelled) =>
        {
            Some(*state)
        }
        _ => None,
    }
}

fn summary(driver: &Driver, job: JobId) -> Result<JobSummary, Failure> {
    let summary = driver.node().and_then(|node| node.job(job));
    summary.ok_or_else(|| Failure::new(Code::Runtime, "the job was forgotten meanwhile"))
}
