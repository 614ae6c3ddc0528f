//! Progress of long work, on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// A bar with count, rate and remaining time; nothing where nobody looks.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

/// Redraws a second: enough to look alive, too few to cost.
const DRAWS_PER_S: u8 = 10;

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

impl Drop for Progress {
    /// An error on its way out must not leave half a bar behind.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
