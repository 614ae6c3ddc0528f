//! Real audit events through the whole API and back, byte for byte.

use std::path::Path;

use serde_json::value::RawValue;

use super::site::{Site, shared};

/// Events of a real account, each wrapped in what makes it one of ours.
#[derive(serde::Deserialize)]
struct Trail<'a> {
    #[serde(rename = "Records", borrow)]
    records: Vec<&'a RawValue>,
}

fn wrap(action: &str, data: &str) -> String {
    let actor = r#"{"type":"service","id":"import"}"#;
    format!("{{\"actor\":{actor},\"action\":\"{action}\",\"data\":{data}}}")
}

/// Appends the events in batches and reads each back by its index.
fn check(site: &Site, events: &[String]) {
    let mut indexes = Vec::new();
    for batch in events.chunks(250) {
        let body = batch.join("\n");
        let reply = site.post("/api/v1/logs/main/events", "application/x-ndjson", body.as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
        let receipts = reply.json()["receipts"].as_array().unwrap().clone();
        indexes.extend(receipts.iter().map(|receipt| receipt["index"].as_u64().unwrap()));
    }
    assert_eq!(indexes.len(), events.len());
    for (index, event) in indexes.iter().zip(events) {
        let entry = site.get(&format!("/api/v1/logs/main/entries/{index}"));
        let line = entry.body.split(|byte| *byte == b'\n').nth(1).unwrap();
        assert!(line == event.as_bytes(), "entry {index} is not what was sent");
    }
}

fn files(dir: &Path) -> Vec<String> {
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn cloudtrail_comes_back_byte_for_byte() {
    let Some(dir) = shared("server::cloudtrail", "data/cloudtrail") else { return };
    let texts = files(&dir);
    let mut events = Vec::new();
    for text in &texts {
        let trail: Trail<'_> = serde_json::from_str(text).unwrap();
        events.extend(trail.records.iter().map(|record| wrap("cloudtrail.record", record.get())));
    }
    assert!(events.len() > 500, "only {} records", events.len());
    check(&Site::start(), &events);
}

#[test]
fn kubernetes_events_come_back_byte_for_byte() {
    let Some(dir) = shared("server::kubernetes", "data/kubernetes-audit") else { return };
    let texts = files(&dir);
    let lines = texts.iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty());
    let events: Vec<String> = lines.map(|line| wrap("kubernetes.audit", line)).collect();
    assert!(events.len() >= 20, "only {} events", events.len());
    check(&Site::start(), &events);
}
