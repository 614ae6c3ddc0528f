//! The lock, the format and the file system of a data directory.

use std::path::Path;

use env::{Disk, Fault, FaultKind, FilesystemKind, On, RealDisk, SimDisk};

use super::{DirectoryLock, check_filesystem, ensure_format, read_format};
use crate::StoreError;

fn check_lock(disk: &dyn Disk, dir: &Path) {
    assert!(!DirectoryLock::is_held(disk, dir).unwrap());
    let lock = DirectoryLock::acquire(disk, dir).unwrap();
    assert_eq!(lock.directory(), dir);
    let error = DirectoryLock::acquire(disk, dir).map(|_| ()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    assert!(error.to_string().contains(dir.to_str().unwrap()), "{error} must name the directory");
    assert!(DirectoryLock::is_held(disk, dir).unwrap());
    drop(lock);
    assert!(!DirectoryLock::is_held(disk, dir).unwrap());
    DirectoryLock::acquire(disk, dir).unwrap();
    let names = disk.list(dir).unwrap();
    assert!(names.iter().any(|entry| entry.name == "LOCK"), "the lock file must stay");
}

#[test]
fn one_process_has_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    check_lock(&RealDisk, dir.path());
    let disk = SimDisk::new(1);
    disk.create_mount("/data");
    check_lock(&disk, Path::new("/data"));
}

#[test]
fn a_lock_does_not_outlive_its_process() {
    let disk = SimDisk::new(1);
    disk.create_mount("/data");
    let lock = DirectoryLock::acquire(&disk, Path::new("/data")).unwrap();
    disk.restart();
    DirectoryLock::acquire(&disk, Path::new("/data")).unwrap();
    drop(lock);
}

#[test]
fn the_format_is_written_once_and_others_are_refused() {
    let disk = SimDisk::new(1);
    disk.create_mount("/data");
    let (data, file) = (Path::new("/data"), Path::new("/data/format"));
    assert!(!read_format(&disk, data).unwrap());
    ensure_format(&disk, data).unwrap();
    disk.crash();
    assert_eq!(disk.file_bytes(file).unwrap(), b"graven data format 1\n");
    assert!(read_format(&disk, data).unwrap());
    disk.start_trace();
    ensure_format(&disk, data).unwrap();
    assert!(disk.trace().iter().all(|call| !call.starts_with("write")), "{:?}", disk.trace());
    for other in ["graven data format 2\n", "", "graven data format 1", "\u{ff}"] {
        disk.put_file(file, other.as_bytes()).unwrap();
        let result = ensure_format(&disk, data);
        assert!(matches!(result, Err(StoreError::Format { .. })), "{other:?}: {result:?}");
    }
}

#[test]
fn a_first_start_that_is_cut_off_can_be_repeated() {
    for n in 0.. {
        let disk = SimDisk::new(n);
        disk.create_mount("/data");
        disk.fail(Fault { on: On::Any, after: n, forever: false, kind: FaultKind::Halt });
        let whole = ensure_format(&disk, Path::new("/data")).is_ok();
        disk.crash();
        ensure_format(&disk, Path::new("/data")).unwrap_or_else(|e| panic!("call {n}: {e:?}"));
        if whole {
            break;
        }
    }
}

#[test]
fn file_systems_of_other_machines_are_refused() {
    #[track_caller]
    fn check(kind: FilesystemKind, force: bool, accepted: bool) {
        let disk = SimDisk::new(1);
        disk.create_mount("/data");
        disk.set_filesystem_kind(kind);
        let result = check_filesystem(&disk, Path::new("/data"), force);
        assert_eq!(result.is_ok(), accepted, "{result:?}");
    }
    check(FilesystemKind::Local, false, true);
    check(FilesystemKind::Memory, false, true);
    check(FilesystemKind::Fuse, false, false);
    check(FilesystemKind::Network("nfs"), false, false);
    check(FilesystemKind::Network("nfs"), true, true);
}
