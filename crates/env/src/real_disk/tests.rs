//! What only the machine's own disk can show.

use std::fs::File;

use super::RealFile;
use crate::DiskFile;

/// A fork copies every handle, and the copies share its lock: until the child's exec closes them, the lock that its
/// holder has dropped would still be held.
#[test]
fn a_dropped_lock_is_free_though_a_copy_of_its_handle_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("LOCK");
    let open = || RealFile::new(File::create(&path).unwrap(), &path);
    let holder = open();
    assert!(holder.try_lock().unwrap());
    let copy = holder.file.try_clone().unwrap();
    assert!(!open().try_lock().unwrap(), "the holder has it");
    drop(holder);
    assert!(open().try_lock().unwrap(), "nobody has it any more");
    drop(copy);
}
