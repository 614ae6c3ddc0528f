//! An erased subject is gone from key, vault and every file, and every proof holds.

use std::path::{Path, PathBuf};

use append::Code;
use graven_entry::{Entry, Name};
use graven_merkle::{LeafIndex, leaf_hash, verify_inclusion};
use graven_note::{TlogProof, VerifierKey, open_checkpoint};

use super::{Because, Erased, erase, finish_erasures, set_hold, show_subject};
use crate::reveal::{Wanted, reveal};
use crate::sealing::tests::{Bench, EVENT, bench};

fn who() -> Name {
    Name::new("admin").expect("a name")
}

fn because(who: &Name) -> Because<'_> {
    Because { who, reason: "ticket 7" }
}

fn wanted<'a>(bench: &'a Bench, index: LeafIndex, path: &'a str) -> Wanted<'a> {
    Wanted { log: &bench.log, index, path, may: &|_| true }
}

/// The value at a path, or the code of the refusal.
fn check_reveal(bench: &Bench, index: LeafIndex, path: &str, expected: Result<&str, Code>) {
    let name = who();
    let wanted = wanted(bench, index, path);
    let revealed = reveal(&bench.cell, &bench.sealing, wanted, because(&name));
    let found = revealed.as_ref().map(|r| std::str::from_utf8(&r.value_json).expect("text"));
    assert_eq!(found.map_err(|refusal| refusal.code), expected, "{path}");
}

fn check_proofs(bench: &Bench) {
    let info = bench.log.info();
    let keys: Vec<VerifierKey> = info.vkeys.iter().map(|key| key.parse().expect("a key")).collect();
    for index in (0..info.size.0).map(LeafIndex) {
        let entry = bench.log.entry(index).expect("an entry");
        let proof =
            TlogProof::parse(bench.log.proof(index).expect("a proof").as_bytes()).expect("parses");
        let opened = open_checkpoint(&proof.checkpoint, info.origin.as_str(), &keys, &[]);
        let head = opened.expect("signed").checkpoint;
        verify_inclusion(index, head.size, &leaf_hash(&entry), &proof.hashes, &head.root)
            .expect("proves");
    }
}

/// Actions and data of the entries of `system` with this action.
fn noted(bench: &Bench, action: &str) -> Vec<serde_json::Value> {
    let system = bench.cell.log("system").expect("is there");
    let entries = (0..system.info().size.0).map(|i| system.entry(LeafIndex(i)).expect("an entry"));
    let events = entries.map(|bytes| {
        let entry = Entry::parse(&bytes).expect("well-formed");
        assert!(entry.header.auth.is_log());
        serde_json::from_slice::<serde_json::Value>(entry.event).expect("JSON")
    });
    events.filter(|event| event["action"] == action).map(|event| event["data"].clone()).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(dir).expect("readable").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_value_is_revealed_with_a_reason_and_a_record() {
    let bench = bench("flag");
    let index = bench.append(EVENT, vec![]).expect("appended");
    check_reveal(&bench, index, "/changes/iban/before", Ok("\"DE111\""));
    check_reveal(&bench, index, "/changes/iban/after", Ok("\"DE222\""));
    check_reveal(&bench, index, "/changes/iban", Err(Code::NotFound));
    check_reveal(&bench, LeafIndex(0), "/changes/iban/after", Err(Code::NotFound));
    let notes = noted(&bench, "graven.reveal");
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert_eq!((&notes[0]["index"], &notes[0]["reason"]), (&index.0.into(), &"ticket 7".into()));
    assert!(!notes[0].to_string().contains("iban"), "a path may tell something: {}", notes[0]);
    let name = who();
    for reason in [String::new(), "x".repeat(1_025)] {
        let because = Because { who: &name, reason: &reason };
        let wanted = wanted(&bench, index, "/changes/iban/after");
        let refused = reveal(&bench.cell, &bench.sealing, wanted, because);
        assert_eq!(refused.expect_err("refused").code, Code::BadEvent);
    }
}

#[test]
fn an_erased_subject_is_gone_and_every_proof_holds() {
    let bench = bench("flag");
    let other = EVENT.replace("c-42", "c-43");
    let indexes =
        [EVENT, &other, EVENT].map(|event| bench.append(event, vec![]).expect("appended"));
    let keyring = std::fs::read(bench.data().join("keyring")).expect("readable");
    let key = bench.sealing.keyring.find("c-42").expect("it has a key");
    // What the vault and the keyring hold of the subject: none of it may be left.
    let at = keyring.windows(16).position(|part| part == key.0).expect("its slot");
    let mut secrets = vec![keyring[at + 52..at + 84].to_vec()];
    for sidecar in bench.log.sidecars(indexes[0]).expect("readable") {
        secrets.push(sidecar.bytes[90..122].to_vec());
    }
    let erased = erase(&bench.cell, &bench.sealing, "c-42", because(&who())).expect("erased");
    assert_eq!((erased.key, erased.values, erased.repeated), (key, 4, false));
    check_reveal(&bench, indexes[0], "/changes/iban/after", Err(Code::NotFound));
    check_reveal(&bench, indexes[1], "/changes/iban/after", Ok("\"DE222\""));
    check_proofs(&bench);
    for file in
        files(&bench.data()).iter().filter(|file| !file.starts_with(bench.data().join("journal")))
    {
        let bytes = std::fs::read(file).expect("readable");
        for secret in &secrets {
            let is_there = bytes.windows(secret.len()).any(|part| part == secret);
            assert!(!is_there, "{} still holds it", file.display());
        }
    }
    let notes = noted(&bench, "graven.erasure");
    assert_eq!((&notes[0]["op"], &notes[1]["op"]), (&"begin".into(), &"done".into()));
    assert_eq!(notes[1]["values"], 4);
    assert!(!format!("{notes:?}").contains("c-42"), "{notes:?}");
    let again = erase(&bench.cell, &bench.sealing, "c-42", because(&who())).expect("as before");
    assert_eq!(again, Erased { repeated: true, ..erased });
    let nobody = erase(&bench.cell, &bench.sealing, "c-44", because(&who())).expect_err("unknown");
    assert_eq!((nobody.code, nobody.field.as_deref()), (Code::NotFound, Some("subject")));
    assert_eq!(noted(&bench, "graven.erasure").len(), 2);
    let back = bench.append(EVENT, vec![]).expect("appended");
    assert_ne!(bench.sealing.keyring.find("c-42"), Some(key));
    check_reveal(&bench, back, "/changes/iban/after", Ok("\"DE222\""));
    assert_eq!(finish_erasures(&bench.cell, &bench.sealing, &who()).expect("nothing to do"), 0);
    check_reveal(&bench, back, "/changes/iban/after", Ok("\"DE222\""));
}

#[test]
fn a_start_finishes_what_was_cut_off_and_destroys_again() {
    let mut bench = bench("flag");
    let index = bench.append(EVENT, vec![]).expect("appended");
    let path = bench.data().join("keyring");
    let old = std::fs::read(&path).expect("readable");
    erase(&bench.cell, &bench.sealing, "c-42", because(&who())).expect("erased");
    // An old keyring is put back.
    std::fs::write(&path, &old).expect("writable");
    bench.reopen();
    assert_eq!(finish_erasures(&bench.cell, &bench.sealing, &who()).expect("again"), 1);
    assert_eq!(bench.sealing.keyring.find("c-42"), None);
    assert_eq!(noted(&bench, "graven.erasure").len(), 2, "it was finished before");
    // Another begins, and is cut off behind its first entry.
    let index = bench.append(EVENT, vec![]).map_or(index, |index| index);
    let key = bench.sealing.keyring.find("c-42").expect("a new key");
    let data = serde_json::json!({"op": "begin", "keys": [key.to_string()]});
    super::record(&bench.cell, &who(), "graven.erasure", data).expect("recorded");
    bench.reopen();
    check_reveal(&bench, index, "/changes/iban/after", Ok("\"DE222\""));
    assert_eq!(finish_erasures(&bench.cell, &bench.sealing, &who()).expect("finished"), 1);
    check_reveal(&bench, index, "/changes/iban/after", Err(Code::NotFound));
    let notes = noted(&bench, "graven.erasure");
    assert_eq!((notes.len(), &notes[3]["values"]), (4, &2.into()));
    assert_eq!(finish_erasures(&bench.cell, &bench.sealing, &who()).expect("done"), 0);
    check_proofs(&bench);
}

#[test]
fn a_hold_blocks_erasure_and_is_told() {
    let mut bench = bench("flag");
    let index = bench.append(EVENT, vec![]).expect("appended");
    let path = bench.data().join("keyring");
    let unheld = std::fs::read(&path).expect("readable");
    let name = who();
    let hold = |bench: &Bench, is_held| {
        set_hold(&bench.cell, &bench.sealing, ("c-42", is_held), because(&name)).expect("known").1
    };
    assert_eq!([hold(&bench, true), hold(&bench, true)], [true, false]);
    let refused = |bench: &Bench| {
        let refused = erase(&bench.cell, &bench.sealing, "c-42", because(&name));
        assert_eq!(refused.expect_err("held").code, Code::Held);
        assert_eq!(noted(bench, "graven.erasure"), [] as [serde_json::Value; 0]);
        check_reveal(bench, index, "/changes/iban/after", Ok("\"DE222\""));
    };
    refused(&bench);
    let ops = |bench: &Bench| {
        let notes = noted(bench, "graven.hold").into_iter();
        notes.map(|note| note["op"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ops(&bench), ["set", "blocked"]);
    // A keyring of before the hold is put back.
    bench.cell.stop();
    std::fs::write(&path, &unheld).expect("writable");
    bench.reopen();
    finish_erasures(&bench.cell, &bench.sealing, &who()).expect("starts");
    refused(&bench);
    assert!(hold(&bench, false));
    erase(&bench.cell, &bench.sealing, "c-42", because(&who())).expect("released");
    assert_eq!(ops(&bench), ["set", "blocked", "blocked", "release"]);
    let unknown = set_hold(&bench.cell, &bench.sealing, ("c-42", true), because(&who()));
    assert_eq!(unknown.expect_err("gone").code, Code::NotFound);
}

#[test]
fn who_looks_for_a_subject_is_told_and_what_was_revealed_is_counted() {
    let bench = bench("flag");
    let index = bench.append(EVENT, vec![]).expect("appended");
    let name = who();
    let found = show_subject(&bench.cell, &bench.sealing, "anna@example.org", because(&name));
    let found = found.expect("has a key");
    let entry = bench.log.entry(index).expect("an entry");
    let entry = String::from_utf8(entry).expect("text");
    assert!(entry.contains(&format!("\"id\":\"{}\"", found.pseudonym)), "{entry}");
    let notes = noted(&bench, "graven.subject");
    assert_eq!(notes.len(), 1);
    assert!(!notes[0].to_string().contains("anna"), "{notes:?}");
    check_reveal(&bench, index, "/changes/iban/after", Ok("\"DE222\""));
    let erased = erase(&bench.cell, &bench.sealing, "c-42", because(&name)).expect("erased");
    assert_eq!((erased.revealed, erased.revealed_to.len()), (1, 1));
    let erased = erase(&bench.cell, &bench.sealing, "anna@example.org", because(&name));
    assert_eq!(erased.expect("erased").revealed, 0);
    let gone = show_subject(&bench.cell, &bench.sealing, "anna@example.org", because(&name));
    assert_eq!(gone.expect_err("gone").code, Code::NotFound);
}
