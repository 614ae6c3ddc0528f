//! Fills a search index with the demo company's events and times queries, beside bare tantivy indexing the same events.
//!
//! `cargo run --release -p graven-index --example fill -- [EVENTS]`
//!
//! Both go on the same disk, one after the other. Bare tantivy takes each event as one JSON field of its own kind with words
//! and columns, unsorted: what it does with such documents when nobody asks for whole ids or a stable order.

#[path = "../../graven/src/demo"]
mod demo {
    pub(crate) mod corpus;
}

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use demo::corpus::Corpus;
use graven_entry::{AuthMethod, Clock, Grade, Header, Name, Time, build_entry};
use graven_merkle::{EMPTY_ROOT, LeafIndex};
use index::limits::COMMIT_ENTRIES_MAX;
use index::query::{Ast, parse};
use index::{Derived, Facet, Index, Request, Want};
use tantivy::schema::{FAST, JsonObjectOptions, Schema, TextFieldIndexing};
use tantivy::{TantivyDocument, indexer::IndexWriterOptions};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ORIGIN: &str = "bench.example/fill";
const SEED: u64 = 42;
const START: Duration = Duration::from_secs(1_790_000_000);
const DAYS: u32 = 30;
/// Repetitions of a query, of which the median is shown.
const REPEATS: usize = 101;

/// Queries by what they stand for. `HOT`, `WARM` and `RARE` are actors by how often they occur.
const QUERIES: [(&str, &str); 12] = [
    ("newest", "*"),
    ("hot actor", "actor:HOT"),
    ("warm actor", "actor:WARM"),
    ("rare actor", "actor:RARE"),
    ("action + time", "action:ACTION since:2026-10-01 until:2026-10-05"),
    ("action wildcard", "action:booking.*"),
    ("one word", "customer"),
    ("word AND word", "customer booking"),
    ("phrase", "\"the customer\""),
    ("number range", "changes.amount.after>1000"),
    ("network", "ip:10.0.0.0/8"),
    ("not", "-outcome:success"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let events = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse::<usize>())?;
    let folder = tempfile::tempdir()?;
    let entries: Vec<Vec<u8>> = entries(events)?;
    let event_bytes = entries.iter().map(Vec::len).sum::<usize>() / events;
    print(&format!("{events} entries of {event_bytes} bytes on average"));
    let ours = ours(&folder.path().join("ours"), &entries)?;
    let bare = bare(&folder.path().join("bare"), &entries)?;
    print(&format!("ratio to bare tantivy: {:.2}", ours / bare));
    Ok(())
}

fn entries(events: usize) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let corpus = Corpus::new(SEED, START, DAYS, events);
    let entries = corpus.zip(0_u64..).map(|(event, index)| {
        let header = Header {
            origin: Name::origin(ORIGIN)?,
            index: LeafIndex(index),
            time: Time::from_unix_ns(event.unix_ns.max(index))?,
            clock: Clock::Synced,
            error_ns: Some(1_000),
            wall: None,
            prev: EMPTY_ROOT,
            nonce: [7; 16],
            writer: Name::new(event.stream)?,
            auth: AuthMethod::new("token")?,
            grade: Grade::Asserted,
            stream: Some(Name::new(event.stream)?),
            seq: Some(index),
            altered: Vec::new(),
        };
        let mut bytes = Vec::new();
        build_entry(&mut bytes, &header, event.json.as_bytes(), None)?;
        Ok(bytes)
    });
    entries.collect()
}

/// Fills ours and asks; gives entries a second.
fn ours(folder: &Path, entries: &[Vec<u8>]) -> Result<f64, Box<dyn Error>> {
    let index = Index::open(folder, &Name::origin(ORIGIN)?)?;
    let mut writer = index.writer();
    let start = Instant::now();
    for (number, entry) in entries.iter().enumerate() {
        writer.take(LeafIndex(number as u64), entry)?;
        if (number + 1) % COMMIT_ENTRIES_MAX == 0 {
            writer.commit()?;
        }
    }
    writer.commit()?;
    writer.rest()?;
    let rate = entries.len() as f64 / start.elapsed().as_secs_f64();
    show("ours", rate, folder, entries.len())?;
    // Segments that were merged away go at the next commit of a running follower.
    let index = Index::open(folder, &Name::origin(ORIGIN)?)?;
    let start = Instant::now();
    drop(Index::open(folder, &Name::origin(ORIGIN)?)?);
    print(&format!("open, every checksum read: {:.1} ms", start.elapsed().as_secs_f64() * 1e3));
    ask(&index)?;
    Ok(rate)
}

fn ask(index: &Index) -> Result<(), Box<dyn Error>> {
    let facets = Want { facets: &Facet::ALL[..2], ..Want::default() };
    let request = Request {
        query: &Ast::All,
        scope: &Ast::All,
        now_ns: 0,
        limit: 100,
        page: None,
        want: facets,
    };
    let counts = index.search(&request)?.facets;
    let actors = &counts[1].values;
    let nth = |place: usize| actors.get(place).or(actors.last()).map_or("none", |(name, _)| name);
    let action = counts[0].values.first().map_or("none", |(name, _)| name);
    for (name, text) in QUERIES {
        let text = text.replace("HOT", nth(0)).replace("WARM", nth(6)).replace("RARE", nth(19));
        let query = parse(&text.replace("ACTION", action))?;
        let page = Request { query: &query, want: Want::default(), ..request };
        let all = Want { total: true, facets: &Facet::ALL, histogram: true };
        let counted = Request { want: all, ..page };
        let only_total = Request { want: Want { total: true, ..Want::default() }, ..page };
        print(&format!(
            "{name:<16} {:>9} matches, newest 100 {:>8.0} us, count {:>8.0} us, count, facets, histogram {:>8.0} us",
            index.search(&counted)?.total.unwrap_or_default(),
            median_us(index, &page, REPEATS)?,
            median_us(index, &only_total, REPEATS / 10)?,
            median_us(index, &counted, REPEATS / 10)?,
        ));
    }
    Ok(())
}

fn median_us(index: &Index, request: &Request<'_>, repeats: usize) -> Result<f64, Box<dyn Error>> {
    let mut times = Vec::new();
    for _ in 0..repeats {
        let start = Instant::now();
        index.search(request)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Fills a plain index of tantivy; gives entries a second.
fn bare(folder: &Path, entries: &[Vec<u8>]) -> Result<f64, Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let mut schema = Schema::builder();
    let words = TextFieldIndexing::default().set_tokenizer("default");
    let json = JsonObjectOptions::default().set_indexing_options(words).set_fast("raw");
    let event = schema.add_json_field("event", json);
    let number = schema.add_u64_field("index", FAST);
    let index = tantivy::Index::create_in_dir(folder, schema.build())?;
    let options = IndexWriterOptions::builder()
        .memory_budget_per_thread(index::limits::WRITER_HEAP_BYTES)
        .num_worker_threads(1)
        .num_merge_threads(index::limits::MERGE_THREADS)
        .build();
    let mut writer: tantivy::IndexWriter = index.writer_with_options(options)?;
    let start = Instant::now();
    for (place, entry) in (0_u64..).zip(entries) {
        let line = entry.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
        let object: std::collections::BTreeMap<String, tantivy::schema::OwnedValue> =
            serde_json::from_slice(line)?;
        let mut document = TantivyDocument::new();
        document.add_u64(number, place);
        document.add_object(event, object);
        writer.add_document(document)?;
        if (place + 1).is_multiple_of(COMMIT_ENTRIES_MAX as u64) {
            writer.commit()?;
        }
    }
    writer.commit()?;
    writer.wait_merging_threads()?;
    let rate = entries.len() as f64 / start.elapsed().as_secs_f64();
    show("bare tantivy", rate, folder, entries.len())?;
    Ok(rate)
}

fn show(name: &str, rate: f64, folder: &Path, entries: usize) -> Result<(), Box<dyn Error>> {
    let mut bytes = 0;
    for file in walk(folder)? {
        bytes += file;
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    print(&format!(
        "{name}: {rate:.0} entries/s, {:.1} bytes/entry on disk, peak memory of the process so far (entries included) {}",
        bytes as f64 / entries as f64,
        peak.trim()
    ));
    Ok(())
}

/// Sizes of all files below a folder.
fn walk(folder: &Path) -> std::io::Result<Vec<u64>> {
    let mut sizes = Vec::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        if file.file_type()?.is_dir() {
            sizes.extend(walk(&file.path())?);
        } else {
            sizes.push(file.metadata()?.len());
        }
    }
    Ok(sizes)
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
fn print(line: &str) {
    println!("{line}");
}
