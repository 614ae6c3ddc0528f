//! The Prometheus text format, version 0.0.4.

use std::fmt::{Display, Write as _};

use log::Histogram;

use super::family::{Data, Family, Point};

/// The page that `GET /metrics` answers.
pub(crate) fn text(families: &[Family]) -> String {
    let mut page = Page { text: String::with_capacity(16 * 1024) };
    for Family { name, help, data } in families {
        match data {
            Data::Counter(points) => page.points(name, ("counter", help), points),
            Data::Gauge(points) => page.points(name, ("gauge", help), points),
            Data::Histogram(histogram) => page.histogram(name, help, histogram),
        }
    }
    page.text
}

struct Page {
    text: String,
}

impl Page {
    fn points(&mut self, name: &str, (kind, help): (&str, &str), points: &[Point]) {
        self.head(name, kind, help);
        for Point { labels, value } in points {
            self.sample(name, &labels_text(labels), value);
        }
    }

    /// A histogram; its buckets count all that is no larger.
    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.head(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        let mut count = 0;
        let bounds = histogram.bounds.iter().map(u64::to_string).chain(["+Inf".to_owned()]);
        for (bound, in_bucket) in bounds.zip(&histogram.counts) {
            count += in_bucket;
            self.sample(&bucket, &format!("{{le=\"{bound}\"}}"), count);
        }
        self.sample(&format!("{name}_sum"), "", histogram.sum);
        self.sample(&format!("{name}_count"), "", count);
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        self.line(format_args!("{name}{labels} {value}\n"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.text.write_fmt(line).expect("memory takes what is written to it");
    }
}

/// Names of logs, queries, routes and codes need no escapes.
fn labels_text(labels: &[(&'static str, String)]) -> String {
    let all: Vec<String> = labels.iter().map(|(name, text)| format!("{name}=\"{text}\"")).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}
