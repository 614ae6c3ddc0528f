//! What is derived from a log, with a cursor that is persisted with it.

use graven_entry::Name;
use graven_merkle::{Hash, LeafIndex, TreeSize};
use log::ReadError;
use tantivy::TantivyError;

use crate::error::IndexError;

/// How far something derived is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// How many entries it has taken, from index 0 on.
    pub next: TreeSize,
    /// The leaf hash of the last of them: another history with the same origin shows by it.
    pub last: Option<Hash>,
}

impl Cursor {
    /// Nothing taken yet.
    pub const START: Cursor = Cursor { next: TreeSize(0), last: None };
}

/// What is derived from a log by a follower.
pub trait Derived: Send + 'static {
    /// The log that it is derived from.
    fn origin(&self) -> &Name;
    /// How far it is, uncommitted entries counted.
    fn cursor(&self) -> &Cursor;
    /// Takes the entry that the cursor names.
    fn take(&mut self, index: LeafIndex, entry: &[u8]) -> Result<(), DerivedError>;
    /// Makes all that was taken permanent together with the cursor, and shows it.
    fn commit(&mut self) -> Result<(), DerivedError>;
    /// Lets go of what is needed only while entries come; nothing is uncommitted.
    fn rest(&mut self) -> Result<(), DerivedError>;
    /// Goes back to the last commit, after an error.
    fn go_back(&mut self) -> Result<(), DerivedError>;
    /// Whether a reader found it damaged.
    fn is_damaged(&self) -> bool;
    /// Sets what there is aside and begins with an empty one.
    fn begin_anew(&mut self, why: &str) -> Result<(), DerivedError>;
}

/// A step that failed.
#[derive(Debug, thiserror::Error)]
pub enum DerivedError {
    /// The log cannot be read.
    #[error("an entry cannot be read")]
    Log(#[from] ReadError),
    /// An entry in the log is not an entry.
    #[error("entry {index} is malformed: {why}")]
    Entry {
        /// Which.
        index: LeafIndex,
        /// What is wrong.
        why: String,
    },
    /// The engine's files cannot be read or written.
    #[error("the index cannot be written")]
    Engine(#[from] TantivyError),
    /// The index cannot be opened.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// What is derived is no index of ours, and cannot go on.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}
