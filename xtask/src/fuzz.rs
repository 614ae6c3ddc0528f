//! `cargo xtask fuzz`: the fuzz targets under libFuzzer, guided by coverage (`docs/adr/0004-fuzzing.md`).
//!
//! What it learns is kept in `target/fuzz/corpus/` and goes on from there; an input that fails is in
//! `target/fuzz/found/`. Copied to `fuzz/kept/<target>/`, it is run by every `cargo test` from then on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::jobs::jobs;
use crate::limits::{FUZZ_GRACE, FUZZ_INPUT_BYTES_MAX, FUZZ_INPUT_S_MAX, FUZZ_MEMORY_MB_MAX};
use crate::stage::{self, Stages};

/// Makes the compiler count which edges of the code an input takes and tell what it compares. All of it is stable.
const INSTRUMENTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions";
/// Where the targets are named, one a line.
const TARGETS_FILE: &str = "fuzz/src/targets.rs";

/// Runs one target, or all, each for so many seconds; whether none found anything.
pub(crate) fn run(root: &Path, only: Option<&str>, seconds: u64) -> Result<bool, String> {
    let mut targets = targets(root)?;
    if let Some(name) = only {
        let known = targets.join(", ");
        targets.retain(|target| target == name);
        if targets.is_empty() {
            return Err(format!("no fuzz target `{name}`; there are: {known}"));
        }
    }
    let stages = Stages::new(root)?;
    let engine = build(root, &stages)?;
    let (next, jobs) = (AtomicUsize::new(0), jobs()?);
    let work = || {
        let mut good = true;
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            good &= run_target(root, &stages, &engine, target, seconds)?;
        }
        Ok::<bool, String>(good)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(|thread| thread.join().expect("it does not panic"));
        ended.collect::<Result<Vec<bool>, String>>().map(|good| good.into_iter().all(|good| good))
    })
}

/// The names in the table of targets.
fn targets(root: &Path) -> Result<Vec<String>, String> {
    let path = root.join(TARGETS_FILE);
    let text = std::fs::read_to_string(&path);
    let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("target(\""));
    let names = named.filter_map(|rest| rest.split_once('"')).map(|(name, _)| name.to_owned());
    Ok(names.collect())
}

/// Builds the engine with everything that it runs instrumented; its path.
fn build(root: &Path, stages: &Stages) -> Result<PathBuf, String> {
    if !stage::installed("c++", &["--version"]) {
        return Err(
            "libFuzzer needs a C++ compiler: `apt install build-essential` on Debian".into()
        );
    }
    let host = host()?;
    let mut command = Command::new("cargo");
    command
        .args(["build", "--release", "--package", "graven-fuzz", "--features", "engine"])
        // With a target named, build scripts are left as they are.
        .args(["--bin", "engine", "--target", &host, "--target-dir", "target/fuzz"])
        .env("RUSTFLAGS", INSTRUMENTED)
        .current_dir(root);
    if !stages.run("fuzz build", &mut command)?.good {
        return Err("the fuzz targets do not build".to_owned());
    }
    Ok(root.join("target/fuzz").join(host).join("release/engine"))
}

/// The target triple of this machine.
fn host() -> Result<String, String> {
    let output = Command::new("rustc").arg("-vV").output();
    let output = output.map_err(|error| format!("cannot run rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc -vV names no host".to_owned())
}

fn run_target(
    root: &Path,
    stages: &Stages,
    engine: &Path,
    target: &str,
    seconds: u64,
) -> Result<bool, String> {
    let folder = |name: &str| {
        let path = root.join("target/fuzz").join(name).join(target);
        let made = std::fs::create_dir_all(&path);
        made.map(|()| path.clone()).map_err(|e| format!("cannot make {}: {e}", path.display()))
    };
    let (corpus, seeds, found) = (folder("corpus")?, folder("seeds")?, folder("found")?);
    let mut command = Command::new(engine);
    command
        .args([&corpus, &seeds])
        .arg(format!("-artifact_prefix={}/", found.display()))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={FUZZ_INPUT_BYTES_MAX}"))
        .arg(format!("-timeout={FUZZ_INPUT_S_MAX}"))
        .arg(format!("-rss_limit_mb={FUZZ_MEMORY_MB_MAX}"))
        .arg("-print_final_stats=1")
        .env("GRAVEN_FUZZ_TARGET", target)
        .env("GRAVEN_FUZZ_SEEDS", &seeds);
    let kept = root.join("fuzz/kept").join(target);
    if kept.is_dir() {
        command.arg(kept);
    }
    let limit = Duration::from_secs(seconds) + FUZZ_GRACE;
    let name = format!("fuzz {target}");
    let outcome = stages.run_limited(&name, &mut command, limit)?;
    println!("{name:<24} {}", summary(&outcome.output, outcome.good));
    if !outcome.good {
        stages.print_tail(&name, &outcome.output);
        println!("  once mended, copy the input from {} to fuzz/kept/{target}/", found.display());
    }
    Ok(outcome.good)
}

/// How many inputs were tried, and how many of them were worth keeping.
fn summary(output: &str, good: bool) -> String {
    let stat = |name: &str| {
        let line = output.lines().find_map(|line| line.strip_prefix(name)).unwrap_or(" ?");
        line.trim().to_owned()
    };
    let verdict = if good { "ok" } else { "FAILED" };
    let (tried, new) = (stat("stat::number_of_executed_units:"), stat("stat::new_units_added:"));
    format!("{verdict:<8} {tried} inputs, {new} new ways through the code")
}
