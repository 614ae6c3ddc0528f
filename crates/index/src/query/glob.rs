//! Wildcards: `*` for any run of characters, `?` for one. No expression engine, so nothing to blow up.

use std::fmt;

use super::special::push_escaped;

/// A text with wildcards in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// This character.
    Char(char),
    /// One character.
    One,
    /// Any run of characters; never two of them side by side.
    Run,
}

impl Glob {
    pub(super) fn new() -> Glob {
        Glob { parts: Vec::new() }
    }

    /// What begins with this text.
    pub fn beginning(text: &str) -> Glob {
        Glob { parts: text.chars().map(Part::Char).chain([Part::Run]).collect() }
    }

    pub(super) fn push_char(&mut self, character: char) {
        self.parts.push(Part::Char(character));
    }

    pub(super) fn push_one(&mut self) {
        self.parts.push(Part::One);
    }

    pub(super) fn push_run(&mut self) {
        if self.parts.last() != Some(&Part::Run) {
            self.parts.push(Part::Run);
        }
    }

    /// Whether it is `*`: anything.
    pub(crate) fn is_anything(&self) -> bool {
        self.parts == [Part::Run]
    }

    /// The text, if there is no wildcard in it.
    pub(super) fn literal(&self) -> Option<String> {
        let chars = self.parts.iter().map(|part| match part {
            Part::Char(character) => Some(*character),
            _ => None,
        });
        chars.collect()
    }

    /// What every match begins with.
    pub(crate) fn prefix(&self) -> String {
        let chars = self.parts.iter().map_while(|part| match part {
            Part::Char(character) => Some(*character),
            _ => None,
        });
        chars.collect()
    }

    /// Whether all of `text` is matched. Takes at most the product of both lengths.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut place = 0;
        let mut rest = text.chars();
        // Where to go on after the last run took one character more.
        let mut again: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let mut ahead = rest.clone();
            let next = ahead.next();
            match (self.parts.get(place), next) {
                (Some(Part::Run), _) => {
                    again = Some((place + 1, rest.clone()));
                    place += 1;
                    continue;
                }
                (Some(Part::Char(wanted)), Some(found)) if *wanted == found => {
                    (place, rest) = (place + 1, ahead);
                    continue;
                }
                (Some(Part::One), Some(_)) => {
                    (place, rest) = (place + 1, ahead);
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            let Some((after_run, taken)) = &mut again else { return false };
            if taken.next().is_none() {
                return false;
            }
            (place, rest) = (*after_run, taken.clone());
        }
    }

    /// The same in lower case, for words.
    pub(crate) fn to_lowercase(&self) -> Glob {
        let lower = |part: &Part| match part {
            Part::Char(character) => character.to_lowercase().map(Part::Char).collect(),
            other => vec![*other],
        };
        Glob { parts: self.parts.iter().flat_map(lower).collect() }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Char(character) => push_escaped(&mut text, *character),
                Part::One => text.push('?'),
                Part::Run => text.push('*'),
            }
        }
        f.write_str(&text)
    }
}
