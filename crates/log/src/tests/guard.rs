//! The guard file: remembers the newest, and notices when it was changed.

use crate::guard::{Guard, GuardError, GuardHeads};
use env::{Disk, OpenMode, SimDisk};
use graven_merkle::{TreeSize, leaf_hash};
use std::path::Path;
use std::sync::Arc;

fn heads(pairs: &[(&str, u64)]) -> GuardHeads {
    let head = |size: u64| (TreeSize(size), leaf_hash(&size.to_be_bytes()));
    pairs.iter().map(|(origin, size)| ((*origin).to_owned(), head(*size))).collect()
}

fn disk() -> Arc<SimDisk> {
    let disk = Arc::new(SimDisk::new(1));
    disk.create_dir(Path::new("/guard")).expect("creates");
    disk
}

#[test]
fn the_newest_head_of_each_origin_stays() {
    let disk = disk();
    let path = Path::new("/guard/file");
    let mut guard = Guard::open(Arc::clone(&disk) as _, path, true).expect("a first start");
    assert_eq!(guard.heads(), &GuardHeads::new());
    guard.update(&heads(&[("a.example/x", 5), ("b.example/y", 2)])).expect("writes");
    guard.update(&heads(&[("a.example/x", 4)])).expect("keeps");
    guard.update(&heads(&[("b.example/y", 3)])).expect("writes");
    let again = Guard::open(disk, path, false).expect("reads");
    assert_eq!(again.heads(), &heads(&[("a.example/x", 5), ("b.example/y", 3)]));
}

#[test]
fn a_changed_guard_file_is_refused() {
    let disk = disk();
    let path = Path::new("/guard/file");
    let mut guard = Guard::open(Arc::clone(&disk) as _, path, true).expect("a first start");
    guard.update(&heads(&[("a.example/x", 5)])).expect("writes");
    let file = disk.open(path, OpenMode::ReadWrite).expect("opens");
    let mut bytes = vec![0; file.len_bytes().expect("has a length") as usize];
    file.read_exact_at(&mut bytes, 0).expect("reads");
    for (place, byte) in bytes.iter().enumerate() {
        let mut byte = [byte ^ 1];
        file.write_at(&byte, place as u64).expect("writes");
        let opened = Guard::open(Arc::clone(&disk) as _, path, false);
        assert!(matches!(opened, Err(GuardError::Malformed { .. })), "byte {place}");
        byte[0] ^= 1;
        file.write_at(&byte, place as u64).expect("writes back");
    }
}
