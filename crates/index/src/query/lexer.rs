//! The characters of a query, one after the other, with their columns.

use super::error::QueryError;
use super::glob::Glob;

/// What ends a bare value: it may hold `:` and `=`, as addresses, times and ids do.
pub(super) fn ends_value(character: char) -> bool {
    character.is_whitespace() || matches!(character, '(' | ')' | '"')
}

/// A place in a query.
#[derive(Clone)]
pub(super) struct Lexer<'a> {
    rest: std::str::Chars<'a>,
    /// The column of the next character, from 1.
    pub(super) column: usize,
}

/// A run of characters outside of quotes.
pub(super) struct Bare {
    /// As it stands, with its backslashes.
    pub(super) raw: String,
    /// What it means.
    pub(super) glob: Glob,
    pub(super) has_escape: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { rest: text.chars(), column: 1 }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.rest.next()?;
        self.column += 1;
        Some(next)
    }

    /// Moves over `character` if it is next.
    pub(super) fn take(&mut self, character: char) -> bool {
        let is_next = self.peek() == Some(character);
        if is_next {
            self.next();
        }
        is_next
    }

    pub(super) fn skip_white(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next();
        }
    }

    /// Moves over a word of the language if it is next and nothing hangs on to it.
    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let Some(after) = self.rest.as_str().strip_prefix(keyword) else { return false };
        let is_alone =
            after.chars().next().is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')' | '"'));
        if is_alone {
            self.rest = after.chars();
            self.column += keyword.chars().count();
        }
        is_alone
    }

    /// What is next, for a message.
    pub(super) fn found(&self) -> String {
        let word: String = self.rest.clone().take_while(|c| !c.is_whitespace()).take(40).collect();
        if word.is_empty() { "the end".to_owned() } else { format!("`{word}`") }
    }

    /// A text in quotes, whose opening quote is next.
    pub(super) fn quoted(&mut self) -> Result<String, QueryError> {
        let column = self.column;
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.extend(self.next()),
                Some(character) => text.push(character),
                None => return Err(QueryError::bad(column, "the quote is never closed; add `\"`")),
            }
        }
    }

    /// Characters up to one that ends them or the end.
    pub(super) fn bare(&mut self, ends: fn(char) -> bool) -> Result<Bare, QueryError> {
        let mut bare = Bare { raw: String::new(), glob: Glob::new(), has_escape: false };
        while let Some(character) = self.peek().filter(|c| !ends(*c)) {
            let column = self.column;
            self.next();
            bare.raw.push(character);
            match character {
                '*' => bare.glob.push_run(),
                '?' => bare.glob.push_one(),
                '\\' => {
                    let message = "a backslash stands before nothing; write `\\\\` for one";
                    let escaped = self.next().ok_or_else(|| QueryError::bad(column, message))?;
                    bare.raw.push(escaped);
                    bare.glob.push_char(escaped);
                    bare.has_escape = true;
                }
                other => bare.glob.push_char(other),
            }
        }
        Ok(bare)
    }
}
