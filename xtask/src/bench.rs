//! Benchmarks: `cargo xtask bench access | append | find | flush | log`. They report and never judge by failing.

mod log;

use std::path::Path;
use std::process::Command;

use clap::{Args, Subcommand};

/// Arguments of `cargo xtask bench`.
#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    which: Which,
}

/// All benchmarks.
#[derive(Subcommand)]
enum Which {
    /// Authorising a request, sealing a field, revealing one, every figure beside what is asked of it
    Access(log::AccessArgs),
    /// In-process appends a second, beside a loop that only hashes, writes and flushes
    Append,
    /// Search and state, every figure beside what is asked of it or a rival in the same run
    Find(log::FindArgs),
    /// The cost of one durable write, by method and size
    Flush,
    /// The log's speed and cost, every figure beside its limit or a rival in the same run
    Log(log::LogArgs),
}

/// Runs one benchmark; whether it could measure everything that it tried to.
pub(crate) fn run(root: &Path, args: &BenchArgs) -> Result<bool, String> {
    match &args.which {
        Which::Access(args) => log::run_access(root, args),
        Which::Append => example(root, "graven-log", "append_rate", &[]),
        Which::Find(args) => log::run_find(root, args),
        Which::Flush => {
            let folder = log::scratch(root, None)?;
            example(root, "graven-store", "flush_cost", &[folder.path()])
        }
        Which::Log(args) => log::run(root, args),
    }
}

/// Runs the bench of search and state among the tests, with a million events or with few; whether each row could be measured.
pub(crate) fn find_among_tests(root: &Path, million: bool) -> Result<bool, String> {
    log::run_find(root, &log::FindArgs::among_tests(million))
}

/// Runs an example in release; what it prints goes to whoever started the task.
fn example(root: &Path, package: &str, name: &str, args: &[&Path]) -> Result<bool, String> {
    let status = Command::new("cargo")
        .args(["run", "--release", "--package", package, "--example", name, "--"])
        .args(args)
        .current_dir(root)
        .status()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    Ok(status.success())
}
