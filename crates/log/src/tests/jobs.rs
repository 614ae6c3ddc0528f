//! The queue of the signer threads: nothing is lost, nobody waits for ever.

use crate::jobs::{Door, JOBS_MAX};
use std::thread;

/// What the takers of as many threads got of so many jobs, in order of the jobs.
fn taken_by(threads: usize, jobs: usize) -> Vec<usize> {
    let door = Door::new();
    let takers: Vec<_> = (0..threads).map(|_| door.taker()).collect();
    let takers = takers.into_iter().map(|taker| {
        thread::spawn(move || std::iter::from_fn(|| taker.take()).collect::<Vec<usize>>())
    });
    let takers: Vec<_> = takers.collect();
    (0..jobs).for_each(|job| door.push(job));
    drop(door);
    let mut taken: Vec<usize> =
        takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect();
    taken.sort_unstable();
    taken
}

#[test]
fn every_job_is_taken_once_though_no_more_come() {
    for (threads, jobs) in [(1, 0), (1, 3), (2, 1), (2, 3 * JOBS_MAX), (7, 1_000)] {
        let all: Vec<usize> = (0..jobs).collect();
        assert_eq!(taken_by(threads, jobs), all, "{threads} threads");
    }
}

#[test]
fn a_full_queue_waits_for_room_and_is_let_go_where_nobody_takes() {
    let door = Door::new();
    let (first, last) = (door.taker(), door.taker());
    (0..JOBS_MAX).for_each(|job| door.push(job));
    let pusher = thread::spawn(move || {
        door.push(JOBS_MAX);
        door.push(JOBS_MAX + 1);
        door
    });
    assert_eq!(first.take(), Some(0));
    drop(first);
    // One had room; the other waits until the last taker has gone, and is dropped.
    while last.waiting() < JOBS_MAX {
        thread::yield_now();
    }
    drop(last);
    let door = pusher.join().unwrap();
    door.push(0);
    assert_eq!(door.taker().waiting(), JOBS_MAX);
}
