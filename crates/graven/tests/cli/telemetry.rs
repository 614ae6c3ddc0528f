//! Metrics on their way to a collector of OpenTelemetry.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use super::fixture::{Fixture, events};

/// How long an export is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// Takes exports, answers the first with 503 and the others with 200, and gives the head and the body of each.
fn collector() -> (String, mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let mut statuses = [503].into_iter().chain(std::iter::repeat(200));
        for stream in listener.incoming() {
            // A connection may be kept for the next export, or not.
            let mut stream = stream.unwrap();
            while let Some(export) = read(&mut stream) {
                let status = statuses.next().unwrap();
                let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
                drop(stream.write_all(answer.as_bytes()));
                if tell.send(export).is_err() {
                    return;
                }
            }
        }
    });
    (url, heard)
}

/// One request, or nothing where the connection ends.
fn read(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4_096];
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Ok(body) = serde_json::from_str(body)
        {
            return Some((head.to_ascii_lowercase(), body));
        }
    }
}

/// The points of a metric in an export: labels and values.
fn points(export: &Value, name: &str) -> Vec<(Value, u64)> {
    let metrics = &export["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    let metric = metrics.as_array().unwrap().iter().find(|metric| metric["name"] == name);
    let metric = metric.unwrap_or_else(|| panic!("no {name} in {metrics}"));
    let data = metric.get("sum").or_else(|| metric.get("gauge")).unwrap();
    let points = data["dataPoints"].as_array().unwrap().iter();
    points
        .map(|point| {
            (point["attributes"].clone(), point["asInt"].as_str().unwrap().parse().unwrap())
        })
        .collect()
}

#[test]
fn metrics_are_told_at_the_start_and_at_the_stop() {
    let (url, heard) = collector();
    let mut fixture = Fixture::empty();
    fixture.serve(&["--otlp-endpoint", &url]);
    let (head, first) = heard.recv_timeout(PATIENCE).expect("an export at the start");
    assert!(head.starts_with("post /v1/metrics http/1.1"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!(points(&first, "graven_ready")[0].1, 1);
    fixture.check_with(&["append"], &events(0, 20), 0, &[], &[]);
    // What a search finds it has told the follower's progress of.
    fixture.check(&["search", "--wait", "action:*"], 0, &[], &[]);
    let text = fixture.stop();
    let (_, last) = heard.recv_timeout(PATIENCE).expect("an export at the stop");
    let through = points(&last, "graven_index_through");
    let main = through.iter().find(|(labels, _)| labels[0]["value"]["stringValue"] == "main");
    assert_eq!(main.expect("the log main").1, 21, "{through:?}");
    // The first was not taken: told once, and counted.
    assert_eq!(points(&last, "graven_otlp_failed")[0].1, 1);
    assert!(text.contains("metrics do not reach their collector"), "{text}");
    assert!(text.contains("metrics reach their collector again"), "{text}");
}
