//! Benchmarks, each an example of the crate that it measures, run in release.

use std::path::Path;
use std::process::Command;

/// One benchmark.
struct Bench {
    name: &'static str,
    about: &'static str,
    /// The package and its example.
    package: &'static str,
    example: &'static str,
}

/// All benchmarks.
const BENCHES: &[Bench] = &[
    Bench {
        name: "append",
        about: "in-process appends a second, beside a loop that only hashes, writes and flushes",
        package: "graven-log",
        example: "append_rate",
    },
    Bench {
        name: "flush",
        about: "the cost of one durable write, by method and size",
        package: "graven-store",
        example: "flush_cost",
    },
    Bench {
        name: "sealing",
        about: "what sealing and opening a field costs on one core",
        package: "graven-access",
        example: "seal_cost",
    },
];

/// Runs one benchmark, or lists them.
pub(crate) fn run(root: &Path, name: Option<&str>) -> Result<bool, String> {
    let Some(name) = name else {
        println!("{}", list());
        return Ok(true);
    };
    let bench = BENCHES
        .iter()
        .find(|bench| bench.name == name)
        .ok_or_else(|| format!("no benchmark `{name}`; {}", list()))?;
    let status = Command::new("cargo")
        .args(["run", "--release", "--package", bench.package, "--example", bench.example])
        .current_dir(root)
        .status()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    Ok(status.success())
}

fn list() -> String {
    let lines = BENCHES.iter().map(|bench| format!("\n  {}: {}", bench.name, bench.about));
    format!("the benchmarks:{}", lines.collect::<String>())
}
