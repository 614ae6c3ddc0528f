//! Twice what the server can take: it says so, stays small, and loses nothing that it accepted.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use graven_merkle::BundleReader;

use crate::fixture::Fixture;
use crate::memory::Memory;
use crate::producer::{Accepted, Place, Stop, alone, indexes, is_full};

/// Events of one batch and bytes of one event: a quarter of a megabyte, counted as the queue counts.
const BATCH_EVENTS: u64 = 100;
const EVENT_BYTES: usize = 2_000;
/// Connections: half as many batches again as one writer's queue holds (48 MiB).
const CONNECTIONS: usize = 320;
/// Resident memory at most. The limits add up to 624 MiB: the journal's tail, which is in memory until it is unloaded (256),
/// the writer's queue, twice while it is framed (96), bodies as they are read and as events (128), caches (80), what
/// unloading holds (64). Beside them stands what the allocator keeps of memory that was given back.
const MEMORY_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// How much the last third's peak may lie above the second's, in percent.
const GROWTH_PERCENT_MAX: u64 = 25;

/// What came of a run.
#[derive(Default)]
struct Outcome {
    accepted: Vec<Accepted>,
    latencies: Vec<Duration>,
    refused: u64,
    others: BTreeMap<u16, u64>,
    without_retry_after: u64,
}

#[test]
fn twice_capacity() {
    let _alone = alone();
    let fixture = Fixture::serving();
    let place = Place::of(&fixture);
    let memory = Memory::of(fixture.server_pid());
    let (warm_s, run_s) = if is_full() { (10, 60) } else { (2, 5) };
    let next = AtomicU64::new(0);
    let warm = run(&place, &next, 8, None, Duration::from_secs(warm_s));
    let capacity = warm.accepted.len() as f64 / warm_s as f64;
    assert!(capacity > 0.0, "nothing was accepted: {:?}", warm.others);
    let mut accepted = warm.accepted;
    let mut refused = 0;
    // A machine that others use may have more to give than it had when it was measured.
    for factor in [2.0, 4.0, 8.0] {
        let (samples, outcome) = watched(&memory, || {
            run(&place, &next, CONNECTIONS, Some(factor * capacity), Duration::from_secs(run_s))
        });
        let events = capacity * BATCH_EVENTS as f64;
        println!("alone {events:.0} events/s; {factor} times that for {run_s} s:");
        outcome.check(&samples);
        accepted.extend(outcome.accepted);
        refused = outcome.refused;
        if refused > 0 {
            break;
        }
    }
    assert!(refused > 0, "eight times the capacity was never too much");
    check_read_back(&place, &accepted);
    fixture.check(&["verify", "graven-data"], 0, &["internally consistent"], &[]);
}

/// Sends batches for a time: as fast as the connections let it, or so many a second whatever becomes of them.
fn run(
    place: &Place,
    next: &AtomicU64,
    connections: usize,
    rate: Option<f64>,
    time: Duration,
) -> Outcome {
    let started = Instant::now();
    let first = next.load(Ordering::Relaxed);
    let wait_for_turn = |batch: u64| {
        let due = rate.map_or(0.0, |rate| (batch - first) as f64 / rate);
        std::thread::sleep(Duration::from_secs_f64(due).saturating_sub(started.elapsed()));
    };
    let work = || {
        let mut peer = place.connect();
        let mut own = Outcome::default();
        while started.elapsed() < time {
            let batch = next.fetch_add(1, Ordering::Relaxed);
            wait_for_turn(batch);
            let bytes = place.batch(batch, BATCH_EVENTS, EVENT_BYTES);
            let sent = Instant::now();
            let reply = peer.exchange(&bytes);
            own.count(batch, &reply, sent.elapsed());
        }
        own
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(work)).collect();
        let mut all = Outcome::default();
        for thread in threads {
            all.add(thread.join().unwrap());
        }
        all
    })
}

impl Outcome {
    /// Tells what came of the run. Nothing but yes and not now, memory within its bound.
    fn check(&self, samples: &[u64]) {
        let peak = samples.iter().max().copied().unwrap_or(0);
        println!(
            "  {} batches of {BATCH_EVENTS} accepted, {} refused, p50 {:?}, p99 {:?}; memory at most {} MiB",
            self.accepted.len(),
            self.refused,
            quantile(&self.latencies, 50),
            quantile(&self.latencies, 99),
            peak >> 20,
        );
        assert!(self.others.is_empty(), "neither 200 nor 429: {:?}", self.others);
        assert_eq!(self.without_retry_after, 0, "429 without Retry-After");
        assert!(peak <= MEMORY_BYTES_MAX, "{} MiB of memory", peak >> 20);
        if is_full() {
            assert_flat(samples);
        }
    }

    fn count(&mut self, batch: u64, reply: &crate::wire::Reply, latency: Duration) {
        match reply.status {
            200 => {
                self.accepted.push(Accepted { batch, indexes: indexes(reply) });
                self.latencies.push(latency);
            }
            429 => {
                self.refused += 1;
                let after: Option<u64> =
                    reply.header("retry-after").and_then(|text| text.parse().ok());
                self.without_retry_after += u64::from(after.is_none_or(|seconds| seconds == 0));
            }
            other => *self.others.entry(other).or_default() += 1,
        }
    }

    fn add(&mut self, other: Outcome) {
        self.accepted.extend(other.accepted);
        self.latencies.extend(other.latencies);
        self.refused += other.refused;
        self.without_retry_after += other.without_retry_after;
        other
            .others
            .into_iter()
            .for_each(|(status, count)| *self.others.entry(status).or_default() += count);
    }
}

/// Samples the server's memory ten times a second while something runs.
fn watched<T>(memory: &Memory, work: impl FnOnce() -> T) -> (Vec<u64>, T) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stopper = Stop(&stop);
        let watcher = scope.spawn(|| {
            let mut samples = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                samples.push(memory.now_bytes());
                std::thread::sleep(Duration::from_millis(100));
            }
            samples
        });
        let done = work();
        drop(stopper);
        (watcher.join().unwrap(), done)
    })
}

/// The last third needs no more than the second, but for a little.
fn assert_flat(samples: &[u64]) {
    let third = samples.len() / 3;
    let peak = |samples: &[u64]| samples.iter().max().copied().unwrap_or(0);
    let (second, last) = (peak(&samples[third..2 * third]), peak(&samples[2 * third..]));
    println!(
        "memory: at most {} MiB in the second third, {} MiB in the last",
        second >> 20,
        last >> 20
    );
    assert!(
        last * 100 <= second * (100 + GROWTH_PERCENT_MAX),
        "memory grows: {second}, then {last} bytes"
    );
}

fn quantile(latencies: &[Duration], percent: usize) -> Duration {
    let mut sorted = latencies.to_vec();
    sorted.sort();
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
}

/// Reads the whole log: every accepted event stands at its index, and nothing that was refused is there.
fn check_read_back(place: &Place, accepted: &[Accepted]) {
    let mut expected: HashMap<u64, (u64, u64)> = HashMap::new();
    for Accepted { batch, indexes } in accepted {
        assert_eq!(indexes.len() as u64, BATCH_EVENTS, "batch {batch}");
        for (n, index) in (0..).zip(indexes) {
            let before = expected.insert(*index, (*batch, n));
            assert_eq!(before, None, "two events at index {index}");
        }
    }
    let mut peer = place.connect();
    let size = expected.keys().max().map_or(0, |last| last + 1);
    for bundle in 0..size.div_ceil(256) {
        let width = (size - bundle * 256).min(256);
        let partial = if width < 256 { format!(".p/{width}") } else { String::new() };
        let index = tile_index(bundle);
        let ask = place.get(&format!("/log/main/tile/entries/{index}{partial}"));
        let reply = peer.exchange(&ask);
        assert_eq!(reply.status, 200, "bundle {bundle}: {}", reply.text());
        for (entry, index) in BundleReader::new(&reply.body).zip(bundle * 256..) {
            let entry = String::from_utf8_lossy(entry.expect("a whole bundle")).into_owned();
            let found = number(&entry, "\"batch\":").zip(number(&entry, ",\"n\":"));
            assert_eq!(found, expected.remove(&index), "entry {index}");
        }
    }
    assert!(expected.is_empty(), "{} accepted events are not in the log", expected.len());
}

/// An index as C2SP tlog-tiles writes it.
fn tile_index(index: u64) -> String {
    let last = format!("{:03}", index % 1_000);
    if index < 1_000 {
        last
    } else {
        format!("x{}/{last}", tile_index(index / 1_000).replace('x', "").replace('/', "/x"))
    }
}

fn number(entry: &str, key: &str) -> Option<u64> {
    let (_, after) = entry.split_once(key)?;
    let end = after.find(|c: char| !c.is_ascii_digit())?;
    after[..end].parse().ok()
}
