//! Every row of the refusal table that a client can reach: status, code, field, position, and that
//! nothing was written.

use std::io::Write as _;

use serde_json::Value;

use super::EVENT;
use super::site::{Ask, Reply, Site};

const EVENTS: &str = "/api/v1/logs/main/events";
const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const BATCH: &str = "application/vnd.graven.batch";

/// What a refusal must say. `Null` stands for a member that must not be there.
struct Expected {
    status: u16,
    code: &'static str,
    event: Value,
    field: Value,
    position: Value,
}

/// A refusal that names a field.
fn refused(status: u16, code: &'static str, field: &str) -> Expected {
    Expected { status, code, event: Value::Null, field: field.into(), position: Value::Null }
}

/// A refusal of one event of a batch, at a byte of it.
fn event_refused(
    status: u16,
    code: &'static str,
    event: u64,
    field: impl Into<Value>,
    position: impl Into<Value>,
) -> Expected {
    Expected { status, code, event: event.into(), field: field.into(), position: position.into() }
}

/// Asks, compares the problem document, and makes sure that the log did not grow.
fn check(site: &Site, ask: &Ask<'_>, expected: &Expected) -> Reply {
    let size_before = site.size();
    let reply = site.ask(ask);
    let what = format!("{} {} {:?} -> {}", ask.method, ask.path, ask.headers, reply.text());
    assert_eq!(reply.status, expected.status, "{what}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{what}");
    let problem = reply.json();
    assert_eq!(problem["status"], expected.status, "{what}");
    assert_eq!(problem["code"], expected.code, "{what}");
    assert_eq!(problem["type"], format!("/docs/errors/{}", expected.code), "{what}");
    assert_eq!(problem["event"], expected.event, "{what}");
    assert_eq!(problem["field"], expected.field, "{what}");
    assert_eq!(problem["position"], expected.position, "{what}");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{what}");
    assert_eq!(site.size(), size_before, "a refused request wrote something: {what}");
    reply
}

fn check_event(site: &Site, event: &[u8], expected: &Expected) {
    check(site, &Ask::post(EVENTS, JSON, event), expected);
}

#[test]
fn an_event_that_is_not_json_everyone_reads_alike_is_refused_with_its_byte() {
    let site = Site::start();
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(64), "]".repeat(64));
    let table: [(&[u8], Value, u64); 12] = [
        (b"", Value::Null, 0),
        (b"[]", Value::Null, 0),
        (b"1", Value::Null, 0),
        (b"{\"a\":1", Value::Null, 6),
        (b"{\"a\":tru}", "/a".into(), 8),
        (b"{\"a\":1,\"a\":2}", "/a".into(), 7),
        (b"{\"a\":1,\"\\u0061\":2}", "/a".into(), 7),
        (deep.as_bytes(), Value::Null, 68),
        (b"{\"a\":\"\xff\"}", "/a".into(), 6),
        (b"{\"a\":\"\\ud800\"}", "/a".into(), 6),
        (b"{\"a\":\"\\u0000\"}", "/a".into(), 6),
        (b"{\"a\":1} x", Value::Null, 8),
    ];
    for (event, field, position) in table {
        let size_before = site.size();
        let reply = site.post(EVENTS, JSON, event);
        let what = format!("{:?} -> {}", String::from_utf8_lossy(event), reply.text());
        let problem = reply.json();
        assert_eq!((reply.status, &problem["code"]), (400, &"bad_json".into()), "{what}");
        assert_eq!(problem["event"], 0, "{what}");
        assert_eq!(problem["position"], position, "{what}");
        if field != Value::Null {
            assert_eq!(problem["field"], field, "{what}");
        }
        assert_eq!(site.size(), size_before, "{what}");
    }
}

#[test]
fn an_event_that_lacks_something_is_refused_with_its_field() {
    let site = Site::start();
    let table = [
        (r#"{"action":"a"}"#, "/actor"),
        (r#"{"actor":{"type":"user","id":"1"}}"#, "/action"),
        (r#"{"actor":{"type":"user","id":"1"},"action":7}"#, "/action"),
        (r#"{"actor":{"type":"user","id":"1"},"action":"graven.key"}"#, "/action"),
        (r#"{"actor":{"type":"user","id":"1"},"action":"a","id":7}"#, "/id"),
        (r#"{"actor":{"type":"user","id":"1"},"action":"a","_sd_alg":"x"}"#, "/_sd_alg"),
    ];
    for (event, field) in table {
        let reply = site.post(EVENTS, JSON, event.as_bytes());
        let problem = reply.json();
        let what = format!("{event} -> {}", reply.text());
        assert_eq!((reply.status, &problem["code"]), (422, &"bad_event".into()), "{what}");
        assert_eq!((&problem["event"], &problem["field"]), (&0.into(), &field.into()), "{what}");
    }
    assert_eq!(site.size(), site.append(EVENT), "nothing of all that was written");
}

#[test]
fn one_bad_event_refuses_all_of_its_batch() {
    let site = Site::start();
    let body = format!("{EVENT}\n{EVENT}\n{{\"actor\":1}}\n{EVENT}\n");
    let ask = Ask::post(EVENTS, NDJSON, body.as_bytes());
    let reply = check_status(&site, &ask, 422, "bad_event");
    assert_eq!(reply["event"], 2);
    let body = format!("{EVENT}\n\n{EVENT}\n");
    let ask = Ask::post(EVENTS, NDJSON, body.as_bytes());
    let reply = check_status(&site, &ask, 400, "bad_json");
    assert_eq!(reply["event"], 1, "a blank line between events is no event");
}

fn check_status(site: &Site, ask: &Ask<'_>, status: u16, code: &str) -> Value {
    let size_before = site.size();
    let reply = site.ask(ask);
    let problem = reply.json();
    assert_eq!((reply.status, &problem["code"]), (status, &code.into()), "{}", reply.text());
    assert_eq!(site.size(), size_before);
    problem
}

#[test]
fn what_is_too_large_is_refused_with_its_limit() {
    let site = Site::start();
    let event = format!(
        "{{\"actor\":{{\"id\":\"1\"}},\"action\":\"a\",\"data\":\"{}\"}}",
        "x".repeat(57_344)
    );
    let problem = check_status(&site, &Ask::post(EVENTS, JSON, event.as_bytes()), 413, "too_large");
    assert_eq!(problem["event"], 0);
    assert!(problem["detail"].as_str().unwrap().contains("57"), "{problem}");

    let body = vec![b' '; 16 * 1024 * 1024 + 1];
    let expected = refused(413, "too_large", "body");
    let reply = check(&site, &Ask::post(EVENTS, NDJSON, &body), &expected);
    assert!(reply.text().contains("16777216"), "{}", reply.text());

    let body = format!("{EVENT}\n").repeat(10_001);
    let expected = event_refused(413, "too_large", 10_000, "events", Value::Null);
    check(&site, &Ask::post(EVENTS, NDJSON, body.as_bytes()), &expected);
    let without_end = body.trim_end();
    check(&site, &Ask::post(EVENTS, NDJSON, without_end.as_bytes()), &expected);

    let query = format!("/api/v1/logs?after={}", "x".repeat(5_000));
    check(&site, &Ask::get(&query), &refused(413, "too_large", "query"));
    let header = "x".repeat(20_000);
    let ask = Ask::get("/api/v1/logs").with("x-large", &header);
    check(&site, &ask, &refused(413, "too_large", "headers"));
}

#[test]
fn a_gzip_bomb_is_refused_before_it_fills_memory() {
    let site = Site::start();
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let by_ratio = gzip(&vec![b' '; 4 * 1024 * 1024]);
    let by_size = {
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            b'a' + (state >> 60) as u8
        });
        let mut line: Vec<u8> = noise.take(1024).collect();
        line.push(b' ');
        gzip(&line.repeat(17 * 1024))
    };
    let table: [(&[u8], u16, &str); 5] = [
        (&by_ratio, 413, "too_large"),
        (&by_size, 413, "too_large"),
        (b"not gzip", 400, "bad_json"),
        (&by_ratio[..20], 400, "bad_json"),
        (b"", 400, "bad_json"),
    ];
    for (body, status, code) in table {
        let ask = Ask::post(EVENTS, NDJSON, body).with("content-encoding", "gzip");
        let problem = check_status(&site, &ask, status, code);
        assert_eq!(problem["field"], "body", "{problem}");
    }
}

#[test]
fn other_content_types_and_encodings_are_refused() {
    let site = Site::start();
    let content_type = refused(415, "unsupported_type", "content-type");
    for name in ["text/plain", "application/json; charset=latin1", "application/xml", ""] {
        check(&site, &Ask::post(EVENTS, name, EVENT.as_bytes()), &content_type);
    }
    let twice = Ask::post(EVENTS, JSON, EVENT.as_bytes()).with("content-type", NDJSON);
    check(&site, &twice, &content_type);
    let logs = Ask::post("/api/v1/logs", "text/plain", br#"{"name":"a"}"#);
    check(&site, &logs, &content_type);
    for name in ["br", "gzip, gzip", "x"] {
        let ask = Ask::post(EVENTS, JSON, EVENT.as_bytes()).with("content-encoding", name);
        let reply = check(&site, &ask, &refused(415, "unsupported_type", "content-encoding"));
        assert_eq!(reply.header("accept-encoding"), Some("gzip, identity"));
    }
}

#[test]
fn an_ack_level_that_cannot_be_had_is_said_before_writing() {
    let site = Site::start();
    for level in ["replicated", "object", "witnessed", "soon", ""] {
        let path = format!("{EVENTS}?ack={level}");
        let ask = Ask::post(&path, JSON, EVENT.as_bytes());
        check(&site, &ask, &refused(422, "ack_unavailable", "ack"));
    }
}

#[test]
fn queries_with_unknown_wrong_or_repeated_parameters_are_refused() {
    let site = Site::start();
    let table = [
        ("/api/v1/logs?limit=0", "limit"),
        ("/api/v1/logs?limit=1001", "limit"),
        ("/api/v1/logs?limit=x", "limit"),
        ("/api/v1/logs?limti=1", "limti"),
        ("/api/v1/logs?limit=1&limit=1", "limit"),
        ("/api/v1/logs/main/consistency?old=0", "new"),
        ("/api/v1/logs/main/consistency?old=1&new=0", "old"),
        ("/api/v1/logs/main/consistency?old=-1&new=1", "old"),
        ("/api/v1/logs/main/consistency?old=01&new=1", "old"),
        ("/api/v1/logs/main/consistency?old=0&new=9223372036854775808", "new"),
        ("/api/v1/logs/main/entries/x", "index"),
        ("/api/v1/logs/main/entries/00", "index"),
        ("/api/v1/logs/main/entries/", "index"),
        ("/api/v1/logs/main/tail?from=99", "from"),
    ];
    for (path, field) in table {
        if path.ends_with("entries/") {
            // An empty segment is no index: there is no such path.
            check(&site, &Ask::get(path), &refused(404, "not_found", "path"));
        } else {
            check(&site, &Ask::get(path), &refused(400, "bad_query", field));
        }
    }
    let path = format!("{EVENTS}?akc=witnessed");
    let ask = Ask::post(&path, JSON, EVENT.as_bytes());
    check(&site, &ask, &refused(400, "bad_query", "akc"));
    let path = format!("{EVENTS}?proof=1");
    let ask = Ask::post(&path, JSON, EVENT.as_bytes());
    check(&site, &ask, &refused(400, "bad_query", "proof"));
}

#[test]
fn what_is_not_there_is_404_and_a_wrong_method_405() {
    let site = Site::start();
    let table = [
        ("/nowhere", "path"),
        ("/api/v2/logs", "path"),
        ("/api/v1/logs/none", "log"),
        ("/api/v1/logs/main/streams/none", "stream"),
        ("/log/none/checkpoint", "log"),
        ("/log/main/tile/0/00", "tile"),
        ("/log/main/tile/entries/x", "tile"),
        ("/log/main/tile/%65ntries/000.p/1", "tile"),
        ("/docs/errors/none", "code"),
    ];
    for (path, field) in table {
        check(&site, &Ask::get(path), &refused(404, "not_found", field));
    }
    let ask = Ask::post("/api/v1/logs/none/events", JSON, EVENT.as_bytes());
    check(&site, &ask, &refused(404, "not_found", "log"));
    for path in ["/api/v1/logs/main/entries/999999", "/api/v1/logs/main/entries/999999/proof"] {
        check_status(&site, &Ask::get(path), 404, "not_found");
    }
    check_status(&site, &Ask::get("/log/main/tile/0/x009/999"), 404, "not_found");
    for (method, path, allow) in [
        ("DELETE", "/api/v1/logs/main/entries/0", "GET, HEAD"),
        ("PUT", "/api/v1/logs", "POST, GET, HEAD"),
        ("GET", EVENTS, "POST"),
    ] {
        let ask = Ask { method, ..Ask::get(path) };
        let reply = check(&site, &ask, &refused(405, "not_found", "method"));
        assert_eq!(reply.header("allow"), Some(allow));
    }
}

#[test]
fn identities_and_seqs_conflict_as_they_should() {
    let site = Site::start();
    let first = r#"{"id":"a-1","actor":{"type":"user","id":"1"},"action":"a"}"#;
    let other = r#"{"id":"a-1","actor":{"type":"user","id":"1"},"action":"b"}"#;
    let index = site.append(first);
    let again = site.post(EVENTS, JSON, first.as_bytes());
    let receipt = &again.json()["receipts"][0];
    assert_eq!((&receipt["index"], &receipt["repeated"]), (&index.into(), &true.into()));
    check_status(&site, &Ask::post(EVENTS, JSON, other.as_bytes()), 409, "conflict");

    let batch = |seq: u64, action: &str| {
        format!(
            "{{\"graven\":\"batch/v1\",\"events\":1,\"stream\":\"s/1\",\"first_seq\":{seq}}}\n\
             {{\"actor\":{{\"type\":\"user\",\"id\":\"1\"}},\"action\":\"{action}\"}}\n"
        )
    };
    let post = |body: &str| site.post(EVENTS, BATCH, body.as_bytes());
    let start = post(&batch(0, "a"));
    assert_eq!(start.status, 200, "{}", start.text());
    let repeat = post(&batch(0, "a"));
    assert_eq!(repeat.json()["receipts"][0]["repeated"], true, "{}", repeat.text());
    let skip = batch(2, "a");
    let problem = check_status(&site, &Ask::post(EVENTS, BATCH, skip.as_bytes()), 409, "seq_gap");
    assert_eq!(problem["next_seq"], 1);
    let fork = post(&batch(0, "b"));
    assert_eq!((fork.status, &fork.json()["code"]), (409, &"conflict".into()), "{}", fork.text());
}

#[test]
fn batches_that_say_what_they_are_not_are_refused() {
    let site = Site::start();
    let table = [
        ("", 400, "bad_json", "graven"),
        ("{}", 400, "bad_json", "graven"),
        (r#"{"graven":"batch/v1"}"#, 400, "bad_json", "graven"),
        (r#"{"graven":"batch/v2","events":1}"#, 415, "unsupported_type", "graven"),
        (r#"{"graven":"batch/v1","events":0}"#, 400, "bad_json", "events"),
        (r#"{"graven":"batch/v1","events":1}"#, 400, "bad_json", "events"),
        (r#"{"graven":"batch/v1","events":10001}"#, 413, "too_large", "events"),
        (r#"{"graven":"batch/v1","events":1,"cursor":"c"}"#, 400, "bad_json", "cursor"),
        (r#"{"graven":"batch/v1","events":1,"first_seq":0}"#, 400, "bad_json", "first_seq"),
    ];
    for (body, status, code, field) in table {
        let problem = check_status(&site, &Ask::post(EVENTS, BATCH, body.as_bytes()), status, code);
        assert_eq!(problem["field"], field, "{body} -> {problem}");
    }
    let head = r#"{"graven":"batch/v1","events":1,"stream":"s","attestation":"no note"}"#;
    let body = format!("{head}\n{EVENT}\n");
    check_status(&site, &Ask::post(EVENTS, BATCH, body.as_bytes()), 422, "bad_attestation");
}

#[test]
fn bodies_of_other_routes_are_checked_too() {
    let site = Site::start();
    let table = [
        (r#"{"name":"Upper"}"#, 400, "bad_json", "name"),
        (r#"{"name":""}"#, 400, "bad_json", "name"),
        (r#"{"name":"a","origin":"7 b"}"#, 400, "bad_json", "origin"),
        (r#"{"name":"a","colour":1}"#, 400, "bad_json", "body"),
        (r#"{"name":"a","name":"b"}"#, 400, "bad_json", "body"),
        (r#"{"name":"a""#, 400, "bad_json", "body"),
    ];
    for (body, status, code, field) in table {
        let ask = Ask::post("/api/v1/logs", JSON, body.as_bytes());
        let problem = check_status(&site, &ask, status, code);
        assert_eq!(problem["field"], field, "{body} -> {problem}");
    }
    assert_eq!(site.post("/api/v1/logs", JSON, br#"{"name":"a"}"#).status, 201);
    check_status(&site, &Ask::post("/api/v1/logs", JSON, br#"{"name":"a"}"#), 409, "exists");
    let large = format!("{{\"name\":\"{}\"}}", "a".repeat(70_000));
    let ask = Ask::post("/api/v1/logs", JSON, large.as_bytes());
    check(&site, &ask, &refused(413, "too_large", "body"));
    for body in [r"{}", r#"{"stream":"s"}"#, r#"{"stream":"s","vkey":"x","rotate":true}"#] {
        let ask = Ask::post("/api/v1/logs/main/keys", JSON, body.as_bytes());
        check(&site, &ask, &refused(400, "bad_json", "body"));
    }
}

#[test]
fn the_checks_above_can_fail() {
    let site = Site::start();
    let before = site.size();
    assert_eq!(site.append(EVENT), before);
    assert_eq!(site.size(), before + 1, "a good event is written, so `size` would have told");
    check_event(&site, b"[]", &event_refused(400, "bad_json", 0, Value::Null, 0));
}
