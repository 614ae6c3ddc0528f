//! C2SP signed notes and what is built on them: checkpoints, cosignatures, tlog-proofs and
//! tlog-policies.
//!
//! Pure computation over bytes: no I/O, no clock, no randomness (seeds and timestamps are handed
//! in), no panic on any input. Everything parsed is canonical: what parses prints back byte for
//! byte, so that one content has one spelling. Sources: C2SP `signed-note`, `tlog-checkpoint`,
//! `tlog-cosignature`, `tlog-proof`, `tlog-policy` and `tlog-witness`.
//!
//! ```
//! use graven_note::{Algorithm, Checkpoint, Note, SigningKey, open_checkpoint, open_checkpoint_under};
//! use graven_merkle::{EMPTY_ROOT, TreeSize};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let origin = "example.com/log";
//! let key = SigningKey::from_seed(origin.parse()?, Algorithm::Ed25519, [7; 32]);
//! let text = Checkpoint::new(origin, TreeSize(0), EMPTY_ROOT)?.to_text();
//! let note = Note::new(text.clone(), vec![key.sign_note(&text)?])?;
//!
//! let opened = open_checkpoint(note.to_string().as_bytes(), origin, &[key.verifier()], &[])?;
//! assert_eq!(opened.checkpoint.size, TreeSize(0));
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

pub mod base64;
pub mod limits;

mod add_checkpoint;
mod checkpoint;
mod key;
mod lines;
mod message;
mod note;
mod note_error;
mod opened;
mod policy;
mod proof;
mod signature;
mod signer;
mod verifier;

pub use add_checkpoint::{AddCheckpoint, AddCheckpointError};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use key::{Algorithm, KeyError, KeyId, KeyName};
pub use lines::HashLinesError;
pub use note::{Note, Verified};
pub use note_error::NoteError;
pub use opened::{OpenError, OpenedCheckpoint, open_checkpoint, open_checkpoint_under};
pub use policy::{
    FailedSignature, Policy, PolicyError, PolicyErrorKind, PolicyLog, PolicyName, PolicyVerdict,
    PolicyWitness, Quorum,
};
pub use proof::{ProofError, ProofVerdict, TlogProof};
pub use signature::SignatureLine;
pub use signer::SigningKey;
pub use verifier::VerifierKey;

#[cfg(test)]
mod tests;
