//! Progress of long work, on a terminal only.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// A bar with count, rate and remaining time; nothing where nobody looks.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

/// Redraws a second: enough to look alive, too few to cost.
const DRAWS_PER_S: u8 = 10;
/// Entries for whose indexing there is a bar: fewer are done before anyone looks.
const CATCHING_ENTRIES_MIN: u64 = 20_000;

impl Progress {
    /// A bar over `total` things; `None` where the end is not known.
    pub(crate) fn new(out: Output, total: Option<u64>, unit: &str) -> Progress {
        if !out.shows_progress() {
            return Progress { bar: ProgressBar::hidden() };
        }
        let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_S);
        let bar = ProgressBar::with_draw_target(total, target);
        let template = match total {
            Some(_) => {
                format!("{{wide_bar}} {{human_pos}}/{{human_len}} {unit}  {{per_sec}}  {{eta}}")
            }
            None => format!("{{spinner}} {{human_pos}} {unit}  {{per_sec}}  {{elapsed}}"),
        };
        let style = ProgressStyle::with_template(&template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Progress { bar }
    }

    /// Things were done.
    pub(crate) fn add(&self, count: u64) {
        self.bar.inc(count);
    }

    /// Takes the bar off the terminal.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// How far behind all indexes are, as one bar while that is far: after a start that builds them anew.
pub(crate) struct Catching {
    out: Output,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Entries that each log's index lacks.
    lags: BTreeMap<String, u64>,
    /// With what it is over.
    bar: Option<(Progress, u64)>,
}

/// What becomes of the bar.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// Nothing, where there is none.
    Stay,
    /// One over so many.
    Begin(u64),
    /// So many are done.
    At(u64),
    End,
}

impl Catching {
    pub(crate) fn new(out: Output) -> Catching {
        Catching { out, state: Mutex::default() }
    }

    /// A log's index lacks so many entries.
    pub(crate) fn told(&self, log: &str, lag: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lags.insert(log.to_owned(), lag);
        let left = state.lags.values().sum();
        match turn(state.bar.as_ref().map(|(_, total)| *total), left) {
            Turn::Stay => {}
            Turn::Begin(total) => {
                state.bar = Some((Progress::new(self.out, Some(total), "entries indexed"), total));
            }
            Turn::At(done) => {
                if let Some((bar, _)) = &state.bar {
                    bar.bar.set_position(done);
                }
            }
            Turn::End => state.bar = None,
        }
    }
}

/// By what the bar is over, and what is left.
fn turn(total: Option<u64>, left: u64) -> Turn {
    match total {
        None if left < CATCHING_ENTRIES_MIN => Turn::Stay,
        None => Turn::Begin(left),
        Some(_) if left == 0 => Turn::End,
        Some(total) => Turn::At(total.saturating_sub(left)),
    }
}

impl Drop for Progress {
    /// An error on its way out must not leave half a bar behind.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests;
