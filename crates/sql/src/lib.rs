//! Columns and SQL over a log: derived from it, deletable, read-only.
//!
//! ```text
//! EntrySource (a log)
//!   → Columns: rows of `events` and `changes`; a Parquet file of each for a segment, the newest in memory    one follower
//!   → Snapshot: files and tail of one moment
//!   → Engine: tables over it, each row past the reader's RowFilter first; limits; an Answer                  many queries
//! ```
//!
//! ADR 0011 has the reasons, `docs/sql.md` the tables, `docs/format.md` what lies on the disk.

pub mod limits;

mod answer;
mod columns;
mod engine;
mod entries;
mod error;
mod failure;
mod filter;
mod grouping;
mod lake;
mod made;
mod manifest;
mod numbers;
mod parquet_file;
mod pauses;
mod pg;
mod provider;
mod row;
mod scope;
mod source;
mod statement;
mod table;

pub use answer::{Answer, Column};
pub use columns::Columns;
pub use engine::{Engine, Limits, Question};
pub use error::{LakeError, Position, QueryError};
pub use filter::{RowAbout, RowFilter};
pub use pg::{PG_SERVER_VERSION, PgAsked, PgParameters, PgPrepared, PgRows, PgStatement};
pub use source::{EntrySource, SourceError, StreamNow};

#[cfg(test)]
mod tests;
