//! A signed checkpoint against a log's entries and keys.

use graven_entry::{Name, with_causes};
use graven_merkle::{Hash, LeafIndex, TreeSize};
use graven_note::{
    Checkpoint, Note, NoteError, OpenError, Policy, PolicyVerdict, ProofError, Verified,
    VerifierKey,
};

use crate::fault::{Fault, FaultKind};
use crate::keys::{KeyRing, KeySource};
use crate::roots::root_fault;
use crate::verdict::SignedHead;

/// What a checkpoint is judged by.
pub(crate) struct HeadCheck<'a> {
    pub(crate) origin: &'a Name,
    pub(crate) ring: &'a KeyRing,
    pub(crate) source: &'a KeySource,
    /// How many entries there are.
    pub(crate) size: TreeSize,
    pub(crate) root_at: &'a dyn Fn(TreeSize) -> Option<Hash>,
    pub(crate) note: &'a [u8],
}

/// Judges a checkpoint: what it is, that its signatures hold, that there are entries enough, that
/// the keys are believed, and last the root.
pub(crate) fn check_head(check: &HeadCheck<'_>) -> Result<SignedHead, Fault> {
    let (note, checkpoint) = parse_checkpoint(check.note)?;
    if checkpoint.origin != check.origin.as_str() {
        let detail =
            format!("the checkpoint is of {:?}, this log is {}", checkpoint.origin, check.origin);
        return Err(Fault::of_log(FaultKind::WrongOrigin, detail));
    }
    let known = known_keys(check);
    let verified = verify_note(&note, &known)?;
    if checkpoint.size > check.size {
        let detail =
            format!("the checkpoint covers {} entries, there are {}", checkpoint.size, check.size);
        return Err(Fault::at(LeafIndex(check.size.0), FaultKind::MissingEntry, detail));
    }
    let signers = verified.iter().filter_map(|signature| known.get(signature.key_index).copied());
    let keys_used = believed_keys(check, checkpoint.size, signers.collect())?;
    check_root(check, &checkpoint)?;
    Ok(SignedHead { checkpoint, note, keys_used })
}

/// The note and the checkpoint in it.
pub(crate) fn parse_checkpoint(bytes: &[u8]) -> Result<(Note, Checkpoint), Fault> {
    let bad = |error: &dyn std::error::Error| {
        Fault::of_log(FaultKind::SignatureBad, format!("the checkpoint: {}", with_causes(error)))
    };
    let note = Note::parse(bytes).map_err(|error| bad(&error))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| bad(&error))?;
    Ok((note, checkpoint))
}

/// What a policy says of a checkpoint, which must be yes.
pub(crate) fn check_policy(
    policy: Option<&Policy>,
    head: &SignedHead,
) -> Result<Option<PolicyVerdict>, Fault> {
    let Some(policy) = policy else { return Ok(None) };
    let verdict = policy.evaluate(&head.note, &head.checkpoint);
    if verdict.satisfied {
        return Ok(Some(verdict));
    }
    Err(policy_fault(&verdict))
}

/// The fault of a checkpoint that a policy does not accept.
pub(crate) fn policy_fault(verdict: &PolicyVerdict) -> Fault {
    let mut reasons = Vec::new();
    if !verdict.log_signed {
        reasons.push("no log of the policy has signed".to_owned());
    }
    if !verdict.quorum_reached {
        let missing: Vec<String> = verdict.missing.iter().map(ToString::to_string).collect();
        reasons.push(format!("the quorum is not reached without {}", missing.join(", ")));
    }
    for failed in &verdict.failed {
        reasons.push(format!("the signature by {} {} is wrong", failed.name, failed.id));
    }
    Fault::of_log(FaultKind::PolicyUnmet, reasons.join("; "))
}

/// The keys that may have signed: those that ever were the log's, and those given.
fn known_keys<'a>(check: &HeadCheck<'a>) -> Vec<&'a VerifierKey> {
    let ring = check.ring.keys.iter().map(|named| &named.key);
    let given = match check.source {
        KeySource::Given(keys) => keys.as_slice(),
        KeySource::FromLog => &[],
    };
    let given = given.iter().filter(|key| key.name().as_str() == check.origin.as_str());
    let mut known: Vec<&VerifierKey> = Vec::new();
    for key in ring.chain(given) {
        if !known.contains(&key) {
            known.push(key);
        }
    }
    known
}

fn verify_note(note: &Note, known: &[&VerifierKey]) -> Result<Vec<Verified>, Fault> {
    let keys: Vec<VerifierKey> = known.iter().map(|key| (*key).clone()).collect();
    match note.verify(&keys) {
        Ok(verified) => Ok(verified),
        Err(NoteError::NoKnownKey) => Ok(Vec::new()),
        Err(error) => {
            let detail = format!("the checkpoint: {}", with_causes(&error));
            Err(Fault::of_log(FaultKind::SignatureBad, detail))
        }
    }
}

/// The keys of those that signed that counted at this size and are believed; at least one.
fn believed_keys(
    check: &HeadCheck<'_>,
    size: TreeSize,
    signers: Vec<&VerifierKey>,
) -> Result<Vec<String>, Fault> {
    let places = |key: &VerifierKey| {
        let key = key.clone();
        let all = check.ring.keys.iter().enumerate();
        all.filter(move |(_, named)| named.key == key && named.counts_for(size))
            .map(|(place, _)| place)
    };
    let counted: Vec<&VerifierKey> =
        signers.iter().copied().filter(|key| places(key).next().is_some()).collect();
    let is_believed =
        |key: &&VerifierKey| places(key).any(|place| check.ring.is_believed(place, check.source));
    let used: Vec<String> =
        counted.iter().copied().filter(is_believed).map(VerifierKey::to_string).collect();
    if !used.is_empty() {
        return Ok(used);
    }
    let names = |keys: &[&VerifierKey]| {
        let names: Vec<String> =
            keys.iter().map(|key| format!("{} {}", key.name(), key.id())).collect();
        names.join(", ")
    };
    let (kind, detail) = if !counted.is_empty() {
        let who = names(&counted);
        let detail =
            format!("the checkpoint is signed by {who}, for which no believed key vouches");
        (FaultKind::KeyUnknown, detail)
    } else if !signers.is_empty() {
        let who = names(&signers);
        let detail = format!(
            "the checkpoint is signed by {who}, which the log's own entries do not name as a key \
             at size {size}"
        );
        (FaultKind::KeyNotValidThen, detail)
    } else {
        (FaultKind::KeyUnknown, "the checkpoint is signed by no known key of the log".to_owned())
    };
    Err(Fault::of_log(kind, detail))
}

fn check_root(check: &HeadCheck<'_>, checkpoint: &Checkpoint) -> Result<(), Fault> {
    let size = checkpoint.size;
    match (check.root_at)(size) {
        Some(root) if root == checkpoint.root => Ok(()),
        Some(root) => {
            let kind = FaultKind::RootMismatch;
            Err(root_fault(kind, size, &checkpoint.root, &root, "the signed checkpoint"))
        }
        None => {
            let detail = format!(
                "the checkpoint covers {size} entries of {}; its size must be stated before they \
                 are read",
                check.size
            );
            Err(Fault::of_log(FaultKind::SizeMismatch, detail))
        }
    }
}

/// What it means that a proof of an entry, or its checkpoint, does not hold.
pub(crate) fn proof_fault(index: LeafIndex, error: &ProofError) -> Fault {
    let kind = match error {
        ProofError::Open(OpenError::Origin { .. }) => FaultKind::WrongOrigin,
        ProofError::Open(OpenError::NoLogKey { .. } | OpenError::NoLogSignature { .. }) => {
            FaultKind::KeyUnknown
        }
        ProofError::Open(OpenError::Note(NoteError::NoKnownKey)) => FaultKind::KeyUnknown,
        ProofError::Inclusion { .. } => FaultKind::LeafMismatch,
        ProofError::Policy(verdict) => return policy_fault(verdict),
        _ => FaultKind::SignatureBad,
    };
    let is_entry = matches!(error, ProofError::Inclusion { .. });
    Fault { index: is_entry.then_some(index), kind, detail: with_causes(error) }
}
