//! Everything that must hold before a change is taken, in stages; the last line printed is the totals.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::jobs::jobs;
use crate::model::MODEL_TEST;
use crate::stage::{self, Stages};
use crate::totals::Totals;
use crate::{assets, bench, campaign, conformance, failures, skips};

/// The target that browsers run: `lib/` must compile for it.
const WASM: &str = "wasm32-unknown-unknown";

/// One run of `cargo xtask test`.
struct Run {
    root: PathBuf,
    stages: Stages,
    /// How many things may run at once: `GRAVEN_JOBS`, or the number of cores.
    jobs: usize,
    totals: Totals,
}

/// Runs every stage, a failed one included, and prints the closing line.
pub(crate) fn run(root: &Path, all: bool) -> Result<bool, String> {
    let started = Instant::now();
    let mut run = Run {
        root: root.to_owned(),
        stages: Stages::new(root)?,
        jobs: jobs()?,
        totals: Totals::default(),
    };
    run.cargo_stage("fmt", &["fmt", "--all", "--check"])?;
    run.cargo_stage("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    run.tests()?;
    run.cargo_stage("model", &MODEL_TEST)?;
    run.wasm()?;
    run.sdk()?;
    run.deny()?;
    run.conformance()?;
    run.bench()?;
    if all {
        run.totals.failed += campaign::run_all(root).len();
    }
    Ok(run.finish(started))
}

impl Run {
    /// A stage that is one cargo command; a failure counts as one.
    fn cargo_stage(&mut self, name: &str, args: &[&str]) -> Result<(), String> {
        let outcome = self.stages.run(name, &mut self.cargo(args))?;
        self.totals.failed += usize::from(!outcome.good);
        Ok(())
    }

    /// Every test of the workspace.
    fn tests(&mut self) -> Result<(), String> {
        let jobs = self.jobs.to_string();
        let args = ["test", "--workspace", "--no-fail-fast"];
        let harness = ["--", "--show-output", "--test-threads", &jobs];
        let mut command = self.cargo(&[&args[..], &harness[..]].concat());
        let outcome = self.stages.run("tests", &mut command)?;
        for line in failures::of_tests(&outcome.output) {
            println!("  {line}");
        }
        let mut totals = Totals::of_tests(&outcome.output);
        if !outcome.good && totals.failed == 0 {
            // It did not compile, or a test binary died before it could say its result.
            totals.failed = 1;
        }
        self.totals.add(totals);
        Ok(())
    }

    /// The pure crates compile for a browser, and what is committed for browsers is what they give.
    fn wasm(&mut self) -> Result<(), String> {
        if !target_installed() && !stage::installed("rustup", &["target", "add", WASM]) {
            self.skip(&format!("wasm32: run `rustup target add {WASM}`, which failed here"));
            return Ok(());
        }
        let packages = lib_packages(&self.root)?;
        let mut args = vec!["check", "--target", WASM];
        for package in &packages {
            args.extend(["--package", package]);
        }
        self.cargo_stage("wasm32", &args)?;
        let started = Instant::now();
        let found = assets::compare(&self.root, &self.stages)?;
        stage::report("assets", if found.is_none() { "ok" } else { "FAILED" }, started);
        if let Some(message) = found {
            println!("  {message}");
            self.totals.failed += 1;
        }
        Ok(())
    }

    /// The package for browsers and the modules of the web UI, by their own tests.
    fn sdk(&mut self) -> Result<(), String> {
        if !stage::installed("node", &["--version"]) {
            self.skip("sdk-verify: install Node.js 20 or newer");
            return Ok(());
        }
        let mut node = Command::new("node");
        node.args(["--test", "--test-reporter=tap"]);
        node.args(["sdk/verify/test/", "crates/server/ui/test/"]).current_dir(&self.root);
        let outcome = self.stages.run("sdk-verify", &mut node)?;
        self.totals.add(Totals::of_tap(&outcome.output, outcome.good));
        Ok(())
    }

    /// Licences, bans and sources; and advisories, where their database can be had.
    fn deny(&mut self) -> Result<(), String> {
        if !stage::installed("cargo", &["deny", "--version"]) {
            self.skip(
                "deny: run `cargo install --locked cargo-deny` to check licences and advisories",
            );
            return Ok(());
        }
        let checks = ["bans", "licenses", "sources"];
        self.cargo_stage("deny", &[&["deny", "--workspace", "check"], &checks[..]].concat())?;
        let mut advisories = self.cargo(&["deny", "--workspace", "check", "advisories"]);
        let outcome = self.stages.run_quiet("advisories", &mut advisories)?;
        if outcome.output.contains("failed to fetch advisory database") {
            self.skip(
                "advisories: their database, RustSec's on GitHub, cannot be reached from here",
            );
            return Ok(());
        }
        println!("{:<24} {}", "advisories", if outcome.good { "ok" } else { "FAILED" });
        if !outcome.good {
            self.stages.print_tail("advisories", &outcome.output);
        }
        self.totals.failed += usize::from(!outcome.good);
        Ok(())
    }

    /// The conformance parts that take seconds.
    fn conformance(&mut self) -> Result<(), String> {
        self.totals.add(conformance::quick(&self.root, &self.stages)?);
        Ok(())
    }

    /// Search and state in small: a row that cannot be measured fails, a figure that misses its goal does not. With `CI=true` of a
    /// million events, elsewhere of few.
    fn bench(&mut self) -> Result<(), String> {
        let started = Instant::now();
        let good = bench::find_among_tests(&self.root, skips::strict())?;
        stage::report("bench find", if good { "ok" } else { "FAILED" }, started);
        self.totals.failed += usize::from(!good);
        Ok(())
    }

    fn skip(&mut self, why: &str) {
        println!("SKIP {why}");
        self.totals.skipped.push(why.to_owned());
    }

    /// Says what was skipped, and the totals last; whether all is well.
    fn finish(self, started: Instant) -> bool {
        let Totals { failed, skipped, .. } = &self.totals;
        for skip in skipped {
            println!("skipped: {skip}");
        }
        let mut forbidden = 0;
        if skips::strict() {
            skips::print_allowed();
            let not_allowed = skips::not_allowed(skipped);
            for skip in &not_allowed {
                println!("FAILED: CI=true does not allow this skip: {skip}");
            }
            forbidden = not_allowed.len();
        }
        let good = *failed == 0 && forbidden == 0;
        stage::report("all", if good { "ok" } else { "FAILED" }, started);
        println!("{}", self.totals.line());
        good
    }

    fn cargo(&self, args: &[&str]) -> Command {
        let mut command = Command::new("cargo");
        command.args(args).current_dir(&self.root).env("CARGO_BUILD_JOBS", self.jobs.to_string());
        command
    }
}

fn target_installed() -> bool {
    let listed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    listed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).lines().any(|l| l == WASM))
}

/// The names of the pure crates: their folders'.
fn lib_packages(root: &Path) -> Result<Vec<String>, String> {
    let folder = root.join("lib");
    let listed = std::fs::read_dir(&folder);
    let entries = listed.map_err(|e| format!("cannot list {}: {e}", folder.display()))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut packages: Vec<String> = names.collect();
    packages.sort();
    Ok(packages)
}
