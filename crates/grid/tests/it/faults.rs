//! Loss, death, silence, freezing.

use base::Time;
use grid::{Event, Input, JobState};

use crate::world::{World, expected, millis, secs};

/// Lease time and one heartbeat, with the defaults.
const RECOVERY_S: u64 = 4 * 2 + 2;

#[test]
fn what_the_store_does_not_take_is_put_once_more() {
    let mut world = World::new(5, 4);
    world.run_for(secs(3));
    world.services.is_full = true;
    let job = world.submit(0, 1, 60);
    world.run_until(secs(60), |world| world.is_complete(job));
    let params = world.hosts[0].grid.job(job).unwrap().params;
    assert!((0..60).all(|task| !world.is_stored(&expected(&params, task))));
    world.services.is_full = false;
    world.run_for(secs(6));
    assert!((0..60).all(|task| world.is_stored(&expected(&params, task))));
}

#[test]
fn loss_delays_a_job_and_loses_nothing() {
    for seed in 0..24 {
        let mut world = World::new(seed, 5);
        world.loss = 0.05;
        let job = world.submit(1, 1, 60);
        world.run_until(secs(120), |world| world.is_complete(job));
        world.check_complete(job);
    }
}

#[test]
fn heavy_loss_too() {
    for seed in 0..8 {
        let mut world = World::new(seed, 4);
        world.loss = 0.25;
        let job = world.submit(1, 1, 30);
        world.run_until(secs(400), |world| world.is_complete(job));
        world.check_complete(job);
    }
}

#[test]
fn what_a_silent_worker_held_is_done_by_others() {
    for seed in 0..12 {
        let mut world = World::new(seed, 4);
        let job = world.submit(0, 1, 100);
        world.run_for(secs(4) + millis(seed * 37));
        let held = world.hosts[0].grid.job(job).unwrap();
        let of_it = held.workers.iter().find(|w| w.worker == world.hosts[2].id).unwrap().leased;
        world.kill(2);
        let killed = world.now;
        world.run_for(secs(RECOVERY_S));
        let lost: Vec<_> = world.hosts[0].events.iter().filter(|(_, e)| is_lost(e)).collect();
        let [(at, Event::WorkerLost { tasks, left: false, .. })] = lost[..] else {
            panic!("{lost:?}")
        };
        let (at, tasks) = (*at, *tasks);
        // A result or a pull was under way when it died.
        assert!(at.since(killed) >= secs(6) && tasks.abs_diff(of_it) <= 4, "seed {seed}");
        world.run_until(secs(60), |world| world.is_complete(job));
        world.check_complete(job);
        assert_eq!(world.hosts[0].grid.job(job).unwrap().reassigned, tasks);
    }
}

fn is_lost(event: &Event) -> bool {
    matches!(event, Event::WorkerLost { .. })
}

#[test]
fn a_goodbye_frees_the_tasks_at_once() {
    for leave in [true, false] {
        let mut world = World::new(9, 4);
        let job = world.submit(0, 1, 12);
        world.task_time = secs(4);
        world.run_for(secs(3));
        if leave {
            world.input(2, Input::Leave);
        }
        world.kill(2);
        if !leave {
            world.announce_gone(2);
        }
        world.run_for(millis(200));
        let is_goodbye =
            |event: &Event| matches!(event, Event::WorkerLost { left, .. } if *left == leave);
        assert_eq!(world.count_events(0, is_goodbye), 1);
        world.run_until(secs(60), |world| world.is_complete(job));
        world.check_complete(job);
    }
}

/// Half of the nodes come and go without a word, all the time.
#[test]
fn a_job_survives_churn() {
    for seed in 0..10 {
        let mut world = World::new(seed, 6);
        world.loss = 0.02;
        let job = world.submit(0, 1, 120);
        for round in 0..4 {
            world.run_for(secs(4) + millis(seed * 131 % 900));
            world.kill(1 + round);
            let fresh = world.add();
            world.input(fresh, Input::Slots(2));
            world.input(fresh, Input::Ready(true));
        }
        world.run_until(secs(200), |world| world.is_complete(job));
        world.check_complete(job);
    }
}

#[test]
fn a_late_answer_is_taken_where_it_is_the_first() {
    let (mut taken, mut again) = (0, 0);
    for seed in 0..30 {
        let mut world = World::new(seed, 3);
        world.task_time = secs(2);
        world.hosts[2].slowness = 8;
        let job = world.submit(0, 1, 24);
        world.run_for(secs(5));
        // Node 2 hears nothing and is not heard, and works on.
        world.cut.extend([(2, 0), (2, 1), (0, 2), (1, 2)]);
        world.run_for(secs(RECOVERY_S) + millis(seed * 307));
        assert_eq!(world.count_events(0, is_lost), 1, "seed {seed}");
        world.cut.clear();
        world.run_until(secs(120), |world| world.is_complete(job));
        world.check_complete(job);
        assert!(world.takes_part(2, job));
        let events = &world.hosts[0].events;
        again += world.computed - 24;
        let back = world.hosts[2].id;
        let mut lost_at = Time::FAR_FUTURE;
        for (at, event) in events {
            match event {
                Event::WorkerLost { .. } => lost_at = *at,
                Event::TaskDone { worker, .. } if *worker == back && *at > lost_at => taken += 1,
                _ => {}
            }
        }
    }
    assert!(taken > 0 && again > 0, "{taken} taken, {again} computed for nothing");
}

#[test]
fn an_owner_that_is_silent_leaves_orphans_who_come_back() {
    for announced in [false, true] {
        let mut world = World::new(11, 4);
        let job = world.submit(3, 1, 200);
        world.run_for(secs(5));
        let shown = world.hosts[1].shown.len();
        assert!(shown > 0);
        for other in 0..3 {
            world.cut.extend([(3, other), (other, 3)]);
        }
        world.run_for(millis(200));
        if announced {
            world.announce_gone(3);
        }
        // Up to a heartbeat more, since that is when silence is noticed.
        world.run_for(secs(if announced { 1 } else { RECOVERY_S }) + millis(200));
        for node in 0..3 {
            assert_eq!(world.state(node, job), Some(JobState::Orphaned), "node {node}");
            assert!(world.hosts[node].grid.job(job).unwrap().done as usize >= shown);
        }
        // They finish what they have in hand.
        let rests = |world: &World| (0..3).all(|node| world.hosts[node].grid.queue_len() == 0);
        world.run_until(secs(5), rests);
        // They are idle, and work for others meanwhile.
        let other = world.submit(0, 2, 10);
        world.run_for(secs(5));
        assert!(world.state(0, other) == Some(JobState::Finished) && world.takes_part(1, other));
        world.cut.clear();
        world.run_for(secs(4));
        assert!((0..3).all(|node| world.state(node, job) == Some(JobState::Running)));
        world.run_until(secs(90), |world| world.is_complete(job));
        world.check_complete(job);
    }
}

#[test]
fn whoever_was_away_for_long_gets_what_was_done_meanwhile() {
    let mut world = World::new(14, 4);
    let job = world.submit(0, 1, 100);
    world.run_for(secs(4));
    for other in [0, 1, 3] {
        world.cut.extend([(2, other), (other, 2)]);
    }
    world.run_for(secs(300));
    assert_eq!(world.state(0, job), Some(JobState::Finished));
    assert_eq!(world.state(2, job), Some(JobState::Orphaned));
    world.cut.clear();
    world.run_until(secs(70), |world| world.is_complete(job));
    world.check_complete(job);
}

#[test]
fn a_frozen_owner_does_not_take_others_for_dead() {
    let mut world = World::new(12, 3);
    let job = world.submit(0, 1, 30);
    world.run_for(secs(3));
    // A tab that slept: its timer comes late, before the messages that waited.
    let now = world.now;
    world.now = now + secs(60);
    world.input(0, Input::Timeout);
    assert_eq!(world.count_events(0, is_lost), 0);
    world.run_until(secs(120), |world| world.is_complete(job));
    world.check_complete(job);
}

#[test]
fn a_task_that_fails_goes_to_others_and_then_ends_the_job() {
    let mut world = World::new(13, 4);
    let job = world.submit(0, 1, 20);
    for node in [0, 1] {
        world.hosts[node].fails.insert(7);
    }
    world.run_until(secs(60), |world| world.is_complete(job));
    world.check_complete(job);
    let failures =
        |world: &World| world.count_events(0, |event| matches!(event, Event::TaskFailed { .. }));
    assert!(failures(&world) <= 2);

    let job = world.submit(0, 2, 20);
    let before = failures(&world);
    for host in &mut world.hosts {
        host.fails = [3].into();
    }
    world.run_for(secs(20));
    assert_eq!(failures(&world) - before, 3);
    for node in 0..4 {
        assert!(world.state(node, job).is_none_or(|state| state == JobState::Cancelled));
    }
}

#[test]
fn a_task_that_failed_once_everywhere_is_tried_again() {
    for count in [1, 2] {
        let mut world = World::new(3, count);
        for host in &mut world.hosts {
            host.fails = [2].into();
        }
        let job = world.submit(0, 1, 10);
        world.run_for(secs(10));
        assert_eq!(world.state(0, job), Some(JobState::Running));
        for host in &mut world.hosts {
            host.fails.clear();
        }
        world.run_until(secs(30), |world| world.is_complete(job));
        world.check_complete(job);
    }
}

#[test]
fn a_task_that_fails_everywhere_twice_ends_the_job() {
    for count in [1, 2] {
        let mut world = World::new(3, count);
        for host in &mut world.hosts {
            host.fails = [2].into();
        }
        let job = world.submit(0, 1, 10);
        world.run_for(secs(40));
        let state = world.state(0, job);
        assert_eq!(state, Some(JobState::Cancelled), "{count} peers");
        // The reason comes right before the end.
        let failed =
            world.count_events(0, |event| matches!(event, Event::TaskFailed { task: 2, .. }));
        assert_eq!(failed, 2 * count, "{count} peers");
    }
}

#[test]
fn a_newcomer_gets_what_failed_on_everybody_else() {
    let mut world = World::new(3, 2);
    for host in &mut world.hosts {
        host.fails = [2].into();
    }
    let job = world.submit(0, 1, 10);
    world.run_for(secs(8));
    let late = world.add();
    world.input(late, Input::Slots(1));
    world.input(late, Input::Ready(true));
    world.run_until(secs(30), |world| world.is_complete(job));
    world.check_complete(job);
}

/// It dies with its result on the way to the store: the others have it in their memories only.
#[test]
fn the_last_result_of_a_lost_worker_is_stored_all_the_same() {
    for (seed, is_early) in (0..4).zip([true, false].into_iter().cycle()) {
        let mut world = World::new(seed, 4);
        let job = world.submit(0, 1, 24);
        let lost = world.hosts[2].id;
        let count = |world: &World| {
            let is_its =
                |event: &Event| matches!(event, Event::TaskDone { worker, .. } if *worker == lost);
            world.count_events(0, is_its)
        };
        // Its first result, and its last: the job ends then, or soon.
        let last = if is_early { 1 } else { 6 };
        while count(&world) < last && world.state(0, job) == Some(JobState::Running) {
            world.run_for(millis(1));
        }
        world.kill(2);
        world.announce_gone(2);
        world.run_until(secs(60), |world| world.is_complete(job));
        world.run_for(secs(1));
        for (_, event) in &world.hosts[0].events {
            if let Event::TaskDone { task, payload, worker, .. } = event {
                assert!(world.is_stored(payload), "seed {seed}: task {task} of {worker}");
            }
        }
    }
}

/// The owner dies with its own result on the way to the store: whoever inherits the job has it.
#[test]
fn the_last_result_of_a_lost_owner_is_stored_all_the_same() {
    for seed in 0..4 {
        let mut world = World::new(seed, 5);
        world.run_for(secs(3));
        let job = world.submit(0, 1, 24);
        let lost = world.hosts[0].id;
        let is_its =
            |event: &Event| matches!(event, Event::TaskDone { worker, .. } if *worker == lost);
        while (1..5).all(|node| world.count_events(node, is_its) == 0) {
            world.run_for(millis(1));
        }
        world.kill(0);
        world.announce_gone(0);
        world.run_until(secs(120), |world| world.is_complete(job));
        world.run_for(secs(1));
        for (_, event) in world.hosts[1..].iter().flat_map(|host| &host.events) {
            if let Event::TaskDone { task, payload, worker, .. } = event {
                assert!(world.is_stored(payload), "seed {seed}: task {task} of {worker}");
            }
        }
    }
}

/// A worker that is out of the ring for a while computes what it holds, and tells the owner: the
/// store has that, too.
#[test]
fn what_is_computed_out_of_the_ring_is_stored_all_the_same() {
    for seed in 0..4 {
        let mut world = World::new(seed, 4);
        let job = world.submit(0, 1, 24);
        let away = world.hosts[2].id;
        let count = |world: &World| {
            let is_its =
                |event: &Event| matches!(event, Event::TaskDone { worker, .. } if *worker == away);
            world.count_events(2, is_its)
        };
        while count(&world) == 0 {
            world.run_for(millis(1));
        }
        let before = count(&world);
        world.input(2, Input::Ready(false));
        world.run_until(secs(30), |world| count(world) > before);
        world.input(2, Input::Ready(true));
        world.run_until(secs(60), |world| world.is_complete(job));
        world.run_for(secs(2));
        for (_, event) in &world.hosts[0].events {
            if let Event::TaskDone { task, payload, worker, .. } = event {
                assert!(world.is_stored(payload), "seed {seed}: task {task} of {worker}");
            }
        }
    }
}

/// A worker and the owner die together, before anybody could keep for the one what it did last.
#[test]
fn the_last_result_of_a_worker_that_is_lost_with_its_owner_is_stored_all_the_same() {
    for seed in 0..4 {
        let mut world = World::new(seed, 6);
        world.run_for(secs(3));
        let job = world.submit(0, 1, 40);
        let lost = world.hosts[2].id;
        let is_its =
            |event: &Event| matches!(event, Event::TaskDone { worker, .. } if *worker == lost);
        while [1, 3, 4, 5].into_iter().any(|node| world.count_events(node, is_its) == 0) {
            world.run_for(millis(1));
        }
        for node in [0, 2] {
            world.kill(node);
            world.announce_gone(node);
        }
        world.run_until(secs(120), |world| world.is_complete(job));
        world.run_for(secs(RECOVERY_S));
        for (_, event) in world.hosts[1..].iter().flat_map(|host| &host.events) {
            if let Event::TaskDone { task, payload, worker, .. } = event {
                assert!(world.is_stored(payload), "seed {seed}: task {task} of {worker}");
            }
        }
    }
}
