//! Counters of the HTTP surface, and all that the server tells of itself in numbers.

pub(crate) mod counters;
mod family;
pub(crate) mod otlp;
pub(crate) mod prometheus;

use std::sync::atomic::{AtomicU64, Ordering};

use append::Code;
use graven_entry::Time;
use graven_merkle::TreeSize;
use log::{Health, Metrics};

use self::family::{Data, Family, Point};
use crate::shared::Shared;

const NS_PER_S: u64 = 1_000_000_000;

/// A way to make data of numbers.
type ToData = fn(Vec<Point>) -> Data;

/// What is told of each saved query.
const QUERY_ROWS: [(&str, ToData, &str); 4] = [
    ("graven_query_lag", Data::Gauge, "entries that a saved query has not looked at yet"),
    (
        "graven_query_pending",
        Data::Gauge,
        "1 where a saved query fired and its webhook is not told",
    ),
    (
        "graven_query_delivered_total",
        Data::Counter,
        "firings that a webhook told, since it was saved",
    ),
    ("graven_query_dead_total", Data::Counter, "firings that were given up, since it was saved"),
];

/// Everything, read now. What the log knows of itself is handed in: reading it may wait.
pub(crate) fn gather(shared: &Shared, metrics: &Metrics, health: &Health) -> Vec<Family> {
    let mut families = Families(Vec::new());
    families.http(shared);
    families.limits(shared);
    families.log(metrics);
    families.followers(shared);
    families.queries(shared);
    let seconds = |time: Time| time.unix_ns() / NS_PER_S;
    families.health(health, seconds(shared.started), seconds(shared.gate.now()));
    families.0
}

/// What was gathered so far.
struct Families(Vec<Family>);

impl Families {
    fn http(&mut self, shared: &Shared) {
        let counters = &shared.counters;
        let requests = counters.requests.iter().flat_map(|(name, classes)| {
            let counts = classes.iter().map(|counter| counter.load(Ordering::Relaxed));
            let answered = (1..).zip(counts).filter(|(_, count)| *count > 0);
            answered.map(move |(class, count)| {
                Point::of([("route", name), ("status", &format!("{class}xx"))], count)
            })
        });
        let help = "answered requests by route and status";
        self.add("graven_http_requests_total", help, Data::Counter(requests.collect()));
        let codes = Code::ALL.iter().zip(&counters.refusals);
        let refusals = codes.map(|(code, counter)| {
            Point::of([("code", &code.to_string())], counter.load(Ordering::Relaxed))
        });
        let help = "refused requests by code";
        self.add("graven_http_refusals_total", help, Data::Counter(refusals.collect()));
        let dropped = shared.drops.totals().into_iter();
        let dropped = dropped.map(|(log, count)| Point::of([("log", &log)], count));
        let help = "events that the log's audit policy did not take";
        self.add("graven_audit_dropped_total", help, Data::Counter(dropped.collect()));
        let flagged = shared.sealing().map(|sealing| sealing.findings.totals());
        let flagged = flagged
            .unwrap_or_default()
            .into_iter()
            .map(|((log, kind), count)| Point::of([("log", &log), ("kind", kind)], count));
        let help = "values that looked sensitive and stand in clear";
        self.add("graven_sealing_flagged_total", help, Data::Counter(flagged.collect()));
        let mut counter = |name, help, counter: &AtomicU64| {
            self.counter(name, help, counter.load(Ordering::Relaxed));
        };
        counter(
            "graven_http_connections_total",
            "connections served",
            &counters.connections_accepted,
        );
        let refused = &counters.connections_refused;
        counter("graven_http_connections_refused_total", "connections sent away", refused);
        let dropped = &counters.tails_dropped;
        counter("graven_http_tails_dropped_total", "tails of slow readers ended", dropped);
        let failed = &counters.telemetry_failed;
        counter("graven_otlp_failed_total", "exports that the collector did not take", failed);
    }

    /// What is in use of what is limited.
    fn limits(&mut self, shared: &Shared) {
        let limits = &shared.limits;
        let open = limits.connections_max - shared.connections.available_permits();
        self.gauge("graven_http_connections", "connections open now", open as u64);
        let requests = limits.requests_max - shared.requests.available_permits();
        self.gauge("graven_http_requests", "requests worked on now", requests as u64);
        let tails = limits.tail_streams_max - shared.tails.available_permits();
        self.gauge("graven_http_tails", "tails open now", tails as u64);
        let reads = limits.blocking_reads_max - shared.blocking.available_permits();
        self.gauge("graven_http_blocking_reads", "reads of files running now", reads as u64);
        let searches = limits.searches_max - shared.searches.available_permits();
        self.gauge("graven_http_searches", "searches running now", searches as u64);
        let bodies = shared.bodies.bytes() as u64;
        self.gauge("graven_http_body_bytes", "bytes of bodies held now", bodies);
    }

    fn log(&mut self, metrics: &Metrics) {
        self.counter("graven_entries_total", "entries appended", metrics.appended_entries);
        let refused = metrics.refused.iter();
        let refused = refused.map(|(code, count)| Point::of([("code", &code.to_string())], *count));
        let help = "batches refused by the log by code";
        self.add("graven_refused_total", help, Data::Counter(refused.collect()));
        self.counter("graven_frames_total", "frames made permanent", metrics.frames);
        let frame_bytes = metrics.frame_bytes;
        self.counter("graven_frame_bytes_total", "bytes of frames made permanent", frame_bytes);
        let flushes = Data::Histogram(metrics.flush_us.clone());
        self.add("graven_flush_us", "microseconds of one durable write", flushes);
        let entries = Data::Histogram(metrics.frame_entries.clone());
        self.add("graven_frame_entries", "entries in one frame", entries);
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
            let names = ["graven_index_through", "graven_index_lag"];
            let help = ["entries that a search finds", "entries that a search does not find yet"];
            self.follower(shared, names, help, &finders.through());
        }
        if let Some(lakes) = &shared.lakes {
            let names = ["graven_columns_through", "graven_columns_lag"];
            let help = ["entries that SQL is asked of", "entries that SQL is not asked of yet"];
            self.follower(shared, names, help, &lakes.through());
        }
    }

    /// How far a follower is in each log, and how far behind.
    fn follower(
        &mut self,
        shared: &Shared,
        names: [&'static str; 2],
        help: [&'static str; 2],
        all: &[(String, TreeSize)],
    ) {
        let size = |log: &str| shared.cell.log(log).map_or(0, |log| log.size().0);
        let through = all.iter().map(|(log, through)| Point::of([("log", log)], through.0));
        self.add(names[0], help[0], Data::Gauge(through.collect()));
        let lag = |(log, through): &(String, TreeSize)| {
            Point::of([("log", log)], size(log).saturating_sub(through.0))
        };
        self.add(names[1], help[1], Data::Gauge(all.iter().map(lag).collect()));
    }

    fn queries(&mut self, shared: &Shared) {
        let rows: Vec<([String; 2], [u64; 4])> = {
            let standing = shared.gate.standing();
            let all = standing.queries.all().map(|(name, saved)| {
                let size = shared.cell.log(&name.log).map_or(0, |log| log.size().0);
                let next = shared.watching.state(name).next.max(saved.next);
                let lag = if saved.when.is_check() { 0 } else { size.saturating_sub(next) };
                let pending = u64::from(saved.pending.is_some());
                let names = [name.log.clone(), name.name.clone()];
                (names, [lag, pending, saved.delivered, saved.dead])
            });
            all.collect()
        };
        for (place, (name, data, help)) in QUERY_ROWS.into_iter().enumerate() {
            let points = rows.iter().map(|([log, query], values)| {
                let value = values.get(place).copied().unwrap_or_default();
                Point::of([("log", log), ("query", query)], value)
            });
            self.add(name, help, data(points.collect()));
        }
    }

    fn health(&mut self, health: &Health, started_s: u64, now_s: u64) {
        self.gauge("graven_ready", "1 where appends are taken", u64::from(health.ready));
        let help = "when the server started, in seconds since 1970";
        self.gauge("graven_start_time_seconds", help, started_s);
        self.gauge("graven_time_seconds", "the server's clock, the same", now_s);
        self.gauge("graven_logs", "logs", health.logs as u64);
        self.gauge("graven_disk_free_bytes", "free on the data's disk", health.disk_free_bytes);
        self.gauge("graven_journal_bytes", "in the journal, not unloaded", health.journal_bytes);
        self.gauge("graven_queued_events", "events not yet answered", health.queued_events as u64);
        self.gauge("graven_queued_bytes", "bytes of those events", health.queued_bytes as u64);
        let synced = u64::from(health.clock_synced);
        self.gauge("graven_clock_synced", "1 where the kernel's clock is synchronised", synced);
        if let Some(error_ns) = health.clock_error_ns {
            self.gauge("graven_clock_error_ns", "the kernel's bound for the error", error_ns);
        }
    }

    fn counter(&mut self, name: &'static str, help: &'static str, value: u64) {
        self.add(name, help, Data::Counter(vec![Point { labels: Vec::new(), value }]));
    }

    fn gauge(&mut self, name: &'static str, help: &'static str, value: u64) {
        self.add(name, help, Data::Gauge(vec![Point { labels: Vec::new(), value }]));
    }

    fn add(&mut self, name: &'static str, help: &'static str, data: Data) {
        self.0.push(Family { name, help, data });
    }
}
