//! The index: search over a log's entries, and the state of what they are about; all of it derived from the log, deletable
//! and the same again after replay.
//!
//! ```text
//! query (text -> tree)     one grammar for command line, HTTP and user interface
//! doc (entry -> facts)     one reading of entries for the index and the evaluator
//! follower (log -> facts)  in index order, the cursor committed with them
//! search (tree -> answer)  newest first, counts and facets within a reader's scope
//! walk (tree -> indexes)   oldest first
//! state (resource -> fold) its versions, its state at a time, and who last set what
//! ```

pub mod limits;
pub mod query;
pub mod state;

mod blocks;
mod compile;
mod count;
mod derived;
mod doc;
mod error;
mod follower;
mod followers;
mod index;
mod mapped;
mod marks;
mod meet;
mod packed;
mod pool;
mod queue;
mod schema;
mod search;
mod segment;
mod snapshot;
mod steady;
mod suggest;
mod terms;
mod version;
mod walk;
mod whole;
mod within;
mod words;

pub use count::{Bucket, FacetCounts, Histogram};
pub use derived::{Cursor, Derived, DerivedError};
pub use doc::Doc;
pub use error::IndexError;
pub use follower::{Follower, Growth, OnProgress, Progress, Source};
pub use followers::Followers;
pub use index::{Index, SearchWriter};
pub use schema::Facet;
pub use search::{Answer, Page, Request, SearchError, Want};
pub use suggest::Suggest;
pub use walk::{Walk, Walked};

#[cfg(test)]
mod tests;
