//! Standard output is data, standard error is everything else.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::exit::Exit;
use crate::failure::Failure;

/// Where a command writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// Whether `--json` was given.
    pub(crate) json: bool,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    has_colours: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Output {
        let stderr_is_terminal = io::stderr().is_terminal();
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Output {
            json,
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal,
            has_colours: stderr_is_terminal && !is_plain,
        }
    }

    /// Whether a progress bar has someone to look at it.
    pub(crate) fn shows_progress(self) -> bool {
        self.stderr_is_terminal && !self.json
    }

    /// Writes bytes to standard output as they are; on a terminal, with what could steer it made visible.
    pub(crate) fn data(self, bytes: &[u8]) -> Result<(), Failure> {
        if self.stdout_is_terminal {
            let text = String::from_utf8_lossy(bytes);
            return write_stdout(visible(&text).as_bytes());
        }
        write_stdout(bytes)
    }

    /// Writes one line to standard output, as [`Output::data`] does.
    pub(crate) fn line(self, line: impl Display) -> Result<(), Failure> {
        self.data(format!("{line}\n").as_bytes())
    }

    /// Writes one JSON document on one line.
    pub(crate) fn json(self, value: &Value) -> Result<(), Failure> {
        self.line(value)
    }

    /// Tells a person something, on standard error.
    pub(crate) fn note(self, text: impl Display) {
        write_stderr(&self.told(&text.to_string()));
    }

    /// Tells a person that something needs attention, on standard error.
    pub(crate) fn warn(self, text: impl Display) {
        let text = text.to_string();
        write_stderr(&format!("{} {}", self.paint("warning:", YELLOW), self.told(&text)));
    }

    /// Tells why a command failed, on standard error.
    pub(crate) fn failure(self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        let colour = if failure.exit == Exit::Good { YELLOW } else { RED };
        write_stderr(&format!("{} {}", self.paint("error:", colour), self.told(&failure.message)));
        if let Some(hint) = &failure.hint {
            write_stderr(&format!("  {}", self.told(hint)));
        }
    }

    /// Text as standard error takes it: what could steer a terminal is made visible on one.
    fn told(self, text: &str) -> Cow<'_, str> {
        if self.stderr_is_terminal { visible(text) } else { Cow::Borrowed(text) }
    }

    fn paint(self, word: &str, colour: &str) -> String {
        if self.has_colours { format!("{colour}{word}{RESET}") } else { word.to_owned() }
    }
}

const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[1;33m";
const RESET: &str = "\u{1b}[0m";

/// Text in which every character that could steer a terminal or turn the reading direction is made visible;
/// line feeds and tabs stay.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if steers(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

fn steers(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' => true,
        _ => character.is_control(),
    }
}

/// A reader that went away (`| head`) has what it wanted: the command ends well and in silence.
fn write_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Good, ""))
        }
        Err(error) => Err(Failure::new(
            Exit::Unreachable,
            format!("cannot write to standard output: {error}"),
        )),
        Ok(()) => Ok(()),
    }
}

/// Where standard error is gone there is nobody left to tell.
fn write_stderr(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

#[cfg(test)]
mod tests;
