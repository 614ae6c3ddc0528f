//! The body of a witness's `add-checkpoint` request (C2SP `tlog-witness`).

use graven_merkle::{Hash, TreeSize};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::limits::ADD_CHECKPOINT_BYTES_MAX;
use crate::lines::{HashLinesError, parse_decimal, push_hashes, take_hashes, take_line};
use crate::note::Note;
use crate::note_error::NoteError;

/// A checkpoint for a witness to cosign, with the proof that it extends the last one.
///
/// A parsed one prints back byte for byte. What else a witness checks (old size not over the new
/// one, an empty proof from size 0, an empty tree's root, the proof, the signature) has answers
/// of its own there, so it is not checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the witness is thought to have cosigned last; 0 where it has cosigned none.
    pub old: TreeSize,
    /// The consistency proof from the old size to the checkpoint's.
    pub proof: Vec<Hash>,
    /// The checkpoint's note, verbatim.
    pub checkpoint: Vec<u8>,
}

/// Why a body is malformed; a witness answers 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddCheckpointError {
    /// The body is larger than [`ADD_CHECKPOINT_BYTES_MAX`].
    #[error("request has {size_bytes} bytes, at most {ADD_CHECKPOINT_BYTES_MAX} are allowed")]
    TooLarge {
        /// The body's size.
        size_bytes: usize,
    },
    /// The body is not UTF-8.
    #[error("request is not UTF-8 from offset {offset_bytes} on")]
    NotUtf8 {
        /// How many bytes are.
        offset_bytes: usize,
    },
    /// The first line does not state the old size.
    #[error("request does not start with a line 'old <decimal>' of at most 2^63-1")]
    Old,
    /// The consistency proof's lines are malformed.
    #[error("request's hash lines are malformed")]
    Proof(#[source] HashLinesError),
    /// What follows the proof is not a note.
    #[error("request's checkpoint is not a signed note")]
    Note(#[source] NoteError),
    /// What follows the proof is a note, but of no checkpoint.
    #[error("request's note does not hold a checkpoint")]
    Checkpoint(#[source] CheckpointError),
}

impl AddCheckpoint {
    /// The request that `bytes` are.
    pub fn parse(bytes: &[u8]) -> Result<AddCheckpoint, AddCheckpointError> {
        if bytes.len() > ADD_CHECKPOINT_BYTES_MAX {
            return Err(AddCheckpointError::TooLarge { size_bytes: bytes.len() });
        }
        let mut rest = std::str::from_utf8(bytes)
            .map_err(|error| AddCheckpointError::NotUtf8 { offset_bytes: error.valid_up_to() })?;
        let old = take_line(&mut rest)
            .and_then(|line| line.strip_prefix("old "))
            .and_then(parse_decimal)
            .ok_or(AddCheckpointError::Old)?;
        let proof = take_hashes(&mut rest, 2).map_err(AddCheckpointError::Proof)?;
        let note = Note::parse(rest.as_bytes()).map_err(AddCheckpointError::Note)?;
        Checkpoint::parse(note.text()).map_err(AddCheckpointError::Checkpoint)?;
        Ok(AddCheckpoint { old: TreeSize(old), proof, checkpoint: rest.as_bytes().to_vec() })
    }

    /// The body to send.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("old {}\n", self.old);
        push_hashes(&mut head, &self.proof);
        let mut bytes = head.into_bytes();
        bytes.extend(&self.checkpoint);
        bytes
    }
}
