//! Vault objects come back as written, or not at all.

use std::path::Path;
use std::sync::Arc;

use env::{RealDisk, SimDisk};

use super::VaultStore;
use crate::StoreError;

fn new_vault() -> (SimDisk, VaultStore) {
    let disk = SimDisk::new(1);
    disk.create_mount("/data");
    let vault = VaultStore::new(Arc::new(disk.clone()), Path::new("/data"));
    (disk, vault)
}

#[test]
fn objects_are_kept_listed_and_removed() {
    let (disk, vault) = new_vault();
    assert_eq!(vault.list_vault("main").unwrap(), [] as [String; 0]);
    assert_eq!(vault.read_vault("main", "a").unwrap(), None);
    vault.write_vault("main", "a", b"first").unwrap();
    vault.write_vault("main", "b", b"").unwrap();
    vault.write_vault("main", "a", b"second").unwrap();
    disk.crash();
    assert_eq!(vault.list_vault("main").unwrap(), ["a", "b"]);
    assert_eq!(vault.read_vault("main", "a").unwrap(), Some(b"second".to_vec()));
    vault.remove_vault("main", "a").unwrap();
    disk.crash();
    assert_eq!(vault.list_vault("main").unwrap(), ["b"]);
    assert!(matches!(vault.remove_vault("main", "a"), Err(StoreError::NotFound { .. })));
    disk.put_file(Path::new("/data/vault/main/tmp-c"), b"half").unwrap();
    assert_eq!(vault.list_vault("main").unwrap(), ["b"]);
    vault.tidy_vault("main").unwrap();
    assert_eq!(disk.files().len(), 1);
}

#[test]
fn damage_and_exchange_are_noticed() {
    let (disk, vault) = new_vault();
    vault.write_vault("main", "a", b"object").unwrap();
    let path = Path::new("/data/vault/main/a");
    for bit in 0..8 * (24 + 6) {
        disk.flip(path, bit).unwrap();
        let read = vault.read_vault("main", "a");
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "bit {bit}: {read:?}");
        disk.flip(path, bit).unwrap();
    }
    let bytes = disk.file_bytes(path).unwrap();
    disk.put_file(Path::new("/data/vault/main/b"), &bytes).unwrap();
    let read = vault.read_vault("main", "b");
    assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{read:?}");
}

#[test]
fn nobody_else_can_read_them() {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().unwrap();
    let vault = VaultStore::new(Arc::new(RealDisk), data.path());
    vault.write_vault("main", "a", b"object").unwrap();
    let mode = |path: &str| {
        std::fs::metadata(data.path().join(path)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("vault"), mode("vault/main"), mode("vault/main/a")), (0o700, 0o700, 0o600));
}
