//! Columns of the demo company's events: how fast they are made, how large they are, how long queries take.
//!
//! `cargo run --release -p graven-sql --example lake -- [EVENTS] [DIRECTORY] [QUERIES]`
//!
//! Prints one line of JSON: events a second (of wall time and of processor time), bytes of Parquet an event beside the events'
//! own, the median time of each query of a file (`queries.sql`) in microseconds, and what each answered. A directory that is named is
//! kept; it must not be there yet. Entries come from memory, so that the log's own reading is not measured; the field
//! `log_reads_per_s` has that, of a real log, one entry at a time.

#[path = "../../graven/src/demo"]
mod demo {
    pub(crate) mod corpus;
}

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use append::Batch;
use demo::corpus::Corpus;
use env::RealDisk;
use graven_entry::{AuthMethod, Clock, Grade, Header, Name, Time, build_entry};
use graven_merkle::{EMPTY_ROOT, LeafIndex, TreeSize, leaf_hash};
use log::{Cell, CellOptions, Env, Writer};
use serde_json::{Value, json};
use sql::{Columns, Engine, EntrySource, Limits, RowFilter, SourceError, StreamNow};

type Failure = Box<dyn std::error::Error>;

/// Each line is a query.
const QUERIES: &str = include_str!("queries.sql");
/// 2026-11-01T00:00:00Z.
const START: Duration = Duration::from_hours(498_192);
/// Days that the events are spread over.
const DAYS: u32 = 30;
/// Entries taken in before they are shown.
const STEP_ENTRIES: usize = 8_192;
/// How often each query is asked.
const ROUNDS: usize = 11;
/// Entries of the real log that is read.
const LOG_ENTRIES: usize = 20_000;
/// Room for an entry: a vector that grew by doubling would hold all of them twice.
const ENTRY_BYTES: usize = 1_000;
/// Events of a batch that goes into it.
const BATCH_EVENTS: usize = 1_000;

/// A log in memory, its entries one after the other.
struct Memory {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl EntrySource for Memory {
    fn size(&self) -> TreeSize {
        TreeSize(self.ends.len() as u64)
    }

    fn read(
        &self,
        from: LeafIndex,
        count: usize,
    ) -> Result<Vec<(LeafIndex, Vec<u8>)>, SourceError> {
        let entry = |at: usize| {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            (LeafIndex(at as u64), self.bytes[start..self.ends[at]].to_vec())
        };
        let from = from.0 as usize;
        Ok((from..self.ends.len().min(from + count)).map(entry).collect())
    }

    fn checkpoint(&self) -> Result<Vec<u8>, SourceError> {
        Err(SourceError("there is none".to_owned()))
    }

    fn streams(&self, _after: Option<&str>, _limit: usize) -> Vec<StreamNow> {
        Vec::new()
    }
}

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let events: usize = args.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let kept = args.next().map(PathBuf::from);
    let queries = args.next().map(std::fs::read_to_string).transpose()?;
    let scratch = tempfile::tempdir()?;
    let dir = kept.unwrap_or_else(|| scratch.path().join("lake"));
    let (log, event_bytes) = log_of(events)?;
    let (began, cpu_before) = (Instant::now(), cpu_s());
    let origin = Name::origin("bench.example/log")?;
    let log = Arc::new(log);
    let columns = Columns::open(Arc::new(RealDisk), &dir, &origin, Arc::clone(&log) as _)?;
    for first in (0..events as u64).step_by(STEP_ENTRIES) {
        for (index, entry) in log.read(LeafIndex(first), STEP_ENTRIES)? {
            columns.take(index, &entry)?;
        }
        columns.show()?;
    }
    let (wall_s, cpu_s) = (began.elapsed().as_secs_f64(), cpu_s() - cpu_before);
    let bytes = [parquet_bytes(&dir.join("events"))?, parquet_bytes(&dir.join("changes"))?];
    let columns = Arc::new(columns);
    let (medians, answers) = ask(&columns, queries.as_deref().unwrap_or(QUERIES))?;
    let line = json!({
        "bench": "sql_fill", "events": events,
        "events_per_s": (events as f64 / wall_s).round(),
        "events_per_cpu_s": (events as f64 / cpu_s).round(),
        "log_reads_per_s": log_reads_per_s(&scratch.path().join("data"))?.round(),
        "ndjson_bytes_per_event": event_bytes as f64 / events as f64,
        "events_bytes_per_event": bytes[0] as f64 / events as f64,
        "changes_bytes_per_event": bytes[1] as f64 / events as f64,
        "query_p50_us": medians, "answers": answers,
    });
    print(&line.to_string());
    Ok(())
}

/// The median time of each query in microseconds, and what it answered.
fn ask(columns: &Arc<Columns>, queries: &str) -> Result<(Vec<u64>, Vec<Value>), Failure> {
    let (engine, limits) = (Engine::start()?, Limits::default());
    let (mut medians, mut answers) = (Vec::new(), Vec::new());
    for query in queries.lines() {
        let (mut times_us, mut last) = (Vec::new(), Value::Null);
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let answer = engine.query(columns, query, &limits, RowFilter::Everything)?;
            times_us.push(began.elapsed().as_micros() as u64);
            last = json!(answer.rows);
        }
        times_us.sort_unstable();
        medians.push(times_us[ROUNDS / 2]);
        answers.push(last);
    }
    Ok((medians, answers))
}

/// The company's events as a log's entries, and how many bytes the events alone have.
fn log_of(events: usize) -> Result<(Memory, usize), Failure> {
    let bytes = Vec::with_capacity(events * ENTRY_BYTES);
    let mut log = Memory { bytes, ends: Vec::with_capacity(events) };
    let (mut prev, mut last_ns, mut event_bytes) = (EMPTY_ROOT, 0, 0);
    for (index, event) in Corpus::new(7, START, DAYS, events).enumerate() {
        // Made from the leaf before: as little to compress as a log's own.
        let nonce = *prev.as_bytes().first_chunk().expect("a hash is longer");
        last_ns = event.unix_ns.max(last_ns + 1);
        let header = Header {
            origin: Name::origin("bench.example/log")?,
            index: LeafIndex(index as u64),
            time: Time::from_unix_ns(last_ns)?,
            clock: Clock::Synced,
            error_ns: None,
            wall: None,
            prev,
            nonce,
            writer: Name::new(event.stream)?,
            auth: AuthMethod::new("token")?,
            grade: Grade::Asserted,
            stream: None,
            seq: None,
            altered: Vec::new(),
        };
        let start = log.bytes.len();
        build_entry(&mut log.bytes, &header, event.json.as_bytes(), None)?;
        prev = leaf_hash(&log.bytes[start..]);
        log.ends.push(log.bytes.len());
        event_bytes += event.json.len() + 1;
    }
    Ok((log, event_bytes))
}

/// How many entries a real log gives in a second, read as a follower reads them.
fn log_reads_per_s(data: &Path) -> Result<f64, Failure> {
    let (cell, _) = Cell::open(Env::real(), CellOptions::new(data))?;
    let log = cell.log("main").ok_or("no log main")?;
    let writer =
        Writer { id: Name::new("bench")?, auth: AuthMethod::new("token")?, grade: Grade::Asserted };
    let events: Vec<Vec<u8>> =
        Corpus::new(7, START, DAYS, LOG_ENTRIES).map(|event| event.json.into_bytes()).collect();
    for batch in events.chunks(BATCH_EVENTS) {
        log.submit(&writer, Batch::of(batch.to_vec()))?.wait()?;
    }
    cell.unload()?;
    let began = Instant::now();
    let read = EntrySource::read(&log, LeafIndex(0), LOG_ENTRIES)?.len();
    let rate = read as f64 / began.elapsed().as_secs_f64();
    cell.stop();
    Ok(rate)
}

/// Bytes of all files below a folder.
fn parquet_bytes(dir: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let is_dir = entry.file_type()?.is_dir();
        bytes += if is_dir { parquet_bytes(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}

/// Seconds of processor that this process has used.
fn cpu_s() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Prints the one line of figures.
#[expect(clippy::print_stdout, reason = "a measurement says what it measured")]
fn print(line: &str) {
    println!("{line}");
}
