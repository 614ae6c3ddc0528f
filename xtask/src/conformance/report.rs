//! What the checks of a conformance run came to.

use crate::totals::Totals;

/// Collects verdicts, and prints those that matter.
#[derive(Default)]
pub(super) struct Report {
    /// Whether good verdicts are printed too.
    pub(super) verbose: bool,
    /// The sums so far.
    pub(super) totals: Totals,
}

impl Report {
    /// Counts one check, and prints it where it failed or all are wanted.
    pub(super) fn check(&mut self, name: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => {
                if self.verbose {
                    println!("  ok      {name}");
                }
                self.totals.passed += 1;
            }
            Err(reason) => {
                println!("  FAILED  {name}: {reason}");
                self.totals.failed += 1;
            }
        }
    }

    /// Counts something that cannot run here: `<name>: <what to do about it>`.
    pub(super) fn skip(&mut self, why: &str) {
        println!("SKIP {why}");
        self.totals.skipped.push(why.to_owned());
    }

    /// The totals of all checks.
    pub(super) fn into_totals(self) -> Totals {
        self.totals
    }
}
