//! `burst`: many newcomers at one moment, over links that take a second to build (Genet).

use base::Duration;

use super::build::{ring, until};
use super::{Bound, Experiment, Report, Request, Source, real};
use crate::ring::{Settings, World, wrong_leaf_sets};

pub(super) const BURST: Experiment =
    Experiment { name: "burst", about: "1,000 newcomers at once, 1 s a link", run };

const NEWCOMERS: u32 = 1_000;
/// Members before the burst.
const MEMBERS: u32 = 50;
const CAP: u16 = 64;
/// Link constructions of a node at once.
const SETUPS: u8 = 8;
const PATIENCE: Duration = Duration::from_secs(300);

fn run(request: &Request) -> Report {
    let newcomers = request.nodes.unwrap_or(NEWCOMERS);
    let mut report = Report::default();
    let settings = Settings {
        setups_max: SETUPS,
        link_setup: Duration::from_secs(1),
        ..request.linked(request.cap.unwrap_or(CAP))
    };
    let mut world = ring(request, settings, MEMBERS, &mut report);
    world.run_for(Duration::from_secs(30));
    let before = *world.tally();
    let first = world.host_count();
    for _ in 0..newcomers {
        world.join(None);
    }
    let all = |world: &World| world.census().len() == world.live() as usize;
    let took = until(request, &mut world, "ready", (Duration::from_millis(250), PATIENCE), all);
    report.tell("all ready after", took.map_or(1e9, |took| took.as_secs_f64()), "s");
    report.beside(55.0, Source::Published).firm(Bound::AtMost(55.0));
    let mut times: Vec<f64> = (first..world.host_count())
        .filter_map(|host| world.join_time(host).map(|time| time.as_secs_f64()))
        .collect();
    times.sort_by(f64::total_cmp);
    let quantile = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or(1e9);
    report.tell("half of them ready after", quantile(50), "s");
    report.tell("99 of 100 ready after", quantile(99), "s");
    report.tell("members before", f64::from(MEMBERS), "");
    report.tell("not ready at the end", real(u64::from(newcomers) - times.len() as u64), "");
    let built = world.tally().since(&before).links_built;
    report.tell("links built for each newcomer", real(built) / f64::from(newcomers), "");
    report.tell("times that a node had more links than its cap", real(world.tally().over_cap), "");
    report.firm(Bound::AtMost(0.0));
    world.run_for(Duration::from_secs(60));
    report.tell(
        "leaf sets that are wrong a minute later",
        real(wrong_leaf_sets(&world) as u64),
        "",
    );
    report.target(Bound::AtMost(0.0));
    report.count(world.tally());
    report
}
