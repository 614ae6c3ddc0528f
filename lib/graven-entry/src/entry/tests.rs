//! Tests of `entry`.

use super::*;
use crate::fixtures::{ATTESTATION, EVENTS, FULL_LINE, full_header};
use graven_merkle::leaf_hash;

fn built(event: &[u8], attestation: Option<&[u8]>) -> Result<Vec<u8>, EntryError> {
    let mut out = b"before".to_vec();
    let result = build_entry(&mut out, &full_header(), event, attestation);
    let added = out.split_off(6);
    assert_eq!(out, b"before");
    match result {
        Ok(length) => {
            assert_eq!(length, added.len());
            Ok(added)
        }
        Err(error) => {
            assert!(added.is_empty(), "nothing is left behind after an error");
            Err(error)
        }
    }
}

#[test]
fn golden_entry() {
    let event = EVENTS[2];
    let entry = built(event, Some(ATTESTATION.as_bytes())).unwrap();
    let event_text = std::str::from_utf8(event).unwrap();
    assert_eq!(entry, format!("{FULL_LINE}{event_text}\n{ATTESTATION}").as_bytes());
    // SHA-256(0x00 ‖ entry) from another implementation.
    assert_eq!(leaf_hash(&entry).to_string(), "SBFAoDXYdGMfXZuOYM9QFrFtCqkS+VxzIXMrlM5Z+/g=");

    let parts = EntryParts::split(&entry).unwrap();
    assert_eq!(parts.header_line, FULL_LINE.as_bytes());
    assert_eq!(parts.event_line, [event, b"\n"].concat());
    assert_eq!(parts.event(), event);
    assert_eq!(parts.attestation, Some(ATTESTATION.as_bytes()));

    let read = Entry::parse(&entry).unwrap();
    assert_eq!(read.header, full_header());
    assert_eq!(read.event, event);
    assert_eq!(read.attestation, Some(Attestation::parse(ATTESTATION.as_bytes()).unwrap()));
}

#[test]
fn an_entry_without_attestation() {
    let entry = built(EVENTS[0], None).unwrap();
    let read = Entry::parse(&entry).unwrap();
    assert_eq!((read.event, read.attestation), (EVENTS[0], None));
}

#[test]
fn parts_that_make_no_entry() {
    let large = [b"{", vec![b' '; EVENT_BYTES_MAX - 3].as_slice(), b"}"].concat();
    assert_eq!(built(&large, None).map(|entry| entry.len()), {
        Ok(FULL_LINE.len() + EVENT_BYTES_MAX)
    });
    let too_large = [&large, &b"}"[..]].concat();
    assert_eq!(
        built(&too_large, None),
        Err(EntryError::TooLarge {
            part: "event",
            length_bytes: EVENT_BYTES_MAX + 1,
            max_bytes: EVENT_BYTES_MAX
        })
    );
    assert_eq!(built(b"{\n}", None), Err(EntryError::EventBreak { position: 1 }));
    assert_eq!(built(b"{}\r", None), Err(EntryError::EventBreak { position: 2 }));
    for event in [&b""[..], b"{", b" {}", b"{} ", b"[]"] {
        assert_eq!(built(event, None), Err(EntryError::EventForm), "{event:?}");
    }
    assert_eq!(
        built(b"{}", Some(b"graven/stream/v1")),
        Err(EntryError::NoLineFeed { part: "attestation" })
    );
    assert_eq!(
        built(b"{}", Some(b"example\n")),
        Err(EntryError::Attestation(AttestationError::FirstLine))
    );
    let long = format!("graven/stream/v1\n{}\n", "x".repeat(ATTESTATION_BYTES_MAX));
    assert!(matches!(
        built(b"{}", Some(long.as_bytes())),
        Err(EntryError::TooLarge { part: "attestation", .. })
    ));
    let mut out = Vec::new();
    let header = Header { seq: None, ..full_header() };
    assert!(matches!(build_entry(&mut out, &header, b"{}", None), Err(EntryError::Header(_))));
}

/// Checks why bytes are refused as an entry.
fn check(entry: &str, expected: &str) {
    let start: String = entry.chars().take(600).collect();
    let error = Entry::parse(entry.as_bytes()).expect_err(&start);
    assert_eq!(error.to_string(), expected, "{start}");
}

#[test]
fn bytes_that_are_no_entry() {
    let header_error = "the entry's header can't be used";
    check("", header_error);
    check("\n\n", header_error);
    check("{}\n{}\n", header_error);
    check(FULL_LINE, "the entry's event does not end in a line feed");
    check(&format!("{FULL_LINE}{{}}"), "the entry's event does not end in a line feed");
    let form = "the event does not begin with '{' and end with '}'; trim the white space around it";
    check(&format!("{FULL_LINE}\n"), form);
    check(&format!("{FULL_LINE}{{}} \n"), form);
    check(
        &format!("{FULL_LINE}{{\r}}\n"),
        "the event holds a line break at byte 1; compact it first",
    );
    check(
        &format!("{FULL_LINE}{{}}\ngraven/stream/v1"),
        "the entry's attestation does not end in a line feed",
    );
    check(&format!("{FULL_LINE}{{}}\n\n"), "the entry's attestation can't be read");
    check(&format!("{FULL_LINE}{{}}\n{ATTESTATION}x\n"), "the entry's attestation can't be read");
    let large = "x".repeat(EVENT_BYTES_MAX);
    check(
        &format!("{FULL_LINE}{{{large}}}\n"),
        "the event has 57347 bytes with its line feeds; at most 57344 fit",
    );
    check(
        &format!("{FULL_LINE}{{}}\n{}\n", &large[..ATTESTATION_BYTES_MAX]),
        "the attestation has 6144 bytes with its line feeds; at most 6143 fit",
    );
    check(
        &format!("{FULL_LINE}{{}}\n{large}\n{}", &large[..8_000]),
        "the entry has 65741 bytes with its line feeds; at most 65535 fit",
    );
}

#[test]
fn an_entry_of_another_version_is_unsupported_first() {
    let line = FULL_LINE.replace("entry/v1", "entry/v2");
    for rest in ["", "no json\n", "{}\nnot an attestation", "{\r}\n"] {
        let entry = format!("{line}{rest}");
        let expected = HeaderError::Unsupported { version: "entry/v2".to_owned() };
        assert_eq!(Entry::parse(entry.as_bytes()), Err(EntryError::Header(expected)), "{rest}");
    }
}

#[test]
fn an_attestation_speaks_of_its_entry() {
    for (old, new, field) in [
        ("acme.example/prod", "acme.example/test", "origin"),
        ("\"stream\":\"billing-api/7f\"", "\"stream\":\"billing-api/7e\"", "stream"),
        ("\"stream\":\"billing-api/7f\",\"seq\":2,", "", "stream"),
        ("\"seq\":2", "\"seq\":3", "length"),
        ("\"seq\":2", "\"seq\":9007199254740991", "length"),
    ] {
        let line = FULL_LINE.replace(old, new);
        let entry = format!("{line}{{}}\n{ATTESTATION}");
        assert_eq!(
            Entry::parse(entry.as_bytes()),
            Err(EntryError::AttestationMismatch { field }),
            "{new}"
        );
    }
}
