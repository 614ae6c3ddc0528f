//! The good ways through the API.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use graven_merkle::{Hash, leaf_hash};

use super::EVENT;
use super::site::{Ask, Reply, Site};

const EVENTS: &str = "/api/v1/logs/main/events";

/// Appends, expects one receipt an event with the entry's own leaf hash, and returns the entries.
fn check_append(site: &Site, ask: &Ask<'_>, events: &[&str]) -> Vec<String> {
    let before = site.size();
    let reply = site.ask(ask);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let body = reply.json();
    let receipts = body["receipts"].as_array().unwrap();
    assert_eq!(receipts.len(), events.len());
    let checkpoint = body["checkpoint"].as_str().unwrap();
    let size: u64 = checkpoint.lines().nth(1).unwrap().parse().unwrap();
    assert!(size >= before + events.len() as u64, "the checkpoint covers them: {checkpoint}");
    let mut entries = Vec::new();
    for (place, (receipt, event)) in receipts.iter().zip(events).enumerate() {
        assert_eq!(receipt["index"], before + place as u64);
        assert_eq!(receipt["ack"], "local");
        let entry = site.get(&format!("/api/v1/logs/main/entries/{}", receipt["index"]));
        let hash: Hash = receipt["leaf_hash"].as_str().unwrap().parse().unwrap();
        assert_eq!(leaf_hash(&entry.body), hash);
        let text = entry.text();
        assert_eq!(text.lines().nth(1), Some(*event), "the event is kept byte for byte");
        assert!(text.contains(receipt["time"].as_str().unwrap()));
        entries.push(text);
    }
    entries
}

#[test]
fn events_go_in_by_all_three_content_types_and_plain_or_gzip() {
    let site = Site::start();
    let odd = r#"{"action" : "a","actor":{"id":"ü","type":"user"} ,"n":1.0e+2}"#;
    let one = Ask::post(EVENTS, "application/json", odd.as_bytes());
    let entries = check_append(&site, &one, &[odd]);
    assert!(entries[0].contains(r#""writer":"admin","auth":"token","grade":"asserted""#));
    let lines = format!("{EVENT}\n{odd}\r\n{EVENT}");
    let typed = "application/x-ndjson; charset=UTF-8";
    check_append(&site, &Ask::post(EVENTS, typed, lines.as_bytes()), &[EVENT, odd, EVENT]);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(lines.as_bytes()).unwrap();
    let gzip = encoder.finish().unwrap();
    let ask = Ask::post(EVENTS, typed, &gzip).with("content-encoding", "gzip");
    check_append(&site, &ask, &[EVENT, odd, EVENT]);
    let batch = format!("{{\"graven\":\"batch/v1\",\"events\":2}}\n{odd}\n{EVENT}\n");
    let ask = Ask::post(EVENTS, "application/vnd.graven.batch", batch.as_bytes());
    check_append(&site, &ask, &[odd, EVENT]);
    // Larger than what is checked on the thread that reads the request.
    let many = format!("{EVENT}\n").repeat(2_000);
    let ask = Ask::post(EVENTS, "application/x-ndjson", many.as_bytes());
    let reply = site.ask(&ask);
    assert_eq!(reply.json()["receipts"].as_array().unwrap().len(), 2_000);
}

#[test]
fn a_body_in_chunks_is_read_like_any_other() {
    let site = Site::start();
    let before = site.size();
    let mut stream = site.connect();
    let head = Ask { method: "PUT", ..Ask::post(EVENTS, "application/json", b"") };
    let head = String::from_utf8(head.bytes("transfer-encoding: chunked\r\n")).unwrap();
    stream.write_all(head.replacen("PUT", "POST", 1).as_bytes()).unwrap();
    for piece in EVENT.as_bytes().chunks(7) {
        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).unwrap();
        stream.write_all(piece).unwrap();
        stream.write_all(b"\r\n").unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    let reply = Reply::read(&mut stream);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(site.size(), before + 1);
}

#[test]
fn a_line_break_in_a_single_event_is_compacted_and_said() {
    let site = Site::start();
    let pretty =
        "{\n  \"actor\": {\"type\": \"user\", \"id\": \"a b\"},\r\n  \"action\": \"x\"\n}\n";
    let reply = site.post(EVENTS, "application/json", pretty.as_bytes());
    let index = reply.json()["receipts"][0]["index"].as_u64().unwrap();
    let entry = site.get(&format!("/api/v1/logs/main/entries/{index}")).text();
    let compact = r#"{"actor":{"type":"user","id":"a b"},"action":"x"}"#;
    assert_eq!(entry.lines().nth(1), Some(compact));
    assert!(entry.contains(r#""altered":["compacted"]"#));
}

#[test]
fn a_receipt_comes_with_what_proves_it() {
    let site = Site::start();
    let lines = format!("{EVENT}\n").repeat(3);
    let path = format!("{EVENTS}?proof=true&ack=local");
    let reply = site.post(&path, "application/x-ndjson", lines.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let body = reply.json();
    for receipt in body["receipts"].as_array().unwrap() {
        let header = receipt["header"].as_str().unwrap();
        let entry = format!("{header}\n{EVENT}\n");
        let hash = leaf_hash(entry.as_bytes()).to_string();
        assert_eq!(receipt["leaf_hash"], hash, "header and event give the entry");
        let proof = receipt["proof"].as_str().unwrap();
        assert!(proof.starts_with("c2sp.org/tlog-proof@v1\n"), "{proof}");
        let served = site.get(&format!("/api/v1/logs/main/entries/{}/proof", receipt["index"]));
        assert_eq!(served.status, 200, "{}", served.text());
        assert_eq!(served.header("content-type"), Some("text/plain; charset=utf-8"));
        assert!(served.text().starts_with("c2sp.org/tlog-proof@v1\n"));
    }
}

#[test]
fn an_entry_is_cached_for_ever_by_its_hash() {
    let site = Site::start();
    let index = site.append(EVENT);
    let path = format!("/api/v1/logs/main/entries/{index}");
    let reply = site.get(&path);
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(reply.header("cache-control"), Some("private, max-age=31536000, immutable"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    let etag = reply.header("etag").unwrap().to_owned();
    assert_eq!(etag, format!("\"{}\"", leaf_hash(&reply.body)));
    let again = site.ask(&Ask::get(&path).with("if-none-match", &etag));
    assert_eq!((again.status, again.body.len()), (304, 0));
    let head = site.ask(&Ask { method: "HEAD", ..Ask::get(&path) });
    assert_eq!(head.status, 200);
}

#[test]
fn logs_are_created_listed_and_shown() {
    let site = Site::start();
    let body = br#"{"name":"payments","origin":"acme.example/payments","public":true}"#;
    let created = site.post("/api/v1/logs", "application/json", body);
    assert_eq!(created.status, 201, "{}", created.text());
    assert_eq!(created.header("location"), Some("/api/v1/logs/payments"));
    let log = created.json();
    assert_eq!((&log["origin"], &log["public"]), (&"acme.example/payments".into(), &true.into()));
    assert_eq!(log["size"], 1, "entry 0 says what the log is");
    assert!(log["vkeys"][0].as_str().unwrap().starts_with("acme.example/payments+"));
    let shown = site.get("/api/v1/logs/payments").json();
    assert_eq!(shown, log);
    let names = |path: &str| {
        let page = site.get(path).json();
        let logs = page["logs"].as_array().unwrap();
        let names: Vec<String> =
            logs.iter().map(|log| log["name"].as_str().unwrap().to_owned()).collect();
        (names, page["next"].as_str().map(str::to_owned))
    };
    let all = vec!["main".to_owned(), "payments".to_owned(), "system".to_owned()];
    assert_eq!(names("/api/v1/logs"), (all.clone(), None));
    assert_eq!(names("/api/v1/logs?limit=2"), (all[..2].to_vec(), Some("payments".to_owned())));
    assert_eq!(names("/api/v1/logs?limit=2&after=payments"), (all[2..].to_vec(), None));
}

#[test]
fn streams_tell_where_to_resume_whatever_their_name() {
    let site = Site::start();
    for (stream, path) in [("billing-api/7f", "billing-api/7f"), ("a%2Fb", "a%252Fb")] {
        let head = format!(
            "{{\"graven\":\"batch/v1\",\"events\":2,\"stream\":\"{stream}\",\"first_seq\":0,\"cursor\":\"lsn 7\"}}"
        );
        let batch = format!("{head}\n{EVENT}\n{EVENT}\n");
        let reply = site.post(EVENTS, "application/vnd.graven.batch", batch.as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
        let shown = site.get(&format!("/api/v1/logs/main/streams/{path}"));
        let shown = shown.json();
        assert_eq!((&shown["next_seq"], &shown["cursor"]), (&2.into(), &"lsn 7".into()));
        assert_eq!(STANDARD.decode(shown["head"].as_str().unwrap()).unwrap().len(), 32);
    }
    let escaped = site.get("/api/v1/logs/main/streams/billing-api%2F7f").json();
    assert_eq!(escaped["next_seq"], 2);
    let list = site.get("/api/v1/logs/main/streams").json();
    let names: Vec<&str> = list["streams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stream| stream["stream"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["a%2Fb", "billing-api/7f"]);
    let page = site.get("/api/v1/logs/main/streams?limit=1").json();
    assert_eq!(page["next"], "a%2Fb");
}

#[test]
fn consistency_is_proved_between_any_two_sizes() {
    let site = Site::start();
    for _ in 0..6 {
        site.append(EVENT);
    }
    // Reading the published checkpoint makes it cover all that is there, or says how far it is.
    let size = site.get("/log/main/checkpoint").text().lines().nth(1).unwrap().to_owned();
    let new: u64 = size.parse().unwrap();
    for old in 0..=new {
        let reply = site.get(&format!("/api/v1/logs/main/consistency?old={old}&new={new}"));
        assert_eq!(reply.status, 200, "{}", reply.text());
        let body = reply.json();
        assert_eq!((&body["old"], &body["new"]), (&old.into(), &new.into()));
        let is_trivial = old == 0 || old == new;
        assert_eq!(body["proof"].as_array().unwrap().is_empty(), is_trivial, "{old} of {new}");
    }
}

#[test]
fn stream_keys_are_added_and_log_keys_rotated() {
    let site = Site::start();
    let before = site.get("/api/v1/logs/main").json();
    let reply = site.post("/api/v1/logs/main/keys", "application/json", br#"{"rotate":true}"#);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_ne!(reply.json()["vkeys"][0], before["vkeys"][0], "the first is the current one");
    let origin = before["origin"].as_str().unwrap();
    assert!(reply.json()["vkeys"][0].as_str().unwrap().starts_with(origin));
    let other = r#"{"stream":"s","vkey":"nonsense"}"#;
    let reply = site.post("/api/v1/logs/main/keys", "application/json", other.as_bytes());
    assert!(reply.status == 400 || reply.status == 422, "{}", reply.text());
}

#[test]
fn the_server_tells_about_itself() {
    let site = Site::start();
    site.append(EVENT);
    let anonymous = |path: &str| site.ask(&Ask::get(path).anonymous());
    assert_eq!(anonymous("/healthz").text(), "ok\n");
    let ready = anonymous("/readyz").text();
    assert!(ready.starts_with("ready\nindex_lag "), "{ready}");
    let home = anonymous("/");
    assert_eq!((home.status, home.header("location")), (303, Some("/ui/")));
    assert!(anonymous("/docs/errors/busy").text().starts_with("busy (429)"));
    let metrics = site.get("/metrics");
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let text = metrics.text();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value in {line}"));
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    for sample in [
        "graven_http_requests_total{route=\"append\",status=\"2xx\"} 1",
        "graven_flush_us_bucket{le=\"+Inf\"}",
        "graven_ready 1",
    ] {
        assert!(text.contains(sample), "{sample} in {text}");
    }
}
