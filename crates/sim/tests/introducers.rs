//! Several introducers of one network: whoever comes to any of them is of the same ring.

use base::{Duration, Time};
use peer::Event;
use sim::{HostConfig, HostId, Network, Work, World, check};

const WORK: Work = Work { salt: 1, cost: Duration::from_millis(300), result_bytes: 20_000 };

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn by(entrance: u8) -> HostConfig {
    HostConfig { entrance, ..HostConfig::default() }
}

/// Waits until every live host is ready and every leaf set is right: then they are one ring.
fn settle(world: &mut World, seed: u64, within: Duration) {
    let end = world.now() + within;
    let mut next = world.now();
    let mut verdict = Ok(());
    world.run_until(end, |world| {
        if world.now() < next {
            return false;
        }
        next = world.now() + Duration::from_millis(250);
        verdict = check::leaf_sets_are_right(world);
        verdict.is_ok()
    });
    assert_eq!(verdict, Ok(()), "seed {seed} at {:?}", world.now());
}

/// A world of two introducers and `count` hosts, which came by the one and the other in turn.
fn ring(seed: u64, count: u32) -> (World, Vec<HostId>) {
    let mut world = World::with_servers(seed, Network::default(), 2);
    let mut hosts = Vec::new();
    for entrance in (0..2).cycle().take(count as usize) {
        hosts.push(world.start(by(entrance)));
        world.run_for(Duration::from_millis(200));
    }
    settle(&mut world, seed, seconds(180));
    (world, hosts)
}

fn first(world: &World, host: HostId, is_it: impl Fn(&Event) -> bool) -> Option<Time> {
    let mut events = world.host(host).events.iter();
    events.find(|(_, event)| is_it(event)).map(|(at, _)| *at)
}

fn heard_of_a_lost_server(world: &World, host: HostId) -> bool {
    first(world, host, |event| matches!(event, Event::ServerUnreachable { .. })).is_some()
}

#[test]
fn peers_that_came_by_two_introducers_are_one_ring_and_share_a_job() {
    for seed in 1..=8 {
        let (mut world, hosts) = ring(seed, 12);
        // Every member is at both, or newcomers of one would not meet those of the other.
        let end = world.now() + seconds(10);
        let everybody = |world: &World| {
            [0, 1].iter().all(|server| world.stats_of(*server).is_some_and(|it| it.members == 12))
        };
        assert!(world.run_until(end, everybody), "seed {seed}");
        let job = world.submit(hosts[0], 120, WORK).expect("a ready peer has a voucher");
        let end = world.now() + seconds(90);
        let is_done = |world: &World| {
            hosts.iter().all(|host| {
                let job = world.host(*host).node().and_then(|node| node.job(job));
                job.is_some_and(|job| job.done == job.tasks)
            })
        };
        assert!(world.run_until(end, is_done), "seed {seed}");
        check::everyone_has_everything(&world, &hosts, job, 120, &WORK).unwrap();
    }
}

#[test]
fn founders_at_two_introducers_at_once_become_one_ring() {
    for seed in 1..=20 {
        let mut world = World::with_servers(seed, Network::default(), 2);
        let hosts = [world.start(by(0)), world.start(by(1))];
        settle(&mut world, seed, seconds(20));
        for host in hosts {
            let is_ready = |event: &Event| matches!(event, Event::Node(node::Event::Ready));
            let is_linked = |event: &Event| matches!(event, Event::Node(node::Event::Linked(_)));
            let (ready, linked) = (first(&world, host, is_ready), first(&world, host, is_linked));
            assert!(ready < linked, "seed {seed}: each founded its own, {ready:?}, {linked:?}");
        }
        // Whoever comes next, wherever, is of the same.
        for entrance in [1, 0, 1] {
            world.start(by(entrance));
        }
        settle(&mut world, seed, seconds(60));
    }
}

#[test]
fn crowds_that_came_to_two_introducers_at_once_become_one_ring() {
    for seed in 1..=5 {
        let mut world = World::with_servers(seed, Network::default(), 2);
        for entrance in (0..2).cycle().take(20) {
            world.start(by(entrance));
        }
        settle(&mut world, seed, seconds(120));
    }
}

#[test]
fn an_introducer_that_dies_for_ever_is_missed_by_nobody() {
    for seed in 1..=5 {
        let (mut world, hosts) = ring(seed, 8);
        world.run_for(seconds(5));
        world.kill_server_number(0);
        world.run_for(seconds(60));
        // Every member is gone but those who came by it; newcomers meet them by the other.
        for host in hosts.iter().skip(1).step_by(2) {
            world.kill(*host);
        }
        for _ in 0..4 {
            world.start(by(1));
            world.run_for(seconds(1));
        }
        settle(&mut world, seed, seconds(180));
        world.run_for(seconds(600));
        for host in hosts.iter().step_by(2) {
            assert!(!heard_of_a_lost_server(&world, *host), "seed {seed} {host:?}");
        }
        // Without any they go on as ever, and say so once they have tried.
        world.kill_server_number(1);
        world.run_for(seconds(120));
        assert!(hosts.iter().step_by(2).all(|host| heard_of_a_lost_server(&world, *host)));
        settle(&mut world, seed, seconds(60));
    }
}

#[test]
fn members_come_back_to_an_introducer_that_was_gone() {
    for seed in 1..=5 {
        let (mut world, hosts) = ring(seed, 6);
        world.kill_server_number(0);
        world.run_for(seconds(300));
        world.start_server_number(0);
        // It knows nobody at first; whoever founds there meets the others by the one that was there.
        let newcomer = world.start(by(0));
        settle(&mut world, seed, seconds(180));
        assert!(world.host(newcomer).is_ready());
        let everybody = |world: &World| world.stats_of(0).is_some_and(|it| it.members == 7);
        let end = world.now() + seconds(700);
        assert!(world.run_until(end, everybody), "seed {seed}: {} hosts", hosts.len());
    }
}

#[test]
fn a_split_leaves_one_ring_behind_with_two_introducers_as_with_one() {
    for seed in 1..=3 {
        let (mut world, hosts) = ring(seed, 12);
        world.part(&hosts[..6]);
        world.run_for(seconds(60));
        world.heal();
        settle(&mut world, seed, seconds(600));
    }
}
