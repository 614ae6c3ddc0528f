//! Words of free text: runs of letters and digits, in lower case. Index, queries and the evaluator share this.

use std::borrow::Cow;

use crate::limits::WORD_BYTES_MAX;

/// Keys whose strings are free text even where they are one word.
const TEXT_KEYS: [&str; 9] =
    ["comment", "description", "message", "name", "note", "reason", "summary", "text", "title"];

/// Whether a string at this path is free text.
pub(crate) fn is_text(path: &str, value: &str) -> bool {
    let key = path.rsplit('.').next().unwrap_or_default();
    TEXT_KEYS.contains(&key) || value.contains(char::is_whitespace)
}

/// The words of a text in order.
pub(crate) fn words(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(|word| {
        let word = cut(word, WORD_BYTES_MAX);
        if word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
            Cow::Borrowed(word)
        } else {
            Cow::Owned(word.to_lowercase())
        }
    })
}

/// The text up to the last whole character within `max_bytes`.
pub(crate) fn cut(text: &str, max_bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(max_bytes)).unwrap_or(text)
}
