//! T19: two of what there may be one of: two servers on one directory, a lock that a child inherits, a copied directory.

use std::process::Command;

use env::RealDisk;
use store::DirectoryLock;

use super::fixture::{Fixture, events};
use super::trial::copy_all;

#[test]
fn t19_a_second_server_is_refused_however_it_names_the_directory() {
    let mut fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 5), 0, &[], &[]);
    std::os::unix::fs::symlink("graven-data", fixture.path("other-name")).unwrap();
    let url = fixture.url();
    for data in ["graven-data", "other-name", "./graven-data/../other-name/"] {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--data", data];
        fixture.check(&serve, 3, &[], &["in use by another process"]);
    }
    // The first one has not noticed.
    assert_eq!(fixture.url(), url);
    fixture.check_with(&["append"], &events(5, 5), 0, &["5 events"], &[]);
    fixture.kill();
    // The lock goes with the process, however that ended.
    fixture.serve(&[]);
    fixture.stop();
    fixture.check(&["verify", "graven-data"], 0, &["internally consistent"], &[]);
}

/// A program that the holder started lives on after it: it must not hold the lock.
#[test]
fn t19_a_child_does_not_inherit_the_lock() {
    let folder = tempfile::TempDir::new().unwrap();
    let lock = DirectoryLock::acquire(&RealDisk, folder.path()).unwrap();
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    assert!(DirectoryLock::acquire(&RealDisk, folder.path()).is_err(), "it is held");
    drop(lock);
    let again = DirectoryLock::acquire(&RealDisk, folder.path());
    child.kill().unwrap();
    child.wait().unwrap();
    again.expect("nobody holds it any more");
}

/// A copy with the same key, started beside the original, signs a second history. Without a head from outside neither
/// shows it; the guard catches the one that is behind, and whoever kept a head of the other catches both.
#[test]
fn t19_a_copied_directory_with_the_same_key() {
    let mut fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 20), 0, &[], &[]);
    fixture.stop();
    copy_all(&fixture.path("graven-data"), &fixture.path("copy"));
    let grow = |fixture: &mut Fixture, data: &str, first: u64| {
        fixture.serve(&["--data", data]);
        fixture.check_with(&["append", "--data", data], &events(first, 10), 0, &[], &[]);
        fixture.stop();
    };
    grow(&mut fixture, "graven-data", 100);
    grow(&mut fixture, "copy", 200);
    // Each alone is whole, and says what it did not check.
    for data in ["graven-data", "copy"] {
        let freshness =
            ["internally consistent", "freshness: no head or cosignature from elsewhere"];
        fixture.check(&["verify", data], 0, &freshness, &[]);
    }
    fixture.check(&["verify", "graven-data", "--remember", "heads"], 0, &[], &[]);
    fixture.check(&["verify", "copy", "--remember", "heads"], 1, &["fork"], &[]);
}

#[test]
fn t19_the_guard_stops_a_copy_that_is_behind_or_beside() {
    let mut fixture = Fixture::empty();
    fixture.serve(&["--guard", "guard"]);
    fixture.check_with(&["append"], &events(0, 20), 0, &[], &[]);
    fixture.stop();
    copy_all(&fixture.path("graven-data"), &fixture.path("copy"));
    fixture.serve(&["--guard", "guard"]);
    fixture.check_with(&["append"], &events(20, 20), 0, &[], &[]);
    fixture.stop();
    let said = fixture.serve(&["--data", "copy", "--guard", "guard"]);
    assert!(said.contains("log main is read-only"), "{said}");
    let append = ["append", "--data", "copy"];
    fixture.check_with(&append, &events(200, 1), 3, &[], &["unavailable"]);
    fixture.stop();
    fixture.serve(&["--guard", "guard"]);
    fixture.check_with(&["append"], &events(40, 1), 0, &["1 event"], &[]);
}

/// Both at once on one guard: it is asked at starts alone, so while they run nothing but a witness would stop them. The
/// next start of the one that the guard contradicts ends it.
#[test]
fn t19_a_copy_that_runs_beside_is_ended_at_its_next_start() {
    let (mut first, mut second) = (Fixture::empty(), Fixture::empty());
    let guard = first.path("guard").to_str().unwrap().to_owned();
    let serve = ["--guard", &guard];
    first.serve(&serve);
    first.check_with(&["append"], &events(0, 20), 0, &[], &[]);
    first.stop();
    copy_all(&first.path("graven-data"), &second.path("graven-data"));
    first.serve(&serve);
    second.serve(&serve);
    first.check_with(&["append"], &events(100, 10), 0, &["10 events"], &[]);
    second.check_with(&["append"], &events(200, 20), 0, &["20 events"], &[]);
    first.stop();
    second.stop();
    let said = first.serve(&serve);
    assert!(said.contains("log main is read-only"), "{said}");
    first.check_with(&["append"], &events(300, 1), 3, &[], &["unavailable"]);
    let said = second.serve(&serve);
    assert!(!said.contains("read-only"), "{said}");
    second.check_with(&["append"], &events(300, 1), 0, &["1 event"], &[]);
}
