//! Search and state, each figure beside what is asked of it, and beside rivals with the same events.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::bench::log::kit::{Found, Kit};
use crate::bench::log::line::{Goal, Line, Measured};
use crate::bench::log::number::{median, number};
use crate::bench::log::postgres::Postgres;
use crate::stage::installed;

/// What is asked.
const INDEXING_RATIO_MIN: f64 = 0.5;
const REBUILD_RATIO_MIN: f64 = 0.7;
const PAGE_US_MAX: f64 = 1_000.0;
const PAGE_RATIO_MAX: f64 = 0.1;
const COUNTED_US_MAX: f64 = 60_000.0;
const STATE_US_MAX: f64 = 5_000.0;
const ENTRY_BYTES_MAX: f64 = 140.0;
const MEMORY_MB_MAX: f64 = 700.0;
/// Times that PostgreSQL is asked each query at least.
const ASKED: usize = 15;
/// How long it is asked for, as ours is (`fill`), and how often at most: all of it is one argument of `psql`.
const ASKED_FOR_US: f64 = 20_000.0;
const ASKED_MAX: usize = 501;
const SQL_RATIO_MAX: f64 = 2.0;
/// Bytes of memory for each event of the row `sql`, whose entries are in it while they become columns; more of them than half of
/// what is free holds are left out.
const SQL_EVENT_BYTES: u64 = 1_000;
/// Least events of it: two segments, so that there are files.
const SQL_EVENTS_MIN: u64 = 131_072;
/// What the engines of the row `sql` are asked, and times that DuckDB is.
const SQL_QUERIES: &str = "xtask/bench/duckdb/queries.sql";
const SQL_ROUNDS: &str = "11";
/// The Python that the conformance part makes with DuckDB in it.
const SQL_PYTHON: &str = "target/conformance/venv-lake/bin/python";

/// The table that an application has, with the indexes that anyone would give it.
const SCHEMA: &str = "
CREATE TABLE entries (index bigint PRIMARY KEY, time timestamptz, actor text, action text, target text, outcome text, event jsonb);";
const INDEXES: &str = "
CREATE INDEX ON entries (actor, index DESC); CREATE INDEX ON entries (target, index DESC);
CREATE INDEX ON entries (action, time); CREATE INDEX ON entries (time);
CREATE INDEX ON entries USING gin (event jsonb_path_ops);
CREATE INDEX ON entries USING gin (to_tsvector('simple', event));
VACUUM ANALYZE entries";

/// Indexes the events and searches among them.
pub(super) fn search(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let rows = kit.dir().join("find.tsv");
    let mut fill = kit.example("fill");
    fill.arg(kit.counts.find_events.to_string());
    if !kit.no_postgres {
        fill.arg(&rows);
    }
    let told = kit.run_json("fill", &mut fill)?;
    let figure = |path: &str| number(&told, path);
    let (rate, bare) = (figure("/ours/entries_per_s")?, figure("/bare/entries_per_s")?);
    let (bytes, bare_bytes) = (figure("/ours/bytes_per_entry")?, figure("/bare/bytes_per_entry")?);
    let tantivy = "bare tantivy, the same events";
    let line = |figure: &str, unit, ours: f64, beside: &str, other: f64| {
        Line::new(figure, unit, ours, beside, Ok(other))
    };
    let memory_mb = figure("/ours/peak_mb")?;
    let mut lines = vec![
        line("indexing, entries in memory", "/s", rate, tantivy, bare)
            .asked(Goal::AtLeast(INDEXING_RATIO_MIN)),
        line("bytes on disk an entry, the index alone", "B", bytes, tantivy, bare_bytes),
        line("most memory, 100,000 entries in it", "MB", memory_mb, "asked", MEMORY_MB_MAX)
            .asked(Goal::AtMost(1.0)),
    ];
    let queries = told["queries"].as_array().ok_or("no queries")?;
    let tenth = queries.iter().find(|query| query["name"] == "a tenth").ok_or("no tenth")?;
    let tenth_us = number(tenth, "/counted_us")?;
    let (entries_per_s, bare_per_s, entry_bytes) = (rate, bare, bytes);
    kit.found = Some(Found { entries_per_s, bare_per_s, entry_bytes, tenth_us });
    // A rival that breaks, or takes too long with so many rows, is not measured; what is ours stays so.
    let rival = if kit.no_postgres {
        Err("left out by --no-postgres".to_owned())
    } else {
        Postgres::start(kit)?.and_then(|rival| load(kit, &rival, &rows).map(|()| rival))
    };
    for query in queries {
        lines.extend(of_query(kit, rival.as_ref().map_err(String::as_str), query)?);
    }
    Ok(lines)
}

/// Gives the rival the rows and their indexes.
fn load(kit: &Kit, rival: &Postgres, rows: &Path) -> Result<(), String> {
    rival.sql(kit, SCHEMA)?;
    rival.sql(kit, &format!("\\copy entries from '{}'", rows.display()))?;
    // VACUUM runs in no transaction, so each by itself.
    INDEXES.split(';').try_for_each(|one| rival.sql(kit, one).map(drop))
}

/// The lines of one query.
fn of_query(kit: &Kit, rival: Result<&Postgres, &str>, query: &Value) -> Result<Vec<Line>, String> {
    let text = |key: &str| query[key].as_str().unwrap_or_default();
    let (name, matches) = (text("name"), number(query, "/matches")?);
    let figure = format!("newest 100 of {matches} by `{}`", text("query"));
    let page_us = number(query, "/page_us")?;
    let asked = Line::new(figure.clone(), "µs", page_us, "asked", Ok(PAGE_US_MAX));
    let mut lines =
        vec![asked.asked(Goal::AtMost(1.0)).note("indexes of the entries, in process; p50")];
    if let Some(sql) = sql_of(name, text("query")).filter(|_| !kit.no_postgres) {
        let theirs = rival.map_err(str::to_owned).and_then(|rival| rival_us(kit, rival, &sql));
        let [both_us, execution_us] = match theirs {
            Ok(each) => each.map(Ok),
            Err(why) => [Err(why.clone()), Err(why)],
        };
        // Ours is made ready anew each time, as a statement that comes as text is.
        for (beside, theirs) in [
            ("PostgreSQL, btree and GIN, planning and execution", both_us),
            ("PostgreSQL, the same, execution alone", execution_us),
        ] {
            let line = Line::new(figure.clone(), "µs", page_us, beside, theirs);
            lines.push(line.asked(Goal::AtMost(PAGE_RATIO_MAX)).note(sql.clone()));
        }
    }
    if name == "a tenth" {
        let figure = format!("count, all facets and histogram of {matches}");
        let counted_us = number(query, "/counted_us")?;
        let line = Line::new(figure, "µs", counted_us, "asked", Ok(COUNTED_US_MAX));
        lines.push(line.asked(Goal::AtMost(1.0)));
    }
    Ok(lines)
}

/// The medians of what PostgreSQL says that planning and execution took, and execution alone.
fn rival_us(kit: &Kit, rival: &Postgres, sql: &str) -> Result<[f64; 2], String> {
    let few = rival_times_us(kit, rival, (sql, ASKED))?;
    let times = asked(few[0]);
    if times == ASKED { Ok(few) } else { rival_times_us(kit, rival, (sql, times)) }
}

/// How often a query is asked that takes so long.
pub(in crate::bench::log) fn asked(each_us: f64) -> usize {
    let times = (ASKED..=ASKED_MAX).find(|times| *times as f64 * each_us >= ASKED_FOR_US);
    times.unwrap_or(ASKED_MAX)
}

fn rival_times_us(
    kit: &Kit,
    rival: &Postgres,
    (sql, times): (&str, usize),
) -> Result<[f64; 2], String> {
    let one = format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {sql};");
    let told = rival.sql(kit, &one.repeat(times))?;
    let [planning, execution] =
        ["Planning Time", "Execution Time"].map(|name| told_us(name, &told));
    if planning.len() != times || execution.len() != times {
        return Err(format!("{} times of {times} in what it said", execution.len()));
    }
    let both = planning.iter().zip(&execution).map(|(one, other)| one + other).collect();
    Ok([median(both)?, median(execution)?])
}

/// The times of one name, in microseconds, that `EXPLAIN ANALYZE` prints.
pub(in crate::bench::log) fn told_us(name: &str, told: &str) -> Vec<f64> {
    let times = told.lines().filter_map(|line| {
        let time = line.trim().strip_prefix(name)?.strip_prefix(": ")?.strip_suffix(" ms")?;
        time.parse::<f64>().ok()
    });
    times.map(|ms| ms * 1e3).collect()
}

/// The same question in SQL, for those that have a rival.
pub(in crate::bench::log) fn sql_of(name: &str, query: &str) -> Option<String> {
    let value =
        |text: &str| text.split_once(':').map_or("", |(_, value)| value).replace('\'', "''");
    let words = |query: &str| query.split(' ').collect::<Vec<_>>().join(" & ");
    let condition = match name {
        "hot actor" | "warm actor" | "rare actor" => format!("actor = '{}'", value(query)),
        "target" => format!("target = '{}'", value(query)),
        "action + time" => {
            let mut parts = query.split(' ').map(value);
            let mut part = || parts.next().unwrap_or_default();
            let (action, since, until) = (part(), part(), part());
            format!("action = '{action}' AND time >= '{since}Z' AND time < '{until}Z'")
        }
        "one word" | "word AND word" | "words that meet" => {
            format!("to_tsvector('simple', event) @@ to_tsquery('simple', '{}')", words(query))
        }
        _ => return None,
    };
    Some(format!("SELECT index FROM entries WHERE {condition} ORDER BY index DESC LIMIT 100"))
}

/// History and state of resources in a log on the disk.
pub(super) fn state(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let mut example = kit.example("state");
    example.arg(kit.counts.find_events.to_string()).arg(kit.dir());
    let output = kit.run("state", &mut example)?;
    let told = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines = told.map(|told| {
        let entries = number(&told, "/entries")?;
        let figure = format!("{}, {entries:.0} entries", told["what"].as_str().unwrap_or_default());
        let line = Line::new(figure, "µs", number(&told, "/p50_us")?, "asked", Ok(STATE_US_MAX));
        let p90_us = number(&told, "/p90_us")?;
        Ok(line.asked(Goal::AtMost(1.0)).note(format!("p90 {p90_us:.0} µs")))
    });
    lines.collect()
}

/// Group-by counts of columns, and what index and columns are together.
pub(super) fn sql(kit: &mut Kit) -> Result<Vec<Line>, String> {
    kit.build_with_sql()?;
    let (lake, queries) = (kit.dir().join("lake"), kit.root.join(SQL_QUERIES));
    let fitting = free_bytes()? / 2 / SQL_EVENT_BYTES;
    let events = kit.counts.find_events.min(fitting).max(SQL_EVENTS_MIN);
    let mut fill = kit.example("lake");
    fill.arg(events.to_string()).arg(&lake).arg(&queries);
    let told = kit.run_json("lake", &mut fill)?;
    let bytes =
        number(&told, "/events_bytes_per_event")? + number(&told, "/changes_bytes_per_event")?;
    let columns_per_s = number(&told, "/events_per_s")?;
    let theirs = duckdb(kit, &lake, &queries)?;
    let theirs_us = |number: usize| -> Measured {
        let times = theirs.as_ref().map_err(Clone::clone)?;
        times.get(number).copied().ok_or_else(|| "it was not asked".to_owned())
    };
    let mut lines = Vec::new();
    for (place, what) in ["all", "a tenth"].into_iter().enumerate() {
        let ours_us = number(&told, &format!("/query_p50_us/{place}"))?;
        let figure = format!("group-by count of actions over {what}, SQL, {events} events");
        let line = Line::new(figure, "µs", ours_us, "DuckDB, the same Parquet", theirs_us(place));
        lines.push(line.asked(Goal::AtMost(SQL_RATIO_MAX)));
    }
    let raw = number(&told, "/ndjson_bytes_per_event");
    let line = Line::new("bytes of Parquet an entry", "B", bytes, "its event as NDJSON", raw);
    lines.push(line.note(format!("{columns_per_s:.0} entries a second become columns")));
    let Some(found) = kit.found else { return Ok(lines) };
    let both = found.entry_bytes + bytes;
    let line = Line::new(
        "bytes on disk an entry, index and Parquet",
        "B",
        both,
        "asked",
        Ok(ENTRY_BYTES_MAX),
    );
    lines.push(line.asked(Goal::AtMost(1.0)));
    let after = |index_per_s: f64| 1.0 / (1.0 / index_per_s + 1.0 / columns_per_s);
    let (ours, other) = (after(found.entries_per_s), after(found.bare_per_s));
    let beside = "bare tantivy, then our Parquet writer";
    let line = Line::new("index, then Parquet, entries in memory", "/s", ours, beside, Ok(other));
    lines.push(line.asked(Goal::AtLeast(REBUILD_RATIO_MIN)).note("reading the log is not in it"));
    let facets: Measured = (2..6).map(theirs_us).sum();
    let figure = "count, all facets and histogram of a tenth";
    let line =
        Line::new(figure, "µs", found.tenth_us, "DuckDB, three facets and a histogram", facets);
    // Both programs make the company's events from the same beginning.
    let note = match kit.counts.find_events {
        same if same == events => "the same events, DuckDB's as Parquet".to_owned(),
        all => format!("of {all} events, the index; of {events} of the same month, DuckDB"),
    };
    lines.push(line.asked(Goal::AtMost(SQL_RATIO_MAX)).note(note));
    Ok(lines)
}

/// Memory that programs can still have (proc(5), `MemAvailable`).
fn free_bytes() -> Result<u64, String> {
    let told = std::fs::read_to_string("/proc/meminfo").map_err(|e| e.to_string())?;
    let free = told.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.strip_suffix("kB"));
    let free_kib = free.and_then(|text| text.trim().parse::<u64>().ok());
    free_kib.map(|kib| kib * 1_024).ok_or_else(|| "/proc/meminfo tells no MemAvailable".to_owned())
}

/// DuckDB's median times in microseconds; the inner error says why there are none.
fn duckdb(kit: &Kit, lake: &Path, queries: &Path) -> Result<Result<Vec<f64>, String>, String> {
    let own = kit.root.join(SQL_PYTHON);
    let has_it = |python: &PathBuf| installed(&python.to_string_lossy(), &["-c", "import duckdb"]);
    let Some(python) = [own, PathBuf::from("python3")].into_iter().find(has_it) else {
        return Ok(Err(
            "DuckDB is not installed: `pip install duckdb`, or run `cargo xtask conformance` once"
                .to_owned(),
        ));
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut ask = Command::new(python);
    ask.arg(kit.root.join("xtask/bench/duckdb/time.py")).arg(lake).arg(queries);
    let told = kit.run_json("duckdb", ask.arg(SQL_ROUNDS).arg(threads.to_string()))?;
    let times = told["query_p50_us"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(Ok(times.iter().filter_map(Value::as_f64).collect()))
}
