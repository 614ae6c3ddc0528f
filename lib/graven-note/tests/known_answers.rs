//! Bytes that must never drift: C2SP's own example, and what our keys of fixed seeds make.

#[path = "support/keys.rs"]
mod keys;

use graven_merkle::{EMPTY_ROOT, LeafIndex, TreeSize, leaf_hash};
use graven_note::{AddCheckpoint, Checkpoint, Note, SigningKey, TlogProof, VerifierKey};
use keys::{ORIGIN, log, witness, witness_pq};

#[test]
fn c2sp_example() {
    let vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let note = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6\
                TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let key: VerifierKey = vkey.parse().expect("vkey");
    assert_eq!((key.to_string().as_str(), key.name().as_str()), (vkey, "example.com/foo"));
    let parsed = Note::parse(note.as_bytes()).expect("note");
    assert_eq!(
        (parsed.to_string().as_str(), parsed.text()),
        (note, "This is an example message.\n")
    );
    let verified = parsed.verify(&[key]).expect("signature");
    assert_eq!((verified[0].key_index, verified[0].timestamp_s), (0, None));
}

#[test]
fn keys_do_not_drift() {
    check_key(
        &log(),
        "PRIVATE+KEY+example.com/log+9be5d3c6+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",
        "example.com/log+9be5d3c6+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
    );
    check_key(
        &witness(),
        "PRIVATE+KEY+witness.example/w1+df1c0a35+BAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC",
        "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU",
    );
    check_key(
        &witness_pq(),
        "PRIVATE+KEY+witness.example/pq+7030f2f4+BgMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD",
        "cuTKivAf26Dm14BTCPypsAmaaH7Ywk2yBMZO0NVULeM=",
    );
}

/// The key prints as `private` and `public` (in which a long key is its hash), and reads back.
fn check_key(key: &SigningKey, private: &str, public: &str) {
    assert_eq!(key.to_string(), private);
    let vkey = key.verifier().to_string();
    let shown =
        if vkey.len() > 200 { leaf_hash(vkey.as_bytes()).to_string() } else { vkey.clone() };
    assert_eq!(shown, public);
    let read: SigningKey = private.parse().expect("signing key");
    assert_eq!((read.verifier(), read.to_string()), (key.verifier(), private.to_owned()));
    assert_eq!(vkey.parse(), Ok(key.verifier()));
    let debug = format!("{key:?}");
    let seed = private.rsplit('+').next().expect("base64");
    assert!(debug.contains(&vkey) && !debug.contains(seed), "{debug}");
}

#[test]
fn signatures_do_not_drift() {
    let text = checkpoint().to_text();
    let (start, end) = (LeafIndex(4), LeafIndex(7));
    let subtree = witness_pq().cosign_subtree(ORIGIN, start, end, &leaf_hash(b"subtree"));
    let signatures = [
        (
            log().sign_note(&text),
            "\u{2014} example.com/log m+XTxucYSiNuRvCVt2ZOCAgI+6rbvdUZF/wq/FFzTxp5aOBmMzUYAu9M5FwOpTu763a3Dpg2vMM8zOWJAmshLUKn/wo=\n",
        ),
        (
            witness().cosign(&text, 1_679_315_147),
            "\u{2014} witness.example/w1 3xwKNQAAAABkGFDLAGfqPmNa/A8dExP0RSdiEJ81TVkKJNrSIlL1PTiiHx4zgiU5P+mSGSrdlxRyV6MSUmdTKK4AJRRoMULfUIwPCA==\n",
        ),
        (witness_pq().cosign(&text, 1_679_315_147), "afyQEnHq2636aQuSUUWcGMLANXqSOdoblQqIb14fMlY="),
        (witness_pq().cosign(&text, 0), "toCofEoTLj1K8WFQp9AuEsiXsBUFKYIUgfpBW2sBj0A="),
        (subtree, "yV/VSp8y0qNgd08Fo5oPK+PFy2Sk2UujIju6vlHYuP4="),
    ];
    for (signature, expected) in signatures {
        let line = signature.expect("signature").to_string();
        let shown = if line.len() > 200 { leaf_hash(line.as_bytes()).to_string() } else { line };
        assert_eq!(shown, expected);
    }
}

#[test]
fn texts_do_not_drift() {
    let text = checkpoint().to_text();
    assert_eq!(text, "example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
    let note = Note::new(text.clone(), vec![log().sign_note(&text).expect("signature")]);
    let note = note.expect("note").to_string();
    let mut proof = TlogProof {
        extra: Some(b"extra".to_vec()),
        index: LeafIndex(7),
        hashes: vec![EMPTY_ROOT, EMPTY_ROOT],
        checkpoint: note.clone().into_bytes(),
    };
    let hashes = format!("{EMPTY_ROOT}\n{EMPTY_ROOT}\n\n");
    let expected = format!("c2sp.org/tlog-proof@v1\nextra ZXh0cmE=\nindex 7\n{hashes}{note}");
    assert_eq!(proof.to_string(), expected);
    assert_eq!(TlogProof::parse(expected.as_bytes()), Ok(proof.clone()));
    proof.extra = None;
    proof.hashes.clear();
    assert_eq!(proof.to_string(), format!("c2sp.org/tlog-proof@v1\nindex 7\n\n{note}"));
    let request = AddCheckpoint {
        old: TreeSize(3),
        proof: vec![EMPTY_ROOT, EMPTY_ROOT],
        checkpoint: note.clone().into_bytes(),
    };
    let expected = format!("old 3\n{hashes}{note}").into_bytes();
    assert_eq!(request.to_bytes(), expected);
    assert_eq!(AddCheckpoint::parse(&expected), Ok(request));
}

fn checkpoint() -> Checkpoint {
    Checkpoint::new(ORIGIN, TreeSize(0), EMPTY_ROOT).expect("checkpoint")
}
