//! Segments under a simulated disk: a name stands for a whole part, whatever crashes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use env::{Disk, Fault, FaultKind, On, RealDisk, SimDisk};

use super::{EncodedBundle, PartContents, PartMeta, SegmentStore};
use crate::StoreError;
use crate::limits::{OPEN_PARTS_MAX, SEGMENT_ENTRIES};

const DATA: &str = "/data";

fn new_disk(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    disk.create_mount(DATA);
    disk
}

fn store_on(disk: &SimDisk) -> SegmentStore {
    SegmentStore::new(Arc::new(disk.clone()), Path::new(DATA))
}

fn new_store(disk: &SimDisk) -> SegmentStore {
    let store = store_on(disk);
    store.create_log_dir("main").unwrap();
    store
}

/// A part whose bytes depend on where it starts and on `salt`.
fn contents(first: u64, count: u32, salt: u8) -> PartContents {
    let entries_per_bundle = 256;
    let bundle = |k: u32| EncodedBundle {
        bytes: (0..40 + k % 7)
            .map(|i| (first as u32).wrapping_add(k * 31 + i) as u8 ^ salt)
            .collect(),
        entries: (count - k * entries_per_bundle).min(entries_per_bundle) as u16,
    };
    PartContents {
        first,
        header: vec![salt; 9],
        bundles: (0..count.div_ceil(entries_per_bundle)).map(bundle).collect(),
        entry_crcs: (0..count).map(|i| i ^ u32::from(salt)).collect(),
        tile: vec![salt ^ 0xFF; 64],
    }
}

#[track_caller]
fn check_part(store: &SegmentStore, meta: &PartMeta, expected: &PartContents) {
    let part = store.open(meta).unwrap();
    part.verify_all().unwrap();
    assert_eq!(part.header(), expected.header);
    assert_eq!(part.tile().unwrap(), expected.tile);
    assert_eq!(part.bundle_count(), expected.bundles.len());
    for (k, bundle) in expected.bundles.iter().enumerate() {
        assert_eq!(part.bundle(k).unwrap(), bundle.bytes);
        assert_eq!(part.bundle_entries(k), Some(bundle.entries));
    }
    for (i, crc) in expected.entry_crcs.iter().enumerate() {
        assert_eq!(part.entry_crc(i as u32), Some(*crc));
    }
    assert_eq!(part.entry_crc(meta.count), None);
    assert!(part.bundle(part.bundle_count()).is_err());
}

fn names(store: &SegmentStore) -> Vec<(u64, u32)> {
    store.list("main").unwrap().iter().map(|part| (part.first, part.count)).collect()
}

fn segments_dir() -> PathBuf {
    Path::new(DATA).join("logs/main/segments")
}

#[test]
fn parts_and_segments_come_back_as_written() {
    let disk = new_disk(1);
    let store = new_store(&disk);
    let sealed = contents(65_536, SEGMENT_ENTRIES, 3);
    let part = contents(131_072, 300, 4);
    let meta = store.write_part("main", &sealed).unwrap();
    assert!(meta.sealed);
    let tail = store.write_part("main", &part).unwrap();
    assert!(!tail.sealed);
    disk.crash();
    let store = store_on(&disk);
    assert_eq!(store.list("main").unwrap(), [meta.clone(), tail.clone()]);
    check_part(&store, &meta, &sealed);
    check_part(&store, &tail, &part);
    let files: Vec<String> =
        disk.list(&segments_dir()).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(files, ["0000000000010000-65536.segment", "0000000000020000-300.part"]);
    assert_eq!(store.stray("main").unwrap(), [] as [PathBuf; 0]);
    store.remove(&tail).unwrap();
    assert!(matches!(store.remove(&tail), Err(StoreError::NotFound { .. })));
    assert!(matches!(store.open(&tail), Err(StoreError::NotFound { .. })));
    assert_eq!(names(&store), [(65_536, SEGMENT_ENTRIES)]);
}

#[test]
fn a_part_is_written_once() {
    let disk = new_disk(1);
    let store = new_store(&disk);
    let meta = store.write_part("main", &contents(0, 10, 1)).unwrap();
    assert_eq!(store.write_part("main", &contents(0, 10, 1)).unwrap(), meta);
    let other = store.write_part("main", &contents(0, 10, 2));
    assert!(matches!(other, Err(StoreError::Exists { .. })), "{other:?}");
    check_part(&store, &meta, &contents(0, 10, 1));
    assert_eq!(disk.list(&segments_dir()).unwrap().len(), 1, "no temporary file may stay");
}

#[test]
fn contents_that_are_no_part_are_refused() {
    #[track_caller]
    fn check(contents: PartContents) {
        let disk = new_disk(1);
        let result = new_store(&disk).write_part("main", &contents);
        assert!(matches!(result, Err(StoreError::Invalid { .. })), "{result:?}");
        assert_eq!(disk.list(&segments_dir()).unwrap(), []);
    }
    check(contents(0, 0, 1));
    check(contents(0, SEGMENT_ENTRIES + 1, 1));
    check(contents(u64::MAX - 5, 10, 1));
    check(PartContents { entry_crcs: vec![1; 9], ..contents(0, 10, 1) });
    check(PartContents { bundles: vec![], ..contents(0, 10, 1) });
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let disk = new_disk(1);
    let store = new_store(&disk);
    for log in ["", "..", "a/b", "Main", "a b", "ä", &"a".repeat(64)] {
        assert!(matches!(store.create_log_dir(log), Err(StoreError::Invalid { .. })), "{log:?}");
        assert!(matches!(store.list(log), Err(StoreError::Invalid { .. })), "{log:?}");
        assert!(matches!(store.read_state(log), Err(StoreError::Invalid { .. })), "{log:?}");
    }
    for name in ["", "..", ".x", "a/b", "segments", "state-1", "tmp-x", "a b", "a\0"] {
        let written = store.write_file("main", name, b"x");
        assert!(matches!(written, Err(StoreError::Invalid { .. })), "{name:?}");
    }
}

#[test]
fn every_flipped_bit_of_a_part_is_noticed() {
    let disk = new_disk(1);
    let store = new_store(&disk);
    let meta = store.write_part("main", &contents(0, 300, 7)).unwrap();
    let path = segments_dir().join("0000000000000000-300.part");
    let verify = || store_on(&disk).open(&meta).and_then(|part| part.verify_all());
    verify().unwrap();
    for bit in 0..meta.size_bytes * 8 {
        disk.flip(&path, bit).unwrap();
        let result = verify();
        assert!(matches!(result, Err(StoreError::Corrupt { .. })), "bit {bit}: {result:?}");
        disk.flip(&path, bit).unwrap();
    }
    verify().unwrap();
    for len_bytes in 0..meta.size_bytes {
        let bytes = disk.file_bytes(&path).unwrap();
        disk.put_file(&path, &bytes[..len_bytes as usize]).unwrap();
        assert!(verify().is_err(), "cut to {len_bytes} bytes");
        disk.put_file(&path, &bytes).unwrap();
    }
    // A whole part under the name of another.
    let other = segments_dir().join("0000000000000000-299.part");
    disk.rename(&path, &other).unwrap();
    let meta = PartMeta { count: 299, ..meta };
    assert!(matches!(store_on(&disk).open(&meta), Err(StoreError::Corrupt { .. })));
}

#[test]
fn a_part_that_the_device_garbles_gets_no_name() {
    for kind in [FaultKind::LostWrite, FaultKind::Misdirect { by_bytes: 3 }] {
        let disk = new_disk(1);
        let store = new_store(&disk);
        disk.fail(Fault { on: On::Any, after: 0, forever: false, kind });
        let result = store.write_part("main", &contents(0, 300, 7));
        assert!(matches!(result, Err(StoreError::Corrupt { .. })), "{result:?}");
        assert_eq!(disk.list(&segments_dir()).unwrap(), []);
        let meta = store.write_part("main", &contents(0, 300, 7)).unwrap();
        check_part(&store, &meta, &contents(0, 300, 7));
    }
}

/// What a log does when it unloads: a part, its state, a bigger part, its state, a file.
fn unload(store: &SegmentStore, done: &mut u32) -> Result<(), StoreError> {
    store.write_part("main", &contents(0, 10, 1))?;
    *done += 1;
    store.write_state("main", 10, b"at ten")?;
    *done += 1;
    store.write_part("main", &contents(0, 300, 2))?;
    *done += 1;
    store.write_state("main", 300, b"at three hundred")?;
    *done += 1;
    store.write_file("main", "vkeys", b"keys")?;
    *done += 1;
    Ok(())
}

/// After anything: what was done is there and whole, what was not may be, nothing is half there.
fn check_unloaded(disk: &SimDisk, done: u32, context: &str) {
    let store = store_on(disk);
    store.tidy("main").unwrap_or_else(|e| panic!("{context}: {e:?}"));
    let parts = names(&store);
    let (small, big) = (parts.contains(&(0, 10)), parts.contains(&(0, 300)));
    assert!(done < 1 || small || big, "{context}: {parts:?}");
    assert!(done < 3 || big, "{context}: {parts:?}");
    assert!(!(small && big), "{context}: a covered part must be tidied: {parts:?}");
    for meta in store.list("main").unwrap() {
        let salt = if meta.count == 10 { 1 } else { 2 };
        check_part(&store, &meta, &contents(0, meta.count, salt));
    }
    match store.read_state("main").unwrap() {
        None => assert!(done < 2, "{context}: the state is gone"),
        Some((10, bytes)) => assert!(done < 4 && bytes == b"at ten", "{context}"),
        Some((300, bytes)) => assert_eq!(bytes, b"at three hundred", "{context}"),
        other => panic!("{context}: {other:?}"),
    }
    match store.read_file("main", "vkeys").unwrap() {
        None => assert!(done < 5, "{context}"),
        Some(bytes) => assert_eq!(bytes, b"keys", "{context}"),
    }
    let leftovers = |dir: &Path| disk.list(dir).unwrap().len();
    assert_eq!(leftovers(&segments_dir()), parts.len(), "{context}");
    assert!(leftovers(&Path::new(DATA).join("logs/main")) <= 3, "{context}");
    // It goes on from here, and a second crash takes nothing away.
    unload(&store, &mut 0).unwrap_or_else(|e| panic!("{context}: {e:?}"));
    disk.crash();
    assert!(names(&store_on(disk)).contains(&(0, 300)), "{context}");
    assert_eq!(store_on(disk).read_state("main").unwrap().map(|s| s.0), Some(300), "{context}");
}

#[test]
fn the_power_goes_or_a_call_fails_at_every_step() {
    let io = |persisted| FaultKind::Io { persisted };
    for (kind, forever) in [
        (FaultKind::Halt, false),
        (FaultKind::NoSpace, false),
        (io(false), false),
        (io(true), false),
        (io(false), true),
        (io(true), true),
    ] {
        for seed in 0..4 {
            for n in 0.. {
                let disk = new_disk(seed);
                let store = new_store(&disk);
                disk.fail(Fault { on: On::Any, after: n, forever, kind: kind.clone() });
                let mut done = 0;
                let result = unload(&store, &mut done);
                let context = format!("{kind:?}, forever {forever}, seed {seed}, call {n}");
                assert_eq!(result.is_ok(), done == 5, "{context}");
                disk.reseed(seed * 1009 + n);
                if kind == FaultKind::Halt || seed % 2 == 0 {
                    disk.crash();
                } else {
                    disk.restart();
                }
                check_unloaded(&disk, done, &context);
                if done == 5 {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let disk = new_disk(1);
    let store = new_store(&disk);
    store.write_state("main", 10, b"at ten").unwrap();
    disk.set_capacity_bytes(Some(disk.used_bytes() + 40));
    let before = disk.files();
    let part = store.write_part("main", &contents(0, 300, 1)).map(|_| ());
    let state = store.write_state("main", 20, b"twenty");
    let file = store.write_file("main", "vkey", &[1; 100]);
    for result in [part, state, file] {
        assert!(matches!(result, Err(StoreError::Full { .. })) || result.is_ok(), "{result:?}");
    }
    let part = store.write_part("main", &contents(0, 300, 1));
    assert!(matches!(part, Err(StoreError::Full { .. })), "{part:?}");
    assert_eq!(disk.files().len(), before.len());
    disk.set_capacity_bytes(None);
    store.write_part("main", &contents(0, 300, 1)).unwrap();
}

#[test]
fn every_flipped_bit_of_a_state_is_noticed() {
    let disk = new_disk(1);
    let store = new_store(&disk);
    store.write_state("main", 77, b"some state").unwrap();
    let path = Path::new(DATA).join("logs/main/state-000000000000004d");
    for bit in 0..8 * (32 + 10) {
        disk.flip(&path, bit).unwrap();
        let read = store.read_state("main");
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "bit {bit}: {read:?}");
        disk.flip(&path, bit).unwrap();
    }
    assert_eq!(store.read_state("main").unwrap(), Some((77, b"some state".to_vec())));
    store.write_state("main", 77, b"replaced").unwrap();
    assert_eq!(store.read_state("main").unwrap(), Some((77, b"replaced".to_vec())));
    let bytes = disk.file_bytes(&path).unwrap();
    disk.put_file(&path.with_file_name("state-0000000000000fff"), &bytes).unwrap();
    let read = store.read_state("main");
    assert!(matches!(read, Err(StoreError::Corrupt { .. })), "a state under another's size");
}

#[test]
fn open_parts_are_bounded() {
    let disk = new_disk(1);
    let store = new_store(&disk);
    let mut metas = Vec::new();
    for n in 0..OPEN_PARTS_MAX as u64 + 20 {
        metas.push(store.write_part("main", &contents(n * 10, 10, 1)).unwrap());
    }
    let held = store.open(&metas[0]).unwrap();
    for meta in &metas {
        store.open(meta).unwrap();
    }
    assert_eq!(store.lock().len(), OPEN_PARTS_MAX);
    held.verify_all().expect("a part that was dropped from the cache stays open for its reader");
    // What is cached is read without opening the file again.
    disk.start_trace();
    store.open(metas.last().unwrap()).unwrap();
    assert_eq!(disk.trace(), [] as [String; 0]);
    // A big index counts in bytes: the cache keeps fewer.
    for n in 0..70u64 {
        let first = (n + 1) * u64::from(SEGMENT_ENTRIES);
        let part = PartContents { entry_crcs: vec![n as u32; 65_536], ..big_contents(first) };
        let meta = store.write_part("main", &part).unwrap();
        store.open(&meta).unwrap();
    }
    assert!(store.lock().len() < 70, "{} big parts are open", store.lock().len());
}

fn big_contents(first: u64) -> PartContents {
    let bundles = vec![EncodedBundle { bytes: vec![1], entries: 256 }; 256];
    PartContents { first, header: vec![], bundles, entry_crcs: vec![], tile: vec![] }
}

#[test]
fn logs_on_a_real_disk() {
    let data = tempfile::tempdir().unwrap();
    let store = SegmentStore::new(Arc::new(RealDisk), data.path());
    assert_eq!(store.logs().unwrap(), [] as [String; 0]);
    for log in ["main", "system", "main"] {
        store.create_log_dir(log).unwrap();
    }
    assert_eq!(store.logs().unwrap(), ["main", "system"]);
    let meta = store.write_part("main", &contents(0, 1000, 5)).unwrap();
    let bigger = store.write_part("main", &contents(0, 2000, 5)).unwrap();
    assert_eq!(store.write_part("main", &contents(0, 1000, 5)).unwrap(), meta);
    check_part(&store, &meta, &contents(0, 1000, 5));
    store.open(&bigger).unwrap().drop_cache().unwrap();
    store.write_state("main", 1000, b"one").unwrap();
    store.write_state("main", 2000, b"two").unwrap();
    assert_eq!(store.read_state("main").unwrap(), Some((2000, b"two".to_vec())));
    assert_eq!(store.read_state("system").unwrap(), None);
    store.write_file("main", "vkey", b"key\n").unwrap();
    assert_eq!(store.read_file("main", "vkey").unwrap(), Some(b"key\n".to_vec()));
    assert_eq!(store.read_file("main", "vkeys").unwrap(), None);
    std::fs::write(data.path().join("logs/main/segments/stray"), b"x").unwrap();
    assert_eq!(store.stray("main").unwrap().len(), 1);
    store.tidy("main").unwrap();
    assert_eq!(names(&store), [(0, 2000)]);
}
