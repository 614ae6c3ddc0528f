//! Other people's implementations read what we write, and write what we read.

#[path = "support/keys.rs"]
mod keys;

use graven_merkle::{EMPTY_ROOT, Hash, LeafIndex, TreeSize, leaf_hash};
use graven_note::{Algorithm, Checkpoint, Note, SigningKey, VerifierKey};
use keys::{ORIGIN, key, log, witness, witness_pq};
use metamorphic_log::note as metamorphic;

/// Texts that any note may have.
const TEXTS: [&str; 4] =
    ["a\n", "a\n\nb\n", "\n", "caf\u{e9} \u{2014} not a signature\n\n\u{2014} name AAAA\n"];

#[test]
fn signed_note_reads_our_notes() {
    for text in TEXTS {
        let note = Note::new(text.to_owned(), vec![log().sign_note(text).expect("signature")]);
        let bytes = note.expect("note").to_string().into_bytes();
        let theirs = signed_note::Note::from_bytes(&bytes).expect("their reading");
        assert_eq!((theirs.text(), theirs.to_bytes()), (text.as_bytes(), bytes));
        let verifier = signed_note::StandardVerifier::new(&log().verifier().to_string());
        let known = signed_note::VerifierList::new(vec![Box::new(verifier.expect("our vkey"))]);
        let (verified, others) = theirs.verify(&known).expect("our signature");
        assert_eq!((verified.len(), others.len()), (1, 0), "{text:?}");
    }
}

#[test]
fn we_read_the_notes_of_signed_note() {
    let signer = signed_note::StandardSigner::new(&log().to_string()).expect("our signing key");
    for text in TEXTS {
        let mut theirs = signed_note::Note::new(text.as_bytes(), &[]).expect("their note");
        theirs.add_sigs(&[&signer]).expect("their signature");
        let ours = Note::parse(&theirs.to_bytes()).expect("our reading");
        assert_eq!((ours.text(), ours.to_string().into_bytes()), (text, theirs.to_bytes()));
        ours.verify(&[log().verifier()]).expect("their signature");
        // Ed25519 is deterministic, so the very bytes are the same.
        assert_eq!(ours.signatures(), [log().sign_note(text).expect("signature")], "{text:?}");
    }
}

#[test]
fn metamorphic_reads_our_notes() {
    for checkpoint in checkpoints() {
        let text = checkpoint.to_text();
        for timestamp_s in [0, 1, 1_679_315_147, (1 << 63) - 1] {
            let signatures = vec![
                log().sign_note(&text).expect("signature"),
                log_pq().cosign(&text, timestamp_s).expect("signature"),
                witness().cosign(&text, timestamp_s).expect("signature"),
                witness_pq().cosign(&text, timestamp_s).expect("signature"),
            ];
            let ours = Note::new(text.clone(), signatures).expect("note").to_string();
            let theirs = metamorphic::SignedNote::parse(&ours).expect("their reading");
            let keys = [log(), log_pq(), witness(), witness_pq()];
            let verified = theirs.verify(&keys.map(|key| their_key(&key.verifier())));
            assert_eq!(verified.expect("our signatures").len(), 4, "{text:?} at {timestamp_s}");
            assert_eq!(theirs.marshal(), ours);
        }
    }
}

#[test]
fn we_read_the_notes_of_metamorphic() {
    for checkpoint in checkpoints() {
        let text = checkpoint.to_text();
        let signatures = vec![
            metamorphic::sign_ed25519(&text, ORIGIN, &[1; 32]),
            metamorphic::sign_cosignature_ed25519(&text, "witness.example/w1", &[2; 32], 17),
            metamorphic::sign_cosignature_mldsa44(&text, "witness.example/pq", &[3; 32], 18),
        ];
        let signatures = signatures.into_iter().collect::<Result<_, _>>().expect("signatures");
        let theirs = metamorphic::SignedNote::new(text, signatures).expect("their note").marshal();
        let ours = Note::parse(theirs.as_bytes()).expect("our reading");
        assert_eq!(ours.to_string(), theirs);
        let keys = [log(), witness(), witness_pq()].map(|key| key.verifier());
        let verified = ours.verify(&keys).expect("their signatures");
        let times: Vec<_> = verified.iter().map(|v| (v.key_index, v.timestamp_s)).collect();
        assert_eq!(times, [(0, None), (1, Some(17)), (2, Some(18))], "{theirs}");
    }
}

#[test]
fn metamorphic_and_we_sign_the_same_subtrees() {
    let hash = leaf_hash(b"subtree");
    for (start, end) in [(0, 1), (4, 8), (4, 7), (0, 5), (1 << 40, (1 << 40) + 3)] {
        let key = witness_pq();
        let name = key.name().as_str();
        let message = metamorphic::cosignature_v1_mldsa44_message(
            name,
            0,
            ORIGIN,
            start,
            end,
            hash.as_bytes(),
        );
        let message = message.expect("their message");
        let (start, end) = (LeafIndex(start), LeafIndex(end));

        let ours = key.cosign_subtree(ORIGIN, start, end, &hash).expect("our signature");
        let public_key = key.verifier().public_key().to_vec();
        let ours = &ours.signature[8..];
        let accepted = metamorphic_crypto::ml_dsa_44_verify(&public_key, &message, ours);
        assert!(accepted.expect("their verdict"), "[{start}, {end})");

        let theirs = metamorphic_crypto::ml_dsa_44_sign(&[3; 32], &message).expect("signature");
        let mut line = key.cosign_subtree(ORIGIN, start, end, &hash).expect("our signature");
        line.signature = [[0; 8].as_slice(), &theirs].concat();
        let timestamp_s = key.verifier().verify_subtree(ORIGIN, start, end, &hash, &line);
        assert_eq!(timestamp_s, Ok(0), "[{start}, {end})");
    }
}

/// The log's own ML-DSA-44 key, named by its origin.
fn log_pq() -> SigningKey {
    key(ORIGIN, Algorithm::MlDsa44, 4)
}

fn their_key(key: &VerifierKey) -> metamorphic::VerifierKey {
    let theirs = metamorphic::VerifierKey::parse(&key.to_string()).expect("our vkey");
    assert_eq!(theirs.encode(), key.to_string());
    theirs
}

fn checkpoints() -> Vec<Checkpoint> {
    let checkpoint = |size, root: Hash| Checkpoint::new(ORIGIN, TreeSize(size), root);
    [checkpoint(0, EMPTY_ROOT), checkpoint(1, leaf_hash(b"")), checkpoint(70_000, leaf_hash(b"x"))]
        .map(|checkpoint| checkpoint.expect("checkpoint"))
        .to_vec()
}
