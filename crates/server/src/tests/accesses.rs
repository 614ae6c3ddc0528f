//! The auditors are audited: what was accessed is told in `system`, soon, once, and without telling of itself.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use graven_entry::Entry;
use graven_merkle::{LeafIndex, TreeSize};
use log::CellLimits;
use serde_json::{Value, json};

use super::site::{Ask, Reply, Site, find, read_more};
use super::{EVENT, TOKEN};
use crate::ServerLimits;

/// Longest wait for an entry that has to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first event in `system`, from an index on, that looks like this, and the index after it; waits for it.
fn told(site: &Site, from: u64, wanted: impl Fn(&Value) -> bool) -> (Value, u64) {
    let system = site.cell.log("system").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut next = from;
    loop {
        while next < system.info().size.0 {
            let event = event(site, next);
            next += 1;
            if wanted(&event) {
                return (event, next);
            }
        }
        let more = async { tokio::time::timeout(PATIENCE, system.wait_past(TreeSize(next))).await };
        runtime.block_on(more).expect("the access is told");
    }
}

fn event(site: &Site, index: u64) -> Value {
    let entry = site.cell.log("system").unwrap().entry(LeafIndex(index)).unwrap();
    let entry = Entry::parse(&entry).unwrap();
    assert!(entry.header.auth.is_log());
    serde_json::from_slice(entry.event).unwrap()
}

fn size(site: &Site) -> u64 {
    site.cell.log("system").unwrap().info().size.0
}

fn create(site: &Site, name: &str, role: &str) -> String {
    let body = json!({"name": name, "role": role}).to_string();
    let reply = site.post("/api/v1/tokens", "application/json", body.as_bytes());
    format!("Bearer {}", reply.json()["token"].as_str().unwrap())
}

/// Asks by `authorization`, and checks action, outcome and the rest of what is told of it.
fn check(site: &Site, authorization: &str, ask: (&str, &str, &[u8]), expected: (u16, Value)) {
    let (method, path, body) = ask;
    let ask = Ask { method, body, ..Ask::get(path).anonymous() };
    let ask = ask.with("authorization", authorization).with("content-type", "application/json");
    let from = size(site);
    let reply = site.ask(&ask);
    assert_eq!(reply.status, expected.0, "{path}: {}", reply.text());
    let fields = ["actor", "action", "outcome", "target", "data"];
    let (event, _) = told(site, from, |event| event["action"] == expected.1[1]);
    let found: Vec<Value> = fields.iter().map(|field| event[field].clone()).collect();
    let wanted = json!([
        {"id": expected.1[0]}, expected.1[1], expected.1[2],
        {"type": expected.1[3], "id": expected.1[4]}, expected.1[5],
    ]);
    assert_eq!(Value::from(found), wanted, "{method} {path}");
}

/// What is told of an access: action, outcome, kind and name of the target, operation, and the entries that were shown.
type Told =
    (&'static str, &'static str, &'static str, &'static str, &'static str, Option<(u64, u64)>);

/// The principal, method, path, body, status, and what is told.
type Row = (&'static str, &'static str, &'static str, &'static [u8], u16, Told);

const ROWS: [Row; 10] = [
    (
        "audrey",
        "GET",
        "/api/v1/logs/main/entries/1",
        b"",
        200,
        ("graven.read", "success", "log", "main", "getEntry", Some((1, 2))),
    ),
    (
        "audrey",
        "GET",
        "/api/v1/logs/main/entries/1/proof",
        b"",
        200,
        ("graven.proof", "success", "log", "main", "getProof", None),
    ),
    (
        "audrey",
        "GET",
        "/log/main/tile/entries/000.p/2",
        b"",
        403,
        ("graven.export", "denied", "log", "main", "getEntryBundle", None),
    ),
    (
        "otto",
        "GET",
        "/log/main/tile/entries/000.p/2",
        b"",
        200,
        ("graven.export", "success", "log", "main", "getEntryBundle", Some((0, 2))),
    ),
    (
        "audrey",
        "POST",
        "/api/v1/logs/main/events",
        EVENT.as_bytes(),
        403,
        ("graven.append", "denied", "log", "main", "append", None),
    ),
    (
        "audrey",
        "GET",
        "/api/v1/logs/system",
        b"",
        404,
        ("graven.list", "denied", "log", "system", "showLog", None),
    ),
    (
        "audrey",
        "GET",
        "/metrics",
        b"",
        403,
        ("graven.list", "denied", "server", "graven", "metrics", None),
    ),
    (
        "audrey",
        "POST",
        "/api/v1/tokens",
        b"{}",
        403,
        ("graven.grant", "denied", "server", "graven", "createToken", None),
    ),
    (
        "ops",
        "POST",
        "/api/v1/logs",
        br#"{"name":"new"}"#,
        201,
        ("graven.config", "success", "log", "new", "createLog", None),
    ),
    (
        "ops",
        "POST",
        "/api/v1/logs/new/keys",
        br#"{"rotate":true}"#,
        200,
        ("graven.config", "success", "log", "new", "changeKey", None),
    ),
];

#[test]
fn every_kind_of_access_is_told() {
    let site = Site::start();
    let tokens = [("audrey", "reader"), ("otto", "auditor"), ("ops", "operator")]
        .map(|(name, role)| (name, create(&site, name, role)));
    site.append(EVENT);
    for (name, method, path, body, status, told) in ROWS {
        let (action, outcome, kind, target, operation, entries) = told;
        let mut data = json!({"detail": operation, "requests": 1});
        if outcome == "success" {
            data["results"] = 1.into();
        }
        if let Some((from, to)) = entries {
            data["results"] = (to - from).into();
            data["entries"] = json!([[from, to]]);
        }
        let (_, token) = tokens.iter().find(|(other, _)| *other == name).unwrap();
        let expected = json!([name, action, outcome, kind, target, data]);
        check(&site, token, (method, path, body), (status, expected));
    }
}

#[test]
fn log_ins_and_grants_are_told() {
    let site = Site::start();
    let from = size(&site);
    let reader = create(&site, "audrey", "reader");
    let (made, next) = told(&site, from, |event| event["action"] == "graven.token");
    assert_eq!(made["actor"]["id"], "admin");
    assert_eq!(made["target"]["id"], "audrey");
    assert!(!made.to_string().contains(&reader["Bearer ".len()..]), "only a hash is kept");
    let (granted, _) = told(&site, next, |event| event["action"] == "graven.grant");
    assert_eq!(granted["data"], json!({"op": "add", "role": "reader"}));
    let list =
        |token: &str| site.ask(&Ask::get("/api/v1/logs").anonymous().with("authorization", token));
    assert_eq!(list(&reader).status, 200);
    let is_login = |outcome: &'static str| {
        move |event: &Value| event["action"] == "graven.login" && event["outcome"] == outcome
    };
    let (login, _) =
        told(&site, from, |event| is_login("success")(event) && event["actor"]["id"] == "audrey");
    assert_eq!(login["context"]["ip"], "127.0.0.1");
    for (token, claimed, why) in [
        ("Bearer nobody".to_owned(), "anonymous", "unknown token"),
        (reader[..reader.len() - 64].to_owned() + &"0".repeat(64), "audrey", "wrong secret"),
    ] {
        let from = size(&site);
        assert_eq!(list(&token).status, 401);
        let (failed, _) = told(&site, from, is_login("failure"));
        assert_eq!(failed["actor"]["id"], "anonymous");
        assert_eq!(failed["target"]["id"], claimed);
        assert_eq!(failed["data"]["detail"], why);
    }
}

#[test]
fn reading_of_accesses_is_told_once_and_never_tells_of_itself() {
    let site = Site::start();
    site.get("/api/v1/logs/main/entries/0");
    let (_, from) = told(&site, 0, |event| event["action"] == "graven.read");
    let path = format!("/api/v1/logs/system/entries/{}", from - 1);
    assert_eq!(site.get(&path).status, 200);
    let (event, from) = told(&site, from, |event| event["target"]["id"] == "system");
    assert_eq!(event["data"]["requests"], 1);
    // What comes next is told of a later access; nothing came of the telling.
    site.get("/api/v1/logs/main/entries/0/proof");
    let (event, _) = told(&site, from, |_| true);
    assert_eq!(event["action"], "graven.proof");
}

#[test]
fn a_tail_of_system_does_not_feed_itself_and_says_at_its_end_what_it_showed() {
    let site = Site::start();
    let from = size(&site);
    let mut stream = site.connect();
    let path = format!("/api/v1/logs/system/tail?from={from}");
    stream.write_all(&Ask::get(&path).bytes("")).unwrap();
    let mut bytes = Vec::new();
    let opened = |bytes: &[u8]| find(bytes, b"graven.read").is_some();
    while !opened(&bytes) {
        assert!(read_more(&mut stream, &mut bytes), "the tail shows its own opening");
    }
    let (_, next) = told(&site, from, |event| event["data"]["detail"] == "tail");
    site.get("/api/v1/logs/main/entries/0/proof");
    let (event, next) = told(&site, next, |_| true);
    assert_eq!(event["action"], "graven.proof", "showing the opening was not told");
    drop(stream);
    site.get("/api/v1/logs/main/entries/0");
    let (event, _) = told(&site, next, |event| event["data"]["detail"] == "tail, at its end");
    assert_eq!(event["data"]["entries"][0][0], from);
}

#[test]
fn a_reason_is_told_in_the_reader_s_words() {
    let site = Site::start();
    let ask = Ask::get("/api/v1/logs/main/entries/0").with("graven-reason", "Prüfung 42 \"x\"");
    assert_eq!(site.ask(&ask).status, 200);
    let (event, _) = told(&site, 0, |event| event["action"] == "graven.read");
    assert_eq!(event["reason"], "Prüfung 42 \"x\"");
    let long = "x".repeat(1_025);
    let ask = Ask::get("/api/v1/logs/main/entries/0").with("graven-reason", &long);
    assert_eq!(site.ask(&ask).status, 400);
}

#[test]
fn what_waits_is_told_when_the_server_stops() {
    let mut site = Site::start();
    site.get("/api/v1/logs/main/entries/0");
    site.stop();
    site.join();
    let actions: Vec<Value> =
        (0..size(&site)).map(|index| event(&site, index)["action"].clone()).collect();
    assert!(actions.contains(&"graven.read".into()), "{actions:?}");
}

#[test]
fn nothing_is_shown_that_could_not_be_recorded() {
    let mut site = Site::start();
    site.reopen(CellLimits {
        disk_reserve_bytes: u64::MAX,
        own_room_bytes: u64::MAX,
        ..CellLimits::default()
    });
    while site.ask(&Ask::get("/readyz").anonymous()).status == 200 {
        std::thread::yield_now();
    }
    let refused = site.get("/api/v1/logs/main/entries/0");
    assert_eq!((refused.status, &refused.json()["code"]), (507, &"disk_full".into()));
    assert_eq!(site.get("/log/main/checkpoint").status, 507);
    assert_eq!(site.get("/api/v1/logs/main").status, 200, "what is not recorded goes on");
    assert_eq!(site.get("/metrics").status, 200);
}

#[test]
fn a_revoked_token_ends_the_tails_that_it_opened() {
    let site = Site::start();
    let reader = create(&site, "audrey", "reader");
    let mut stream = site.connect();
    let ask = Ask::get("/api/v1/logs/main/tail").anonymous().with("authorization", &reader);
    stream.write_all(&ask.bytes("")).unwrap();
    let mut bytes = Vec::new();
    while find(&bytes, b"\r\n\r\n").is_none() {
        assert!(read_more(&mut stream, &mut bytes));
    }
    assert_eq!(site.post("/api/v1/tokens/audrey/revoke", "application/json", b"").status, 200);
    site.append(r#"{"actor":{"id":"x"},"action":"not.for.audrey"}"#);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap_or_default();
    let rest = String::from_utf8_lossy(&rest).into_owned();
    assert!(rest.contains("event: error"), "{rest}");
    assert!(!rest.contains("not.for.audrey"), "{rest}");
}

#[test]
fn one_principal_does_not_take_all_tails() {
    let site = Site::with_limits(ServerLimits { principal_tails_max: 1, ..Default::default() });
    let other = create(&site, "audrey", "reader");
    let open = |authorization: &str| {
        let mut stream = site.connect();
        let ask = Ask::get("/api/v1/logs/main/tail").anonymous();
        stream.write_all(&ask.with("authorization", authorization).bytes("")).unwrap();
        let mut bytes = Vec::new();
        while find(&bytes, b"\r\n\r\n").is_none() {
            assert!(read_more(&mut stream, &mut bytes));
        }
        (String::from_utf8_lossy(&bytes[9..12]).into_owned(), stream)
    };
    let admin = format!("Bearer {TOKEN}");
    let (first, _kept) = open(&admin);
    assert_eq!(first, "200");
    assert_eq!(open(&admin).0, "429");
    assert_eq!(open(&other).0, "200");
}

/// A server whose principals have rates.
#[test]
fn over_a_rate_is_429() {
    let site =
        Site::with_rates(access::RateLimits { requests_per_s: Some(5), ..Default::default() });
    let replies: Vec<Reply> = (0..60).map(|_| site.get("/api/v1/logs")).collect();
    let refused = replies.iter().find(|reply| reply.status == 429).expect("one is over the rate");
    assert_eq!(refused.json()["code"], "busy");
    assert!(refused.header("retry-after").is_some());
}

/// Every route reads its body under the limit of whoever sends it, however it is encoded.
#[test]
fn a_body_over_the_principals_limit_is_413() {
    let limits = access::RateLimits { body_bytes_max: Some(300), ..Default::default() };
    let site = Site::with_rates(limits);
    let events = "/api/v1/logs/main/events";
    let event = |bytes: usize| {
        let head = r#"{"actor":{"id":"a"},"action":"x","data":""#;
        format!("{head}{}\"}}", "y".repeat(bytes - head.len() - 2)).into_bytes()
    };
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let check = |ask: &Ask<'_>, expected: u16| {
        let (before, reply) = (site.size(), site.ask(ask));
        assert_eq!(reply.status, expected, "{} {}", ask.path, reply.text());
        if expected == 413 {
            assert_eq!(reply.json()["code"], "too_large");
            for part in ["300 bytes", "split it", "`body_bytes_max`"] {
                assert!(reply.text().contains(part), "{part}: {}", reply.text());
            }
            assert_eq!(site.size(), before);
        }
    };
    for (bytes, expected) in [(300, 200), (301, 413), (20_000, 413)] {
        let (plain, zipped) = (event(bytes), gzip(&event(bytes)));
        check(&Ask::post(events, "application/json", &plain), expected);
        check(&Ask::post(events, "application/x-ndjson", &plain), expected);
        check(
            &Ask::post(events, "application/json", &zipped).with("content-encoding", "gzip"),
            expected,
        );
        check(&Ask::post("/api/v1/logs/main/blobs", "image/png", &plain), expected);
    }
    check(&Ask::post("/api/v1/tokens", "application/json", &[b' '; 301]), 413);
    // Who proved nothing yet has the server's limit alone.
    let long = format!(r#"{{"id_token":"{}"}}"#, "x".repeat(301));
    let sign_in = Ask::post("/api/v1/session", "application/json", long.as_bytes());
    check(&sign_in.anonymous(), 401);
}
