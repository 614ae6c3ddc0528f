//! The audit scope of a running server: what is not taken is counted, what is taken in part says so, what is refused is named.

use graven_entry::{Entry, ToSeal, check_event, seal_event};
use graven_merkle::LeafIndex;
use serde_json::{Value, json};

use super::site::{Ask, Reply, Site};

const EVENTS: &str = "/api/v1/logs/main/events";
const POLICY: &str = "/api/v1/logs/main/policy";

fn set(site: &Site, policy: &Value) -> Reply {
    site.post(POLICY, "application/json", policy.to_string().as_bytes())
}

fn policy() -> Value {
    json!({
        "rules": [
            {"name": "probes", "action": "health.*", "level": "none"},
            {"name": "views", "action": "*.view", "level": "metadata"},
            {"name": "cards", "action": "pay", "level": "full", "drop": ["data.card"]},
        ],
        "catalogue": [{"action": "pay", "require": ["context.request_id"]}],
    })
}

fn with_policy() -> Site {
    let site = Site::start();
    let reply = set(&site, &policy());
    assert_eq!((reply.status, &reply.json()["version"]), (200, &json!(1)), "{}", reply.text());
    site
}

/// Sends one event and gives the answer.
fn send(site: &Site, event: &str) -> Reply {
    site.post(EVENTS, "application/json", event.as_bytes())
}

fn entry(site: &Site, index: u64) -> (String, String) {
    let bytes = site.cell.log("main").unwrap().entry(LeafIndex(index)).unwrap();
    let entry = Entry::parse(&bytes).unwrap();
    let altered: Vec<&str> = entry.header.altered.iter().map(|what| what.as_str()).collect();
    (altered.join(","), String::from_utf8(entry.event.to_vec()).unwrap())
}

/// The last entry is `rest` with as many digests in the empty `_sd`, its header says so, and nothing that could open them is
/// kept: not in the entry, and not beside it.
fn check_dropped(site: &Site, rest: &str, count: usize) {
    let index = site.size() - 1;
    let (altered, event) = entry(site, index);
    let (start, end) = rest.split_once("[]").expect("where digests stand");
    let digests = event.strip_prefix(start).and_then(|text| text.strip_suffix(end));
    let digests: Vec<String> = serde_json::from_str(digests.expect(&event)).expect("a list");
    assert_eq!((altered.as_str(), digests.len()), ("sealed", count), "{event}");
    check_event(event.as_bytes()).expect("an event that verifiers take");
    assert_eq!(site.cell.log("main").unwrap().sidecars(LeafIndex(index)).unwrap(), []);
}

/// Events of `system` with this action.
fn told(site: &Site, action: &str) -> Vec<Value> {
    let system = site.cell.log("system").unwrap();
    let entries = (0..system.info().size.0).map(|index| {
        let entry = system.entry(LeafIndex(index)).unwrap();
        let event = Entry::parse(&entry).unwrap().event.to_vec();
        check_event(&event).expect("an event that verifiers take");
        serde_json::from_slice::<Value>(&event).unwrap()
    });
    entries.filter(|event| event["action"] == action).collect()
}

#[test]
fn what_is_not_taken_is_counted_and_told() {
    let mut site = with_policy();
    let size = site.size();
    let lines = concat!(
        r#"{"actor":{},"action":"health.live"}"#,
        "\n",
        r#"{"id":"1","actor":{},"action":"invoice.update"}"#,
        "\n",
        r#"{"actor":{},"action":"health.ready"}"#,
        "\n",
    );
    let reply = site.post(EVENTS, "application/x-ndjson", lines.as_bytes()).json();
    let dropped = json!([{"event": 0, "rule": "probes"}, {"event": 2, "rule": "probes"}]);
    assert_eq!((&reply["dropped"], &reply["receipts"][0]["index"]), (&dropped, &json!(size)));
    assert_eq!((reply["receipts"].as_array().unwrap().len(), site.size()), (1, size + 1));
    let alone = send(&site, r#"{"actor":{},"action":"health.live"}"#);
    assert_eq!((alone.status, &alone.json()["receipts"]), (200, &json!([])), "{}", alone.text());
    assert!(alone.json()["checkpoint"].as_str().unwrap().contains(&format!("\n{}\n", size + 1)));
    // A batch that is refused drops nothing: it comes again. The place named is that of what was sent.
    let bad = lines.replace(r#""action":"invoice.update""#, r#""act":1"#);
    let bad = site.post(EVENTS, "application/x-ndjson", bad.as_bytes());
    assert_eq!((bad.status, &bad.json()["event"]), (422, &json!(1)), "{}", bad.text());
    let metrics = site.get("/metrics").text();
    assert!(metrics.contains("graven_audit_dropped_total{log=\"main\"} 3\n"), "{metrics}");
    site.stop();
    site.join();
    let told = told(&site, "graven.drop");
    let events: u64 = told.iter().map(|event| event["data"]["events"].as_u64().unwrap()).sum();
    assert_eq!(events, 3, "{told:?}");
    assert!((1..=2).contains(&told.len()), "not one entry an event: {told:?}");
    assert_eq!(told[0]["data"]["version"], 1);
    assert_eq!(told[0]["target"], json!({"type": "log", "id": "main"}));
    assert_eq!(told[0]["data"]["rules"][0]["rule"], "probes");
}

#[test]
fn what_is_dropped_from_an_event_stands_in_its_header() {
    let site = with_policy();
    let view = r#"{"actor":{"id":"7"},"action":"invoice.view","target":{"id":"42"},"data":{"x":1},"odd":[1]}"#;
    send(&site, view);
    let rest = r#"{"actor":{"id":"7"},"action":"invoice.view","target":{"id":"42"},"_sd":[]}"#;
    check_dropped(&site, rest, 2);
    let pay = r#"{"id":"p1","actor":{},"action":"pay","context":{"request_id":"r"},"data":{"card":"4111","n":1.0}}"#;
    let first = send(&site, pay).json();
    check_dropped(&site, &pay.replace("\"card\":\"4111\"", "\"_sd\":[]"), 1);
    // The same event is known for the same under another policy, and another is not.
    assert_eq!(set(&site, &json!({})).status, 200);
    let again = send(&site, pay).json();
    assert_eq!(again["receipts"][0]["index"], first["receipts"][0]["index"]);
    assert_eq!(send(&site, &pay.replace("4111", "4112")).status, 409);
    let broken = pay.replacen(',', ",\n", 1).replace("p1", "p2");
    assert_eq!(set(&site, &policy()).status, 200);
    send(&site, &broken);
    assert_eq!(entry(&site, site.size() - 1).0, "compacted,sealed");
}

/// What its producer sealed is dropped with what opens it; the rest of it stays to be opened.
#[test]
fn a_sealed_value_is_dropped_with_its_disclosure_and_a_blob_with_its_digest() {
    let site = with_policy();
    let event = r#"{"actor":{},"action":"pay","context":{"request_id":"r"},"data":{"card":"4111","n":1.0}}"#;
    let values = [("/data/card", "lklxF5jMYlGTPUovMNIvCA"), ("/data/n", "mkmxF5jMYmGTPUovMNIvCA")]
        .map(|(path, salt)| ToSeal { path, salt });
    let sealed = seal_event(event.as_bytes(), &values).unwrap();
    let mut batch = format!("{}\n", json!({"graven": "batch/v1", "events": 1}));
    batch += &format!("{}\n", String::from_utf8(sealed.event.clone()).unwrap());
    for (disclosure, value) in sealed.disclosures.iter().zip(&values) {
        let line = json!({"event": 0, "disclosure": disclosure, "path": value.path,
            "subject": "c-42", "class": "pan"});
        batch += &format!("{line}\n");
    }
    let reply = site.ask(&Ask::post(EVENTS, "application/vnd.graven.batch", batch.as_bytes()));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let index = site.size() - 1;
    assert_eq!(
        entry(&site, index),
        ("sealed".to_owned(), String::from_utf8(sealed.event).unwrap())
    );
    for (path, expected) in [("/data/card", 404), ("/data/n", 200)] {
        let body = json!({"path": path, "reason": "r"}).to_string();
        let path = format!("/api/v1/logs/main/entries/{index}/reveal");
        assert_eq!(site.post(&path, "application/json", body.as_bytes()).status, expected);
    }
    // What brings a blob is an event as any other.
    let blobs = "/api/v1/logs/main/blobs";
    let policy =
        |level: &str| set(&site, &json!({"rules": [{"action": "blob.*", "level": level}]}));
    for (level, sidecars, altered) in [("metadata", 0, "sealed"), ("full", 1, "")] {
        assert_eq!(policy(level).status, 200);
        assert_eq!(site.post(blobs, "image/png", b"bytes").status, 200);
        let log = site.cell.log("main").unwrap();
        let kept = log.sidecars(LeafIndex(site.size() - 1)).unwrap();
        assert_eq!((kept.len(), entry(&site, site.size() - 1).0.as_str()), (sidecars, altered));
    }
    let size = site.size();
    assert_eq!(policy("none").status, 200);
    let dropped = site.post(blobs, "image/png", b"bytes").json();
    assert_eq!((&dropped["dropped"][0]["event"], site.size()), (&json!(0), size), "{dropped}");
}

#[test]
fn what_cannot_be_done_is_refused_with_the_field_named() {
    let site = with_policy();
    let check = |reply: Reply, field: &str| {
        let json = reply.json();
        let expected = (422, &json!("bad_event"), &json!(field));
        assert_eq!((reply.status, &json["code"], &json["field"]), expected, "{}", reply.text());
        json["detail"].as_str().unwrap().to_owned()
    };
    let size = site.size();
    let why = check(send(&site, r#"{"actor":{},"action":"pay"}"#), "/context/request_id");
    assert!(why.contains("`pay`") && why.contains("version 1"), "{why}");
    let stream = |event: &str| {
        let body =
            format!("{}\n{event}\n", json!({"graven": "batch/v1", "events": 1, "stream": "s"}));
        site.ask(&Ask::post(EVENTS, "application/vnd.graven.batch", body.as_bytes()))
    };
    check(stream(r#"{"actor":{},"action":"health.live"}"#), "/action");
    assert_eq!(send(&site, r#"{"actor":{},"action":"graven.x"}"#).status, 422);
    assert_eq!(site.size(), size, "a refused event wrote something");
    assert_eq!(stream(r#"{"actor":{},"action":"a.view","data":1}"#).status, 200);
    assert_eq!(entry(&site, size).0, "sealed");
}

#[test]
fn a_policy_is_an_entry_and_survives_a_restart() {
    let mut site = with_policy();
    let same = set(&site, &policy());
    assert_eq!((same.status, &same.json()["code"]), (409, &json!("exists")));
    for (body, expected) in [
        (json!([]), 400),
        (json!({"rules": [{"level": "none", "drop": ["data"]}]}), 400),
        (json!({"rules": [{"level": "none", "name": "x".repeat(30_000)}]}), 413),
    ] {
        assert_eq!(set(&site, &body).status, expected, "{body}");
    }
    let system = site.post("/api/v1/logs/system/policy", "application/json", b"{}");
    assert_eq!(system.status, 403, "{}", system.text());
    assert_eq!(set(&site, &json!({})).json()["version"], 2);
    assert_eq!(set(&site, &policy()).json()["version"], 3);
    site.reopen(log::CellLimits::default());
    let shown = site.get(POLICY).json();
    assert_eq!((&shown["version"], &shown["policy"]), (&json!(3), &policy()));
    let mut told = told(&site, "graven.policy");
    told.retain(|event| event["outcome"] == "success");
    assert_eq!(told.len(), 3);
    assert_eq!((&told[0]["data"]["before"], &told[0]["data"]["after"]), (&Value::Null, &policy()));
    assert_eq!((&told[1]["data"]["before"], &told[1]["data"]["after"]), (&policy(), &json!({})));
    assert_eq!(told[1]["actor"]["id"], "admin");
    let dropped = send(&site, r#"{"actor":{},"action":"health.live"}"#).json();
    assert_eq!(dropped["dropped"][0]["rule"], "probes");
}

#[test]
fn what_would_happen_is_explained_and_does_not_happen() {
    let site = with_policy();
    let size = site.size();
    let check = |how: &str, event: &str, expected: Value| {
        let path = format!("/api/v1/logs/main/explain{how}");
        let told = site.post(&path, "application/json", event.as_bytes()).json();
        let fields =
            ["outcome", "level", "rule", "missing", "dropped"].map(|key| told[key].clone());
        assert_eq!(Value::from(fields.to_vec()), expected, "{event}: {told}");
        assert_eq!(told["why"].is_string(), told["outcome"] == "refused", "{told}");
    };
    let probe = r#"{"actor":{},"action":"health.live"}"#;
    check("", probe, json!(["not recorded", "none", "probes", [], []]));
    check("?as=stream", probe, json!(["refused", "none", "probes", [], []]));
    let view = r#"{"actor":{},"action":"a.view","data":1}"#;
    check("", view, json!(["recorded in part", "metadata", "views", [], ["/data"]]));
    check("?as=signed", view, json!(["refused", "metadata", "views", [], ["/data"]]));
    let pay = r#"{"actor":{},"action":"pay"}"#;
    check("", pay, json!(["refused", "full", "cards", ["/context/request_id"], []]));
    check("", r#"{"actor":{},"action":"x"}"#, json!(["recorded", "full", "default", [], []]));
    let bad = site.post("/api/v1/logs/main/explain", "application/json", b"{\"actor\":{}}");
    assert_eq!((bad.status, &bad.json()["field"]), (422, &json!("/action")));
    assert_eq!(site.size(), size);
}
