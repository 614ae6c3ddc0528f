//! Every limit of the index in one place. Each says what happens beyond it.

/// Bytes of a query's text; longer ones are refused (`query_limit`).
pub const QUERY_BYTES_MAX: usize = 16 * 1024;
/// Terms of a query, those that stand for a pseudonym counted; more are refused (`query_limit`).
pub const QUERY_TERMS_MAX: usize = 1_024;
/// Brackets that may be open at once in a query; more are refused (`query_limit`).
pub const QUERY_DEPTH_MAX: usize = 32;

/// Bytes of a string by which it is found as a whole: what is longer is cut there, in entries and in queries.
pub const VALUE_BYTES_MAX: usize = 256;
/// Bytes of a word of free text; what is longer is cut there, in entries and in queries.
pub const WORD_BYTES_MAX: usize = 64;
/// Objects and arrays inside each other that are looked into; no event has more (`graven_entry::limits::DEPTH_MAX`).
pub const WALK_DEPTH_MAX: usize = graven_entry::limits::DEPTH_MAX;
