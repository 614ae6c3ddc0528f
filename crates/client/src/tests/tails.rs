//! Following a log over broken connections.

use graven_entry::{AuthMethod, Clock, Grade, Header, Name, Time, build_entry};
use graven_merkle::{EMPTY_ROOT, Hash, LeafIndex, leaf_hash};

use super::fake::{Fake, Scripted};
use crate::Client;

/// Entries 0 to `count` - 1 of a log, chained.
pub(crate) fn entries(origin: &str, count: u64) -> Vec<Vec<u8>> {
    let mut prev = EMPTY_ROOT;
    let mut entries = Vec::new();
    for index in 0..count {
        let event = format!("{{\"actor\":{{}},\"action\":\"a.b\",\"id\":\"{index}\"}}");
        let entry = entry(origin, index, prev, event.as_bytes());
        prev = leaf_hash(&entry);
        entries.push(entry);
    }
    entries
}

pub(crate) fn entry(origin: &str, index: u64, prev: Hash, event: &[u8]) -> Vec<u8> {
    let header = Header {
        origin: Name::origin(origin).unwrap(),
        index: LeafIndex(index),
        time: Time::from_unix_ns(1_000 + index).unwrap(),
        clock: Clock::Synced,
        error_ns: None,
        wall: None,
        prev,
        nonce: [7; 16],
        writer: Name::new("w").unwrap(),
        auth: AuthMethod::new("token").unwrap(),
        grade: Grade::Asserted,
        stream: None,
        seq: None,
        altered: Vec::new(),
    };
    let mut out = Vec::new();
    build_entry(&mut out, &header, event, None).unwrap();
    out
}

fn sent(entries: &[(u64, &Vec<u8>)]) -> Scripted {
    let mut body = String::from(": hello\n\n");
    for (index, entry) in entries {
        let data = serde_json::json!({ "index": index, "entry": String::from_utf8_lossy(entry) });
        let event = format!("id: {index}\ndata: {data}\n\n: heartbeat\n\n");
        body.push_str(&event);
    }
    ("200 OK\r\ncontent-type: text/event-stream", body.into_bytes())
}

/// Follows a log whose server answers so; the indexes that come, and then perhaps an error with this text.
fn check(answers: Vec<Scripted>, from: u64, indexes: &[u64], error: Option<&str>) {
    let fake = Fake::start(answers);
    let mut tail = Client::new(&fake.url, None).unwrap().tail("main", LeafIndex(from), None);
    for index in indexes {
        assert_eq!(tail.next().unwrap().unwrap().index, LeafIndex(*index));
    }
    if let Some(text) = error {
        let error = tail.next().unwrap().unwrap_err();
        assert!(error.to_string().contains(text), "{error} lacks {text}");
    }
    let lines: Vec<String> = fake.seen().into_iter().map(|request| request.line).collect();
    assert_eq!(lines[0], format!("GET /api/v1/logs/main/tail?from={from}"));
}

#[test]
fn a_tail_resumes_and_checks_the_chain() {
    let all = entries("o", 4);
    let other = entries("p", 4);
    let at = |index: usize| (index as u64, &all[index]);
    check(vec![sent(&[at(0), at(1), at(2)])], 0, &[0, 1, 2], None);
    check(vec![sent(&[at(1)]), sent(&[at(2)]), sent(&[at(3)])], 1, &[1, 2, 3], None);
    check(vec![sent(&[at(0)]), ("", vec![]), sent(&[at(1)])], 0, &[0, 1], None);
    check(vec![sent(&[at(0), at(2)])], 0, &[0], Some("entry 2 does not hold: expected was 1"));
    check(
        vec![sent(&[at(0)]), sent(&[(1, &other[1])])],
        0,
        &[0],
        Some("prev is not the leaf hash"),
    );
    check(vec![sent(&[(0, &all[1])])], 0, &[], Some("header has another index"));
}

#[test]
fn what_a_tail_leaves_out_is_said_by_its_ids() {
    let all = entries("o", 6);
    let (head, mut body) = sent(&[(1, &all[1])]);
    body.extend_from_slice(b"id: 3\n\n");
    body.extend(sent(&[(4, &all[4])]).1);
    // An entry that breaks off leaves no place behind it.
    body.extend_from_slice(b"id: 5\n");
    let fake = Fake::start(vec![(head, body), sent(&[(5, &all[5])])]);
    let client = Client::new(&fake.url, None).unwrap();
    let mut tail = client.tail("main", LeafIndex(1), Some("actor:a b"));
    for (index, left_out) in [(1, 0), (4, 2), (5, 2)] {
        assert_eq!(tail.next().unwrap().unwrap().index, LeafIndex(index));
        assert_eq!(tail.left_out(), left_out);
    }
    let lines: Vec<String> = fake.seen().into_iter().map(|request| request.line).collect();
    let line = |from: u64| format!("GET /api/v1/logs/main/tail?from={from}&q=actor%3Aa%20b");
    assert_eq!(lines, [line(1), line(5)]);
}

#[test]
fn a_tail_that_only_breaks_ends() {
    let answers = (0..20).map(|_| sent(&[])).collect();
    check(answers, 0, &[], Some("ends it again and again"));
    let refused = b"event: error\ndata: {\"code\":\"busy\"}\n\n".to_vec();
    check(vec![("200 OK", refused)], 0, &[], Some("the server ended it"));
}
