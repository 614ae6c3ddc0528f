//! OTLP metrics in JSON (OpenTelemetry Protocol 1.x, `ExportMetricsServiceRequest` in the proto3 JSON mapping: numbers of 64
//! bits are strings, names are in lowerCamelCase).

use log::Histogram;
use serde_json::{Value, json};

use super::family::{Data, Family, Point};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`: every export tells all since the start, so one that got lost is made good by the next.
const CUMULATIVE: u64 = 2;

/// From when to when counters counted, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start_ns: u64,
    pub(crate) now_ns: u64,
}

/// The body of a request to `/v1/metrics`. `instance` tells this server from others of the same name.
pub(crate) fn body(families: &[Family], instance: &str, span: Span) -> Vec<u8> {
    let metrics = families.iter().filter(|family| !family.is_empty());
    let metrics: Vec<Value> = metrics.map(|family| metric(family, span)).collect();
    let version = env!("CARGO_PKG_VERSION");
    let resource = [
        ("service.name", "graven"),
        ("service.version", version),
        ("service.instance.id", instance),
    ];
    let attributes: Vec<Value> =
        resource.iter().map(|(key, value)| attribute(key, value)).collect();
    let body = json!({"resourceMetrics": [{
        "resource": {"attributes": attributes},
        "scopeMetrics": [{"scope": {"name": "graven", "version": version}, "metrics": metrics}],
    }]});
    body.to_string().into_bytes()
}

fn metric(family: &Family, span: Span) -> Value {
    let (name, unit) = named(family.name);
    let mut metric = json!({"name": name, "description": family.help, "unit": unit});
    let (kind, data) = match &family.data {
        Data::Counter(points) => ("sum", sum(points, span)),
        Data::Gauge(points) => ("gauge", json!({"dataPoints": numbers(points, span)})),
        Data::Histogram(histogram) => ("histogram", distribution(histogram, span)),
    };
    metric[kind] = data;
    metric
}

/// OpenTelemetry's name and unit (UCUM) of a metric: its kind says what `_total` does, and exporters for Prometheus add that again.
fn named(name: &str) -> (&str, &'static str) {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let units = [("_bytes", "By"), ("_seconds", "s"), ("_us", "us"), ("_ns", "ns")];
    let unit = units.iter().find(|(end, _)| name.ends_with(end));
    (name, unit.map_or("1", |(_, unit)| unit))
}

fn sum(points: &[Point], span: Span) -> Value {
    json!({
        "aggregationTemporality": CUMULATIVE,
        "isMonotonic": true,
        "dataPoints": numbers(points, span),
    })
}

fn numbers(points: &[Point], span: Span) -> Vec<Value> {
    let number = |point: &Point| {
        let labels = point.labels.iter().map(|(key, value)| attribute(key, value));
        json!({
            "attributes": labels.collect::<Vec<_>>(),
            "startTimeUnixNano": span.start_ns.to_string(),
            "timeUnixNano": span.now_ns.to_string(),
            "asInt": point.value.to_string(),
        })
    };
    points.iter().map(number).collect()
}

fn distribution(histogram: &Histogram, span: Span) -> Value {
    let text = |count: &u64| count.to_string();
    json!({
        "aggregationTemporality": CUMULATIVE,
        "dataPoints": [{
            "startTimeUnixNano": span.start_ns.to_string(),
            "timeUnixNano": span.now_ns.to_string(),
            "count": histogram.counts.iter().sum::<u64>().to_string(),
            "sum": histogram.sum,
            "bucketCounts": histogram.counts.iter().map(text).collect::<Vec<_>>(),
            "explicitBounds": histogram.bounds,
        }],
    })
}

fn attribute(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

#[cfg(test)]
mod tests;
