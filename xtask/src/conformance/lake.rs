//! The columns' Parquet files, read by other engines from PyPI in the versions of `xtask/conformance/lake`: to the same queries
//! they must give the same answers as ours. DuckDB always, the others with `cargo xtask test --all`. DuckDB reads what the web UI
//! exports, too.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::kit::Kit;
use super::python;
use super::report::Report;
use crate::limits::LAKE_WAIT_MAX;
use crate::stage::installed;

/// Two whole segments: nothing is left in memory, where DuckDB could not see it.
const EVENTS: &str = "131072";
/// The queries, in words that both understand.
const QUERIES: &str = "crates/sql/examples/queries.sql";

/// What is asked in every run: the engine's name for `ask.py`, and the list of its packages.
pub(super) const ALWAYS: (&[&str], &str) = (&["duckdb"], "requirements.txt");
/// What takes hundreds of megabytes to fetch, and Java.
pub(super) const RARELY: (&[&str], &str) = (&["chdb", "spark"], "requirements-all.txt");

/// Runs the part with these engines.
pub(super) fn run(
    kit: &Kit,
    report: &mut Report,
    (engines, packages): (&[&str], &str),
) -> Result<(), String> {
    let Some(python) = python::environment(kit, report, "lake", packages)? else { return Ok(()) };
    let lake = kit.folder("lake")?.join("lake");
    // As the tests build it: the engine is not built once more for this one program.
    let mut build = Command::new("cargo");
    build.args(["test", "--workspace", "--no-run"]).current_dir(&kit.root);
    if !kit.stages.run("build the examples", &mut build)?.good {
        report.check("the examples build", Err("see above".to_owned()));
        return Ok(());
    }
    let mut fill = Command::new(kit.root.join("target/debug/examples/lake"));
    fill.arg(EVENTS).arg(&lake);
    let outcome = kit.stages.run("fill a lake", &mut fill)?;
    let line = outcome.output.lines().last().unwrap_or_default();
    let figures: Value = serde_json::from_str(line).unwrap_or_default();
    let Some(ours) = figures["answers"].as_array().filter(|_| outcome.good) else {
        report.check("a lake is filled", Err("see above".to_owned()));
        return Ok(());
    };
    for engine in engines {
        let theirs = ask(kit, &python, engine, &lake)?;
        report.check(&format!("{engine} answers every query"), same_length(&theirs, ours));
        for (number, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
            report.check(&format!("{engine} answers query {number} as we do"), same(theirs, ours));
        }
    }
    // The comparison can fail: with a file less the answers differ.
    let file = first_file(&lake.join("events"))?;
    std::fs::remove_file(&file).map_err(|e| format!("cannot remove {}: {e}", file.display()))?;
    for engine in engines {
        let fewer = ask(kit, &python, engine, &lake)?;
        let told = if fewer == *ours { Err("nothing changed".to_owned()) } else { Ok(()) };
        report.check(&format!("a missing file changes the answers of {engine}"), told);
    }
    Ok(())
}

/// Has DuckDB read a file that the web UI's writer made: it must find the rows that were written.
pub(super) fn exported(kit: &Kit, report: &mut Report) -> Result<(), String> {
    let Some(python) = python::environment(kit, report, "lake", ALWAYS.1)? else { return Ok(()) };
    if !installed("node", &["--version"]) {
        report.skip("conformance-lake: install Node.js 20 or newer");
        return Ok(());
    }
    let (source, folder) = (kit.root.join("xtask/conformance/lake"), kit.folder("export")?);
    let mut write = Command::new("node");
    write.arg(source.join("export.mjs")).arg(&folder);
    let written = kit.stages.run_limited("write an export", &mut write, LAKE_WAIT_MAX)?;
    let file = folder.join("export.parquet");
    let read = || -> Result<Option<Value>, String> {
        let mut command = Command::new(&python);
        command.arg(source.join("rows.py")).arg(&file);
        let outcome = kit.stages.run_limited("read an export", &mut command, LAKE_WAIT_MAX)?;
        let line = outcome.output.lines().last().unwrap_or_default();
        Ok(serde_json::from_str(line).ok().filter(|_| outcome.good))
    };
    let rows = std::fs::read_to_string(folder.join("export.json"));
    let rows: Option<Value> = rows.ok().and_then(|text| serde_json::from_str(&text).ok());
    let is_same = written.good && rows.is_some() && read()? == rows;
    let told = if is_same { Ok(()) } else { Err("they differ, or there are none".to_owned()) };
    report.check("duckdb finds the rows that the web UI exports", told);
    // The comparison can fail: with a bit flipped in the midst of the file they differ.
    let mut bytes = std::fs::read(&file).map_err(|e| format!("cannot read the export: {e}"))?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).map_err(|e| format!("cannot write the export: {e}"))?;
    let told = if read()? == rows { Err("nothing changed".to_owned()) } else { Ok(()) };
    report.check("a flipped bit changes what duckdb finds", told);
    Ok(())
}

/// What an engine answers.
fn ask(kit: &Kit, python: &Path, engine: &str, lake: &Path) -> Result<Vec<Value>, String> {
    let mut command = Command::new(python);
    command.arg(kit.root.join("xtask/conformance/lake/ask.py")).arg(engine).arg(lake);
    command.arg(kit.root.join(QUERIES));
    let outcome = kit.stages.run_limited(engine, &mut command, LAKE_WAIT_MAX)?;
    let line = outcome.output.lines().last().unwrap_or_default();
    match serde_json::from_str(line) {
        Ok(Value::Array(answers)) if outcome.good => Ok(answers),
        _ => Err(format!("{engine} gave no answer: {}", outcome.output.trim())),
    }
}

fn same_length(theirs: &[Value], ours: &[Value]) -> Result<(), String> {
    let (theirs, ours) = (theirs.len(), ours.len());
    if theirs == ours && ours > 0 { Ok(()) } else { Err(format!("{theirs} of {ours}")) }
}

fn same(theirs: &Value, ours: &Value) -> Result<(), String> {
    let is_empty = ours.as_array().is_none_or(Vec::is_empty);
    if is_empty {
        return Err("we answer with no row, which compares nothing".to_owned());
    }
    if theirs == ours { Ok(()) } else { Err(format!("it says {theirs}, we say {ours}")) }
}

/// The first file of the first segment.
fn first_file(table: &Path) -> Result<PathBuf, String> {
    let first = |dir: &Path| -> Result<PathBuf, String> {
        let listed = std::fs::read_dir(dir);
        let listed = listed.map_err(|e| format!("cannot list {}: {e}", dir.display()))?;
        let paths = listed.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        paths.min().ok_or_else(|| format!("{} is empty", dir.display()))
    };
    first(&first(table)?)
}
