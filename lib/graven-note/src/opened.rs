//! Opening a checkpoint: from a note's bytes to a tree that a known log signed.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::note::{Note, Verified};
use crate::note_error::NoteError;
use crate::policy::Policy;
use crate::verifier::VerifierKey;

/// A checkpoint whose log signature holds, with the note that it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedCheckpoint {
    /// What the log stated.
    pub checkpoint: Checkpoint,
    /// The note, with all its signature lines, also those by unknown keys.
    pub note: Note,
    /// The signatures by known keys, in the order of their lines. `key_index` counts the log keys
    /// and then the other keys.
    pub verified: Vec<Verified>,
}

/// Why a checkpoint is not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The note is malformed, or a signature by a known key is wrong.
    #[error("checkpoint's note is refused")]
    Note(#[source] NoteError),
    /// The signed text is not a checkpoint.
    #[error("note does not hold a checkpoint")]
    Checkpoint(#[source] CheckpointError),
    /// The checkpoint is of another log.
    #[error("checkpoint is of log {found:?}, not of {expected:?}")]
    Origin {
        /// The origin in the checkpoint.
        found: String,
        /// The origin asked for.
        expected: String,
    },
    /// None of the log keys handed in has the log's name.
    #[error("no key of log {origin:?} is known, a log's key has the origin as its name")]
    NoLogKey {
        /// The origin asked for.
        origin: String,
    },
    /// No known key of the log has signed.
    #[error("checkpoint is signed by no known key of its log {origin:?}")]
    NoLogSignature {
        /// The origin asked for.
        origin: String,
    },
}

/// Opens a checkpoint of the log `origin`: its note, verified.
///
/// At least one signature must be by one of `log_keys` that has the origin as its name; log keys of
/// other names are left aside. A wrong signature by any known key refuses the checkpoint.
pub fn open_checkpoint(
    bytes: &[u8],
    origin: &str,
    log_keys: &[VerifierKey],
    other_keys: &[VerifierKey],
) -> Result<OpenedCheckpoint, OpenError> {
    let note = Note::parse(bytes).map_err(OpenError::Note)?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(OpenError::Checkpoint)?;
    if checkpoint.origin != origin {
        return Err(OpenError::Origin { found: checkpoint.origin, expected: origin.to_owned() });
    }
    let is_log_key = |key: &VerifierKey| key.name().as_str() == origin;
    if !log_keys.iter().any(is_log_key) {
        return Err(OpenError::NoLogKey { origin: origin.to_owned() });
    }
    let keys = log_keys.iter().chain(other_keys).enumerate();
    let keys = keys.filter(|(index, key)| *index >= log_keys.len() || is_log_key(key));
    let verified = match note.verify_with(keys) {
        Err(NoteError::NoKnownKey) => Vec::new(),
        result => result.map_err(OpenError::Note)?,
    };
    if !verified.iter().any(|signature| signature.key_index < log_keys.len()) {
        return Err(OpenError::NoLogSignature { origin: origin.to_owned() });
    }
    Ok(OpenedCheckpoint { checkpoint, note, verified })
}

/// As [`open_checkpoint`] by `log_keys`; where there are none, by the policy's logs. Whether the
/// policy is satisfied is not asked here.
pub fn open_checkpoint_under(
    bytes: &[u8],
    origin: &str,
    log_keys: &[VerifierKey],
    policy: Option<&Policy>,
) -> Result<OpenedCheckpoint, OpenError> {
    match policy {
        Some(policy) if log_keys.is_empty() => {
            let keys: Vec<_> = policy.logs().iter().map(|log| log.key.clone()).collect();
            open_checkpoint(bytes, origin, &keys, &[])
        }
        _ => open_checkpoint(bytes, origin, log_keys, &[]),
    }
}
