//! What load sharing minimises, measured.

use base::{Duration, Time};
use grid::Input;

use crate::world::{World, millis, secs};

/// Share of `from..to` in which the slot of a node was free.
fn idle_share(world: &World, node: usize, from: Time, to: Time) -> f64 {
    let overlap = |(a, b): &(Time, Time)| (*b).min(to).since((*a).max(from));
    let busy: Duration = world.hosts[node].busy.iter().map(overlap).sum();
    1.0 - busy.as_secs_f64() / to.since(from).as_secs_f64()
}

#[test]
fn eight_workers_are_hardly_ever_idle() {
    for seed in 0..6 {
        let mut world = World::new(seed, 8);
        world.run_for(secs(3));
        let job = world.submit(0, 1, 400);
        let start = world.now;
        world.run_until(secs(60), |world| world.is_complete(job));
        world.check_complete(job);
        // Ramp and tail are left out.
        let (from, to) = (start + secs(2), start + secs(22));
        let worst = (0..8).map(|node| idle_share(&world, node, from, to)).fold(0.0, f64::max);
        let took = world.now.since(start).as_secs_f64();
        let results: u64 = world.hosts[0].shown.values().map(|payload| payload.len() as u64).sum();
        let (control, bulk) = (world.control_bytes as f64, world.bulk_bytes as f64);
        println!(
            "seed {seed}: idle at most {:.2} %, {took:.1} s for 25 s of work each, control {:.4} of \
             bulk ({:.0} bytes a task), bulk {:.3} of 7 copies",
            100.0 * worst,
            control / bulk,
            control / 400.0,
            bulk / (7 * results) as f64,
        );
        assert!(worst < 0.05, "seed {seed}: {worst}");
        assert!(took < 28.0);
        assert!(bulk / ((7 * results) as f64) < 1.1, "results travel once to each participant");
        assert!(control / 400.0 < 400.0, "control bytes a task");
    }
}

#[test]
fn the_measures_say_what_happened() {
    let mut world = World::new(2, 8);
    world.run_for(secs(3));
    let job = world.submit(0, 1, 300);
    world.run_for(secs(4));
    world.kill(5);
    world.input(6, Input::Leave);
    world.hosts[6].alive = false;
    world.run_until(secs(60), |world| world.is_complete(job));
    let owner = world.hosts[0].grid.measures();
    assert!(owner.worker_recovery.count >= 2, "{owner:?}");
    assert!(owner.worker_recovery.longest <= secs(10), "five heartbeats: {owner:?}");
    assert_eq!((owner.lost, owner.owner_recovery.count), (0, 0));
    for (node, host) in world.hosts[..5].iter().enumerate() {
        let measures = host.grid.measures();
        let busy: Duration = host.busy.iter().map(|(from, to)| to.since(*from)).sum();
        let counted = measures.open.saturating_sub(measures.idle);
        assert!(busy.abs_diff(counted) < millis(1), "{node}: {busy:?} {measures:?}");
        assert!(measures.idle_share() < 0.15 && measures.open > secs(15), "{node}: {measures:?}");
    }
}

#[test]
fn loss_costs_little() {
    let mut world = World::new(1, 8);
    world.loss = 0.05;
    world.run_for(secs(3));
    let job = world.submit(0, 1, 400);
    let start = world.now;
    world.run_until(secs(90), |world| world.is_complete(job));
    let (from, to) = (start + secs(2), start + secs(22));
    let share = (0..8).map(|node| idle_share(&world, node, from, to)).sum::<f64>() / 8.0;
    let again = world.computed - 400;
    println!("5 % loss: {:.2} % idle, {again} of 400 tasks computed twice", 100.0 * share);
    assert!(share < 0.1 && again < 20);
}

#[test]
fn short_tasks_over_a_long_path() {
    let mut world = World::new(1, 4);
    world.task_time = millis(50);
    world.latency = millis(150);
    world.run_for(secs(3));
    let job = world.submit(0, 1, 1200);
    let start = world.now;
    world.run_until(secs(60), |world| world.is_complete(job));
    let worst = (0..4)
        .map(|node| idle_share(&world, node, start + secs(5), start + secs(13)))
        .fold(0.0, f64::max);
    println!("50 ms tasks, 300 ms round trip: idle at most {:.2} %", 100.0 * worst);
    assert!(worst < 0.05, "{worst}");
}

#[test]
fn an_idle_network_is_quiet() {
    let mut world = World::new(2, 10);
    world.run_for(secs(5));
    let before = world.control_bytes;
    world.run_for(secs(100));
    assert!(world.control_bytes - before <= 10 * 50 * 4, "a few bytes a heartbeat");
}

#[test]
fn a_crowd_enlists_without_a_flood() {
    let mut world = World::new(3, 64);
    world.task_time = secs(2);
    world.run_for(secs(3));
    let before = world.control_bytes;
    let job = world.submit(0, 1, 300);
    world.run_for(secs(4));
    assert_eq!(world.hosts[0].grid.job(job).unwrap().participants, 64);
    println!("64 enlist: {} control bytes", world.control_bytes - before);
    assert!(world.control_bytes - before < 1_000_000);
    world.run_until(secs(60), |world| world.is_complete(job));
    world.check_complete(job);
}
