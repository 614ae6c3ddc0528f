//! Saved queries at the command line, and a server that is killed while a webhook is told.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use super::fixture::{Fixture, events};

/// How long something is waited for that has to come.
const PATIENCE: Duration = Duration::from_mins(1);
const NEAR: [&str; 2] = ["--webhook-networks", "127.0.0.0/8"];

/// Hears webhooks and answers 200; every fourth it lets down first. Gives ids and the indexes that they tell.
fn receiver() -> (String, mpsc::Receiver<(String, Vec<u64>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut bytes = Vec::new();
            let body = loop {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some((_, body)) = text.split_once("\r\n\r\n")
                    && serde_json::from_str::<Value>(body).is_ok()
                {
                    break Some(text);
                }
                let mut buffer = [0; 4_096];
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break None,
                    Ok(count) => bytes.extend_from_slice(&buffer[..count]),
                }
            };
            // Whoever sent half of it has died.
            let Some((head, body)) = body.as_deref().and_then(|text| text.split_once("\r\n\r\n"))
            else {
                continue;
            };
            let body: Value = serde_json::from_str(body).unwrap();
            let id = head.lines().find_map(|line| line.strip_prefix("webhook-id: ")).unwrap();
            let indexes = body["data"]["indexes"].as_array().unwrap();
            let indexes = indexes.iter().map(|index| index.as_u64().unwrap()).collect();
            let status = if number % 4 == 3 { 503 } else { 200 };
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
            let told = stream.write_all(answer.as_bytes()).is_ok();
            if told && status == 200 && tell.send((id.to_owned(), indexes)).is_err() {
                return;
            }
        }
    });
    (url, heard)
}

#[test]
fn a_query_is_saved_listed_tried_and_deleted() {
    let mut fixture = Fixture::empty();
    fixture.serve(&NEAR);
    let (url, heard) = receiver();
    let save = ["query", "save", "updates", "action:invoice.update", "--hook", &url];
    let saved = fixture.check(&save, 0, &["whsec_"], &["updates  each  action:invoice.update"]);
    assert_eq!(saved.stdout.lines().count(), 1, "{saved:?}");
    fixture.check(&["query", "test", "updates"], 0, &["it arrived"], &[]);
    assert!(heard.recv_timeout(PATIENCE).unwrap().1.is_empty());
    fixture.check_with(&["append"], &events(0, 1), 0, &[], &[]);
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap().1, [1]);
    let rotated = fixture.json(&["query", "rotate", "updates"], 0);
    assert_ne!(rotated["secret"], saved.stdout.trim());
    let night = ["query", "save", "nights", "--builtin", "outside-hours", "--hook", &url];
    fixture.check(&night, 0, &["whsec_"], &["outside 07:00-19:00 mon-fri +00:00"]);
    fixture.check(
        &["query", "list", "--log", "system"],
        0,
        &["nights  outside", "action:graven.grant"],
        &[],
    );
    fixture.check(&["query", "list"], 0, &["updates  each", "told 1, given up 0"], &["!nights"]);
    fixture.check(&["query", "show", "nights"], 1, &[], &["log main has no query nights"]);
    fixture.check(&["query", "delete", "updates"], 0, &["updates is deleted"], &[]);
    fixture.check(&["query", "test", "updates"], 1, &[], &["not_found"]);
    let bad = ["query", "save", "x", "--hook", &url, "--when", "often"];
    fixture.check(&bad, 2, &[], &["no condition", "at least 5 in 10m"]);
}

#[test]
fn a_server_that_is_killed_while_it_tells_loses_nothing() {
    let mut fixture = Fixture::empty();
    fixture.serve(&NEAR);
    let (url, heard) = receiver();
    let save = ["query", "save", "updates", "action:invoice.update", "--hook", &url];
    fixture.check(&save, 0, &["whsec_"], &[]);
    let mut told: BTreeMap<String, BTreeSet<Vec<u64>>> = BTreeMap::new();
    for round in 0..6 {
        fixture.check_with(&["append"], &events(round * 50, 50), 0, &[], &[]);
        // Killed right behind a webhook that arrived, or right before one.
        if round % 2 == 0 {
            let (id, indexes) = heard.recv_timeout(PATIENCE).unwrap();
            told.entry(id).or_default().insert(indexes);
        }
        fixture.kill();
        fixture.serve(&NEAR);
    }
    let size = fixture.json(&["log", "show"], 0)["size"].as_u64().unwrap();
    let all: BTreeSet<u64> = (1..size).collect();
    while told.values().flatten().flatten().copied().collect::<BTreeSet<u64>>() != all {
        let (id, indexes) = heard.recv_timeout(PATIENCE).expect("every entry is told");
        told.entry(id).or_default().insert(indexes);
    }
    // Told twice it says the same, and no entry is told under two ids.
    assert!(told.values().all(|indexes| indexes.len() == 1), "{told:?}");
    let count: usize = told.values().flatten().map(Vec::len).sum();
    assert_eq!(count, all.len(), "{told:?}");
}
