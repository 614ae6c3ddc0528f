//! What every journal must do, whatever it is made of.

use std::path::Path;
use std::sync::Arc;

use env::{SimDisk, SimRandom};

use crate::limits::FRAME_BODY_BYTES_MAX;
use crate::memory::{MemoryFault, MemoryStep, MemoryStore};
use crate::{
    DurableWrite, Epoch, FrameBuf, Journal, JournalError, LocalJournal, LocalJournalOptions, Slot,
};

/// Opens the same journal again, as a start after the process has gone does.
type Reopen<'a> = &'a dyn Fn() -> Box<dyn Journal>;

fn append(journal: &mut dyn Journal, body: &[u8]) -> Slot {
    let slot = journal.next_slot();
    assert_eq!(journal.submit(FrameBuf::from(body)).unwrap(), slot);
    assert_eq!(journal.next_slot(), Slot(slot.0 + 1));
    let completed = journal.complete().unwrap();
    assert_eq!((completed.slot, completed.body.body()), (slot, body));
    slot
}

fn bodies(journal: &dyn Journal, from: u64) -> Vec<(u64, Vec<u8>)> {
    let mut seen = Vec::new();
    journal
        .read(Slot(from), &mut |slot, body| {
            seen.push((slot.0, body.to_vec()));
            Ok(())
        })
        .unwrap();
    seen
}

fn check_contract(reopen: Reopen<'_>) {
    let mut journal = reopen();
    assert_eq!((journal.next_slot(), journal.epoch()), (Slot(0), Epoch(0)));
    assert_eq!(bodies(&*journal, 0), []);
    assert!(journal.in_flight_max() >= 1);
    assert_eq!(append(&mut *journal, b"zero"), Slot(0));
    assert_eq!(append(&mut *journal, b""), Slot(1));
    let long = vec![7; 30_000];
    append(&mut *journal, &long);
    assert_eq!(bodies(&*journal, 1), [(1, vec![]), (2, long.clone())]);
    assert_eq!(bodies(&*journal, 3), []);
    assert_eq!(bodies(&*journal, 9), []);

    // What is submitted and not completed is not read.
    journal.submit(FrameBuf::from(&b"in flight"[..])).unwrap();
    assert_eq!(bodies(&*journal, 3), []);
    journal.complete().unwrap();

    // A fence takes a slot, raises the epoch and has no body.
    assert_eq!(journal.fence().unwrap(), Epoch(1));
    assert_eq!((journal.next_slot(), journal.epoch()), (Slot(5), Epoch(1)));
    append(&mut *journal, b"five");
    let expected = [(3, b"in flight".to_vec()), (5, b"five".to_vec())];
    assert_eq!(bodies(&*journal, 3), expected);

    // An error of the reader ends the reading and comes back.
    let stopped = journal.read(Slot(0), &mut |_, _| Err(JournalError::Stopped));
    assert!(matches!(stopped, Err(JournalError::Stopped)));

    // A body over the limit is refused and leaves nothing behind.
    let mut huge = FrameBuf::with_capacity(FRAME_BODY_BYTES_MAX + 1);
    huge.push(&vec![1; FRAME_BODY_BYTES_MAX + 1]);
    let refused = journal.submit(huge);
    assert!(matches!(refused, Err(JournalError::TooLarge { .. })), "{refused:?}");
    append(&mut *journal, b"six");

    drop(journal);
    let mut journal = reopen();
    assert_eq!((journal.next_slot(), journal.epoch()), (Slot(7), Epoch(1)));
    assert_eq!(bodies(&*journal, 5), [(5, b"five".to_vec()), (6, b"six".to_vec())]);

    // Released slots cost nothing; what is not released is still read.
    let retained_bytes = journal.retained_bytes();
    assert!(retained_bytes > 0);
    journal.release(Slot(6)).unwrap();
    assert!(journal.retained_bytes() < retained_bytes);
    assert_eq!(bodies(&*journal, 6), [(6, b"six".to_vec())]);
    journal.release(Slot(7)).unwrap();
    assert_eq!(journal.retained_bytes(), 0);
    append(&mut *journal, b"seven");
    assert_eq!(bodies(&*journal, 7), [(7, b"seven".to_vec())]);
}

#[test]
fn the_memory_journal_keeps_the_contract() {
    let store = MemoryStore::new();
    check_contract(&|| Box::new(store.open()));
}

#[test]
fn the_local_journal_keeps_the_contract() {
    for write in [DurableWrite::Direct, DurableWrite::Flush] {
        let disk = SimDisk::new(1);
        disk.create_mount("/data");
        check_contract(&|| {
            disk.restart();
            let random = Arc::new(SimRandom::new(1));
            let options = LocalJournalOptions {
                file_bytes_first: 16 << 10,
                file_bytes_max: 64 << 10,
                write,
                ..LocalJournalOptions::new(random)
            };
            let dir = Path::new("/data/journal");
            let (journal, _) = LocalJournal::open(Arc::new(disk.clone()), dir, options).unwrap();
            Box::new(journal)
        });
    }
}

#[test]
fn a_second_writer_fences_the_first() {
    let store = MemoryStore::new();
    let mut first = store.open();
    append(&mut first, b"a");
    let mut second = store.open();
    first.submit(FrameBuf::from(&b"late"[..])).unwrap();
    assert_eq!(second.fence().unwrap(), Epoch(1));
    for _ in 0..2 {
        let fenced = first.complete();
        let expected =
            matches!(fenced, Err(JournalError::Fenced { slot: Slot(1), epoch: Epoch(1) }));
        assert!(expected, "{fenced:?}");
    }
    assert!(matches!(first.submit(FrameBuf::new()), Err(JournalError::Fenced { .. })));
    append(&mut second, b"b");
    assert_eq!(bodies(&second, 0), [(0, b"a".to_vec()), (2, b"b".to_vec())]);
}

#[test]
fn two_frames_in_flight_complete_in_order() {
    let mut journal = MemoryStore::new().open().with_in_flight_max(2);
    for body in [b"a", b"b"] {
        journal.submit(FrameBuf::from(&body[..])).unwrap();
    }
    assert_eq!(journal.complete().unwrap().slot, Slot(0));
    assert_eq!(bodies(&journal, 0), [(0, b"a".to_vec())]);
    assert_eq!(journal.complete().unwrap().slot, Slot(1));
}

#[test]
fn every_step_of_the_memory_journal_can_fail() {
    /// Appends with a fault: whether the body is there after a new start.
    #[track_caller]
    fn check(step: MemoryStep, persisted: bool, expected: &[(u64, Vec<u8>)]) {
        let store = MemoryStore::new();
        let mut journal = store.open();
        append(&mut journal, b"a");
        store.fail(MemoryFault { step, after: 0, persisted });
        let result = match step {
            MemoryStep::Read => journal.read(Slot(0), &mut |_, _| Ok(())),
            MemoryStep::Fence => journal.fence().map(|_| ()),
            MemoryStep::Release => journal.release(Slot(1)),
            _ => journal
                .submit(FrameBuf::from(&b"b"[..]))
                .and_then(|_| journal.complete())
                .map(|_| ()),
        };
        assert!(result.is_err(), "{step:?} must fail");
        let goes_on = matches!(step, MemoryStep::SubmitFull | MemoryStep::Read);
        assert_eq!(journal.submit(FrameBuf::new()).is_ok(), goes_on, "{step:?}");
        let from = u64::from(step == MemoryStep::Release && persisted);
        assert_eq!(bodies(&store.open(), from), expected, "{step:?}");
    }
    let (a, b) = ((0, b"a".to_vec()), (1, b"b".to_vec()));
    check(MemoryStep::SubmitFull, false, std::slice::from_ref(&a));
    check(MemoryStep::Submit, false, std::slice::from_ref(&a));
    check(MemoryStep::Submit, true, &[a.clone(), b.clone()]);
    check(MemoryStep::Complete, false, std::slice::from_ref(&a));
    check(MemoryStep::Complete, true, &[a.clone(), b]);
    check(MemoryStep::Read, false, std::slice::from_ref(&a));
    check(MemoryStep::Fence, false, std::slice::from_ref(&a));
    check(MemoryStep::Fence, true, std::slice::from_ref(&a));
    check(MemoryStep::Release, false, &[a]);
    check(MemoryStep::Release, true, &[]);
}
