//! Receipts and proofs that hold, and such that do not.

use append::{Appended, Batch, Code, Receipt};
use graven_merkle::{Frontier, Hash, LeafIndex, TreeSize, leaf_hash, node_hash};
use graven_note::{Algorithm, Checkpoint, Note, SigningKey, TlogProof};

use super::fake::{Fake, Scripted};
use super::tails::{entries, entry};
use crate::{Client, ClientError, LogKeys};

const ORIGIN: &str = "example/log";

/// A log of two entries, what its server says of it, and a batch that appended the second.
struct Case {
    entries: Vec<Vec<u8>>,
    batch: Batch,
    receipt: Receipt,
    checkpoint: String,
    proof: String,
    header: String,
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(ORIGIN.parse().unwrap(), Algorithm::Ed25519, [seed; 32])
}

fn keys() -> LogKeys {
    LogKeys::parse(&format!("# of the tests\n\n{}\n", key(1).verifier())).unwrap()
}

fn signed(size: u64, root: Hash, signer: &SigningKey) -> String {
    let text = Checkpoint::new(ORIGIN, TreeSize(size), root).unwrap().to_text();
    let line = signer.sign_note(&text).unwrap();
    Note::new(text, vec![line]).unwrap().to_string()
}

fn proof(index: u64, hashes: Vec<Hash>, checkpoint: &str) -> String {
    let checkpoint = checkpoint.as_bytes().to_vec();
    TlogProof { extra: None, index: LeafIndex(index), hashes, checkpoint }.to_string()
}

fn case() -> Case {
    let entries = entries(ORIGIN, 2);
    let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let mut frontier = Frontier::new();
    for leaf in &leaves {
        frontier.push(*leaf);
    }
    assert_eq!(frontier.root(), node_hash(&leaves[0], &leaves[1]));
    let checkpoint = signed(2, frontier.root(), &key(1));
    let text = String::from_utf8(entries[1].clone()).unwrap();
    let (header, event) = text.trim_end().split_once('\n').unwrap();
    Case {
        batch: Batch { proof: true, ..Batch::of(vec![event.as_bytes().to_vec()]) },
        receipt: Receipt {
            index: LeafIndex(1),
            leaf_hash: leaves[1],
            time: "1970-01-01T00:00:00.000001001Z".to_owned(),
            ack: append::AckLevel::Local,
            repeated: false,
        },
        proof: proof(1, vec![leaves[0]], &checkpoint),
        header: header.to_owned(),
        checkpoint,
        entries,
    }
}

fn answer(case: &Case) -> Vec<u8> {
    let receipt = &case.receipt;
    serde_json::json!({ "checkpoint": case.checkpoint, "receipts": [{
        "index": receipt.index.0, "leaf_hash": receipt.leaf_hash.to_string(), "time": receipt.time,
        "ack": "local", "repeated": receipt.repeated, "header": case.header, "proof": case.proof,
    }]})
    .to_string()
    .into_bytes()
}

fn append(case: &Case, more: Vec<Scripted>) -> Result<Appended, ClientError> {
    let mut answers = vec![("200 OK", answer(case))];
    answers.extend(more);
    let fake = Fake::start(answers);
    let mut client = Client::new(&fake.url, None).unwrap();
    client.trust("main", keys());
    client.append("main", &case.batch)
}

/// Changes the good case; `expected` is the text of the error, or nothing where it still holds.
fn check(change: impl Fn(&mut Case), expected: Option<&str>) {
    let mut case = case();
    change(&mut case);
    match (append(&case, vec![]), expected) {
        (Ok(appended), None) => assert_eq!(appended.receipts, [case.receipt.clone()]),
        (Err(error @ ClientError::Unproved { .. }), Some(text)) => {
            assert!(error.to_string().contains(text), "{error} lacks {text}");
        }
        (result, expected) => panic!("{result:?}, expected {expected:?}"),
    }
}

#[test]
fn receipts_are_checked_against_the_key() {
    let root = Hash::new([9; 32]);
    check(|_| {}, None);
    check(|case| case.batch.events[0] = b"{ \"other\":1}".to_vec(), Some("not that of the event"));
    check(|case| case.receipt.leaf_hash = root, Some("proof of entry 1"));
    check(|case| case.receipt.index = LeafIndex(0), Some("another origin, index or time"));
    check(|case| case.receipt.index = LeafIndex(2), Some("covers only 2 entries"));
    check(|case| case.receipt.time.replace_range(..4, "1971"), Some("origin, index or time"));
    check(|case| case.checkpoint = signed(2, root, &key(2)), Some("the checkpoint does not hold"));
    check(|case| case.checkpoint = case.checkpoint.replace("\n2\n", "\n3\n"), Some("checkpoint"));
    check(|case| case.proof = proof(1, vec![root], &case.checkpoint), Some("proof of entry 1"));
    check(|case| case.proof = proof(0, vec![], &case.checkpoint), Some("the proof of entry 0"));
    check(|case| case.proof = "c2sp.org/tlog-proof@v1\n".to_owned(), Some("proof of entry 1"));
    check(|case| case.header.push(' '), Some("receipt of entry 1"));
}

#[test]
fn an_answer_without_the_proofs_that_were_asked_for_is_refused() {
    let case = case();
    let text = String::from_utf8(answer(&case)).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["receipts"][0].as_object_mut().unwrap().remove("proof");
    let fake = Fake::start(vec![("200 OK", value.to_string().into_bytes())]);
    let mut client = Client::new(&fake.url, None).unwrap();
    client.trust("main", keys());
    let error = client.append("main", &case.batch).unwrap_err();
    assert!(error.to_string().contains("none came"), "{error}");
}

#[test]
fn a_repeated_event_that_differs_is_read_back() {
    let mut repeated = case();
    repeated.receipt.repeated = true;
    // Sent with other white space around it, and a different attestation: only the entry can tell.
    repeated.batch.attestation = Some(b"another\n".to_vec());
    let entry_answer = ("200 OK", repeated.entries[1].clone());
    assert!(append(&repeated, vec![entry_answer]).is_ok());
    let false_entry = ("200 OK", repeated.entries[0].clone());
    let error = append(&repeated, vec![false_entry]).unwrap_err();
    assert!(error.to_string().contains("not the event that was sent"), "{error}");
}

fn check_entry(entry: Vec<u8>, proof: String, expected: Option<&str>) {
    let fake = Fake::start(vec![("200 OK", entry), ("200 OK", proof.into_bytes())]);
    let mut client = Client::new(&fake.url, None).unwrap();
    client.trust("main", keys());
    match (client.proved_entry("main", LeafIndex(1)), expected) {
        (Ok(proved), None) => assert!(proved.is_verified),
        (Err(error), Some(text)) => assert!(error.to_string().contains(text), "{error}"),
        (result, expected) => panic!("{result:?}, expected {expected:?}"),
    }
}

#[test]
fn entries_are_checked_against_their_proof() {
    let case = case();
    let prev = leaf_hash(&case.entries[0]);
    let other = entry(ORIGIN, 1, prev, b"{\"actor\":{},\"action\":\"x\"}");
    let foreign = entry("example/other", 1, prev, b"{\"actor\":{},\"action\":\"x\"}");
    check_entry(case.entries[1].clone(), case.proof.clone(), None);
    check_entry(other, case.proof.clone(), Some("the proof of entry 1 does not hold"));
    check_entry(foreign, case.proof.clone(), Some("its header says entry 1 of example/other"));
    check_entry(case.entries[0].clone(), case.proof.clone(), Some("its header says entry 0"));
    check_entry(b"no entry".to_vec(), case.proof, Some("entry 1 does not hold"));
}

fn check_keys(text: &str, expected: &str) {
    let why = LogKeys::parse(text).unwrap_err();
    assert!(why.contains(expected), "{why} lacks {expected}");
}

#[test]
fn key_files_are_read_strictly() {
    let other = SigningKey::from_seed("other".parse().unwrap(), Algorithm::Ed25519, [3; 32]);
    check_keys("", "no verifier key");
    check_keys("# nothing\n", "no verifier key");
    check_keys("example+zz", "line 1: ");
    check_keys(&format!("{}\n{}\n", key(1).verifier(), other.verifier()), "keys of two origins");
    let unproved = ClientError::unproved("x", Code::Busy);
    assert!(unproved.refusal().is_none());
}
