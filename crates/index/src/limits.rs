//! Every limit of the index in one place. Each says what happens beyond it.

/// Bytes of a query's text; longer ones are refused (`query_limit`).
pub const QUERY_BYTES_MAX: usize = 16 * 1024;
/// Terms of a query; more are refused (`query_limit`).
pub const QUERY_TERMS_MAX: usize = 1_024;
/// Brackets that may be open at once in a query; more are refused (`query_limit`).
pub const QUERY_DEPTH_MAX: usize = 32;
/// Different values that one wildcard may stand for in an index; over it the query is refused (`query_limit`).
pub const WILDCARD_VALUES_MAX: usize = 65_536;
/// Values of a field that are looked at to find those that a wildcard stands for; over it the query is refused
/// (`query_limit`). Only values that begin with what stands before the wildcard are looked at.
pub const WILDCARD_SCAN_MAX: usize = 2_000_000;

/// Bytes of a string by which it is found as a whole: what is longer is cut there, in entries and in queries.
pub const VALUE_BYTES_MAX: usize = 256;
/// Bytes of a word of free text; what is longer is cut there, in entries and in queries.
pub const WORD_BYTES_MAX: usize = 64;
/// Objects and arrays inside each other that are looked into; no event has more (`graven_entry::limits::DEPTH_MAX`).
pub const WALK_DEPTH_MAX: usize = graven_entry::limits::DEPTH_MAX;

/// Threads that follow logs, however many there are.
pub const FOLLOWER_THREADS: usize = 2;
/// Followers that may hold threads and memory of the engine at once, beside those that are being stepped; over it each commits
/// and lets go of them after every batch.
pub const FOLLOWERS_AWAKE_MAX: usize = 8;
/// Entries that a follower takes before others get their turn.
pub const BATCH_ENTRIES: u64 = 1_024;
/// Entries taken before a commit that is not for lag's sake: a rebuild writes segments of this size.
pub const COMMIT_ENTRIES_MAX: usize = 200_000;
/// Milliseconds for which an entry may be taken and not committed while others keep coming.
pub const COMMIT_MS_MAX: u64 = 2_000;
/// Milliseconds between commits of a follower that has caught up: the lag that a reader sees at low load.
pub const COMMIT_IDLE_MS: u64 = 100;
/// Milliseconds without an entry after which a follower gives its threads and memory back.
pub const REST_AFTER_MS: u64 = 5_000;
/// Milliseconds after which a follower that failed tries again.
pub const RETRY_AFTER_MS: u64 = 5_000;
/// Milliseconds after which a follower that panicked begins again; twice as long after each further panic without a commit
/// in between, ...
pub const PANIC_RETRY_MS: u64 = 100;
/// ... up to this: five minutes.
pub const PANIC_RETRY_MS_MAX: u64 = 300_000;
/// Bytes of memory for documents that are not written yet; beyond them a segment is written.
pub const WRITER_HEAP_BYTES: usize = 128 * 1024 * 1024;
/// Documents that wait for the engine; a follower that has made so many waits for it, ...
pub const QUEUE_DOCUMENTS: usize = 512;
/// ... by so many milliseconds for each at most. Then it gives the engine one more all the same: one that writes a segment takes it later,
/// one that has broken refuses it and says why, and none holds more than the 10,000 of its own queue.
pub const QUEUE_WAIT_MS: u64 = 1_000;
/// Bytes written to an index after which the pages of its mapped files are let go of: a merge reads about as much as it writes.
pub const MAPPED_WRITTEN_BYTES: usize = 16 * 1024 * 1024;
/// Threads that merge segments of one index.
pub const MERGE_THREADS: usize = 1;

/// Matches of one page; a request for more gets so many, and where to go on.
pub const SEARCH_LIMIT_MAX: usize = 10_000;
/// Values of a facet that are named; how many others there are, and in how many entries, is said.
pub const FACET_VALUES_MAX: usize = 20;
/// Buckets of a histogram; the interval grows until they suffice.
pub const HISTOGRAM_BUCKETS_MAX: usize = 100;
/// Bytes of what is kept of an index's whole segments, so that facets and histogram of everything are not counted again; what was
/// not asked for goes first.
pub const WHOLE_COUNTS_BYTES: u64 = 16 * 1024 * 1024;
/// Threads that count facets and histograms in large segments, of all requests together; less on fewer cores. What comes while they
/// are busy waits for them.
pub const COUNT_THREADS_MAX: usize = 8;
/// Documents of a segment that one of these threads takes at once; a segment that has no more is counted without them.
pub const COUNT_STRETCH_DOCS: u32 = 32_768;
/// Completions of one request.
pub const SUGGESTIONS_MAX: usize = 20;
/// Terms of a segment that are looked at for completions, where all may be seen: more than enough of the first in order.
pub const SUGGEST_SCAN: usize = 1_000;
/// The same of a reader who may not see all of them, and so perhaps none; where they do not suffice, more has to be typed
/// (`query_limit`).
pub const SUGGEST_SCAN_MAX: usize = 65_536;
/// Values of a wildcard that are read side by side; more are first collected, which costs the same for one match as for all.
pub const UNION_TERMS_MAX: usize = 64;

/// Entries of a resource that are read at once for its state.
pub const STATE_READ_ENTRIES: usize = 256;
/// Different fields that the entries of a resource may touch, those counted that are gone again; over it there is no state
/// (`query_limit`).
pub const STATE_TOUCHED_MAX: usize = 65_536;
/// Fields of a resource's state, in one stretch those counted that it takes away; over it there is no state (`query_limit`).
pub const STATE_FIELDS_MAX: usize = 4_096;
/// Bytes of the names and values of a state's fields; over it there is none (`query_limit`).
pub const STATE_BYTES_MAX: usize = 4 * 1024 * 1024;
