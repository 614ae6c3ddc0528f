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
        self.batch_from(key, 0, events, signed)
    }

    /// The same from `first_seq` on, where `signed` holds what came before too.
    fn batch_from(
        &self,
        key: &SigningKey,
        first_seq: usize,
        events: &[&str],
        signed: &[&str],
    ) -> String {
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
            "first_seq": first_seq,
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

    let policy =
        |json: &[u8]| site.post("/api/v1/logs/main/policy", "application/json", json).status;
    let drops = br#"{"rules":[{"action":"invoice.*","level":"full","drop":["actor.type"]}]}"#;
    assert_eq!(policy(drops), 200);
    let signed = producer.batch(&producer.key, &[EVENT], &[EVENT]);
    check(&site, &signed, (422, "bad_event"));
    let named = site.ask(&Ask::post(EVENTS, BATCH, signed.as_bytes())).json();
    assert_eq!(named["field"], "/actor/type", "{named}");
    assert_eq!(policy(b"{}"), 200);

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

/// Who may give a stream its next key, and what its events are worth then.
#[test]
fn a_next_key_is_signed_by_the_one_before_and_a_revoked_one_ends() {
    let site = Site::start();
    let log = site.get("/api/v1/logs/main").json();
    let key = |seed| SigningKey::from_seed(STREAM.parse().unwrap(), Algorithm::Ed25519, [seed; 32]);
    let origin = Name::origin(log["origin"].as_str().unwrap()).unwrap();
    let producer = Producer { key: key(1), origin, stream: Name::new(STREAM).unwrap() };
    let change = |vkey: String, more: serde_json::Value, expected: (u16, &str)| {
        let mut body = json!({"stream": STREAM, "vkey": vkey});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let size = site.size();
        let body = body.to_string();
        let reply = site.post("/api/v1/logs/main/keys", "application/json", body.as_bytes());
        let code = reply.json()["code"].as_str().unwrap_or_default().to_owned();
        assert_eq!((reply.status, code.as_str()), expected, "{body} -> {}", reply.text());
        assert!(expected.0 == 200 || site.size() == size, "a refused change wrote something");
        reply.json()["detail"].as_str().unwrap_or_default().to_owned()
    };
    let vkey = |seed| key(seed).verifier().to_string();
    let statement = |seed: u8| {
        let (origin, next) = (&producer.origin, vkey(seed));
        format!("graven/key/v1\n{origin}\nstream\n{STREAM}\nadd\n{next}\n")
    };
    let sign = |by: u8, text: &str| key(by).sign_note(text).unwrap().to_string();
    let grade = || grade_of_last(&site);
    let (good, refused) = ((200, ""), (422, "bad_attestation"));
    change(vkey(1), json!({}), good);
    let why = change(vkey(2), json!({}), refused);
    assert!(why.contains(&vkey(1)) && why.contains(&statement(2)), "what is expected: {why}");
    for signature in [sign(3, &statement(2)), sign(1, &statement(3)), "no line".to_owned()] {
        change(vkey(2), json!({"signature": signature, "rotate": true}), refused);
    }
    change(vkey(2), json!({"rotate": true}), (400, "bad_json"));
    check(&site, &producer.batch(&key(1), &[EVENT], &[EVENT]), good);
    assert_eq!(grade(), "signed");
    change(vkey(2), json!({"signature": sign(1, &statement(2)), "rotate": true}), good);
    let next = |seed: u8, seq: usize| {
        producer.batch_from(&key(seed), seq, &[EVENT], &vec![EVENT; seq + 1])
    };
    check(&site, &next(1, 1), refused);
    let why = site.ask(&Ask::post(EVENTS, BATCH, next(1, 1).as_bytes())).json().to_string();
    assert!(why.contains("ended with entry") && why.contains(&vkey(2)), "{why}");
    check(&site, &next(2, 1), good);
    assert_eq!(grade(), "signed");
    // A gap and a fork are refused with the seq that is expected; the fork is recorded.
    let gap = site.ask(&Ask::post(EVENTS, BATCH, next(2, 3).as_bytes())).json();
    assert_eq!((&gap["code"], &gap["next_seq"]), (&json!("seq_gap"), &json!(2)), "{gap}");
    let other = r#"{"actor":{"id":"9"},"action":"other"}"#;
    let size = site.size();
    let fork = producer.batch_from(&key(2), 1, &[other], &[EVENT, other]);
    let fork = site.ask(&Ask::post(EVENTS, BATCH, fork.as_bytes())).json();
    assert_eq!((&fork["code"], &fork["next_seq"]), (&json!("conflict"), &json!(2)), "{fork}");
    wait_past(&site, size);
    // A stolen key ends on the operator's word, and what follows is not the producer's word any more.
    change(vkey(3), json!({"revoke": true}), (404, "not_found"));
    change(vkey(2), json!({"revoke": true}), good);
    check(&site, &next(2, 2), refused);
    check(
        &site,
        &format!("{}\n{EVENT}\n", json!({"graven": "batch/v1", "events": 1, "stream": STREAM})),
        refused,
    );
    change(vkey(2), json!({}), (409, "exists"));
    change(vkey(3), json!({"signature": sign(2, &statement(3))}), refused);
    change(vkey(3), json!({}), good);
    check(&site, &next(3, 2), good);
    assert_eq!(grade(), "asserted");
    change(vkey(4), json!({"signature": sign(3, &statement(4)), "rotate": true}), good);
    check(&site, &next(4, 3), good);
    assert_eq!(grade(), "asserted", "nor is a key's that such a one vouched for");
}

/// Waits for an entry that comes behind an answer.
fn wait_past(site: &Site, size: u64) {
    let is_there = (0..10_000).any(|_| site.get("/healthz").status == 200 && site.size() > size);
    assert!(is_there, "no entry {size}");
}

fn grade_of_last(site: &Site) -> String {
    let entry = site.get(&format!("/api/v1/logs/main/entries/{}", site.size() - 1)).text();
    let at = entry.find("\"grade\":\"").unwrap() + 9;
    entry[at..].split('"').next().unwrap().to_owned()
}
