//! From nothing to an event that anyone can verify, by the steps of the README.

use serde_json::Value;

use super::fixture::{Fixture, event, events};

const CONSISTENT: &str = "internally consistent; freshness not checked";

#[test]
fn from_serve_to_a_proof_that_is_checked_offline() {
    let mut fixture = Fixture::empty();
    let said = fixture.serve(&[]);
    for snippet in [
        "verifier key",
        "logs/main/vkey",
        "admin.token",
        "listening on http://127.0.0.1:",
        "graven append",
    ] {
        assert!(said.contains(snippet), "{said} lacks {snippet}");
    }
    let own = fixture.json(&["log", "show"], 0)["size"].as_u64().unwrap();

    let summary = format!("appended 1 event to main: entry {own}");
    fixture.check_with(&["append"], &event(1), 0, &[&summary], &["!no id"]);
    let index = own.to_string();
    fixture.check(&["get", &index], 0, &[&event(1), "\"graven\":\"entry/v1\""], &[]);
    let proof = ["prove", &index, "--output", "e.tlog-proof", "--entry-output", "e.entry"];
    fixture.check(&proof, 0, &[], &["!not checked"]);
    std::fs::copy(fixture.path("graven-data/logs/main/vkey"), fixture.path("main.vkey")).unwrap();

    fixture.check(
        &["export", "--format", "ndjson", "--output", "main.ndjson"],
        0,
        &["main.ndjson"],
        &[],
    );
    fixture.check(&["export", "--format", "tiles", "--output", "tiles"], 0, &["tiles"], &[]);
    fixture.check(&["verify", &fixture.url()], 0, &[CONSISTENT, "agrees with itself"], &[]);
    // A running server's directory is verified without its lock.
    fixture.check(&["verify", "graven-data"], 0, &[CONSISTENT, "main", "system"], &[]);
    fixture.stop();
    assert!(!fixture.path("graven-data/server.url").exists());

    let verify = ["verify", "e.tlog-proof", "--entry", "e.entry", "--vkey", "main.vkey"];
    fixture.check(&verify, 0, &[CONSISTENT, "given by you", "1 entry", "index 1"], &[]);
    for target in ["main.ndjson", "tiles", "graven-data"] {
        fixture.check(
            &["verify", target],
            0,
            &[CONSISTENT, "agrees with itself", "!verdict      OK"],
            &[],
        );
    }
    for target in ["main.ndjson", "tiles"] {
        let verify = ["verify", target, "--vkey", "main.vkey"];
        fixture.check(&verify, 0, &[CONSISTENT, "given by you"], &[]);
    }
}

#[test]
fn receipts_are_ndjson_and_repeat_for_the_same_events() {
    let fixture = Fixture::serving();
    fixture.write("a.ndjson", events(0, 1_500));
    fixture.write("b.ndjson", format!("\n{}\r\n\n", event(5_000)));
    let append = ["append", "a.ndjson", "b.ndjson", "--json"];
    let first = receipts(&fixture.check(&append, 0, &[], &[]).stdout);
    assert_eq!(first.len(), 1_501);
    let start = first[0]["index"].as_u64().unwrap();
    for (place, receipt) in first.iter().enumerate() {
        assert_eq!(receipt["index"], start + place as u64);
        assert_eq!((&receipt["ack"], &receipt["repeated"]), (&"local".into(), &Value::Null));
        assert_eq!(receipt["leaf_hash"].as_str().unwrap().len(), 44);
    }
    assert_eq!((&first[1_499]["file"], &first[1_499]["line"]), (&"a.ndjson".into(), &1_500.into()));
    assert_eq!((&first[1_500]["file"], &first[1_500]["line"]), (&"b.ndjson".into(), &2.into()));
    assert!(first[1_500]["checkpoint"].as_str().unwrap().contains("\u{2014} graven/"));

    let again = receipts(&fixture.check(&append, 0, &[], &[]).stdout);
    for (first, again) in first.iter().zip(&again) {
        assert_eq!((&first["index"], &first["time"]), (&again["index"], &again["time"]));
        assert_eq!(again["repeated"], true);
    }
    fixture.check(
        &["append", "a.ndjson"],
        0,
        &["1500 events", "1500 of them recorded before"],
        &[],
    );
}

#[test]
fn receipts_with_proofs_are_checked_as_they_come() {
    let fixture = Fixture::serving();
    let appended = fixture.check_with(&["append", "--proof", "--json"], &events(0, 3), 0, &[], &[]);
    for receipt in receipts(&appended.stdout) {
        assert!(receipt["proof"].as_str().unwrap().starts_with("c2sp.org/tlog-proof@v1\n"));
        assert!(receipt["header"].as_str().unwrap().starts_with("{\"graven\":\"entry/v1\""));
    }
    // A key that is not the log's makes every answer worthless.
    let foreign = "graven/x/main+00000000+AdAAAA==";
    fixture.check_with(&["append", "--vkey", foreign], &event(9), 2, &[], &["verifier key"]);
}

#[test]
fn a_restart_keeps_every_index() {
    let mut fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 20), 0, &[], &[]);
    let before = fixture.json(&["log", "show"], 0);
    let size = before["size"].as_u64().unwrap();
    let entry = fixture.check(&["get", "5"], 0, &[], &[]).stdout;
    fixture.stop();
    fixture.serve(&[]);
    let after = fixture.json(&["log", "show"], 0);
    assert_eq!((&after["root"], &after["origin"]), (&before["root"], &before["origin"]));
    assert_eq!(fixture.check(&["get", "5"], 0, &[], &[]).stdout, entry);
    let next = format!("entry {size}");
    fixture.check_with(&["append"], &event(100), 0, &[&next], &[]);

    // And so does a crash: what was acknowledged is there.
    fixture.kill();
    fixture.serve(&[]);
    let crashed = fixture.json(&["log", "show"], 0);
    assert_eq!(crashed["size"].as_u64().unwrap(), size + 1);
    fixture.check_with(&["append"], &event(100), 0, &[&next, "recorded before"], &[]);
    fixture.stop();
    fixture.check(&["verify", "graven-data"], 0, &[CONSISTENT], &[]);
}

fn receipts(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
