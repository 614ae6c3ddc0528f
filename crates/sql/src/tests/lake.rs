//! The lake: crashes at any point, damage anywhere, and what is not this log's.

use std::path::Path;
use std::sync::Arc;

use env::{Disk as _, Fault, FaultKind, On, SimDisk};
use graven_merkle::{LeafIndex, TreeSize, leaf_hash};
use serde_json::Value;

use super::{DIR, Memory, ORIGIN, all_rows, ask, company, disk, follow, follow_to, open, place};
use crate::lake::Lake;
use crate::{Columns, EntrySource as _, LakeError, QueryError};

/// Entries of the crash tests: four files of each table and a tail.
const ENTRIES: u64 = 37;

/// Takes in the whole log, one step after the other, as far as it gets.
fn fill(disk: &SimDisk, log: &Arc<Memory>) -> Result<(), LakeError> {
    let columns = Columns::open_place(place(disk, 8), Arc::clone(log) as _)?;
    for size in (0..=ENTRIES).step_by(5).chain([ENTRIES]) {
        follow_to(&columns, TreeSize(size))?;
    }
    Ok(())
}

#[test]
fn a_crash_at_any_point_leaves_no_gap_and_no_double() {
    let log = company(ENTRIES);
    let calm = disk(1);
    let expected = all_rows(&open(&calm, &log));
    let before = calm.operations();
    fill(&calm, &log).unwrap();
    let clean = disk(2);
    let start = clean.operations();
    fill(&clean, &log).unwrap();
    let calls = clean.operations() - start;
    assert!(before > 0 && calls > 50, "{calls} calls");
    for after in 0..calls {
        let disk = disk(after);
        disk.fail(Fault { on: On::Any, after, forever: false, kind: FaultKind::Halt });
        assert!(fill(&disk, &log).is_err(), "call {after} was not made");
        disk.crash();
        let columns = open(&disk, &log);
        assert_eq!(columns.mended(), &[] as &[String], "call {after}: a manifest came too early");
        assert_eq!(columns.indexed_through(), TreeSize(ENTRIES), "call {after}");
        assert_eq!(all_rows(&columns), expected, "call {after}");
    }
}

/// What a crash can leave beside the manifest's files goes, and nothing else does.
#[test]
fn strays_are_removed() {
    let log = company(ENTRIES);
    let disk = disk(11);
    open(&disk, &log);
    let files = lake_files(&disk);
    for stray in [
        "_new-manifest.ndjson",
        "events/segment=00000000/_new-000000000000-000000000008.parquet",
        "changes/segment=00000004/000000000032-000000000040.parquet",
        "changes/segment=00000000/000000000000-000000000007.parquet",
    ] {
        let path = Path::new(DIR).join(stray);
        disk.create_dir(path.parent().unwrap()).unwrap();
        disk.put_file(&path, b"half").unwrap();
    }
    assert_eq!(lake_files(&disk).len(), files.len() + 4);
    open(&disk, &log);
    assert_eq!(lake_files(&disk), files);
}

#[test]
fn a_write_that_fails_is_made_again() {
    let log = company(ENTRIES);
    let expected = all_rows(&open(&disk(1), &log));
    for (on, kind) in [
        (On::Write, FaultKind::NoSpace),
        (On::Sync, FaultKind::Io { persisted: false }),
        (On::SyncDir, FaultKind::Io { persisted: true }),
    ] {
        for after in 0..4 {
            let disk = disk(3);
            let columns = Columns::open_place(place(&disk, 8), Arc::clone(&log) as _).unwrap();
            disk.fail(Fault { on, after, forever: false, kind: kind.clone() });
            let mut failures = 0;
            while columns.indexed_through() < log.size() {
                failures += u32::from(follow_to(&columns, log.size()).is_err());
                assert!(failures < 5, "it does not go on");
            }
            assert!(failures > 0, "{on:?} {after} did not strike");
            assert_eq!(all_rows(&Arc::new(columns)), expected, "{on:?} {after}");
            assert_eq!(all_rows(&open(&disk, &log)), expected, "{on:?} {after}, opened again");
        }
    }
}

/// A log at rest keeps little in memory; what was taken in goes on from there, and the same is made of it.
#[test]
fn at_rest_a_long_tail_becomes_files() {
    let log = company(ENTRIES);
    let expected = all_rows(&open(&disk(1), &log));
    let disk = disk(5);
    let columns = Columns::open_place(place(&disk, 64), Arc::clone(&log) as _).unwrap();
    for (size, files) in [(1, 0), (20, 2), (21, 2), (ENTRIES, 4)] {
        follow(&columns, TreeSize(size));
        columns.rest().unwrap();
        let parquet = lake_files(&disk).iter().filter(|name| name.ends_with(".parquet")).count();
        assert_eq!(parquet, files, "{size} entries");
        assert_eq!(columns.indexed_through(), TreeSize(size));
        let last = leaf_hash(&log.read(LeafIndex(size - 1), 1).unwrap()[0].1);
        assert_eq!(columns.taken(), (TreeSize(size), Some(last)));
    }
    assert_eq!(all_rows(&Arc::new(columns)), expected);
    let again = Columns::open_place(place(&disk, 64), Arc::clone(&log) as _).unwrap();
    let again = Arc::new(again);
    assert_eq!(again.taken().0, TreeSize(ENTRIES), "nothing is taken in twice");
    assert_eq!(all_rows(&again), expected);
}

#[test]
fn deleted_and_made_anew_it_answers_the_same() {
    let log = company(ENTRIES);
    let disk = disk(4);
    let expected = all_rows(&open(&disk, &log));
    let files = lake_files(&disk);
    for path in &files {
        disk.remove(Path::new(path)).unwrap();
    }
    assert_eq!(all_rows(&open(&disk, &log)), expected);
    assert_eq!(lake_files(&disk), files);
}

#[test]
fn damage_is_set_aside_and_made_anew() {
    let log = company(ENTRIES);
    let disk = disk(5);
    let expected = all_rows(&open(&disk, &log));
    let whole = disk.snapshot();
    let check = |name: &str, harm: &dyn Fn(&Path)| {
        disk.restore(&whole);
        harm(Path::new(name));
        let columns = Columns::open_place(place(&disk, 8), Arc::clone(&log) as _).unwrap();
        assert!(!columns.mended().is_empty(), "{name}: nobody noticed");
        follow(&columns, log.size());
        assert_eq!(all_rows(&Arc::new(columns)), expected, "{name}");
        let again = Columns::open_place(place(&disk, 8), Arc::clone(&log) as _).unwrap();
        assert_eq!(again.mended(), &[] as &[String], "{name}: it was not mended");
    };
    let files = lake_files(&disk);
    assert_eq!(files.len(), 9, "{files:?}");
    for file in &files {
        let bits = disk.file_bytes(Path::new(file)).unwrap().len() as u64 * 8;
        for bit in [0, bits / 3, bits / 2, bits - 1] {
            check(file, &|path| disk.flip(path, bit).unwrap());
        }
        check(file, &|path| {
            let mut bytes = disk.file_bytes(path).unwrap();
            bytes.pop();
            disk.put_file(path, &bytes).unwrap();
        });
        check(file, &|path| {
            let mut bytes = disk.file_bytes(path).unwrap();
            bytes.push(0);
            disk.put_file(path, &bytes).unwrap();
        });
        if file.ends_with(".parquet") {
            check(file, &|path| disk.remove(path).unwrap());
        }
    }
}

#[test]
fn what_was_damaged_can_be_looked_at() {
    let log = company(ENTRIES);
    let disk = disk(6);
    open(&disk, &log);
    let file = lake_files(&disk).into_iter().find(|path| path.contains("events")).unwrap();
    disk.flip(Path::new(&file), 999).unwrap();
    let damaged = disk.file_bytes(Path::new(&file)).unwrap();
    let said = open(&disk, &log).mended().to_vec();
    assert!(said[0].contains("is not what was written: it is made anew from the log"), "{said:?}");
    let (dir, name) = file.rsplit_once('/').unwrap();
    let aside = format!("{dir}/_damaged-{name}.aside");
    assert_eq!(disk.file_bytes(Path::new(&aside)).unwrap(), damaged);
}

#[test]
fn damage_under_a_running_query_is_said_and_mended() {
    let log = company(ENTRIES);
    let disk = disk(7);
    let columns = open(&disk, &log);
    let expected = all_rows(&open(&disk, &log));
    for file in lake_files(&disk).iter().filter(|path| path.ends_with(".parquet")) {
        let bytes = disk.file_bytes(Path::new(file)).unwrap();
        disk.put_file(Path::new(file), &bytes[..bytes.len() / 2]).unwrap();
    }
    let error = ask(&columns, "SELECT count(DISTINCT id) FROM events").unwrap_err();
    assert!(matches!(error, QueryError::Unavailable(_)), "{error:?}");
    assert_eq!(columns.mend().unwrap().len(), 8);
    assert_eq!(all_rows(&columns), expected);
}

#[test]
fn what_is_not_this_logs_is_refused() {
    let log = company(ENTRIES);
    let disk = disk(8);
    open(&disk, &log);
    let whole = disk.snapshot();
    let check = |expected: &str, change: &dyn Fn(&mut crate::lake::Place) -> Arc<Memory>| {
        disk.restore(&whole);
        let mut place = place(&disk, 8);
        let log = change(&mut place);
        let error = Columns::open_place(place, log as _).err().expect(expected).to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("delete /data/derived/main/lake"), "{error}");
    };
    check("are of test.example/log, the log is test.example/other", &|place| {
        place.origin = "test.example/other".to_owned();
        Arc::clone(&log)
    });
    check("go to entry 32, the log has 31 entries", &|_| company(31));
    check("or others", &|_| Memory::of(&[r#"{"action":"a"}"#; ENTRIES as usize]));
    check("of the format lake/v2, this version writes lake/v1", &|_| {
        let path = Path::new(DIR).join("manifest.ndjson");
        let bytes = disk.file_bytes(&path).unwrap();
        let mut manifest = crate::manifest::Manifest::decode(&bytes).unwrap();
        manifest.head.graven = "lake/v2".to_owned();
        disk.put_file(&path, &manifest.encode()).unwrap();
        Arc::clone(&log)
    });
}

#[test]
fn entries_come_in_order() {
    let log = company(3);
    let (mut lake, _) = Lake::open(place(&disk(9), 8), &*log).unwrap();
    let entries = log.read(LeafIndex(0), 3).unwrap();
    lake.push(LeafIndex(0), &entries[0].1).unwrap();
    for wrong in [0, 2] {
        let error = lake.push(LeafIndex(wrong), &entries[2].1).unwrap_err();
        assert!(matches!(error, LakeError::Order { .. }), "{error}");
    }
    lake.push(LeafIndex(1), &entries[1].1).unwrap();
    assert_eq!(lake.through(), TreeSize(2));
}

/// A tail too large for memory becomes files before its segment is full.
#[test]
fn a_large_tail_becomes_files_early() {
    let text = "x".repeat(40_000);
    let event = format!(r#"{{"action":"a","reason":"{text}"}}"#);
    let log = Memory::of(&[&*event; 100]);
    let disk = disk(10);
    let columns = Columns::open_place(place(&disk, 64), Arc::clone(&log) as _).unwrap();
    follow(&columns, log.size());
    let columns = Arc::new(columns);
    let files = lake_files(&disk).iter().filter(|path| path.contains("/events/")).count();
    assert!(files >= 4, "{files} files");
    let counted = ask(&columns, "SELECT count(*), count(DISTINCT index), max(index) FROM events");
    assert_eq!(counted.unwrap().rows, [[100, 100, 99].map(Value::from)]);
}

/// What the lake consists of, what was set aside left out.
fn lake_files(disk: &SimDisk) -> Vec<String> {
    let files = disk.files().into_iter().map(|(path, _)| path.to_string_lossy().into_owned());
    let mut files: Vec<String> = files.filter(|path| !path.contains("/_damaged-")).collect();
    files.sort();
    assert!(files.iter().all(|path| path.starts_with(DIR)), "{files:?} for {ORIGIN}");
    files
}
