//! Every limit of this crate. A larger input is refused by name, never truncated.

/// The most entries of one run: four segments. A report keeps about 64 bytes for each.
pub const RUN_ENTRIES_MAX: usize = 262_144;

/// The most streams of one log that a verifier keeps track of.
pub const STREAMS_MAX: usize = 1 << 20;

/// The most keys in entry 0 of a log.
pub const OPENING_KEYS_MAX: usize = 64;

/// The most keys that one log or one stream may ever name.
pub const KEYS_PER_NAME_MAX: usize = 4_096;

/// The most roots, expected and passed, that a verifier keeps.
pub const ROOTS_MAX: usize = 1 << 20;

/// The largest evidence of one entry, in bytes: an event's worth of disclosures, and some.
pub const EVIDENCE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The most entries that one result file may hold.
pub const RESULTS_ENTRIES_MAX: usize = 10_000;

/// The largest result file, in bytes.
pub const RESULTS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The longest line of an export, in bytes: every byte of the largest note as `\u00xx`, and the
/// members around it. An entry's line is shorter.
pub const EXPORT_LINE_BYTES_MAX: usize = graven_note::limits::NOTE_BYTES_MAX * 6 + 128;
