//! What was closed opens with its key, at its place, and nowhere else.

use env::SimRandom;
use graven_entry::{Disclosure, DisclosureDigest, disclosure_digest};

use super::{Class, ClosedBlob, ClosedValue, ToClose, VaultError, close, close_blob};
use crate::{KeyId, SubjectKeys};

const ORIGIN: &str = "acme.example/prod";
const PATH: &str = "/changes/iban/before";

fn keys(number: u8) -> SubjectKeys {
    SubjectKeys::new(KeyId([number; 16]), &[number; 32])
}

fn disclosure(value: &str) -> String {
    Disclosure::new("lklxF5jMYlGTPUovMNIvCA", Some("before"), value.as_bytes()).unwrap().encode()
}

fn closed(disclosure: &str) -> Vec<u8> {
    let digest = &DisclosureDigest::of(disclosure);
    let value = ToClose { origin: ORIGIN, path: PATH, class: Class::Pii, disclosure, digest };
    close(&keys(1), &value, &SimRandom::new(1)).unwrap()
}

#[test]
fn what_was_closed_opens() {
    for value in ["\"DE89\"", "null", "{\"x\":[1, 2]}"] {
        let disclosure = disclosure(value);
        let bytes = closed(&disclosure);
        let read = ClosedValue::parse(&bytes).unwrap();
        assert_eq!(read.key, KeyId([1; 16]));
        assert_eq!(read.digest(), disclosure_digest(&disclosure));
        let opened = read.open(&keys(1), ORIGIN).unwrap();
        assert_eq!(opened.disclosure, disclosure);
        assert_eq!((opened.path.as_str(), opened.class), (PATH, Class::Pii));
        assert!(!format!("{opened:?}").contains("DE89"));
    }
}

#[test]
fn neither_value_nor_name_nor_class_stands_in_clear() {
    let disclosure = disclosure("\"DE89\"");
    let bytes = closed(&disclosure);
    for clear in [&disclosure[10..20], "iban", "before", "pii", "DE89"] {
        let found = bytes.windows(clear.len()).any(|part| part == clear.as_bytes());
        assert!(!found, "{clear}");
    }
}

#[test]
fn every_bit_counts() {
    let disclosure = disclosure("\"DE89\"");
    let bytes = closed(&disclosure);
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 0x80 >> (bit % 8);
        let Ok(read) = ClosedValue::parse(&changed) else { continue };
        let opened = read.open(&keys(1), ORIGIN);
        // The key's id only says which key to take.
        let is_key_id = (8..17 * 8).contains(&bit);
        assert_eq!(opened.is_ok(), is_key_id, "bit {bit}: {opened:?}");
    }
    for end in 0..bytes.len() {
        let opened = ClosedValue::parse(&bytes[..end]).and_then(|read| read.open(&keys(1), ORIGIN));
        assert!(opened.is_err(), "cut at {end}");
    }
}

#[test]
fn another_key_or_place_does_not_open_it() {
    let bytes = closed(&disclosure("\"DE89\""));
    let read = ClosedValue::parse(&bytes).unwrap();
    for (number, origin) in [(2, ORIGIN), (1, "acme.example/test"), (1, "")] {
        assert_eq!(read.open(&keys(number), origin), Err(VaultError::Tampered), "{origin}");
    }
}

#[test]
fn the_same_value_is_never_closed_alike() {
    let disclosure = disclosure("1");
    let (disclosure, digest) = (disclosure.as_str(), &DisclosureDigest::of(&disclosure));
    let value = ToClose { origin: ORIGIN, path: PATH, class: Class::Pan, disclosure, digest };
    let random = SimRandom::new(7);
    let [a, b] = [(); 2].map(|()| close(&keys(1), &value, &random).unwrap());
    assert_ne!(a[49..], b[49..]);
}

#[test]
fn a_path_that_is_too_long_is_refused() {
    let path = "/".repeat(crate::sealed_limits::LABEL_BYTES_MAX - 4);
    let disclosure = disclosure("1");
    let (disclosure, digest) = (disclosure.as_str(), &DisclosureDigest::of(&disclosure));
    let (origin, path, class) = (ORIGIN, path.as_str(), Class::Pii);
    let mut value = ToClose { origin, path, class, disclosure, digest };
    assert!(close(&keys(1), &value, &SimRandom::new(1)).is_ok());
    value.class = Class::Secret;
    let refused = close(&keys(1), &value, &SimRandom::new(1));
    assert!(matches!(refused, Err(VaultError::TooLong { .. })));
}

#[test]
fn classes_have_their_names() {
    for class in Class::ALL {
        assert_eq!(Class::parse(class.as_str()), Some(class));
    }
    for name in ["", "PII", "pseudonym", "pii "] {
        assert_eq!(Class::parse(name), None, "{name}");
    }
}

#[test]
fn a_blob_opens_for_its_digest_and_origin_alone() {
    let digest = DisclosureDigest::of(&disclosure("\"DE89\""));
    let other = disclosure_digest(&disclosure("\"DE88\""));
    let bytes = close_blob(&keys(1), (ORIGIN, &digest), b"a scan", &SimRandom::new(1));
    assert!(!bytes.windows(4).any(|part| part == b"scan"));
    let open = |bytes: &[u8], key, origin, digest: &str| {
        ClosedBlob::parse(bytes).and_then(|closed| closed.open(&keys(key), origin, digest))
    };
    assert_eq!(open(&bytes, 1, ORIGIN, digest.as_str()), Ok(b"a scan".to_vec()));
    assert_eq!(open(&bytes, 2, ORIGIN, digest.as_str()), Err(VaultError::Tampered));
    assert_eq!(open(&bytes, 1, "acme.example/test", digest.as_str()), Err(VaultError::Tampered));
    assert_eq!(open(&bytes, 1, ORIGIN, &other), Err(VaultError::Tampered));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        // The key's id only says which key to take.
        assert_eq!(
            open(&changed, 1, ORIGIN, digest.as_str()).is_ok(),
            (1..17).contains(&at),
            "at {at}"
        );
        assert!(open(&bytes[..at], 1, ORIGIN, digest.as_str()).is_err(), "cut at {at}");
    }
}
