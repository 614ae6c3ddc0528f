//! Names that may become file names: nothing that leads out of its directory or hides in it.

use crate::StoreError;
use crate::directory::TEMPORARY_PREFIX;

/// Longest name of a log.
const LOG_NAME_BYTES_MAX: usize = 63;
/// Longest name of a small file or a vault object.
const FILE_NAME_BYTES_MAX: usize = 200;

/// `[a-z0-9-]{1,63}`, as the design's surface has it.
pub(crate) fn is_log_name(name: &str) -> bool {
    let fits = (1..=LOG_NAME_BYTES_MAX).contains(&name.len());
    fits && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

pub(crate) fn check_log_name(name: &str) -> Result<(), StoreError> {
    if is_log_name(name) {
        return Ok(());
    }
    let what = format!("log name {name:?}");
    Err(StoreError::Invalid { what, why: "must be 1 to 63 of a to z, 0 to 9 and -" })
}

/// `[A-Za-z0-9._-]{1,200}`, not hidden and none of the store's own.
pub(crate) fn check_file_name(name: &str) -> Result<(), StoreError> {
    let fits = (1..=FILE_NAME_BYTES_MAX).contains(&name.len());
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let own = ["state-", TEMPORARY_PREFIX, "."].iter().any(|prefix| name.starts_with(prefix));
    if fits && plain && !own && name != "segments" {
        return Ok(());
    }
    let what = format!("file name {name:?}");
    let why = "must be 1 to 200 of A to Z, a to z, 0 to 9, ., _ and -, and not the store's own";
    Err(StoreError::Invalid { what, why })
}
