//! Every limit of the store, in one place.

/// Longest body of one frame.
pub const FRAME_BODY_BYTES_MAX: usize = 64 << 20;

/// Size of a frame's envelope on the disk.
pub const ENVELOPE_BYTES: usize = 100;

/// Size of a new journal's first file.
pub const JOURNAL_FILE_BYTES_FIRST: u64 = 2 << 20;

/// Size up to which journal files double; only a frame bigger than that gets a bigger file.
pub const JOURNAL_FILE_BYTES_MAX: u64 = 64 << 20;

/// Journal files that may wait to be reused.
pub const RELEASED_FILES_MAX: usize = 2;

/// Times that a check reads a place again that a running server may be writing.
pub const CHECK_RETRIES_MAX: u32 = 16;

/// Entries of a sealed segment.
pub const SEGMENT_ENTRIES: u32 = 65_536;

/// Bundles of one part.
pub const PART_BUNDLES_MAX: usize = 65_536;

/// Bytes of one part's file: 65,536 entries of 64 KiB that did not compress, and the index.
pub const PART_BYTES_MAX: u64 = 5 << 30;

/// Open parts, with their decoded indexes, that one store keeps for the next reader.
pub const OPEN_PARTS_MAX: usize = 128;

/// Bytes of decoded indexes that one store keeps.
pub const OPEN_PARTS_BYTES_MAX: usize = 16 << 20;

/// Bytes of a log's state or of another small file of a log.
pub const SMALL_FILE_BYTES_MAX: usize = 64 << 20;

/// Bytes of one vault object.
pub const VAULT_OBJECT_BYTES_MAX: usize = 64 << 20;

/// Least size of the reserve: with the first journal file and its spare a fresh server takes less
/// than 16 MiB.
pub const RESERVE_BYTES_DEFAULT: u64 = 8 << 20;

/// Longest format file that is read.
pub const FORMAT_BYTES_MAX: usize = 256;
