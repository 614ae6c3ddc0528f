//! Search and state, each figure beside what is asked of it, and beside rivals with the same events.

use serde_json::Value;

use crate::bench::log::kit::{Kit, median, number};
use crate::bench::log::line::{Goal, Line};
use crate::bench::log::postgres::Postgres;

/// What is asked.
const INDEXING_RATIO_MIN: f64 = 0.5;
const REBUILD_RATIO_MIN: f64 = 0.7;
const PAGE_US_MAX: f64 = 1_000.0;
const PAGE_RATIO_MAX: f64 = 0.1;
const COUNTED_US_MAX: f64 = 60_000.0;
const STATE_US_MAX: f64 = 5_000.0;
const ENTRY_BYTES_MAX: f64 = 140.0;
const MEMORY_MB_MAX: f64 = 700.0;
/// Times that PostgreSQL is asked each query.
const ASKED: usize = 15;
/// Why there is no figure of what another part of the project brings.
const NO_PARQUET: &str = "there is no Parquet and no SQL in this build";

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
    fill.arg(kit.counts.find_events.to_string()).arg(&rows);
    let told = kit.run_json("fill", &mut fill)?;
    let figure = |path: &str| number(&told, path);
    let (rate, bare) = (figure("/ours/entries_per_s")?, figure("/bare/entries_per_s")?);
    let (bytes, bare_bytes) = (figure("/ours/bytes_per_entry")?, figure("/bare/bytes_per_entry")?);
    let tantivy = "bare tantivy, the same events";
    let line = |figure: &str, unit, ours: f64, beside: &str, other: f64| {
        Line::new(figure, unit, ours, beside, Ok(other))
    };
    let mut lines = vec![
        line("indexing, entries in memory", "/s", rate, tantivy, bare)
            .asked(Goal::AtLeast(INDEXING_RATIO_MIN)),
        line("rebuilding, entries in memory", "/s", rate, tantivy, bare)
            .asked(Goal::AtLeast(REBUILD_RATIO_MIN))
            .note(format!("reading the log is not in it; asked beside tantivy and Parquet one after the other: {NO_PARQUET}")),
        line("bytes on disk an entry, the index alone", "B", bytes, "asked with Parquet", ENTRY_BYTES_MAX)
            .asked(Goal::AtMost(1.0)),
        line("bytes on disk an entry, the index alone", "B", bytes, tantivy, bare_bytes),
        line("most memory, 100,000 entries in it", "MB", figure("/ours/peak_mb")?, "asked", MEMORY_MB_MAX)
            .asked(Goal::AtMost(1.0)),
    ];
    let queries = told["queries"].as_array().ok_or("no queries")?;
    let rival = Postgres::start(kit)?;
    if let Ok(rival) = &rival {
        rival.sql(kit, SCHEMA)?;
        rival.sql(kit, &format!("\\copy entries from '{}'", rows.display()))?;
        // VACUUM runs in no transaction, so each by itself.
        for one in INDEXES.split(';') {
            rival.sql(kit, one)?;
        }
    }
    for query in queries {
        lines.extend(of_query(kit, rival.as_ref().map_err(String::as_str), query)?);
    }
    Ok(lines)
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
    if let Some(sql) = sql_of(name, text("query")) {
        let theirs = rival.map_err(str::to_owned).and_then(|rival| rival_us(kit, rival, &sql));
        let line = Line::new(figure, "µs", page_us, "PostgreSQL, btree and GIN, execution", theirs);
        lines.push(line.asked(Goal::AtMost(PAGE_RATIO_MAX)).note(sql));
    }
    if name == "a tenth" {
        let figure = format!("count, all facets and histogram of {matches}");
        let counted_us = number(query, "/counted_us")?;
        let line = Line::new(&*figure, "µs", counted_us, "asked", Ok(COUNTED_US_MAX));
        lines.push(line.asked(Goal::AtMost(1.0)));
        let line = Line::new(&*figure, "µs", counted_us, "DuckDB", Err(NO_PARQUET.to_owned()));
        lines.push(line.asked(Goal::AtMost(2.0)));
    }
    Ok(lines)
}

/// The median of what PostgreSQL says that it took.
fn rival_us(kit: &Kit, rival: &Postgres, sql: &str) -> Result<f64, String> {
    let one = format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {sql};");
    let told = rival.sql(kit, &one.repeat(ASKED))?;
    let times_us = execution_us(&told);
    if times_us.len() != ASKED {
        return Err(format!("{} times of {ASKED} in what it said", times_us.len()));
    }
    median(times_us)
}

/// The execution times in microseconds that `EXPLAIN ANALYZE` prints.
pub(in crate::bench::log) fn execution_us(told: &str) -> Vec<f64> {
    let times = told.lines().filter_map(|line| {
        let time = line.trim().strip_prefix("Execution Time: ")?.strip_suffix(" ms")?;
        time.parse::<f64>().ok()
    });
    times.map(|ms| ms * 1e3).collect()
}

/// The same question in SQL, for those that the issue names.
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
        "one word" | "word AND word" => {
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

/// The place of what SQL does.
#[expect(clippy::unnecessary_wraps, reason = "a row measures, and may fail")]
pub(super) fn sql(_: &mut Kit) -> Result<Vec<Line>, String> {
    let missing = |figure: &str| {
        let line =
            Line::new(figure, "ms", 0.0, "DuckDB, the same Parquet", Err(NO_PARQUET.to_owned()));
        Line { ours: Err(NO_PARQUET.to_owned()), ..line.asked(Goal::AtMost(2.0)) }
    };
    Ok(vec![missing("group-by count over a tenth"), missing("group-by count over all")])
}
