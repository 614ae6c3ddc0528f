//! One step of a task: a command whose output goes to a file and is shown only where it fails.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::limits::{READY_POLL, TAIL_LINES_MAX};

/// How a step ended.
pub(crate) struct Outcome {
    /// Whether the command ran and exited with 0.
    pub(crate) good: bool,
    /// Everything it printed.
    pub(crate) output: String,
}

/// Runs the steps of one task and keeps their logs.
pub(crate) struct Stages {
    logs: PathBuf,
}

impl Stages {
    /// Steps of the checkout at `root`; their logs go to `target/xtask/`.
    pub(crate) fn new(root: &Path) -> Result<Stages, String> {
        let logs = root.join("target/xtask");
        std::fs::create_dir_all(&logs)
            .map_err(|e| format!("cannot make {}: {e}", logs.display()))?;
        Ok(Stages { logs })
    }

    /// Runs the command, prints the step's name, verdict and time, and where it failed the end of its output.
    pub(crate) fn run(&self, name: &str, command: &mut Command) -> Result<Outcome, String> {
        let started = Instant::now();
        let outcome = self.run_quiet(name, command)?;
        let verdict = if outcome.good { "ok" } else { "FAILED" };
        report(name, verdict, started);
        if !outcome.good {
            self.print_tail(name, &outcome.output);
        }
        Ok(outcome)
    }

    /// Runs the command and prints nothing.
    pub(crate) fn run_quiet(&self, name: &str, command: &mut Command) -> Result<Outcome, String> {
        self.run_limited(name, command, Duration::MAX)
    }

    /// The same, killing the command where it takes longer than the limit; its outcome is bad then and says so.
    pub(crate) fn run_limited(
        &self,
        name: &str,
        command: &mut Command,
        limit: Duration,
    ) -> Result<Outcome, String> {
        let path = self.log_path(name);
        let broken = |e: std::io::Error| format!("cannot write {}: {e}", path.display());
        let log = File::create(&path).map_err(broken)?;
        let copy = log.try_clone().map_err(broken)?;
        let program = command.get_program().to_string_lossy().into_owned();
        let failed = |e: std::io::Error| format!("cannot run `{program}`: {e}");
        let child = command.stdin(Stdio::null()).stdout(log).stderr(copy).spawn();
        let status = wait(child.map_err(failed)?, limit).map_err(failed)?;
        let bytes =
            std::fs::read(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        let mut output = String::from_utf8_lossy(&bytes).into_owned();
        if status.is_none() {
            output += "\nkilled: it took too long";
        }
        Ok(Outcome { good: status.is_some_and(|status| status.success()), output })
    }

    /// Prints the end of a step's output and where all of it is.
    pub(crate) fn print_tail(&self, name: &str, output: &str) {
        let lines: Vec<&str> = output.lines().collect();
        let from = lines.len().saturating_sub(TAIL_LINES_MAX);
        for line in &lines[from..] {
            println!("  | {line}");
        }
        println!("  all of it: {}", self.log_path(name).display());
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{}.log", name.replace([' ', '/'], "-")))
    }
}

/// Waits for the process to end, for as long as the limit; none where it had to be killed.
fn wait(mut child: Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    if limit == Duration::MAX {
        return child.wait().map(Some);
    }
    let started = Instant::now();
    while started.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(READY_POLL);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// Prints a step's line: name, verdict, seconds since it started.
pub(crate) fn report(name: &str, verdict: &str, started: Instant) {
    println!("{name:<24} {verdict:<8} {:>6.1} s", started.elapsed().as_secs_f64());
}

/// Whether a program can be run: `<program> <args>` exits with 0.
pub(crate) fn installed(program: &str, args: &[&str]) -> bool {
    let quiet = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    quiet.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests;
