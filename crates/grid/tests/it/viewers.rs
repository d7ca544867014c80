//! Who only looks on, comes late, or has little room.

use grid::{Event, Input, JobState};
use wire::grid::JobId;

use crate::world::{World, expected, millis, secs};

fn viewer(world: &mut World) -> usize {
    let node = world.add();
    world.input(node, Input::Ready(true));
    node
}

#[test]
fn whoever_looks_on_sees_everything_and_computes_nothing() {
    for seed in 0..6 {
        let mut world = World::new(seed, 5);
        world.loss = if seed % 2 == 0 { 0.0 } else { 0.03 };
        world.run_for(secs(3));
        let job = world.submit(0, 1, 80);
        world.run_for(secs(4));
        let node = viewer(&mut world);
        world.input(node, Input::Slots(2));
        world.input(node, Input::Watch(job));
        world.run_until(secs(100), |world| world.takes_part(node, job) && world.is_complete(job));
        world.check_complete(job);
        assert_eq!(world.hosts[node].grid.counters().computed, 0);
        let participants = world.hosts[0].grid.job(job).unwrap().participants;
        assert_eq!(participants, 5, "seed {seed}: nobody takes it for a worker");
    }
}

/// A job of 60 tasks that four makers, 0 to 3, have finished while six viewers stood by.
fn finished(seed: u64) -> (World, JobId) {
    let mut world = World::new(seed, 4);
    for _ in 0..6 {
        viewer(&mut world);
    }
    world.run_for(secs(3));
    let job = world.submit(0, 1, 60);
    world.run_until(secs(60), |world| world.is_complete(job));
    world.run_for(secs(2));
    (world, job)
}

#[test]
fn a_finished_job_is_found_by_its_id_when_its_makers_are_gone() {
    for seed in 0..6 {
        let (mut world, job) = finished(seed);
        (0..4).for_each(|node| world.kill(node));
        world.run_for(secs(10));
        let node = viewer(&mut world);
        world.input(node, Input::Watch(job));
        world.run_until(secs(60), |world| world.takes_part(node, job) && world.is_complete(job));
        world.check_complete(job);
        assert!(world.services.loads >= 60);
    }
}

/// A result that died with everybody who had it is none: whoever asks for the picture gets it whole.
#[test]
fn what_only_the_dead_had_is_computed_again_for_whoever_asks() {
    for seed in 0..6 {
        let (mut world, job) = finished(seed);
        let params = world.hosts[0].grid.job(job).unwrap().params;
        // All makers die with what was not stored, or half of them.
        let dead = if seed % 2 == 0 { 4 } else { 2 };
        (0..dead).for_each(|node| world.kill(node));
        (3..6).for_each(|task| world.lose(&expected(&params, task)));
        (4..10).for_each(|node| world.input(node, Input::Slots(1)));
        world.run_for(secs(10));
        let computed = world.computed;
        let node = viewer(&mut world);
        world.input(node, Input::Watch(job));
        world.run_until(secs(120), |world| world.hosts[node].shown.len() == 60);
        let again = world.computed - computed;
        assert!(again == 3 || (dead == 2 && again < 3), "seed {seed}: {again}");
        world.run_until(secs(120), |world| world.is_complete(job));
    }
}

#[test]
fn a_job_that_nobody_knows_is_not_waited_for_for_ever() {
    let mut world = World::new(1, 4);
    let job = world.describe(2, 9, 10).description.job();
    world.input(0, Input::Watch(job));
    world.run_for(secs(12));
    let is_refused = |event: &Event| matches!(event, Event::JobRefused { .. });
    assert_eq!(world.count_events(0, is_refused), 1);
    assert!(!world.takes_part(0, job));
}

/// Where several owners die one after the other, nobody answers for the job's key for a while.
#[test]
fn a_record_is_looked_for_as_long_as_a_job_may_be_without_an_owner() {
    for seed in 0..6 {
        let (mut world, job) = finished(seed);
        let node = viewer(&mut world);
        world.ring_changes(node, false);
        world.input(node, Input::Watch(job));
        world.run_for(base::HEARTBEAT * 12);
        assert!(!world.takes_part(node, job), "seed {seed}");
        world.ring_changes(node, true);
        world.run_until(secs(60), |world| world.takes_part(node, job) && world.is_complete(job));
        world.check_complete(job);
    }
}

/// A peer is recruited as soon as it is a member: often before its driver asks for the job.
#[test]
fn whoever_works_on_a_job_and_asks_for_it_is_told_everything_again() {
    for seed in 0..6 {
        let mut world = World::new(seed, 5);
        world.run_for(secs(3));
        let job = world.submit(0, 1, 60);
        let opened = |event: &Event| matches!(event, Event::JobOpened { .. });
        world.run_until(secs(10), |world| world.hosts[3].shown.len() > 10);
        world.input(3, Input::Watch(job));
        world.run_until(secs(60), |world| world.is_complete(job));
        world.check_complete(job);
        assert!(world.hosts[3].grid.counters().computed > 0, "it goes on working");
        // Once more when it is over: to a worker, and to the one that owned it.
        for node in [3, 0] {
            let before = world.count_events(node, opened);
            world.input(node, Input::Watch(job));
            world.run_for(secs(1));
            assert_eq!(world.count_events(node, opened), before + 1);
            let last = world.hosts[node].events.last().map(|(_, event)| event);
            assert_eq!(last, Some(&Event::JobChanged { job, state: JobState::Finished }));
        }
        world.check_complete(job);
    }
}

/// The invitation is being appraised while the record is looked for.
#[test]
fn whoever_is_invited_while_it_asks_is_told_all_the_same() {
    for step in 0..60 {
        let mut world = World::new(step, 4);
        world.task_time = secs(2);
        world.run_for(secs(3));
        let job = world.submit(0, 1, 60);
        world.run_for(secs(1));
        let node = viewer(&mut world);
        world.input(node, Input::Slots(1));
        world.run_for(millis(step * 10));
        world.input(node, Input::Watch(job));
        world.run_until(secs(20), |world| world.takes_part(node, job));
        let refused = |event: &Event| matches!(event, Event::JobRefused { .. });
        world.run_for(secs(12));
        assert_eq!(world.count_events(node, refused), 0, "step {step}");
    }
}

#[test]
fn what_was_given_up_here_is_looked_up_again() {
    let mut world = World::cramped(3, 6, 60_000);
    world.run_for(secs(3));
    let job = world.submit(0, 1, 60);
    world.run_until(secs(60), |world| world.is_complete(job));
    assert!(world.hosts[2].grid.counters().evicted > 0);
    // To a worker, and to the owner.
    for node in [2, 0] {
        world.input(node, Input::Watch(job));
        assert!(world.hosts[node].shown.len() < 60, "not all of it is here");
        world.run_until(secs(60), |world| world.hosts[node].shown.len() == 60);
        let summary = world.hosts[node].grid.job(job).unwrap();
        let shown = |task| world.hosts[node].shown.get(&(job, task));
        assert!((0..60).all(|task| shown(task) == Some(&expected(&summary.params, task))));
        assert_eq!((summary.state, summary.done), (JobState::Finished, 60));
    }
}

#[test]
fn a_job_larger_than_anybodys_memory_is_finished_and_kept() {
    let mut world = World::cramped(8, 8, 30_000);
    world.run_for(secs(3));
    let job = world.submit(0, 1, 100);
    let is_over = |world: &World| {
        (0..8).all(|node| world.state(node, job).is_none_or(|s| s == JobState::Finished))
    };
    world.run_until(secs(60), is_over);
    let params = world.hosts[0].grid.job(job).unwrap().params;
    let mut copies = [0u32; 100];
    for host in &world.hosts {
        assert!(host.grid.result_bytes() <= 30_000 && host.grid.counters().evicted > 0);
        assert_eq!(host.shown.len(), 100, "everyone saw every result");
        for task in 0..100 {
            copies[task as usize] += u32::from(host.grid.result(job, task).is_some());
        }
    }
    let nowhere = copies.iter().filter(|count| **count == 0).count();
    println!("room for a quarter: {nowhere} of 100 results in no participant's memory");
    assert!(nowhere < 25, "{nowhere}");
    // The store has what they gave up.
    let node = viewer(&mut world);
    world.input(node, Input::Watch(job));
    world.run_until(secs(60), |world| world.state(node, job) == Some(JobState::Finished));
    world.run_until(secs(60), |world| world.hosts[node].shown.len() == 100);
    for task in 0..100 {
        assert_eq!(world.hosts[node].shown.get(&(job, task)), Some(&expected(&params, task)));
    }
}

#[test]
fn copies_are_counted_as_they_are_acknowledged() {
    let mut world = World::new(2, 6);
    world.run_for(secs(3));
    let job = world.submit(0, 1, 30);
    world.run_until(secs(60), |world| world.is_complete(job));
    world.run_for(secs(1));
    for host in &world.hosts {
        let summary = host.grid.job(job).unwrap();
        let own = summary.workers.iter().find(|worker| worker.worker == host.id);
        let own = own.map_or(0, |worker| u64::from(worker.done));
        assert_eq!(summary.copies_total, 30 + 5 * own, "its own, and five of what it computed");
        assert_eq!(summary.copies_min, if own == 30 { 6 } else { 1 });
    }
}

#[test]
fn a_crowd_shares_one_job() {
    share(280, 400);
}

/// The measurement: `cargo test -p grid --test it -- --ignored --nocapture`.
#[test]
#[ignore = "a million results arrive"]
fn a_thousand_workers_share_one_job() {
    share(1000, 2000);
}

/// More workers than a message can name.
fn share(count: usize, tasks: u32) {
    let mut world = World::new(4, count);
    world.task_time = secs(4);
    world.run_for(secs(3));
    let (control, offers) = (world.control_bytes, world.services.offers);
    let job = world.submit(0, 1, tasks);
    let start = world.now;
    world.run_for(secs(10));
    let owner = world.hosts[0].grid.job(job).unwrap();
    println!(
        "{count} nodes after 10 s: {} participants, {} offers, {} control bytes a participant",
        owner.participants,
        world.services.offers - offers,
        (world.control_bytes - control) / u64::from(owner.participants),
    );
    assert!(usize::try_from(owner.participants).unwrap() > count * 9 / 10);
    world.run_until(secs(100), |world| world.state(0, job) == Some(JobState::Finished));
    let took = world.now.since(start);
    println!("{tasks} tasks of 4 s: {:.1} s, {} computed", took.as_secs_f64(), world.computed);
    assert!(took < secs(40), "{took:?}");
}
