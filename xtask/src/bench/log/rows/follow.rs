//! Appending to a server while its followers index the entries and turn them into columns, and no faster than they can.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::bench::log::kit::Kit;
use crate::bench::log::line::{Goal, Line};
use crate::bench::log::process::Server;
use crate::conformance::http;
use crate::limits::{BENCH_STEP_WAIT_MAX, READY_POLL};

const APPEND_RATIO_MIN: f64 = 0.5;
const MEMORY_MB_MAX: f64 = 700.0;
/// Events that one `graven append` sends.
const PART_EVENTS: usize = 20_000;
/// The next part waits while a follower is so many entries behind: as many as the index commits at once.
const LAG_MAX: u64 = 200_000;
/// What stands before a follower's lag.
const LAGS: [&str; 2] = ["graven_index_lag{log=\"main\"} ", "graven_columns_lag{log=\"main\"} "];

/// Feeds a server with search and SQL the company's events.
pub(super) fn follow(kit: &mut Kit) -> Result<Vec<Line>, String> {
    kit.build_with_sql()?;
    let (data, file) = (kit.folder("follow")?, kit.dir().join("follow.ndjson"));
    let events = kit.counts.find_events;
    kit.run("demo_events", kit.example("demo_events").arg(events.to_string()).arg(&file))?;
    let server = kit.serve_followed(&data)?;
    let began = Instant::now();
    let (largest, own_bytes) =
        feed(kit, (&server, &data), File::open(&file).map_err(|e| e.to_string())?)?;
    while lag(&server)? != Some(0) {
        wait(began)?;
    }
    let rate = events as f64 / began.elapsed().as_secs_f64();
    let memory_mb = server.memory_bytes_max()? / 1e6;
    server.stop()?;
    let bare = kit.found.map(|found| found.bare_per_s);
    let bare = bare.ok_or_else(|| "the row `search` measures it".to_owned());
    let rated = Line::new(
        "appends a second until all are indexed and columns, over HTTP",
        "/s",
        rate,
        "bare tantivy, the same company, entries in memory",
        bare,
    );
    let note = format!("{events} events; no follower was more than {largest} entries behind");
    let held = Line::new(
        "most memory of the server meanwhile",
        "MB",
        memory_mb,
        "asked",
        Ok(MEMORY_MB_MAX),
    );
    let own = format!(
        "of its own, without pages of files, at most {:.0} MB, looked at while it was waited for",
        own_bytes / 1e6
    );
    Ok(vec![
        rated.asked(Goal::AtLeast(APPEND_RATIO_MIN)).note(note),
        held.asked(Goal::AtMost(1.0)).note(own),
    ])
}

/// Appends the file part by part; the largest lag and the most memory of the server's own that were seen.
fn feed(kit: &Kit, (server, data): (&Server, &Path), file: File) -> Result<(u64, f64), String> {
    let (mut lines, mut largest, mut own_bytes) = (BufReader::new(file), 0, 0.0_f64);
    let began = Instant::now();
    loop {
        let mut part = Vec::new();
        for _ in 0..PART_EVENTS {
            let read = lines.read_until(b'\n', &mut part).map_err(|e| e.to_string())?;
            if read == 0 {
                break;
            }
        }
        if part.is_empty() {
            return Ok((largest, own_bytes));
        }
        append(kit, data, &part)?;
        loop {
            let behind = lag(server)?;
            largest = largest.max(behind.unwrap_or_default());
            own_bytes = own_bytes.max(server.own_memory_bytes()?);
            if behind.is_some_and(|behind| behind <= LAG_MAX) {
                break;
            }
            wait(began)?;
        }
    }
}

/// One client that appends.
fn append(kit: &Kit, data: &Path, part: &[u8]) -> Result<(), String> {
    let mut client: Command = kit.graven();
    client.arg("append").arg("--data").arg(data).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut client = client.spawn().map_err(|e| format!("cannot start a client: {e}"))?;
    if let Some(mut input) = client.stdin.take() {
        input.write_all(part).map_err(|e| format!("cannot feed a client: {e}"))?;
    }
    let status = client.wait().map_err(|e| format!("cannot wait for a client: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("`graven append` ended with {status}")) }
}

/// How many entries the follower is behind that is most so; nothing, as long as one has not begun.
fn lag(server: &Server) -> Result<Option<u64>, String> {
    let bearer = format!("Bearer {}", server.token);
    let url = format!("{}/metrics", server.url);
    let told = http::send("GET", &url, &[("Authorization", &bearer)], b"")?;
    if told.status == 200 {
        return Ok(lag_of(&told.body));
    }
    Err(format!("{url} answered {}", told.status))
}

/// The larger lag of the log `main` in the text of the metrics.
pub(in crate::bench::log) fn lag_of(metrics: &str) -> Option<u64> {
    let of = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
    LAGS.into_iter().map(of).collect::<Option<Vec<u64>>>()?.into_iter().max()
}

fn wait(began: Instant) -> Result<(), String> {
    if began.elapsed() > BENCH_STEP_WAIT_MAX {
        return Err("the followers did not come after in an hour".to_owned());
    }
    std::thread::sleep(READY_POLL);
    Ok(())
}
