//! Rings built by the real join protocol, and lookups between random nodes.

use base::Duration;

use super::{Bound, Report, Request, real};
use crate::ring::{Settings, Summary, World, summary};

/// Newcomers at once: one, or this part of the ring.
const JOINING_PART: u32 = 100;
/// Between two looks at who is ready.
const STEP: Duration = Duration::from_millis(20);
/// Virtual time without a node becoming ready, after which a ring counts as stuck.
const PATIENCE: Duration = Duration::from_secs(300);
/// Ready nodes of which the nearest is a newcomer's seed. The overlay's own search for a near seed
/// takes over from there.
const SEEDS: u32 = 64;
/// Lookups that a node starts in a second.
const RATE: u32 = 20;
/// How long the last lookups may take.
const LAST: Duration = Duration::from_secs(30);

/// A ring of `nodes`, and a note in `report` when not all became ready.
pub(super) fn ring(
    request: &Request,
    settings: Settings,
    nodes: u32,
    report: &mut Report,
) -> World {
    let mut world = World::new(settings);
    world.found();
    grow(request, &mut world, nodes, report);
    world
}

/// Lets newcomers join until `nodes` are ready.
pub(super) fn grow(request: &Request, world: &mut World, nodes: u32, report: &mut Report) {
    let mut last = (0, world.now());
    loop {
        let ready = u32::try_from(world.census().len()).unwrap_or(u32::MAX);
        if ready != last.0 {
            last = (ready, world.now());
        }
        if ready >= nodes {
            break;
        }
        if world.now().since(last.1) > PATIENCE {
            report.note(format!("only {ready} of {nodes} nodes became ready"));
            break;
        }
        let most = (ready / JOINING_PART).max(1);
        while world.live() < nodes && world.live() - ready.min(world.live()) < most {
            let seed = near_seed(world);
            world.join(seed);
        }
        (request.progress)("nodes", u64::from(ready), u64::from(nodes));
        world.run_for(STEP);
    }
}

/// The nearest, to the host that will be started next, of some random ready nodes.
fn near_seed(world: &mut World) -> Option<u32> {
    let place = world.reserve();
    let mut best: Option<(f64, u32)> = None;
    for _ in 0..SEEDS {
        let seed = world.random_ready()?;
        let delay = world.topology().micros(place, seed);
        if best.is_none_or(|(least, _)| delay < least) {
            best = Some((delay, seed));
        }
    }
    best.map(|(_, seed)| seed)
}

/// Where lookups go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// To the ids of random nodes (the Pastry paper's pairs).
    Nodes,
    /// To random keys.
    Keys,
    /// To any of the nodes closest to random keys.
    Replicas,
    /// To random keys, over many ways at once.
    KeysWidely,
}

/// Routes `count` messages, each from a random node to the id of another one.
pub(super) fn pairs(request: &Request, world: &mut World, count: u32) -> Summary {
    let rate = world.live() * RATE / 100;
    look_up(request, world, count, Aim::Nodes, rate).1
}

/// Starts `count` lookups, `rate` each hundredth of a second, and waits for the last. The number of
/// the first one, and what became of them.
pub(super) fn look_up(
    request: &Request,
    world: &mut World,
    count: u32,
    aim: Aim,
    rate: u32,
) -> (usize, Summary) {
    let first = world.lookups().len();
    send(request, world, count, aim, rate);
    world.run_for(LAST);
    (first, summary(world, &world.lookups()[first..]))
}

/// Starts `count` lookups, `rate` each hundredth of a second.
pub(super) fn send(request: &Request, world: &mut World, count: u32, aim: Aim, rate: u32) {
    let ring: Vec<_> = world.census().iter().collect();
    let per_step = rate.clamp(1, 20_000);
    let mut left = if ring.len() > 1 { count } else { 0 };
    while left > 0 {
        for _ in 0..per_step.min(left) {
            let Some((mine, from)) = world.rng().pick(&ring).copied() else { break };
            let key = match aim {
                Aim::Nodes => world.rng().pick(&ring).map_or(mine, |(id, _)| *id),
                Aim::Keys | Aim::Replicas | Aim::KeysWidely => world.random_key(),
            };
            if key != mine {
                match aim {
                    Aim::KeysWidely => world.look_up_widely(from, key),
                    Aim::Replicas => world.look_up_near(from, key),
                    Aim::Keys | Aim::Nodes => world.look_up(from, key),
                };
                left -= 1;
            }
        }
        (request.progress)("lookups", u64::from(count - left), u64::from(count));
        world.run_for(Duration::from_millis(10));
    }
}

/// Runs until `done` holds, looking each `step`, at most for `span`; how long it took.
pub(super) fn until(
    request: &Request,
    world: &mut World,
    what: &str,
    (step, span): (Duration, Duration),
    done: impl Fn(&World) -> bool,
) -> Option<Duration> {
    let start = world.now();
    loop {
        let passed = world.now().since(start);
        if done(world) {
            return Some(passed);
        }
        if passed >= span {
            return None;
        }
        (request.progress)(what, passed.as_secs(), span.as_secs());
        world.run_for(step);
    }
}

/// How the world did besides what is measured.
pub(super) fn health(report: &mut Report, prefix: &str, sum: &Summary) {
    let lost = sum.asked - sum.arrived;
    report.tell(format!("{prefix}lookups not delivered"), real(lost), "");
    report.firm(Bound::AtMost(0.0));
    report.tell(format!("{prefix}deliveries at another node than the root"), real(sum.wrong), "");
    report.firm(Bound::AtMost(0.0));
    report.tell(format!("{prefix}repeated deliveries at one node"), real(sum.again), "");
    report.firm(Bound::AtMost(0.0));
    report.tell(format!("{prefix}deliveries at a second node"), real(sum.elsewhere), "");
}

/// All ready hosts, in random order.
pub(super) fn shuffled(world: &mut World) -> Vec<u32> {
    let mut hosts: Vec<u32> = world.census().iter().map(|(_, host)| host).collect();
    world.rng().shuffle(&mut hosts);
    hosts
}
