//! The slow campaigns that `cargo xtask test --all` adds: faults, long simulations, many seeds.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::fuzz;
use crate::limits::FUZZ_CAMPAIGN_S;
use crate::model::MODEL_TEST;

/// Simulated crashes of one campaign.
const SIM_CRASHES: u64 = 1_000_000;

/// One campaign.
struct Campaign {
    name: &'static str,
    about: &'static str,
    /// Runs it on the checkout at the given root; an error says what it found and the seed that shows it again.
    run: fn(&Path) -> Result<(), String>,
}

/// All campaigns.
const CAMPAIGNS: &[Campaign] = &[
    Campaign {
        name: "without sql",
        about: "the build that the README makes: linted, and it says how to get SQL",
        run: without_sql,
    },
    Campaign {
        name: "lake by others",
        about: "the columns' Parquet files under chDB and Spark, the same queries as ours",
        run: crate::conformance::lake_by_others,
    },
    Campaign {
        name: "sim rows",
        about: "the rows of docs/reliability.md in full: every call, every level, every seed",
        run: sim_rows,
    },
    Campaign {
        name: "sim crashes",
        about: "a million simulated crashes, from a seed that no run had before",
        run: sim_crashes,
    },
    Campaign {
        name: "fire rows",
        about: "the real binary killed, cut off from power, out of everything, tampered with: in full",
        run: fire_rows,
    },
    Campaign {
        name: "load",
        about: "twice the capacity for a minute, 10,000 idle clients, crawlers until they are sent away",
        run: load,
    },
    Campaign {
        name: "fuzz",
        about: "an hour of libFuzzer for each parser (GRAVEN_FUZZ_SECONDS: so many seconds)",
        run: fuzz_hour,
    },
];

/// Runs the one of this name, or all; false where one found something.
pub(crate) fn run(root: &Path, name: Option<&str>) -> Result<bool, String> {
    let wanted = |campaign: &&Campaign| name.is_none_or(|name| name == campaign.name);
    let campaigns: Vec<&Campaign> = CAMPAIGNS.iter().filter(wanted).collect();
    if campaigns.is_empty() {
        let names: Vec<&str> = CAMPAIGNS.iter().map(|campaign| campaign.name).collect();
        return Err(format!("there is no such campaign; there are: {}", names.join(", ")));
    }
    Ok(run_each(root, &campaigns).is_empty())
}

/// Runs all of them and gives the failures, one message each.
pub(crate) fn run_all(root: &Path) -> Vec<String> {
    println!("campaigns: {} registered", CAMPAIGNS.len());
    run_each(root, &CAMPAIGNS.iter().collect::<Vec<_>>())
}

fn run_each(root: &Path, campaigns: &[&Campaign]) -> Vec<String> {
    let mut failures = Vec::new();
    for campaign in campaigns {
        println!("campaign {}: {}", campaign.name, campaign.about);
        if let Err(reason) = (campaign.run)(root) {
            println!("  FAILED: {reason}");
            failures.push(format!("{}: {reason}", campaign.name));
        }
    }
    failures
}

/// The rest of the tests have SQL.
fn without_sql(root: &Path) -> Result<(), String> {
    let mut lint = Command::new("cargo");
    lint.args(["clippy", "--package", "graven", "--package", "graven-server", "--bins", "--lib"]);
    cargo(root, lint.args(["--", "-D", "warnings"]))?;
    let mut test = Command::new("cargo");
    cargo(root, test.args(["test", "--package", "graven-server", "--lib", "a_build_without_sql"]))
}

fn sim_rows(root: &Path) -> Result<(), String> {
    let mut command = Command::new("cargo");
    command.args(["test", "--release", "--package", "graven-sim"]).env("GRAVEN_SIM_FULL", "1");
    cargo(root, &mut command)?;
    let mut model = Command::new("cargo");
    cargo(root, model.args(MODEL_TEST).arg("--release").env("GRAVEN_SIM_FULL", "1"))
}

/// The first seed is the time, so that each run tries others; `GRAVEN_SIM_SEED` takes a given one instead, and
/// `GRAVEN_SIM_CRASHES` another number of crashes.
fn sim_crashes(root: &Path) -> Result<(), String> {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let seed = std::env::var("GRAVEN_SIM_SEED").unwrap_or_else(|_| now_s.to_string());
    let crashes = std::env::var("GRAVEN_SIM_CRASHES").unwrap_or_else(|_| SIM_CRASHES.to_string());
    let mut command = Command::new("cargo");
    command.args(["run", "--release", "--package", "graven-sim", "--bin", "campaign", "--"]);
    command.args(["--crashes", &crashes, "--seed", &seed]);
    cargo(root, &mut command).map_err(|what| {
        format!(
            "{what}, seeds from {seed}; what it found needs a test in tests/rows/regressions.rs"
        )
    })
}

/// The rows that need root or programs of others say in their output what is missing. Of the whole workspace, as the tests are built: the
/// package by itself would have other features, and most of it would be built again.
fn fire_rows(root: &Path) -> Result<(), String> {
    let mut command = Command::new("cargo");
    command.args(["test", "--workspace", "--test", "fire", "--", "--show-output"]);
    command.env("GRAVEN_FIRE_FULL", "1");
    cargo(root, &mut command).map_err(|what| format!("{what}; the seed stands in its output"))
}

fn load(root: &Path) -> Result<(), String> {
    let mut command = Command::new("cargo");
    command.args([
        "test",
        "--release",
        "--package",
        "graven",
        "--test",
        "load",
        "--",
        "--nocapture",
    ]);
    cargo(root, command.env("GRAVEN_LOAD_FULL", "1"))
}

fn fuzz_hour(root: &Path) -> Result<(), String> {
    let seconds = match std::env::var("GRAVEN_FUZZ_SECONDS") {
        Ok(text) => {
            text.parse().map_err(|_| format!("GRAVEN_FUZZ_SECONDS is `{text}`; set a number"))?
        }
        Err(_) => FUZZ_CAMPAIGN_S,
    };
    let good = fuzz::run(root, None, seconds)?;
    if good { Ok(()) } else { Err("an input was found; its place is above".to_owned()) }
}

/// Runs a command of cargo whose output, with its progress, goes to whoever started the task.
fn cargo(root: &Path, command: &mut Command) -> Result<(), String> {
    let status = command.current_dir(root).status();
    let status = status.map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("it ended with {status}")) }
}
