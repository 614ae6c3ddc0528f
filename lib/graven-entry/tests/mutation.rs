//! Seeded mutations of valid inputs: no parser panics, whatever is accepted means one thing only,
//! and what this crate takes for JSON other readers take for JSON too.

use graven_entry::{
    Attestation, Disclosure, Entry, EntryParts, EventErrorKind, Extra, Header, build_entry,
    check_event, compact, elements, members, open_event, pointer, prev_and_nonce_spans,
    string_value,
};

const ROUNDS: u64 = 200_000;

const EVENTS: [&str; 5] = [
    r#"{"id":"0193b2c4","time":"2026-11-20T22:55:01.120Z","actor":{"type":"user","id":"p_3kFq"},"action":"invoice.update","outcome":"success","changes":{"amount":{"before":100,"after":-9.5e+10}}}"#,
    "{ \"actor\" : {\"id\":\"\\u00e9\\ud83d\\ude00\"},\r\n\t\"action\":\"a\\n\\\"\\\\\", \"list\":[1,[2,{}],[],null,true,false] }",
    r#"{"actor":{"_sd":["X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"]},"action":"x","a":[{"...":"w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs"}]}"#,
    "{\"actor\":{},\"action\":\"é😀\u{2028}\",\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,\"k8\":8,\"k9\":9,\"k10\":1,\"k11\":1,\"k12\":1,\"k13\":1,\"k14\":1,\"k15\":1,\"k16\":1}",
    r#"{"actor":{"id":"a"},"action":"b","deep":[[[[[[[[[[[[[[[[[[[[[[{"x":[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]}]]]]]]]]]]]]]]]]]]]]]]}"#,
];

const DISCLOSURES: [&str; 2] = [
    "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0",
    "WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0",
];

const HEADERS: [&str; 2] = [
    concat!(
        r#"{"graven":"entry/v1","origin":"acme.example/prod","index":1234067,"#,
        r#""time":"2026-11-20T22:55:01.123456789Z","clock":"held","error_ns":812000,"#,
        r#""wall":"2026-11-20T22:55:00.000000001Z","#,
        r#""prev":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=","#,
        r#""nonce":"CQkJCQkJCQkJCQkJCQkJCQ==","writer":"billing-api","auth":"token","#,
        r#""grade":"asserted","stream":"billing-api/7f","seq":2,"#,
        r#""altered":["compacted","sealed"]}"#,
        "\n"
    ),
    concat!(
        r#"{"graven":"entry/v1","origin":"acme.example/prod","index":0,"#,
        r#""time":"1970-01-01T00:00:00.000000000Z","clock":"unsynced","#,
        r#""prev":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","#,
        r#""nonce":"AAAAAAAAAAAAAAAAAAAAAA==","writer":"log","auth":"log","grade":"unknown"}"#,
        "\n"
    ),
];

const ATTESTATION: &str = "graven/stream/v1\nacme.example/prod\nbilling-api/7f\n3\n\
9CiOp8fx+IEhFWvDaRzHn6YiNsJghB3Z+Vpm3+FLtfs=\n\n— billing-api/7f \
pH1ylhsHVkIl+c3PPzE0sei54bZji//x1/WNsvDRAaLKYmvNEHhQ1yZpcNgz91CLVVUEyWwNdZI071wi8EHwFHpBkwY=\n";

/// Marsaglia's xorshift: a seed gives one sequence, everywhere.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).expect("48 bits fit") % limit.max(1)
    }
}

/// One to four changes: a byte set, flipped, inserted or removed, a piece doubled or moved.
fn mutate(input: &[u8], random: &mut Random) -> Vec<u8> {
    const TELLING: &[u8] =
        b"\"\\{}[],: \n\r\t0123456789-+.eEu_abdf\x00\x1f\x7f\x80\xc3\xed\xf0\xff";
    let mut out = input.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(out.len());
        let byte = TELLING[random.below(TELLING.len())];
        match random.below(7) {
            0 if !out.is_empty() => out[at] = byte,
            1 if !out.is_empty() => out[at] ^= 1 << random.below(8),
            2 => out.insert(at, byte),
            3 if !out.is_empty() => drop(out.remove(at)),
            4 => out.truncate(out.len() - random.below(out.len().min(4))),
            _ => {
                let end = (at + random.below(24)).min(out.len());
                let piece = out[at..end].to_vec();
                let place = random.below(out.len());
                out.splice(place..place, piece);
            }
        }
    }
    out
}

/// Runs `check` on mutations of `inputs`; gives how many of them it took for valid.
fn run(inputs: &[Vec<u8>], check: fn(&[u8]) -> bool) -> u64 {
    let mut valid = 0;
    for seed in 0..ROUNDS {
        let mut random = Random::new(seed + 1);
        let input = &inputs[random.below(inputs.len())];
        let mutated = mutate(input, &mut random);
        let shown = || format!("seed {seed}: {}", String::from_utf8_lossy(&mutated));
        let outcome = std::panic::catch_unwind(|| check(&mutated));
        valid += u64::from(outcome.unwrap_or_else(|_| panic!("{}", shown())));
    }
    valid
}

fn bytes_of(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// What serde_json says, except that it refuses numbers for their size, which JSON does not.
fn other_reader_accepts(event: &[u8]) -> bool {
    match serde_json::from_slice::<serde_json::Value>(event) {
        Ok(value) => value.is_object(),
        Err(error) => error.to_string().starts_with("number out of range"),
    }
}

fn check_one_event(bytes: &[u8]) -> bool {
    // Readers of valid JSON must stand anything.
    let seen = members(bytes).count() + elements(bytes).count() + compact(bytes).len();
    assert!(seen <= 3 * bytes.len() + 3);
    for at in ["", "/actor/id", "/list/1", "/a/0/..."] {
        pointer(bytes, at).and_then(string_value);
    }
    if let Ok(opened) = open_event(bytes, &DISCLOSURES) {
        assert!(other_reader_accepts(&opened));
    }
    let facts = match check_event(bytes) {
        Ok(facts) => facts,
        Err(error) => {
            assert!(error.position <= bytes.len());
            if error.kind() == EventErrorKind::BadEvent {
                assert!(other_reader_accepts(bytes), "JSON is read in full before events are");
            }
            return false;
        }
    };
    assert!(other_reader_accepts(bytes), "another reader refuses what was accepted");
    let event = &bytes[facts.range.clone()];
    let value: serde_json::Value = serde_json::from_slice(event).unwrap_or_default();
    if !value.is_null() {
        assert_eq!(value["action"].as_str(), Some(&*facts.action));
        assert_eq!(value["actor"]["id"].as_str(), facts.actor_id.as_deref());
        assert_eq!(value["actor"]["type"].as_str(), facts.actor_type.as_deref());
        assert_eq!(value["id"].as_str(), facts.id.as_deref());
        let compacted = compact(event);
        assert_eq!(compacted.len(), facts.compacted_bytes);
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&compacted).ok(), Some(value));
        let again = check_event(&compacted).map(|facts| (facts.has_line_break, facts.range.len()));
        assert_eq!(again, Ok((false, compacted.len())));
    }
    let action = pointer(event, "/action").and_then(string_value);
    assert_eq!(action, Some(facts.action));
    true
}

#[test]
fn mutated_events() {
    let valid = run(&bytes_of(&EVENTS), check_one_event);
    assert!((ROUNDS / 50..ROUNDS).contains(&valid), "{valid} of {ROUNDS} were valid");
}

#[test]
fn mutated_headers() {
    let valid = run(&bytes_of(&HEADERS), |line| {
        let spans = prev_and_nonce_spans(line);
        let Ok(header) = Header::parse(line) else {
            assert!(spans.is_err());
            return false;
        };
        let mut again = Vec::new();
        header.write_to(&mut again);
        assert_eq!(again, line, "what is accepted is the canonical encoding");
        assert_eq!(header.check(), Ok(()));
        let (prev, nonce) = spans.unwrap();
        assert_eq!((prev.len(), nonce.len()), (44, 24));
        assert_eq!(line[prev], *header.prev.to_string().as_bytes());
        true
    });
    assert!((ROUNDS / 200..ROUNDS).contains(&valid), "{valid} of {ROUNDS} were valid");
}

#[test]
fn mutated_entries() {
    let event = EVENTS[0];
    let inputs = [
        format!("{}{event}\n{ATTESTATION}", HEADERS[0]).into_bytes(),
        format!("{}{event}\n", HEADERS[1]).into_bytes(),
    ];
    let valid = run(&inputs, |bytes| {
        let Ok(entry) = Entry::parse(bytes) else { return false };
        let parts = EntryParts::split(bytes).unwrap();
        let mut again = Vec::new();
        let length = build_entry(&mut again, &entry.header, entry.event, parts.attestation);
        assert_eq!(length, Ok(bytes.len()));
        assert_eq!(again, bytes);
        true
    });
    assert!((ROUNDS / 200..ROUNDS).contains(&valid), "{valid} of {ROUNDS} were valid");
}

#[test]
fn mutated_attestations_and_extras() {
    let attestation = ATTESTATION.as_bytes().to_vec();
    let valid = run(&[attestation], |bytes| {
        let Ok(read) = Attestation::parse(bytes) else { return false };
        let claim = graven_entry::Claim {
            origin: &read.origin,
            stream: &read.stream,
            length: read.length,
            head: &read.head,
        };
        assert!(bytes.starts_with(Attestation::text(&claim).as_bytes()));
        true
    });
    assert!(valid > 0);
    let hash = "9CiOp8fx+IEhFWvDaRzHn6YiNsJghB3Z+Vpm3+FLtfs=\n";
    let extra = format!("graven/extra/v1\n{hash}{hash}\n{ATTESTATION}").into_bytes();
    let valid = run(&[extra], |bytes| {
        Extra::parse(bytes).is_ok_and(|extra| {
            assert_eq!(extra.to_bytes(), bytes);
            true
        })
    });
    assert!(valid > 0);
}

#[test]
fn mutated_disclosures() {
    let valid = run(&bytes_of(&DISCLOSURES), |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let Ok(disclosure) = Disclosure::parse(text) else { return false };
        assert_eq!(Disclosure::parse(&disclosure.encode()), Ok(disclosure));
        true
    });
    assert!(valid > 0);
}
