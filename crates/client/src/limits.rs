//! Every limit of the client in one place.

use std::time::Duration;

/// Times that one request is sent again after the first.
pub const RETRIES_MAX: u32 = 4;

/// The pause before the first repetition, in milliseconds; it doubles each time.
pub const RETRY_PAUSE_MS: u64 = 100;

/// The longest `Retry-After` that is waited for, in seconds; a longer one is handed to the caller.
pub const RETRY_AFTER_S_MAX: u32 = 10;

/// How long a connection may take to come about.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may take from the request's end to the answer's head.
pub const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);

/// How long an answer may stand still; tails send a heartbeat well within it.
pub const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Bytes of one answer: the largest tile or bundle, 256 entries with their lengths, fits.
pub const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Bytes of a problem document.
pub const PROBLEM_BYTES_MAX: u64 = 256 * 1024;

/// Bytes of one line of a tail: an entry of 65,535 bytes, each escaped to at most six.
pub const TAIL_LINE_BYTES_MAX: u64 = 512 * 1024;

/// Pages that are fetched for one list of logs or streams.
pub const LIST_PAGES_MAX: usize = 10_000;

/// Characters of a foreign answer that are quoted in an error.
pub const QUOTE_CHARS_MAX: usize = 200;
