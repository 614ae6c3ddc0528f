//! The commit path under faults: what was acknowledged stays, what was not is there at most once, and nothing wrong is signed.

use super::cell::{World, append, check_log, event, writer};
use crate::{Cell, CellOptions, LogHandle, Mutant, Pace};
use append::{Batch, Code};
use env::{Fault, FaultKind, On};
use graven_entry::Entry;
use graven_merkle::{LeafIndex, TreeSize};
use store::memory::{MemoryFault, MemoryStep, MemoryStore};
use store::{Journal, Slot};

fn open_on(world: &World, store: &MemoryStore) -> Cell {
    open_with(world.options(), world, store)
}

fn open_with(options: CellOptions, world: &World, store: &MemoryStore) -> Cell {
    let mut journal = store.open();
    journal.fence().expect("takes over");
    Cell::open_on(world.env(), options, Box::new(journal), Slot(0)).expect("opens").0
}

/// How often the event of this number stands in the log.
fn count(log: &LogHandle, number: u64) -> usize {
    let wanted = event(number);
    let size = log.info().size.0;
    (0..size)
        .filter(|index| {
            let bytes = log.entry(LeafIndex(*index)).expect("an entry");
            Entry::parse(&bytes).expect("well-formed").event == wanted
        })
        .count()
}

/// One fault in the journal, after `after` good calls: appends until it strikes, restarts, and checks.
fn check(step: MemoryStep, persisted: bool, after: u64) {
    let (world, store) = (World::new(77), MemoryStore::new());
    let context = format!("{step:?}, persisted {persisted}, after {after}");
    let cell = open_on(&world, &store);
    let log = cell.log("main").expect("is there");
    store.fail(MemoryFault { step, after, persisted });
    let (mut acked, mut unknown) = (Vec::new(), None);
    for number in 0..20 {
        match append(&log, vec![event(number)]) {
            Ok(appended) => acked.push((number, appended.receipts[0].clone())),
            Err(refusal) => {
                assert_eq!(refusal.code, Code::Unavailable, "{context}");
                unknown = Some(number);
                break;
            }
        }
    }
    cell.stop();
    store.heal();
    let cell = open_on(&world, &store);
    let log = cell.log("main").expect("is there");
    for (number, receipt) in &acked {
        let bytes = log.entry(receipt.index).expect("what was acknowledged is there");
        assert_eq!(
            graven_merkle::leaf_hash(&bytes),
            receipt.leaf_hash,
            "{context}, event {number}"
        );
        assert_eq!(count(&log, *number), 1, "{context}, event {number}");
    }
    if let Some(number) = unknown {
        let before = count(&log, number);
        assert!(before <= 1, "{context}");
        append(&log, vec![event(number)]).expect("a second try is answered");
        assert_eq!(count(&log, number), 1, "{context}: sent twice, recorded once");
    }
    check_log(&log);
}

#[test]
fn every_step_of_the_journal_may_fail() {
    for step in [MemoryStep::Submit, MemoryStep::Complete] {
        for persisted in [false, true] {
            for after in [0, 1, 2, 5, 9] {
                check(step, persisted, after);
            }
        }
    }
}

#[test]
fn a_fenced_writer_stops() {
    let (world, store) = (World::new(78), MemoryStore::new());
    let old = open_on(&world, &store);
    let log = old.log("main").expect("is there");
    append(&log, vec![event(1)]).expect("appended");
    let other = World::new(79);
    other.disk.restore(&world.disk.snapshot());
    let new = open_on(&other, &store);
    let refusal = append(&log, vec![event(2)]).expect_err("the slot is another's");
    assert_eq!(refusal.code, Code::Unavailable);
    let log = new.log("main").expect("is there");
    append(&log, vec![event(3)]).expect("the new writer goes on");
    assert_eq!((count(&log, 1), count(&log, 2), count(&log, 3)), (1, 0, 1));
    check_log(&log);
}

/// Opens a world, switches mutants on, appends, and tells whether the append was acknowledged and what is recorded.
fn with_mutants(mutants: &[Mutant]) -> (bool, bool) {
    let world = World::new(80);
    let cell = world.open();
    let log = cell.log("main").expect("is there");
    append(&log, vec![event(1)]).expect("appended");
    for mutant in mutants {
        cell.mutants().switch_on(*mutant);
    }
    let acked = append(&log, vec![event(2)]).is_ok();
    cell.stop();
    let Ok((cell, _)) = Cell::open(world.env(), world.options()) else { return (acked, false) };
    let log = cell.log("main").expect("is there");
    let sound = (1..log.info().size.0).all(|index| {
        let bytes = log.entry(LeafIndex(index)).expect("an entry");
        Entry::parse(&bytes).is_ok_and(|entry| entry.event == event(index))
    });
    (acked, sound)
}

#[test]
fn a_bit_that_flips_in_memory_is_never_signed() {
    assert_eq!(with_mutants(&[]), (true, true));
    assert_eq!(with_mutants(&[Mutant::FlipBeforeFlush]), (false, true), "caught before the flush");
    assert_eq!(
        with_mutants(&[Mutant::FlipBeforeSign]),
        (false, true),
        "caught before the signature"
    );
}

#[test]
fn without_the_second_look_the_flipped_bit_gets_through() {
    let (acked, sound) = with_mutants(&[Mutant::FlipBeforeFlush, Mutant::SkipRehash]);
    assert!(acked && !sound, "the mutant must be visible: acknowledged {acked}, sound {sound}");
}

/// Acknowledges under `mutants`, cuts the power at once, and tells how many acknowledged events are gone.
fn lost_after_power_cut(mutants: &[Mutant]) -> usize {
    let (world, store) = (World::new(81), MemoryStore::new());
    let cell = open_on(&world, &store);
    let log = cell.log("main").expect("is there");
    append(&log, vec![event(0)]).expect("appended");
    for mutant in mutants {
        cell.mutants().switch_on(*mutant);
    }
    store.fail(MemoryFault { step: MemoryStep::Complete, after: 0, persisted: false });
    let acked: Vec<u64> =
        (1..4).filter(|number| append(&log, vec![event(*number)]).is_ok()).collect();
    cell.stop();
    store.heal();
    let log = open_on(&world, &store).log("main").expect("is there");
    acked.iter().filter(|number| count(&log, **number) == 0).count()
}

#[test]
fn nothing_is_acknowledged_before_it_is_permanent() {
    assert_eq!(lost_after_power_cut(&[]), 0);
    assert!(lost_after_power_cut(&[Mutant::AckBeforeFlush]) > 0, "the mutant must be visible");
}

#[test]
fn a_crash_at_any_operation_keeps_what_was_acknowledged() {
    let mut struck = 0;
    for operation in 0..400_u64 {
        let world = World::new(1_000 + operation);
        let cell = world.open();
        let log = cell.log("main").expect("is there");
        let (on, kind) = (On::Any, FaultKind::Halt);
        world.disk.fail(Fault { on, after: operation, forever: false, kind });
        let mut acked = Vec::new();
        for number in 0..12 {
            let Ok(appended) = append(&log, vec![event(number)]) else { break };
            acked.push((number, appended.receipts[0].index));
            if number == 6 && cell.unload().is_err() {
                break;
            }
        }
        struck += u64::from(acked.len() < 12);
        cell.stop();
        world.disk.crash();
        let cell = world.open();
        let log = cell.log("main").expect("is there");
        for (number, index) in acked {
            let bytes =
                log.entry(index).unwrap_or_else(|error| panic!("operation {operation}: {error}"));
            assert_eq!(
                Entry::parse(&bytes).expect("well-formed").event,
                event(number),
                "operation {operation}"
            );
        }
        check_log(&log);
        let batch = Batch::of(vec![event(900)]);
        log.submit(&writer(), batch).expect("queued").wait().expect("goes on");
        assert!(log.info().size > TreeSize(1));
    }
    assert!(struck > 20, "the fault struck only {struck} times of 400");
}

#[test]
fn a_rotation_that_a_crash_cuts_off_leaves_keys_that_sign() {
    for persisted in [false, true] {
        let (world, store) = (World::new(82), MemoryStore::new());
        // By hand, so that no idle journal's seal meets the fault before the rotation does.
        let by_hand = CellOptions { pace: Pace::ByHand, ..world.options() };
        let cell = open_with(by_hand, &world, &store);
        let log = cell.log("main").expect("is there");
        append(&log, vec![event(1)]).expect("appended");
        let old = log.info().vkeys;
        store.fail(MemoryFault { step: MemoryStep::Complete, after: 0, persisted });
        log.rotate_keys().expect_err("the journal failed");
        cell.stop();
        store.heal();
        let cell = open_on(&world, &store);
        let log = cell.log("main").expect("is there");
        assert_eq!(log.info().vkeys != old, persisted, "the log's own entries decide");
        append(&log, vec![event(2)]).expect("goes on");
        check_log(&log);
    }
}

/// Fills a disk of `capacity_bytes` with batches of `batch` events, then gives it room again.
fn check_full_disk(capacity_bytes: u64, batch: u64) {
    let context = format!("{capacity_bytes} bytes, batches of {batch}");
    let world = World::new(90);
    world.disk.set_capacity_bytes(Some(capacity_bytes));
    let cell = world.open();
    let log = cell.log("main").expect("is there");
    let mut acked = 0;
    let refusal = (0..20_000)
        .find_map(|round| {
            let events = (round * batch..(round + 1) * batch).map(event).collect();
            match append(&log, events) {
                Ok(_) => acked += batch,
                Err(refusal) if refusal.code == Code::Busy => {}
                Err(refusal) => return Some(refusal),
            }
            None
        })
        .expect("the disk fills up");
    assert_eq!(refusal.code, Code::DiskFull, "{context}: {refusal}");
    assert_eq!(log.info().size, TreeSize(1 + acked), "{context}: nothing is half-written");
    check_log(&log);
    world.disk.set_capacity_bytes(None);
    let again = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        append(&log, vec![event(900_000_000)]).is_ok()
    });
    assert!(again, "{context}: appends go on when there is room");
    cell.stop();
    let log = world.open().log("main").expect("is there");
    assert_eq!(log.info().size, TreeSize(2 + acked), "{context}");
    check_log(&log);
}

#[test]
fn a_full_disk_refuses_appends_and_loses_nothing() {
    for capacity_mib in [16, 19, 24] {
        for batch in [1_000, 5_000] {
            check_full_disk(capacity_mib << 20, batch);
        }
    }
}

/// Batches of these sizes fill the disk; the keeper, who would give up the reserve, does not come before the log's own
/// entries do, nor before the unloader.
fn check_own_entries_on_a_full_disk(capacity_bytes: u64, batch: u64) {
    let context = format!("{capacity_bytes} bytes, batches of {batch}");
    let world = World::new(91);
    world.disk.set_capacity_bytes(Some(capacity_bytes));
    let by_hand = CellOptions { pace: Pace::ByHand, ..world.options() };
    let (cell, _) = Cell::open(world.env(), by_hand).expect("opens");
    let log = cell.log("main").expect("is there");
    let mut next = 0;
    let refusal = loop {
        let events = (next..next + batch).map(event).collect();
        next += batch;
        match append(&log, events) {
            Ok(_) => {}
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal.code, Code::DiskFull, "{context}: {refusal}");
    world.disk.set_capacity_bytes(Some(world.disk.used_bytes()));
    let padding = "x".repeat(8_000);
    for _ in 0..20 {
        let own = format!(
            r#"{{"actor":{{"id":"graven"}},"action":"graven.read","data":{{"reason":"{padding}"}}}}"#
        );
        let recorded = cell.record(vec![own.into_bytes()]).and_then(crate::Pending::wait);
        recorded.unwrap_or_else(|refusal| panic!("{context}: {refusal}"));
    }
    cell.unload().expect_err("there is no room to unload into");
    assert_eq!(cell.health().read_only.as_deref(), Some("the disk is full"), "{context}");
    world.disk.set_capacity_bytes(None);
    cell.keep_now().expect("the keeper runs");
    append(&log, vec![event(900_000_000)]).expect("goes on");
    cell.stop();
    check_log(&world.open().log("main").expect("is there"));
}

#[test]
fn a_full_disk_takes_own_entries_before_the_keeper_comes() {
    for capacity_mib in [16, 19, 24] {
        for batch in [1, 100, 1_000] {
            check_own_entries_on_a_full_disk(capacity_mib << 20, batch);
        }
    }
}
