//! Limits of connections, time and memory; and how the server stops.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use super::EVENT;
use super::site::{Ask, Reply, Site, find, read_more};
use crate::ServerLimits;

const EVENTS: &str = "/api/v1/logs/main/events";

/// A request whose body is announced and does not come.
fn unfinished() -> Vec<u8> {
    let mut bytes = Ask::post(EVENTS, "application/json", EVENT.as_bytes()).bytes("");
    bytes.truncate(bytes.len() - 10);
    bytes
}

#[test]
fn a_body_that_never_ends_is_408() {
    for limits in [
        ServerLimits { body_idle: Duration::from_millis(50), ..Default::default() },
        ServerLimits { body_total: Duration::from_millis(50), ..Default::default() },
    ] {
        let site = Site::with_limits(limits);
        let before = site.size();
        let mut stream = site.connect();
        stream.write_all(&unfinished()).unwrap();
        let reply = Reply::read(&mut stream);
        assert_eq!((reply.status, &reply.json()["code"]), (408, &"timeout".into()));
        assert!(reply.json()["detail"].as_str().unwrap().contains("50 ms"), "{}", reply.text());
        assert!(!read_more(&mut stream, &mut Vec::new()), "the connection is closed");
        assert_eq!(site.size(), before);
    }
}

#[test]
fn a_body_that_breaks_off_writes_nothing() {
    let site = Site::start();
    let before = site.size();
    let mut stream = site.connect();
    stream.write_all(&unfinished()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    drop(stream.read_to_end(&mut rest));
    assert!(!String::from_utf8_lossy(&rest).starts_with("HTTP/1.1 200"));
    assert_eq!(site.size(), before);
}

#[test]
fn a_client_that_says_nothing_loses_its_place() {
    let limits = ServerLimits { header_read: Duration::from_millis(50), ..Default::default() };
    for said in ["", "P", "GET /healthz HTTP/1.1\r\nhost"] {
        let site = Site::with_limits(limits.clone());
        let mut stream = site.connect();
        stream.write_all(said.as_bytes()).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("closed before the reader's own time-out");
    }
}

#[test]
fn a_connection_too_many_is_refused_politely() {
    let site = Site::with_limits(ServerLimits { connections_max: 1, ..Default::default() });
    let mut first = site.connect();
    first.write_all(&Ask::get("/healthz").bytes("")).unwrap();
    assert_eq!(Reply::read(&mut first).status, 200);
    let reply = site.get("/healthz");
    assert_eq!((reply.status, &reply.json()["code"]), (429, &"busy".into()));
    assert_eq!(reply.header("retry-after"), Some("1"));
    first.write_all(&Ask::get("/healthz").bytes("")).unwrap();
    assert_eq!(Reply::read(&mut first).status, 200, "who was there stays");
}

#[test]
fn a_request_too_many_is_busy() {
    let site = Site::with_limits(ServerLimits { requests_max: 1, ..Default::default() });
    let mut held = Vec::new();
    // One of them is being read once another request is refused. It may be refused itself, by the one that looks.
    let reply = loop {
        assert!(held.len() < 1_000, "nothing was ever too much");
        let mut unfinished_one = site.connect();
        unfinished_one.write_all(&unfinished()).unwrap();
        held.push(unfinished_one);
        let reply = site.get("/healthz");
        if reply.status != 200 {
            break reply;
        }
    };
    assert_eq!((reply.status, &reply.json()["code"]), (429, &"busy".into()));
    assert!(reply.header("retry-after").is_some());
}

#[test]
fn bodies_share_a_bounded_memory() {
    let site = Site::with_limits(ServerLimits { bodies_bytes_max: 1_000, ..Default::default() });
    let body = format!("{EVENT}\n").repeat(100);
    let reply = site.post(EVENTS, "application/x-ndjson", body.as_bytes());
    assert_eq!((reply.status, &reply.json()["code"]), (429, &"busy".into()));
    for _ in 0..20 {
        site.append(EVENT);
    }
}

#[test]
fn a_connection_is_kept_for_many_requests() {
    let site = Site::start();
    let mut stream = site.connect();
    let before = site.size();
    for _ in 0..10 {
        let ask = Ask::post(EVENTS, "application/json", EVENT.as_bytes());
        stream.write_all(&ask.bytes("")).unwrap();
        assert_eq!(Reply::read(&mut stream).status, 200);
        // A refusal in between does not cost the connection.
        let ask = Ask::post(EVENTS, "text/plain", EVENT.as_bytes());
        stream.write_all(&ask.bytes("")).unwrap();
        assert_eq!(Reply::read(&mut stream).status, 415);
    }
    assert_eq!(site.size(), before + 10);
}

#[test]
fn http2_without_tls_is_understood() {
    let site = Site::start();
    let mut stream = site.connect();
    // The preface (RFC 9113 section 3.4) and an empty SETTINGS frame.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).unwrap();
    // HEADERS on stream 1, ended: GET, http, path /healthz, authority test (RFC 7541 appendix A).
    let block = [&[0x82, 0x86, 0x04, 0x08][..], b"/healthz", &[0x01, 0x04], b"test"].concat();
    stream.write_all(&[0, 0, block.len() as u8, 1, 5, 0, 0, 0, 1]).unwrap();
    stream.write_all(&block).unwrap();
    let mut bytes = Vec::new();
    // DATA on stream 1.
    while find(&bytes, b"\0\0\0\x01ok\n").is_none() {
        assert!(read_more(&mut stream, &mut bytes), "{bytes:?}");
    }
}

#[test]
fn a_stopping_server_answers_what_is_in_flight() {
    let mut site = Site::start();
    let before = site.size();
    let mut idle = site.connect();
    idle.write_all(&Ask::get("/healthz").bytes("")).unwrap();
    assert_eq!(Reply::read(&mut idle).status, 200);
    let mut busy = site.connect();
    busy.write_all(&unfinished()).unwrap();
    // In flight once the server holds its request.
    while !site.get("/metrics").text().contains("graven_http_requests 2") {
        std::thread::yield_now();
    }
    site.stop();
    assert!(!read_more(&mut idle, &mut Vec::new()), "an idle connection is closed");
    busy.write_all(&EVENT.as_bytes()[EVENT.len() - 10..]).unwrap();
    let reply = Reply::read(&mut busy);
    assert_eq!(reply.status, 200, "{}", reply.text());
    site.join();
    assert_eq!(site.size(), before + 1);
}

#[test]
fn a_stopping_server_does_not_wait_for_ever() {
    let limits = ServerLimits { shutdown: Duration::from_millis(50), ..Default::default() };
    let mut site = Site::with_limits(limits);
    let mut stuck = site.connect();
    stuck.write_all(&unfinished()).unwrap();
    while !site.get("/metrics").text().contains("graven_http_requests 2") {
        std::thread::yield_now();
    }
    site.stop();
    site.join();
    assert!(!read_more(&mut stuck, &mut Vec::new()));
}
