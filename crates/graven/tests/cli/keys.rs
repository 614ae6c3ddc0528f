//! `graven key`: a stream's keys are signed for, rotated and revoked, and `graven verify` holds the stream against them.

use append::{Batch, StreamClaim};
use client::Client;
use graven_entry::{Attestation, Claim, Name, chain_next, chain_start, event_hash};
use graven_note::{Algorithm, SigningKey};

use super::fixture::{Fixture, event};

const STREAM: &str = "billing-api/7f";

/// A producer that signs each of its events, with whatever key.
struct Producer {
    client: Client,
    origin: Name,
    stream: Name,
    sent: Vec<String>,
}

impl Producer {
    fn new(fixture: &Fixture) -> Producer {
        let token = fixture.read("graven-data/admin.token");
        let client = Client::new(&fixture.url(), Some(token.trim())).unwrap();
        let origin = Name::origin(&client.log("main").unwrap().origin).unwrap();
        Producer { client, origin, stream: Name::new(STREAM).unwrap(), sent: Vec::new() }
    }

    /// Appends one more event, attested by a key; the refusal's words where it is refused.
    fn send(&mut self, key: &SigningKey) -> Result<(), String> {
        self.sent.push(event(self.sent.len() as u64));
        let start = chain_start(&self.origin, &self.stream);
        let hashes = self.sent.iter().map(|event| event_hash(event.as_bytes()));
        let head = hashes.fold(start, |chain, hash| chain_next(&chain, &hash));
        let (origin, stream, length) = (&self.origin, &self.stream, self.sent.len() as u64);
        let claim = Claim { origin, stream, length, head: &head };
        let last = self.sent.last().unwrap().clone().into_bytes();
        let batch = Batch {
            events: vec![last],
            stream: Some(StreamClaim { name: STREAM.to_owned(), first_seq: Some(length - 1) }),
            attestation: Some(Attestation::sign(key, &claim).unwrap()),
            ..Batch::default()
        };
        let sent = self.client.append("main", &batch);
        sent.map(drop).map_err(|error| {
            self.sent.pop();
            error.to_string()
        })
    }
}

/// The key that a seed stands for, in a file.
fn key(fixture: &Fixture, seed: u8) -> (SigningKey, String, String) {
    let key = SigningKey::from_seed(STREAM.parse().unwrap(), Algorithm::Ed25519, [seed; 32]);
    let (vkey, file) = (key.verifier().to_string(), format!("{seed}.key"));
    fixture.write(&file, format!("{key}\n"));
    (key, vkey, file)
}

#[test]
fn a_stream_s_keys_are_rotated_and_revoked_and_its_events_verify() {
    let fixture = Fixture::serving();
    let mut producer = Producer::new(&fixture);
    let [(one, vkey, file), (two, next, next_file), (three, last, _)] =
        [1, 2, 3].map(|seed| key(&fixture, seed));
    let of_stream = ["--stream", STREAM];
    let change = |what: &str, vkey: &str, more: &[&str], exit: i32, said: &str| {
        let args = [&["key", what, vkey], &of_stream[..], more].concat();
        let ran = fixture.check(&args, exit, &[], &[]);
        assert!(ran.stderr.contains(said), "graven {args:?} lacks {said:?}: {ran:#?}");
    };
    let sign = |vkey: &str, file: &str| {
        let ran =
            fixture.check(&["key", "sign", vkey, "--secret", file], 0, &["— billing-api"], &[]);
        ran.stdout.trim().to_owned()
    };
    change("add", &vkey, &[], 0, "takes only signed events");
    producer.send(&one).unwrap();
    // Without the old key's signature, or with one for another key, nothing is rotated.
    change("add", &next, &[], 2, "has to sign for its next one");
    change("rotate", &next, &["--signature", &sign(&last, &file)], 2, "by no key that the stream");
    change("rotate", &next, &["--signature", &sign(&next, &next_file)], 2, "by no key");
    change("rotate", &next, &["--signature", &sign(&next, &file)], 0, "another key from now on");
    assert!(producer.send(&one).unwrap_err().contains("ended with entry"), "it was retired");
    producer.send(&two).unwrap();
    let checked = |streams: &str| {
        fixture.check(&["verify", "graven-data", "--log", "main"], 0, &[streams], &[]);
        fixture.check(&["verify", &fixture.url(), "--log", "main"], 0, &[streams], &[]);
    };
    checked("1 stream");
    // A revoked one ends on the operator's word, and what comes after it is not the producer's.
    change("revoke", &next, &[], 0, "counts no more");
    change("revoke", &next, &[], 1, "no key of stream billing-api/7f now");
    assert!(producer.send(&two).is_err(), "it was revoked");
    change("add", &last, &[], 0, "");
    producer.send(&three).unwrap();
    let grade = |index: &str| fixture.json(&["get", index], 0)["header"]["grade"].clone();
    // 0 is the log's own, 1, 3, 4 and 6, 7 are its keys'.
    assert_eq!(["2", "5", "8"].map(grade), ["signed", "signed", "asserted"]);
    checked("1 stream");
}
