//! The tail: order, resumption, slow readers, the end of the server.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::EVENT;
use super::site::{Ask, Site, find, read_more};
use crate::ServerLimits;

/// An open tail.
struct Follower {
    stream: TcpStream,
    bytes: Vec<u8>,
}

/// One server-sent event or comment.
#[derive(Debug, PartialEq)]
enum Sent {
    Entry { id: u64, index: u64 },
    LeftOut(u64),
    Comment,
    Error(String),
    End,
}

impl Follower {
    fn open(site: &Site, ask: &Ask<'_>) -> Follower {
        let mut stream = site.connect();
        stream.write_all(&ask.bytes("")).unwrap();
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = find(&bytes, b"\r\n\r\n") {
                break end;
            }
            assert!(read_more(&mut stream, &mut bytes), "{}", String::from_utf8_lossy(&bytes));
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        Follower { stream, bytes: bytes.split_off(end + 4) }
    }

    /// The next thing sent. Chunk marks stand on lines of their own and are passed over.
    fn next(&mut self) -> Sent {
        let (mut id, mut is_error) = (None, false);
        while let Some(line) = self.line() {
            if line.starts_with(':') {
                return Sent::Comment;
            } else if let Some(id) = id.filter(|_| line.is_empty()) {
                return Sent::LeftOut(id);
            } else if let Some(text) = line.strip_prefix("id: ") {
                id = text.parse().ok();
            } else if line == "event: error" {
                is_error = true;
            } else if let Some(data) = line.strip_prefix("data: ") {
                let value: Value = serde_json::from_str(data).expect("data is JSON");
                if is_error {
                    return Sent::Error(value["code"].as_str().expect("a code").to_owned());
                }
                let entry = value["entry"].as_str().expect("an entry");
                assert!(entry.starts_with("{\"graven\":\"entry/v1\""), "{entry}");
                let index = value["index"].as_u64().expect("an index");
                return Sent::Entry { id: id.expect("an id"), index };
            }
        }
        Sent::End
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if !read_more(&mut self.stream, &mut self.bytes) {
                return None;
            }
        }
    }
}

fn entry(index: u64) -> Sent {
    Sent::Entry { id: index, index }
}

#[test]
fn a_tail_sends_what_is_there_and_then_what_comes() {
    let site = Site::start();
    let first = site.append(EVENT);
    let mut all = Follower::open(&site, &Ask::get("/api/v1/logs/main/tail?from=0"));
    for index in 0..=first {
        assert_eq!(all.next(), entry(index));
    }
    let mut new = Follower::open(&site, &Ask::get("/api/v1/logs/main/tail"));
    let next = site.append(EVENT);
    assert_eq!((all.next(), new.next()), (entry(next), entry(next)));
    let resume = Ask::get("/api/v1/logs/main/tail?from=0").with("last-event-id", "0");
    assert_eq!(Follower::open(&site, &resume).next(), entry(1), "the id counts, not `from`");
}

const OTHER: &str = r#"{"actor":{"id":"other"},"action":"a.b"}"#;

fn append_others(site: &Site, count: usize) {
    let many = format!("{OTHER}\n").repeat(count);
    let reply = site.post("/api/v1/logs/main/events", "application/x-ndjson", many.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[test]
fn a_tail_with_a_query_sends_what_it_finds_and_says_what_it_left_out() {
    // So that nothing is said for want of news.
    let limits = ServerLimits { tail_heartbeat: Duration::from_mins(10), ..Default::default() };
    let site = Site::with_limits(limits);
    let first = site.append(OTHER.replace("other", "eve").as_str());
    append_others(&site, 3);
    let path = "/api/v1/logs/main/tail?from=0&q=actor:eve";
    let mut tail = Follower::open(&site, &Ask::get(path));
    assert_eq!((tail.next(), tail.next()), (Sent::LeftOut(first - 1), entry(first)));
    // It is found as it comes.
    let next = site.append(OTHER.replace("other", "eve").as_str());
    assert_eq!((tail.next(), tail.next()), (Sent::LeftOut(next - 1), entry(next)));
    // What finds nothing says so now and then, and goes on from there.
    append_others(&site, 1_200);
    let Sent::LeftOut(told) = tail.next() else { panic!("no word of what is left out") };
    assert!((next + 1_024..=next + 1_200).contains(&told), "{told} after {next}");
    let last = site.append(OTHER.replace("other", "eve").as_str());
    let (id, header) = (told.to_string(), "last-event-id");
    let mut resumed = Follower::open(&site, &Ask::get(path).with(header, &id));
    for tail in [&mut tail, &mut resumed] {
        assert_eq!((tail.next(), tail.next()), (Sent::LeftOut(last - 1), entry(last)));
    }
}

#[test]
fn a_silent_tail_says_what_it_left_out() {
    let limits = ServerLimits { tail_heartbeat: Duration::from_millis(20), ..Default::default() };
    let site = Site::with_limits(limits);
    append_others(&site, 3);
    let last = site.size() - 1;
    let mut tail = Follower::open(&site, &Ask::get("/api/v1/logs/main/tail?from=0&q=actor:eve"));
    assert_eq!((tail.next(), tail.next()), (Sent::LeftOut(last), Sent::Comment));
}

#[test]
fn many_entries_arrive_in_order_and_whole() {
    let site = Site::start();
    let many = format!("{EVENT}\n").repeat(1_000);
    site.post("/api/v1/logs/main/events", "application/x-ndjson", many.as_bytes());
    let mut tail = Follower::open(&site, &Ask::get("/api/v1/logs/main/tail?from=0"));
    for index in 0..site.size() {
        assert_eq!(tail.next(), entry(index));
    }
}

#[test]
fn a_silent_tail_shows_that_it_lives() {
    let limits = ServerLimits { tail_heartbeat: Duration::from_millis(20), ..Default::default() };
    let site = Site::with_limits(limits);
    let mut tail = Follower::open(&site, &Ask::get("/api/v1/logs/main/tail"));
    assert_eq!((tail.next(), tail.next()), (Sent::Comment, Sent::Comment));
}

#[test]
fn a_reader_that_is_too_slow_is_told_and_dropped() {
    let limits = ServerLimits { tail_stall: Duration::from_millis(50), ..Default::default() };
    let site = Site::with_limits(limits);
    let event = format!(
        "{{\"actor\":{{\"id\":\"1\"}},\"action\":\"a\",\"data\":\"{}\"}}\n",
        "x".repeat(50_000)
    );
    // Far more than the buffers of both ends of a connection hold.
    for _ in 0..4 {
        let body = event.repeat(150);
        let reply = site.post("/api/v1/logs/main/events", "application/x-ndjson", body.as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let mut tail = Follower::open(&site, &Ask::get("/api/v1/logs/main/tail?from=0"));
    // The reader reads nothing until the server has given it up, which its counter tells.
    while !site.get("/metrics").text().contains("graven_http_tails_dropped_total 1") {
        std::thread::yield_now();
    }
    let mut next = 0;
    let end = loop {
        match tail.next() {
            Sent::Entry { index, .. } => {
                assert_eq!(index, next);
                next += 1;
            }
            other => break other,
        }
    };
    assert_eq!(end, Sent::Error("busy".to_owned()));
    assert!(next < site.size(), "it was dropped before the end");
}

#[test]
fn tails_are_as_many_as_allowed() {
    let site = Site::with_limits(ServerLimits { tail_streams_max: 1, ..Default::default() });
    let path = "/api/v1/logs/main/tail";
    let first = Follower::open(&site, &Ask::get(path));
    let reply = site.get(path);
    assert_eq!((reply.status, &reply.json()["code"]), (429, &"busy".into()));
    assert_eq!(reply.header("retry-after"), Some("5"));
    drop(first);
}

#[test]
fn a_stopping_server_ends_its_tails() {
    let mut site = Site::start();
    let mut tail = Follower::open(&site, &Ask::get("/api/v1/logs/main/tail"));
    site.stop();
    assert_eq!(tail.next(), Sent::End);
    site.join();
}
