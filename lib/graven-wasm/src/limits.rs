//! Every limit of this crate. A larger input is refused by name, never truncated.

use graven_verify::limits::RESULTS_BYTES_MAX;

/// The largest request, in bytes: the largest result file, with keys and a policy beside it.
pub const REQUEST_BYTES_MAX: usize = RESULTS_BYTES_MAX + (1 << 20);

/// The most hashes of a consistency proof: two for each bit of a size.
pub const CONSISTENCY_HASHES_MAX: usize = 128;

/// The largest tree that is judged: JavaScript counts no further exactly.
pub const SIZE_MAX: u64 = (1 << 53) - 1;
