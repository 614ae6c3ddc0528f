//! Sealed values over HTTP: opened for whoever may, never without a record.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use graven_entry::{Disclosure, Entry, disclosure_digest};
use graven_merkle::LeafIndex;
use log::CellLimits;
use serde_json::{Value, json};

use super::site::{Ask, Reply, Site};

/// An event whose `data.iban` is pii and whose `data.note` is phi, about c-42.
const EVENT: &str = r#"{"actor":{"id":"a"},"action":"pay","target":{"id":"c-42"},"data":{"iban":"DE111","note":1.50}}"#;

/// Makes a token by the admin's, as the value of a header.
fn create(site: &Site, body: Value) -> String {
    let reply = site.post("/api/v1/tokens", "application/json", body.to_string().as_bytes());
    assert_eq!(reply.status, 201, "{}", reply.text());
    format!("Bearer {}", reply.json()["token"].as_str().unwrap())
}

fn post(site: &Site, bearer: &str, path: &str, body: &Value) -> Reply {
    let body = body.to_string();
    let ask = Ask::post(path, "application/json", body.as_bytes()).anonymous();
    site.ask(&ask.with("authorization", bearer))
}

fn reveal(site: &Site, bearer: &str, index: u64, path: &str) -> Reply {
    let body = json!({"path": path, "reason": "ticket 7"});
    post(site, bearer, &format!("/api/v1/logs/main/entries/{index}/reveal"), &body)
}

/// The events of `system` with this action, as they stand now.
fn told(site: &Site, action: &str) -> Vec<Value> {
    let system = site.cell.log("system").unwrap();
    let entries = (0..system.info().size.0).map(|index| system.entry(LeafIndex(index)).unwrap());
    let events = entries.map(|entry| {
        let entry = Entry::parse(&entry).unwrap();
        serde_json::from_slice::<Value>(entry.event).unwrap()
    });
    events.filter(|event| event["action"] == action).collect()
}

#[test]
fn a_revealer_opens_one_value_of_its_class_and_the_record_is_there_first() {
    let site = Site::start();
    let index = site.append(EVENT);
    let all = create(&site, json!({"name": "all", "role": "revealer"}));
    let pii = create(&site, json!({"name": "pii", "role": "revealer", "class": "pii"}));
    let entry = site.get(&format!("/api/v1/logs/main/entries/{index}")).text();
    for (who, bearer, path, value) in [
        ("all", &all, "/data/iban", "\"DE111\""),
        ("all", &all, "/data/note", "1.50"),
        ("pii", &pii, "/data/iban", "\"DE111\""),
    ] {
        let before = told(&site, "graven.reveal").len();
        let reply = reveal(&site, bearer, index, path);
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(reply.text().contains(&format!("\"value\":{value},")), "{}", reply.text());
        let answer = reply.json();
        let encoded = answer["disclosure"].as_str().unwrap();
        assert_eq!(Disclosure::parse(encoded).unwrap().value_json, value.as_bytes());
        assert!(entry.contains(&disclosure_digest(encoded)));
        assert!(answer["proof"].as_str().unwrap().starts_with("c2sp.org/tlog-proof@v1\n"));
        let told = told(&site, "graven.reveal");
        assert_eq!(told.len(), before + 1, "the record is there before the answer");
        let last = told.last().unwrap();
        assert_eq!(
            (&last["actor"]["id"], &last["data"]["reason"]),
            (&who.into(), &"ticket 7".into())
        );
        assert_eq!(last["data"]["index"], index);
    }
    // A value of another class looks like none, but the attempt is told.
    let (other, none) =
        (reveal(&site, &pii, index, "/data/note"), reveal(&site, &pii, index, "/x"));
    assert_eq!((other.status, other.json()), (404, none.json()));
    assert_eq!(reveal(&site, &all, index + 1, "/data/iban").status, 404);
    for (body, status) in [
        (json!({"path": "/data/iban", "reason": ""}), 422),
        (json!({"path": "/data/iban"}), 400),
        (json!({"path": "/data/iban", "reason": "x".repeat(1_025)}), 422),
    ] {
        let path = format!("/api/v1/logs/main/entries/{index}/reveal");
        assert_eq!(post(&site, &all, &path, &body).status, status, "{body}");
    }
    let is_denied = |event: &Value| event["outcome"] == "denied" && event["actor"]["id"] == "pii";
    while !told(&site, "graven.reveal").iter().any(is_denied) {
        std::thread::yield_now();
    }
}

#[test]
fn what_cannot_be_recorded_is_not_revealed() {
    let mut site = Site::start();
    let index = site.append(EVENT);
    let all = create(&site, json!({"name": "all", "role": "revealer"}));
    assert_eq!(reveal(&site, &all, index, "/data/iban").status, 200);
    let limits = CellLimits {
        disk_reserve_bytes: u64::MAX,
        own_room_bytes: u64::MAX,
        ..CellLimits::default()
    };
    site.reopen(limits);
    while site.ask(&Ask::get("/readyz").anonymous()).status == 200 {
        std::thread::yield_now();
    }
    let refused = reveal(&site, &all, index, "/data/iban");
    assert_eq!(refused.status, 507, "{}", refused.text());
    assert!(!refused.text().contains("DE111"));
}

#[test]
fn a_class_is_of_a_revealer_s_role_alone() {
    let site = Site::start();
    for (body, status) in [
        (json!({"name": "a", "role": "reader", "class": "pii"}), 400),
        (json!({"name": "a", "role": "revealer", "class": "everything"}), 400),
        (json!({"name": "a", "role": "revealer", "log": "main", "class": "phi"}), 201),
    ] {
        let reply = site.post("/api/v1/tokens", "application/json", body.to_string().as_bytes());
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
    }
    let roles = site.get("/api/v1/tokens").json()["tokens"][0]["roles"].clone();
    assert_eq!(roles, json!([{"role": "revealer", "log": "main", "class": "phi"}]));
}

#[test]
fn a_subject_is_held_released_and_erased_over_http() {
    let site = Site::start();
    let index = site.append(EVENT);
    let ask = |what: &str, subject: &str| {
        let body = json!({"subject": subject, "reason": "ticket 8"});
        let path = format!("/api/v1/subjects/{what}");
        site.post(&path, "application/json", body.to_string().as_bytes())
    };
    let revealer = create(&site, json!({"name": "all", "role": "revealer"}));
    assert_eq!(reveal(&site, &revealer, index, "/data/iban").status, 200);
    let shown = ask("show", "c-42").json();
    assert_eq!((&shown["held"], shown["pseudonym"].as_str().unwrap().len()), (&false.into(), 24));
    for (what, status, member, value) in [
        ("hold", 200, "repeated", json!(false)),
        ("hold", 200, "repeated", json!(true)),
        ("erase", 409, "code", json!("held")),
        ("release", 200, "held", json!(false)),
        ("erase", 200, "values", json!(2)),
        ("erase", 200, "repeated", json!(true)),
        ("show", 404, "code", json!("not_found")),
        ("hold", 404, "field", json!("subject")),
    ] {
        let reply = ask(what, "c-42");
        assert_eq!(
            (reply.status, &reply.json()[member]),
            (status, &value),
            "{what} {}",
            reply.text()
        );
        if (what, status) == ("erase", 200) {
            assert_eq!(reply.json()["revealed_to"], json!(["all"]));
        }
    }
    assert_eq!(ask("erase", "nobody").status, 404);
    // The vault is empty of it: it looks as if nothing had been there.
    assert_eq!(reveal(&site, &revealer, index, "/data/iban").status, 404);
    let system = told(&site, "graven.erasure");
    assert_eq!(system.len(), 2);
    assert!(!format!("{system:?}").contains("c-42"), "{system:?}");
}

const BLOBS: &str = "/api/v1/logs/main/blobs";

fn hex_digest(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The path of a blob of an entry.
fn blob_path(index: u64, digest: &str) -> String {
    format!("/api/v1/logs/main/entries/{index}/blobs/{digest}")
}

#[test]
fn a_blob_is_read_back_by_the_digest_that_its_entry_states() {
    let site = Site::start();
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
    let added = site.post(BLOBS, "image/png", &bytes);
    assert_eq!(added.status, 200, "{}", added.text());
    let index = added.json()["receipts"][0]["index"].as_u64().unwrap();
    let entry = site.get(&format!("/api/v1/logs/main/entries/{index}")).text();
    let digest = hex_digest(&bytes);
    let stated =
        format!(r#""blob":{{"length":100000,"media_type":"image/png","sha256":"{digest}"}}"#);
    assert!(entry.contains(&stated), "{entry}");
    let read = |site: &Site| {
        let reply = site.get(&blob_path(index, &digest));
        assert_eq!((reply.status, reply.body == bytes), (200, true), "{}", reply.status);
        assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
    };
    read(&site);
    site.cell.unload().unwrap();
    read(&site);
    for (path, status) in [
        (blob_path(index, &hex_digest(b"other")), 404),
        (blob_path(index + 9, &digest), 404),
        (blob_path(index, &digest.to_uppercase()), 400),
        (blob_path(0, &digest), 404),
    ] {
        assert_eq!(site.get(&path).status, status, "{path}");
    }
    let too_large = vec![0; crate::limits::BLOB_BYTES_MAX_DEFAULT + 1];
    assert_eq!(site.post(BLOBS, "image/png", &too_large).status, 413);
    let half = Ask::post(BLOBS, "image/png", b"x").with("graven-subject", "c-42");
    assert_eq!(site.ask(&half).status, 400);
    // A batch may bring a blob that its event does not name, or not that: it is not served.
    let head = r#"{"graven":"batch/v1","events":1}"#;
    let event = EVENT.replace("DE111", &digest).replace("iban", "other");
    let body = format!("{head}\n{event}\n{{\"event\":0,\"blob\":\"AAAA\"}}\n");
    let path = "/api/v1/logs/main/events";
    let appended = site.post(path, "application/vnd.graven.batch", body.as_bytes());
    let index = appended.json()["receipts"][0]["index"].as_u64().unwrap();
    assert_eq!(site.get(&blob_path(index, &digest)).status, 503);
    assert_eq!(site.get(&blob_path(index, &hex_digest(&[0; 3]))).status, 404);
}

#[test]
fn a_sealed_blob_opens_with_its_digest_and_goes_with_its_subject() {
    let site = Site::start();
    let scan = b"a scan of a passport".repeat(50);
    let ask = Ask::post(BLOBS, "image/png", &scan).with("graven-subject", "c-42");
    let added = site.ask(&ask.with("graven-class", "phi"));
    assert_eq!(added.status, 200, "{}", added.text());
    let index = added.json()["receipts"][0]["index"].as_u64().unwrap();
    let digest = hex_digest(&scan);
    let entry = site.get(&format!("/api/v1/logs/main/entries/{index}")).text();
    assert!(!entry.contains(&digest) && entry.contains("\"length\":1000"), "{entry}");
    assert_eq!(site.get(&blob_path(index, &digest)).status, 404);
    let stored = site.cell.log("main").unwrap().sidecars(LeafIndex(index)).unwrap();
    let has_clear = |bytes: &[u8]| bytes.windows(8).any(|part| scan.starts_with(part));
    assert!(stored.len() == 2 && !stored.iter().any(|sidecar| has_clear(&sidecar.bytes)));

    let phi = create(&site, json!({"name": "phi", "role": "revealer", "class": "phi"}));
    let pan = create(&site, json!({"name": "pan", "role": "revealer", "class": "pan"}));
    for (bearer, status) in [(&phi, 200), (&pan, 404)] {
        let reply = reveal(&site, bearer, index, "/data/blob/sha256");
        assert_eq!(reply.status, status, "{}", reply.text());
        let blob = reply.json()["blob"].as_str().map(str::to_owned);
        assert_eq!(blob, (status == 200).then(|| STANDARD.encode(&scan)));
    }
    let body = json!({"subject": "c-42", "reason": "ticket 9"}).to_string();
    let erased = site.post("/api/v1/subjects/erase", "application/json", body.as_bytes());
    assert_eq!(erased.json()["values"], 2, "{}", erased.text());
    assert_eq!(site.cell.log("main").unwrap().sidecars(LeafIndex(index)).unwrap(), []);
    assert_eq!(reveal(&site, &phi, index, "/data/blob/sha256").status, 404);
}

#[test]
fn what_looks_sensitive_and_stands_in_clear_is_counted_by_log_and_kind() {
    let site = Site::start();
    let counted = || {
        let text = site.get("/metrics").text();
        let lines = text.lines().filter(|line| line.starts_with("graven_sealing_flagged_total{"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(counted(), [] as [&str; 0]);
    for data in [
        r#"{"n":"4111 1111 1111 1111","note":"4111 1111 1111 1111"}"#,
        r#"{"n":["4111111111111111","AKIAIOSFODNN7EXAMPLE"],"m":4111}"#,
    ] {
        site.append(&format!(
            r#"{{"actor":{{"id":"a"}},"action":"x","target":{{"id":"c"}},"data":{data}}}"#
        ));
    }
    // What a rule seals, as `note` here, is not in clear.
    let expected = [
        r#"graven_sealing_flagged_total{log="main",kind="card"} 2"#,
        r#"graven_sealing_flagged_total{log="main",kind="token"} 1"#,
    ];
    assert_eq!(counted(), expected);
}

/// By the body's id, which never stands in an address nor in `system`, whoever may look up its pseudonym finds what is of it.
#[test]
fn a_subject_is_found_by_its_id_until_it_is_erased() {
    let mut site = Site::start();
    site.append(EVENT);
    let body = json!({"subject": "c-42", "reason": "ticket 9"});
    let shown = site.post("/api/v1/subjects/show", "application/json", body.to_string().as_bytes());
    let pseudonym = shown.json()["pseudonym"].as_str().unwrap().to_owned();
    // As policy puts it in the place of an id.
    let event = |target: &str, outcome: &str| {
        format!(r#"{{"actor":{{"id":"a"}},"action":"x","target":{target},"outcome":"{outcome}"}}"#)
    };
    let typed = format!(r#"{{"type":"customer","id":"{pseudonym}"}}"#);
    site.append(&event(&typed, "success"));
    site.append(&format!(r#"{{"actor":{{"id":"{pseudonym}"}},"action":"x","outcome":"failure"}}"#));
    let last = site.append(&event(r#""c-43""#, "failure"));
    let path = |q: &str| format!("/api/v1/logs/main/search?q={q}&wait={last}");
    let total = |q: &str| {
        let reply = site.post(&path(q), "application/json", body.to_string().as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["total"].as_u64().unwrap()
    };
    assert_eq!((total(""), total("outcome:failure"), total("action:pay")), (3, 1, 1));
    let reader = create(&site, json!({"name": "rita", "role": "reader"}));
    assert_eq!(post(&site, &reader, &path(""), &body).status, 403);
    let revealer = create(&site, json!({"name": "rev", "role": "revealer"}));
    assert_eq!(post(&site, &revealer, &path(""), &body).status, 403, "it may not read");
    assert_eq!(told(&site, "graven.subject").len(), 4, "each look-up is told");
    let erase =
        site.post("/api/v1/subjects/erase", "application/json", body.to_string().as_bytes());
    assert_eq!(erase.status, 200, "{}", erase.text());
    let gone = site.post(&path(""), "application/json", body.to_string().as_bytes());
    assert_eq!((gone.status, &gone.json()["code"]), (404, &json!("not_found")));
    site.stop();
    site.join();
    let searches = told(&site, "graven.search");
    let queries =
        format!("{:?}", searches.iter().map(|event| &event["data"]["queries"]).collect::<Vec<_>>());
    assert!(queries.contains(&pseudonym) && queries.contains("outcome:failure"), "{queries}");
    assert!(!queries.contains("c-42"), "{queries}");
}
