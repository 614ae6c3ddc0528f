//! `graven search`: the exit codes, the lines, the pages, and an index that comes and goes.

use std::fs;
use std::path::PathBuf;

use graven_entry::Entry;
use graven_merkle::LeafIndex;
use index::{Derived as _, Index};
use serde_json::Value;

use super::fixture::{Fixture, events};

/// What a search finds, without what depends on the moment.
fn found(fixture: &Fixture, query: &str) -> (Value, Value) {
    let answer = fixture.json(&["search", query, "--wait", "--limit", "1000"], 0);
    (answer["total"].clone(), answer["results"].clone())
}

#[test]
fn found_is_0_nothing_1_and_a_bad_query_2_with_a_mark_under_it() {
    let fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 5), 0, &[], &[]);
    let ran = fixture.check(
        &["search", "actor:u-3", "--wait"],
        0,
        &["  u-3  invoice.update  -  -\n"],
        &["!of"],
    );
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:#?}");
    fixture.check(&["search", "actor:nobody", "--wait"], 1, &["!actor"], &[]);
    fixture.check(
        &["search", "outcome:x acter:alice"],
        2,
        &[],
        &["did you mean `actor`?", "\n  outcome:x acter:alice\n            ^\n"],
    );
    fixture.check(&["search", "\u{fc} acter:x"], 2, &[], &["\n  \u{fc} acter:x\n    ^\n"]);
    fixture.check(&["search", "x", "--facets", "acter"], 2, &[], &["actor.id", "!^"]);
    fixture.check(&["search", "x", "--log", "missing"], 1, &[], &["not_found"]);
    let ran = fixture.check(
        &["search", "*", "--limit", "2", "--facets", "actor.id"],
        0,
        &["\nactor.id\n"],
        &["2 of"],
    );
    assert!(ran.stdout.contains("       1  u-4\n"), "{ran:#?}");
}

#[test]
fn json_has_all_pages_in_one_answer() {
    let fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 600), 0, &[], &[]);
    let answer = fixture.json(
        &["search", "action:invoice.update", "--wait", "--limit", "1000", "--facets", "action"],
        0,
    );
    assert_eq!(answer["total"], 600);
    assert_eq!(
        (&answer["next"], &answer["facets"]["action"]["distinct"]),
        (&Value::Null, &1.into())
    );
    let results = answer["results"].as_array().unwrap();
    let numbers: Vec<u64> =
        results.iter().map(|one| one["event"]["data"]["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..600).rev().collect::<Vec<_>>());
    let answer = fixture.json(&["search", "action:invoice.update", "--limit", "300"], 0);
    assert_eq!(answer["results"].as_array().unwrap().len(), 300);
    assert!(answer["next"].is_string(), "there are more");
}

#[test]
fn a_tail_says_how_many_entries_a_policy_hides() {
    let fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 5), 0, &[], &[]);
    let made = fixture.json(&["token", "create", "rita", "--role", "reader"], 0);
    let token = made["token"].as_str().unwrap();
    fixture.write(
        "hide.cedar",
        r#"forbid(principal == Principal::"rita", action == Action::"read_entries", resource) when { context.event.actor == "u-1" || context.event.actor == "u-2" };"#,
    );
    fixture.check(&["access", "policy", "set", "hide", "hide.cedar"], 0, &[], &[]);
    let tail = ["tail", "--from", "1", "--count", "3"];
    let ran = fixture.run_in(&tail, "", &[("GRAVEN_TOKEN", token)]);
    assert_eq!((ran.exit, ran.stdout.lines().count()), (0, 3), "{ran:#?}");
    let note = "left out: 2 entries, which a policy hides from you";
    assert!(ran.stderr.contains(note), "{ran:#?}");
    // Whoever sees all of it is told nothing.
    fixture.check(&tail, 0, &["u-1"], &["!left out"]);
    // Nor is a state taken for the whole.
    let state = fixture.run_in(&["history", "x"], "", &[("GRAVEN_TOKEN", token)]);
    assert!(state.stderr.contains("what a policy hides from you"), "{state:#?}");
}

#[test]
fn a_tail_follows_what_a_query_finds() {
    let fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 30), 0, &[], &[]);
    let tail = ["tail", "--query", "actor:u-3", "--from", "0", "--count"];
    let ran = fixture.check(&[&tail[..], &["4"]].concat(), 0, &["  "], &["!left out"]);
    let n: Vec<&str> =
        ran.stdout.lines().map(|line| line.rsplit("\"n\":").next().unwrap()).collect();
    assert_eq!(n, ["3}}", "10}}", "17}}", "24}}"]);
    fixture.check(&["tail", "--query", "acter:x"], 2, &[], &["`actor`?", "\n  acter:x\n  ^\n"]);
}

/// Offline; files that are not what was proved are refused, and another log's key.
#[test]
fn results_are_proved_by_one_file_and_nothing_else_is() {
    let mut fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 40), 0, &[], &[]);
    let vkey = fixture.read("graven-data/logs/main/vkey").trim().to_owned();
    let prove = ["search", "actor:u-3", "--wait", "--prove", "--output", "found", "--json"];
    let ran = fixture.check(&prove, 0, &[], &["is proved to be in the log", "!not checked"]);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["results"].as_array().unwrap().len(), 6);
    fixture.stop();
    let verify = |name: &str, vkey: &str, exit: i32, stdout: &[&str]| {
        fixture.check(&["verify", name, "--vkey", vkey], exit, stdout, &[]);
    };
    let good = [
        "checked      6 entries",
        "verdict      each entry is in the log; freshness not checked",
        "not checked  absence and totals: whether these are all",
    ];
    verify("found", &vkey, 0, &good);
    fixture.check(&["verify", "found"], 2, &[], &["--vkey"]);
    let text = fixture.read("found");
    let lines: Vec<&str> = text.lines().collect();
    let (first, last) = (lines[1], lines[lines.len() - 1]);
    let proof = last.find("\"proof\":[\"").unwrap() + 10;
    let mut changed = last.to_owned();
    let other = if changed[proof..].starts_with('A') { "B" } else { "A" };
    changed.replace_range(proof..=proof, other);
    for (what, spoiled, expected) in [
        ("an entry changed", text.replacen("invoice.update", "invoice.delete", 1), "leaf_mismatch"),
        ("an entry dropped", text.replacen(&format!("{first}\n"), "", 1), "leaf_mismatch"),
        ("the proof changed", text.replacen(last, &changed, 1), "leaf_mismatch"),
        ("cut off", lines[..lines.len() - 1].join("\n"), "missing_entry"),
    ] {
        assert_ne!(spoiled, text, "{what}");
        fixture.write("spoiled", spoiled);
        verify("spoiled", &vkey, 1, &[expected, "!is in the log"]);
    }
    let other = fixture.read("graven-data/logs/system/vkey");
    verify("found", other.trim(), 1, &["wrong_origin"]);
}

#[test]
fn what_cannot_be_proved_makes_no_file() {
    let fixture = Fixture::serving();
    let prove = |query: &str, more: &[&str], exit: i32, stderr: &[&str]| {
        let args = [&["search", query, "--wait", "--prove"][..], more].concat();
        fixture.check(&args, exit, &[], stderr);
        assert!(!fixture.path("found").exists(), "{args:?}");
    };
    prove("actor:nobody", &["--output", "found"], 1, &["nothing to prove"]);
    prove("*", &["--output", "found", "--limit", "257"], 2, &["--limit 256"]);
    prove("*", &[], 2, &["--output"]);
    fixture.check_with(&["append"], &events(0, 3), 0, &[], &[]);
    let other = fixture.read("graven-data/logs/system/vkey");
    let key = ["--output", "found", "--vkey", other.trim()];
    prove("*", &key, 1, &["does not hold"]);
}

/// Puts an index in the place of that of `main` which takes the entries of an export as `told` has them.
fn doctor(fixture: &Fixture, export: &str, told: impl Fn(u64, String) -> String) {
    let derived = fixture.path("graven-data/derived/main");
    fs::remove_dir_all(&derived).unwrap();
    let lines: Vec<Value> =
        export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let entry = |line: &Value| line["entry"].as_str().unwrap().to_owned();
    let origin = Entry::parse(entry(&lines[0]).as_bytes()).unwrap().header.origin;
    let mut writer = Index::open(&derived, &origin).unwrap().writer();
    for line in &lines[..lines.len() - 1] {
        let index = line["index"].as_u64().unwrap();
        writer.take(LeafIndex(index), told(index, entry(line)).as_bytes()).unwrap();
    }
    writer.commit().unwrap();
}

#[test]
fn an_audit_says_what_the_index_left_out_and_invented() {
    let mut fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 60), 0, &[], &[]);
    let made = fixture.json(&["token", "create", "rita", "--role", "reader"], 0);
    // So that the newest checkpoint covers all.
    fixture.stop();
    fixture.serve(&[]);
    let audit = ["search", "actor:u-3 since:1h", "--wait", "--limit", "2", "--audit-completeness"];
    let good = [
        "  found      9 by the query's meaning, 9 by the index",
        "left out   nothing",
        "invented   nothing",
    ];
    fixture.check(&audit, 0, &[], &good);
    let answer = fixture.json(&audit, 0);
    assert_eq!(answer["results"].as_array().unwrap().len(), 2);
    let audited = &answer["audit"];
    assert_eq!((&audited["ok"], &audited["matching"]), (&true.into(), &9.into()));
    assert_eq!(
        (&audited["through"], &audited["size"]),
        (&answer["indexed_through"], &answer["indexed_through"])
    );
    // Whoever may not read the log whole cannot have it audited.
    let ran = fixture.run_in(&audit, "", &[("GRAVEN_TOKEN", made["token"].as_str().unwrap())]);
    assert!(ran.exit != 0 && ran.stderr.contains("forbidden"), "{ran:#?}");

    fixture.check(&["export", "--format", "ndjson", "--output", "all"], 0, &[], &[]);
    fixture.stop();
    let export = fixture.read("all");
    let index_of = |n: u64| {
        let line = export.lines().find(|line| line.contains(&format!("\\\"e-{n}\\\""))).unwrap();
        serde_json::from_str::<Value>(line).unwrap()["index"].as_u64().unwrap()
    };
    let (left_out, invented) = (index_of(10), index_of(11));
    doctor(&fixture, &export, |index, entry| match index {
        index if index == left_out => entry.replace("u-3", "u-5"),
        index if index == invented => entry.replace("u-4", "u-3"),
        _ => entry,
    });
    fixture.serve(&[]);
    let bad =
        [format!("left out   1 (index {left_out})"), format!("invented   1 (index {invented})")];
    fixture.check(&audit, 1, &[], &bad.each_ref().map(String::as_str));
    let audited = &fixture.json(&audit, 1)["audit"];
    assert_eq!(audited["left_out"]["first"][0], left_out);
    assert_eq!(
        (&audited["ok"], &audited["invented"]["first"][0]),
        (&false.into(), &invented.into())
    );
}

/// A file of a segment of the index of `main`.
fn segment_file(fixture: &Fixture) -> PathBuf {
    let folder = fixture.path("graven-data/derived/main/search");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut terms: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "term"))
        .collect();
    terms.sort();
    terms.pop().expect("a segment")
}

#[test]
fn an_index_that_is_gone_or_damaged_is_built_anew_and_answers_the_same() {
    let mut fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 300), 0, &[], &[]);
    let queries = ["actor:u-3", "data.n>250", "invoice.update -actor:u-1"];
    let before = queries.map(|query| found(&fixture, query));
    let same = |fixture: &Fixture| assert_eq!(queries.map(|query| found(fixture, query)), before);
    fixture.stop();

    fixture.serve(&[]);
    same(&fixture);
    fixture.kill();
    fixture.serve(&[]);
    same(&fixture);
    fixture.stop();

    fs::remove_dir_all(fixture.path("graven-data/derived")).unwrap();
    fixture.serve(&[]);
    same(&fixture);
    fixture.stop();

    let path = segment_file(&fixture);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&path, bytes).unwrap();
    fixture.serve(&[]);
    same(&fixture);
    assert!(fixture.path("graven-data/derived/main/search.set-aside").is_dir(), "it was set aside");
    // Nothing of this touches the log.
    fixture.stop();
    fixture.check(&["verify", "graven-data"], 0, &[], &[]);
}

#[test]
fn a_server_without_search_says_so_and_leaves_nothing() {
    let mut fixture = Fixture::empty();
    fixture.serve(&["--search", "off", "--sql", "off"]);
    fixture.check_with(&["append"], &events(0, 5), 0, &[], &[]);
    fixture.check(&["search", "x"], 3, &[], &["started without search"]);
    assert!(!fixture.path("graven-data/derived").exists());
    let admin = format!("Bearer {}", fixture.read("graven-data/admin.token").trim());
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let page = agent.get(fixture.url() + "/ui/logs/main").header("authorization", admin).call();
    let page = page.unwrap().body_mut().read_to_string().unwrap();
    assert!(page.contains("--search off") && page.contains("/log.js"), "{page}");
    fixture.stop();
    fixture.check(&["serve", "--search", "maybe"], 2, &[], &["on, off"]);
}
