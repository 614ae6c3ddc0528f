//! The progress file of `graven verify --resume FILE`: a long verification goes on where it ended.
//!
//! It holds what the verifier of `lib/graven-verify` saves, with its digest. Whoever can change the file can make a run
//! skip entries, so it belongs beside the verifier, not beside the log.

use graven_entry::with_causes;
use std::path::Path;

use graven_verify::{LogVerifier, VerifyOptions};

use super::source::Source;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;

/// Bytes of a progress file: a few dozen for each stream of the log.
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The verifier as it was saved; `None` where there is nothing to go on from, with a word why.
pub(crate) fn load(
    out: Output,
    path: &Path,
    source: &dyn Source,
    options: VerifyOptions,
) -> Result<Option<LogVerifier>, Failure> {
    let Some(bytes) = files::read_if_there(path, FILE_BYTES_MAX)? else {
        return Ok(None);
    };
    let path = path.display();
    let verifier = LogVerifier::load(&bytes, options)
        .map_err(|error| Failure::usage(format!("{path}: {}", with_causes(&error))))?;
    if verifier.origin() != source.origin() {
        let (theirs, ours) = (verifier.origin(), source.origin());
        return Err(Failure::usage(format!("{path} is of the log {theirs}, not of {ours}")));
    }
    if verifier.size() > source.size() {
        let (theirs, ours) = (verifier.size(), source.size());
        out.warn(format!(
            "{path} has seen {theirs} entries and the target has {ours}: starting anew; was it rolled back?"
        ));
        return Ok(None);
    }
    out.note(format!("going on from entry {} ({path})", verifier.size()));
    Ok(Some(verifier))
}

/// Writes the verifier's state, whole or not at all.
pub(crate) fn save(path: &Path, verifier: &LogVerifier) -> Result<(), Failure> {
    files::write(path, &verifier.save())
}
