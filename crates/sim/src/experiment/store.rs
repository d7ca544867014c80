//! `store`: values at the k nodes closest to their keys. All but one of the holders of many values
//! die at once; then nodes come and go for an hour. Is a value lost, and when are there k copies
//! again?
//!
//! Half of the values are blobs, half are records. The deaths are chosen so that no value loses all
//! its holders in that moment, which no store survives; in the hour of churn nobody chooses.

use std::collections::{BTreeMap, BTreeSet};

use base::{Digest, Duration};
use bytes::Bytes;
use store::{Event, Input};
use wire::store::{COPIES, Name};

use super::build::{ring, until};
use super::{Bound, Experiment, Report, Request, Source, real};
use crate::ring::{Churn, Sessions, UpperConfig, Word, World};

pub(super) const STORE: Experiment = Experiment {
    name: "store",
    about: "k−1 holders of many values die at once; then an hour of churn",
    run,
};

/// Of a run that names none, and values for each (`pastry.md` §5, row 20).
const NODES: u32 = 1_000;
const VALUES_A_NODE: u32 = 10;
/// Of a value.
const BLOB_BYTES: usize = 64;
const LIFETIME: Duration = Duration::from_secs(24 * 3_600);
const SETTLE: Duration = Duration::from_secs(60);
/// Part of the ring that dies at once: a tenth.
const DYING_PART: usize = 10;
const CHURN: Duration = Duration::from_secs(3_600);
/// Half of the sessions are shorter. Nobody says goodbye.
const SESSION: Duration = Duration::from_secs(15 * 60);
const SECOND: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(250);
const STORED_MAX: Duration = Duration::from_secs(300);
/// Values that are asked for in a second, once the churn is over.
const GETS_A_STEP: usize = 200;
const FOUND_MAX: Duration = Duration::from_secs(60);

fn run(request: &Request) -> Report {
    let nodes = request.nodes.unwrap_or(NODES);
    let mut report = Report::default();
    let mut world = ring(request, request.busy(), nodes, &mut report);
    let config = UpperConfig::default();
    world.build_up(config);
    world.watch_shelves();
    world.run_for(SETTLE);
    let names = put(request, &mut world, nodes * VALUES_A_NODE);
    let k = COPIES.min(nodes as usize);
    let is_full = |world: &World| short(world, &names, k) == 0;
    let took = until(request, &mut world, "storing", (LOOK, STORED_MAX), is_full);
    report.tell("values", real(names.len() as u64), "");
    report.tell("the last value has k copies, after it was put, within", seconds(took), "s");
    let period = config.store.period.as_secs_f64();

    let hit = strike(&mut world, &names, k);
    for (left, count) in hit.iter().enumerate().take(k) {
        report.tell(format!("at once: values with {left} of {k} copies left"), real(*count), "");
    }
    let took = until(request, &mut world, "copying", (LOOK, STORED_MAX), is_full);
    report.tell("at once: k copies of every value again after", seconds(took), "s");
    report.beside(period, Source::Chosen).firm(Bound::AtMost(period));
    report.tell("at once: values lost", real(lost(&world, &names)), "");
    report.firm(Bound::AtMost(0.0));

    let before = *world.tally();
    let found = endure(request, &mut world, &names, k);
    let during = world.tally().since(&before);
    report.tell("churn: nodes that died", real(found.deaths), "");
    report.tell("churn: values lost", real(found.lost), "");
    report.firm(Bound::AtMost(0.0));
    report.tell("churn: fewest copies of a value at any second", real(found.fewest as u64), "");
    report.tell("churn: values with fewer than k copies, mean", found.short, "of values");
    report.tell("churn: longest time that a value had fewer than k", found.longest, "s");
    let rate = real(during.parcels.store) / during.node_seconds.max(1.0);
    report.tell("churn: messages of the store", rate, "/s/node");
    let took = until(request, &mut world, "copying", (LOOK, STORED_MAX), is_full);
    report.tell("after it: k copies of every value again after", seconds(took), "s");
    report.beside(period, Source::Chosen).firm(Bound::AtMost(period));
    report.tell("after it: values that nobody finds", real(missing(&mut world, &names)), "");
    report.firm(Bound::AtMost(0.0));
    check(&mut report, &world);
    report.count(world.tally());
    report
}

/// The checker's account of copies that were dropped.
fn check(report: &mut Report, world: &World) {
    let shelves = world.shelves();
    report.tell("copies handed over and dropped", real(shelves.dropped()), "");
    report.tell(
        "copies dropped before k others had said they have it",
        real(shelves.dropped_early()),
        "",
    );
    report.firm(Bound::AtMost(0.0));
    report.tell("last copies dropped", real(shelves.dropped_last()), "");
    report.firm(Bound::AtMost(0.0));
}

/// Random nodes put so many values, one after the other.
fn put(request: &Request, world: &mut World, count: u32) -> Vec<Name> {
    let mut names = Vec::new();
    for number in 0..count {
        let Some(host) = world.random_ready() else { continue };
        if number % 2 == 0 {
            let mut blob = vec![0; BLOB_BYTES];
            world.rng().fill(&mut blob);
            names.push(Name::Blob(Digest::of(&[&blob])));
            world.store_input(host, Input::Put { blob: blob.into(), lifetime: LIFETIME });
        } else {
            let key = world.random_key();
            names.push(Name::Record(key));
            let delta = Bytes::copy_from_slice(&u64::from(number).to_be_bytes());
            world.store_input(host, Input::Merge { key, delta, lifetime: LIFETIME });
        }
        world.run_for(SETTLE / count.max(1));
        if number % 100 == 0 {
            (request.progress)("putting", u64::from(number), u64::from(count));
            world.take_heard();
        }
    }
    names
}

fn copies(world: &World, name: &Name) -> usize {
    world.shelves().holders(name).count()
}

/// Values with fewer than k copies.
fn short(world: &World, names: &[Name], k: usize) -> u64 {
    names.iter().filter(|name| copies(world, name) < k).count() as u64
}

fn lost(world: &World, names: &[Name]) -> u64 {
    short(world, names, 1)
}

/// Kills all but one of the holders of random values, a tenth of the ring in all; how many values
/// are left with how many copies.
fn strike(world: &mut World, names: &[Name], k: usize) -> Vec<u64> {
    let mut order = names.to_vec();
    world.rng().shuffle(&mut order);
    let holders: Vec<Vec<u32>> =
        names.iter().map(|name| world.shelves().holders(name).collect()).collect();
    let spares = |dying: &BTreeSet<u32>| {
        holders.iter().all(|hosts| hosts.iter().any(|host| !dying.contains(host)))
    };
    let most = world.live() as usize / DYING_PART;
    let mut dying: BTreeSet<u32> = BTreeSet::new();
    for name in order {
        let mut victims: Vec<u32> = world.shelves().holders(&name).collect();
        if victims.iter().any(|host| dying.contains(host)) {
            continue;
        }
        world.rng().shuffle(&mut victims);
        let more: BTreeSet<u32> =
            victims.into_iter().take(k - 1).chain(dying.iter().copied()).collect();
        if more.len() > most {
            break;
        }
        if spares(&more) {
            dying = more;
        }
    }
    dying.iter().for_each(|host| world.kill(*host));
    let mut hit = vec![0; k + 1];
    for name in names {
        hit[copies(world, name).min(k)] += 1;
    }
    hit
}

/// What an hour of churn did.
#[derive(Default)]
struct Endured {
    deaths: u64,
    lost: u64,
    fewest: usize,
    /// Part of the values with fewer than k copies, on average.
    short: f64,
    /// Seconds that one value had fewer without a break.
    longest: f64,
}

fn endure(request: &Request, world: &mut World, names: &[Name], k: usize) -> Endured {
    let sessions = Some(Sessions::Exponential { median: SESSION });
    let churn = Churn { sessions, goodbyes: 0.0, lookups: 0.0 };
    churn.begin(world);
    let started = world.host_count();
    let span = request.span.unwrap_or(CHURN).as_secs();
    let mut since: BTreeMap<Name, u64> = BTreeMap::new();
    let mut gone: BTreeSet<Name> = BTreeSet::new();
    let mut found = Endured { fewest: k, ..Endured::default() };
    for second in 0..span {
        (request.progress)("churn", second, span);
        churn.run(world, SECOND);
        world.take_heard();
        for name in names {
            let count = copies(world, name);
            found.fewest = found.fewest.min(count);
            if count == 0 {
                gone.insert(*name);
            }
            if count < k {
                let from = *since.entry(*name).or_insert(second);
                found.longest = found.longest.max(real(second + 1 - from));
                found.short += 1.0;
            } else {
                since.remove(name);
            }
        }
    }
    found.short /= real(span.max(1)) * real(names.len().max(1) as u64);
    found.lost = gone.len() as u64;
    // A newcomer comes for each that dies.
    found.deaths = u64::from(world.host_count() - started);
    found
}

/// Asks for every value at a random node; how many are not found.
fn missing(world: &mut World, names: &[Name]) -> u64 {
    let mut found: BTreeSet<Name> = BTreeSet::new();
    world.take_heard();
    let mut listen = |world: &mut World| {
        for heard in world.take_heard() {
            match heard.word {
                Word::Store(Event::Found { digest, .. }) => found.insert(Name::Blob(digest)),
                Word::Store(Event::FoundRecord { key, .. }) => found.insert(Name::Record(key)),
                _ => continue,
            };
        }
    };
    for some in names.chunks(GETS_A_STEP) {
        for name in some {
            let Some(host) = world.random_ready() else { continue };
            let input = match name {
                Name::Blob(digest) => Input::Get(*digest),
                Name::Record(key) => Input::GetRecord(*key),
            };
            world.store_input(host, input);
        }
        world.run_for(SECOND);
        listen(world);
    }
    world.run_for(FOUND_MAX);
    listen(world);
    names.iter().filter(|name| !found.contains(name)).count() as u64
}

/// Never is a very long time.
fn seconds(took: Option<Duration>) -> f64 {
    took.map_or(1e9, |took| took.as_secs_f64())
}
