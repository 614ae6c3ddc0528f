//! Metrics as the OpenTelemetry Protocol has them.

use log::Histogram;
use serde_json::{Value, json};

use super::{Span, body};
use crate::metrics::{Data, Family, Point};

/// The one metric that a family becomes.
fn check(name: &'static str, data: Data, expected: &Value) {
    let family = Family { name, help: "what it is", data };
    let body = body(&[family], "acme.example/system", Span { start_ns: 1, now_ns: u64::MAX });
    let body: Value = serde_json::from_slice(&body).unwrap();
    let [of_server] = body["resourceMetrics"].as_array().unwrap().as_slice() else { panic!() };
    let instance = &of_server["resource"]["attributes"][2];
    let named =
        json!({"key": "service.instance.id", "value": {"stringValue": "acme.example/system"}});
    assert_eq!(*instance, named);
    assert_eq!(of_server["scopeMetrics"][0]["metrics"], json!([expected]), "{name}");
}

#[test]
fn each_kind_has_its_form() {
    let max = u64::MAX.to_string();
    let label = json!([{"key": "log", "value": {"stringValue": "main"}}]);
    check(
        "graven_frame_bytes_total",
        Data::Counter(vec![Point::of([("log", "main")], u64::MAX)]),
        &json!({"name": "graven_frame_bytes", "description": "what it is", "unit": "By", "sum": {
            "aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
                {"attributes": label, "startTimeUnixNano": "1", "timeUnixNano": max, "asInt": max}]}}),
    );
    check(
        "graven_logs",
        Data::Gauge(vec![Point { labels: Vec::new(), value: 3 }]),
        &json!({"name": "graven_logs", "description": "what it is", "unit": "1", "gauge": {
            "dataPoints": [
                {"attributes": [], "startTimeUnixNano": "1", "timeUnixNano": max, "asInt": "3"}]}}),
    );
    check(
        "graven_flush_us",
        Data::Histogram(Histogram { bounds: &[10, 20], counts: vec![1, 0, 4], sum: 99 }),
        &json!({"name": "graven_flush_us", "description": "what it is", "unit": "us", "histogram": {
            "aggregationTemporality": 2, "dataPoints": [{
                "startTimeUnixNano": "1", "timeUnixNano": max, "count": "5", "sum": 99,
                "bucketCounts": ["1", "0", "4"], "explicitBounds": [10, 20]}]}}),
    );
}

#[test]
fn what_nothing_is_known_of_is_left_out() {
    let family = Family { name: "graven_index_lag", help: "", data: Data::Gauge(Vec::new()) };
    let body = body(&[family], "x", Span { start_ns: 1, now_ns: 2 });
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"], json!([]));
}
