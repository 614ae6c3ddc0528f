//! How much is measured.

use clap::ValueEnum;

/// The size of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Size {
    /// A minute or two: shows that the bench works; its figures mean nothing
    Smoke,
    /// Minutes: a first look
    Medium,
    /// 20 minutes or more: what is published
    Full,
}

/// The counts of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    /// Times that a pair of figures is measured in turns; the medians count.
    pub(super) rounds: usize,
    /// Events of one measurement of single appends.
    pub(super) single_events: u64,
    /// Events of one measurement of batches.
    pub(super) batch_events: u64,
    /// Appends of the one client that waits for each receipt.
    pub(super) latency_events: u64,
    /// Events through the rivals that are far slower.
    pub(super) rival_events: u64,
    /// Seconds for which PostgreSQL is measured.
    pub(super) rival_s: u64,
    /// Events of the large log, and of the small one beside it.
    pub(super) large_events: u64,
    /// See `large_events`.
    pub(super) small_events: u64,
    /// Events appended before each kill.
    pub(super) kill_events: u64,
    /// Kills.
    pub(super) kills: usize,
    /// Sealed segments in which bytes on disk are counted.
    pub(super) segments: u64,
    /// Logs that are appended to at once.
    pub(super) logs: u64,
    /// Random reads of entries in memory.
    pub(super) reads: u64,
    /// Events that are searched.
    pub(super) find_events: u64,
}

impl Size {
    /// Its name, as on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Size::Smoke => "smoke",
            Size::Medium => "medium",
            Size::Full => "full",
        }
    }

    /// Its counts.
    pub(super) fn counts(self) -> Counts {
        match self {
            Size::Smoke => Counts {
                rounds: 1,
                single_events: 5_000,
                batch_events: 20_000,
                latency_events: 50,
                rival_events: 20_000,
                rival_s: 2,
                large_events: 150_000,
                small_events: 10_000,
                kill_events: 2_000,
                kills: 2,
                segments: 1,
                logs: 20,
                reads: 1_000,
                find_events: 20_000,
            },
            Size::Medium => Counts {
                rounds: 1,
                single_events: 100_000,
                batch_events: 400_000,
                latency_events: 1_000,
                rival_events: 30_000,
                rival_s: 10,
                large_events: 1_000_000,
                small_events: 100_000,
                kill_events: 20_000,
                kills: 5,
                segments: 2,
                logs: 1_000,
                reads: 20_000,
                find_events: 1_000_000,
            },
            Size::Full => Counts {
                rounds: 3,
                single_events: 600_000,
                batch_events: 2_000_000,
                latency_events: 5_000,
                rival_events: 100_000,
                rival_s: 30,
                large_events: 10_000_000,
                small_events: 100_000,
                kill_events: 20_000,
                kills: 9,
                segments: 4,
                logs: 1_000,
                reads: 200_000,
                find_events: 10_000_000,
            },
        }
    }
}
