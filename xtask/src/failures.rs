//! What the tests that failed have said, read from the test binaries' own output.
//!
//! Whoever reads a failed run elsewhere has its printed lines and nothing else: the reason must be among them.

use crate::limits::{FAILURE_LINES_MAX, FAILURES_SHOWN_MAX};

/// The lines to print for the tests that failed: each one's name and the end of what it said, without its backtrace.
pub(crate) fn of_tests(output: &str) -> Vec<String> {
    let failed: Vec<&str> = output.lines().filter_map(failed_test).collect();
    let mut lines = Vec::new();
    for name in failed.iter().take(FAILURES_SHOWN_MAX) {
        lines.push(format!("test {name} FAILED:"));
        let said = said_by(output, name);
        let from = said.len().saturating_sub(FAILURE_LINES_MAX);
        lines.extend(said[from..].iter().map(|line| format!("  | {line}")));
    }
    if failed.len() > FAILURES_SHOWN_MAX {
        lines.push(format!("and {} more tests FAILED", failed.len() - FAILURES_SHOWN_MAX));
    }
    lines
}

/// The test that the harness says here failed. Other output may stand before it on the line.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

/// What a test printed, as the harness gives it at the end: from its heading to the next one or the list of names.
fn said_by<'a>(output: &'a str, name: &str) -> Vec<&'a str> {
    let heading = format!("---- {name} stdout ----");
    let after = output.lines().skip_while(|line| *line != heading).skip(1);
    let own = after.take_while(|line| !is_heading(line) && *line != "failures:");
    own.filter(|line| !line.trim().is_empty() && !is_of_backtrace(line)).collect()
}

fn is_heading(line: &str) -> bool {
    line.starts_with("---- ") && line.ends_with(" stdout ----")
}

/// A line of a backtrace: `   1: core::panicking::panic_fmt`, `             at src/…`, and what goes with it.
fn is_of_backtrace(line: &str) -> bool {
    let text = line.trim_start();
    let is_frame = text.split_once(": ").is_some_and(|(number, _)| {
        line.starts_with(' ') && number.bytes().all(|b| b.is_ascii_digit())
    });
    is_frame || text.starts_with("at ") || text == "stack backtrace:" || text.starts_with("note: ")
}

#[cfg(test)]
mod tests;
