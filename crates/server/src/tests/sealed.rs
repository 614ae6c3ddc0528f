//! Sealed values over HTTP: opened for whoever may, never without a record.

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
