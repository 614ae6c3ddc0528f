//! What a run of tests came to, read from the test binaries' own output.

/// Totals over all test binaries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Tests that ran and held; those that printed a `SKIP` line are not among them.
    pub(crate) passed: usize,
    /// Tests that failed, and stages other than tests that failed.
    pub(crate) failed: usize,
    /// What did not run, one line each as it was printed, without its `SKIP `.
    pub(crate) skipped: Vec<String>,
}

impl Totals {
    /// Reads the output of `cargo test … -- --show-output`.
    ///
    /// A test that cannot run prints a line `SKIP <test>: <why>` and returns; the harness counts it as passed, we do
    /// not. A binary that dies prints no result line: whoever ran it must look at its exit status too.
    pub(crate) fn of_tests(output: &str) -> Totals {
        let mut totals = Totals::default();
        let mut place = Place::Elsewhere;
        let mut passed_but_skipped = 0;
        for line in output.lines() {
            if let Some(result) = line.strip_prefix("test result: ") {
                totals.passed += count_before(result, " passed");
                totals.failed += count_before(result, " failed");
                let ignored = count_before(result, " ignored");
                totals.skipped.extend((0..ignored).map(|_| "ignored: by its attribute".to_owned()));
                place = Place::Elsewhere;
            } else if let Some(skip) = line.strip_prefix("SKIP ") {
                totals.skipped.push(skip.to_owned());
                passed_but_skipped += usize::from(place == Place::Passed);
            }
            place = place.after(line);
        }
        totals.passed = totals.passed.saturating_sub(passed_but_skipped);
        totals
    }

    /// Reads what `node --test --test-reporter=tap` printed. Skips are counted as in [`Totals::of_tests`].
    pub(crate) fn of_tap(output: &str, is_good: bool) -> Totals {
        let mut totals = Totals::default();
        for line in output.lines().filter_map(|line| line.trim_start().strip_prefix("# ")) {
            if let Some(skip) = line.strip_prefix("SKIP ") {
                totals.skipped.push(skip.to_owned());
            } else if let Some(passed) = line.strip_prefix("pass ") {
                totals.passed = passed.parse().unwrap_or(0);
            } else if let Some(failed) = line.strip_prefix("fail ") {
                totals.failed = failed.parse().unwrap_or(0);
            }
        }
        totals.passed = totals.passed.saturating_sub(totals.skipped.len());
        if !is_good && totals.failed == 0 {
            totals.failed = 1;
        }
        totals
    }

    /// Adds another run's.
    pub(crate) fn add(&mut self, other: Totals) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped.extend(other.skipped);
    }

    /// The closing line.
    pub(crate) fn line(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped.len())
    }
}

/// Where in a binary's output a line stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Not among the outputs of tests that passed.
    Elsewhere,
    /// In the output of a test that passed and has printed no `SKIP` line yet.
    Passed,
    /// In the output of a test that passed and has.
    Skipped,
}

impl Place {
    fn after(self, line: &str) -> Place {
        match (self, line) {
            (_, "successes:") => Place::Passed,
            (_, "failures:") => Place::Elsewhere,
            (Place::Skipped, _) if line.starts_with("---- ") => Place::Passed,
            (Place::Passed, _) if line.starts_with("SKIP ") => Place::Skipped,
            _ => self,
        }
    }
}

/// The number that stands before a word in `ok. 3 passed; 0 failed; …`; 0 where there is none.
fn count_before(result: &str, word: &str) -> usize {
    let number = result.split(word).next().and_then(|before| before.rsplit(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
