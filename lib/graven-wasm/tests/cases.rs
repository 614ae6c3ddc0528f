//! What each request is answered: the cases of `sdk/verify/test/cases.json`, which the package's own tests put to the
//! module as it is built for browsers.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

#[path = "../../graven-verify/tests/support/mod.rs"]
mod support;

use std::path::Path;

use graven_entry::{ToSeal, seal_event};
use graven_merkle::{
    Hash, LeafIndex, TreeSize, consistency_proof, inclusion_proof, inclusion_proof_of_many,
};
use graven_note::{Algorithm, Checkpoint, SigningKey, TlogProof};
use graven_verify::Results;
use graven_wasm::answer;
use serde_json::{Map, Value, json};
use support::*;

/// The fields of each request after origin, keys and policy, as `sdk/verify/index.js` sends them.
const FIELDS: &[(&str, &[&str])] = &[
    ("entry", &["entry", "proof", "disclosures"]),
    ("checkpoint", &["checkpoint"]),
    ("consistency", &["old", "new", "proof"]),
    ("results", &["results"]),
    ("keys", &["results"]),
];
/// The entry whose two values are sealed.
const SEALED: usize = 20;

/// One request and what is expected of it.
struct Case {
    name: &'static str,
    what: &'static str,
    arguments: Map<String, Value>,
    /// `ok`, or the kind of what is wrong.
    expected: &'static str,
}

/// The log of graven-verify's tests, with an entry more that holds sealed values.
fn sealed_log() -> (Log, Vec<String>) {
    let event = br#"{"actor":{"id":"a"},"action":"x","data":{"mail":"m","list":[1,2]}}"#;
    let values = [
        ToSeal { path: "/data/mail", salt: "lklxF5jMYlGTPUovMNIvCA" },
        ToSeal { path: "/data/list/0", salt: "nPuoQnkRFq3BIeAm7AnXFA" },
    ];
    let sealed = seal_event(event, &values).unwrap();
    let mut items = items();
    items.push(item("w", "token", String::from_utf8(sealed.event).unwrap()));
    (log_of(&items), sealed.disclosures)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// A case; the log's key is given where the arguments name no other.
fn case(name: &'static str, what: &'static str, arguments: Value, expected: &'static str) -> Case {
    let Value::Object(mut arguments) = arguments else { panic!("{name}: no object") };
    let default = |name: &str| match name {
        "origin" => json!(ORIGIN),
        _ => json!([log_key(2).verifier().to_string()]),
    };
    for name in ["origin", "vkeys"] {
        arguments.entry(name).or_insert_with(|| default(name));
    }
    Case { name, what, arguments, expected }
}

/// Entry 6 with its proof, after `spoil`.
fn entry_case(
    name: &'static str,
    spoil: fn(&mut String, &mut TlogProof),
    expected: &'static str,
) -> Case {
    case(name, "entry", entry_arguments(6, spoil), expected)
}

fn entry_arguments(index: usize, spoil: fn(&mut String, &mut TlogProof)) -> Value {
    let (log, _) = sealed_log();
    let leaf = LeafIndex(index as u64);
    let hashes = inclusion_proof(leaf, log.size(), &log.leaves()).unwrap();
    let checkpoint = log.checkpoint.clone();
    let mut proof = TlogProof { extra: None, index: leaf, hashes, checkpoint };
    let mut entry = text(log.entries[index].clone());
    spoil(&mut entry, &mut proof);
    json!({"entry": entry, "proof": text(proof.to_bytes())})
}

fn with(mut arguments: Value, name: &str, value: Value) -> Value {
    arguments[name] = value;
    arguments
}

fn entries() -> Vec<Case> {
    let good = || entry_arguments(6, |_, _| {});
    let sealed = || entry_arguments(SEALED, |_, _| {});
    let (_, disclosures) = sealed_log();
    let others: Vec<&String> = disclosures.iter().rev().collect();
    let witness = witness().verifier();
    let policy = format!("log {}\nwitness w {witness}\nquorum w\n", log_key(2).verifier());
    vec![
        entry_case("an entry", |_, _| {}, "ok"),
        entry_case("changed", |e, _| *e = e.replace("\"n\":1", "\"n\":2"), "leaf_mismatch"),
        entry_case("another one", |e, _| *e = text(log().entries[5].clone()), "wrong_index"),
        entry_case("nothing", |e, _| e.clear(), "leaf_mismatch"),
        entry_case("a hash less", |_, p| cut(&mut p.hashes), "leaf_mismatch"),
        entry_case("a hash changed", |_, p| p.hashes[1] = Hash::new([7; 32]), "leaf_mismatch"),
        entry_case("signed by another", |_, p| p.checkpoint = head(21, 7), "key_unknown"),
        entry_case("another tree", |_, p| p.checkpoint = head(20, 2), "leaf_mismatch"),
        entry_case("a root changed", |_, p| p.checkpoint = bad_root(), "signature_bad"),
        case("no proof", "entry", with(good(), "proof", json!("x")), "proof_malformed"),
        case("no keys", "entry", with(good(), "vkeys", json!([])), "key_unknown"),
        case("no key", "entry", with(good(), "vkeys", json!(["x"])), "bad_argument"),
        case("no origin", "entry", with(good(), "origin", json!("a b")), "bad_argument"),
        case("no policy", "entry", with(good(), "policy", json!("x")), "bad_argument"),
        case("another log", "entry", with(good(), "origin", json!("bcme/1")), "wrong_origin"),
        case("no witness", "entry", with(good(), "policy", json!(policy)), "policy_unmet"),
        case("sealed", "entry", sealed(), "ok"),
        case("opened", "entry", with(sealed(), "disclosures", json!(others)), "ok"),
        case("opened by another's", "entry", with(good(), "disclosures", json!(others)), MISMATCH),
    ]
}

const MISMATCH: &str = "disclosure_mismatch";

fn checkpoints() -> Vec<Case> {
    let of = |name, note: Vec<u8>, expected| {
        case(name, "checkpoint", json!({"checkpoint": text(note)}), expected)
    };
    let huge = Checkpoint::new(ORIGIN, TreeSize(1 << 53), Hash::new([7; 32])).unwrap();
    vec![
        of("a checkpoint", head(20, 2), "ok"),
        of("by another", head(20, 7), "key_unknown"),
        of("changed", bad_root(), "signature_bad"),
        of("cut", head(20, 2)[..90].to_vec(), "signature_bad"),
        of("too large to count", sign(&huge, &[log_key(2)]), "limit_exceeded"),
    ]
}

fn consistencies() -> Vec<Case> {
    let of = |name, old: Vec<u8>, new: Vec<u8>, proof: Vec<String>, expected| {
        let arguments = json!({"old": text(old), "new": text(new), "proof": proof});
        case(name, "consistency", arguments, expected)
    };
    let proof = |old, new| {
        let leaves = sealed_log().0.leaves();
        let proof = consistency_proof(TreeSize(old), TreeSize(new), &leaves).unwrap();
        proof.iter().map(Hash::to_string).collect::<Vec<_>>()
    };
    let forked = sign(&head_of(&log_of(&items()[..19]).entries[1..], 12), &[log_key(2)]);
    vec![
        of("grown", head(12, 2), head(20, 2), proof(12, 20), "ok"),
        of("the same", head(12, 2), head(12, 2), vec![], "ok"),
        of("from nothing", head(0, 2), head(12, 2), vec![], "ok"),
        of("shorter", head(20, 2), head(12, 2), proof(12, 20), "rollback"),
        of("another history", forked.clone(), head(20, 2), proof(12, 20), "fork"),
        of("another history, same size", forked, head(12, 2), vec![], "fork"),
        of("another proof", head(12, 2), head(20, 2), proof(11, 20), "fork"),
        of("no hash", head(12, 2), head(20, 2), vec!["x".into()], "proof_malformed"),
        of("the newer by another", head(12, 2), head(20, 7), proof(12, 20), "key_unknown"),
        of("the older by another", head(12, 7), head(20, 2), proof(12, 20), "key_unknown"),
    ]
}

/// A file of these entries.
fn file_of(indexes: &[u64]) -> String {
    let (log, _) = sealed_log();
    let indexes: Vec<LeafIndex> = indexes.iter().copied().map(LeafIndex).collect();
    let entry = |index: &LeafIndex| (*index, log.entries[index.0 as usize].clone());
    let entries = indexes.iter().map(entry).collect();
    let proof = inclusion_proof_of_many(&indexes, log.size(), &log.leaves()).unwrap();
    text(Results { entries, checkpoint: log.checkpoint, proof }.write())
}

/// The log's first key announces the second one at 11, and is retired at 13.
fn key_changes() -> Vec<Case> {
    let of = |name, indexes: &[u64], known: u8, expected| {
        let vkeys = [log_key(known).verifier().to_string()];
        case(name, "keys", json!({"vkeys": vkeys, "results": file_of(indexes)}), expected)
    };
    vec![
        of("keys changed", &[11, 13], 1, "ok"),
        of("not announced", &[13], 1, "key_unknown"),
        of("another known", &[11, 13], 7, "key_not_valid_then"),
    ]
}

fn all_results() -> Vec<Case> {
    let good = file_of(&[2, 6]);
    let of =
        |name, file: String, expected| case(name, "results", json!({"results": file}), expected);
    vec![
        of("results", good.clone(), "ok"),
        of("one changed", good.replace("\\\"n\\\":1", "\\\"n\\\":2"), "leaf_mismatch"),
        of("cut off", good[..good.rfind("{\"checkpoint\"").unwrap()].to_owned(), "missing_entry"),
        of("no results", "{}".to_owned(), "export_malformed"),
    ]
}

fn witness() -> SigningKey {
    SigningKey::from_seed("w".parse().unwrap(), Algorithm::Ed25519Cosignature, [1; 32])
}

fn head(size: usize, generation: u8) -> Vec<u8> {
    sign(&head_of(&sealed_log().0.entries, size), &[log_key(generation)])
}

/// A checkpoint whose size was changed after it was signed.
fn bad_root() -> Vec<u8> {
    text(head(20, 2)).replace("\n20\n", "\n21\n").into_bytes()
}

/// The request as bytes.
fn request(case: &Case) -> Vec<u8> {
    let (_, own) = FIELDS.iter().find(|(what, _)| *what == case.what).unwrap();
    let mut bytes = Vec::new();
    let mut field = |value: &str| {
        bytes.extend((value.len() as u32).to_be_bytes());
        bytes.extend(value.as_bytes());
    };
    field(case.what);
    for name in ["origin", "vkeys", "policy"].iter().chain(*own) {
        match case.arguments.get(*name) {
            None => field(""),
            Some(Value::Array(lines)) => {
                let lines: Vec<&str> = lines.iter().map(|line| line.as_str().unwrap()).collect();
                field(&lines.join("\n"));
            }
            Some(text) => field(text.as_str().unwrap()),
        }
    }
    bytes
}

#[test]
fn every_request_is_answered_and_the_package_has_the_same_cases() {
    let all = [entries(), checkpoints(), consistencies(), all_results(), key_changes()];
    let mut written = Vec::new();
    for case in all.iter().flatten() {
        let found: Value = serde_json::from_slice(&answer(&request(case))).unwrap();
        let kind = if found["ok"] == json!(true) { "ok" } else { found["kind"].as_str().unwrap() };
        assert_eq!(kind, case.expected, "{} {}: {found}", case.what, case.name);
        let Case { name, what, arguments, .. } = case;
        written.push(json!({
            "name": name, "what": what, "arguments": arguments, "answer": found,
        }));
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/verify/test/cases.json");
    let text = serde_json::to_string_pretty(&written).unwrap() + "\n";
    if std::env::var_os("GRAVEN_BLESS").is_some() {
        std::fs::write(&golden, &text).unwrap();
    }
    let found = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(found == text, "the cases changed; GRAVEN_BLESS=1 rewrites {}", golden.display());
}

#[test]
fn a_request_that_is_cut_off_is_a_bad_argument() {
    let whole = request(&entry_case("an entry", |_, _| {}, "ok"));
    for end in 0..whole.len() {
        let found: Value = serde_json::from_slice(&answer(&whole[..end])).unwrap();
        assert_eq!(
            (&found["ok"], &found["kind"]),
            (&json!(false), &json!("bad_argument")),
            "{end}"
        );
    }
    let found: Value = serde_json::from_slice(&answer(b"\0\0\0\x01x")).unwrap();
    assert!(found["detail"].as_str().unwrap().contains("`x`"), "{found}");
}
