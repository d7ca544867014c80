//! The list of the network's jobs: what it says, whom it believes, and what it forgets.

use base::Key;
use grid::{Event, Input, JobListing, JobState};
use wire::grid::{JobId, LISTINGS_MAX, Listing, Message, Tenure, listings, page_key, page_of};

use crate::world::{World, secs};

/// What `node` is told, with how many pages did not answer.
#[track_caller]
fn list(world: &mut World, node: usize) -> (Vec<JobListing>, u8) {
    let is_listed = |event: &Event| matches!(event, Event::Listed { .. });
    let before = world.count_events(node, is_listed);
    world.input(node, Input::ListJobs);
    world.run_until(secs(15), |world| world.count_events(node, is_listed) > before);
    let told = world.hosts[node].events.iter().rev().find_map(|(_, event)| match event {
        Event::Listed { jobs, missing } => Some((jobs.clone(), *missing)),
        _ => None,
    });
    told.unwrap()
}

fn of(jobs: &[JobListing], job: JobId) -> Option<&JobListing> {
    jobs.iter().find(|listing| listing.job == job)
}

#[test]
fn everybody_can_list_what_goes_on_and_what_is_over() {
    let mut world = World::new(1, 12);
    world.task_time = secs(2);
    let (first, second) = (world.submit(0, 11, 200), world.submit(3, 12, 12));
    world.run_for(secs(13));
    let (jobs, missing) = list(&mut world, 7);
    assert_eq!((jobs.len(), missing), (2, 0));
    let listing = of(&jobs, first).unwrap();
    assert_eq!(listing.state, JobState::Running);
    assert_eq!((listing.creator, listing.owner), (world.hosts[0].id, world.hosts[0].id));
    assert_eq!((listing.created, listing.tasks, listing.epoch), (11, 200, 1));
    assert!(listing.done > 0, "{listing:?}");
    let listing = of(&jobs, second).unwrap();
    assert_eq!((listing.state, listing.done), (JobState::Finished, 12));
    world.input(0, Input::Cancel(first));
    world.run_for(secs(3));
    let (jobs, _) = list(&mut world, 5);
    assert_eq!(of(&jobs, first).unwrap().state, JobState::Cancelled);
}

#[test]
fn another_owner_and_another_page_root_are_in_the_list_soon() {
    let mut world = World::new(2, 12);
    world.task_time = secs(3);
    let job = world.submit(0, 1, 200);
    world.run_for(secs(12));
    let page_root = world.root(page_key(page_of(job)));
    world.kill(0);
    if page_root != 0 {
        world.kill(page_root);
    }
    let asker = (1..12).find(|node| *node != page_root).unwrap();
    world.run_until(secs(40), |world| !world.hosts[0].alive && world.state(asker, job).is_some());
    world.run_for(secs(30));
    let (jobs, missing) = list(&mut world, asker);
    let listing = of(&jobs, job).unwrap();
    assert_eq!((listing.creator, missing), (world.hosts[0].id, 0));
    assert!(listing.epoch > 1 && listing.owner != listing.creator, "{listing:?}");
}

/// In a small ring the newcomer is itself the root of some pages.
#[test]
fn a_newcomer_is_told_what_was_over_before_it_came() {
    for seed in 0..12 {
        let mut world = World::new(seed, 3);
        world.run_for(secs(3));
        let job = world.submit(0, 1, 12);
        world.run_until(secs(60), |world| world.state(0, job) == Some(JobState::Finished));
        world.run_for(secs(5));
        let newcomer = world.add();
        world.input(newcomer, Input::Ready(true));
        let (jobs, missing) = list(&mut world, newcomer);
        assert_eq!((jobs.len(), missing), (1, 0), "seed {seed}");
        assert_eq!(of(&jobs, job).unwrap().state, JobState::Finished);
    }
}

#[test]
fn lost_messages_are_repeated_and_a_job_that_nobody_holds_is_forgotten() {
    let mut world = World::new(3, 8);
    world.loss = 0.1;
    let job = world.submit(0, 1, 6);
    world.run_for(secs(80));
    let (jobs, _) = list(&mut world, 4);
    assert_eq!(jobs.len(), 1);
    for node in 0..8 {
        world.input(node, Input::RecordGone { job });
    }
    world.run_for(secs(160));
    let (jobs, _) = list(&mut world, 4);
    assert!(of(&jobs, job).is_none());
}

#[test]
fn a_node_without_a_ring_is_told_that_nobody_answered() {
    let mut world = World::new(4, 0);
    let node = world.add();
    let (jobs, missing) = list(&mut world, node);
    assert_eq!((jobs.len(), missing), (0, 16));
}

/// Jobs of `node` that page 0 lists.
fn of_one_page(world: &World, node: usize, count: usize) -> Vec<Listing> {
    let listing = |created| {
        let job = world.describe(node, created, 9);
        let tenure = Tenure { epoch: 1, owner: world.hosts[node].id };
        Listing { job, tenure, done: 0, cancelled: None }
    };
    (0..).map(listing).filter(|listing| page_of(listing.id()) == 0).take(count).collect()
}

fn tell(world: &mut World, to: usize, key: Key, jobs: Vec<Listing>) {
    let from = world.hosts[1].id;
    for jobs in listings(jobs) {
        world.input(to, Input::Delivered { key, from, message: Message::List { jobs } });
    }
}

#[test]
fn a_page_believes_signatures_and_has_room_for_everybody() {
    let mut world = World::new(5, 6);
    let (key, root) = (page_key(0), world.root(page_key(0)));
    let jobs = of_one_page(&world, 1, 20);
    // What is over makes room for what is new; while nothing is, the new one has to wait.
    tell(&mut world, root, key, jobs[..17].to_vec());
    assert_eq!(list(&mut world, 2).0.len(), 16);
    let mut over = jobs[3].clone();
    over.done = 9;
    tell(&mut world, root, key, vec![over.clone(), jobs[18].clone()]);
    world.run_for(secs(2));
    let (told, _) = list(&mut world, 2);
    assert_eq!(told.len(), 16);
    assert!(of(&told, over.id()).is_none() && of(&told, jobs[18].id()).is_some());

    let misdeeds =
        |world: &World| world.count_events(root, |event| matches!(event, Event::Misbehaved { .. }));
    let forged = world.forge(jobs[19].job.description.clone());
    tell(&mut world, root, key, vec![Listing { job: forged, ..jobs[19].clone() }]);
    assert_eq!(misdeeds(&world), 1);
    tell(&mut world, root, page_key(1), vec![jobs[0].clone()]);
    assert_eq!(misdeeds(&world), 2, "of another page");
    let cancelled = Some(base::Signature([7; 64]));
    tell(&mut world, root, key, vec![Listing { cancelled, ..jobs[0].clone() }]);
    assert_eq!(misdeeds(&world), 3, "cancelled by nobody");
}

#[test]
fn an_answer_that_nobody_asked_for_is_ignored() {
    let mut world = World::new(6, 3);
    let jobs = listings(of_one_page(&world, 1, 1)).remove(0);
    world.inject(1, 2, Message::Page { ticket: 5, page: 0, part: 0, parts: 1, jobs });
    assert_eq!(list(&mut world, 2).0.len(), 0);
}

#[test]
fn lists_fit_messages() {
    let world = World::new(7, 2);
    let jobs = of_one_page(&world, 1, 150);
    let lists = listings(jobs.clone());
    assert!(lists.iter().all(|list| list.len() <= LISTINGS_MAX && !list.is_empty()));
    assert_eq!(lists.into_iter().flatten().collect::<Vec<_>>(), jobs);
}
