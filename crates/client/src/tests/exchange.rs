//! Requests, their repetition, refusals and malformed answers.

use append::{AckLevel, Batch, Code, Sidecar, StreamClaim};
use graven_merkle::LeafIndex;

use super::fake::{Fake, Scripted};
use crate::{Client, ClientError};

const LOG: &str = r#"{"name":"main","origin":"o","public":false,"size":3,"root":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","created":"2026-01-01T00:00:00Z","vkeys":["v"]}"#;

fn problem(code: &str) -> Vec<u8> {
    format!(r#"{{"title":"t","detail":"d","code":"{code}","event":2,"field":"/id","position":7,"next_seq":9}}"#)
        .into_bytes()
}

fn good() -> Scripted {
    ("200 OK", LOG.as_bytes().to_vec())
}

/// Asks for a log; `expected` is the error's text, or nothing where the answer is good, and the requests sent.
fn check(answers: Vec<Scripted>, expected: Option<&str>, requests: usize) {
    let fake = Fake::start(answers);
    let result = Client::new(&fake.url, Some("token")).unwrap().log("main");
    match (&result, expected) {
        (Ok(log), None) => assert_eq!(log.size.0, 3),
        (Err(error), Some(text)) => {
            assert!(error.to_string().contains(text), "{error} lacks {text}");
        }
        _ => panic!("{result:?}, expected {expected:?}"),
    }
    let seen = fake.seen();
    assert_eq!(seen.len(), requests, "{seen:?}");
    for request in seen {
        assert_eq!(request.line, "GET /api/v1/logs/main");
        assert!(request.headers.contains(&"authorization: bearer token".to_owned()));
    }
}

#[test]
fn reads_are_repeated_where_that_may_help() {
    check(vec![good()], None, 1);
    check(vec![("", vec![]), good()], None, 2);
    check(vec![("429 Busy\r\nretry-after: 0", problem("busy")), good()], None, 2);
    check(vec![("503 Stop\r\nretry-after: 0", problem("unavailable")), good()], None, 2);
    // Without Retry-After a server that is unavailable does not say that waiting helps.
    check(vec![("503 Stop", problem("unavailable"))], Some("refused (unavailable)"), 1);
    check(vec![("429 Busy\r\nretry-after: 3600", problem("busy"))], Some("refused (busy)"), 1);
    check(vec![("507 Full\r\nretry-after: 0", problem("disk_full"))], Some("(disk_full)"), 1);
    check(vec![("404 No", problem("not_found"))], Some("refused (not_found): d"), 1);
}

#[test]
fn repetition_is_bounded() {
    let busy = || ("429 Busy\r\nretry-after: 0", problem("busy"));
    let answers = (0..20).map(|_| busy()).collect();
    check(answers, Some("refused (busy)"), crate::limits::RETRIES_MAX as usize + 1);
}

#[test]
fn foreign_answers_are_named() {
    check(vec![("200 OK", b"<html>".to_vec())], Some("GET /api/v1/logs/main: not JSON"), 1);
    check(vec![("200 OK", b"{}".to_vec())], Some("no list `vkeys`"), 1);
    check(vec![("502 Bad", b"<html>\x1b[2J".to_vec())], Some("status 502"), 1);
    check(vec![("418 Tea", problem("teapot"))], Some("no known code"), 1);
    check(vec![("302 Found\r\nlocation: http://127.0.0.1:1/", vec![])], Some("status 302"), 1);
}

#[test]
fn a_refusal_keeps_every_member() {
    let fake = Fake::start(vec![("409 Gap\r\nretry-after: 5", problem("seq_gap"))]);
    let error = Client::new(&fake.url, None).unwrap().entry("main", LeafIndex(1)).unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!(refusal.code, Code::SeqGap);
    assert_eq!((refusal.event, refusal.position, refusal.next_seq), (Some(2), Some(7), Some(9)));
    assert_eq!((refusal.field.as_deref(), refusal.retry_after_s), (Some("/id"), Some(5)));
}

/// An append that breaks before its answer is sent again only where the log can tell.
fn check_append(batch: Batch, is_repeated: bool) {
    let answer = || ("503 Stop\r\nretry-after: 0", problem("unavailable"));
    for first in [("", vec![]), answer()] {
        let fake = Fake::start(vec![first, ("404 No", problem("not_found"))]);
        let result = Client::new(&fake.url, None).unwrap().append("main", &batch);
        let seen = fake.seen();
        assert_eq!(seen.len(), 1 + usize::from(is_repeated), "{batch:?} gave {result:?}");
        assert!(seen.iter().all(|request| request.body == seen[0].body));
    }
}

#[test]
fn only_appends_that_the_log_can_tell_apart_are_repeated() {
    let with_id = || br#"{"id":"1"}"#.to_vec();
    let without = || br#"{"data":{"id":"1"}}"#.to_vec();
    let claim = |first_seq| Some(StreamClaim { name: "s".to_owned(), first_seq });
    check_append(Batch::of(vec![with_id(), with_id()]), true);
    check_append(Batch::of(vec![with_id(), without()]), false);
    check_append(Batch { stream: claim(None), ..Batch::of(vec![without()]) }, false);
    check_append(Batch { stream: claim(Some(4)), ..Batch::of(vec![without()]) }, true);
}

fn check_body(batch: Batch, expected: Result<(&str, &str), &str>) {
    let fake = Fake::start(vec![("404 No", problem("not_found"))]);
    let result = Client::new(&fake.url, None).unwrap().append("main", &batch);
    let seen = fake.seen();
    match expected {
        Ok((media_type, body)) => {
            let request = seen.first().expect("one request");
            assert!(request.headers.contains(&format!("content-type: {media_type}")));
            assert_eq!(String::from_utf8_lossy(&request.body), body);
            assert_eq!(request.line, "POST /api/v1/logs/main/events?ack=local");
        }
        Err(text) => {
            assert!(seen.is_empty());
            assert!(result.unwrap_err().to_string().contains(text));
        }
    }
}

#[test]
fn events_travel_verbatim() {
    let event = |text: &str| text.as_bytes().to_vec();
    let odd = "{ \"a\" : 1e2 , \"n\":1.0 }";
    check_body(Batch::of(vec![event(odd)]), Ok(("application/json", odd)));
    check_body(Batch::of(vec![event("{\n}")]), Ok(("application/json", "{\n}")));
    let lines = format!("{odd}\n{{}}\n");
    check_body(Batch::of(vec![event(odd), event("{}")]), Ok(("application/x-ndjson", &lines)));
    check_body(Batch::of(vec![event("{}"), event("{\n}")]), Err("holds a line feed"));
    let batch = Batch {
        stream: Some(StreamClaim { name: "s/1".to_owned(), first_seq: Some(7) }),
        cursor: Some("a\"b".to_owned()),
        attestation: Some(b"x\n".to_vec()),
        sidecars: vec![
            Sidecar::Disclosure {
                event: 0,
                disclosure: "d".to_owned(),
                path: "/p".to_owned(),
                subject: "u".to_owned(),
                class: "pii".to_owned(),
            },
            Sidecar::Blob { event: 0, bytes: vec![0, 255] },
        ],
        ack: AckLevel::Local,
        ..Batch::of(vec![event(odd)])
    };
    let body = [
        r#"{"graven":"batch/v1","events":1,"stream":"s/1","first_seq":7,"cursor":"a\"b","attestation":"x\n"}"#,
        odd,
        r#"{"event":0,"disclosure":"d","path":"/p","subject":"u","class":"pii"}"#,
        r#"{"event":0,"blob":"AP8="}"#,
        "",
    ];
    check_body(batch, Ok(("application/vnd.graven.batch", &body.join("\n"))));
}

fn check_url(url: &str, expected: &str) {
    match Client::new(url, None) {
        Ok(client) => assert_eq!(client.url(), expected),
        Err(error) => assert!(error.to_string().contains(expected), "{error} lacks {expected}"),
    }
}

#[test]
fn urls_are_checked() {
    check_url("http://127.0.0.1:7070/", "http://127.0.0.1:7070");
    check_url("https://logs.example/graven", "https://logs.example/graven");
    check_url("http://[::1]:7070", "http://[::1]:7070");
    check_url("127.0.0.1:7070", "neither http:// nor https://");
    check_url("http://", "names no host");
    check_url("http://u:p@host", "holds a user name");
    check_url("http://host/?q=1", "holds a query");
}

#[test]
fn an_unreachable_server_is_told_apart() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Client::new(&url, None).unwrap().logs().unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
}

#[test]
fn lists_are_read_to_their_last_page() {
    let page = |next: &str| format!("{{\"logs\":[{LOG}]{next}}}").into_bytes();
    let first = ("200 OK", page(r#","next":"a/b""#));
    let fake = Fake::start(vec![first, ("200 OK", page(""))]);
    assert_eq!(Client::new(&fake.url, None).unwrap().logs().unwrap().len(), 2);
    assert_eq!(fake.seen()[1].line, "GET /api/v1/logs?after=a%2Fb");
}
