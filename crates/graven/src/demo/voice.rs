//! What the demo says: words on standard error, coloured on a terminal; with `--json` lines of JSON on standard output instead.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::failure::Failure;
use crate::output::{Output, visible};

const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const GREEN: &str = "\u{1b}[1;32m";
const RED: &str = "\u{1b}[1;31m";
const CYAN: &str = "\u{1b}[36m";
const RESET: &str = "\u{1b}[0m";

/// Width of the labels in front of lines, and of the text behind them.
const LABEL_WIDTH: usize = 11;
const TEXT_WIDTH: usize = 100;

/// The demo's voice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voice {
    out: Output,
    has_colours: bool,
}

impl Voice {
    pub(super) fn new(out: Output) -> Voice {
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Voice { out, has_colours: io::stderr().is_terminal() && !is_plain }
    }

    /// A heading.
    pub(super) fn title(self, text: &str) {
        self.write(&format!("\n{}", self.paint(BOLD, text)));
    }

    /// A sentence.
    pub(super) fn say(self, text: &str) {
        self.write(&format!("  {}", visible(text)));
    }

    /// A labelled line.
    pub(super) fn fact(self, label: &str, text: &str) {
        self.labelled(label, DIM, text);
    }

    /// A command that can be typed.
    pub(super) fn command(self, command: &str) {
        self.write(&format!("    {}", self.paint(CYAN, command)));
    }

    /// What a check has come to.
    pub(super) fn result(self, is_as_claimed: bool, word: &str, text: &str) {
        let colour = if is_as_claimed { GREEN } else { RED };
        self.labelled(word, colour, text);
    }

    /// A line of data, where data is asked for.
    pub(super) fn json(self, value: &Value) -> Result<(), Failure> {
        if self.out.json { self.out.json(value) } else { Ok(()) }
    }

    fn labelled(self, label: &str, colour: &str, text: &str) {
        let label = self.paint(colour, &format!("{label:LABEL_WIDTH$}"));
        let indent = format!("\n  {:LABEL_WIDTH$} ", "");
        self.write(&format!("  {label} {}", wrapped(&visible(text)).join(&indent)));
    }

    fn paint(self, colour: &str, text: &str) -> String {
        let text = visible(text);
        if self.has_colours { format!("{colour}{text}{RESET}") } else { text.into_owned() }
    }

    /// Where standard error is gone there is nobody left to tell.
    fn write(self, line: &str) {
        if !self.out.json {
            drop(writeln!(io::stderr().lock(), "{line}"));
        }
    }
}

/// A number with its thousands apart.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A text in lines, broken between words.
pub(super) fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("it begins with a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= TEXT_WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
