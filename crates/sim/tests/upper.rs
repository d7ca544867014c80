//! Groups and a store on bare overlay nodes: the experiments at small sizes, and checkers that can
//! fail.

use base::Duration;
use groups::Input;
use sim::experiment::{EXPERIMENTS, Report, Request};
use sim::ring::{Settings, Shape, UpperConfig, World, tree};

const SECOND: Duration = Duration::from_secs(1);

/// An experiment as the command line runs it, with so many nodes.
fn run(name: &str, nodes: u32, only: &str) -> Report {
    let experiment = EXPERIMENTS.iter().find(|one| one.name == name).expect("an experiment");
    let request = Request {
        nodes: Some(nodes),
        tasks: None,
        seed: 3,
        seeds: 1,
        sessions: None,
        only,
        cap: None,
        shape: Shape::Plane,
        span: Some(300 * SECOND),
        progress: &|_, _, _| {},
    };
    (experiment.run)(&request)
}

#[track_caller]
fn assert_passes(report: &Report) {
    let lines = report.figures.iter().filter(|figure| figure.pass.is_some()).count();
    let failed: Vec<_> =
        report.figures.iter().filter(|figure| figure.pass == Some(false)).collect();
    assert!(lines > 0 && failed.is_empty(), "{failed:#?}");
}

/// A ring with groups and stores, and a group of all of it.
fn ring(count: u32) -> (World, base::Key, Vec<u32>) {
    let mut world =
        World::new(Settings { upper: Some(UpperConfig::default()), ..Settings::default() });
    world.found();
    for _ in 1..count {
        world.run_for(SECOND / 2);
        world.join(None);
    }
    world.run_for(60 * SECOND);
    let key = world.random_key();
    let members: Vec<u32> = world.live_hosts().collect();
    for host in &members {
        world.groups_input(*host, Input::Join { group: key });
    }
    world.run_for(10 * SECOND);
    (world, key, members)
}

#[test]
fn groups_keep_to_their_lines_in_a_small_ring() {
    assert_passes(&run("groups", 50, "bounded"));
    assert_passes(&run("groups", 50, "quarter"));
}

#[test]
fn anycasts_keep_to_their_lines_in_a_small_ring() {
    assert_passes(&run("anycast", 50, "bounded"));
}

#[test]
fn a_store_keeps_to_its_lines_in_a_small_ring() {
    assert_passes(&run("store", 60, ""));
}

#[test]
fn the_checker_of_trees_sees_whoever_lost_its_place() {
    let (mut world, key, members) = ring(40);
    let whole = tree(&world, key, &members);
    assert_eq!((whole.orphans, whole.depths.len(), whole.edges), (0, 40, 39));
    assert!(whole.fan_out > 1 && whole.fan_out <= 16, "{whole:?}");
    let root = world.census().root(key).map(|(_, host)| host).expect("a root");
    world.kill(root);
    let headless = tree(&world, key, &members);
    assert_eq!((headless.orphans, headless.depths.len()), (39, 0), "nobody has noticed yet");
    world.run_for(60 * SECOND);
    let mended = tree(&world, key, &members);
    assert_eq!((mended.orphans, mended.edges), (0, 38));
}
