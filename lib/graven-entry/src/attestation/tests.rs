//! Tests of `attestation`.

use super::*;
use crate::fixtures::{ATTESTATION, ORIGIN, STREAM, name, stream_key};

const HEAD: &str = "9CiOp8fx+IEhFWvDaRzHn6YiNsJghB3Z+Vpm3+FLtfs=";

/// Verifies `bytes` as the attestation over the three events of the fixtures.
fn verify(bytes: &[u8], keys: &[VerifierKey]) -> Result<Attestation, AttestationError> {
    let (origin, stream, head) = (name(ORIGIN), name(STREAM), HEAD.parse().unwrap());
    let claim = Claim { origin: &origin, stream: &stream, length: 3, head: &head };
    Attestation::verify(bytes, &claim, keys)
}

#[test]
fn known_attestation() {
    let key = stream_key();
    let (origin, stream, head) = (name(ORIGIN), name(STREAM), HEAD.parse().unwrap());
    let claim = Claim { origin: &origin, stream: &stream, length: 3, head: &head };
    let made = Attestation::sign(&key, &claim).unwrap();
    assert_eq!(String::from_utf8(made).unwrap(), ATTESTATION);

    let read = verify(ATTESTATION.as_bytes(), &[key.verifier()]).unwrap();
    assert_eq!((read.origin, read.stream), (origin, stream));
    assert_eq!((read.length, read.head), (3, head));
    assert_eq!(read.key_id.to_string(), "a47d7296");
}

#[test]
fn a_changed_bit_is_refused() {
    let keys = [stream_key().verifier()];
    assert!(verify(ATTESTATION.as_bytes(), &keys).is_ok());
    for position in 0..ATTESTATION.len() {
        for bit in 0..8 {
            let mut bytes = ATTESTATION.as_bytes().to_vec();
            bytes[position] ^= 1 << bit;
            assert!(verify(&bytes, &keys).is_err(), "byte {position} bit {bit}");
        }
        assert!(verify(&ATTESTATION.as_bytes()[..position], &keys).is_err(), "cut at {position}");
    }
}

/// Replaces `old` in the attestation and expects an error that begins so.
fn check(old: &str, new: &str, expected: &str) {
    assert!(ATTESTATION.contains(old), "{old} must stand in the attestation");
    let error = verify(ATTESTATION.replacen(old, new, 1).as_bytes(), &[stream_key().verifier()]);
    let error = error.expect_err(new).to_string();
    assert!(error.starts_with(expected), "{old} -> {new}: {error}");
}

#[test]
fn other_forms_are_refused() {
    check("graven/stream/v1", "graven/stream/v2", "the attestation's first line");
    check("graven/stream/v1\n", "", "the attestation's first line");
    check("acme.example/prod", "7acme", "the attestation's origin is not valid");
    check("acme.example/prod", "graven/stream/v1", "the attestation's origin is not valid");
    check("acme.example/prod", "a b", "the attestation's origin is not valid");
    check("billing-api/7f", "", "the attestation's stream is not valid");
    check("\n3\n", "\n03\n", "the attestation's length is not");
    check("\n3\n", "\n0\n", "the attestation's length is not");
    check("\n3\n", "\n-3\n", "the attestation's length is not");
    check("\n3\n", "\n9007199254740993\n", "the attestation's length is not");
    check(HEAD, "9CiOp8fx", "the attestation's head");
    check(HEAD, "9CiOp8fx+IEhFWvDaRzHn6YiNsJghB3Z+Vpm3+FLtft=", "the attestation's head");
    check("tfs=\n", "tfs=\nmore\n", "the attestation's text is not exactly five lines");
    check("\n3\n", "\n", "the attestation's text is not exactly five lines");
    check("tfs=\n\n", "tfs=\n", "the attestation is not a signed note");
    check("— billing-api/7f", "— billing-api/7e", "the attestation is signed by key");
    check("wY=\n", "wY=\n— other AAAAAAAA\n", "the attestation has 2 signatures");
    check("pH1ylh", "pH1yl", "the attestation is not a signed note");
    check("\n3\n", "\n3\n\n", "the attestation's text is not exactly five lines");
}

#[test]
fn another_meaning_is_refused() {
    check("acme.example/prod", "acme.example/test", "the attestation's origin is acme");
    check("\n3\n", "\n4\n", "the attestation's length is 4, but 3 was expected");
    check(HEAD, "zksWIpB7CAxSgQhWbnvt7NWv/PgXFPMiZJhNCXIb9/U=", "the attestation's head is zk");
}

#[test]
fn keys_must_fit() {
    let bytes = ATTESTATION.as_bytes();
    let other = SigningKey::from_seed(STREAM.parse().unwrap(), Algorithm::Ed25519, [8; 32]);
    let renamed = SigningKey::from_seed("other".parse().unwrap(), Algorithm::Ed25519, [7; 32]);
    let cosigner =
        SigningKey::from_seed(STREAM.parse().unwrap(), Algorithm::Ed25519Cosignature, [7; 32]);
    for keys in [vec![], vec![other.verifier()], vec![renamed.verifier(), cosigner.verifier()]] {
        assert!(matches!(verify(bytes, &keys), Err(AttestationError::UnknownKey { .. })));
    }
    assert!(verify(bytes, &[other.verifier(), stream_key().verifier()]).is_ok());

    let (origin, stream, head) = (name(ORIGIN), name(STREAM), HEAD.parse().unwrap());
    let claim = Claim { origin: &origin, stream: &stream, length: 3, head: &head };
    assert_eq!(Attestation::sign(&cosigner, &claim), Err(AttestationError::Algorithm));
    assert_eq!(
        Attestation::sign(&renamed, &claim),
        Err(AttestationError::KeyName { key: "other".to_owned() })
    );
}

#[test]
fn another_type_of_signature_is_refused() {
    // 4 bytes of key id, then 72 bytes: the length of a cosignature with its timestamp.
    let start = ATTESTATION.find("— ").unwrap();
    let long = format!("{}— {STREAM} {}\n", &ATTESTATION[..start], "A".repeat(100) + "AA==");
    assert_eq!(Attestation::parse(long.as_bytes()), Err(AttestationError::Algorithm));
}

#[test]
fn sizes_have_limits() {
    let bytes = vec![b'\n'; ATTESTATION_BYTES_MAX + 1];
    let expected = AttestationError::TooLarge { length_bytes: ATTESTATION_BYTES_MAX + 1 };
    assert_eq!(Attestation::parse(&bytes), Err(expected));
    // The largest that any claim can give fits.
    let longest = "n".repeat(255);
    let key = SigningKey::from_seed(longest.parse().unwrap(), Algorithm::Ed25519, [1; 32]);
    let (name, head) = (Name::origin(&longest).unwrap(), HEAD.parse().unwrap());
    let claim = Claim { origin: &name, stream: &name, length: INTEGER_MAX + 1, head: &head };
    let made = Attestation::sign(&key, &claim).unwrap();
    assert!(made.len() <= ATTESTATION_BYTES_MAX);
    assert!(Attestation::verify(&made, &claim, &[key.verifier()]).is_ok());
}
