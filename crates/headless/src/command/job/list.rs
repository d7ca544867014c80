//! `millefeuille job ls`: the jobs of a network, as its directory lists them.

use base::Duration;
use fractal::Series;
use node::{Event as NodeEvent, GridEvent, JobListing};
use peer::{Event, Input};
use serde_json::{Value, json};

use super::super::{become_member, interrupted};
use crate::driver::{Driver, Notice};
use crate::failure::{Code, Failure};
use crate::report::{self, state_name};
use crate::signals::Signals;

/// The node itself answers sooner, with what it was told until then.
const ANSWERED_MAX: Duration = Duration::from_secs(20);

/// Asks the network for its jobs, and prints them: the newest first.
pub(super) async fn run(
    servers: &[String],
    driver: &mut Driver,
    signals: &mut Signals,
    is_json: bool,
) -> Result<(), Failure> {
    become_member(driver, servers, signals).await?;
    let (mut jobs, missing) = ask(driver, signals).await?;
    jobs.sort_by_key(|listing| (std::cmp::Reverse(listing.created), listing.job));
    if is_json {
        let jobs: Vec<Value> = jobs.iter().map(document).collect();
        report::print(&json!({ "jobs": jobs, "pages_missing": missing }));
    } else {
        let now = driver.unix_micros();
        jobs.iter().for_each(|listing| println!("{}", line(listing, now)));
        if jobs.is_empty() {
            eprintln!("no jobs");
        }
        if missing > 0 {
            eprintln!("{missing} pages of the directory did not answer: there may be more");
        }
    }
    Ok(())
}

async fn ask(driver: &mut Driver, signals: &mut Signals) -> Result<(Vec<JobListing>, u8), Failure> {
    driver.ask(Input::ListJobs);
    let too_late = tokio::time::sleep(ANSWERED_MAX);
    tokio::pin!(too_late);
    loop {
        tokio::select! {
            notice = driver.next() => {
                if let Notice::Event(Event::Node(NodeEvent::Grid(GridEvent::Listed {
                    jobs, missing,
                }))) = notice
                {
                    return Ok((jobs, missing));
                }
            }
            code = signals.next() => return Err(interrupted(code)),
            () = &mut too_late => {
                return Err(Failure::new(Code::Unreachable, "the network does not answer"));
            }
        }
    }
}

/// A listing as programs see it.
fn document(listing: &JobListing) -> Value {
    json!({
        "job": listing.job.to_string(),
        "state": state_name(listing.state),
        "tiles": listing.tasks,
        "done": listing.done,
        "created": listing.created / 1_000_000,
        "creator": listing.creator.to_string(),
        "owner": listing.owner.to_string(),
        "epoch": listing.epoch,
        "what": what(listing),
    })
}

/// The same for people.
fn line(listing: &JobListing, now: u64) -> String {
    let age = age(now.saturating_sub(listing.created) / 1_000_000);
    let (state, done, of) = (state_name(listing.state), listing.done, listing.tasks);
    format!("{}  {state:9}  {done:>5} of {of:<5}  {age:>6}  {}", listing.job, what(listing))
}

fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// What the job computes, in a few words.
fn what(listing: &JobListing) -> String {
    let frames = match fractal::appraise(listing.kind, &listing.params, listing.tasks) {
        Ok(frames) => frames,
        Err(error) => return error.to_string(),
    };
    let size = format!("{}×{}", frames.tiles().width(), frames.tiles().height());
    match frames.series() {
        Series::Picture(view) => format!("{}, zoom {}, {size}", view.formula, view.zoom),
        Series::Gallery(gallery) => {
            format!("gallery of {} from seed {}, {size}", gallery.count, gallery.seed)
        }
        Series::Zoom(zoom) => {
            let (formula, from, to) = (zoom.to.formula, &zoom.from.zoom, &zoom.to.zoom);
            format!("{formula}, {} frames from zoom {from} to {to}, {size}", zoom.count)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        let ages = [0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(age);
        assert_eq!(ages, ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 d"]);
    }
}
