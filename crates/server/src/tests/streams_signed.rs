//! Streams with a key: only what their producer signed goes in, and only as it was signed.

use graven_entry::{Attestation, Claim, Name, chain_next, chain_start, event_hash};
use graven_merkle::Hash;
use graven_note::{Algorithm, SigningKey};
use serde_json::json;

use super::EVENT;
use super::site::{Ask, Site};

const EVENTS: &str = "/api/v1/logs/main/events";
const BATCH: &str = "application/vnd.graven.batch";
const STREAM: &str = "billing/7f";

/// A producer that signs.
struct Producer {
    key: SigningKey,
    origin: Name,
    stream: Name,
}

impl Producer {
    /// The batch of `events` from `seq` 0 on, signed as if they were `signed`.
    fn batch(&self, key: &SigningKey, events: &[&str], signed: &[&str]) -> String {
        let start = chain_start(&self.origin, &self.stream);
        let hash = |event: &&str| event_hash(event.as_bytes());
        let head: Hash = signed.iter().fold(start, |chain, event| chain_next(&chain, &hash(event)));
        let (origin, stream, length) = (&self.origin, &self.stream, signed.len() as u64);
        let claim = Claim { origin, stream, length, head: &head };
        let attestation = String::from_utf8(Attestation::sign(key, &claim).unwrap()).unwrap();
        let first = json!({
            "graven": "batch/v1",
            "events": events.len(),
            "stream": STREAM,
            "first_seq": 0,
            "attestation": attestation,
        });
        format!("{first}\n{}\n", events.join("\n"))
    }
}

fn check(site: &Site, body: &str, expected: (u16, &str)) {
    let before = site.size();
    let reply = site.ask(&Ask::post(EVENTS, BATCH, body.as_bytes()));
    let code = reply.json()["code"].as_str().unwrap_or_default().to_owned();
    assert_eq!((reply.status, code.as_str()), expected, "{body} -> {}", reply.text());
    if expected.0 != 200 {
        assert_eq!(site.size(), before, "a refused batch wrote something: {body}");
    }
}

#[test]
fn a_stream_with_a_key_takes_only_what_its_producer_signed() {
    let site = Site::start();
    let log = site.get("/api/v1/logs/main").json();
    let key = |seed| SigningKey::from_seed(STREAM.parse().unwrap(), Algorithm::Ed25519, [seed; 32]);
    let producer = Producer {
        key: key(1),
        origin: Name::origin(log["origin"].as_str().unwrap()).unwrap(),
        stream: Name::new(STREAM).unwrap(),
    };
    let add = json!({"stream": STREAM, "vkey": producer.key.verifier().to_string()}).to_string();
    let reply = site.post("/api/v1/logs/main/keys", "application/json", add.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let again = site.post("/api/v1/logs/main/keys", "application/json", add.as_bytes());
    assert_eq!((again.status, &again.json()["code"]), (409, &"exists".into()));

    let refused = (422, "bad_attestation");
    let unsigned = json!({"graven": "batch/v1", "events": 1, "stream": STREAM}).to_string();
    check(&site, &format!("{unsigned}\n{EVENT}\n"), refused);
    let other = r#"{"actor":{"type":"user","id":"42"},"action":"invoice.delete"}"#;
    check(&site, &producer.batch(&producer.key, &[EVENT], &[other]), refused);
    check(&site, &producer.batch(&producer.key, &[EVENT], &[EVENT, EVENT]), refused);
    check(&site, &producer.batch(&key(2), &[EVENT], &[EVENT]), refused);
    let broken = format!("{EVENT}\r ");
    let broken = broken.replacen(',', ",\r", 1);
    check(&site, &producer.batch(&producer.key, &[&broken], &[&broken]), (422, "bad_event"));

    let signed = producer.batch(&producer.key, &[EVENT, other], &[EVENT, other]);
    check(&site, &signed, (200, ""));
    let index = site.size() - 1;
    let entry = site.get(&format!("/api/v1/logs/main/entries/{index}")).text();
    assert!(entry.contains("\"grade\":\"signed\""), "{entry}");
    assert!(entry.contains("\ngraven/stream/v1\n"), "the last event carries the attestation");
    let size = site.size();
    check(&site, &signed, (200, ""));
    assert_eq!(site.size(), size, "the same again is answered with the first receipts");
}
