//! Many logs on few threads: all get their turn, few hold what it takes, and one that breaks breaks no other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use graven_entry::Name;
use graven_merkle::{LeafIndex, TreeSize, leaf_hash};

use super::source::{Entries, PATIENCE};
use crate::follower::panic_pause;
use crate::limits::{FOLLOWER_THREADS, FOLLOWERS_AWAKE_MAX};
use crate::{Cursor, Derived, DerivedError, Followers, Source};

/// A number, and the most that it ever was.
#[derive(Default)]
struct Peak {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Peak {
    fn up(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn down(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// What all of a pool's followers did.
#[derive(Default)]
struct World {
    taking: Peak,
    open: Peak,
    committed: Mutex<BTreeMap<usize, u64>>,
}

/// Derives nothing, and counts.
struct Counted {
    origin: Name,
    number: usize,
    cursor: Cursor,
    is_open: bool,
    /// Times that it still panics.
    breaks: Arc<AtomicUsize>,
    world: Arc<World>,
}

impl Derived for Counted {
    fn origin(&self) -> &Name {
        &self.origin
    }

    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    fn take(&mut self, index: LeafIndex, entry: &[u8]) -> Result<(), DerivedError> {
        let breaks = self.breaks.load(Ordering::SeqCst);
        if breaks > 0 {
            self.breaks.store(breaks - 1, Ordering::SeqCst);
            panic!("this one breaks");
        }
        self.world.taking.up();
        if !self.is_open {
            self.is_open = true;
            self.world.open.up();
        }
        assert_eq!(index.0, self.cursor.next.0);
        self.cursor = Cursor { next: TreeSize(index.0 + 1), last: Some(leaf_hash(entry)) };
        self.world.taking.down();
        Ok(())
    }

    fn commit(&mut self) -> Result<(), DerivedError> {
        let mut committed = self.world.committed.lock().unwrap();
        committed.insert(self.number, self.cursor.next.0);
        Ok(())
    }

    fn rest(&mut self) -> Result<(), DerivedError> {
        if std::mem::take(&mut self.is_open) {
            self.world.open.down();
        }
        Ok(())
    }

    fn go_back(&mut self) -> Result<(), DerivedError> {
        self.rest()
    }

    fn is_damaged(&self) -> bool {
        false
    }

    fn begin_anew(&mut self, why: &str) -> Result<(), DerivedError> {
        panic!("begun anew: {why}")
    }
}

fn counted(
    source: &Entries,
    number: usize,
    breaks: &Arc<AtomicUsize>,
    world: &Arc<World>,
) -> Counted {
    let (origin, breaks, world) = (source.origin(), Arc::clone(breaks), Arc::clone(world));
    Counted { origin, number, cursor: Cursor::START, is_open: false, breaks, world }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "not {what} after {PATIENCE:?}");
        std::thread::yield_now();
    }
}

/// How often one panics that does.
const PANICS: usize = 2;

/// Follows `logs` logs of the same entries; those of `breaks` panic at first.
fn check(logs: usize, breaks: &[usize]) {
    let world: Arc<World> = Arc::default();
    let source = Entries::made(20, 2_500);
    let followers = Followers::start("test-pool", FOLLOWER_THREADS).unwrap();
    let follow = |number: usize| {
        let panics = if breaks.contains(&number) { PANICS } else { 0 };
        let (mut opens, breaks) = (0, Arc::new(AtomicUsize::new(panics)));
        let (from, world) = (source.clone(), Arc::clone(&world));
        // The first attempt fails where it is one in four: it is tried again.
        let mut fails = number % 4 == 3;
        let open = move || {
            if std::mem::take(&mut fails) {
                return Err(DerivedError::Entry { index: LeafIndex(0), why: "a test".to_owned() });
            }
            opens += 1;
            assert!(opens <= 1 + panics, "opened once, and again after a panic");
            Ok(counted(&from, number, &breaks, &world))
        };
        followers.follow(source.clone(), open, Box::new(|_| {}))
    };
    let following: Vec<_> = (0..logs).map(follow).collect();
    let are_at = |size: u64| {
        let committed = world.committed.lock().unwrap();
        (0..logs).all(|log| committed.get(&log) == Some(&size))
    };
    wait_until("at 2500", || are_at(2_500));
    // Now they wait for the log, which rings them all.
    source.grow(21, 7);
    wait_until("at 2507", || are_at(2_507));
    assert!(world.taking.most() <= FOLLOWER_THREADS, "{}", world.taking.most());
    let open_max = FOLLOWERS_AWAKE_MAX + FOLLOWER_THREADS;
    assert!(world.open.most() <= open_max, "{} of {open_max}", world.open.most());
    wait_until("at rest", || world.open.now.load(Ordering::SeqCst) == 0);
    drop(following);
    followers.stop();
}

#[test]
fn many_logs_are_followed_by_few_threads() {
    check(1, &[]);
    check(40, &[]);
}

#[test]
fn one_that_panics_stops_no_other_and_begins_again() {
    check(5, &[0, 1, 2]);
}

#[test]
fn the_rest_after_a_panic_grows_up_to_a_limit() {
    for (panics, expected_ms) in [
        (0, 100),
        (1, 200),
        (5, 3_200),
        (11, 204_800),
        (12, 300_000),
        (32, 300_000),
        (u32::MAX, 300_000),
    ] {
        assert_eq!(panic_pause(panics).as_millis(), expected_ms, "{panics}");
    }
}
