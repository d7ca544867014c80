//! `adversary`: nodes that throw away what they are to route, and name only each other (OSDI'02).

use base::Duration;
use overlay::Config;
use wire::overlay::LEAF_HALF_MAX;

use super::build::{Aim, look_up, ring};
use super::{Bound, Experiment, Report, Request, Source, real};
use crate::ring::{Lookup, Settings, World};

pub(super) const ADVERSARY: Experiment =
    Experiment { name: "adversary", about: "nodes that drop and lie", run };

const NODES: u32 = 500;
const PARTS: [f64; 3] = [0.1, 0.2, 0.25];
const LOOKUPS: u32 = 10_000;
/// For the lies to spread.
const LYING: Duration = Duration::from_secs(600);

fn run(request: &Request) -> Report {
    let nodes = request.nodes.unwrap_or(NODES);
    let mut report = Report::default();
    let shipped = request.quiet();
    let published = Config { leaf_half: LEAF_HALF_MAX, ..shipped.overlay };
    let published = Settings { overlay: published, ..shipped };
    for part in PARTS {
        for lies in [false, true] {
            for (settings, size) in [(published, "|L| = 32"), (shipped, "|L| = 16")] {
                let how = if lies { "drop and lie" } else { "drop" };
                let name = format!("{size}, {:.0} % {how}", part * 100.0);
                if request.wants(&name) {
                    let world = ring(request, settings, nodes, &mut report);
                    one(request, world, part, lies, &name, &mut report);
                }
            }
        }
    }
    report
}

fn one(
    request: &Request,
    mut world: World,
    part: f64,
    lies: bool,
    name: &str,
    report: &mut Report,
) {
    for host in world.live_hosts().collect::<Vec<_>>() {
        if world.rng().chance(part) {
            world.corrupt(host, true, lies);
        }
    }
    world.run_for(LYING);
    let rate = world.live() / 20;
    for (aim, how) in [(Aim::Keys, "unprotected"), (Aim::KeysWidely, "redundant routing")] {
        let before = *world.tally();
        let (first, sum) = look_up(request, &mut world, LOOKUPS, aim, rate);
        let found = honest(&world, &world.lookups()[first..]);
        let mean = found.hops / found.arrived.max(1.0);
        let reached = found.arrived / found.asked.max(1.0);
        report.tell(format!("{name}: reach an honest root, {how}"), reached, "of lookups");
        if aim == Aim::KeysWidely {
            report.beside(0.999, Source::Published).firm(Bound::AtLeast(0.999));
        } else {
            // Every hop but the root, which is honest, and the source.
            report.beside(libm::pow(1.0 - part, mean - 1.0), Source::Published);
        }
        let sent = world.tally().since(&before).kinds[0];
        let each = real(sent) / f64::from(LOOKUPS);
        report.tell(format!("{name}: messages for each lookup, {how}"), each, "");
        report.tell(format!("{name}: mean hops of those that arrive, {how}"), mean, "");
        report.tell(format!("{name}: repeated deliveries, {how}"), real(sum.again), "");
        report.firm(Bound::AtMost(0.0));
    }
    report.count(world.tally());
}

/// Lookups from honest nodes to keys with an honest root.
struct Honest {
    asked: f64,
    /// Those that reached it, and their hops.
    arrived: f64,
    hops: f64,
}

fn honest(world: &World, lookups: &[Lookup]) -> Honest {
    let (mut asked, mut arrived, mut hops) = (0u64, 0u64, 0u64);
    for lookup in lookups {
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
    Honest { asked: real(asked), arrived: real(arrived), hops: real(hops) }
}
