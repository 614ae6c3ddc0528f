//! Fills a search index with the demo company's events and times queries, beside bare tantivy indexing the same events.
//!
//! `cargo run --release -p graven-index --example fill -- [EVENTS] [TSV]`
//!
//! Both go on the same disk, one after the other, and take the events in parts of 100,000: making those is not timed. The last line is all
//! of it as JSON. Where a file is named, the rows of a table with the same events go into it, for a database to be loaded with. Bare tantivy takes each event as one JSON field of its own kind with words
//! and columns, unsorted: what it does with such documents when nobody asks for whole ids or a stable order.

#[path = "../../graven/src/demo"]
mod demo {
    pub(crate) mod corpus;
}

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use demo::corpus::Corpus;
use graven_entry::{AuthMethod, Clock, Grade, Header, Name, Time, build_entry};
use graven_merkle::{EMPTY_ROOT, LeafIndex};
use index::limits::COMMIT_ENTRIES_MAX;
use index::query::{Ast, parse};
use index::{Derived, Facet, Index, Request, Want};
use serde_json::{Value, json};
use tantivy::schema::{FAST, JsonObjectOptions, Schema, TextFieldIndexing};
use tantivy::{TantivyDocument, indexer::IndexWriterOptions};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ORIGIN: &str = "bench.example/fill";
/// The same company in the same month as the events that become columns (`lake` of the engine of SQL), so that what counts in
/// both counts the same.
const SEED: u64 = 7;
/// 2026-11-01T00:00:00Z.
const START: Duration = Duration::from_hours(498_192);
const DAYS: u32 = 30;
/// Entries that are in memory at once.
const PART_ENTRIES: usize = 100_000;
/// Least repetitions of a query, of which the median is shown.
const REPEATS: usize = 101;
/// How long at least a page is asked for again and again: a hundred of a microsecond are over before a processor is at its speed.
const ASKED_FOR: Duration = Duration::from_millis(20);

/// Queries by what they stand for. `HOT`, `WARM` and `RARE` are actors by how often they occur.
const QUERIES: [(&str, &str); 15] = [
    ("newest", "*"),
    ("hot actor", "actor:HOT"),
    ("warm actor", "actor:WARM"),
    ("rare actor", "actor:RARE"),
    ("target", "target:TARGET"),
    ("action + time", "action:ACTION since:2026-11-10 until:2026-11-14"),
    ("action wildcard", "action:booking.*"),
    ("one word", "customer"),
    ("words that meet", "customer the"),
    // No text has both, so all of the rarer one's are looked at.
    ("word AND word", "customer booking"),
    ("phrase", "\"the customer\""),
    ("number range", "changes.amount.after>1000"),
    ("network", "ip:10.0.0.0/8"),
    ("not", "-outcome:success"),
    ("a tenth", "since:2026-11-10 until:2026-11-13"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let events = args.next().map_or(Ok(100_000), |text| text.parse::<usize>())?;
    let folder = tempfile::tempdir()?;
    let mut target = String::new();
    if let Some(path) = args.next() {
        write_rows(Path::new(&path), events)?;
    }
    for_parts(events, |_, entries| {
        let event = event_of(entries.last().map_or(&[][..], Vec::as_slice))?;
        target = target_of(&event);
        Ok(())
    })?;
    let (index, ours) = ours(&folder.path().join("ours"), events)?;
    let queries = ask(&index, &target)?;
    let bare = bare(&folder.path().join("bare"), events)?;
    let ratio = ours["entries_per_s"].as_f64().unwrap_or(0.0)
        / bare["entries_per_s"].as_f64().unwrap_or(f64::INFINITY);
    print(&format!("ratio to bare tantivy: {ratio:.2}"));
    print(&json!({"events": events, "ours": ours, "bare": bare, "queries": queries}).to_string());
    Ok(())
}

/// What is done with entries from an index on.
type Part<'a> = &'a mut dyn FnMut(u64, &[Vec<u8>]) -> Result<(), Box<dyn Error>>;

/// Makes the entries part by part.
fn for_parts(
    events: usize,
    mut part: impl FnMut(u64, &[Vec<u8>]) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let part: Part<'_> = &mut part;
    let (mut entries, mut first) = (Vec::new(), 0);
    for (event, index) in Corpus::new(SEED, START, DAYS, events).zip(0_u64..) {
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
        entries.push(bytes);
        if entries.len() == PART_ENTRIES {
            part(first, &entries)?;
            entries.clear();
            first = index + 1;
        }
    }
    if entries.is_empty() { Ok(()) } else { part(first, &entries) }
}

fn event_of(entry: &[u8]) -> Result<Value, Box<dyn Error>> {
    let line = entry.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
    Ok(serde_json::from_slice(line)?)
}

/// The first target as a query names it.
fn target_of(event: &Value) -> String {
    let target = event["target"].as_array().and_then(|all| all.first()).unwrap_or(&event["target"]);
    let text = |key: &str| target[key].as_str().unwrap_or_default();
    format!("{}/{}", text("type"), text("id"))
}

/// Rows as PostgreSQL's COPY takes them: index, time, actor, action, target, outcome, event.
fn write_rows(path: &Path, events: usize) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    for_parts(events, |first, entries| {
        for (index, entry) in (first..).zip(entries) {
            let event = event_of(entry)?;
            let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
            let (time, actor, action) = (text("/time"), text("/actor/id"), text("/action"));
            let (target, outcome) = (target_of(&event), text("/outcome"));
            let row = format!("{index}\t{time}\t{actor}\t{action}\t{target}\t{outcome}\t{event}");
            writeln!(file, "{}", row.replace('\\', "\\\\"))?;
        }
        Ok(())
    })?;
    Ok(file.flush()?)
}

/// Fills ours.
fn ours(folder: &Path, events: usize) -> Result<(Index, Value), Box<dyn Error>> {
    let index = Index::open(folder, &Name::origin(ORIGIN)?)?;
    let mut writer = index.writer();
    forget_peak()?;
    let mut took = Duration::ZERO;
    for_parts(events, |first, entries| {
        let start = Instant::now();
        for (number, entry) in (first..).zip(entries) {
            writer.take(LeafIndex(number), entry)?;
            if (number + 1).is_multiple_of(COMMIT_ENTRIES_MAX as u64) {
                writer.commit()?;
            }
        }
        took += start.elapsed();
        Ok(())
    })?;
    let start = Instant::now();
    writer.commit()?;
    writer.rest()?;
    took += start.elapsed();
    // Files of segments that were merged away take room for as long as somebody has them open.
    drop(index);
    let start = Instant::now();
    let index = Index::open(folder, &Name::origin(ORIGIN)?)?;
    print(&format!("open, every checksum read: {:.1} ms", start.elapsed().as_secs_f64() * 1e3));
    Ok((index, show("ours", took, folder, events)?))
}

fn ask(index: &Index, target: &str) -> Result<Vec<Value>, Box<dyn Error>> {
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
    let mut all_told = Vec::new();
    for (name, text) in QUERIES {
        let text = text.replace("HOT", nth(0)).replace("WARM", nth(6)).replace("RARE", nth(19));
        let text = text.replace("ACTION", action).replace("TARGET", target);
        let query = parse(&text)?;
        let page = Request { query: &query, want: Want::default(), ..request };
        let all = Want { total: true, facets: &Facet::ALL, histogram: true };
        let counted = Request { want: all, ..page };
        let only_total = Request { want: Want { total: true, ..Want::default() }, ..page };
        let matches = index.search(&counted)?.total.unwrap_or_default();
        let page_us = median_us(index, &page, (REPEATS, ASKED_FOR))?;
        let count_us = median_us(index, &only_total, (REPEATS / 10, Duration::ZERO))?;
        let counted_us = median_us(index, &counted, (REPEATS / 10, Duration::ZERO))?;
        print(&format!(
            "{name:<16} {matches:>9} matches, newest 100 {page_us:>8.0} us, count {count_us:>8.0} us, count, facets, histogram {counted_us:>8.0} us",
        ));
        all_told.push(json!({
            "name": name, "query": text, "matches": matches, "page_us": page_us,
            "count_us": count_us, "counted_us": counted_us,
        }));
    }
    Ok(all_told)
}

/// The median of so many times at least, over so long at least.
fn median_us(
    index: &Index,
    request: &Request<'_>,
    (repeats, asked_for): (usize, Duration),
) -> Result<f64, Box<dyn Error>> {
    let mut times = Vec::new();
    let begin = Instant::now();
    while times.len() < repeats || begin.elapsed() < asked_for {
        let start = Instant::now();
        index.search(request)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Fills a plain index of tantivy.
fn bare(folder: &Path, events: usize) -> Result<Value, Box<dyn Error>> {
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
    forget_peak()?;
    let mut took = Duration::ZERO;
    for_parts(events, |first, entries| {
        let start = Instant::now();
        for (place, entry) in (first..).zip(entries) {
            let line = entry.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
            let object: BTreeMap<String, tantivy::schema::OwnedValue> =
                serde_json::from_slice(line)?;
            let mut document = TantivyDocument::new();
            document.add_u64(number, place);
            document.add_object(event, object);
            writer.add_document(document)?;
            if (place + 1).is_multiple_of(COMMIT_ENTRIES_MAX as u64) {
                writer.commit()?;
            }
        }
        took += start.elapsed();
        Ok(())
    })?;
    let start = Instant::now();
    writer.commit()?;
    writer.wait_merging_threads()?;
    took += start.elapsed();
    show("bare tantivy", took, folder, events)
}

/// Begins to measure the most memory anew (proc(5), `clear_refs`).
fn forget_peak() -> std::io::Result<()> {
    fs::write("/proc/self/clear_refs", "5")
}

fn show(
    name: &str,
    took: Duration,
    folder: &Path,
    entries: usize,
) -> Result<Value, Box<dyn Error>> {
    let mut kinds: BTreeMap<String, f64> = BTreeMap::new();
    for (kind, size) in walk(folder)? {
        *kinds.entry(kind).or_default() += size as f64 / entries as f64;
    }
    let each: f64 = kinds.values().sum();
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let peak_kb: f64 = peak.trim().trim_end_matches(" kB").parse()?;
    let rate = entries as f64 / took.as_secs_f64();
    let peak_mb = peak_kb / 1e3;
    print(&format!(
        "{name}: {rate:.0} entries/s, {each:.1} bytes/entry on disk, at most {peak_mb:.0} MB of memory, with {PART_ENTRIES} entries in it"
    ));
    let told: Vec<String> = kinds.iter().map(|(kind, size)| format!("{kind} {size:.1}")).collect();
    print(&format!("{name}, bytes/entry by kind of file: {}", told.join(", ")));
    Ok(json!({
        "entries_per_s": rate, "bytes_per_entry": each, "peak_mb": peak_mb, "bytes_by_kind": kinds,
    }))
}

/// Kinds and sizes of all files below a folder.
fn walk(folder: &Path) -> std::io::Result<Vec<(String, u64)>> {
    let mut sizes = Vec::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        if file.file_type()?.is_dir() {
            sizes.extend(walk(&file.path())?);
        } else {
            let kind = file.path().extension().unwrap_or_default().to_string_lossy().into_owned();
            sizes.push((kind, file.metadata()?.len()));
        }
    }
    Ok(sizes)
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
fn print(line: &str) {
    println!("{line}");
}
