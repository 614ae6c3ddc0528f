//! Clock, randomness, and the behaviour that the real and the simulated disk share.

use std::collections::BTreeSet;
use std::path::Path;

use crate::random::{KEY_BYTES_MIN, POOL_BYTES, Pool};
use crate::{
    Clock, ClockState, Disk, FilesystemKind, OpenMode, Random, RealDisk, SimClock, SimDisk,
    SimRandom, SystemClock, SystemRandom,
};

#[test]
fn the_system_clock_goes_on() {
    let clock = SystemClock;
    let (wall_ns, boot_ns) = (clock.wall_ns(), clock.boot_ns());
    assert!(wall_ns > 1_600_000_000_000_000_000, "the wall clock says {wall_ns} ns");
    assert!(boot_ns > 0);
    assert!(clock.boot_ns() >= boot_ns);
    let state = clock.kernel_state();
    assert!(!state.synced || state.error_ns.is_some(), "{state:?}");
}

#[test]
fn the_simulated_clock_moves_when_told() {
    let clock = SimClock::new(1000);
    let boot_ns = clock.boot_ns();
    assert_eq!((clock.wall_ns(), clock.wall_ns()), (1000, 1000));
    clock.advance(5);
    assert_eq!((clock.wall_ns(), clock.boot_ns()), (1005, boot_ns + 5));
    clock.step_wall(-1000);
    assert_eq!((clock.wall_ns(), clock.boot_ns()), (5, boot_ns + 5));
    clock.set_tick_ns(2);
    assert_eq!((clock.wall_ns(), clock.wall_ns(), clock.boot_ns()), (5, 7, boot_ns + 9));
    let lost = ClockState { synced: false, error_ns: None };
    clock.set_kernel_state(lost);
    assert_eq!(clock.kernel_state(), lost);
}

/// A pool hands out every byte once and keeps none of it, over its end too.
#[test]
fn a_pool_of_random_bytes() {
    let mut pool = Pool { bytes: [0; POOL_BYTES], at: POOL_BYTES };
    let mut seen = BTreeSet::new();
    for draw in 0..3 * POOL_BYTES / 24 {
        let mut bytes = [0; 24];
        pool.take(&mut bytes);
        assert!(seen.insert(bytes), "draw {draw} repeats another");
        assert!(pool.bytes[..pool.at].iter().all(|byte| *byte == 0), "draw {draw} is kept");
    }
    let other = std::thread::spawn(|| [(); 2].map(|()| drawn::<16>())).join().unwrap();
    let mut draws = vec![drawn(), drawn(), other[0], other[1]];
    draws.sort_unstable();
    draws.dedup();
    assert_eq!(draws.len(), 4, "two threads drew the same");
}

fn drawn<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    SystemRandom.fill(&mut bytes);
    bytes
}

#[test]
fn random_bytes() {
    assert_ne!(drawn::<KEY_BYTES_MIN>(), [0; KEY_BYTES_MIN]);
    assert_ne!(drawn::<{ KEY_BYTES_MIN - 1 }>(), [0; KEY_BYTES_MIN - 1]);
    let draw = |seed| {
        let mut bytes = [0u8; 19];
        SimRandom::new(seed).fill(&mut bytes);
        bytes
    };
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
}

/// One sequence of calls that every disk must answer alike.
fn check_disk(disk: &dyn Disk, dir: &Path) {
    let (a, b, c) = (dir.join("a"), dir.join("b"), dir.join("c"));
    let kind = |r: std::io::Result<()>| r.expect_err("this call must fail").kind();
    let file = disk.open(&a, OpenMode::CreateNew).unwrap();
    let again = disk.open(&a, OpenMode::CreateNew).map(|_| ());
    assert_eq!(kind(again), std::io::ErrorKind::AlreadyExists);
    let missing = disk.open(&b, OpenMode::Read).map(|_| ());
    assert_eq!(kind(missing), std::io::ErrorKind::NotFound);

    file.write_at(b"hello", 4094).unwrap();
    assert_eq!(file.len_bytes().unwrap(), 4099);
    file.write_zeros_at(4099, 10_000).unwrap();
    file.write_at(b"x", 9000).unwrap();
    file.set_len(4097).unwrap();
    file.set_len(10_000).unwrap();
    file.sync_data().unwrap();
    file.sync_all().unwrap();
    file.drop_cache().unwrap();
    let mut buf = vec![1u8; 8];
    assert_eq!(file.read_at(&mut buf, 4092).unwrap(), 8);
    assert_eq!(buf, b"\0\0hel\0\0\0", "what set_len cut off must not come back");
    assert_eq!(file.read_at(&mut buf, 9996).unwrap(), 4);
    assert_eq!(file.read_at(&mut buf, 10_000).unwrap(), 0);
    let short = file.read_exact_at(&mut buf, 9996);
    assert_eq!(kind(short), std::io::ErrorKind::UnexpectedEof);
    file.allocate(20_000).unwrap();
    assert_eq!(file.len_bytes().unwrap(), 20_000);
    file.allocate(5).unwrap();
    assert_eq!(file.len_bytes().unwrap(), 20_000);

    assert!(file.try_lock().unwrap());
    let other = disk.open(&a, OpenMode::ReadWrite).unwrap();
    assert!(!other.try_lock().unwrap());
    drop(file);
    assert!(other.try_lock().unwrap());

    disk.link(&a, &b).unwrap();
    assert_eq!(kind(disk.link(&a, &b)), std::io::ErrorKind::AlreadyExists);
    disk.remove(&a).unwrap();
    assert_eq!(kind(disk.remove(&a)), std::io::ErrorKind::NotFound);
    disk.create_dir(&dir.join("d")).unwrap();
    disk.create_dir(&dir.join("d")).unwrap();
    disk.rename(&b, &c).unwrap();
    disk.sync_dir(dir).unwrap();
    disk.set_mode(&c, 0o600).unwrap();
    let names: Vec<_> = disk.list(dir).unwrap().into_iter().map(|e| (e.name, e.is_dir)).collect();
    assert_eq!(names, [("c".to_owned(), false), ("d".to_owned(), true)]);
    assert!(disk.free_bytes(dir).unwrap() > 0);

    let error = disk.open(&b, OpenMode::Read).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains(b.to_str().unwrap()), "{error} must name the path");
}

#[test]
fn the_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    check_disk(&RealDisk, dir.path());
    let kind = RealDisk.filesystem_kind(Path::new("/proc")).unwrap();
    assert_eq!(kind, FilesystemKind::Local);
}

#[test]
fn the_simulated_disk() {
    let disk = SimDisk::new(1);
    disk.create_dir(Path::new("/m")).unwrap();
    check_disk(&disk, Path::new("/m"));
    disk.set_filesystem_kind(FilesystemKind::Network("nfs"));
    let kind = disk.filesystem_kind(Path::new("/m")).unwrap();
    assert_eq!(kind, FilesystemKind::Network("nfs"));
}

#[test]
fn direct_writes_or_a_said_reason() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("direct");
    RealDisk.open(&path, OpenMode::CreateNew).unwrap().write_zeros_at(0, 8192).unwrap();
    let opened = RealDisk.open_direct(&path).unwrap();
    let raw = vec![7u8; 3 * crate::BLOCK_BYTES];
    let start = raw.as_ptr().align_offset(crate::BLOCK_BYTES);
    opened.file.write_at(&raw[start..start + crate::BLOCK_BYTES], 4096).unwrap();
    assert!(opened.fallback.as_deref().is_none_or(|why| why.contains("O_DIRECT")));
    let mut seen = [0u8; 2];
    let reader = RealDisk.open(&path, OpenMode::Read).unwrap();
    reader.read_exact_at(&mut seen, 4095).unwrap();
    assert_eq!(seen, [0, 7]);
}
