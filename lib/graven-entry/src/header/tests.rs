//! Tests of `header`.

use super::*;
use crate::fixtures::{FULL_LINE, LEAST_LINE, full_header};

fn parse(line: &str) -> Result<Header, HeaderError> {
    Header::parse(line.as_bytes())
}

fn written(header: &Header) -> String {
    let mut out = Vec::new();
    header.write_to(&mut out);
    String::from_utf8(out).unwrap()
}

/// Replaces the one occurrence of `old` in the full line and expects a refusal in `field`.
fn check_refused(old: &str, new: &str, field: &str) {
    assert_eq!(FULL_LINE.matches(old).count(), 1, "{old} must stand once");
    let line = FULL_LINE.replace(old, new);
    match parse(&line) {
        Err(HeaderError::Malformed { field: found, position, .. }) => {
            assert_eq!(found, field, "{old} -> {new}");
            // The place named is not before the member that differs first.
            let bytes = FULL_LINE.bytes().zip(line.bytes());
            let same = bytes.take_while(|(a, b)| a == b).count();
            let member = FULL_LINE[..same].rfind(",\"").unwrap_or(0);
            assert!((member..=line.len()).contains(&position), "{old} -> {new}: {position}");
        }
        other => panic!("{old} -> {new}: {other:?}"),
    }
}

#[test]
fn golden_bytes() {
    assert_eq!(written(&full_header()), FULL_LINE);
    assert_eq!(parse(FULL_LINE), Ok(full_header()));
    let least = parse(LEAST_LINE).unwrap();
    assert_eq!(written(&least), LEAST_LINE);
    assert_eq!(least.prev, graven_merkle::EMPTY_ROOT);
    assert_eq!(least.auth, AuthMethod::log());
    assert_eq!((least.error_ns, least.wall, least.seq), (None, None, None));
}

#[test]
fn every_word_round_trips() {
    for grade in Grade::ALL {
        assert_eq!(Grade::from_word(grade.as_str()), Some(grade));
        let header = Header { grade, ..full_header() };
        assert_eq!(parse(&written(&header)), Ok(header));
    }
    for clock in [Clock::Synced, Clock::Unsynced, Clock::Held] {
        assert_eq!(Clock::from_word(clock.as_str()), Some(clock));
        let wall = full_header().wall.filter(|_| clock == Clock::Held);
        let header = Header { clock, wall, ..full_header() };
        assert_eq!(parse(&written(&header)), Ok(header));
    }
    let alterations =
        [vec![], vec![Altered::Compacted], vec![Altered::Sealed], full_header().altered];
    for altered in alterations {
        let header = Header { altered, ..full_header() };
        assert_eq!(parse(&written(&header)), Ok(header));
    }
    let header = Header { stream: None, seq: None, error_ns: None, ..full_header() };
    assert_eq!(parse(&written(&header)), Ok(header));
}

#[test]
fn integers_end_at_2_to_53() {
    let largest = Header {
        index: LeafIndex(INTEGER_MAX),
        seq: Some(INTEGER_MAX),
        error_ns: Some(INTEGER_MAX),
        ..full_header()
    };
    assert_eq!(largest.check(), Ok(()));
    assert_eq!(parse(&written(&largest)), Ok(largest));
    check_refused("1234067", "9007199254740992", "index");
    check_refused("812000", "9007199254740992", "error_ns");
    check_refused(":2,", ":9007199254740992,", "seq");
    check_refused("1234067", "18446744073709551616", "index");
    check_refused("1234067", "99999999999999999999999999999", "index");
}

#[test]
fn other_encodings_are_refused() {
    for (old, new, field) in [
        ("{\"graven\"", " {\"graven\"", "graven"),
        ("{\"graven\"", "{ \"graven\"", "graven"),
        ("\"graven\":", "\"Graven\":", "graven"),
        ("\"graven\":\"entry/v1\",", "", "graven"),
        ("entry/v1\",\"origin", "entry/v1\" ,\"origin", "graven"),
        ("entry/v1", "entry/v01", "graven"),
        ("entry/v1", "entry/v1.0", "graven"),
        ("entry/v1", "entry", "graven"),
        ("acme.example/prod", "", "origin"),
        ("acme.example/prod", "7acme", "origin"),
        ("acme.example/prod", "graven/stream/v1", "origin"),
        ("acme.example/prod", "acme\\u002eexample", "origin"),
        ("acme.example/prod", "acme example", "origin"),
        ("acme.example/prod", "acmé", "origin"),
        ("1234067", "01234067", "index"),
        ("1234067", "-1", "index"),
        ("1234067", "1.0", "time"),
        ("1234067", "1e3", "time"),
        ("1234067", "\"1\"", "index"),
        ("1234067", " 1", "index"),
        ("1234067", "", "index"),
        ("1234067", "null", "index"),
        ("22:55:01.123456789Z", "22:55:01.12345678Z", "time"),
        ("22:55:01.123456789Z", "22:55:01.1234567891Z", "time"),
        ("22:55:01.123456789Z", "25:55:01.123456789Z", "time"),
        ("held", "Held", "clock"),
        ("held", "", "clock"),
        ("\"held\"", "null", "clock"),
        ("held", "synced", "prev"),
        (",\"wall\":\"2026-11-20T22:55:00.000000001Z\"", "", "wall"),
        ("812000", "0812000", "error_ns"),
        (",\"error_ns\":812000", ",\"error_ns\":null", "error_ns"),
        ("812000,", "812000,\"error_ns\":812000,", "wall"),
        ("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", "BwcH", "prev"),
        ("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", "", "prev"),
        ("HBwc=", "HBwc", "prev"),
        ("HBwc=", "HBwd=", "prev"),
        ("HBwc=", "HBw-=", "prev"),
        ("CQ==", "CQ", "nonce"),
        ("CQ==", "CR==", "nonce"),
        ("CQkJCQkJCQkJCQkJCQkJCQ==", "CQkJCQkJCQkJCQkJCQkJ", "nonce"),
        ("CQkJCQkJCQkJCQkJCQkJCQ==", "CQkJCQkJCQkJCQkJCQkJCQkJ", "nonce"),
    ] {
        check_refused(old, new, field);
    }
}

#[test]
fn other_encodings_of_the_last_fields_are_refused() {
    for (old, new, field) in [
        ("\"writer\":\"billing-api\"", "\"writer\":\"\"", "writer"),
        ("\"writer\":\"billing-api\"", "\"writer\":\"a+b\"", "writer"),
        ("\"token\"", "\"Token\"", "auth"),
        ("\"token\"", "\"\"", "auth"),
        ("\"token\"", "\"a_b\"", "auth"),
        ("\"token\"", "\"012345678901234567890123456789012\"", "auth"),
        ("asserted", "Asserted", "grade"),
        ("asserted", "trusted", "grade"),
        ("asserted\",", "asserted\",\"grade\":\"asserted\",", "end"),
        ("\"stream\":\"billing-api/7f\",", "", "end"),
        (",\"seq\":2", "", "seq"),
        ("\"stream\":\"billing-api/7f\"", "\"stream\":\"\"", "stream"),
        ("\"seq\":2", "\"seq\":02", "seq"),
        ("\"seq\":2", "\"seq\":-2", "seq"),
        ("[\"compacted\",\"sealed\"]", "[]", "altered"),
        ("[\"compacted\",\"sealed\"]", "[\"sealed\",\"compacted\"]", "altered"),
        ("[\"compacted\",\"sealed\"]", "[\"sealed\",\"sealed\"]", "altered"),
        ("[\"compacted\",\"sealed\"]", "[\"compacted\", \"sealed\"]", "altered"),
        ("[\"compacted\",\"sealed\"]", "[\"signed\"]", "altered"),
        ("[\"compacted\",\"sealed\"]", "\"sealed\"", "end"),
        ("}\n", ",\"extra\":1}\n", "end"),
        ("}\n", " }\n", "end"),
        ("}\n", "}\r\n", "end"),
        ("}\n", "}", "end"),
        ("}\n", "}\n\n", "end"),
        ("}\n", "", "end"),
    ] {
        check_refused(old, new, field);
    }
}

#[test]
fn keys_stand_in_their_order() {
    // Every pair of neighbouring members swapped.
    let body = FULL_LINE.trim_end().trim_start_matches('{').trim_end_matches('}');
    let members: Vec<&str> = body.split(",\"").collect();
    let text = |members: &[&str]| format!("{{{}}}\n", members.join(",\""));
    // The split cuts inside `altered`'s array, whose last part stays where it is.
    assert_eq!(text(&members), FULL_LINE);
    for first in 0..members.len() - 2 {
        let mut swapped = members.clone();
        swapped.swap(first, first + 1);
        if first == 0 {
            // The first member has lost the quote before its key to the split of the others.
            continue;
        }
        assert!(parse(&text(&swapped)).is_err(), "{}", text(&swapped));
    }
    for doubled in 1..members.len() - 1 {
        let mut twice = members.clone();
        twice.insert(doubled, members[doubled]);
        assert!(parse(&text(&twice)).is_err(), "{}", text(&twice));
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let mut line = FULL_LINE.as_bytes().to_vec();
    let place = FULL_LINE.find("prod").unwrap();
    line[place] = 0xff;
    assert!(matches!(Header::parse(&line), Err(HeaderError::Malformed { field: "origin", .. })));
    for bytes in [&b""[..], b"\n", b"{}\n", b"{\"graven\":\"entry/v1\n", b"\xff\xfe"] {
        assert!(matches!(Header::parse(bytes), Err(HeaderError::Malformed { .. })), "{bytes:?}");
    }
}

#[test]
fn another_version_is_unsupported() {
    for version in ["entry/v2", "entry/v10", "entry/v999999999", "entry/v0"] {
        let expected = Err(HeaderError::Unsupported { version: version.to_owned() });
        assert_eq!(parse(&FULL_LINE.replace("entry/v1", version)), expected);
        // Whatever follows belongs to a format that is not known.
        assert_eq!(parse(&format!("{{\"graven\":\"{version}\",\"x\":[1, 2]}}\n")), expected);
        assert_eq!(parse(&format!("{{\"graven\":\"{version}\"{}", "x".repeat(5_000))), expected);
    }
    for version in ["entry/v", "entry/v02", "entry/v-2", "entry/v1234567890", "entries/v2", ""] {
        let line = FULL_LINE.replace("entry/v1", version);
        assert!(matches!(parse(&line), Err(HeaderError::Malformed { .. })), "{version}");
    }
}

#[test]
fn every_change_of_a_byte_is_seen() {
    // A changed byte is refused or gives another header: nothing has two encodings.
    for position in 0..FULL_LINE.len() {
        for bit in 0..8 {
            let mut line = FULL_LINE.as_bytes().to_vec();
            line[position] ^= 1 << bit;
            if let Ok(header) = Header::parse(&line) {
                assert_ne!(header, full_header(), "byte {position} bit {bit}");
                assert_eq!(written(&header).as_bytes(), line, "byte {position} bit {bit}");
            }
        }
        assert!(Header::parse(&FULL_LINE.as_bytes()[..position]).is_err(), "cut at {position}");
    }
}

#[test]
fn the_largest_header_fits() {
    let name = Name::origin(&"n".repeat(255)).unwrap();
    let header = Header {
        origin: name.clone(),
        index: LeafIndex(INTEGER_MAX),
        error_ns: Some(INTEGER_MAX),
        writer: name.clone(),
        auth: AuthMethod::new(&"a".repeat(32)).unwrap(),
        stream: Some(name),
        seq: Some(INTEGER_MAX),
        ..full_header()
    };
    let line = written(&header);
    assert!(line.len() <= HEADER_BYTES_MAX, "{}", line.len());
    assert_eq!(parse(&line), Ok(header));
    let long = FULL_LINE.replace("prod", &"p".repeat(HEADER_BYTES_MAX));
    assert_eq!(parse(&long), Err(HeaderError::TooLong { length_bytes: long.len() }));
}

#[test]
fn contradictions_are_refused() {
    let check = |header: Header, field: &str| match header.check() {
        Err(HeaderError::Rule { field: found, .. }) => {
            assert_eq!(found, field);
            assert!(parse(&written(&header)).is_err(), "{field} is refused on the way back too");
        }
        other => panic!("{field}: {other:?}"),
    };
    let full = full_header;
    check(Header { origin: Name::new("7").unwrap(), ..full() }, "origin");
    check(Header { index: LeafIndex(INTEGER_MAX + 1), ..full() }, "index");
    check(Header { error_ns: Some(u64::MAX), ..full() }, "error_ns");
    check(Header { wall: None, ..full() }, "wall");
    check(Header { clock: Clock::Synced, ..full() }, "wall");
    check(Header { stream: None, ..full() }, "seq");
    check(Header { seq: None, ..full() }, "seq");
    check(Header { seq: Some(INTEGER_MAX + 1), ..full() }, "seq");
    check(Header { altered: vec![Altered::Sealed, Altered::Compacted], ..full() }, "altered");
    check(Header { altered: vec![Altered::Sealed, Altered::Sealed], ..full() }, "altered");
}

#[test]
fn spans_are_those_of_prev_and_nonce() {
    let (prev, nonce) = prev_and_nonce_spans(FULL_LINE.as_bytes()).unwrap();
    assert_eq!(&FULL_LINE[prev], "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
    assert_eq!(&FULL_LINE[nonce], "CQkJCQkJCQkJCQkJCQkJCQ==");
    assert!(prev_and_nonce_spans(b"{}\n").is_err());
}
