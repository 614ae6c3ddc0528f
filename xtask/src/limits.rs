//! Every limit of the tasks, in one place.

use std::time::Duration;

/// Longest function, in lines from its `fn` to its closing brace: a screen.
pub(crate) const FUNCTION_LINES_MAX: usize = 70;
/// Lines of a failed stage's output that are shown; the rest is in its log file.
pub(crate) const TAIL_LINES_MAX: usize = 40;
/// Failed tests whose words are shown.
pub(crate) const FAILURES_SHOWN_MAX: usize = 20;
/// Lines of a failed test's words that are shown: the last ones, where its panic stands.
pub(crate) const FAILURE_LINES_MAX: usize = 30;
/// Longest wait for a server or an agent that a task has started to become ready.
pub(crate) const READY_WAIT_MAX: Duration = Duration::from_mins(1);
/// Longest time one verifier may take for one log.
pub(crate) const VERIFIER_WAIT_MAX: Duration = Duration::from_mins(2);
/// Longest time one engine may take for all queries of a lake: some start a virtual machine first.
pub(crate) const LAKE_WAIT_MAX: Duration = Duration::from_mins(5);
/// Pause between two looks at whether something is ready.
pub(crate) const READY_POLL: Duration = Duration::from_millis(20);
/// Longest wait for one read of an HTTP exchange on loopback.
pub(crate) const HTTP_READ_MAX: Duration = Duration::from_secs(30);
/// Largest HTTP message that a task reads, in bytes.
pub(crate) const HTTP_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Largest head of an HTTP request that the file server reads, in bytes.
pub(crate) const REQUEST_HEAD_BYTES_MAX: u64 = 16 * 1024;
/// Largest input that a fuzz target is given, in bytes.
pub(crate) const FUZZ_INPUT_BYTES_MAX: usize = 16 * 1024;
/// Longest time that a fuzz target may take for one input, in seconds.
pub(crate) const FUZZ_INPUT_S_MAX: u64 = 20;
/// Most memory that a fuzz target may take, in MiB.
pub(crate) const FUZZ_MEMORY_MB_MAX: u64 = 2_048;
/// Time beyond its own that a fuzz target has to read what it knows and to end.
pub(crate) const FUZZ_GRACE: Duration = Duration::from_mins(5);
/// Time for each fuzz target in the slow campaign, in seconds.
pub(crate) const FUZZ_CAMPAIGN_S: u64 = 3_600;
/// Longest time one step of a benchmark may take.
pub(crate) const BENCH_STEP_WAIT_MAX: Duration = Duration::from_hours(1);
