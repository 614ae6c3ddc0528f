//! Tests of the index.

mod made;
mod meaning;
mod query;
