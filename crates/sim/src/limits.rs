//! Every limit of the simulation in one place.

/// Size of a simulated journal's first file: small, so that runs see files switched, released and recycled.
pub const JOURNAL_FILE_BYTES_FIRST: u64 = 64 << 10;
/// Size up to which simulated journal files double.
pub const JOURNAL_FILE_BYTES_MAX: u64 = 256 << 10;
/// What own entries keep of a simulated journal: little, so that appends do not make room ahead all the time.
pub const OWN_ROOM_BYTES: u64 = 4 << 10;
/// Lives of one run, whose log grows from one to the next.
pub const LIVES_PER_RUN: u64 = 16;
/// How often it is drawn what one power cut leaves on the disk.
pub const OUTCOMES_PER_CUT: usize = 4;
/// Steps between two crashes at most.
pub const STEPS_PER_LIFE_MAX: u64 = 8;
/// Events of one batch at most.
pub const BATCH_EVENTS_MAX: u64 = 6;
/// Calls to the disk after which a planned fault strikes at the latest.
pub const FAULT_AFTER_MAX: u64 = 90;
/// Starts that a run tries after a crash before it says that the log does not come back.
pub const STARTS_MAX: u64 = 3;
/// Lines of the trace that a failure shows.
pub const TRACE_LINES_SHOWN: usize = 40;
/// Seconds between two lines of a campaign's progress.
pub const PROGRESS_EVERY_S: u64 = 10;
/// Failures after which a campaign ends: more would say the same.
pub const FAILURES_MAX: usize = 8;
/// Checkpoints whose signatures a verification of the files checks; of all others it compares the root.
pub const SIGNATURES_CHECKED_MAX: usize = 2;
