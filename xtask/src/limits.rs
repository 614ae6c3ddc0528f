//! Every limit of the tasks, in one place.

use std::time::Duration;

/// Longest function, in lines from its `fn` to its closing brace: a screen.
pub(crate) const FUNCTION_LINES_MAX: usize = 70;
/// Lines of a failed stage's output that are shown; the rest is in its log file.
pub(crate) const TAIL_LINES_MAX: usize = 40;
/// Longest wait for a server or an agent that a task has started to become ready.
pub(crate) const READY_WAIT_MAX: Duration = Duration::from_mins(1);
/// Longest time one verifier may take for one log.
pub(crate) const VERIFIER_WAIT_MAX: Duration = Duration::from_mins(2);
/// Pause between two looks at whether something is ready.
pub(crate) const READY_POLL: Duration = Duration::from_millis(20);
/// Longest wait for one read of an HTTP exchange on loopback.
pub(crate) const HTTP_READ_MAX: Duration = Duration::from_secs(30);
/// Largest HTTP message that a task reads, in bytes.
pub(crate) const HTTP_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Largest head of an HTTP request that the file server reads, in bytes.
pub(crate) const REQUEST_HEAD_BYTES_MAX: u64 = 16 * 1024;
