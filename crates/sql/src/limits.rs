//! The limits of this crate.

use std::time::Duration;

/// Entries of one Parquet file and of one segment of the log.
pub const SEGMENT_ENTRIES: u64 = 65_536;
/// Bytes of cells in memory at which the tail becomes a file before its segment is full.
pub const TAIL_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of cells that a log to which nothing comes keeps in memory: more become files, so that many logs cost little. A segment
/// then has several.
pub const REST_TAIL_BYTES_MAX: usize = 1024 * 1024;
/// Entries read from the log at a time where a file is made anew.
pub const READ_ENTRIES: usize = 1_024;
/// Longest manifest that is read: a thousand million entries take a tenth of it.
pub const MANIFEST_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Rows of a page in a Parquet file: what an index on the page level can leave out.
pub const PAGE_ROWS: usize = 8_192;

/// Longest statement, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 64 * 1024;
/// Words, names, literals and signs of a statement. Planning goes as deep as a chain of operators is long, takes time by the
/// square of it, and cannot be interrupted.
pub const STATEMENT_TOKENS_MAX: usize = 2_048;
/// Brackets, subqueries and operators before an operand that stand in each other.
pub const STATEMENT_NESTING_MAX: usize = 50;
/// Time that a query may take, unless its caller says otherwise.
pub const QUERY_TIME: Duration = Duration::from_secs(30);
/// Memory that a query's hash tables, sorts and joins may take.
pub const QUERY_MEMORY_BYTES: usize = 256 * 1024 * 1024;
/// Rows of an answer.
pub const ANSWER_ROWS_MAX: usize = 10_000;
/// Bytes of an answer's values as text.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Queries that run at once in one engine; further ones are refused.
pub const QUERIES_AT_ONCE: usize = 8;
/// Threads of one engine, where the machine has as many.
pub const QUERY_THREADS_MAX: usize = 8;
/// Stack of each: planning walks a statement's tree by recursion, [`STATEMENT_TOKENS_MAX`] deep at most.
pub const QUERY_STACK_BYTES: usize = 128 * 1024 * 1024;
/// How long a caller waits beyond a query's time for it to stop by itself.
pub const QUERY_STOP_WAIT: Duration = Duration::from_millis(500);
/// Bytes of an error's text.
pub const ERROR_BYTES_MAX: usize = 2_000;

/// Entries of one batch of the table `entries`: a bundle of the log.
pub const ENTRIES_BATCH: usize = 256;
/// Streams read from the log at a time.
pub const STREAMS_PAGE: usize = 1_000;
/// Streams that the table `streams` shows.
pub const STREAMS_MAX: usize = 1_000_000;
