//! Signed notes and what is made of them.

use std::sync::OnceLock;

use graven_merkle::{LeafIndex, TreeSize, consistency_proof, inclusion_proof};
use graven_note::{
    AddCheckpoint, Algorithm, Checkpoint, Note, Policy, SigningKey, TlogProof, VerifierKey,
};

use super::{bytes_of, good_log};
use crate::sample;

/// When the sample's witness signs.
const TIME_S: u64 = 1_795_000_100;

/// A note prints back.
pub(super) fn note(bytes: &[u8]) -> bool {
    let Ok(note) = Note::parse(bytes) else { return false };
    assert_eq!(note.to_string().as_bytes(), bytes);
    let again = Note::new(note.text().to_owned(), note.signatures().to_vec());
    assert_eq!(again.as_ref(), Ok(&note));
    true
}

pub(super) fn notes() -> Vec<Vec<u8>> {
    let mut notes = cosigned();
    notes.push(b"a\n\nb\n\n\xe2\x80\x94 k AAAAAAE=\n".to_vec());
    notes
}

/// A verifier key has one spelling, and a signing key too.
pub(super) fn vkey(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let verifier = text.parse::<VerifierKey>().map(|key| key.to_string());
    let signer = text.parse::<SigningKey>().map(|key| key.to_string());
    let Ok(printed) = verifier.or(signer) else { return false };
    assert_eq!(printed, text);
    true
}

pub(super) fn vkeys() -> Vec<Vec<u8>> {
    let keys = signers();
    let both = keys.iter().flat_map(|key| [key.verifier().to_string(), key.to_string()]);
    both.map(String::into_bytes).collect()
}

/// A checkpoint prints back.
pub(super) fn checkpoint(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(checkpoint) = Checkpoint::parse(text) else { return false };
    assert_eq!(checkpoint.to_text(), text);
    true
}

pub(super) fn checkpoints() -> Vec<Vec<u8>> {
    let text = head().to_text();
    vec![format!("{text}extension 1\nextension 2\n").into_bytes(), text.into_bytes()]
}

/// Whatever is done to a signed note: where a signature holds, the text is the one that was signed.
pub(super) fn cosignature(bytes: &[u8]) -> bool {
    let Ok(note) = Note::parse(bytes) else { return false };
    let keys: Vec<VerifierKey> = signers().iter().map(SigningKey::verifier).collect();
    let Ok(verified) = note.verify(&keys) else { return false };
    assert_eq!(note.text(), head().to_text());
    for signature in verified {
        let time = (signature.algorithm != Algorithm::Ed25519).then_some(TIME_S);
        assert_eq!(signature.timestamp_s, time, "by {}", signature.name);
    }
    true
}

/// The log's key, and a witness for each algorithm of cosignatures.
fn signers() -> &'static [SigningKey; 3] {
    static SIGNERS: OnceLock<[SigningKey; 3]> = OnceLock::new();
    let witness = |name: &str, algorithm, seed| {
        SigningKey::from_seed(name.parse().expect("a key's name"), algorithm, [seed; 32])
    };
    SIGNERS.get_or_init(|| {
        [
            sample::log_key(2),
            witness("w1", Algorithm::Ed25519Cosignature, 51),
            witness("w2", Algorithm::MlDsa44, 52),
        ]
    })
}

fn head() -> &'static Checkpoint {
    static HEAD: OnceLock<Checkpoint> = OnceLock::new();
    HEAD.get_or_init(|| sample::head_of(&good_log().entries, 20))
}

/// A note over the head by a witness alone, and one by all.
fn policy_notes() -> &'static [Note; 2] {
    static NOTES: OnceLock<[Note; 2]> = OnceLock::new();
    NOTES.get_or_init(|| {
        let cosigned = cosigned();
        [&cosigned[2], &cosigned[0]].map(|note| Note::parse(note).expect("the sample is a note"))
    })
}

pub(super) fn cosigned() -> Vec<Vec<u8>> {
    let text = head().to_text();
    let lines: Vec<_> = signers()
        .iter()
        .map(|key| match key.algorithm() {
            Algorithm::Ed25519 => key.sign_note(&text),
            _ => key.cosign(&text, TIME_S),
        })
        .map(|line| line.expect("each key signs a checkpoint"))
        .collect();
    let note =
        |lines: &[_]| Note::new(text.clone(), lines.to_vec()).expect("lines differ").to_string();
    [&lines[..], &lines[..1], &lines[1..2], &lines[2..]]
        .map(|lines| note(lines).into_bytes())
        .into()
}

/// A proof prints back.
pub(super) fn proof(bytes: &[u8]) -> bool {
    let Ok(proof) = TlogProof::parse(bytes) else { return false };
    assert_eq!(proof.to_bytes(), bytes);
    true
}

pub(super) fn proofs() -> Vec<Vec<u8>> {
    let log = good_log();
    let index = LeafIndex(6);
    let hashes = inclusion_proof(index, log.size(), &log.leaves()).expect("6 is in the log");
    let extra = |extra| TlogProof {
        extra,
        index,
        hashes: hashes.clone(),
        checkpoint: log.checkpoint.clone(),
    };
    vec![extra(None).to_bytes(), extra(Some(b"anything".to_vec())).to_bytes()]
}

/// A policy means the same with a comment below it, and is satisfied only by the keys that signed.
pub(super) fn policy(bytes: &[u8]) -> bool {
    let Ok(policy) = Policy::parse(bytes) else { return false };
    let commented = [bytes, b"\n# and nothing more\n"].concat();
    assert_eq!(Policy::parse(&commented).as_ref(), Ok(&policy));
    let [witness_alone, all] = policy_notes();
    let verdict = policy.evaluate(all, head());
    let log = signers()[0].verifier();
    let names_log = policy.logs().iter().any(|named| named.key == log);
    assert!(!verdict.satisfied || names_log || policy.logs().is_empty());
    for name in &verdict.cosigned_by {
        let named = policy.witnesses().iter().find(|witness| witness.name == *name);
        let key = &named.expect("only those that the policy names").key;
        assert!(signers().iter().any(|signer| signer.verifier() == *key));
    }
    let verdict = policy.evaluate(witness_alone, head());
    assert!(!verdict.satisfied || policy.logs().is_empty(), "the log did not sign");
    true
}

pub(super) fn policies() -> Vec<Vec<u8>> {
    let [log, w1, w2] = signers().each_ref().map(|key| key.verifier().to_string());
    let mut policies = bytes_of(&["quorum none\n", "# nothing\n\nquorum none"]);
    policies.push(
        format!("log {log} https://log.example/\nwitness a {w1} https://w.example/\nquorum a\n")
            .into_bytes(),
    );
    policies.push(
        format!(
            "log {log}\nwitness a {w1}\nwitness b {w2}\ngroup g 1 a b\ngroup h all g\nquorum h\n"
        )
        .into_bytes(),
    );
    policies
}

/// A witness's request prints back.
pub(super) fn add_checkpoint(bytes: &[u8]) -> bool {
    let Ok(request) = AddCheckpoint::parse(bytes) else { return false };
    assert_eq!(request.to_bytes(), bytes);
    true
}

pub(super) fn add_checkpoints() -> Vec<Vec<u8>> {
    let log = good_log();
    let request = |old| {
        let proof = consistency_proof(TreeSize(old), log.size(), &log.leaves());
        let proof = proof.expect("it is shorter than the log");
        AddCheckpoint { old: TreeSize(old), proof, checkpoint: log.checkpoint.clone() }.to_bytes()
    };
    vec![request(0), request(9), request(20)]
}
