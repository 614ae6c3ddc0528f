//! What can be wrong with a search index.

use std::path::PathBuf;

use tantivy::TantivyError;

/// An index that cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The folder cannot be used.
    #[error("cannot use the folder {path}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The engine cannot read or write its files.
    #[error("the search index cannot be used")]
    Engine(#[from] TantivyError),
    /// A file of the index is not what was written. It is being rebuilt.
    #[error("the search index is damaged and is being rebuilt from the log; try again later")]
    Damaged,
}
