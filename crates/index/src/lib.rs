//! The index: search over a log's entries, all of it derived from the log, deletable and the same again after replay.
//!
//! ```text
//! query (text -> tree)     one grammar for command line, HTTP and user interface
//! doc (entry -> facts)     one reading of entries for the index and the evaluator
//! ```

pub mod limits;
pub mod query;

mod doc;
mod words;

pub use doc::Doc;

#[cfg(test)]
mod tests;
