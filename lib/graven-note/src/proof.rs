//! The tlog-proof: one entry's whole evidence in a text file (C2SP `tlog-proof`).

use std::fmt;

use graven_merkle::{Hash, LeafIndex, VerifyError, verify_inclusion};

use crate::base64::{self, Base64Error};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::limits::{EXTRA_BYTES_MAX, PROOF_BYTES_MAX};
use crate::lines::{HashLinesError, parse_decimal, push_hashes, take_hashes, take_line};
use crate::note::{Note, Verified};
use crate::note_error::NoteError;
use crate::opened::{OpenError, open_checkpoint_under};
use crate::policy::{Policy, PolicyVerdict};
use crate::verifier::VerifierKey;

/// The first line.
const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// That an entry is in a log: its index, its inclusion proof, and the signed checkpoint.
///
/// A parsed one prints back byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Bytes with a meaning of the application's own. Nothing authenticates them. Never empty: an
    /// empty one is not printed.
    pub extra: Option<Vec<u8>>,
    /// The entry's index.
    pub index: LeafIndex,
    /// The inclusion proof, from the leaf's sibling up to the root's child.
    pub hashes: Vec<Hash>,
    /// The checkpoint's note, verbatim, all signatures included.
    pub checkpoint: Vec<u8>,
}

/// What a proof has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofVerdict {
    /// The tree that has the entry.
    pub checkpoint: Checkpoint,
    /// The log's signatures on it; `key_index` counts the log keys, or where none were given the
    /// policy's logs.
    pub verified: Vec<Verified>,
    /// What the policy says of it, which is satisfied; `None` where no policy was given.
    pub policy: Option<PolicyVerdict>,
}

/// Why a proof is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The proof is larger than [`PROOF_BYTES_MAX`].
    #[error("proof has {size_bytes} bytes, at most {PROOF_BYTES_MAX} are allowed")]
    TooLarge {
        /// The proof's size.
        size_bytes: usize,
    },
    /// The proof is not UTF-8.
    #[error("proof is not UTF-8 from offset {offset_bytes} on")]
    NotUtf8 {
        /// How many bytes are.
        offset_bytes: usize,
    },
    /// The first line is another.
    #[error("proof does not start with the line {FIRST_LINE:?}")]
    FirstLine,
    /// The `extra` line is not canonical base64.
    #[error("proof's extra data is not canonical base64")]
    Extra(#[source] Base64Error),
    /// The `extra` line has no data.
    #[error("proof's extra line is empty, leave it out")]
    ExtraEmpty,
    /// The `extra` line has more than [`EXTRA_BYTES_MAX`].
    #[error("proof's extra data has {size_bytes} bytes, at most {EXTRA_BYTES_MAX} are allowed")]
    ExtraTooLarge {
        /// The data's size.
        size_bytes: usize,
    },
    /// No `index` line where one must stand, or none with a legal number.
    #[error("proof has no line 'index <decimal>' with a number of at most 2^63-1")]
    Index,
    /// The inclusion proof's lines are malformed.
    #[error("proof's hash lines are malformed")]
    Hashes(#[source] HashLinesError),
    /// What follows the hashes is not a note.
    #[error("proof's checkpoint is not a signed note")]
    Note(#[source] NoteError),
    /// What follows the hashes is a note, but of no checkpoint.
    #[error("proof's note does not hold a checkpoint")]
    Checkpoint(#[source] CheckpointError),
    /// The checkpoint is not signed as it must be.
    #[error("proof's checkpoint is not one of the log's")]
    Open(#[source] OpenError),
    /// The checkpoint's tree does not have the leaf at the index.
    #[error("entry is not proved to be in the checkpoint's tree at index {index}")]
    Inclusion {
        /// The index in the proof.
        index: LeafIndex,
        /// What fails.
        source: VerifyError,
    },
    /// The checkpoint lacks signatures that the policy asks for.
    #[error("proof's checkpoint does not satisfy the policy")]
    Policy(Box<PolicyVerdict>),
}

impl TlogProof {
    /// The proof that `bytes` are. Nothing is verified, but the checkpoint is one.
    pub fn parse(bytes: &[u8]) -> Result<TlogProof, ProofError> {
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(ProofError::TooLarge { size_bytes: bytes.len() });
        }
        let mut rest = std::str::from_utf8(bytes)
            .map_err(|error| ProofError::NotUtf8 { offset_bytes: error.valid_up_to() })?;
        if take_line(&mut rest) != Some(FIRST_LINE) {
            return Err(ProofError::FirstLine);
        }
        let mut line = take_line(&mut rest).ok_or(ProofError::Index)?;
        let mut line_number = 3;
        let mut extra = None;
        if let Some(data) = line.strip_prefix("extra ") {
            extra = Some(parse_extra(data)?);
            line = take_line(&mut rest).ok_or(ProofError::Index)?;
            line_number += 1;
        }
        let index = line.strip_prefix("index ").and_then(parse_decimal).ok_or(ProofError::Index)?;
        let hashes = take_hashes(&mut rest, line_number).map_err(ProofError::Hashes)?;
        let note = Note::parse(rest.as_bytes()).map_err(ProofError::Note)?;
        Checkpoint::parse(note.text()).map_err(ProofError::Checkpoint)?;
        let checkpoint = rest.as_bytes().to_vec();
        Ok(TlogProof { extra, index: LeafIndex(index), hashes, checkpoint })
    }

    /// The bytes to store; by convention in a file that ends in `.tlog-proof`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.head().into_bytes();
        bytes.extend(&self.checkpoint);
        bytes
    }

    /// Checks that the entry with this leaf hash is in the log `origin`.
    ///
    /// The checkpoint must be signed by one of `log_keys` (where none are given, by one of the
    /// policy's logs) named by the origin, its tree must have the leaf at the index, and where a
    /// policy is given it must be satisfied.
    pub fn verify(
        &self,
        leaf: &Hash,
        origin: &str,
        log_keys: &[VerifierKey],
        policy: Option<&Policy>,
    ) -> Result<ProofVerdict, ProofError> {
        let opened = open_checkpoint_under(&self.checkpoint, origin, log_keys, policy)
            .map_err(ProofError::Open)?;
        let checkpoint = opened.checkpoint;
        verify_inclusion(self.index, checkpoint.size, leaf, &self.hashes, &checkpoint.root)
            .map_err(|source| ProofError::Inclusion { index: self.index, source })?;
        let policy = policy.map(|policy| policy.evaluate(&opened.note, &checkpoint));
        match policy {
            Some(verdict) if !verdict.satisfied => Err(ProofError::Policy(Box::new(verdict))),
            policy => Ok(ProofVerdict { checkpoint, verified: opened.verified, policy }),
        }
    }

    /// All lines before the checkpoint.
    fn head(&self) -> String {
        let extra = match self.extra.as_deref() {
            None | Some([]) => String::new(),
            Some(extra) => format!("extra {}\n", base64::encode(extra)),
        };
        let mut head = format!("{FIRST_LINE}\n{extra}index {}\n", self.index);
        push_hashes(&mut head, &self.hashes);
        head
    }
}

/// As [`TlogProof::to_bytes`]; a checkpoint that is not UTF-8, which none that parses is, is
/// printed with replacement characters.
impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.head())?;
        f.write_str(&String::from_utf8_lossy(&self.checkpoint))
    }
}

fn parse_extra(data: &str) -> Result<Vec<u8>, ProofError> {
    let extra = base64::decode_canonical(data).map_err(ProofError::Extra)?;
    match extra.len() {
        0 => Err(ProofError::ExtraEmpty),
        1..=EXTRA_BYTES_MAX => Ok(extra),
        size_bytes => Err(ProofError::ExtraTooLarge { size_bytes }),
    }
}
