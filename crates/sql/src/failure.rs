//! The query engine's errors, as an asker's.

use datafusion::common::DataFusionError;

use crate::error::{Position, QueryError};
use crate::limits::ERROR_BYTES_MAX;
use crate::source::SourceError;

/// How the error of a statement begins that is not SQL.
pub(crate) const NOT_READ: &str = "the statement cannot be read: ";

/// What an error of the engine is to who asked.
pub(crate) fn explain(error: &DataFusionError) -> QueryError {
    let position = error
        .diagnostic()
        .and_then(|diagnostic| diagnostic.span)
        .filter(|span| span.start.line > 0)
        .map(|span| Position { line: span.start.line, column: span.start.column });
    let root = error.find_root();
    let text = cut(plain(root));
    match root {
        DataFusionError::SQL(_, _) => not_parsed(&text),
        DataFusionError::ResourcesExhausted(_) => QueryError::Limit(format!(
            "the query needs more memory than it may ({text}); ask for a range of index or time, or for fewer groups"
        )),
        DataFusionError::External(cause) => match cause.downcast_ref::<QueryError>() {
            Some(ours) => ours.clone(),
            None if cause.is::<SourceError>() => QueryError::Unavailable(text),
            None => QueryError::Bad { detail: text, position },
        },
        DataFusionError::ParquetError(_)
        | DataFusionError::IoError(_)
        | DataFusionError::ObjectStore(_) => QueryError::Unavailable(format!(
            "the columns of this log cannot be read ({text}); they are made anew when they are opened again"
        )),
        DataFusionError::ExecutionJoin(_) => {
            QueryError::bad(format!("the engine gave up on this query: {text}"))
        }
        _ => QueryError::Bad { detail: text, position },
    }
}

/// A statement that is not SQL. The parser says the place in words.
pub(crate) fn not_parsed(text: &str) -> QueryError {
    let (what, place) = text.split_once(" at Line: ").unwrap_or((text, ""));
    let position = place.split_once(", Column: ").and_then(|(line, column)| {
        let digits = column.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        Some(Position { line: line.parse().ok()?, column: digits.parse().ok()? })
    });
    if text.contains("recursion limit") {
        let detail =
            "the statement is nested too deep; write inner queries as WITH, and fewer brackets";
        return QueryError::Limit(detail.to_owned());
    }
    QueryError::Bad { detail: format!("{NOT_READ}{what}"), position }
}

/// An error's text, without what the engine's layers put around it.
fn plain(error: &DataFusionError) -> String {
    let text = match error {
        DataFusionError::SQL(error, _) => error.to_string(),
        error => error.strip_backtrace(),
    };
    let known = [
        "sql parser error: ",
        "Error during planning: ",
        "Execution error: ",
        "Arrow error: ",
        "Schema error: ",
        "Resources exhausted: ",
        "External error: ",
        "This feature is not implemented: ",
    ];
    let text = known
        .iter()
        .fold(text.as_str(), |text, known| text.strip_prefix(known).unwrap_or(text).trim_start());
    text.to_owned()
}

/// The text up to a limit.
fn cut(mut text: String) -> String {
    if text.len() > ERROR_BYTES_MAX {
        let end = (0..=ERROR_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
        text.push_str("...");
    }
    text
}
