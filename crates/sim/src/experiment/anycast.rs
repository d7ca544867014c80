//! `anycast`: how far an offer goes until a member takes it, beside the oracle's figures; and whether
//! it finds the one member that would.
//!
//! The oracle's senders are of all nodes and its members all accept, their own offers too: a sender
//! that is a member counts as no hops there. Here a member's own offer is for others, so such a
//! sender is drawn, counted as no hops, and asks nobody. In the second part one member of each group
//! accepts, and members ask as well.

use std::collections::BTreeMap;

use base::Duration;
use bytes::Bytes;
use groups::{Event, Input};
use wire::groups::WalkId;

use super::forest::{
    AT_ONCE, Group, Row, SLACK, bounded, clear, grow, leave, mean, quiet_ring, rings, sizes,
};
use super::peers::quantile;
use super::{Bound, Experiment, Report, Request, Source, real};
use crate::ring::{Word, World};

pub(super) const ANYCAST: Experiment =
    Experiment { name: "anycast", about: "offers to groups beside an oracle's", run };

/// Groups of one size, and senders in each (`pastry.md` §5, row 19).
const COUNT: u32 = 200;
const SENDERS: u32 = 40;
/// Groups of a thousand of which one accepts: a walk there visits half of them.
const COUNT_OF_LARGE: u32 = 10;
const LARGE: u32 = 1_000;
/// Between two looks at what has come.
const STEP: Duration = Duration::from_millis(250);
/// The groups' own bound for a walk is 300 s.
const ENDED_MAX: Duration = Duration::from_secs(400);

/// What the offers to groups of one size came to.
#[derive(Default)]
struct Found {
    hops: Vec<f64>,
    /// The same of senders that are no members.
    outside: Vec<f64>,
    /// Part of the members that are nearer to the sender than whoever took the offer.
    closer: Vec<f64>,
    failed: u64,
    doubled: u64,
}

/// One offer.
struct Offer {
    group: usize,
    from: u32,
}

fn run(request: &Request) -> Report {
    let mut report = Report::default();
    let shipped = groups::Config::default().children_max;
    for nodes in rings(request) {
        let mut world = quiet_ring(request, nodes, &mut report);
        for (name, most) in [("unlimited", usize::MAX), ("bounded", shipped)] {
            if !request.wants(name) {
                continue;
            }
            world.build_up(bounded(most));
            for (size, row) in sizes(nodes) {
                let name = format!("{nodes} / {size}, {name}");
                let (all, one) = measure(request, &mut world, size);
                tell(&mut report, &name, &all, row);
                tell_one(&mut report, &name, &one);
            }
        }
        report.count(world.tally());
    }
    report
}

/// Once with members that all accept, once with one in each group.
fn measure(request: &Request, world: &mut World, size: u32) -> (Found, Found) {
    let (mut all, mut one) = (Found::default(), Found::default());
    let count_of_one = if size >= LARGE { COUNT_OF_LARGE } else { COUNT };
    let mut done = 0;
    while done < COUNT {
        let groups = grow(world, AT_ONCE.min(COUNT - done), size);
        for group in &groups {
            group.members.iter().for_each(|host| world.set_accepts(*host, group.key, true));
        }
        for _ in 0..SENDERS {
            ask(world, &groups, &mut all, true);
        }
        for group in &groups {
            // The first member stays free.
            let busy = group.members.iter().skip(1);
            busy.for_each(|host| world.set_accepts(*host, group.key, false));
        }
        let left = count_of_one.saturating_sub(done) as usize;
        let (few, rest) = groups.split_at(left.min(groups.len()));
        leave(world, rest);
        for sender in 0..SENDERS {
            ask(world, few, &mut one, false);
            let asked = done + AT_ONCE * sender / SENDERS;
            let what = format!("offers to groups of {size}");
            (request.progress)(&what, u64::from(asked), u64::from(COUNT));
        }
        clear(world, few);
        done += AT_ONCE;
    }
    (all, one)
}

/// One offer to each group, of a random node. With `all` members accepting, the offer of one of them
/// counts as taken at once, by itself; otherwise the free one, the first, does not ask.
fn ask(world: &mut World, groups: &[Group], found: &mut Found, all: bool) {
    world.take_heard();
    let mut offers: BTreeMap<WalkId, Offer> = BTreeMap::new();
    for (number, group) in groups.iter().enumerate() {
        let Some(from) = world.random_ready() else { continue };
        if all && group.members.contains(&from) {
            found.hops.push(0.0);
            found.closer.push(0.0);
            continue;
        }
        if group.members.first() == Some(&from) {
            continue;
        }
        let Some(origin) = world.overlay(from).map(|overlay| overlay.me().id) else { continue };
        let walk = WalkId { origin, number: world.rng().next_u64() };
        offers.insert(walk, Offer { group: number, from });
        let body = Bytes::from_static(b"work");
        world.groups_input(from, Input::Anycast { walk, group: group.key, wanted: 1, body });
    }
    let end = world.now() + ENDED_MAX;
    let mut left = offers.len();
    let mut takers: BTreeMap<WalkId, u64> = BTreeMap::new();
    while left > 0 && world.now() < end {
        world.run_for(STEP);
        for heard in world.take_heard() {
            match heard.word {
                Word::Taken { walk, hops } if offers.contains_key(&walk) => {
                    let taken = takers.entry(walk).or_default();
                    *taken += 1;
                    if *taken == 1 {
                        let offer = &offers[&walk];
                        found.take(world, &groups[offer.group], offer.from, heard.host, hops);
                    }
                }
                Word::Groups(Event::WalkEnded { walk, .. }) if offers.contains_key(&walk) => {
                    left -= 1;
                }
                _ => {}
            }
        }
    }
    found.failed += (offers.len() - takers.len()) as u64;
    found.doubled += takers.values().map(|taken| taken - 1).sum::<u64>();
    world.forget_walks();
}

impl Found {
    fn take(&mut self, world: &World, group: &Group, from: u32, by: u32, hops: u32) {
        let way = |host: u32| world.topology().micros(from, host);
        let others = group.members.iter().filter(|host| **host != by);
        let closer = others.filter(|host| way(**host) < way(by)).count();
        self.hops.push(hops.into());
        self.outside.push(hops.into());
        self.closer.push(real(closer as u64) / real(group.members.len() as u64));
    }
}

/// All accept.
fn tell(report: &mut Report, name: &str, found: &Found, row: Option<Row>) {
    let sorted = |list: &[f64]| {
        let mut list = list.to_vec();
        list.sort_by(f64::total_cmp);
        list
    };
    let (hops, closer) = (sorted(&found.hops), sorted(&found.closer));
    let mut figure = |what: &str, value: f64, reference: Option<f64>, is_line: bool| {
        report.tell(format!("{name}: {what}"), value, "");
        if let Some(reference) = reference {
            report.beside(reference, Source::Oracle);
            if is_line {
                report.firm(Bound::AtMost(reference * SLACK));
            }
        }
    };
    figure("hops, mean", mean(&hops), row.map(|row| row.walk.0), true);
    figure("hops, 99 of 100", quantile(&hops, 990), row.map(|row| row.walk.1), false);
    figure("hops of senders that are no members, mean", mean(&found.outside), None, false);
    let part = row.map(|row| row.closer);
    figure("members closer, median", quantile(&closer, 500), part.map(|part| part.0), false);
    figure("members closer, 90 of 100", quantile(&closer, 900), part.map(|part| part.1), false);
    report.tell(format!("{name}: offers that nobody took"), real(found.failed), "");
    report.firm(Bound::AtMost(0.0));
    report.tell(format!("{name}: offers taken twice"), real(found.doubled), "");
    report.firm(Bound::AtMost(0.0));
}

/// One accepts.
fn tell_one(report: &mut Report, name: &str, found: &Found) {
    let name = format!("{name}, one free");
    report.tell(format!("{name}: offers"), real(found.hops.len() as u64 + found.failed), "");
    report.tell(format!("{name}: hops, mean"), mean(&found.hops), "");
    report.tell(format!("{name}: offers that it did not take"), real(found.failed), "");
    report.firm(Bound::AtMost(0.0));
}
