//! `groups`: trees of random members beside the oracle's, without a bound on the fan-out and with the
//! shipped one; then a quarter of the ring dies, and everybody must hear again.
//!
//! The oracle's table (`pastry.md` §2.6) knows no bound. So its figures are lines where none is set,
//! and with the bound where it does not bite: for groups so small that no node has as many children
//! as it may. Elsewhere what the bound costs is told beside the table.

use base::{Duration, Time};
use bytes::Bytes;
use groups::Input;

use super::forest::{
    AT_ONCE, Group, Row, SLACK, bounded, clear, grow, mean, quiet_ring, rings, sizes,
};
use super::peers::quantile;
use super::{Bound, Experiment, Report, Request, Source, aftermath, real};
use crate::ring::{Word, World, tree};

pub(super) const GROUPS: Experiment = Experiment {
    name: "groups",
    about: "trees of groups beside an oracle's; a quarter of the ring dies",
    run,
};

/// Groups of one size (`pastry.md` §5, row 17).
const COUNT: u32 = 200;
/// A multicast is everywhere by then.
const HEARD_MAX: Duration = Duration::from_secs(10);
/// Median ratio of delays in Scribe's own simulation (JSAC'02, recalled).
const SCRIBE_RAD: f64 = 1.68;

/// What the groups of one size gave.
#[derive(Default)]
struct Found {
    joins: u64,
    members: u64,
    depths: Vec<f64>,
    edges: u64,
    fan_outs: Vec<f64>,
    orphans: u64,
    casts: u64,
    unheard: u64,
    rads: Vec<f64>,
    rmds: Vec<f64>,
}

fn run(request: &Request) -> Report {
    let mut report = Report::default();
    let shipped = groups::Config::default().children_max;
    for nodes in rings(request) {
        let bounds = [("unlimited", usize::MAX), ("bounded", shipped)];
        let wanted: Vec<_> = bounds.into_iter().filter(|(name, _)| request.wants(name)).collect();
        if !wanted.is_empty() {
            let mut world = quiet_ring(request, nodes, &mut report);
            for (name, most) in wanted {
                world.build_up(bounded(most));
                for (size, row) in sizes(nodes) {
                    let found = measure(request, &mut world, size);
                    let name = format!("{nodes} / {size}, {name}");
                    tell(&mut report, &name, &found, row, (most, shipped));
                }
            }
            report.count(world.tally());
        }
        if request.wants(aftermath::CASE) {
            aftermath::measure(request, nodes, &mut report);
        }
    }
    report
}

fn measure(request: &Request, world: &mut World, size: u32) -> Found {
    let mut found = Found::default();
    let mut left = COUNT;
    while left > 0 {
        let count = left.min(AT_ONCE);
        left -= count;
        let before = world.tally().parcels;
        let groups = grow(world, count, size);
        found.joins += world.tally().parcels.since(&before).joins;
        for group in &groups {
            let tree = tree(world, group.key, &group.members);
            found.members += group.members.len() as u64;
            found.depths.extend(tree.depths.iter().map(|depth| f64::from(*depth)));
            found.edges += tree.edges;
            found.fan_outs.push(real(tree.fan_out));
            found.orphans += tree.orphans;
        }
        listen(world, &groups, &mut found);
        clear(world, &groups);
        let what = format!("groups of {size}");
        (request.progress)(&what, u64::from(COUNT - left), u64::from(COUNT));
    }
    found
}

/// Each group's root tells everybody; Scribe's ratios of delays.
fn listen(world: &mut World, groups: &[Group], found: &mut Found) {
    world.take_heard();
    let (before, start) = (world.tally().parcels, world.now());
    let mut roots = Vec::new();
    for group in groups {
        let root = world.census().root(group.key).map_or(0, |(_, host)| host);
        roots.push(root);
        let body = Bytes::from_static(b"to all");
        world.groups_input(root, Input::Multicast { group: group.key, body });
    }
    world.run_for(HEARD_MAX);
    found.casts += world.tally().parcels.since(&before).casts;
    let mut arrivals: std::collections::BTreeMap<_, Vec<(u32, Time)>> = Default::default();
    for heard in world.take_heard() {
        if let Word::Multicast { group, .. } = heard.word {
            arrivals.entry(group).or_default().push((heard.host, heard.at));
        }
    }
    for (group, root) in groups.iter().zip(roots) {
        let heard = arrivals.remove(&group.key).unwrap_or_default();
        let others = group.members.iter().filter(|member| **member != root).count();
        found.unheard += (others - heard.len().min(others)) as u64;
        let took: Vec<f64> = heard.iter().map(|(_, at)| at.since(start).as_secs_f64()).collect();
        let straight: Vec<f64> =
            heard.iter().map(|(host, _)| world.topology().micros(root, *host) / 1e6).collect();
        found.rads.push(mean(&took) / mean(&straight).max(1e-9));
        let longest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        found.rmds.push(longest(&took) / longest(&straight).max(1e-9));
    }
}

fn tell(
    report: &mut Report,
    name: &str,
    found: &Found,
    row: Option<Row>,
    (most, shipped): (usize, usize),
) {
    let longest = found.fan_outs.iter().copied().fold(0.0, f64::max);
    let is_bitten = longest >= real(shipped as u64) && most == shipped;
    let mut figure = |what: &str, value: f64, reference: Option<f64>, is_line: bool| {
        report.tell(format!("{name}: {what}"), value, "");
        if let Some(reference) = reference {
            report.beside(reference, Source::Oracle);
            if is_line && !is_bitten {
                report.firm(Bound::AtMost(reference * SLACK));
            }
        }
    };
    let members = real(found.members.max(1));
    figure("join hops of a member", real(found.joins) / members, row.map(|row| row.joins), true);
    let deepest = found.depths.iter().copied().fold(0.0, f64::max);
    figure("depth, mean", mean(&found.depths), row.map(|row| row.depth), true);
    figure("depth, most", deepest, row.map(|row| row.depth_max.into()), false);
    figure("edges of a member", real(found.edges) / members, row.map(|row| row.edges), true);
    figure("largest fan-out, mean", mean(&found.fan_outs), row.map(|row| row.fan_out), false);
    figure("RAD, mean", mean(&found.rads), row.map(|row| row.rad), true);
    figure("RMD, mean", mean(&found.rmds), row.map(|row| row.rmd), true);
    let mut rads = found.rads.clone();
    rads.sort_by(f64::total_cmp);
    report.tell(format!("{name}: RAD, median"), quantile(&rads, 500), "");
    report.beside(SCRIBE_RAD, Source::Recalled).target(Bound::AtMost(SCRIBE_RAD));
    report.tell(format!("{name}: largest fan-out, most"), longest, "");
    if most == shipped {
        report.firm(Bound::AtMost(real(shipped as u64)));
    }
    report.tell(format!("{name}: members without a place"), real(found.orphans), "");
    report.firm(Bound::AtMost(0.0));
    report.tell(format!("{name}: members that did not hear"), real(found.unheard), "");
    report.firm(Bound::AtMost(0.0));
    let each = real(found.casts) / real(found.edges.max(1));
    report.tell(format!("{name}: messages of a multicast over an edge"), each, "");
    report.firm(Bound::AtMost(1.0));
}
