//! Sealed values from policy and producers to a verifier, and a keyring without its master key.

use std::io::{Read, Write};
use std::net::TcpStream;

use graven_entry::{ToSeal, seal_event};

use super::fixture::Fixture;

const EVENT: &str = r#"{"actor":{"id":"anna"},"action":"pay","target":{"id":"c-42"},"data":{"iban":"DE111","n":1.0}}"#;

#[test]
fn policy_seals_on_the_way_in() {
    let mut fixture = Fixture::empty();
    let policy = r#"{"main":{"rules":[{"path":"data.iban","class":"pii","subject":"target.id"}]}}"#;
    fixture.write("policy.json", policy);
    fixture.serve(&["--seal-policy", "policy.json"]);
    fixture.check_with(&["append"], EVENT, 0, &[], &[]);
    let shown = [r#""altered":["sealed"]"#, "\"_sd\":[", "\"n\":1.0", "!DE111", "!iban"];
    fixture.check(&["get", "1"], 0, &shown, &[]);
    let reveal = ["reveal", "1", "/data/iban", "--reason", "ticket 7"];
    assert_eq!(fixture.check(&reveal, 0, &[], &[]).stdout, "\"DE111\"\n");
    assert_eq!(fixture.json(&reveal, 0)["class"], "pii");
    fixture.check(&["reveal", "1", "/data/n", "--reason", "t"], 1, &[], &["no sealed value"]);
    fixture.check(&reveal[..3], 2, &[], &["--reason"]);
    fixture.stop();
    fixture.check(&["verify", "graven-data"], 0, &[], &[]);
    fixture.write("policy.json", policy.replace("pii", "everything"));
    let start = ["serve", "--listen", "127.0.0.1:0", "--seal-policy", "policy.json"];
    fixture.check(&start, 2, &[], &["rule 0", "pseudonym"]);
    // The keyring is of no use without its master key, and another is not made in its place.
    let key = fixture.path("graven-data/keys/master.key");
    let secret = fixture.read("graven-data/keys/master.key");
    std::fs::remove_file(&key).unwrap();
    fixture.check(&start[..3], 3, &[], &["no master key"]);
    assert!(!key.exists());
    let other = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
    fixture.write("graven-data/keys/master.key", other);
    fixture.check(&start[..3], 3, &[], &["master key", "not given"]);
    // A rotation: the new key first, the old one below it; then the old one goes.
    fixture.write("graven-data/keys/master.key", format!("{other}\n{secret}"));
    assert!(fixture.serve(&[]).contains("1 keys are under the new master key"));
    fixture.check(&["get", "1"], 0, &shown, &[]);
    fixture.stop();
    fixture.write("graven-data/keys/master.key", other);
    assert!(!fixture.serve(&[]).contains("master key"));
}

#[test]
fn disclosures_open_a_verified_entry() {
    let fixture = Fixture::serving();
    let values = [ToSeal { path: "/data/iban", salt: "lklxF5jMYlGTPUovMNIvCA" }];
    let sealed = seal_event(EVENT.as_bytes(), &values).unwrap();
    let disclosure = &sealed.disclosures[0];
    let event = String::from_utf8(sealed.event).unwrap();
    let head = r#"{"graven":"batch/v1","events":1}"#;
    let sidecar = format!(
        r#"{{"event":0,"disclosure":"{disclosure}","path":"/data/iban","subject":"c-42","class":"pii"}}"#
    );
    post(&fixture, &format!("{head}\n{event}\n{sidecar}\n"));
    fixture.check(&["prove", "1", "--output", "p", "--entry-output", "e"], 0, &[], &[]);
    let vkey = fixture.read("graven-data/logs/main/vkey");
    let verify = ["verify", "p", "--entry", "e", "--vkey", vkey.trim(), "--json", "--disclosures"];
    let check = |name: &str, lines: &str, exit: i32, snippets: &[&str]| {
        fixture.write(name, lines);
        let args: Vec<&str> = verify.iter().copied().chain([name]).collect();
        fixture.check(&args, exit, snippets, &[]);
    };
    check("good", &format!("{disclosure}\n"), 0, &["/data/iban", "DE111"]);
    check("none", "", 0, &["1 sealed values that stay sealed", "!DE111"]);
    let changed = disclosure.replace('I', "J");
    check("changed", &changed, 1, &["disclosure_mismatch", "!DE111"]);
}

#[test]
fn what_was_disclosed_verifies_offline_and_the_rest_stays_shut() {
    let mut fixture = Fixture::empty();
    let policy = r#"{"main":{"rules":[{"path":"data.*","class":"pii","subject":"target.id"}]}}"#;
    fixture.write("policy.json", policy);
    fixture.serve(&["--seal-policy", "policy.json"]);
    fixture.check_with(&["append"], EVENT, 0, &[], &[]);
    let disclose = ["disclose", "1", "/data/n", "--reason", "audit 3", "--output", "n.json"];
    fixture.check(&disclose, 0, &["1 values open, 1 stay sealed"], &[]);
    let none = ["disclose", "1", "/data/x", "--reason", "audit 3", "--output", "x.json"];
    fixture.check(&none, 1, &[], &["no sealed value"]);
    std::fs::copy(fixture.path("graven-data/logs/main/vkey"), fixture.path("vkey")).unwrap();
    fixture.stop();
    std::fs::remove_dir_all(fixture.path("graven-data")).unwrap();
    let good = fixture.read("n.json");
    assert!(!good.contains("DE111"), "{good}");
    let check = |text: &str, exit: i32, stdout: &[&str]| {
        fixture.write("it.json", text);
        fixture.check(&["verify", "it.json", "--vkey", "vkey", "--json"], exit, stdout, &[]);
    };
    check(&good, 0, &[r#""path":"/data/n","value":"1.0""#, "1 sealed values that stay sealed"]);
    check(&good.replace("pay", "say"), 1, &["leaf_mismatch"]);
    let at = good.find("\"disclosures\":[\"").unwrap() + 24;
    let other = if &good[at..=at] == "A" { "B" } else { "A" };
    check(&[&good[..at], other, &good[at + 1..]].concat(), 1, &["disclosure_mismatch"]);
    check(&good[..good.len() - 3], 1, &["export_malformed"]);
    fixture.check(&["verify", "it.json"], 1, &[], &[]);
    fixture.write("it.json", good);
    fixture.check(&["verify", "it.json"], 2, &[], &["--vkey"]);
}

#[test]
fn a_blob_comes_back_by_its_digest_and_has_a_limit() {
    let mut fixture = Fixture::empty();
    fixture.serve(&["--blob-bytes-max", "1000"]);
    fixture.write("small", "x".repeat(1_000));
    fixture.write("large", "x".repeat(1_001));
    let added = fixture.json(&["blob", "add", "small", "--media-type", "text/plain"], 0);
    assert_eq!(added["index"], 1);
    fixture.check(&["blob", "add", "large"], 2, &[], &["1000"]);
    let digest = "0".repeat(64);
    let entry = fixture.check(&["get", "1"], 0, &["text/plain", "\"length\":1000"], &[]).stdout;
    let stated = entry.split("\"sha256\":\"").nth(1).and_then(|rest| rest.get(..64)).unwrap();
    fixture.check(&["blob", "get", "1", stated, "--output", "back"], 0, &[], &[]);
    assert_eq!(fixture.read("back"), fixture.read("small"));
    fixture.check(
        &["blob", "get", "1", &digest, "--output", "none"],
        1,
        &[],
        &["no blob of this digest"],
    );
}

#[test]
fn a_sealed_blob_opens_for_a_revealer() {
    let mut fixture = Fixture::empty();
    fixture.serve(&[]);
    fixture.write("scan", "a scan of a passport");
    let add = ["blob", "add", "scan", "--subject", "Anna Müller", "--class", "phi"];
    let added = fixture.json(&add, 0);
    assert_eq!(added["index"], 1);
    let entry = fixture.check(&["get", "1"], 0, &["\"_sd\":["], &[]).stdout;
    assert!(!entry.contains("sha256"), "{entry}");
    let reveal =
        ["reveal", "1", "/data/blob/sha256", "--reason", "ticket 7", "--blob-output", "back"];
    fixture.check(&reveal, 0, &[], &[]);
    assert_eq!(fixture.read("back"), fixture.read("scan"));
    fixture.check(&add[..5], 2, &[], &["--class"]);
    let bad = ["blob", "add", "scan", "--subject", "a\nb", "--class", "phi"];
    fixture.check(&bad, 2, &[], &["control characters"]);
}

/// How often `system` tells of a seal policy with these words in it.
fn policies_told(fixture: &Fixture, words: &str) -> usize {
    fixture.check(
        &["export", "--log", "system", "--format", "ndjson", "--output", "s"],
        0,
        &[],
        &[],
    );
    let told = fixture.read("s");
    std::fs::remove_file(fixture.path("s")).unwrap();
    let is_seal = |line: &&str| line.contains(r#"\"kind\":\"seal\""#);
    told.lines().filter(is_seal).filter(|line| line.contains(words)).count()
}

#[test]
fn the_seal_policy_in_force_stands_in_system() {
    let mut fixture = Fixture::empty();
    let policy = r#"{"main":{"rules":[{"path":"data.*","class":"pii","subject":"target.id"}]}}"#;
    fixture.write("policy.json", policy);
    let with = ["--seal-policy", "policy.json"];
    // Each start, its policy, and how often a policy, this one and its end were told from the first start on.
    let starts: [(&[&str], &str, [usize; 3]); 5] = [
        (&[], policy, [0, 0, 0]),
        (&with, policy, [1, 1, 0]),
        (&with, policy, [1, 1, 0]),
        (&with, &policy.replace("pii", "phi"), [2, 2, 0]),
        (&[], policy, [3, 2, 1]),
    ];
    for (args, policy, expected) in starts {
        fixture.write("policy.json", policy);
        fixture.serve(args);
        let told = ["", r#"\"class\":\"pii\""#, r#"\"after\":null"#];
        assert_eq!(told.map(|words| policies_told(&fixture, words)), expected, "{args:?} {policy}");
        fixture.stop();
    }
}

/// Posts a batch, which has to be taken.
fn post(fixture: &Fixture, body: &str) {
    let url = fixture.url();
    let address = url.strip_prefix("http://").unwrap();
    let token = fixture.read("graven-data/admin.token");
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /api/v1/logs/main/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/vnd.graven.batch\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        token.trim(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
