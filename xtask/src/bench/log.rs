//! `cargo xtask bench log`: the log's speed and cost; and `cargo xtask bench access`, what access and sealed values cost; and
//! `cargo xtask bench find`, what search and state do.
//!
//! Every figure stands beside a limit or a rival that was measured in the same run on the same bytes. Servers and their load
//! generator run on cores of their own. Nothing is asserted: what misses its goal is printed as missed. Programs that
//! need the project's crates are examples of these; here they are started, pinned, watched and written down.

mod cores;
mod fill;
mod kit;
mod large;
mod line;
mod load;
mod machine;
mod number;
mod postgres;
mod process;
mod rows;
mod size;
mod table;

use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::TempDir;

use cores::Cores;
use kit::{Kit, PROFILE_OF_TESTS};
use line::Line;
use machine::Machine;
use rows::{ACCESS_ROWS, FIND_ROWS, ROWS, Row};
use size::Size;

/// A table of figures.
#[derive(Clone, Copy)]
struct Bench {
    name: &'static str,
    rows: &'static [Row],
    /// The packages whose examples measure.
    examples_of: &'static [&'static str],
    /// Whether the server is measured too.
    with_server: bool,
    /// Cargo's profile: `dist`, as packages are built, or where that takes too long to be asked for, `release`; and for a run
    /// among the tests the one that those are built in.
    profile: &'static str,
}

const LOG: Bench = Bench {
    name: "log",
    rows: ROWS,
    examples_of: &["graven-log", "graven-server", "graven-store"],
    with_server: true,
    profile: "dist",
};
const ACCESS: Bench = Bench {
    name: "access",
    rows: ACCESS_ROWS,
    examples_of: &["graven-access", "graven-client"],
    with_server: true,
    profile: "dist",
};

/// What the row `sql` needs takes long to build, and is built by it.
const FIND: Bench = Bench {
    name: "find",
    rows: FIND_ROWS,
    examples_of: &["graven-index"],
    with_server: false,
    profile: "release",
};

/// Arguments of `cargo xtask bench find`.
#[derive(Args)]
pub(super) struct FindArgs {
    /// 10 million events instead of one
    #[arg(long)]
    full: bool,
    /// 20,000: shows that the bench works
    #[arg(long, conflicts_with = "full")]
    smoke: bool,
    /// Measure only this row; may be given more than once
    #[arg(long, value_name = "ROW", value_parser = row_names(FIND_ROWS))]
    only: Vec<String>,
    /// Write the figures to this file too, as JSON
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Measure what the tests were built to: built quickly, with little optimisation
    #[arg(long, conflicts_with = "write")]
    as_tested: bool,
    /// Leave PostgreSQL out: its indexes of ten million rows take long
    #[arg(long)]
    no_postgres: bool,
    /// Put the table into this page, between its markers; only of all rows with --full
    #[arg(long, value_name = "PAGE")]
    write: Option<PathBuf>,
    /// Measure on the disk of this directory, relative to the checkout [default: target]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl FindArgs {
    /// A run among the tests: all rows of a million events, or of few, without PostgreSQL, which takes minutes to load.
    pub(super) fn among_tests(million: bool) -> FindArgs {
        let (full, smoke, as_tested, no_postgres) = (false, !million, true, true);
        let (only, json, write, dir) = (Vec::new(), None, None, None);
        FindArgs { full, smoke, only, json, as_tested, no_postgres, write, dir }
    }
}

/// Arguments of `cargo xtask bench access`.
#[derive(Args)]
pub(super) struct AccessArgs {
    /// Write the figures to this file too, as JSON
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
}

/// Arguments of `cargo xtask bench log`.
#[derive(Args)]
pub(super) struct LogArgs {
    /// How much of it
    #[arg(long, value_enum, default_value_t = Size::Full)]
    size: Size,
    /// Measure only this row; may be given more than once
    #[arg(long, value_name = "ROW", value_parser = row_names(ROWS))]
    only: Vec<String>,
    /// Write the figures to this file too, as JSON
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Leave PostgreSQL out of the rows of search
    #[arg(skip)]
    no_postgres: bool,
    /// Put the table into this page, between its markers; only of all rows in full size
    #[arg(long, value_name = "PAGE")]
    write: Option<PathBuf>,
    /// Measure on the disk of this directory, relative to the checkout [default: target]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

fn row_names(rows: &[Row]) -> clap::builder::PossibleValuesParser {
    rows.iter().map(|row| row.name).collect::<Vec<_>>().into()
}

/// Measures what access and sealed values cost.
pub(super) fn run_access(root: &Path, args: &AccessArgs) -> Result<bool, String> {
    let AccessArgs { json } = args;
    let (only, json) = (Vec::new(), json.clone());
    let (no_postgres, write, dir) = (false, None, None);
    measure(root, &ACCESS, &LogArgs { size: Size::Full, only, json, no_postgres, write, dir })
}

/// Measures search and state.
pub(super) fn run_find(root: &Path, args: &FindArgs) -> Result<bool, String> {
    let FindArgs { full, smoke, only, json, as_tested, no_postgres, write, dir } = args;
    let size = match (full, smoke) {
        (true, _) => Size::Full,
        (_, true) => Size::Smoke,
        _ => Size::Medium,
    };
    let (only, json, write) = (only.clone(), json.clone(), write.clone());
    let no_postgres = *no_postgres;
    let profile = if *as_tested { PROFILE_OF_TESTS } else { FIND.profile };
    let bench = Bench { profile, ..FIND };
    measure(root, &bench, &LogArgs { size, only, json, no_postgres, write, dir: dir.clone() })
}

/// Measures the log.
pub(super) fn run(root: &Path, args: &LogArgs) -> Result<bool, String> {
    measure(root, &LOG, args)
}

/// Measures the rows, prints the table, and writes what was asked for. False where a measurement broke.
fn measure(root: &Path, bench: &Bench, args: &LogArgs) -> Result<bool, String> {
    let page = args.write.as_deref().map(|path| page_to_fill(path, bench, args)).transpose()?;
    let folder = scratch(root, args.dir.as_deref())?;
    let cores = Cores::share();
    // Before anything is built: what makes the machine busy now is not the bench.
    let machine = Machine::look(root, &cores);
    let mut kit = Kit::prepare(root, folder, cores, (args.size, bench))?;
    kit.no_postgres = args.no_postgres;
    let (mut lines, mut all_good) = (Vec::new(), true);
    for row in bench.rows.iter().filter(|row| wanted(row, args)) {
        println!("row {}: {}", row.name, row.about);
        let measured = (row.measure)(&mut kit).unwrap_or_else(|why| {
            println!("  FAILED: {why}");
            all_good = false;
            vec![Line::broken(row.about, &why)]
        });
        lines.extend(measured.into_iter().map(|line| line.of_row(row.name)));
        // After each row: a run that is cut off has measured something.
        if let Some(path) = &args.json {
            write(path, &format!("{:#}\n", table::json(bench.name, &machine, args.size, &lines)))?;
        }
    }
    let text = table::text(&machine, args.size, &lines);
    println!("\n{text}");
    // A run that broke is not published.
    if let (true, Some(page), Some(path)) = (all_good, page, &args.write) {
        write(path, &table::fill(&page, bench.name, &text)?)?;
    }
    Ok(all_good)
}

fn wanted(row: &Row, args: &LogArgs) -> bool {
    args.only.is_empty() || args.only.iter().any(|name| name == row.name)
}

/// The page, if it may be filled with what will be measured: a published table is a whole and full one.
fn page_to_fill(path: &Path, bench: &Bench, args: &LogArgs) -> Result<String, String> {
    if args.size != Size::Full || !args.only.is_empty() {
        return Err(
            "--write takes a run of all rows in full size (`log` without --size, `find` with --full); leave out --only".to_owned()
        );
    }
    let page = std::fs::read_to_string(path)
        .map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    // Found out now, not after an hour of measuring.
    table::fill(&page, bench.name, "")?;
    Ok(page)
}

/// A folder to measure in, on the disk of `dir` or of the checkout's target directory.
pub(super) fn scratch(root: &Path, dir: Option<&Path>) -> Result<TempDir, String> {
    let dir = root.join(dir.unwrap_or(Path::new("target")));
    let made = std::fs::create_dir_all(&dir).and_then(|()| TempDir::with_prefix_in("bench-", &dir));
    made.map_err(|e| format!("cannot make a folder in {}: {e}", dir.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

#[cfg(test)]
mod tests;
