//! What was changed is found, and named by its first bad index.

use serde_json::Value;

use super::fixture::{Fixture, events};

/// A log of 600 events, exported both ways.
fn exported() -> Fixture {
    let mut fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 600), 0, &[], &[]);
    fixture.check(&["export", "--format", "ndjson", "--output", "good.ndjson"], 0, &[], &[]);
    fixture.check(&["export", "--format", "tiles", "--output", "tiles"], 0, &[], &[]);
    fixture.stop();
    fixture
}

/// Verifies a changed export; `what` is the fault's name and where it is.
fn check_lines(fixture: &Fixture, lines: &[String], expected: (&str, Option<u64>)) {
    fixture.write("bad.ndjson", lines.concat());
    let verdict = fixture.json(&["verify", "bad.ndjson", "--jobs", "3"], 1);
    assert_eq!(verdict["ok"], false);
    assert_eq!(named(&verdict), expected, "{verdict}");
    fixture.check(&["verify", "bad.ndjson"], 1, &["verdict      bad", expected.0], &[]);
}

#[test]
fn an_ndjson_export() {
    let fixture = exported();
    let good = fixture.read("good.ndjson");
    let lines: Vec<String> = good.lines().map(|line| format!("{line}\n")).collect();
    let change = |place: usize, from: &str, to: &str| {
        let mut lines = lines.clone();
        let changed = lines[place].replacen(from, to, 1);
        assert_ne!(changed, lines[place], "{from} is in the line");
        lines[place] = changed;
        lines
    };
    // The entry after a changed one disowns it, and is believed because its own successor vouches for it.
    let mut verdict = change(300, "invoice.update", "invoice.delete");
    check_lines(&fixture, &verdict, ("leaf_mismatch", Some(300)));
    verdict = lines.clone();
    verdict.remove(200);
    check_lines(&fixture, &verdict, ("wrong_index", Some(200)));
    verdict = lines.clone();
    verdict.swap(10, 11);
    check_lines(&fixture, &verdict, ("wrong_index", Some(10)));
    let last = lines.len() - 2;
    check_lines(
        &fixture,
        &change(last, "invoice.update", "invoice.delete"),
        ("root_mismatch", Some(last as u64)),
    );
    verdict = lines.clone();
    verdict.remove(last);
    check_lines(&fixture, &verdict, ("missing_entry", Some(last as u64)));
}

#[test]
fn exported_tiles() {
    let fixture = exported();
    let flip = |name: &str, byte: usize| {
        let path = fixture.path("tiles").join(name);
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        bad[byte] ^= 1;
        std::fs::write(&path, bad).unwrap();
        let verdict = fixture.json(&["verify", "tiles"], 1);
        std::fs::write(&path, good).unwrap();
        verdict
    };
    fixture.check(&["verify", "tiles"], 0, &["internally consistent"], &[]);
    assert_eq!(named(&flip("tile/0/000", 40)), ("leaf_mismatch", Some(1)));
    assert_eq!(named(&flip("tile/0/001", 0)), ("leaf_mismatch", Some(256)));
    assert_eq!(named(&flip("tile/1/000.p/2", 33)), ("tile_mismatch", Some(256)));
    let bundle = flip("tile/entries/001", 700);
    assert!(
        bundle["first_bad_index"].as_u64().is_some_and(|index| (256..=260).contains(&index)),
        "{bundle}"
    );
    assert_eq!(flip("checkpoint", 60)["ok"], false);
    std::fs::remove_file(fixture.path("tiles/tile/entries/001")).unwrap();
    let missing = fixture.json(&["verify", "tiles"], 1);
    assert_eq!(
        (&missing["what"], &missing["first_bad_index"]),
        (&"missing_entry".into(), &256.into())
    );
}

#[test]
fn a_data_directory() {
    let mut fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 600), 0, &[], &[]);
    fixture.stop();
    fixture.check(&["verify", "graven-data"], 0, &["internally consistent"], &[]);
    let files = ["journal", "logs"].map(|name| files_in(&fixture.path("graven-data").join(name)));
    for path in files.into_iter().flatten() {
        let good = std::fs::read(&path).unwrap();
        let Some(byte) = good.iter().position(|byte| *byte != 0) else { continue };
        for place in [byte, good.len() / 2, good.len().saturating_sub(1)] {
            let mut bad = good.clone();
            bad[place] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            let ran = fixture.run_with(&["verify", "graven-data", "--json"], "");
            assert_eq!(
                ran.exit,
                1,
                "a flipped bit at {place} of {} was not seen: {ran:?}",
                path.display()
            );
            let verdict: Value = serde_json::from_str(&ran.stdout).unwrap();
            assert_eq!(verdict["ok"], false);
        }
        std::fs::write(&path, &good).unwrap();
    }
    fixture.check(&["verify", "graven-data"], 0, &["internally consistent"], &[]);
}

#[test]
fn a_proof_and_its_entry() {
    let mut fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 10), 0, &[], &[]);
    let prove = [
        "prove",
        "5",
        "--output",
        "p",
        "--entry-output",
        "e",
        "--vkey",
        "graven-data/logs/main/vkey",
    ];
    fixture.check(&prove, 0, &[], &[]);
    fixture.check(&["prove", "6", "--output", "p6", "--entry-output", "e6"], 0, &[], &[]);
    let vkey = fixture.read("graven-data/logs/main/vkey").trim().to_owned();
    fixture.stop();
    let verify = |proof: &str, entry: &str, exit: i32, stdout: &[&str]| {
        fixture.check(&["verify", proof, "--entry", entry, "--vkey", &vkey], exit, stdout, &[]);
    };
    verify("p", "e", 0, &["given by you"]);
    verify("p", "e6", 1, &["bad"]);
    verify("p6", "e", 1, &["bad"]);
    fixture.write("bad", fixture.read("e").replace("invoice.update", "invoice.delete"));
    verify("p", "bad", 1, &["bad"]);
    fixture.write("cut", &fixture.read("p")[..200]);
    verify("cut", "e", 1, &["malformed"]);
    fixture.check(&["verify", "p", "--entry", "e"], 2, &[], &["give --vkey"]);
    fixture.check(&["verify", "p"], 2, &[], &["--entry"]);
    fixture.check(&["verify", "p", "--entry", "missing", "--vkey", &vkey], 3, &[], &["missing"]);
    let verdict = fixture.json(&["verify", "p", "--entry", "bad", "--vkey", &vkey], 1);
    assert_eq!(verdict["ok"], false);
}

/// The fault's name and the first bad index.
fn named(verdict: &Value) -> (&str, Option<u64>) {
    (verdict["what"].as_str().unwrap_or_default(), verdict["first_bad_index"].as_u64())
}

fn files_in(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}
