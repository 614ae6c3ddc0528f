//! The keys that a log has now, for somebody who knows keys that it had: by the log's own entries,
//! each with a signature by a key that is believed already.

use graven_entry::Name;
use graven_merkle::LeafIndex;
use graven_note::{Policy, VerifierKey};

use crate::fault::{Fault, FaultKind};
use crate::form::{read_body, read_header};
use crate::keys::{KeyRing, KeySource};
use crate::own::{KeyTarget, OwnEntry, read_own};
use crate::results::{Results, ResultsVerdict, verify_results};

/// What changes of a log's keys have shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChangesVerdict {
    /// The keys that are believed now.
    pub keys: Vec<VerifierKey>,
    /// Of the entries that changed them.
    pub results: ResultsVerdict,
}

/// Verifies entries as [`verify_results`] does, by the keys that come of `known` by the changes of
/// the log's keys among them: one that a believed key announced is believed, one that was retired or
/// revoked is not.
///
/// Whoever leaves changes out keeps keys believed that were; nobody gets another one in without a
/// signature by a believed key.
pub fn verify_key_changes(
    results: &Results,
    origin: &Name,
    known: &[VerifierKey],
    policy: Option<&Policy>,
) -> Result<KeyChangesVerdict, Fault> {
    let mut ring = KeyRing::opened(known.to_vec());
    for (index, entry) in &results.entries {
        take_in(&mut ring, origin, *index, entry)?;
    }
    let keys = ring.believed(&KeySource::Given(known.to_vec()));
    if keys.is_empty() {
        let detail = "the keys that were known were ended, and announced no other";
        return Err(Fault::of_log(FaultKind::KeyUnknown, detail));
    }
    let results = verify_results(results, origin, &keys, policy)?;
    Ok(KeyChangesVerdict { keys, results })
}

/// Takes in an entry, if the log itself wrote it of its own keys.
fn take_in(ring: &mut KeyRing, origin: &Name, index: LeafIndex, entry: &[u8]) -> Result<(), Fault> {
    let (header, header_bytes) = read_header(origin, index, entry)?;
    if !header.auth.is_log() {
        return Ok(());
    }
    let body = read_body(index, entry, header_bytes)?;
    match read_own(origin, index, body.event)? {
        Some(OwnEntry::Key(change)) if change.target == KeyTarget::Log => {
            ring.change(origin, index, &change)
        }
        _ => Ok(()),
    }
}
