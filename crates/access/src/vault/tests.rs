//! What was closed opens with its key, at its place, and nowhere else.

use env::SimRandom;
use graven_entry::Disclosure;

use super::{Class, ClosedValue, ToClose, VaultError, close};
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
    let value = ToClose { origin: ORIGIN, path: PATH, class: Class::Pii, disclosure };
    close(&keys(1), &value, &SimRandom::new(1)).unwrap()
}

#[test]
fn what_was_closed_opens() {
    for value in ["\"DE89\"", "null", "{\"x\":[1, 2]}"] {
        let disclosure = disclosure(value);
        let bytes = closed(&disclosure);
        let read = ClosedValue::parse(&bytes).unwrap();
        assert_eq!(read.key, KeyId([1; 16]));
        assert_eq!(read.digest(), graven_entry::disclosure_digest(&disclosure));
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
    let value = ToClose { origin: ORIGIN, path: PATH, class: Class::Pan, disclosure: &disclosure };
    let random = SimRandom::new(7);
    let [a, b] = [(); 2].map(|()| close(&keys(1), &value, &random).unwrap());
    assert_ne!(a[49..], b[49..]);
}

#[test]
fn a_path_that_is_too_long_is_refused() {
    let path = "/".repeat(crate::sealed_limits::LABEL_BYTES_MAX - 4);
    let disclosure = disclosure("1");
    let mut value =
        ToClose { origin: ORIGIN, path: &path, class: Class::Pii, disclosure: &disclosure };
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
