//! `adversary`: nodes that throw away what they are to route, and name only each other (OSDI'02).

use base::Duration;

use super::build::{Aim, ring, send};
use super::{Experiment, Report, Request, Source, real};
use crate::ring::World;

pub(super) const ADVERSARY: Experiment =
    Experiment { name: "adversary", about: "nodes that drop and lie", run };

const NODES: u32 = 500;
const PARTS: [f64; 3] = [0.1, 0.2, 0.25];
const LOOKUPS: u32 = 20_000;
/// For the lies to spread.
const LYING: Duration = Duration::from_secs(600);
const LAST: Duration = Duration::from_secs(60);

fn run(request: &Request) -> Report {
    let nodes = request.nodes.unwrap_or(NODES);
    let mut report = Report::default();
    for part in PARTS {
        for lies in [false, true] {
            let how = if lies { "drop and lie" } else { "drop" };
            let name = format!("{:.0} % {how}", part * 100.0);
            if request.wants(&name) {
                one(request, nodes, part, lies, &name, &mut report);
            }
        }
    }
    report.note("unprotected: the overlay has no redundant routing to switch on yet");
    report
}

fn one(request: &Request, nodes: u32, part: f64, lies: bool, name: &str, report: &mut Report) {
    let mut world = ring(request, request.quiet(), nodes, report);
    for host in world.live_hosts().collect::<Vec<_>>() {
        if world.rng().chance(part) {
            world.corrupt(host, true, lies);
        }
    }
    world.run_for(LYING);
    let rate = nodes / 20;
    send(request, &mut world, LOOKUPS, Aim::Keys, rate);
    world.run_for(LAST);
    let (asked, arrived, hops) = honest(&world);
    let mean = hops / arrived.max(1.0);
    report.tell(
        format!("{name}: reach an honest root, unprotected"),
        arrived / asked.max(1.0),
        "of lookups",
    );
    // Every hop but the root, which is honest, and the source.
    report.beside(libm::pow(1.0 - part, mean - 1.0), Source::Published);
    report.tell(format!("{name}: mean hops of those that do"), mean, "");
    report.count(world.tally());
}

/// Lookups from honest nodes to keys with an honest root: all, those that reached it, their hops.
fn honest(world: &World) -> (f64, f64, f64) {
    let (mut asked, mut arrived, mut hops) = (0u64, 0u64, 0u64);
    for lookup in world.lookups() {
        let Some((_, root)) = world.census().root(lookup.key) else { continue };
        if world.is_bad(root) || world.is_bad(lookup.from) {
            continue;
        }
        asked += 1;
        if lookup.arrived.is_some_and(|(_, at)| at == root) {
            arrived += 1;
            hops += u64::from(lookup.hops);
        }
    }
    (real(asked), real(arrived), real(hops))
}
