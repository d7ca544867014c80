//! What the experiments on groups share: the oracle's table, rings with groups in them, and means.

use base::{Duration, Key};
use groups::Input;

use super::build::ring;
use super::{Report, Request};
use crate::ring::{UpperConfig, World, tree};

/// One row of the oracle's table (`pastry.md` §2.6): unlimited fan-out, perfect tables.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) nodes: u32,
    pub(super) size: u32,
    pub(super) joins: f64,
    pub(super) depth: f64,
    pub(super) depth_max: u32,
    pub(super) edges: f64,
    pub(super) fan_out: f64,
    pub(super) rad: f64,
    pub(super) rmd: f64,
    /// Mean and 99 of 100.
    pub(super) walk: (f64, f64),
    /// Part of the members, median and 90 of 100.
    pub(super) closer: (f64, f64),
}

const fn row(
    (nodes, size): (u32, u32),
    joins: f64,
    (depth, depth_max): (f64, u32),
    fan_out: f64,
    (rad, rmd): (f64, f64),
    walk: (f64, f64),
    closer: (f64, f64),
) -> Row {
    Row { nodes, size, joins, depth, depth_max, edges: joins, fan_out, rad, rmd, walk, closer }
}

pub(super) const TABLE: [Row; 8] = [
    row((200, 10), 1.51, (1.86, 3), 6.7, (1.24, 1.21), (2.40, 4.0), (0.10, 0.70)),
    row((200, 100), 1.05, (1.88, 3), 24.0, (1.25, 1.22), (0.75, 2.0), (0.0, 0.17)),
    row((1_000, 10), 2.03, (2.49, 3), 6.3, (1.39, 1.37), (3.55, 6.0), (0.20, 0.70)),
    row((1_000, 100), 1.39, (2.48, 3), 24.0, (1.39, 1.37), (1.95, 4.0), (0.01, 0.25)),
    row((1_000, 1_000), 1.00, (2.48, 3), 57.0, (1.45, 1.45), (0.0, 0.0), (0.0, 0.0)),
    row((10_000, 10), 2.82, (3.18, 4), 7.0, (1.36, 1.37), (5.14, 7.0), (0.20, 0.80)),
    row((10_000, 100), 2.11, (3.19, 4), 24.0, (1.36, 1.34), (3.56, 6.0), (0.02, 0.16)),
    row((10_000, 1_000), 1.41, (3.20, 4), 44.0, (1.39, 1.32), (1.97, 4.0), (0.002, 0.027)),
];

/// Of a run that names none.
const NODES: [u32; 2] = [200, 1_000];
/// Sizes of groups, where there is no row for the ring.
const SIZES: [u32; 3] = [10, 100, 1_000];
/// Groups that stand at once.
pub(super) const AT_ONCE: u32 = 50;
/// From the first member to the last.
const GROWING: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(250);
const GROWN_MAX: Duration = Duration::from_secs(60);
const CLEARED_MAX: Duration = Duration::from_secs(120);

/// How far a figure may be above the table's.
pub(super) const SLACK: f64 = 1.05;

/// A group and who should be in it.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) key: Key,
    pub(super) members: Vec<u32>,
}

/// Rings to be measured.
pub(super) fn rings(request: &Request) -> Vec<u32> {
    request.nodes.map_or(NODES.to_vec(), |nodes| vec![nodes])
}

/// Sizes of groups in a ring, with the oracle's figures where it has some.
pub(super) fn sizes(nodes: u32) -> Vec<(u32, Option<Row>)> {
    let fits = SIZES.into_iter().filter(|size| *size <= nodes);
    let row_of = |size| TABLE.into_iter().find(|row| (row.nodes, row.size) == (nodes, size));
    fits.map(|size| (size, row_of(size))).collect()
}

/// Settings with this bound on the children of a node.
pub(super) fn bounded(children_max: usize) -> UpperConfig {
    let groups = groups::Config { children_max, ..groups::Config::default() };
    UpperConfig { groups, ..UpperConfig::default() }
}

/// A ring in which nothing happens but groups.
pub(super) fn quiet_ring(request: &Request, nodes: u32, report: &mut Report) -> World {
    ring(request, request.quiet(), nodes, report)
}

/// `count` new groups of `size` random members, who came one after the other.
pub(super) fn grow(world: &mut World, count: u32, size: u32) -> Vec<Group> {
    let hosts: Vec<u32> = world.census().iter().map(|(_, host)| host).collect();
    let mut groups = Vec::new();
    for _ in 0..count {
        let mut members = hosts.clone();
        world.rng().shuffle(&mut members);
        members.truncate(size as usize);
        groups.push(Group { key: world.random_key(), members });
    }
    for place in 0..size as usize {
        for group in &groups {
            if let Some(member) = group.members.get(place) {
                world.groups_input(*member, Input::Join { group: group.key });
            }
        }
        world.run_for(GROWING / size.max(1));
    }
    let end = world.now() + GROWN_MAX;
    while world.now() < end && orphans(world, &groups) > 0 {
        world.run_for(STEP);
    }
    world.run_for(STEP);
    groups
}

/// Live members that have no place in their group's tree.
pub(super) fn orphans(world: &World, groups: &[Group]) -> u64 {
    groups.iter().map(|group| tree(world, group.key, &group.members).orphans).sum()
}

/// Everybody leaves these groups.
pub(super) fn leave(world: &mut World, groups: &[Group]) {
    for group in groups {
        for member in &group.members {
            world.groups_input(*member, Input::Leave { group: group.key });
        }
    }
}

/// Everybody leaves the last groups there are; returns once nothing of them is left, or nothing goes
/// any more.
pub(super) fn clear(world: &mut World, groups: &[Group]) {
    leave(world, groups);
    let end = world.now() + CLEARED_MAX;
    let is_left = |world: &World| {
        let mut hosts = world.live_hosts();
        hosts.any(|host| world.groups(host).is_some_and(|groups| groups.groups().next().is_some()))
    };
    while world.now() < end && is_left(world) {
        world.run_for(STEP);
    }
    world.take_heard();
}

/// Mean; 0 of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / (values.len().max(1) as f64)
}
