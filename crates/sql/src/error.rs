//! What can go wrong, for the owner of the columns and for who asks.

use std::io;

use datafusion::arrow::error::ArrowError;
use graven_merkle::{LeafIndex, TreeSize};
use parquet::errors::ParquetError;

use crate::source::SourceError;

/// What a statement that does not read is told.
const READ_ONLY: &str =
    "the log is read-only: write SELECT, WITH, EXPLAIN, DESCRIBE, SHOW TABLES or SHOW COLUMNS";

/// Why the columns of a log cannot be opened or go on. The log itself is not touched by any of it.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// They are another log's.
    #[error("the columns are of {found}, the log is {origin}; delete {dir} to have them made anew")]
    Origin {
        /// Whose they are.
        found: String,
        /// Whose they should be.
        origin: String,
        /// Where they lie.
        dir: String,
    },
    /// Another version wrote them.
    #[error(
        "the columns are of the format {found}, this version writes {wanted}; delete {dir} to have them made anew"
    )]
    Format {
        /// What is there.
        found: String,
        /// What this version writes.
        wanted: &'static str,
        /// Where they lie.
        dir: String,
    },
    /// They hold entries that the log does not have.
    #[error(
        "the columns go to entry {covered}, the log has {size} entries, or others; delete {dir} to have them made anew"
    )]
    Foreign {
        /// How far they go.
        covered: u64,
        /// How far the log goes.
        size: TreeSize,
        /// Where they lie.
        dir: String,
    },
    /// An entry came out of order.
    #[error("entry {found} follows where {wanted} is next; entries are taken in by index")]
    Order {
        /// What came.
        found: LeafIndex,
        /// What should have.
        wanted: LeafIndex,
    },
    /// The log could not be read.
    #[error("the columns cannot follow the log")]
    Source(#[from] SourceError),
    /// A file could not be written or read. What was being written is written anew at the next try.
    #[error("the columns' files cannot be used")]
    Disk(#[from] io::Error),
    /// Rows could not become columns.
    #[error("rows cannot be put into columns")]
    Arrow(#[from] ArrowError),
    /// Columns could not become a file.
    #[error("columns cannot be written as Parquet")]
    Parquet(#[from] ParquetError),
    /// The query engine does not start.
    #[error("the query engine does not start: {0}")]
    Engine(String),
}

/// A place in a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: u64,
    /// In characters, from 1.
    pub column: u64,
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The statement is not one that is answered. Code `bad_query`.
    #[error("{detail}{}", at(.position.as_ref()))]
    Bad {
        /// What is wrong, and what to do.
        detail: String,
        /// Where, if that is known.
        position: Option<Position>,
    },
    /// The statement does more than read. Code `bad_query`.
    #[error("{READ_ONLY}")]
    ReadOnly,
    /// It needs more than it may. Code `query_limit`.
    #[error("{0}")]
    Limit(String),
    /// Others run already. Code `busy`.
    #[error("{0}")]
    Busy(String),
    /// Not the statement's fault: the columns or the log could not be read. Code `unavailable`.
    #[error("{0}")]
    Unavailable(String),
}

impl LakeError {
    /// Whether what lies there cannot become this log's columns: it has to go before they can be made.
    pub fn is_foreign(&self) -> bool {
        matches!(
            self,
            LakeError::Origin { .. } | LakeError::Format { .. } | LakeError::Foreign { .. }
        )
    }
}

impl QueryError {
    /// The stable code of design §8.
    pub fn code(&self) -> &'static str {
        match self {
            QueryError::Bad { .. } | QueryError::ReadOnly => "bad_query",
            QueryError::Limit(_) => "query_limit",
            QueryError::Busy(_) => "busy",
            QueryError::Unavailable(_) => "unavailable",
        }
    }

    pub(crate) fn bad(detail: impl Into<String>) -> QueryError {
        QueryError::Bad { detail: detail.into(), position: None }
    }
}

fn at(position: Option<&Position>) -> String {
    position.map_or_else(String::new, |at| format!(" (line {}, column {})", at.line, at.column))
}
