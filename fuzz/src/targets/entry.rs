//! Entries, events, streams and disclosures.

use graven_entry::{
    Attestation, AuthMethod, Claim, Disclosure, Entry, EntryParts, EventErrorKind, Extra, Header,
    LogName, Name, Time, build_entry, check_event, compact, disclosure_digest, elements, members,
    open_event, pointer, prev_and_nonce_spans, string_value, write_json_string,
};
use graven_note::SignatureLine;
use serde_json::Value;

use super::{bytes_of, good_log};
use crate::sample;

/// The scanner takes nothing for JSON that another reader refuses, and reads the same from it.
pub(super) fn event(bytes: &[u8]) -> bool {
    let seen = members(bytes).count() + elements(bytes).count() + compact(bytes).len();
    assert!(seen <= 3 * bytes.len() + 3, "a walk ends");
    let facts = match check_event(bytes) {
        Ok(facts) => facts,
        Err(error) => {
            assert!(error.position <= bytes.len(), "{error}");
            let is_json = error.kind() != EventErrorKind::BadEvent || is_object(bytes);
            assert!(is_json, "JSON is read in full before events are: {error}");
            return false;
        }
    };
    assert!(is_object(bytes), "another reader refuses what was accepted");
    let event = &bytes[facts.range.clone()];
    let action = pointer(event, "/action").and_then(string_value);
    assert_eq!(action.as_deref(), Some(&*facts.action));
    let compacted = compact(event);
    assert_eq!(compacted.len(), facts.compacted_bytes);
    let again = check_event(&compacted).map(|facts| (facts.has_line_break, facts.range.len()));
    assert_eq!(again, Ok((false, compacted.len())));
    if let Ok(value) = serde_json::from_slice::<Value>(event) {
        assert_eq!(value["action"].as_str(), Some(&*facts.action));
        assert_eq!(value["actor"]["id"].as_str(), facts.actor_id.as_deref());
        assert_eq!(value["id"].as_str(), facts.id.as_deref());
        assert_eq!(serde_json::from_slice::<Value>(&compacted).ok(), Some(value));
    }
    true
}

/// Whether another reader takes it for an object; it may refuse numbers for their size, which JSON does not.
fn is_object(event: &[u8]) -> bool {
    match serde_json::from_slice::<Value>(event) {
        Ok(value) => value.is_object(),
        Err(error) => error.to_string().starts_with("number out of range"),
    }
}

pub(super) fn events() -> Vec<Vec<u8>> {
    let mut events = bytes_of(&[
        "{ \"actor\" : {\"id\":\"\\u00e9\\ud83d\\ude00\"},\r\n\t\"action\":\"a\\n\\\"\\\\\", \"list\":[1,[2,{}],[],null,true,-9.5e+10] }",
        r#"{"actor":{"_sd":["X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"]},"action":"x","a":[{"...":"w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs"}]}"#,
        r#"{"actor":{"type":"user"},"action":"b","deep":[[[[[[[[[[[[{"x":[[[[[[[[[[[[[]]]]]]]]]]]]]}]]]]]]]]]]]]}"#,
    ]);
    events.extend(sample::items().into_iter().take(6).map(|item| item.event));
    events
}

/// What is accepted is the canonical encoding, and the places of `prev` and `nonce` are right.
pub(super) fn header(line: &[u8]) -> bool {
    let spans = prev_and_nonce_spans(line);
    let Ok(header) = Header::parse(line) else {
        assert!(spans.is_err(), "spans of what is no header");
        return false;
    };
    assert_eq!(written(&header), line);
    assert_eq!(header.check(), Ok(()));
    let (prev, nonce) = spans.expect("a header has them");
    assert_eq!(line[prev], *header.prev.to_string().as_bytes());
    assert_eq!(nonce.len(), 24);
    true
}

fn written(header: &Header) -> Vec<u8> {
    let mut line = Vec::new();
    header.write_to(&mut line);
    line
}

pub(super) fn headers() -> Vec<Vec<u8>> {
    let first_line = |entry: Vec<u8>| {
        let end = entry.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        entry[..end].to_vec()
    };
    let mut headers: Vec<Vec<u8>> = entries().into_iter().map(first_line).collect();
    headers.push(
        concat!(
            r#"{"graven":"entry/v1","origin":"a.example/b","index":1234067,"time":"2026-11-20T22:55:01.123456789Z","#,
            r#""clock":"held","error_ns":812000,"wall":"2026-11-20T22:55:00.000000001Z","#,
            r#""prev":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=","nonce":"CQkJCQkJCQkJCQkJCQkJCQ==","#,
            r#""writer":"w","auth":"token","grade":"asserted","stream":"s","seq":2,"altered":["compacted","sealed"]}"#,
            "\n"
        )
        .into(),
    );
    headers
}

/// An entry is made of its parts and of nothing else.
pub(super) fn entry(bytes: &[u8]) -> bool {
    let Ok(entry) = Entry::parse(bytes) else { return false };
    let parts = EntryParts::split(bytes).expect("an entry has parts");
    let mut again = Vec::new();
    let length = build_entry(&mut again, &entry.header, entry.event, parts.attestation);
    assert_eq!(length, Ok(bytes.len()));
    assert_eq!(again, bytes);
    true
}

pub(super) fn entries() -> Vec<Vec<u8>> {
    let entries = &good_log().entries;
    [0, 2, 4, 7, 18].into_iter().map(|index| entries[index].clone()).collect()
}

/// An attestation has one spelling.
pub(super) fn attestation(bytes: &[u8]) -> bool {
    let Ok(read) = Attestation::parse(bytes) else { return false };
    let Attestation { origin, stream, length, head, key_id, signature } = &read;
    let text = Attestation::text(&Claim { origin, stream, length: *length, head });
    let name = stream.as_str().parse().expect("a stream's name is a key's");
    let line = SignatureLine { name, id: *key_id, signature: signature.to_vec() };
    assert_eq!(format!("{text}\n{line}").as_bytes(), bytes);
    true
}

pub(super) fn attestations() -> Vec<Vec<u8>> {
    sample::items().into_iter().filter_map(|item| item.attestation).collect()
}

/// A disclosure comes back, and opens the event that holds its digest.
pub(super) fn disclosure(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(disclosure) = Disclosure::parse(text) else { return false };
    let Disclosure { salt, name, value_json } = &disclosure;
    let made = Disclosure::new(salt, name.as_deref(), value_json);
    assert_eq!(made.as_ref(), Ok(&disclosure));
    let digest = disclosure_digest(text);
    let data = match name {
        Some(_) => format!(r#"{{"_sd":["{digest}"]}}"#),
        None => format!(r#"[{{"...":"{digest}"}}]"#),
    };
    let event = format!(r#"{{"actor":{{}},"action":"a","data":{data}}}"#).into_bytes();
    // It may not fit: too long, or nested too deep.
    let Ok(opened) = open_event(&event, &[text]) else { return true };
    let mut expected = br#"{"actor":{},"action":"a","data":"#.to_vec();
    if let Some(name) = name {
        expected.push(b'{');
        write_json_string(&mut expected, name);
        expected.push(b':');
    } else {
        expected.push(b'[');
    }
    expected.extend_from_slice(value_json);
    expected.extend_from_slice(if name.is_some() { b"}}" } else { b"]}" });
    assert_eq!(String::from_utf8_lossy(&opened), String::from_utf8_lossy(&expected));
    true
}

pub(super) fn disclosures() -> Vec<Vec<u8>> {
    let salt = "_26bc4LT-ac6q2KI6cBW5es";
    [
        (Some("family_name"), "\"Möbius\""),
        (None, "\"FR\""),
        (Some("a"), r#"{"b":[1.50,{"c":null}]}"#),
    ]
    .into_iter()
    .map(|(name, value)| Disclosure::new(salt, name, value.as_bytes()))
    .map(|made| made.expect("these are disclosures").encode().into_bytes())
    .collect()
}

/// The extra data of a proof prints back.
pub(super) fn extra(bytes: &[u8]) -> bool {
    let Ok(extra) = Extra::parse(bytes) else { return false };
    assert_eq!(extra.to_bytes(), bytes);
    true
}

pub(super) fn extras() -> Vec<Vec<u8>> {
    let hash = graven_merkle::EMPTY_ROOT;
    let extra =
        |following| Extra { chain: hash, following, attestation: attestations()[0].clone() };
    vec![extra(Vec::new()).to_bytes(), extra(vec![hash; 3]).to_bytes()]
}

/// Names and times have one spelling.
pub(super) fn names(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let printed = [
        Name::new(text).map(|name| name.to_string()).ok(),
        Name::origin(text).map(|name| name.to_string()).ok(),
        LogName::new(text).map(|name| name.to_string()).ok(),
        AuthMethod::new(text).map(|name| name.to_string()).ok(),
        text.parse::<Time>().map(|time| time.to_string()).ok(),
    ];
    for printed in printed.iter().flatten() {
        assert_eq!(printed, text);
    }
    if let Ok(time) = text.parse::<Time>() {
        assert_eq!(Time::from_unix_ns(time.unix_ns()), Ok(time));
    }
    printed.iter().any(Option::is_some)
}

pub(super) fn name_texts() -> Vec<Vec<u8>> {
    bytes_of(&[
        "acme.example/prod",
        "billing-api/7f",
        "main",
        "token",
        "2026-11-20T22:55:01.123456789Z",
        "2024-02-29T23:59:59.000000000Z",
    ])
}
