//! What an erasure did.

use std::collections::BTreeSet;

use access::KeyId;

/// What was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The key that was destroyed.
    pub key: KeyId,
    /// The subject's pseudonym, which nobody can link to it any more.
    pub pseudonym: String,
    /// Sealed values and blobs whose ciphertext was taken out of the vault.
    pub values: u64,
    /// How often values of the subject were revealed before: copies that this server cannot reach.
    pub revealed: u64,
    /// To whom; at most [`crate::limits::REVEALED_TO_MAX`] are named.
    pub revealed_to: BTreeSet<String>,
    /// It was done before, and this is what was told then.
    pub repeated: bool,
}
