//! Counters of the HTTP surface, and the Prometheus text of them and of the log's.

use std::fmt::{Display, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use append::Code;
use graven_entry::Time;
use graven_merkle::TreeSize;
use log::{Health, Histogram, Metrics};

use crate::routes::ROUTES;
use crate::shared::Shared;

const NS_PER_S: u64 = 1_000_000_000;
/// Hundreds of HTTP statuses, 1xx to 5xx.
const STATUS_CLASSES: usize = 5;
/// The routes, and one more for what is none.
const ROUTE_LABELS: usize = ROUTES.len() + 1;
/// The codes of refusals.
const CODES: usize = Code::ALL.len();

/// What is told of each saved query.
const QUERY_ROWS: [(&str, &str, &str); 4] = [
    ("graven_query_lag", "gauge", "entries that a saved query has not looked at yet"),
    ("graven_query_pending", "gauge", "1 where a saved query fired and its webhook is not told"),
    ("graven_query_delivered_total", "counter", "firings that a webhook told, since it was saved"),
    ("graven_query_dead_total", "counter", "firings that were given up, since it was saved"),
];

/// What the server counts of itself. Only ever grows.
pub(crate) struct Counters {
    requests: [[AtomicU64; STATUS_CLASSES]; ROUTE_LABELS],
    refusals: [AtomicU64; CODES],
    connections_accepted: AtomicU64,
    connections_refused: AtomicU64,
    tails_dropped: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Counters {
            requests: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
            refusals: std::array::from_fn(|_| AtomicU64::new(0)),
            connections_accepted: AtomicU64::new(0),
            connections_refused: AtomicU64::new(0),
            tails_dropped: AtomicU64::new(0),
        }
    }
}

impl Counters {
    /// Counts one answered request under its route's name.
    pub(crate) fn request(&self, route: &str, status: u16, refused: Option<Code>) {
        let label = ROUTES.iter().position(|other| other.doc.id == route).unwrap_or(ROUTES.len());
        let class = usize::from(status / 100).saturating_sub(1);
        if let Some(counter) = self.requests.get(label).and_then(|classes| classes.get(class)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let place = refused.and_then(|code| Code::ALL.iter().position(|other| *other == code));
        if let Some(counter) = place.and_then(|place| self.refusals.get(place)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn connection_accepted(&self) {
        self.connections_accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn connection_refused(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn tail_dropped(&self) {
        self.tails_dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// The metrics page.
pub(crate) fn render(shared: &Shared, metrics: &Metrics, health: &Health) -> String {
    let mut page = Page { text: String::with_capacity(16 * 1024) };
    page.http(shared);
    page.log(metrics);
    page.followers(shared);
    page.queries(shared);
    let seconds = |time: Time| time.unix_ns() / NS_PER_S;
    page.health(health, seconds(shared.started), seconds(shared.gate.now()));
    page.text
}

/// A page of the Prometheus text format, version 0.0.4.
struct Page {
    text: String,
}

impl Page {
    fn http(&mut self, shared: &Shared) {
        let counters = &shared.counters;
        self.head("graven_http_requests_total", "counter", "answered requests by route and status");
        let names = ROUTES.iter().map(|route| route.doc.id).chain(["none"]);
        for (name, classes) in names.zip(&counters.requests) {
            for (class, counter) in (1..).zip(classes) {
                let count = counter.load(Ordering::Relaxed);
                if count > 0 {
                    let labels = format!("{{route=\"{name}\",status=\"{class}xx\"}}");
                    self.sample("graven_http_requests_total", &labels, count);
                }
            }
        }
        self.head("graven_http_refusals_total", "counter", "refused requests by code");
        for (code, counter) in Code::ALL.iter().zip(&counters.refusals) {
            let labels = format!("{{code=\"{code}\"}}");
            self.sample("graven_http_refusals_total", &labels, counter.load(Ordering::Relaxed));
        }
        let help = "events that the log's audit policy did not take";
        self.head("graven_audit_dropped_total", "counter", help);
        for (log, count) in shared.drops.totals() {
            self.sample("graven_audit_dropped_total", &format!("{{log=\"{log}\"}}"), count);
        }
        let help = "values that looked sensitive and stand in clear";
        self.head("graven_sealing_flagged_total", "counter", help);
        let flagged = shared.sealing().map(|sealing| sealing.findings.totals());
        for ((log, kind), count) in flagged.unwrap_or_default() {
            let labels = format!("{{log=\"{log}\",kind=\"{kind}\"}}");
            self.sample("graven_sealing_flagged_total", &labels, count);
        }
        let accepted = counters.connections_accepted.load(Ordering::Relaxed);
        self.counter("graven_http_connections_total", "connections served", accepted);
        let refused = counters.connections_refused.load(Ordering::Relaxed);
        self.counter("graven_http_connections_refused_total", "connections sent away", refused);
        let dropped = counters.tails_dropped.load(Ordering::Relaxed);
        self.counter("graven_http_tails_dropped_total", "tails of slow readers ended", dropped);
        let limits = &shared.limits;
        let open = limits.connections_max - shared.connections.available_permits();
        self.gauge("graven_http_connections", "connections open now", open);
        let requests = limits.requests_max - shared.requests.available_permits();
        self.gauge("graven_http_requests", "requests worked on now", requests);
        let tails = limits.tail_streams_max - shared.tails.available_permits();
        self.gauge("graven_http_tails", "tails open now", tails);
        let reads = limits.blocking_reads_max - shared.blocking.available_permits();
        self.gauge("graven_http_blocking_reads", "reads of files running now", reads);
        let searches = limits.searches_max - shared.searches.available_permits();
        self.gauge("graven_http_searches", "searches running now", searches);
        self.gauge("graven_http_body_bytes", "bytes of bodies held now", shared.bodies.bytes());
    }

    fn log(&mut self, metrics: &Metrics) {
        self.counter("graven_entries_total", "entries appended", metrics.appended_entries);
        self.head("graven_refused_total", "counter", "batches refused by the log by code");
        for (code, count) in &metrics.refused {
            self.sample("graven_refused_total", &format!("{{code=\"{code}\"}}"), count);
        }
        self.counter("graven_frames_total", "frames made permanent", metrics.frames);
        let frame_bytes = metrics.frame_bytes;
        self.counter("graven_frame_bytes_total", "bytes of frames made permanent", frame_bytes);
        let help = "microseconds of one durable write";
        self.histogram("graven_flush_us", help, &metrics.flush_us);
        let help = "entries in one frame";
        self.histogram("graven_frame_entries", help, &metrics.frame_entries);
        self.counter("graven_unloads_total", "rounds of unloading", metrics.unloads);
        let sealed = metrics.sealed_segments;
        self.counter("graven_sealed_segments_total", "segments sealed", sealed);
        let hits = metrics.bundle_cache_hits;
        self.counter("graven_bundle_cache_hits_total", "bundle reads from memory", hits);
        let misses = metrics.bundle_cache_misses;
        self.counter("graven_bundle_cache_misses_total", "bundle reads from disk", misses);
    }

    fn followers(&mut self, shared: &Shared) {
        if let Some(finders) = &shared.finders {
            let help = ["entries that a search finds", "entries that a search does not find yet"];
            self.lag(shared, "graven_index", help, &finders.through());
        }
        if let Some(lakes) = &shared.lakes {
            let help = ["entries that SQL is asked of", "entries that SQL is not asked of yet"];
            self.lag(shared, "graven_columns", help, &lakes.through());
        }
    }

    /// How far followers are, and how far behind.
    fn lag(&mut self, shared: &Shared, name: &str, help: [&str; 2], all: &[(String, TreeSize)]) {
        let size = |log: &str| shared.cell.log(log).map_or(0, |log| log.info().size.0);
        let (through_name, lag_name) = (format!("{name}_through"), format!("{name}_lag"));
        self.head(&through_name, "gauge", help[0]);
        for (log, through) in all {
            self.sample(&through_name, &format!("{{log=\"{log}\"}}"), through);
        }
        self.head(&lag_name, "gauge", help[1]);
        for (log, through) in all {
            let lag = size(log).saturating_sub(through.0);
            self.sample(&lag_name, &format!("{{log=\"{log}\"}}"), lag);
        }
    }

    fn queries(&mut self, shared: &Shared) {
        let rows: Vec<(String, [u64; 4])> = {
            let standing = shared.gate.standing();
            let all = standing.queries.all().map(|(name, saved)| {
                let size = shared.cell.log(&name.log).map_or(0, |log| log.info().size.0);
                let next = shared.watching.state(name).next.max(saved.next);
                let lag = if saved.when.is_check() { 0 } else { size.saturating_sub(next) };
                let labels = format!("{{log=\"{}\",query=\"{}\"}}", name.log, name.name);
                let pending = u64::from(saved.pending.is_some());
                (labels, [lag, pending, saved.delivered, saved.dead])
            });
            all.collect()
        };
        for (place, (name, kind, help)) in QUERY_ROWS.into_iter().enumerate() {
            self.head(name, kind, help);
            for (labels, values) in &rows {
                self.sample(name, labels, values.get(place).copied().unwrap_or_default());
            }
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

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "counter", help);
        self.sample(name, "", value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.sample(name, "", value);
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

    fn health(&mut self, health: &Health, started_s: u64, now_s: u64) {
        self.gauge("graven_ready", "1 where appends are taken", u8::from(health.ready));
        let help = "when the server started, in seconds since 1970";
        self.gauge("graven_start_time_seconds", help, started_s);
        self.gauge("graven_time_seconds", "the server's clock, the same", now_s);
        self.gauge("graven_logs", "logs", health.logs);
        self.gauge("graven_disk_free_bytes", "free on the data's disk", health.disk_free_bytes);
        self.gauge("graven_journal_bytes", "in the journal, not unloaded", health.journal_bytes);
        self.gauge("graven_queued_events", "events not yet answered", health.queued_events);
        self.gauge("graven_queued_bytes", "bytes of those events", health.queued_bytes);
        let synced = u8::from(health.clock_synced);
        self.gauge("graven_clock_synced", "1 where the kernel's clock is synchronised", synced);
        if let Some(error_ns) = health.clock_error_ns {
            self.gauge("graven_clock_error_ns", "the kernel's bound for the error", error_ns);
        }
    }
}
