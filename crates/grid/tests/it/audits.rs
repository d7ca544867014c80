//! Wrong results (hostile.md J2): looked at before they count, their workers caught, what they did
//! done again by others.

use base::Digest;
use bytes::Bytes;
use grid::{Event, Input, JobState};
use wire::grid::Message;

use crate::world::{World, expected, millis, secs};

/// Every fiftieth byte of a result changed.
fn some_wrong(_: u32, right: Bytes) -> Bytes {
    right.iter().enumerate().map(|(at, byte)| if at % 50 == 7 { !byte } else { *byte }).collect()
}

fn zeros(_: u32, right: Bytes) -> Bytes {
    Bytes::from(vec![0; right.len()])
}

/// The right result of another task.
fn anothers(task: u32, right: Bytes) -> Bytes {
    expected(&right, task + 1)
}

/// Honest for the first tasks.
fn later_wrong(task: u32, right: Bytes) -> Bytes {
    if task < 40 { right } else { some_wrong(task, right) }
}

fn is_barred(event: &Event, who: base::NodeId) -> bool {
    matches!(event, Event::WorkerBarred { worker, .. } if *worker == who)
}

#[test]
fn a_liar_is_caught_and_its_work_done_by_others() {
    for (seed, lie) in [(1, zeros as fn(u32, Bytes) -> Bytes), (2, some_wrong), (3, anothers)] {
        let mut world = World::new(seed, 6);
        world.corrupt(3, lie);
        let liar = world.hosts[3].id;
        let job = world.submit(0, seed, 80);
        world.run_until(secs(120), |world| world.state(0, job) == Some(JobState::Finished));
        world.run_for(secs(30));
        assert!(world.wrong > 0, "others were shown something wrong for a while");
        for node in [0, 1, 2, 4, 5] {
            assert_eq!(world.count_events(node, |event| is_barred(event, liar)), 1, "{node}");
            for task in 0..80 {
                let right = expected(&seed.to_le_bytes(), task);
                assert_eq!(world.hosts[node].shown.get(&(job, task)), Some(&right));
            }
        }
        let summary = world.hosts[0].grid.job(job).unwrap();
        assert_eq!((summary.verified, summary.barred), (80, vec![liar]));
        let its = summary.workers.iter().find(|worker| worker.worker == liar);
        assert!(its.is_none_or(|its| its.done == 0 && its.leased == 0));
        assert_eq!(world.state(3, job), Some(JobState::Cancelled), "it has no part any more");
        assert_eq!(world.count_events(3, |event| is_barred(event, liar)), 1, "and knows it");
        // What was wrong was computed once more, and little else.
        assert!(world.computed < 80 + 80 / 4, "{}", world.computed);
    }
}

#[test]
fn a_barred_worker_does_not_come_back() {
    let mut world = World::new(4, 4);
    world.corrupt(2, zeros);
    let job = world.submit(0, 1, 200);
    world.run_until(secs(20), |world| !world.hosts[0].grid.job(job).unwrap().barred.is_empty());
    let (right, payload) = (world.hosts[0].shown.len(), expected(&1u64.to_le_bytes(), 199));
    let digest = Digest::of(&[&payload]);
    let worker = world.hosts[2].id;
    for message in [
        Message::Enlist { job, slots: 9 },
        Message::Pull { job, wanted: 9 },
        Message::Commit { job, task: 199, digest },
        Message::Result { job, task: 199, worker, digest, payload },
    ] {
        world.inject(2, 0, message);
    }
    assert_eq!(world.hosts[0].shown.len(), right);
    let parts = world.hosts[0].grid.job(job).unwrap().workers;
    assert!(parts.iter().all(|part| part.worker != worker || part.leased == 0));
    world.run_until(secs(120), |world| world.state(0, job) == Some(JobState::Finished));
    assert_eq!(world.hosts[0].grid.job(job).unwrap().participants, 3);
}

#[test]
fn a_liar_is_told_even_if_the_first_word_is_lost() {
    let mut world = World::new(5, 4);
    world.corrupt(2, zeros);
    let liar = world.hosts[2].id;
    let job = world.submit(0, 1, 40);
    world.run_until(secs(20), |world| world.takes_part(2, job) && world.computed > 0);
    world.cut.insert((0, 2));
    world.run_until(secs(60), |world| world.state(0, job) == Some(JobState::Finished));
    assert_eq!(world.hosts[0].grid.job(job).unwrap().barred, [liar]);
    assert_eq!(world.count_events(2, |event| is_barred(event, liar)), 0, "it was not told");
    world.cut.clear();
    world.run_for(secs(30));
    assert_eq!(world.count_events(2, |event| is_barred(event, liar)), 1);
    assert_eq!(world.state(2, job), Some(JobState::Cancelled));
}

#[test]
fn what_a_liar_did_before_is_looked_at_again_and_stands_if_it_is_right() {
    let mut world = World::new(5, 4);
    world.corrupt(1, later_wrong);
    let liar = world.hosts[1].id;
    let job = world.submit(0, 1, 120);
    world.run_until(secs(120), |world| world.state(0, job) == Some(JobState::Finished));
    let revoked = |event: &Event| matches!(event, Event::TaskRevoked { .. });
    let early = |event: &Event| matches!(event, Event::TaskRevoked { task, .. } if *task < 40);
    assert!(world.count_events(0, revoked) > 0);
    assert_eq!(world.count_events(0, early), 0);
    let reviewed =
        |event: &Event| matches!(event, Event::WorkerBarred { reviewed, .. } if *reviewed > 4);
    assert_eq!(world.count_events(0, reviewed), 1);
    let parts = world.hosts[0].grid.job(job).unwrap().workers;
    assert!(parts.iter().any(|part| part.worker == liar && part.done > 4));
    world.run_until(secs(10), |world| world.hosts[2].shown.len() == 120);
    for task in 0..120 {
        let right = expected(&1u64.to_le_bytes(), task);
        assert_eq!(world.hosts[2].shown.get(&(job, task)), Some(&right), "{task}");
    }
}

#[test]
fn an_heir_looks_at_what_it_was_shown() {
    let mut world = World::new(6, 6);
    let job = world.submit(0, 1, 150);
    // A liar that the first owner never looks at, for it cannot.
    world.hosts[0].is_blind = true;
    world.corrupt(4, some_wrong);
    world.run_until(secs(30), |world| world.wrong > 8);
    assert_eq!(world.hosts[0].grid.job(job).unwrap().barred, []);
    world.kill(0);
    world.run_until(secs(120), |world| {
        (1..6).any(|node| {
            let part = world.hosts[node].grid.job(job);
            part.is_some_and(|part| part.owner == world.hosts[node].id)
                && world.state(node, job) == Some(JobState::Finished)
        })
    });
    world.run_for(secs(30));
    for node in [1, 2, 3, 5] {
        for task in 0..150 {
            let right = expected(&1u64.to_le_bytes(), task);
            assert_eq!(world.hosts[node].shown.get(&(job, task)), Some(&right), "{node} {task}");
        }
    }
}

#[test]
fn nothing_counts_while_the_driver_cannot_look() {
    let mut world = World::new(7, 3);
    world.hosts[0].is_blind = true;
    let job = world.submit(0, 1, 20);
    world.run_for(secs(40));
    let summary = world.hosts[0].grid.job(job).unwrap();
    assert_eq!((summary.state, summary.done), (JobState::Running, 20));
    assert!(summary.verified < 20, "its own only");
    world.hosts[0].is_blind = false;
    world.run_until(secs(10), |world| world.is_complete(job));
    world.check_complete(job);
}

#[test]
fn whoever_looks_on_looks_at_everything() {
    let mut world = World::new(8, 4);
    let job = world.submit(0, 1, 30);
    world.run_for(secs(2));
    world.input(3, Input::Slots(0));
    let onlooker = world.add();
    world.input(onlooker, Input::Ready(true));
    world.input(onlooker, Input::Watch(job));
    world.run_until(secs(60), |world| world.state(onlooker, job) == Some(JobState::Finished));
    let summary = world.hosts[onlooker].grid.job(job).unwrap();
    assert_eq!((summary.done, summary.verified), (30, 30));
}

#[test]
fn honest_workers_cost_little_and_are_never_accused() {
    let mut world = World::new(9, 12);
    let job = world.submit(0, 1, 600);
    world.run_until(secs(120), |world| world.is_complete(job));
    world.check_complete(job);
    let refuted: u64 = world.hosts.iter().map(|host| host.grid.counters().refuted).sum();
    assert_eq!((refuted, world.wrong), (0, 0));
    // About once by the owner and once by the others, of 65,536 places in a tile. Each of the others
    // knows the workers less well than the owner does.
    let audits = world.places as f64 / 65_536.0;
    assert!(audits < 0.03 * 600.0, "{audits} tasks' worth");
}

#[test]
#[ignore = "a million results are looked at"]
fn nobody_honest_is_accused_in_a_million_tasks() {
    for seed in 0..16 {
        let mut world = World::new(100 + seed, 6);
        world.loss = 0.01;
        world.task_time = millis(40);
        let job = world.submit(0, seed, 62_500);
        world.run_for(secs(120));
        world.kill(0);
        let is_over = |world: &World| {
            let over = |node| world.state(node, job) == Some(JobState::Finished);
            (1..6).all(|node| !world.hosts[node].alive || over(node))
        };
        world.run_until(secs(3600), is_over);
        let counters = |host: &crate::world::Host| host.grid.counters();
        let refuted: u64 = world.hosts.iter().map(|host| counters(host).refuted).sum();
        let audited: u64 = world.hosts.iter().map(|host| counters(host).audited).sum();
        println!("seed {seed}: {audited} looked at, {refuted} refuted");
        assert_eq!((refuted, world.wrong), (0, 0));
    }
}

#[test]
fn what_the_group_was_told_otherwise_is_found_out_at_the_end() {
    let mut world = World::new(10, 8);
    let job = world.submit(0, 1, 60);
    world.run_for(secs(2));
    world.has_liars = true;
    // In the name of an innocent worker, to one participant only, before anybody else has them.
    let (innocent, mut wrong) = (world.hosts[1].id, 0);
    for task in 50..60 {
        let payload = Bytes::from_static(b"nonsense");
        let digest = Digest::of(&[&payload]);
        let message = Message::Result { job, task, worker: innocent, digest, payload };
        world.input(2, Input::Published { group: job, origin: innocent, message });
        wrong += usize::from(world.hosts[2].shown.contains_key(&(job, task)));
    }
    assert_eq!(wrong, 10, "it believes what its group brings it, at first");
    world.run_until(secs(120), |world| world.is_complete(job));
    world.run_for(secs(30));
    for task in 0..60 {
        let right = expected(&1u64.to_le_bytes(), task);
        assert_eq!(world.hosts[2].shown.get(&(job, task)), Some(&right), "{task}");
    }
    let refuted = world.hosts[2].grid.counters().refuted;
    assert_eq!(refuted, 10);
    assert_eq!(world.hosts[0].grid.job(job).unwrap().barred, [], "the innocent is not accused");
}
