//! Published vectors: five small logs' checkpoints, proofs and witness requests.

#[path = "support/shared.rs"]
mod shared;

use std::fs;
use std::path::Path;
use std::slice::from_ref;

use graven_merkle::{Hash, LeafIndex, TreeSize, verify_consistency};
use graven_note::{
    AddCheckpoint, Algorithm, Note, Policy, TlogProof, VerifierKey, open_checkpoint,
};
use serde_json::Value;
use shared::shared;

const ORIGIN: &str = "example.com/audit/test";
/// When the witness of the vectors cosigned.
const COSIGNED_S: u64 = 1_679_315_147;
/// The sizes of the logs that there are vectors of.
const SIZES: [u64; 5] = [1, 5, 256, 600, 70_000];

#[test]
fn tlog_vectors() {
    let Some(dir) = shared("tlog_vectors", "vectors/tlog") else { return };
    for size in SIZES {
        check_log(&dir, size);
    }
}

/// Everything there is of the log of this size holds together.
fn check_log(dir: &Path, size: u64) {
    let file = |name: &str| {
        fs::read(dir.join(name)).unwrap_or_else(|error| panic!("{name}, size {size}: {error}"))
    };
    let json: Value =
        serde_json::from_slice(&file(&format!("vectors-{size}.json"))).expect("JSON vector");
    let log = vkey(&file("log.vkey"), Algorithm::Ed25519);
    let witness = vkey(&file("witness.vkey"), Algorithm::Ed25519Cosignature);
    assert_eq!((Some(&*log.to_string()), log.name().as_str()), (json["log_vkey"].as_str(), ORIGIN));
    assert_eq!(Some(&*witness.to_string()), json["witness_vkey"].as_str());

    let bytes = file(&format!("log-{size}/checkpoint"));
    let opened = open_checkpoint(&bytes, ORIGIN, from_ref(&log), from_ref(&witness));
    let opened = opened.expect("checkpoint");
    assert_eq!(opened.note.to_string().as_bytes(), bytes, "size {size}");
    assert_eq!(opened.checkpoint.to_text(), opened.note.text(), "size {size}");
    assert_eq!(opened.checkpoint.size, TreeSize(size));
    assert_eq!(opened.checkpoint.root, hash(&json["root"]), "size {size}");
    let times: Vec<_> = opened.verified.iter().map(|v| (v.key_index, v.timestamp_s)).collect();
    assert_eq!(times, [(0, None), (1, Some(COSIGNED_S))], "size {size}");

    let policy = format!("log {log}\nwitness w1 {witness}\nquorum w1\n");
    check_proof(&file(&format!("proof-{size}.tlog-proof")), &json, &policy);
    check_request(&file(&format!("add-checkpoint-{size}.txt")), &json, opened.note.text());
}

/// The tlog-proof is byte-stable and proves its leaf, and no other.
fn check_proof(bytes: &[u8], json: &Value, policy: &str) {
    let proof = TlogProof::parse(bytes).expect("proof");
    assert_eq!(proof.to_bytes(), bytes);
    assert_eq!(proof.to_string().as_bytes(), bytes);
    assert_eq!(Some(proof.index.0), json["index"].as_u64());
    assert_eq!(proof.hashes, hashes(&json["inclusion"]));
    let policy = Policy::parse(policy).expect("policy");
    let leaf = hash(&json["leaf_hash"]);
    let verdict = proof.verify(&leaf, ORIGIN, &[], Some(&policy)).expect("proof holds");
    let satisfied = verdict.policy.expect("there is a policy");
    assert_eq!(satisfied.oldest_timestamp_s, Some(COSIGNED_S));

    let mut elsewhere = proof.clone();
    elsewhere.index = LeafIndex(proof.index.0 + 1);
    elsewhere.verify(&leaf, ORIGIN, &[], Some(&policy)).expect_err("another index");
    proof.verify(&Hash::new([0; 32]), ORIGIN, &[], Some(&policy)).expect_err("another leaf");
}

/// The witness request is byte-stable and its proof leads to the checkpoint.
fn check_request(bytes: &[u8], json: &Value, text: &str) {
    let request = AddCheckpoint::parse(bytes).expect("request");
    assert_eq!(request.to_bytes(), bytes);
    assert_eq!(Some(request.old.0), json["old"].as_u64());
    assert_eq!(request.proof, hashes(&json["consistency"]));
    assert_eq!(Note::parse(&request.checkpoint).expect("note").text(), text);
    let size = TreeSize(json["n"].as_u64().expect("size"));
    let (old, new) = (hash(&json["root_old"]), hash(&json["root"]));
    verify_consistency(request.old, size, &old, &new, &request.proof).expect("consistent");
}

fn vkey(line: &[u8], algorithm: Algorithm) -> VerifierKey {
    let line = std::str::from_utf8(line).expect("vkey");
    let key: VerifierKey = line.trim_end().parse().expect("vkey");
    assert_eq!((format!("{key}\n").as_str(), key.algorithm()), (line, algorithm));
    key
}

fn hashes(json: &Value) -> Vec<Hash> {
    json.as_array().expect("list of hashes").iter().map(hash).collect()
}

/// A hash in hexadecimal.
fn hash(json: &Value) -> Hash {
    let digits = json.as_str().expect("hash");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal");
    assert_eq!(digits.len(), 64);
    Hash::new(std::array::from_fn(|index| byte(2 * index)))
}
