//! A checkpoint alone: that the log signed it, and that a policy accepts it.

use graven_entry::Name;
use graven_merkle::LeafIndex;
use graven_note::{
    Checkpoint, Policy, PolicyVerdict, ProofError, Verified, VerifierKey, open_checkpoint_under,
};

use crate::fault::Fault;
use crate::head::{policy_fault, proof_fault};

/// A checkpoint that is the log's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointVerdict {
    /// What the log stated.
    pub checkpoint: Checkpoint,
    /// The verifier keys of the log whose signatures hold.
    pub keys_used: Vec<String>,
    /// What the policy says, where one was given.
    pub policy: Option<PolicyVerdict>,
}

/// Verifies that the signed note is a checkpoint of the log `origin` and satisfies the policy.
///
/// `keys` are the log's, those of other names are left aside; where there are none, the policy's
/// logs are taken. Nothing is said of the entries that its root stands for.
pub fn verify_checkpoint(
    note: &[u8],
    origin: &Name,
    keys: &[VerifierKey],
    policy: Option<&Policy>,
) -> Result<CheckpointVerdict, Fault> {
    let log_keys = keys_of(origin, keys);
    let opened = open_checkpoint_under(note, origin.as_str(), &log_keys, policy)
        .map_err(|error| proof_fault(LeafIndex(0), &ProofError::Open(error)))?;
    let policy = policy.map(|policy| policy.evaluate(&opened.note, &opened.checkpoint));
    if let Some(verdict) = policy.as_ref().filter(|verdict| !verdict.satisfied) {
        return Err(policy_fault(verdict));
    }
    let keys_used = keys_used(&opened.verified, &log_keys);
    Ok(CheckpointVerdict { checkpoint: opened.checkpoint, keys_used, policy })
}

/// The keys that are named as the log's must be.
pub(crate) fn keys_of(origin: &Name, keys: &[VerifierKey]) -> Vec<VerifierKey> {
    keys.iter().filter(|key| key.name().as_str() == origin.as_str()).cloned().collect()
}

/// The keys by which signatures hold; by name and id where they are a policy's.
pub(crate) fn keys_used(verified: &[Verified], log_keys: &[VerifierKey]) -> Vec<String> {
    let used = verified.iter().map(|signature| {
        let known = log_keys.get(signature.key_index).map(VerifierKey::to_string);
        known.unwrap_or_else(|| format!("{} {}", signature.name, signature.id))
    });
    used.collect()
}
