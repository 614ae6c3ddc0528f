//! `campaign --crashes N --seed S [--threads T]`: tries N simulated crashes and says what they showed.

use sim::campaign::Tried;
use sim::limits::PROGRESS_EVERY_S;
use sim::{RunOptions, run};
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What is asked for.
struct Args {
    crashes: u64,
    seed: u64,
    threads: usize,
    /// Run this one seed alone, with its trace.
    only: Option<u64>,
}

fn main() -> ExitCode {
    let args = match parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(why) => {
            say(&format!(
                "{why}; usage: campaign [--crashes N] [--seed S] [--threads T] [--only SEED]"
            ));
            return ExitCode::from(2);
        }
    };
    if let Some(seed) = args.only {
        return show(seed);
    }
    let tried = Tried::default();
    let is_over = AtomicBool::new(false);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut said = 0;
            while !is_over.load(Ordering::Relaxed) {
                std::thread::park_timeout(Duration::from_secs(PROGRESS_EVERY_S));
                say(&line(&tried, started));
                let failures = tried.failures();
                failures[said..].iter().for_each(|failure| say(&format!("FAILED: {failure}")));
                said = failures.len();
            }
        });
        tried.run(args.crashes, args.seed, args.threads);
        is_over.store(true, Ordering::Relaxed);
        watcher.thread().unpark();
    });
    let failures = tried.failures().len();
    say(&format!("seeds from {}: {failures} failures", args.seed));
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one seed again and shows its last calls to the disk.
fn show(seed: u64) -> ExitCode {
    match run(RunOptions { is_traced: true, ..RunOptions::new(seed) }) {
        Ok(report) => {
            say(&format!("seed {seed}: {} crashes, nothing found", report.crashes));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            say(&format!("FAILED: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Args, String> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let mut parsed = Args { crashes: 1_000_000, seed: 1, threads, only: None };
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} needs a number"))?;
        let value: u64 = value.parse().map_err(|_| format!("{name}: `{value}` is no number"))?;
        match name.as_str() {
            "--crashes" => parsed.crashes = value,
            "--seed" => parsed.seed = value,
            "--threads" => parsed.threads = value as usize,
            "--only" => parsed.only = Some(value),
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok(parsed)
}

fn line(tried: &Tried, started: Instant) -> String {
    let crashes = tried.crashes.load(Ordering::Relaxed);
    let seconds = started.elapsed().as_secs_f64();
    format!(
        "{crashes} crashes in {} runs, {} faults struck, {} events acknowledged, {seconds:.0} s, {:.0} crashes/s, {} failures",
        tried.runs.load(Ordering::Relaxed),
        tried.struck.load(Ordering::Relaxed),
        tried.acked.load(Ordering::Relaxed),
        crashes as f64 / seconds.max(0.001),
        tried.failures().len(),
    )
}

/// Prints a line. Where nobody reads it any more, the exit code still says how it ended.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).unwrap_or(());
}
