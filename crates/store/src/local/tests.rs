//! The local journal under a simulated disk: whatever fails, nothing acknowledged is lost and
//! nothing wrong is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use env::{Disk, Fault, FaultKind, On, RealDisk, SimDisk, SimRandom};

use super::names::file_path;
use super::{DurableWrite, JournalCheck, LocalJournal, LocalJournalOptions, Recovered};
use super::{SpareMaker, check_journal};
use crate::{Epoch, FrameBuf, Journal, JournalError, Slot};

const DIR: &str = "/data/journal";
const WRITES: [DurableWrite; 2] = [DurableWrite::Direct, DurableWrite::Flush];

type Bodies = Vec<(u64, Vec<u8>)>;

fn new_disk(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    disk.create_mount("/data");
    disk
}

fn options(write: DurableWrite) -> LocalJournalOptions {
    LocalJournalOptions {
        random: Arc::new(SimRandom::new(1)),
        file_bytes_first: 12 << 10,
        file_bytes_max: 24 << 10,
        write,
        truncate_bad_frames: false,
    }
}

fn try_open(
    disk: &SimDisk,
    write: DurableWrite,
) -> Result<(LocalJournal, Recovered), JournalError> {
    LocalJournal::open(Arc::new(disk.clone()), Path::new(DIR), options(write))
}

fn open(disk: &SimDisk) -> (LocalJournal, Recovered) {
    try_open(disk, DurableWrite::Direct).unwrap()
}

/// A body whose bytes tell its number, of a length that depends on it.
fn body(n: u64) -> Vec<u8> {
    let len_bytes = [30, 5000, 4096 - 100, 1][n as usize % 4];
    (0..len_bytes).map(|i: u64| (n * 31 + i * 7 + 1) as u8 | 1).collect()
}

fn append(journal: &mut LocalJournal, body: &[u8]) -> Result<Slot, JournalError> {
    journal.submit(FrameBuf::from(body))?;
    Ok(journal.complete()?.slot)
}

fn read(journal: &LocalJournal, from: u64) -> Bodies {
    let mut seen = Vec::new();
    journal
        .read(Slot(from), &mut |slot, body| {
            seen.push((slot.0, body.to_vec()));
            Ok(())
        })
        .unwrap();
    seen
}

fn check(disk: &dyn Disk) -> Result<(JournalCheck, Bodies), JournalError> {
    let mut seen = Vec::new();
    let report = check_journal(disk, Path::new(DIR), &mut |slot, body| {
        seen.push((slot.0, body.to_vec()));
        Ok(())
    })?;
    Ok((report, seen))
}

fn corrupt_at<T: std::fmt::Debug>(result: Result<T, JournalError>) -> (PathBuf, u64) {
    match result {
        Err(JournalError::Corrupt { file, offset_bytes, .. }) => (file, offset_bytes),
        other => panic!("corruption must be found, not {other:?}"),
    }
}

fn file(number: u64) -> PathBuf {
    file_path(Path::new(DIR), number)
}

fn fault(on: On, after: u64, forever: bool, kind: FaultKind) -> Fault {
    Fault { on, after, forever, kind }
}

/// Slot, length and checksum of each body: enough to tell them apart in a failure message.
fn short(bodies: &Bodies) -> Vec<(u64, usize, u32)> {
    bodies.iter().map(|(slot, body)| (*slot, body.len(), crc32c::crc32c(body))).collect()
}

/// What a workload was told, whatever ended it.
#[derive(Default)]
struct Told {
    acked: Bodies,
    /// The body whose outcome is not known.
    unknown: Option<(u64, Vec<u8>)>,
    released_below: u64,
    ended: bool,
}

/// Opens, fences, appends over several files with a spare now and then, releases, appends again.
fn workload(disk: &SimDisk, write: DurableWrite, told: &mut Told) -> Result<(), JournalError> {
    let (mut journal, _) = try_open(disk, write)?;
    journal.fence()?;
    for n in 0..8 {
        let (slot, body) = (journal.next_slot().0, body(n));
        told.unknown = Some((slot, body.clone()));
        append(&mut journal, &body)?;
        told.acked.push((slot, body));
        told.unknown = None;
        if n % 3 == 0 {
            journal.prepare_spare()?;
        }
        if n == 5 {
            told.released_below = slot;
            journal.release(Slot(slot))?;
        }
    }
    told.ended = true;
    Ok(())
}

/// After whatever happened: everything acknowledged is there, at most the one unknown body more, in
/// order; the verifier agrees; the journal goes on, and a further start finds the same again.
fn check_told(disk: &SimDisk, write: DurableWrite, told: &Told, context: &str) {
    let (mut journal, recovered) = match try_open(disk, write) {
        Ok(opened) => opened,
        Err(e) => panic!("{context}: cannot open again: {e} ({e:?})"),
    };
    let oldest = recovered.first_slot.0;
    assert!(oldest <= told.released_below, "{context}: slot {oldest} is the oldest");
    let mut expected: Bodies = told.acked.iter().filter(|(s, _)| *s >= oldest).cloned().collect();
    let seen = read(&journal, oldest);
    if seen.len() > expected.len() {
        expected.extend(told.unknown.clone());
    }
    assert_eq!(short(&seen), short(&expected), "{context}");
    let slot = append(&mut journal, b"more").unwrap();
    expected.push((slot.0, b"more".to_vec()));
    drop(journal);
    disk.crash();
    let (report, seen) = check(disk).unwrap_or_else(|e| panic!("{context}: {e}"));
    assert_eq!(short(&seen), short(&expected), "{context}");
    assert_eq!(report.unfinished, None, "{context}");
    let (journal, recovered) = try_open(disk, write).unwrap();
    assert_eq!(recovered.truncated, None, "{context}");
    assert_eq!(short(&read(&journal, oldest)), short(&expected), "{context}");
}

#[test]
fn the_nth_call_fails() {
    let mut runs = 0;
    for write in WRITES {
        for (forever, persisted) in [(false, false), (false, true), (true, false), (true, true)] {
            for n in 0.. {
                let disk = new_disk(n);
                disk.fail(fault(On::Any, n, forever, FaultKind::Io { persisted }));
                let mut told = Told::default();
                let result = workload(&disk, write, &mut told);
                let context = format!("{write:?}, call {n}, forever {forever}, kept {persisted}");
                assert_eq!(result.is_ok(), told.ended, "{context}");
                // The process ends, the machine goes on, its page cache with it.
                disk.restart();
                let after_restart = disk.snapshot();
                check_told(&disk, write, &told, &context);
                // Or the machine goes down as well.
                disk.restore(&after_restart);
                disk.crash();
                check_told(&disk, write, &told, &format!("{context}, then a power cut"));
                runs += 1;
                if told.ended {
                    break;
                }
            }
        }
    }
    assert!(runs > 300, "only {runs} runs: the workload shrank");
}

#[test]
fn the_power_goes_at_every_call() {
    for write in WRITES {
        for seed in 0..12 {
            for n in 0.. {
                let disk = new_disk(seed);
                disk.fail(fault(On::Any, n, false, FaultKind::Halt));
                let mut told = Told::default();
                // How it ends is what `told` says.
                workload(&disk, write, &mut told).unwrap_or(());
                disk.reseed(seed * 7919 + n);
                disk.crash();
                check_told(&disk, write, &told, &format!("{write:?}, seed {seed}, call {n}"));
                if told.ended {
                    break;
                }
            }
        }
    }
}

#[test]
fn the_power_goes_at_every_call_of_a_recovery() {
    for seed in 0..6 {
        // A torn frame at the end of the first workload makes the recovery do all it can.
        let disk = new_disk(seed);
        let mut told = Told::default();
        disk.fail(fault(On::Write, 40 + seed, false, FaultKind::Halt));
        workload(&disk, DurableWrite::Flush, &mut told).unwrap_or(());
        disk.crash();
        let crashed = disk.snapshot();
        for kind in [FaultKind::Halt, FaultKind::Io { persisted: false }, FaultKind::NoSpace] {
            for n in 0.. {
                disk.restore(&crashed);
                disk.reseed(n);
                disk.fail(fault(On::Any, n, false, kind.clone()));
                let opened = try_open(&disk, DurableWrite::Flush).map(|_| ());
                disk.crash();
                let context = format!("seed {seed}, recovery's call {n}, {kind:?}");
                check_told(&disk, DurableWrite::Flush, &told, &context);
                if opened.is_ok() {
                    break;
                }
            }
        }
    }
}

/// A journal of one file with four one-block frames at 4096, 8192, 12288 and 16384.
fn four_frames(disk: &SimDisk) {
    let options = LocalJournalOptions { file_bytes_first: 64 << 10, ..options(WRITES[0]) };
    let (mut journal, _) =
        LocalJournal::open(Arc::new(disk.clone()), Path::new(DIR), options).unwrap();
    for n in 0..4 {
        append(&mut journal, &[n + 1; 600]).unwrap();
    }
}

#[test]
fn a_torn_last_frame_is_left_out_and_nothing_else() {
    /// Overwrites 512 bytes at `at` with zeros or garbage: the slots left, or the corrupt offset.
    #[track_caller]
    fn case(at: u64, byte: u8, expected: Result<u64, u64>) {
        let disk = new_disk(1);
        four_frames(&disk);
        let mut bytes = disk.file_bytes(&file(0)).unwrap();
        bytes[at as usize..at as usize + 512].fill(byte);
        disk.put_file(&file(0), &bytes).unwrap();
        match expected {
            Ok(slots) => {
                let (report, _) = check(&disk).unwrap();
                let torn = report.unfinished.expect("the verifier says that it is torn");
                assert_eq!((torn.slot, torn.offset_bytes), (Slot(slots), 4096 * (slots + 1)));
                let (journal, recovered) = open(&disk);
                assert_eq!(recovered.truncated, Some(torn));
                assert_eq!(recovered.frames, slots);
                assert_eq!(read(&journal, 0).len() as u64, slots);
                assert_eq!(check(&disk).unwrap().0.unfinished, None);
            }
            Err(offset_bytes) => {
                assert_eq!(corrupt_at(check(&disk)), (file(0), offset_bytes));
                let before = disk.files();
                let opened = try_open(&disk, DurableWrite::Direct).map(|_| ());
                assert_eq!(corrupt_at(opened), (file(0), offset_bytes));
                assert_eq!(disk.files(), before, "a refused journal must stay as it is");
            }
        }
    }
    case(16384, 0, Ok(3)); // the last frame's envelope
    case(16384 + 512, 9, Ok(3)); // the last frame's body
    case(12288, 0, Err(12288)); // a frame in the middle: a later one vouches for it
    case(12288 + 512, 9, Err(12288));
    case(4096, 7, Err(4096)); // the first frame
    case(0, 7, Err(0)); // the header
    case(16384 + 1024, 9, Err(16384)); // padding behind a whole body
    case(20480, 1, Ok(4)); // a frame of which nothing but one sector is there
    case(40960, 1, Ok(4));
}

#[test]
fn misdirected_and_lost_writes_are_found() {
    /// The third frame's write goes wrong, the fourth goes well: where corruption is found.
    #[track_caller]
    fn case(kind: FaultKind, later: bool, expected: u64) {
        let disk = new_disk(1);
        {
            let options = LocalJournalOptions { file_bytes_first: 64 << 10, ..options(WRITES[0]) };
            let (mut journal, _) =
                LocalJournal::open(Arc::new(disk.clone()), Path::new(DIR), options).unwrap();
            append(&mut journal, &[1; 600]).unwrap();
            append(&mut journal, &[2; 600]).unwrap();
            disk.fail(fault(On::Write, 0, false, kind));
            append(&mut journal, &[3; 600]).unwrap();
            if later {
                append(&mut journal, &[4; 600]).unwrap();
            }
        }
        disk.crash();
        assert_eq!(corrupt_at(check(&disk)), (file(0), expected));
        assert_eq!(corrupt_at(try_open(&disk, WRITES[0]).map(|_| ())), (file(0), expected));
    }
    case(FaultKind::LostWrite, true, 12288);
    case(FaultKind::Misdirect { by_bytes: 8192 }, false, 12288);
    case(FaultKind::Misdirect { by_bytes: 8192 }, true, 12288);
    case(FaultKind::Misdirect { by_bytes: -4096 }, false, 8192);
    case(FaultKind::Misdirect { by_bytes: -4096 }, true, 8192);
    case(FaultKind::Misdirect { by_bytes: -12288 }, false, 0);
}

#[test]
fn every_flipped_bit_is_noticed() {
    let disk = new_disk(1);
    {
        let (mut journal, _) = open(&disk);
        journal.fence().unwrap();
        append(&mut journal, &body(0)).unwrap();
        append(&mut journal, &body(3)).unwrap();
        journal.prepare_spare().unwrap();
    }
    let whole = disk.snapshot();
    let (report, _) = check(&disk).unwrap();
    assert_eq!((report.files, report.frames, report.unfinished), (2, 3, None));
    let mut flips = 0;
    for (path, len_bytes) in disk.files() {
        let len_bytes = len_bytes.min(24 << 10);
        for bit in 0..len_bytes * 8 {
            disk.flip(&path, bit).unwrap();
            let noticed = match check(&disk) {
                Err(JournalError::Corrupt { .. }) => true,
                Ok((report, _)) => report.unfinished.is_some(),
                Err(other) => panic!("{other:?}"),
            };
            assert!(noticed, "bit {bit} of {} was flipped unnoticed", path.display());
            disk.flip(&path, bit).unwrap();
            flips += 1;
        }
    }
    assert!(flips > 200_000, "only {flips} bits");
    disk.restore(&whole);
    check(&disk).unwrap();
}

#[test]
fn a_flipped_bit_never_makes_a_start_read_wrong_bytes() {
    let disk = new_disk(1);
    {
        let (mut journal, _) = open(&disk);
        append(&mut journal, &body(0)).unwrap();
        append(&mut journal, &body(3)).unwrap();
    }
    let whole = disk.snapshot();
    let expected = [(0, body(0)), (1, body(3))];
    for bit in (0..12 * 1024 * 8).step_by(13) {
        disk.restore(&whole);
        disk.flip(&file(0), bit).unwrap();
        if let Ok((journal, recovered)) = try_open(&disk, WRITES[0]) {
            let seen = read(&journal, 0);
            assert_eq!(seen, expected[..seen.len()], "bit {bit}");
            assert!(recovered.truncated.is_some(), "bit {bit} was accepted without a word");
        }
    }
}

#[test]
fn a_full_disk_is_told_before_anything_is_written() {
    let disk = new_disk(1);
    let (mut journal, _) = open(&disk);
    append(&mut journal, &[1; 600]).unwrap();
    disk.set_capacity_bytes(Some(disk.used_bytes() + 6000));
    let full = journal.prepare_spare();
    assert!(matches!(full, Err(JournalError::Full { free_bytes: 6000, .. })), "{full:?}");
    assert_eq!(disk.files().len(), 1, "nothing half-made may stay: {:?}", disk.files());
    append(&mut journal, &[2; 600]).unwrap();
    let full = journal.submit(FrameBuf::from(&[3; 600][..]));
    assert!(matches!(full, Err(JournalError::Full { .. })), "{full:?}");
    assert_eq!(journal.next_slot(), Slot(2));
    // A frame that is let through gets a file of its own size where that fits.
    disk.set_capacity_bytes(Some(disk.used_bytes() + 8192));
    append(&mut journal, &[3; 600]).unwrap();
    assert!(matches!(journal.submit(FrameBuf::new()), Err(JournalError::Full { .. })));
    // Space comes back, the journal goes on.
    disk.set_capacity_bytes(None);
    append(&mut journal, &[4; 600]).unwrap();
    drop(journal);
    disk.crash();
    assert_eq!(check(&disk).unwrap().1.len(), 4);
}

#[test]
fn a_start_on_a_full_disk_needs_room_for_the_frames_alone() {
    let disk = new_disk(1);
    four_frames(&disk);
    disk.restart();
    let room = |bytes| disk.set_capacity_bytes(Some(disk.used_bytes() + bytes));
    room(16 << 10);
    let full = try_open(&disk, WRITES[0]).map(|_| ());
    assert!(matches!(full, Err(JournalError::Full { .. })), "{full:?}");
    assert_eq!(check(&disk).unwrap().1.len(), 4);
    room(20 << 10);
    let (journal, _) = open(&disk);
    assert_eq!(read(&journal, 0).len(), 4);
}

#[test]
fn no_space_in_a_commit_write_is_fatal() {
    let disk = new_disk(1);
    let (mut journal, _) = open(&disk);
    disk.fail(fault(On::Write, 0, false, FaultKind::NoSpace));
    assert!(matches!(append(&mut journal, b"a"), Err(JournalError::Io(_))));
    assert!(matches!(append(&mut journal, b"b"), Err(JournalError::Io(_))), "it stays failed");
    assert!(matches!(journal.fence(), Err(JournalError::Io(_))));
    assert!(matches!(journal.release(Slot(0)), Err(JournalError::Io(_))));
}

#[test]
fn a_flush_that_failed_is_not_believed_by_the_next_start() {
    let disk = new_disk(1);
    let (mut journal, _) = try_open(&disk, DurableWrite::Flush).unwrap();
    append(&mut journal, b"kept").unwrap();
    disk.fail(fault(On::Sync, 0, false, FaultKind::Io { persisted: false }));
    assert!(append(&mut journal, b"cached").is_err());
    drop(journal);
    disk.restart();
    // The page cache shows the second frame, the device never got it.
    let (mut journal, recovered) = try_open(&disk, DurableWrite::Flush).unwrap();
    assert!(recovered.copied_forward);
    let seen = read(&journal, 0);
    assert_eq!(seen, [(0, b"kept".to_vec()), (1, b"cached".to_vec())]);
    append(&mut journal, b"next").unwrap();
    drop(journal);
    disk.crash();
    assert_eq!(check(&disk).unwrap().1.len(), 3, "what a start has shown must stay");
}

#[test]
fn the_chain_across_files() {
    /// A journal of three files; `break_it` damages them: where corruption is found.
    #[track_caller]
    fn case(break_it: impl Fn(&SimDisk), expected: (PathBuf, u64)) {
        let disk = new_disk(1);
        {
            let (mut journal, _) = open(&disk);
            for n in 0..8 {
                append(&mut journal, &[n + 1; 600]).unwrap();
            }
        }
        assert_eq!(check(&disk).unwrap().0.files, 3);
        break_it(&disk);
        assert_eq!(corrupt_at(check(&disk)), expected);
        assert_eq!(corrupt_at(try_open(&disk, WRITES[0]).map(|_| ())), expected);
    }
    let bytes = |disk: &SimDisk, n| disk.file_bytes(&file(n)).unwrap();
    // The middle file is gone: its slots are missed at the end of the first.
    case(|disk| disk.remove(&file(1)).unwrap(), (file(0), 12 << 10));
    // The last frame of the first file: the second file vouches for it.
    case(|disk| disk.flip(&file(0), 8192 * 8 + 5000).unwrap(), (file(0), 8192));
    // A header in the middle.
    case(|disk| disk.flip(&file(1), 300).unwrap(), (file(1), 0));
    // The last header, with frames behind it.
    case(|disk| disk.flip(&file(2), 300).unwrap(), (file(2), 0));
    // A file cut short.
    case(|disk| disk.put_file(&file(2), &bytes(disk, 2)[..8192]).unwrap(), (file(2), 8192));
    // A file in the place of another.
    case(|disk| disk.put_file(&file(1), &bytes(disk, 2)).unwrap(), (file(1), 0));
    // Whole frames of another journal.
    case(
        |disk| {
            let other = new_disk(2);
            let random = Arc::new(SimRandom::new(99));
            let options = LocalJournalOptions { random, ..options(WRITES[0]) };
            let (mut journal, _) =
                LocalJournal::open(Arc::new(other.clone()), Path::new(DIR), options).unwrap();
            append(&mut journal, &[1; 600]).unwrap();
            let foreign = bytes(&other, 0)[4096..8192].to_vec();
            let mut mixed = bytes(disk, 0);
            mixed[4096..8192].copy_from_slice(&foreign);
            disk.put_file(&file(0), &mixed).unwrap();
        },
        (file(0), 4096),
    );
}

#[test]
fn released_files_are_reused_and_their_frames_never_read() {
    let disk = new_disk(1);
    let (mut journal, _) = open(&disk);
    let mut last = Vec::new();
    for n in 0..60u64 {
        let body = vec![n as u8 + 1; 3000];
        let slot = append(&mut journal, &body).unwrap();
        last = vec![(slot.0, body)];
        journal.release(slot).unwrap();
        journal.prepare_spare().unwrap();
        assert!(disk.files().len() <= 6, "{:?}", disk.files());
    }
    assert!(disk.files().iter().any(|(_, bytes)| *bytes == 24 << 10));
    let oldest = journal.files[0].header.first;
    let below = journal.read(Slot(oldest.0 - 1), &mut |_, _| Ok(()));
    assert!(matches!(below, Err(JournalError::Corrupt { .. })), "{below:?}");
    drop(journal);
    disk.crash();
    let (report, seen) = check(&disk).unwrap();
    assert_eq!(report.unfinished, None);
    assert_eq!(seen.len() as u64, 60 - report.first_slot.0);
    let (journal, _) = open(&disk);
    assert_eq!(read(&journal, 59), last);
    assert_eq!(journal.retained_bytes(), seen.len() as u64 * 4096);
}

#[test]
fn a_frame_bigger_than_a_file_gets_its_own() {
    let disk = new_disk(1);
    let (mut journal, _) = open(&disk);
    journal.prepare_spare().unwrap();
    let big = vec![9; 100_000];
    append(&mut journal, &big).unwrap();
    append(&mut journal, b"after").unwrap();
    append(&mut journal, &big).unwrap();
    drop(journal);
    disk.crash();
    let (journal, recovered) = open(&disk);
    let expected = [(0, big.clone()), (1, b"after".to_vec()), (2, big)];
    assert_eq!((recovered.frames, read(&journal, 0)), (3, expected.to_vec()));
}

#[test]
fn direct_writes_fall_back_with_a_reason() {
    let disk = new_disk(1);
    disk.set_direct(false);
    let (mut journal, _) = open(&disk);
    assert!(journal.direct_fallback().is_some());
    append(&mut journal, b"a").unwrap();
    disk.crash();
    assert_eq!(check(&disk).unwrap().1.len(), 1, "without direct writes it must flush");
}

#[test]
fn recovery_says_what_it_found() {
    let disk = new_disk(1);
    let (mut journal, recovered) = open(&disk);
    assert!(recovered.created && !recovered.copied_forward);
    journal.fence().unwrap();
    append(&mut journal, b"a").unwrap();
    let (journal, recovered) = open(&disk);
    assert!(!recovered.created && recovered.copied_forward);
    assert_eq!((recovered.frames, recovered.next_slot), (2, Slot(2)));
    assert_eq!(journal.epoch(), Epoch(1));
    let none = check_journal(&disk, Path::new("/data/none"), &mut |_, _| Ok(())).unwrap();
    assert_eq!((none.files, none.frames), (0, 0));
    disk.put_file(&Path::new(DIR).join("stray"), b"x").unwrap();
    assert_eq!(corrupt_at(check(&disk)).0, Path::new(DIR).join("stray"));
}

#[test]
fn one_seed_gives_one_run() {
    let run = |seed: u64| {
        let disk = new_disk(seed);
        disk.start_trace();
        disk.fail(fault(On::Any, 120, false, FaultKind::Halt));
        workload(&disk, DurableWrite::Flush, &mut Told::default()).unwrap_or(());
        disk.crash();
        check_told_trace(&disk)
    };
    assert_eq!(run(3), run(3));
}

fn check_told_trace(disk: &SimDisk) -> Vec<String> {
    open(disk);
    disk.trace()
}

#[test]
fn a_real_disk_with_a_verifier_beside_the_writer() {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().join("journal");
    let options = LocalJournalOptions {
        file_bytes_first: 64 << 10,
        file_bytes_max: 256 << 10,
        ..options(DurableWrite::Direct)
    };
    let open = || LocalJournal::open(Arc::new(RealDisk), &dir, options.clone()).unwrap();
    let (mut journal, _) = open();
    let spares = journal.spare_maker();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| prepare_until(&spares, &done));
        let verifier = scope.spawn(|| {
            let mut checks = 0;
            while !done.load(Ordering::Acquire) || checks == 0 {
                check_journal(&RealDisk, &dir, &mut |_, _| Ok(())).unwrap();
                checks += 1;
            }
            checks
        });
        for n in 0..200 {
            let slot = append(&mut journal, &body(n)).unwrap();
            if n % 50 == 49 {
                journal.release(Slot(slot.0 - 20)).unwrap();
            }
        }
        done.store(true, Ordering::Release);
        assert!(verifier.join().unwrap() > 0);
    });
    drop(journal);
    let (journal, recovered) = open();
    assert_eq!((recovered.next_slot, recovered.truncated), (Slot(200), None));
    let seen = read(&journal, 180);
    let expected: Bodies = (180..200).map(|n| (n, body(n))).collect();
    assert_eq!(seen, expected);
}

fn prepare_until(spares: &SpareMaker, done: &AtomicBool) {
    while !done.load(Ordering::Acquire) {
        spares.prepare_spare().unwrap();
        std::thread::yield_now();
    }
}

#[test]
fn a_whole_frame_of_elsewhere_is_not_taken() {
    /// Puts the second frame of another journal with the same id in the place of this one's.
    #[track_caller]
    fn case(break_it: impl Fn(&SimDisk, &mut Vec<u8>), number: u64) {
        let disk = new_disk(1);
        four_frames(&disk);
        let before = disk.file_bytes(&file(0)).unwrap();
        if number > 0 {
            // The copy that a start makes holds the same frames, made for another file.
            try_open(&disk, WRITES[0]).unwrap();
        }
        let mut bytes = disk.file_bytes(&file(number)).unwrap();
        bytes[8192..12288].copy_from_slice(&before[8192..12288]);
        break_it(&disk, &mut bytes);
        disk.put_file(&file(number), &bytes).unwrap();
        assert_eq!(corrupt_at(check(&disk)), (file(number), 8192));
    }
    case(|_, _| (), 1);
    case(
        |_, bytes| {
            let other = new_disk(1);
            {
                let options =
                    LocalJournalOptions { file_bytes_first: 64 << 10, ..options(WRITES[0]) };
                let (mut journal, _) =
                    LocalJournal::open(Arc::new(other.clone()), Path::new(DIR), options).unwrap();
                append(&mut journal, &[77; 600]).unwrap();
                append(&mut journal, &[2; 600]).unwrap();
            }
            let foreign = other.file_bytes(&file(0)).unwrap();
            bytes[8192..12288].copy_from_slice(&foreign[8192..12288]);
        },
        0,
    );
}

#[test]
fn the_power_goes_at_every_call_of_a_release() {
    let disk = new_disk(1);
    {
        let (mut journal, _) = open(&disk);
        for n in 0..40 {
            append(&mut journal, &[n + 1; 3000]).unwrap();
        }
    }
    let full = disk.snapshot();
    for seed in 0..8 {
        for n in 0.. {
            disk.restore(&full);
            disk.reseed(seed * 1009 + n);
            let (mut journal, _) = open(&disk);
            disk.fail(fault(On::Any, n, false, FaultKind::Halt));
            let released = journal.release(Slot(35)).is_ok();
            drop(journal);
            disk.crash();
            let context = format!("seed {seed}, call {n}");
            let (journal, recovered) =
                try_open(&disk, WRITES[0]).unwrap_or_else(|e| panic!("{context}: {e}"));
            assert!(recovered.first_slot.0 <= 35, "{context}");
            assert_eq!(read(&journal, 35).len(), 5, "{context}");
            assert!(!released || recovered.first_slot.0 > 20, "{context}");
            if released {
                break;
            }
        }
    }
}
