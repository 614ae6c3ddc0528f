//! Every limit of the log in one place. Each says what happens beyond it.

use std::time::Duration;
use store::limits::RESERVE_BYTES_DEFAULT;

/// Entries in a sealed segment (design §5).
pub const SEGMENT_ENTRIES: u64 = 65_536;
/// Entries in a bundle (C2SP tlog-tiles).
pub const BUNDLE_ENTRIES: u64 = 256;

/// Most logs in one cell; more are refused with `busy`.
pub const LOGS_MAX: usize = 10_000;
/// Signing keys that are remembered between starts in one process, where that is asked for; others are made anew.
pub(crate) const READY_KEYS_MAX: usize = 16;
/// Most streams in one log; a new one beyond is refused with `busy`.
pub const STREAMS_PER_LOG_MAX: usize = 100_000;
/// Most keys that one stream or one log ever had; another is refused with `busy`.
pub const KEYS_PER_NAME_MAX: usize = 64;
/// Identities (writer and id, or stream and `seq`) remembered by a cell; the oldest is forgotten first.
pub const IDENTITIES_MAX: usize = 1 << 18;

/// Bytes that a queued event is charged beyond its own, for header, hashes and bookkeeping.
pub(crate) const EVENT_OVERHEAD_BYTES: usize = 512;
/// Bytes that a batch is charged at most, with its encrypted disclosures: it has to fit a frame beside a full one.
pub(crate) const SEALED_BATCH_BYTES_MAX: usize = 40 * 1024 * 1024;
/// How full a vault object gets before the next entry's sidecars begin another; one entry's may still go in.
pub(crate) const OBJECT_BYTES_TARGET: usize = if cfg!(test) { 1_000 } else { 4 * 1024 * 1024 };
/// How full a frame's body gets before the next frame is begun; one more batch may still go in.
pub(crate) const FRAME_BODY_TARGET_BYTES: usize = 8 * 1024 * 1024;
/// Messages that the commit thread handles before it looks whether a flush has returned: the journal must not wait for
/// a long queue to be numbered.
pub(crate) const WORK_BETWEEN_LOOKS: usize = 128;
/// Events that wake the commit thread while the journal is busy. Fewer wait for the flush to return: numbering them then
/// takes less than waking a thread for each.
pub(crate) const EVENTS_WORTH_WAKING: usize = 32;
/// Bytes of free frame buffers that a cell keeps; more are given back to the system.
pub(crate) const FRAME_POOL_BYTES_MAX: usize = 24 * 1024 * 1024;
/// Size of the journal file that a full disk's reserve makes room for: half of it, as a start needs as much again.
pub(crate) const SPARE_OF_RESERVE_BYTES: u64 = RESERVE_BYTES_DEFAULT / 2;
/// Most logs in one frame.
pub(crate) const FRAME_LOGS_MAX: usize = 4_096;
/// An idle journal vouches for its last frame after this time (design §5 asks for 10 ms).
pub(crate) const SEAL_AFTER_IDLE: Duration = Duration::from_millis(8);
/// How long a published checkpoint is served before a newer one is signed.
pub(crate) const PUBLISH_EVERY_NS: u64 = 1_000_000_000;
/// The clock may run ahead of the boot-time clock by at most this much between two readings: one day.
pub(crate) const CLOCK_STEP_MAX_NS: u64 = 86_400 * 1_000_000_000;
/// At start the clock may differ from the last entry's time by at most this much: 400 days.
pub(crate) const CLOCK_START_MAX_NS: u64 = 400 * CLOCK_STEP_MAX_NS;
/// How long the kernel's word on the clock is believed before it is asked again.
pub(crate) const CLOCK_STATE_NS: u64 = 100_000_000;
/// Bytes of decoded bundles kept for reading.
pub(crate) const BUNDLE_CACHE_BYTES: u64 = 48 * 1024 * 1024;
/// Bytes of hash tiles kept for reading.
pub(crate) const TILE_CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// zstd level of bundles: 1 is both the fastest and smaller than 3, by the measurements in ADR 0003.
pub(crate) const ZSTD_LEVEL: i32 = 1;
/// Longest text of an own entry's free field such as a reason.
pub(crate) const REASON_BYTES_MAX: usize = 1_024;
/// Logs named in one `graven.roots` entry, so that it stays under the event limit.
pub(crate) const ROOTS_PER_ENTRY: usize = 96;
/// Forks of streams recorded as entries, for each log between two starts; later ones are only counted.
pub(crate) const FORKS_RECORDED_MAX: u64 = 1_024;

/// The limits that an operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellLimits {
    /// Bytes waiting in the queues of the whole cell; over that `busy`.
    pub queue_bytes: usize,
    /// Events waiting in the queues of the whole cell; over that `busy`.
    pub queue_events: usize,
    /// Bytes waiting in one log's queue.
    pub log_queue_bytes: usize,
    /// Events waiting in one log's queue.
    pub log_queue_events: usize,
    /// Bytes waiting from one writer.
    pub writer_queue_bytes: usize,
    /// Events waiting from one writer.
    pub writer_queue_events: usize,
    /// The journal is unloaded into segments when it holds this many bytes; when it holds half of them, at the end of a
    /// segment.
    pub journal_unload_bytes: u64,
    /// The journal holds at most this many bytes; over that `busy` until it was unloaded.
    pub journal_max_bytes: u64,
    /// Appends are refused with `disk_full` when less than this is free, reads go on.
    pub disk_reserve_bytes: u64,
    /// On a full disk the server records accesses while the journal takes at least this many bytes without new space; appends
    /// leave twice as much.
    pub own_room_bytes: u64,
    /// Threads that sign checkpoints and answer producers.
    pub signer_threads: usize,
    /// Logs that are unloaded at the same time.
    pub unload_threads: usize,
}

impl Default for CellLimits {
    fn default() -> Self {
        CellLimits {
            queue_bytes: 96 * 1024 * 1024,
            queue_events: 262_144,
            log_queue_bytes: 64 * 1024 * 1024,
            log_queue_events: 131_072,
            writer_queue_bytes: 48 * 1024 * 1024,
            writer_queue_events: 65_536,
            journal_unload_bytes: 96 * 1024 * 1024,
            journal_max_bytes: 256 * 1024 * 1024,
            disk_reserve_bytes: 16 * 1024 * 1024,
            own_room_bytes: 512 * 1024,
            signer_threads: 2,
            unload_threads: 8,
        }
    }
}
