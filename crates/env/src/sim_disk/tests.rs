//! The simulated disk must lose what may be lost and keep what was flushed.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Fault, FaultKind, On, SimDisk};
use crate::{Disk, DiskFile, OpenMode};

const SEEDS: u64 = 300;

/// A disk with `/m/f`, durable and filled with `old`.
fn disk_with_file(seed: u64, old: &[u8]) -> (SimDisk, Box<dyn DiskFile>) {
    let disk = SimDisk::new(seed);
    disk.create_dir(Path::new("/m")).unwrap();
    disk.put_file(Path::new("/m/f"), old).unwrap();
    let file = disk.open(Path::new("/m/f"), OpenMode::ReadWrite).unwrap();
    (disk, file)
}

fn bytes(disk: &SimDisk) -> Vec<u8> {
    disk.file_bytes(Path::new("/m/f")).unwrap()
}

fn fault(on: On, kind: FaultKind) -> Fault {
    Fault { on, after: 0, forever: false, kind }
}

#[test]
fn a_crash_keeps_what_was_flushed_and_any_part_of_the_rest() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..SEEDS {
        let (disk, file) = disk_with_file(seed, &[1; 4096]);
        file.write_at(&[2; 1024], 0).unwrap();
        file.sync_data().unwrap();
        file.write_at(&[3; 1536], 1024).unwrap();
        file.write_at(&[4; 512], 1024).unwrap();
        disk.crash();
        let after = bytes(&disk);
        assert_eq!(after[..1024], [2; 1024], "seed {seed}");
        assert_eq!(after[2560..], [1; 1536], "seed {seed}");
        assert!(after[1024..1536].iter().all(|b| [1, 3, 4].contains(b)), "seed {seed}");
        outcomes.insert(after);
        assert!(file.sync_data().is_err(), "seed {seed}: a handle survived the crash");
    }
    let sector = |byte, at: usize| outcomes.iter().any(|o| o[at..at + 512] == [byte; 512]);
    assert!(sector(1, 1024) && sector(3, 1024) && sector(4, 1024), "dropped, reordered, kept");
    let torn = |o: &Vec<u8>| o[1536..2048].windows(2).any(|w| w[0] != w[1]);
    assert!(outcomes.iter().any(torn), "no sector was ever torn");
}

#[test]
fn names_are_durable_only_after_sync_dir() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..SEEDS {
        let (disk, _) = disk_with_file(seed, b"old");
        let (f, g, h) = (Path::new("/m/f"), Path::new("/m/g"), Path::new("/m/h"));
        disk.open(g, OpenMode::CreateNew).unwrap();
        disk.sync_dir(Path::new("/m")).unwrap();
        disk.rename(f, h).unwrap();
        disk.remove(g).unwrap();
        disk.crash();
        let names: Vec<String> =
            disk.list(Path::new("/m")).unwrap().into_iter().map(|e| e.name).collect();
        outcomes.insert(names.join(" "));
    }
    let expected = ["f", "f g", "g h", "h"].map(String::from);
    assert_eq!(outcomes, BTreeSet::from(expected));
}

#[test]
fn a_failed_flush_lies_on_retry() {
    let (disk, file) = disk_with_file(3, b"old");
    file.write_at(b"new", 0).unwrap();
    disk.fail(fault(On::Sync, FaultKind::Io { persisted: false }));
    assert!(file.sync_data().is_err());
    file.sync_data().expect("the second flush lies");
    assert_eq!(bytes(&disk), b"new", "the page cache shows the new bytes");
    file.drop_cache().unwrap();
    assert_eq!(bytes(&disk), b"old", "the device never got them");
}

#[test]
fn faults_strike_as_told() {
    /// What the file holds after a write of `new` with the fault, its flush and a crash.
    #[track_caller]
    fn check(fault: Fault, write_fails: bool, flush_fails: bool, expected: &[u8]) {
        let (disk, file) = disk_with_file(5, b"old...");
        disk.fail(fault);
        assert_eq!(file.write_at(b"new", 0).is_err(), write_fails);
        assert_eq!(file.sync_data().is_err(), flush_fails);
        disk.crash();
        assert_eq!(bytes(&disk), expected);
    }
    let io = |persisted| FaultKind::Io { persisted };
    let forever = |on, kind| Fault { on, after: 0, forever: true, kind };
    check(fault(On::Read, io(false)), false, false, b"new...");
    check(fault(On::Write, io(false)), true, false, b"old...");
    check(fault(On::Write, io(true)), true, false, b"new...");
    check(fault(On::Write, FaultKind::NoSpace), true, false, b"old...");
    check(fault(On::Sync, io(false)), false, true, b"old...");
    check(fault(On::Sync, io(true)), false, true, b"new...");
    check(forever(On::Any, io(false)), true, true, b"old...");
    check(fault(On::Any, FaultKind::LostWrite), false, false, b"old...");
    check(fault(On::Any, FaultKind::Misdirect { by_bytes: 2 }), false, false, b"olnew.");
    check(Fault { after: 1, ..fault(On::Any, io(false)) }, false, true, b"old...");
}

#[test]
fn a_halt_in_a_direct_write_leaves_any_part_of_it() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..SEEDS {
        let (disk, _) = disk_with_file(seed, &[1; 8192]);
        let file = disk.open_direct(Path::new("/m/f")).unwrap().file;
        let raw = vec![2u8; 3 * 4096];
        let start = raw.as_ptr().align_offset(4096);
        disk.fail(fault(On::Write, FaultKind::Halt));
        assert!(file.write_at(&raw[start..start + 4096], 0).is_err());
        assert!(disk.list(Path::new("/m")).is_err(), "a halted machine answers nothing");
        disk.crash();
        outcomes.insert(bytes(&disk)[..4096].iter().map(|b| usize::from(*b == 2)).sum::<usize>());
        let file = disk.open_direct(Path::new("/m/f")).unwrap().file;
        file.write_at(&raw[start..start + 4096], 4096).unwrap();
        disk.crash();
        assert_eq!(bytes(&disk)[4096..], [2; 4096], "seed {seed}: a direct write is durable");
    }
    assert!(outcomes.contains(&0) && outcomes.contains(&4096) && outcomes.len() > 4);
}

#[test]
fn a_full_disk() {
    let (disk, file) = disk_with_file(9, &[1; 1000]);
    disk.set_capacity_bytes(Some(1500));
    let error = file.write_at(&[2; 600], 1000).unwrap_err();
    assert!(crate::is_out_of_space(&error), "{error:?}");
    assert_eq!(disk.used_bytes(), 1000);
    file.write_at(&[2; 500], 1000).unwrap();
    assert_eq!(disk.free_bytes(Path::new("/m")).unwrap(), 0);
    disk.remove(Path::new("/m/f")).unwrap();
    assert_eq!(disk.used_bytes(), 1500, "an open file keeps its space");
    drop(file);
    assert_eq!(disk.used_bytes(), 0);
}

#[test]
fn one_seed_gives_one_run() {
    let run = |seed| {
        let (disk, file) = disk_with_file(seed, &[0; 100]);
        disk.start_trace();
        for i in 0..20u8 {
            file.write_at(&[i; 700], u64::from(i) * 350).unwrap();
        }
        disk.crash();
        (disk.trace(), bytes(&disk))
    };
    assert_eq!(run(4), run(4));
    assert_ne!(run(4).1, run(5).1);
}

#[test]
fn snapshots_and_flips() {
    let (disk, file) = disk_with_file(2, b"abc");
    let snapshot = disk.snapshot();
    file.write_at(b"xyz", 0).unwrap();
    file.sync_data().unwrap();
    disk.restore(&snapshot);
    assert_eq!(bytes(&disk), b"abc");
    disk.flip(Path::new("/m/f"), 8 + 7).unwrap();
    disk.crash();
    assert_eq!(bytes(&disk), b"acc");
}
