//! Attacks on the store by someone who can write to the disk, each with what catches it.
//!
//! A rewritten entry with everything above it computed again, and a second history, are shown by the demo's tour
//! (`the_tour_detects_every_tampering` in `tests/cli/demo.rs`).

use std::fs;
use std::path::{Path, PathBuf};

use log::{Cell, CellOptions, Env};
use serde_json::Value;

use super::dice::{Dice, size};
use super::fixture::{Fixture, events};
use super::http::{Address, Connection};
use super::trial::copy_all;

/// Bytes of a journal's block; frames begin at blocks, with this (`docs/format.md`).
const BLOCK_BYTES: usize = 4096;
const FRAME_MAGIC: &[u8] = b"GRFR";
/// Entries that fill a sealed segment, and some more.
const SEALED_ENTRIES: u64 = 66_000;

/// A stopped directory with entries in parts and in the journal, and a state.
fn unloaded(entries: u64) -> Fixture {
    let mut fixture = Fixture::serving();
    for first in (0..entries).step_by(10_000) {
        fixture.check_with(
            &["append"],
            &events(first, entries.min(first + 10_000) - first),
            0,
            &[],
            &[],
        );
    }
    fixture.check_with(&["append", "--stream", "s"], &events(entries, 9), 0, &[], &[]);
    fixture.stop();
    let options = CellOptions::new(fixture.path("graven-data"));
    let (cell, _) = Cell::open(Env::real(), options).unwrap();
    cell.unload().unwrap();
    cell.stop();
    fixture.serve(&[]);
    fixture.check_with(&["append"], &events(entries + 9, 300), 0, &[], &[]);
    fixture.stop();
    fixture.check(&["verify", "graven-data"], 0, &["internally consistent"], &[]);
    fixture
}

/// Every file below `journal/` and `logs/`, sorted.
fn files(fixture: &Fixture) -> Vec<PathBuf> {
    let mut folders =
        ["journal", "logs"].map(|name| fixture.path("graven-data").join(name)).to_vec();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// The entries that a part or segment says in its name to hold.
fn range_of(path: &Path) -> Option<std::ops::Range<u64>> {
    let (first, count) = path.file_stem()?.to_str()?.split_once('-')?;
    let first = u64::from_str_radix(first, 16).ok()?;
    Some(first..first + count.parse::<u64>().ok()?)
}

/// Plain verification finds it; in a part it names an entry that the part holds.
fn check_found(fixture: &Fixture, path: &Path, what: &str) {
    let ran = fixture.run_with(&["verify", "graven-data", "--json"], "");
    let context = format!("{what} of {}: {ran:?}", path.display());
    assert_eq!(ran.exit, 1, "{context}");
    let verdict: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(verdict["ok"], false, "{context}");
    if let Some(range) = range_of(path) {
        let index = verdict["first_bad_index"].as_u64();
        assert!(index.is_some_and(|index| range.contains(&index)), "{context}");
    }
}

/// Flips a bit here and there in every file: of each kind of byte (first, last, zero, not zero) and at random.
fn flip_bits(fixture: &Fixture, dice: &mut Dice, places_a_file: u64) -> usize {
    let mut flips = 0;
    for path in files(fixture) {
        let good = fs::read(&path).unwrap();
        let used: Vec<usize> = (0..good.len()).filter(|place| good[*place] != 0).collect();
        let mut places = vec![0, good.len() - 1];
        places.extend(good.iter().position(|byte| *byte == 0));
        for _ in 0..places_a_file {
            // A journal file that was made ahead is all zero.
            if !used.is_empty() {
                places.push(used[dice.roll() as usize % used.len()]);
            }
            places.push(dice.roll() as usize % good.len());
        }
        for place in places {
            let mut bad = good.clone();
            let bit = dice.between(0, 7);
            bad[place] ^= 1 << bit;
            fs::write(&path, &bad).unwrap();
            check_found(fixture, &path, &format!("bit {bit} of byte {place}"));
            flips += 1;
        }
        fs::write(&path, &good).unwrap();
    }
    fixture.check(&["verify", "graven-data"], 0, &["internally consistent"], &[]);
    flips
}

#[test]
fn attack_any_bit_of_any_file() {
    let mut dice = Dice::of_row("attack bits");
    let fixture = unloaded(700);
    let flips = flip_bits(&fixture, &mut dice, size(5, 150));
    println!("attack bits: {flips} flips in {} files", files(&fixture).len());
}

#[test]
fn attack_any_bit_and_any_segment_of_a_sealed_log() {
    let mut dice = Dice::of_row("attack sealed");
    let fixture = unloaded(SEALED_ENTRIES);
    let is_sealed = |path: &PathBuf| path.extension().is_some_and(|text| text == "segment");
    assert_eq!(files(&fixture).into_iter().filter(is_sealed).count(), 1);
    let whole = fixture.json(&["verify", "graven-data"], 0);
    let flips = flip_bits(&fixture, &mut dice, size(1, 20));
    let (mut found, mut spared) = (0, 0);
    for path in files(&fixture).into_iter().filter(|path| range_of(path).is_some()) {
        let aside = fixture.path("aside");
        fs::rename(&path, &aside).unwrap();
        // What the journal holds still is not missing: then the log is there whole, to its last entry and root.
        let ran = fixture.run_with(&["verify", "graven-data", "--json"], "");
        if ran.exit == 0 && !is_sealed(&path) {
            let verdict: Value = serde_json::from_str(&ran.stdout).unwrap();
            assert_eq!((&verdict["size"], &verdict["root"]), (&whole["size"], &whole["root"]));
            spared += 1;
        } else {
            check_found(&fixture, &path, "the absence");
            found += 1;
        }
        fs::rename(&aside, &path).unwrap();
    }
    println!(
        "attack sealed: {flips} flips; of removed files {found} found, {spared} in the journal"
    );
}

/// An old state in the place of the newest: whole, signed, and found only by who knows more than the directory. `data`
/// holds it; `receipt` is a checkpoint that a producer got for an entry that it lacks.
fn check_rolled_back(fixture: &mut Fixture, data: &str, what: &str) {
    let plain = fixture.json(&["verify", data, "--log", "main"], 0);
    let not_checked = plain["not_checked"].to_string();
    assert!(not_checked.contains("freshness"), "{what}: {plain}");
    let remember = ["verify", data, "--log", "main", "--remember", "heads", "--json"];
    fixture.check(&remember, 1, &["\"rollback\""], &[]);
    let by_receipt = ["verify", data, "--log", "main", "--since", "receipt", "--json"];
    fixture.check(&by_receipt, 1, &["\"rollback\""], &[]);
    let said = fixture.serve(&["--data", data, "--guard", "guard", "--keys", "keys"]);
    assert!(said.contains("log main is read-only"), "{what}: {said}");
    let append = ["append", "--data", data];
    fixture.check_with(&append, &events(9_000, 1), 3, &[], &["unavailable"]);
    fixture.stop();
    println!("attack {what}: size {} passes alone, and is caught from outside", plain["size"]);
}

/// Zeroes frames from the journal's end until an entry is gone.
fn drop_tail(fixture: &Fixture, data: &str) {
    let entries = || {
        let verdict = fixture.json(&["verify", data, "--log", "main"], 0);
        verdict["checked"]["entries"].as_u64().unwrap()
    };
    let before = entries();
    let listed = fs::read_dir(fixture.path(data).join("journal")).unwrap();
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    // A server that ran for long enough has made the next file ahead: it has no frame yet.
    let with_frames = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap();
        let edges = (0..bytes.len()).step_by(BLOCK_BYTES);
        let edges: Vec<_> = edges.filter(|at| bytes[*at..].starts_with(FRAME_MAGIC)).collect();
        (!edges.is_empty()).then_some((path, bytes, edges))
    };
    let (path, mut bytes, edges) = paths.into_iter().rev().find_map(with_frames).unwrap();
    for edge in edges.into_iter().rev() {
        bytes[edge..].fill(0);
        fs::write(&path, &bytes).unwrap();
        if entries() < before {
            return;
        }
    }
    panic!("no frame of the last file holds an entry");
}

#[test]
fn attack_rollbacks_pass_alone_and_are_caught_from_outside() {
    let mut fixture = Fixture::empty();
    // A copy is made while it runs: nothing derived may come and go meanwhile, as in a snapshot it would not.
    let serve = ["--guard", "guard", "--keys", "keys", "--search", "off", "--sql", "off"];
    let said = fixture.serve(&serve);
    let address = Address::of(&said, &fixture.path("graven-data"));
    fixture.check_with(&["append"], &events(0, 30), 0, &[], &[]);
    fixture.check(&["backup", "backup"], 0, &["main"], &[]);
    // As a machine's snapshot would take it: while it runs.
    copy_all(&fixture.path("graven-data"), &fixture.path("snapshot"));
    for first in (30..60).step_by(10) {
        fixture.check_with(&["append"], &events(first, 10), 0, &[], &[]);
    }
    let posted = Connection::open(&address).unwrap().post(
        "/api/v1/logs/main/events",
        "application/json",
        events(60, 1).trim().as_bytes(),
    );
    let receipt: Value = serde_json::from_slice(&posted.unwrap().body).unwrap();
    fixture.write("receipt", receipt["checkpoint"].as_str().unwrap());
    fixture.stop();
    fixture.check(&["verify", "graven-data", "--remember", "heads"], 0, &[], &[]);
    copy_all(&fixture.path("graven-data"), &fixture.path("tail"));
    drop_tail(&fixture, "tail");
    check_rolled_back(&mut fixture, "tail", "tail dropped at a frame's edge");
    check_rolled_back(&mut fixture, "backup", "rollback to a backup");
    check_rolled_back(&mut fixture, "snapshot", "restored snapshot");
    // The control: what is whole is found good by all three.
    let good = ["verify", "graven-data", "--log", "main"];
    fixture.check(&[&good[..], &["--remember", "heads"]].concat(), 0, &[], &[]);
    fixture.check(&[&good[..], &["--since", "receipt"]].concat(), 0, &["extends"], &[]);
    let said = fixture.serve(&serve);
    assert!(!said.contains("read-only"), "{said}");
    fixture.check_with(&["append"], &events(61, 1), 0, &["1 event"], &[]);
}
