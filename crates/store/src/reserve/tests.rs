//! The reserve gives room when it is given up, and takes it again.

use std::path::Path;
use std::sync::Arc;

use env::{Disk, OpenMode, RealDisk, SimDisk};

use super::Reserve;

const SIZE_BYTES: u64 = 1 << 20;

#[test]
fn space_is_put_aside_and_given_back() {
    let disk = SimDisk::new(1);
    disk.create_mount("/data");
    disk.set_capacity_bytes(Some(SIZE_BYTES + 1000));
    let open = || Reserve::open(Arc::new(disk.clone()), Path::new("/data"), SIZE_BYTES).unwrap();
    let mut reserve = open();
    assert!(reserve.is_held());
    assert_eq!(reserve.free_bytes().unwrap(), 1000);
    let file = disk.open(Path::new("/data/f"), OpenMode::CreateNew).unwrap();
    file.write_zeros_at(0, 1000).unwrap();
    assert!(file.write_at(b"x", 1000).is_err());
    assert!(reserve.give_up().unwrap());
    assert!(!reserve.give_up().unwrap());
    file.write_at(b"x", 1000).unwrap();
    assert!(!reserve.refill().unwrap(), "there is no room for it now");
    assert_eq!(disk.used_bytes(), 1001, "an attempt must leave nothing");
    assert!(!open().is_held());
    file.set_len(0).unwrap();
    assert!(reserve.refill().unwrap());
    assert!(open().is_held());
    assert_eq!(disk.used_bytes(), SIZE_BYTES);
}

#[test]
fn a_reserve_of_another_size_is_made_anew() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("reserve"), b"half").unwrap();
    let reserve = Reserve::open(Arc::new(RealDisk), data.path(), SIZE_BYTES).unwrap();
    assert!(reserve.is_held());
    assert_eq!(std::fs::metadata(data.path().join("reserve")).unwrap().len(), SIZE_BYTES);
    assert!(reserve.free_bytes().unwrap() > 0);
}
