//! What an error says, with what caused it.

use std::error::Error;

/// An error and its causes in one line, outermost first, each after a colon. A cause that the words
/// before it end with already is not said again.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests;
