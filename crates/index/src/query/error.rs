//! Why a query is refused: where, what was found there, and what was perhaps meant.

use std::fmt;

/// A query that cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// Which code it is answered with.
    pub kind: QueryErrorKind,
    /// The character where the trouble is, from 1; 0 where it is the query as a whole.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What was perhaps meant, to be put in the place of what was found.
    pub suggestion: Option<String>,
}

/// The two ways in which a query can be refused, each a stable code of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryErrorKind {
    /// Not the query language, or a value of the wrong type.
    Bad,
    /// Over a limit.
    Limit,
}

impl QueryError {
    pub(crate) fn bad(column: usize, message: impl Into<String>) -> QueryError {
        let kind = QueryErrorKind::Bad;
        QueryError { kind, column, message: message.into(), suggestion: None }
    }

    pub(crate) fn limit(column: usize, message: impl Into<String>) -> QueryError {
        let kind = QueryErrorKind::Limit;
        QueryError { kind, column, message: message.into(), suggestion: None }
    }

    pub(crate) fn suggest(self, suggestion: impl Into<String>) -> QueryError {
        QueryError { suggestion: Some(suggestion.into()), ..self }
    }

    /// `bad_query` or `query_limit`.
    pub fn code(&self) -> &'static str {
        match self.kind {
            QueryErrorKind::Bad => "bad_query",
            QueryErrorKind::Limit => "query_limit",
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.column > 0 {
            write!(f, "column {}: ", self.column)?;
        }
        f.write_str(&self.message)?;
        self.suggestion.as_ref().map_or(Ok(()), |meant| write!(f, "; did you mean `{meant}`?"))
    }
}

impl std::error::Error for QueryError {}
