//! What is kept between runs: remembered heads, older checkpoints, progress, backups.

use std::time::Duration;

use serde_json::Value;

use super::fixture::{Fixture, events};

/// Looks for a checkpoint, 20 ms apart.
const LOOKS_MAX: u32 = 500;

fn export(fixture: &Fixture, name: &str) {
    fixture.check(&["export", "--format", "ndjson", "--output", name], 0, &[name], &[]);
}

/// The checkpoint at the end of an export, as the note it is.
fn checkpoint_of(fixture: &Fixture, name: &str) -> String {
    let text = fixture.read(name);
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    last["checkpoint"].as_str().unwrap().to_owned()
}

#[test]
fn a_remembered_head_betrays_rollback_and_fork() {
    let mut fixture = Fixture::empty();
    fixture.serve(&["--origin", "acme.example/main"]);
    fixture.check_with(&["append"], &events(0, 20), 0, &[], &[]);
    export(&fixture, "old");
    fixture.check_with(&["append"], &events(20, 20), 0, &[], &[]);
    export(&fixture, "new");
    let remember = |target: &str, exit: i32, stdout: &[&str]| {
        fixture.check(&["verify", target, "--remember", "heads"], exit, stdout, &[]);
    };
    remember("old", 0, &["freshness not checked"]);
    remember("new", 0, &["extends the checkpoint of size", "remembered heads"]);
    let heads = fixture.read("heads");
    remember("old", 1, &["rollback"]);
    assert_eq!(fixture.read("heads"), heads, "an alarm must not overwrite what it was raised by");
    fixture.stop();

    // The same origin, grown from nothing a second time: what a forger with the operator's help would show.
    std::fs::rename(fixture.path("graven-data"), fixture.path("first-data")).unwrap();
    fixture.serve(&["--origin", "acme.example/main"]);
    fixture.check_with(&["append"], &events(100, 60), 0, &[], &[]);
    export(&fixture, "forked");
    fixture.check(&["verify", "forked"], 0, &["internally consistent"], &[]);
    fixture.check(&["verify", "forked", "--remember", "heads"], 1, &["fork"], &[]);
    fixture.check(&["verify", "new", "--remember", "heads"], 0, &["remembered heads"], &[]);
    fixture.write("garbage", "{}");
    fixture.check(
        &["verify", "new", "--remember", "garbage"],
        2,
        &[],
        &["no memory of checkpoints"],
    );
}

#[test]
fn an_older_checkpoint_has_to_be_extended() {
    let fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 20), 0, &[], &[]);
    export(&fixture, "old");
    fixture.check_with(&["append"], &events(20, 300), 0, &[], &[]);
    export(&fixture, "new");
    fixture.write("since", checkpoint_of(&fixture, "old"));
    fixture.write("later", checkpoint_of(&fixture, "new"));
    fixture.check(
        &["verify", "new", "--since", "since"],
        0,
        &["extends the checkpoint", "since"],
        &[],
    );
    fixture.check(&["verify", "old", "--since", "later"], 1, &["rollback"], &[]);
    fixture.write("forged", checkpoint_of(&fixture, "old").replacen("\n21\n", "\n22\n", 1));
    fixture.check(&["verify", "new", "--since", "forged"], 1, &["fork"], &[]);
}

#[test]
fn a_verification_goes_on_where_it_ended() {
    let fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 500), 0, &[], &[]);
    export(&fixture, "old");
    fixture.check_with(&["append"], &events(500, 500), 0, &[], &[]);
    export(&fixture, "new");
    fixture.check(&["verify", "old", "--resume", "progress"], 0, &["freshness"], &["!going on"]);
    let resumed = ["verify", "new", "--resume", "progress"];
    fixture.check(&resumed, 0, &["earlier session"], &["going on from entry"]);
    let verdict = fixture.json(&["verify", "new"], 0);
    let again = fixture.json(&["verify", "new", "--resume", "progress"], 0);
    assert_eq!((&verdict["size"], &verdict["root"]), (&again["size"], &again["root"]));
    // New entries are checked however much was seen before.
    let lines = fixture.read("new");
    fixture.check(&["verify", "old", "--resume", "second"], 0, &[], &[]);
    fixture.write("bad", lines.replacen("e-900\\\"", "e-901\\\"", 1));
    fixture.check(&["verify", "bad", "--resume", "second"], 1, &["leaf_mismatch"], &[]);
    fixture.write("second", "garbage");
    fixture.check(&["verify", "new", "--resume", "second"], 2, &[], &["second"]);
}

/// Waits until the directory holds a signed checkpoint of this size: it is written down behind the entries.
fn wait_until_signed(fixture: &Fixture, size: &Value) {
    for _ in 0..LOOKS_MAX {
        if fixture.json(&["verify", "graven-data", "--log", "main"], 0)["size"] == *size {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("no checkpoint of size {size} was written down");
}

#[test]
fn a_backup_is_verified_and_restored_as_ended_logs() {
    let mut fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 300), 0, &[], &[]);
    let size = fixture.json(&["log", "show"], 0)["size"].clone();
    wait_until_signed(&fixture, &size);
    let backup = fixture.json(&["backup", "copy"], 0);
    assert_eq!(backup["ok"], true);
    for absent in ["admin.token", "server.url", "keys", "derived"] {
        assert!(!fixture.path("copy").join(absent).exists(), "{absent} is in the backup");
    }
    fixture.check(&["backup", "copy"], 2, &[], &["a backup is a new directory"]);
    let verdict = fixture.json(&["verify", "copy", "--log", "main"], 0);
    assert_eq!((&verdict["size"], &verdict["checked"]["entries"]), (&size, &size));
    fixture.check(&["restore", "copy"], 2, &[], &["restored into a new directory"]);
    fixture.stop();

    fixture.check(
        &["restore", "copy", "--data", "restored"],
        0,
        &["main"],
        &["read-only", "graven log succeed"],
    );
    fixture.serve(&["--data", "restored"]);
    let at = ["--data", "restored"];
    let with = |args: &[&'static str]| -> Vec<&str> { args.iter().copied().chain(at).collect() };
    fixture.check_with(&with(&["append"]), &events(900, 1), 3, &[], &["unavailable"]);
    fixture.check(&with(&["get", "5"]), 0, &["entry/v1"], &[]);
    fixture.stop();
    let succeeded = fixture.check(&with(&["log", "succeed", "main"]), 0, &["goes on as"], &[]);
    let successor =
        succeeded.stdout.split_whitespace().nth(4).unwrap().trim_end_matches(':').to_owned();
    fixture.serve(&["--data", "restored"]);
    let append = ["append", "--log", &successor, "--data", "restored"];
    fixture.check_with(&append, &events(0, 5), 0, &["5 events"], &[]);
    let opening =
        fixture.check(&["get", "0", "--log", &successor, "--data", "restored"], 0, &[], &[]);
    assert!(opening.stdout.contains("predecessor"), "{opening:?}");
}

#[test]
fn with_a_guard_a_whole_backup_goes_on_as_it_was() {
    let mut fixture = Fixture::empty();
    fixture.serve(&["--guard", "guard"]);
    fixture.check_with(&["append"], &events(0, 30), 0, &[], &[]);
    fixture.check(&["backup", "early"], 0, &["main"], &[]);
    fixture.check_with(&["append"], &events(30, 30), 0, &[], &[]);
    fixture.stop();
    fixture.check(&["backup", "whole"], 0, &["main"], &[]);
    for (backup, exit) in [("whole", 0), ("early", 3)] {
        let data = format!("{backup}-data");
        fixture.check(
            &["restore", backup, "--data", &data, "--guard", "guard"],
            0,
            &[],
            &["signing keys back"],
        );
        copy_folder(&fixture.path("graven-data/keys"), &fixture.path(&data).join("keys"));
        // Each on a guard of its own, as it was when the server stopped.
        std::fs::copy(fixture.path("guard"), fixture.path(&format!("{backup}-guard"))).unwrap();
        fixture.serve(&["--data", &data, "--guard", &format!("{backup}-guard")]);
        fixture.check_with(&["append", "--data", &data], &events(200, 1), exit, &[], &[]);
        fixture.stop();
    }
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
