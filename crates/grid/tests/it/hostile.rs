//! What no honest peer sends (hostile.md J2, J4, J5): refused in words, and nothing grows.

use base::{Bounded, Digest};
use bytes::Bytes;
use grid::{Event, Input, JOBS_MAX, JobState};
use wire::grid::{
    Description, Done, Ending, Message, PARAMS_BYTES_MAX, TASKS_MAX, Tasks, Tenure, cancel_bytes,
};

use crate::world::{World, expected, millis, secs, welcome};

fn is_refused(event: &Event) -> bool {
    matches!(event, Event::JobRefused { reason, .. } if !reason.is_empty())
}

fn is_misdeed(event: &Event) -> bool {
    matches!(event, Event::Misbehaved { .. })
}

#[test]
fn absurd_submissions_are_refused() {
    let mut world = World::new(1, 2);
    let good = world.describe(0, 1, 10).description;
    let absurd = [
        Description { tasks: 0, ..good.clone() },
        Description { tasks: TASKS_MAX + 1, ..good.clone() },
        Description { tasks: u32::MAX, ..good.clone() },
        Description { params: Bytes::from(vec![0; PARAMS_BYTES_MAX + 1]), ..good.clone() },
    ];
    for (count, description) in absurd.into_iter().enumerate() {
        let signed = world.sign(0, description);
        world.input(0, Input::Submit(signed));
        assert_eq!(world.count_events(0, is_refused), count + 1);
    }
    let forged = world.forge(good);
    world.input(0, Input::Submit(forged));
    let anothers = world.describe(1, 1, 10);
    world.input(0, Input::Submit(anothers));
    assert_eq!(world.count_events(0, is_refused), 6);
    assert!(world.hosts[0].grid.jobs().is_empty());
    world.submit(0, 1, TASKS_MAX);
    world.submit(0, 1, TASKS_MAX);
    assert_eq!(world.count_events(0, is_refused), 7, "the same job twice");
}

#[test]
fn jobs_are_bounded() {
    let mut world = World::new(2, 1);
    for serial in 0..3 * JOBS_MAX as u64 {
        world.submit(0, serial, 4);
    }
    assert_eq!(world.hosts[0].grid.jobs().len(), JOBS_MAX);
    assert_eq!(world.count_events(0, is_refused), 2 * JOBS_MAX);
    world.run_for(secs(60));
    let last = world.submit(0, 1000, 4);
    assert!(world.takes_part(0, last) && world.hosts[0].grid.jobs().len() == JOBS_MAX);
}

/// hostile.md J5: one node floods the others with jobs, real and absurd, while they work for another.
#[test]
fn a_flood_of_jobs_hardly_slows_the_jobs_of_others() {
    let [quiet, flooded] = [false, true].map(|is_flooded| {
        let mut world = World::new(9, 7);
        // It computes for nobody: what it does not do is not missed.
        let flooder = world.add();
        world.input(flooder, Input::Ready(true));
        let job = world.submit(0, 1, 300);
        world.run_until(secs(30), |world| (1..7).all(|node| world.takes_part(node, job)));
        let begun = world.now;
        for serial in 0..u64::from(is_flooded) * 10_000 {
            world.submit(flooder, 100 + serial, 40);
        }
        let owner = world.hosts[flooder].id;
        for serial in 0..u64::from(is_flooded) * 1_000 {
            let good = world.describe(flooder, 100_000 + serial, 10).description;
            let absurd = world.sign(flooder, Description { tasks: u32::MAX, ..good });
            let (id, lie) = (absurd.description.job(), welcome(absurd, 2));
            for worker in 0..7 {
                let invite = Message::Invite { job: id, owner };
                world.input(worker, Input::Offered { walk: 0, message: invite });
                world.inject(flooder, worker, lie.clone());
            }
        }
        world.run_until(secs(300), |world| world.state(0, job) == Some(JobState::Finished));
        if is_flooded {
            assert_eq!(world.hosts[flooder].grid.jobs().len(), JOBS_MAX);
            assert_eq!(world.count_events(flooder, is_refused), 10_000 - JOBS_MAX);
            for host in &world.hosts[..7] {
                assert!(host.grid.jobs().len() <= JOBS_MAX);
            }
        }
        world.now.since(begun)
    });
    println!("{quiet:?} without the flood, {flooded:?} with it");
    assert!(flooded.as_micros() * 10 <= quiet.as_micros() * 11, "{quiet:?}, then {flooded:?}");
}

#[test]
fn absurd_welcomes_are_refused() {
    let world = World::new(3, 2);
    let owner = world.hosts[1].id;
    let good = world.describe(1, 1, 10);
    let endless = world.sign(1, Description { tasks: u32::MAX, ..good.description.clone() });
    let lies = [
        welcome(world.forge(good.description.clone()), 2),
        welcome(endless, 2),
        welcome(good.clone(), 1),
        welcome(good.clone(), 1_000_000),
    ];
    for lie in lies {
        let mut world = World::new(3, 2);
        let Message::Welcome { job, .. } = &lie else { unreachable!() };
        let job = job.description.job();
        let message = Message::Invite { job, owner };
        world.input(0, Input::Offered { walk: 0, message: message.clone() });
        world.inject(1, 0, lie);
        assert_eq!(world.count_events(0, is_refused), 1);
        assert_eq!(world.count_events(0, is_misdeed), 1);
        assert!(!world.takes_part(0, job));
        world.input(0, Input::Offered { walk: 0, message });
        assert_eq!(world.hosts[0].grid.counters().ignored, 1, "not considered twice");
    }
}

#[test]
fn a_job_the_driver_cannot_do_is_refused() {
    let mut world = World::new(4, 3);
    world.hosts[2].refuses = Some("unknown workload");
    let job = world.submit(0, 1, 40);
    world.run_until(secs(60), |world| world.is_complete(job));
    world.check_complete(job);
    assert!(!world.takes_part(2, job));
    assert_eq!(world.count_events(2, is_refused), 1);
}

#[test]
fn only_whoever_holds_a_lease_answers() {
    let mut world = World::new(5, 3);
    world.task_time = secs(5);
    let job = world.submit(0, 1, 30);
    world.run_for(secs(2));
    assert!(world.takes_part(1, job) && world.takes_part(2, job));
    let params = world.hosts[0].grid.job(job).unwrap().params;
    let [liar, honest] = [world.hosts[1].id, world.hosts[2].id];
    let held = |world: &World, node: usize| {
        let parts = world.hosts[0].grid.job(job).unwrap().workers;
        parts.iter().find(|w| w.worker == world.hosts[node].id).unwrap().leased
    };
    assert!(held(&world, 1) > 0);
    let result = |task: u32, worker, payload: Bytes, digest: Digest| Message::Result {
        job,
        task,
        worker,
        digest,
        payload,
    };
    let right = |task| (expected(&params, task), Digest::of(&[&expected(&params, task)]));
    let (payload, digest) = right(29);
    let wrong = Bytes::from_static(b"zeros");
    let lies = [
        result(29, liar, payload.clone(), digest),
        result(29, honest, payload.clone(), digest),
        result(30, liar, payload.clone(), digest),
        result(u32::MAX, liar, payload, digest),
    ];
    let shown = world.hosts[0].shown.len();
    for (count, lie) in lies.into_iter().enumerate() {
        world.inject(1, 0, lie);
        assert_eq!(world.count_events(0, is_misdeed), count + 1);
    }
    // Of what it does hold, a wrong digest.
    for task in 0..29 {
        world.inject(1, 0, result(task, liar, wrong.clone(), digest));
    }
    assert_eq!(world.hosts[0].shown.len(), shown);
    // A bystander does not believe hearsay either.
    world.inject(1, 2, result(28, honest, wrong.clone(), Digest::of(&[&wrong])));
    assert!(world.hosts[2].grid.result(job, 28).is_none());
    world.run_until(secs(120), |world| world.is_complete(job));
    world.check_complete(job);
}

#[test]
fn repeated_results_count_and_do_not_grow() {
    let mut world = World::new(6, 2);
    let job = world.submit(0, 1, 10);
    world.run_until(secs(30), |world| world.is_complete(job));
    let summary = world.hosts[0].grid.job(job).unwrap();
    let (worker, payload) = (world.hosts[1].id, expected(&summary.params, 0));
    let digest = Digest::of(&[&payload]);
    let bytes = world.hosts[0].grid.result_bytes();
    for _ in 0..100 {
        let payload = payload.clone();
        world.inject(1, 0, Message::Result { job, task: 0, worker, digest, payload });
    }
    let after = world.hosts[0].grid.job(job).unwrap();
    assert_eq!(after.duplicates, 100);
    assert_eq!((after.done, after.workers), (summary.done, summary.workers));
    assert_eq!(world.hosts[0].grid.result_bytes(), bytes);

    let job = world.submit(0, 2, 10);
    world.input(0, Input::Cancel(job));
    world.inject(1, 0, Message::Result { job, task: 0, worker, digest, payload });
    assert!(world.hosts[0].grid.result(job, 0).is_none());
}

#[test]
fn messages_of_strangers_change_nothing() {
    let mut world = World::new(7, 3);
    let job = world.submit(0, 1, 40);
    world.run_for(secs(3));
    let stranger = world.add();
    let before = world.hosts[0].grid.jobs();
    let tasks = || Tasks::truncating(0..256);
    let owner = world.hosts[0].id;
    let done = Done { round: 9, digest: Digest([0; 32]), worker: owner };
    let all = [
        Message::Invite { job, owner },
        Message::Pull { job, wanted: u16::MAX },
        Message::Lease { job, epoch: 1, tasks: tasks() },
        Message::Return { job, tasks: tasks(), failed: true, reason: Default::default() },
        Message::Commit { job, task: 39, digest: Digest([0; 32]) },
        Message::Known { job, done: Bounded::truncating([(39, done)]) },
        Message::Status { job, epoch: 1, participants: 9, done: u32::MAX },
        Message::Fetch { job, tasks: tasks() },
        Message::Finished { job, epoch: 1, ending: Ending::Cancelled(None) },
        Message::Stale { job, tenure: Tenure { epoch: 9, owner: world.hosts[stranger].id } },
        Message::Quit { job },
        Message::Sorry { job, reason: Default::default() },
        welcome(world.describe(0, 1, 40), 5),
    ];
    let (messages, bulk) = (world.messages, world.bulk_bytes);
    for message in all {
        world.inject(stranger, 0, message.clone());
        world.inject(stranger, 1, message);
    }
    assert_eq!(world.hosts[0].grid.jobs(), before);
    assert!(world.bulk_bytes - bulk < 2 * 40 * 2200, "what is done, once");
    assert!(world.messages - messages < 100, "results, and hardly an answer else");
    assert_eq!(world.state(1, job), Some(JobState::Running));
    world.run_until(secs(60), |world| world.is_complete(job));
    world.check_complete(job);
}

#[test]
fn requests_for_results_are_bounded() {
    let mut world = World::new(8, 2);
    let job = world.submit(0, 1, 20);
    world.run_until(secs(30), |world| world.is_complete(job));
    world.run_for(millis(100));
    let before = world.hosts[0].grid.counters();
    let bulk = world.bulk_bytes;
    for _ in 0..1000 {
        world.inject(1, 0, Message::Fetch { job, tasks: Tasks::truncating(0..20) });
    }
    assert!(world.bulk_bytes - bulk < 256 * 2200, "{}", world.bulk_bytes - bulk);
    assert_eq!(world.hosts[0].grid.counters().misbehaved, before.misbehaved);
}

/// Another owns the job than its creator: the node, and its epoch.
fn heir_of(world: &mut World, creator: usize, job: wire::grid::JobId) -> (usize, u64) {
    world.kill(creator);
    let owns = |world: &World, node: &usize| {
        let summary = world.hosts[*node].grid.job(job);
        *node != creator && summary.is_some_and(|summary| summary.owner == world.hosts[*node].id)
    };
    let heir = |world: &World| (0..world.hosts.len()).find(|node| owns(world, node));
    world.run_until(secs(20), |world| heir(world).is_some());
    let heir = heir(world).unwrap();
    (heir, world.hosts[heir].grid.job(job).unwrap().epoch)
}

#[test]
fn an_heir_cannot_cancel_a_job() {
    for seed in 0..4 {
        let mut world = World::new(seed, 6);
        world.run_for(secs(3));
        let job = world.submit(0, 1, 200);
        world.run_for(secs(4));
        let (heir, epoch) = heir_of(&mut world, 0, job);
        let forged = world.hosts[heir].secret.sign(&cancel_bytes(job));
        for ending in [None, Some(forged)].map(Ending::Cancelled) {
            for worker in (1..6).filter(|node| *node != heir) {
                world.inject(heir, worker, Message::Finished { job, epoch, ending });
            }
            world.run_for(millis(200));
            let is_cancelled = |node: &usize| world.state(*node, job) == Some(JobState::Cancelled);
            assert_eq!((1..6).find(is_cancelled), None, "seed {seed}");
        }
        let accusers = (1..6).filter(|node| world.hosts[*node].grid.counters().misbehaved > 0);
        assert!(accusers.count() >= 3, "seed {seed}: it is known for it");
        world.run_until(secs(100), |world| world.is_complete(job));
        world.check_complete(job);
    }
}

#[test]
fn whoever_was_told_that_a_job_is_given_up_works_for_its_next_owner() {
    for seed in 0..4 {
        let mut world = World::new(seed, 6);
        world.run_for(secs(3));
        let job = world.submit(0, 1, 300);
        world.run_for(secs(4));
        let (heir, epoch) = heir_of(&mut world, 0, job);
        for worker in (1..6).filter(|node| *node != heir) {
            let ending = Ending::GivenUp;
            world.inject(heir, worker, Message::Finished { job, epoch, ending });
        }
        world.run_for(millis(200));
        let left = (1..6).filter(|node| world.state(*node, job) == Some(JobState::Running));
        assert_eq!(left.collect::<Vec<_>>(), [heir], "seed {seed}");
        world.kill(heir);
        world.run_until(secs(60), |world| world.is_complete(job));
        let works = |node: &usize| world.state(*node, job) == Some(JobState::Finished);
        let back = (1..6).filter(|node| *node != heir).filter(works).count();
        assert!(back >= 3, "seed {seed}: {back} came back");
    }
}

#[test]
fn a_creator_that_is_told_that_its_job_is_given_up_or_barred_from_it_cancels_nothing() {
    for is_barred in [true, false] {
        let mut world = World::new(5, 6);
        world.run_for(secs(3));
        let job = world.submit(0, 1, 300);
        world.run_for(secs(3));
        // Out of the ring it does not know who the root is, so it follows whoever says so.
        world.input(0, Input::Ready(false));
        let (epoch, worker) = (2, world.hosts[0].id);
        world.inject(3, 0, Message::Lease { job, epoch, tasks: Tasks::new() });
        assert_eq!(world.hosts[0].grid.job(job).unwrap().owner, world.hosts[3].id);
        let message = match is_barred {
            true => Message::Barred { job, epoch, worker },
            false => Message::Finished { job, epoch, ending: Ending::GivenUp },
        };
        world.inject(3, 0, message);
        assert_ne!(world.state(0, job), Some(JobState::Cancelled), "{is_barred}");
        world.input(0, Input::Ready(true));
        world.run_until(secs(100), |world| world.is_complete(job));
        world.check_complete(job);
    }
}
