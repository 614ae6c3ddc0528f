//! Tests of `extra`.

use super::*;
use crate::fixtures::{ATTESTATION, EVENTS, ORIGIN, STREAM, name, stream_key};

/// What proves event number `seq` of the fixtures.
fn extra(seq: usize) -> Extra {
    let before = EVENTS.iter().take(seq);
    let start = chain_start(&name(ORIGIN), &name(STREAM));
    Extra {
        chain: before.fold(start, |head, event| chain_next(&head, &event_hash(event))),
        following: EVENTS.iter().skip(seq + 1).map(|event| event_hash(event)).collect(),
        attestation: ATTESTATION.as_bytes().to_vec(),
    }
}

fn verify(extra: &Extra, seq: u64, event: &[u8]) -> Result<(), ExtraError> {
    let keys = [stream_key().verifier()];
    extra.verify_event(&name(ORIGIN), &name(STREAM), seq, event, &keys)
}

#[test]
fn every_event_is_proved_alone() {
    for (seq, event) in EVENTS.into_iter().enumerate() {
        let extra = extra(seq);
        assert_eq!(Extra::parse(&extra.to_bytes()), Ok(extra.clone()));
        assert_eq!(verify(&extra, seq as u64, event), Ok(()), "seq {seq}");
    }
}

#[test]
fn known_bytes() {
    let expected = format!(
        "graven/extra/v1\n6R6pEjpABOhmk9eJwzpf8unWcP6sBaKEoWil7FLpNRw=\n\
         Qf5O/m0VQn4cRH4w0jAsI/e+jPohpAkXwCc7XyYoLR0=\n\n{ATTESTATION}"
    );
    assert_eq!(String::from_utf8(extra(1).to_bytes()).unwrap(), expected);
}

#[test]
fn another_event_is_not_proved() {
    assert!(verify(&extra(1), 1, EVENTS[0]).is_err());
    assert!(verify(&extra(1), 0, EVENTS[1]).is_err());
    assert!(verify(&extra(1), 2, EVENTS[1]).is_err());
    assert_eq!(verify(&extra(1), u64::MAX, EVENTS[1]), Err(ExtraError::Seq { seq: u64::MAX }));
    assert_eq!(verify(&extra(1), 0, EVENTS[0]), Err(ExtraError::Start));
    let mut swapped = extra(0);
    swapped.following.reverse();
    assert!(verify(&swapped, 0, EVENTS[0]).is_err());
    let mut shorter = extra(0);
    shorter.following.pop();
    assert!(verify(&shorter, 0, EVENTS[0]).is_err());
    let other = name("billing-api/7e");
    let keys = [stream_key().verifier()];
    assert!(extra(1).verify_event(&name(ORIGIN), &other, 1, EVENTS[1], &keys).is_err());
    let error = extra(1).verify_event(&name(ORIGIN), &name(STREAM), 1, EVENTS[1], &[]);
    assert!(matches!(error, Err(ExtraError::Attestation(AttestationError::UnknownKey { .. }))));
}

#[test]
fn other_forms_are_refused() {
    let head = "6R6pEjpABOhmk9eJwzpf8unWcP6sBaKEoWil7FLpNRw=";
    assert_eq!(Extra::parse(b""), Err(ExtraError::FirstLine));
    assert_eq!(Extra::parse(b"graven/extra/v2\n"), Err(ExtraError::FirstLine));
    assert_eq!(Extra::parse(b"graven/extra/v1\n"), Err(ExtraError::End));
    assert_eq!(Extra::parse(b"graven/extra/v1\n\n"), Err(ExtraError::End));
    assert_eq!(Extra::parse(b"graven/extra/v1\n\xff\n\n"), Err(ExtraError::Utf8 { line: 2 }));
    assert_eq!(Extra::parse(format!("graven/extra/v1\n{head}\n").as_bytes()), Err(ExtraError::End));
    let broken = Extra::parse(format!("graven/extra/v1\n{head}\nabc\n\n").as_bytes());
    assert!(matches!(broken, Err(ExtraError::Hash { line: 3, .. })), "{broken:?}");
    let largest = format!("graven/extra/v1\n{}\n", format!("{head}\n").repeat(10_000));
    assert_eq!(Extra::parse(largest.as_bytes()).map(|extra| extra.following.len()), Ok(9_999));
    let larger = format!("graven/extra/v1\n{}\n", format!("{head}\n").repeat(10_001));
    assert_eq!(Extra::parse(larger.as_bytes()), Err(ExtraError::TooMany));
}
