//! Master keys come from a file, a variable or a credential, in one form.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use env::{RealDisk, SimDisk, SystemRandom};

use super::{MasterKey, MasterKeyError, MasterKeys};

fn line(number: u8) -> String {
    STANDARD.encode([number; 32])
}

/// The ids of the keys that a text holds; none where it is refused.
fn check(text: &str, expected: &[u8]) {
    let ids = match MasterKeys::parse(text, "the test") {
        Ok(keys) => std::iter::once(&keys.current).chain(&keys.older).map(MasterKey::id).collect(),
        Err(MasterKeyError::Form { .. }) => Vec::new(),
        Err(other) => panic!("{text:?}: {other}"),
    };
    let expected: Vec<[u8; 8]> = expected.iter().map(|n| MasterKey::new(&[*n; 32]).id()).collect();
    assert_eq!(ids, expected, "{text:?}");
}

#[test]
fn lines_are_keys() {
    let (one, two) = (line(1), line(2));
    check(&one, &[1]);
    check(&format!("\r\n {one}\r\n\n"), &[1]);
    check(&format!("{two}\n{one}\n"), &[2, 1]);
    check(&format!("{one}\n").repeat(4), &[1, 1, 1, 1]);
    check(&format!("{one}\n").repeat(5), &[]);
    for bad in ["", "\n", "key", &one[1..], &format!("{one}\nx"), &STANDARD.encode([1; 31])] {
        check(bad, &[]);
    }
}

#[test]
fn a_first_start_makes_a_key_that_nobody_else_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let keys = tempfile::tempdir().unwrap();
    let open =
        |may_be_new| MasterKeys::from_file(&RealDisk, &SystemRandom, keys.path(), may_be_new);
    assert!(matches!(open(false), Err(MasterKeyError::Io { .. })), "a lost key is not made anew");
    let made = open(true).unwrap().current.id();
    assert_eq!(open(true).unwrap().current.id(), made);
    assert_eq!(open(false).unwrap().current.id(), made);
    let mode = std::fs::metadata(keys.path().join("master.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_credential_is_read_where_the_service_manager_put_it() {
    let disk = SimDisk::new(1);
    disk.create_mount("/run");
    disk.put_file(Path::new("/run/graven"), line(3).as_bytes()).unwrap();
    let read = |dir, name| MasterKeys::from_credential(&disk, dir, name);
    let dir = Some(Path::new("/run"));
    assert_eq!(read(dir, "graven").unwrap().current.id(), MasterKey::new(&[3; 32]).id());
    assert!(matches!(read(dir, "other"), Err(MasterKeyError::Io { .. })));
    assert!(matches!(read(None, "graven"), Err(MasterKeyError::Missing { .. })));
    let long = Path::new("/run/long");
    disk.put_file(long, &[b'\n'; 9_000]).unwrap();
    assert!(matches!(read(dir, "long"), Err(MasterKeyError::Form { .. })));
}
