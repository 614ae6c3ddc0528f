//! Many seeds on many threads, until enough crashes were tried.

use crate::limits::FAILURES_MAX;
use crate::run::{RunOptions, run};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What a campaign has tried so far, readable while it runs.
#[derive(Debug, Default)]
pub struct Tried {
    /// Crashes.
    pub crashes: AtomicU64,
    /// Faults that struck.
    pub struck: AtomicU64,
    /// Events that were acknowledged.
    pub acked: AtomicU64,
    /// Runs.
    pub runs: AtomicU64,
    /// What was found, each with its seed.
    pub failures: Mutex<Vec<String>>,
}

impl Tried {
    /// What was found so far.
    pub fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs seeds from `first_seed` on, on `threads` threads, until `crashes` were tried or too much was found.
    pub fn run(&self, crashes: u64, first_seed: u64, threads: usize) {
        let next = AtomicU64::new(first_seed);
        let work = || {
            while self.crashes.load(Ordering::Relaxed) < crashes && !self.is_enough() {
                self.run_seed(next.fetch_add(1, Ordering::Relaxed));
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(work);
            }
        });
    }

    fn is_enough(&self) -> bool {
        self.failures().len() >= FAILURES_MAX
    }

    fn run_seed(&self, seed: u64) {
        match run(RunOptions::new(seed)) {
            Ok(report) => {
                self.crashes.fetch_add(report.crashes, Ordering::Relaxed);
                self.struck.fetch_add(report.struck, Ordering::Relaxed);
                self.acked.fetch_add(report.acked, Ordering::Relaxed);
            }
            Err(failure) => {
                let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
                failures.push(failure.to_string());
            }
        }
        self.runs.fetch_add(1, Ordering::Relaxed);
    }
}
