//! What looks sensitive and is let pass leaves a mark, which does not repeat it.

use std::collections::BTreeMap;

use access::detect;
use graven_entry::{Entry, pointer};
use graven_merkle::LeafIndex;
use serde_json::{Value, json};

use super::{Findings, Row, event, place};
use crate::limits::{FINDING_PATH_BYTES_MAX, FINDINGS_ROWS_MAX};
use crate::sealing::tests::{EVENT, bench};

fn check(path: &str, expected: &str) {
    assert_eq!(place(path), expected, "{path}");
}

#[test]
fn a_path_is_told_without_what_it_may_give_away() {
    check("/data/note", "/data/note");
    check("/data/cards/17/number", "/data/cards/*/number");
    check("/data/4111 1111 1111 1111/x", "/data/*/x");
    check("/data/4111111111111111", "/data/*");
    check(&format!("/data/{}/x", "k".repeat(FINDING_PATH_BYTES_MAX)), "/data/*");
    check("", "");
}

#[test]
fn an_entry_has_room_for_the_longest_paths() {
    let rows =
        |n: usize| (format!("/{n}{}", "\u{1}".repeat(FINDING_PATH_BYTES_MAX)), "private_key");
    let rows: BTreeMap<Row, u64> =
        (0..=FINDINGS_ROWS_MAX).map(|n| (rows(n), u64::MAX / 1_000)).collect();
    let bytes = event(&"l".repeat(63), &rows);
    assert!(bytes.len() <= graven_entry::limits::EVENT_BYTES_MAX, "{}", bytes.len());
}

/// The marks in `system`.
fn told(bench: &crate::sealing::tests::Bench) -> Vec<Value> {
    let system = bench.cell.log("system").expect("is there");
    let entries = (0..system.info().size.0).map(|i| system.entry(LeafIndex(i)).expect("an entry"));
    let events = entries.filter_map(|bytes| {
        let entry = Entry::parse(&bytes).expect("well-formed");
        let action = pointer(entry.event, "/action");
        (action == Some(b"\"graven.finding\"".as_slice()))
            .then(|| serde_json::from_slice(entry.event).expect("JSON"))
    });
    events.collect()
}

#[test]
fn what_was_let_pass_is_told_once_with_counts() {
    let bench = bench("flag");
    let secret = "4111 1111 1111 1111";
    let event = EVENT.replace("1.0", &format!("[\"{secret}\",\"x\",\"{secret}\"]"));
    for _ in 0..2 {
        bench.append(&event, vec![]).expect("appended");
    }
    let write = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(bench.sealing.findings.write(&bench.cell));
    };
    assert_eq!(told(&bench), [] as [Value; 0]);
    write();
    write();
    let told = told(&bench);
    let found = json!({"values": 4, "found": [{"path": "/data/n/*", "kind": "card", "values": 4}]});
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["target"]["id"], &told[0]["data"]), (&json!("main"), &found));
    assert!(!told[0].to_string().contains("4111"), "{}", told[0]);
    let totals = BTreeMap::from([(("main".to_owned(), "card"), 4)]);
    assert_eq!(bench.sealing.findings.totals(), totals);
}

#[test]
fn more_places_than_an_entry_holds_are_counted_together() {
    let findings = Findings::new();
    let event = |n: usize| format!(r#"{{"k{n:03}":"4111111111111111"}}"#);
    for n in 0..FINDINGS_ROWS_MAX + 3 {
        findings.add("main", &detect(event(n).as_bytes()));
    }
    let waiting = findings.minutes.waiting();
    let rows = &waiting["main"];
    assert_eq!(rows.len(), FINDINGS_ROWS_MAX + 1);
    assert_eq!(rows[&("*".to_owned(), "other")], 3);
}
