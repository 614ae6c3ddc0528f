//! Tests of the index.

mod agree;
mod blocks;
mod count;
mod follow;
mod made;
mod mapped;
mod meaning;
mod meet;
mod narrow;
mod packed;
mod pool;
mod query;
mod queue;
mod segment;
mod source;
mod state;
mod terms;
mod walk;
