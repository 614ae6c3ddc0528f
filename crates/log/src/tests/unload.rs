//! Many logs unloaded side by side: back-pressure that ends, a crash anywhere in it, a fault that all stop for.

use crate::tests::cell::{World, append, check_log, event, writer};
use crate::{Cell, CellLimits, LogHandle, NewLog};
use append::{Appended, Batch, Code};
use env::{Fault, FaultKind, On};
use graven_entry::LogName;
use std::thread::sleep;
use std::time::Duration;

/// What the journal may hold before it is unloaded, and at most.
const UNLOAD_AT_BYTES: u64 = 128 * 1024;
const JOURNAL_MAX_BYTES: u64 = 512 * 1024;
/// Tries to append to a full journal.
const TRIES_MAX: u32 = 60_000;

fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    world.limits = CellLimits {
        journal_unload_bytes: UNLOAD_AT_BYTES,
        journal_max_bytes: JOURNAL_MAX_BYTES,
        ..world.limits
    };
    world
}

/// With journal files of a few frames, so that what is released is gone.
fn open_with_small_files(world: &World) -> Cell {
    let mut options = world.options();
    options.journal_file_bytes = (32 * 1024, 32 * 1024);
    Cell::open(world.env(), options).expect("opens").0
}

fn create(cell: &Cell, count: usize) -> Vec<LogHandle> {
    let name = |number| LogName::new(&format!("tenant-{number}")).expect("a name");
    let create = |number| cell.create_log(&name(number), NewLog::default()).expect("created");
    (0..count).map(create).collect()
}

/// Appends one event, again and again while the answer is `busy`.
fn append_when_possible(log: &LogHandle, number: u64) -> Appended {
    for _ in 0..TRIES_MAX {
        match append(log, vec![event(number)]) {
            Err(refusal) if refusal.code == Code::Busy => sleep(Duration::from_millis(1)),
            other => return other.expect("appended"),
        }
    }
    panic!("the journal was full for {TRIES_MAX} tries, a millisecond apart");
}

/// Appends one event to each log in turn.
fn append_to_each(logs: &[LogHandle], number: u64) {
    logs.iter().map(|log| append_when_possible(log, number)).for_each(drop);
}

#[test]
fn appends_go_on_after_the_journal_was_full() {
    const LOGS: usize = 64;
    const ROUNDS: u64 = 60;
    let world = world(21);
    let cell = world.open();
    let logs = create(&cell, LOGS);
    std::thread::scope(|scope| {
        for logs in logs.chunks(LOGS / 8) {
            scope.spawn(move || {
                for number in 0..ROUNDS {
                    append_to_each(logs, number);
                }
            });
        }
    });
    let written: u64 = logs.iter().map(|log| log.info().size.0 * 500).sum();
    assert!(written > 3 * JOURNAL_MAX_BYTES, "the journal was never full: {written} bytes");
    cell.stop();
    let cell = world.open();
    for log in logs.iter().filter_map(|log| cell.log(log.info().name.as_str())) {
        assert_eq!(log.info().size.0, ROUNDS + 1, "log {}", log.info().name);
        check_log(&log);
    }
}

#[test]
fn a_crash_while_logs_are_unloaded_side_by_side_loses_nothing() {
    let mut struck = 0;
    for operation in (0..64_u64).map(|place| place * 5) {
        let world = World::new(2_000 + operation);
        let cell = open_with_small_files(&world);
        let logs = create(&cell, 8);
        for number in 0..3 {
            append_to_each(&logs, number);
        }
        // Half of them have a part that the next one covers.
        cell.unload().expect("unloads");
        logs.iter().step_by(2).map(|log| append_when_possible(log, 3)).for_each(drop);
        let kind = FaultKind::Halt;
        world.disk.fail(Fault { on: On::Any, after: operation, forever: false, kind });
        struck += u64::from(cell.unload().is_err());
        cell.stop();
        world.disk.crash();
        let cell = open_with_small_files(&world);
        for (place, log) in logs.iter().enumerate() {
            let log = cell.log(log.info().name.as_str()).expect("is there");
            let appended = 3 + u64::from(place % 2 == 0);
            assert_eq!(log.info().size.0, appended + 1, "operation {operation}, log {place}");
            check_log(&log);
            let pending = log.submit(&writer(), Batch::of(vec![event(900)]));
            pending.expect("queued").wait().expect("goes on");
        }
    }
    assert!(struck > 15, "the fault struck only {struck} times of 64");
}

#[test]
fn one_log_that_cannot_be_unloaded_stops_the_cell() {
    let world = World::new(23);
    let cell = world.open();
    let logs = create(&cell, 12);
    append_to_each(&logs, 0);
    let kind = FaultKind::Io { persisted: false };
    world.disk.fail(Fault { on: On::Any, after: 40, forever: false, kind });
    let why = cell.unload().expect_err("a write failed");
    assert!(!why.contains("stopping"), "the cause, not that the others stopped: {why}");
    let refusal = append(&logs[0], vec![event(1)]).expect_err("the cell stopped");
    assert_eq!(refusal.code, Code::Unavailable);
}
