//! How commands end, and what is kept of them.

use std::process::Command;
use std::time::Duration;

use super::Stages;

/// Runs a shell script with a limit and compares how it ended and what it printed.
fn check(script: &str, limit: Duration, expected_good: bool, expected_output: &str) {
    let root = tempfile::tempdir().expect("a temporary folder");
    let stages = Stages::new(root.path()).expect("it can be written");
    let outcome = stages.run_limited("a step", Command::new("sh").args(["-c", script]), limit);
    let outcome = outcome.expect("there is a shell");
    assert_eq!(
        (outcome.good, outcome.output.as_str()),
        (expected_good, expected_output),
        "{script}"
    );
    let log = std::fs::read_to_string(root.path().join("target/xtask/a-step.log"));
    assert!(expected_output.starts_with(&log.expect("the log is kept")), "{script}");
}

#[test]
fn outcomes() {
    check("echo a; echo b >&2", Duration::MAX, true, "a\nb\n");
    check("echo a; exit 3", Duration::MAX, false, "a\n");
    check("echo a; kill $$", Duration::MAX, false, "a\n");
}

#[test]
fn what_takes_too_long_is_killed() {
    check(
        "echo a; exec sleep 600",
        Duration::from_millis(500),
        false,
        "a\n\nkilled: it took too long",
    );
}
