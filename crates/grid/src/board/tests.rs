//! Every task is exactly one of open, leased or done.

use super::*;
use alloc::vec;
use base::Rng;
use base::SortedSet;

const PATIENCE: Duration = Duration::from_secs(1);

fn node(value: u128) -> NodeId {
    NodeId::new(value)
}

fn board(tasks: u32, workers: u128) -> Board {
    let mut board = Board::new(tasks);
    for worker in 1..=workers {
        assert!(board.enlist(node(worker), 1, Time::ZERO));
    }
    board
}

fn pull(board: &mut Board, worker: u128, wanted: u16) -> Vec<u32> {
    board.want(node(worker), wanted);
    board.grant(node(worker), Time::ZERO)
}

#[test]
fn the_most_important_tasks_go_first() {
    let mut board = board(100, 2);
    assert_eq!(pull(&mut board, 1, 3), [0, 1, 2]);
    assert_eq!(pull(&mut board, 2, 2), [3, 4]);
    assert!(board.release(node(1), 1));
    assert_eq!(pull(&mut board, 2, 2), [1, 5]);
    assert_eq!(board.reassigned(), 1);
}

#[test]
fn the_last_tasks_are_dealt_out() {
    let mut board = board(8, 4);
    for worker in 1..=4 {
        assert_eq!(pull(&mut board, worker, 8).len(), 1, "worker {worker}");
    }
    assert_eq!(pull(&mut board, 1, 8), [0; 0], "one in hand, four workers, four open");
    board.close(0, node(1), Time::ZERO);
    assert_eq!(board.hungry(), [node(1), node(2), node(3), node(4)]);
    assert_eq!(
        board.grant(node(1), Time::ZERO),
        [4],
        "what it still wants comes when a task is done"
    );
}

#[test]
fn a_failed_task_goes_elsewhere() {
    let mut board = board(1, 2);
    assert_eq!(pull(&mut board, 1, 1), [0]);
    assert_eq!(board.fail(node(1), 0), Some(1));
    assert_eq!(board.fail(node(1), 0), None, "said twice");
    assert_eq!(pull(&mut board, 1, 1), [0; 0]);
    assert!(!board.has_open_for(node(1)));
    assert_eq!(pull(&mut board, 2, 1), [0]);
    assert_eq!(board.fail(node(2), 0), Some(2));
}

#[test]
fn what_is_not_named_is_asked_for_and_then_taken() {
    let mut board = board(4, 1);
    assert_eq!(pull(&mut board, 1, 2), [0, 1]);
    let named = SortedSet::from([1]);
    let at = Time::from_millis;
    assert_eq!(board.extend(node(1), &named, at(900), PATIENCE), vec![], "crossed on the way");
    assert_eq!(board.extend(node(1), &named, at(2000), PATIENCE), vec![], "result under way");
    assert_eq!(board.extend(node(1), &named, at(3000), PATIENCE), vec![0]);
    assert!(board.was_asked(node(1), 0) && !board.was_asked(node(1), 1));
    assert_eq!(board.drop_missing(at(5999), 4 * PATIENCE), 0);
    assert_eq!(board.drop_missing(at(6000), 4 * PATIENCE), 1);
    assert!(board.was_leased(node(1), 0), "a late answer is still known for one");
    assert_eq!(board.open_count(), 3);
}

#[test]
fn the_dismissed_leave_nothing_behind() {
    let mut board = board(4, 2);
    assert_eq!(pull(&mut board, 1, 2).len(), 1);
    assert_eq!(board.dismiss(node(1), None), Some(1));
    assert_eq!(board.dismiss(node(1), None), None);
    assert!(board.knows(node(1)) && !board.has_member(node(1)));
    assert_eq!(board.open_count(), 4);
    assert_eq!(board.recovery().count, 0, "nobody has it yet");
    board.want(node(2), 1);
    assert_eq!(board.grant(node(2), Time::from_millis(1500)), [0]);
    assert_eq!(board.recovery().longest, Duration::from_millis(1500), "since it was last heard");
}

#[test]
fn a_straggler_is_given_to_one_more() {
    let mut board = board(4, 3);
    let at = Time::from_millis;
    assert_eq!(pull(&mut board, 1, 1), [0]);
    board.close(0, node(1), at(1000));
    for worker in 1..=3 {
        board.want(node(worker), 1);
        assert_eq!(board.grant(node(worker), at(1000)).len(), 1);
    }
    board.close(3, node(3), at(2000));
    board.want(node(3), 2);
    assert_eq!(board.grant(node(3), at(9000)), [0; 0], "none is open");
    assert_eq!(board.grant_straggler(node(3), at(3900)), None, "not yet late");
    assert_eq!(board.grant_straggler(node(3), at(4000)), Some(1), "the oldest");
    board.close(1, node(3), at(4200));
    board.want(node(1), 1);
    assert_eq!(board.grant_straggler(node(1), at(9000)), Some(2));
    assert_eq!(board.grant_straggler(node(3), at(90_000)), None, "two have it");
}

#[test]
fn what_workers_say_they_hold_is_theirs() {
    let mut board = board(4, 2);
    board.adopt(node(1), 2, Time::ZERO);
    board.adopt(node(2), 2, Time::ZERO);
    assert!(board.was_leased(node(1), 2) && board.was_leased(node(2), 2));
    assert_eq!(board.open_count(), 3);
    board.dismiss(node(1), None);
    assert_eq!(board.open_count(), 3, "the other has it");
    board.dismiss(node(2), None);
    assert_eq!(board.open_count(), 4);
}

#[test]
fn whoever_had_no_result_does_not_get_the_task_again() {
    let mut board = board(1, 2);
    assert_eq!(pull(&mut board, 1, 1), [0]);
    board.close(0, node(1), Time::ZERO);
    board.reopen(0, node(1));
    assert_eq!(pull(&mut board, 1, 1), [0; 0]);
    assert_eq!(pull(&mut board, 2, 1), [0]);
}

/// Whatever happens, every task is open, in somebody's hands, or done.
#[test]
fn no_task_is_ever_lost() {
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let mut board = board(20, 4);
        let mut done = SortedSet::new();
        for step in 0..300u64 {
            let worker = node(1 + u128::from(rng.below(4)));
            let task = u32::try_from(rng.below(20)).unwrap();
            let now = Time::from_millis(step * 100);
            match rng.below(9) {
                0 | 1 => {
                    board.want(worker, u16::try_from(rng.below(6)).unwrap());
                    let granted = board.grant(worker, now);
                    assert!(granted.iter().all(|task| !done.contains(task)));
                }
                2 => drop(board.release(worker, task)),
                3 => drop(board.fail(worker, task)),
                4 => drop(board.dismiss(worker, None)),
                5 => drop(board.enlist(worker, 2, now)),
                7 if !done.contains(&task) => board.adopt(worker, task, now),
                6 => {
                    board.extend(worker, &SortedSet::from([task]), now, PATIENCE);
                    board.drop_missing(now, 2 * PATIENCE);
                }
                _ if board.was_leased(worker, task) => {
                    board.close(task, worker, now);
                    done.insert(task);
                }
                _ => {}
            }
            for task in 0..20 {
                let held = board.members.values().any(|m| m.leased.contains_key(&task));
                let places = [board.open.contains(&task), held, done.contains(&task)];
                assert_eq!(places.iter().filter(|p| **p).count(), 1, "seed {seed} task {task}");
            }
        }
    }
}
