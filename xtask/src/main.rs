//! The project's own tasks: `cargo xtask tidy | test | campaign | assets | bench | fuzz | conformance | screenshots`.
//!
//! Everything a contributor or a CI job runs is a task here, so that both run the same thing. Tasks depend on no
//! crate of the project: tidy must work while everything else is broken.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task reports to the person who runs it"
)]

mod assets;
mod bench;
mod campaign;
mod conformance;
mod failures;
mod fuzz;
mod jobs;
mod limits;
mod model;
mod skips;
mod stage;
mod test;
mod tidy;
mod totals;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check the house rules that no compiler checks (also run by `cargo test -p xtask`)
    Tidy,
    /// Format, lints, every test, wasm32, licences and quick conformance, and search in small; ends with one line of totals
    Test {
        /// Run the slow campaigns too
        #[arg(long)]
        all: bool,
    },
    /// Run one of the slow campaigns that `test --all` adds, or all of them
    Campaign {
        /// Its name, as `test --all` prints it; without it all run
        name: Option<String>,
    },
    /// Build what browsers run and is committed: `sdk/verify/graven_verify.wasm`
    Assets,
    /// Run one benchmark
    Bench(bench::BenchArgs),
    /// Run the fuzz targets under libFuzzer
    Fuzz {
        /// The target's name; without it all run
        target: Option<String>,
        /// How long each runs
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Check our formats with implementations that are not ours, and the web UI with axe-core
    Conformance,
    /// Draw every page of the web UI, light and dark, wide and narrow
    Screenshots {
        /// Where the pictures go
        #[arg(default_value = "target/screenshots")]
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    let root = root_dir();
    // Each task says whether all is well; an error is that it could not find out.
    let outcome = match Args::parse().task {
        Task::Tidy => tidy::run(&root),
        Task::Test { all } => test::run(&root, all),
        Task::Campaign { name } => campaign::run(&root, name.as_deref()),
        Task::Assets => assets::write(&root),
        Task::Fuzz { target, seconds } => fuzz::run(&root, target.as_deref(), seconds),
        Task::Bench(args) => bench::run(&root, &args),
        Task::Conformance => conformance::run(&root),
        Task::Screenshots { folder } => conformance::screenshots(&root, &folder),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// The checkout: the directory above this crate.
fn root_dir() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the checkout's root").to_path_buf()
}
