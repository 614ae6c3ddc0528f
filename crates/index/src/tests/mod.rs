//! Tests of the index.

mod agree;
mod follow;
mod made;
mod meaning;
mod pool;
mod query;
mod source;
mod state;
mod walk;
