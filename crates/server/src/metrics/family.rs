//! Numbers of one kind, in the form that every way of telling them is made from.

use log::Histogram;

/// What one name stands for.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    /// As Prometheus has names: the unit last, `_total` behind what only grows.
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) data: Data,
}

impl Family {
    /// Nothing is known of it yet.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.data {
            Data::Counter(points) | Data::Gauge(points) => points.is_empty(),
            Data::Histogram(_) => false,
        }
    }
}

/// The numbers.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    /// What only grows while the server runs.
    Counter(Vec<Point>),
    /// What goes up and down.
    Gauge(Vec<Point>),
    /// How often something was how large.
    Histogram(Histogram),
}

/// One number, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) value: u64,
}

impl Point {
    pub(crate) fn of<const N: usize>(labels: [(&'static str, &str); N], value: u64) -> Point {
        Point { labels: labels.map(|(name, text)| (name, text.to_owned())).into(), value }
    }
}
