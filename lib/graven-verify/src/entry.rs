//! One entry with its tlog-proof, verified offline.

use graven_entry::{Entry, Extra, Header, HeaderError, Name, with_causes};
use graven_merkle::{Hash, LeafIndex, leaf_hash};
use graven_note::{Checkpoint, Policy, PolicyVerdict, TlogProof, VerifierKey};

use crate::checkpoint::{keys_of, keys_used};
use crate::fault::{Fault, FaultKind};
use crate::form::{entry_fault, first_line, is_signed, read_body};
use crate::head::proof_fault;
use crate::own::read_own;

/// What a proof has shown of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryVerdict {
    /// Its index.
    pub index: LeafIndex,
    /// Its leaf hash.
    pub leaf: Hash,
    /// What the log observed.
    pub header: Header,
    /// The tree that has it.
    pub checkpoint: Checkpoint,
    /// The verifier keys of the log whose signatures on the checkpoint hold.
    pub keys_used: Vec<String>,
    /// What is known of its producer's signature.
    pub producer: ProducerSignature,
    /// What the policy says, where one was given.
    pub policy: Option<PolicyVerdict>,
    /// What this verdict does not say, one short phrase each.
    pub not_checked: Vec<&'static str>,
}

/// What is known of a producer's signature on one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProducerSignature {
    /// The proof brings none.
    None,
    /// The proof brings one, by a key that was not handed in.
    KeyUnknown,
    /// It holds.
    Verified {
        /// The verifier key.
        key: String,
    },
}

/// Verifies one entry offline: that it is the one that its proof is for, that the checkpoint is
/// the log's and satisfies the policy, the entry's form, and the producer's signature where the
/// proof brings one.
///
/// `keys` are the log's (named by its origin) and those of streams; where none of them is the
/// log's, the policy's logs are taken. An entry of another version that is in the tree as proved
/// is [`FaultKind::UnsupportedVersion`], never tampered with.
pub fn verify_entry(
    entry: &[u8],
    proof: &TlogProof,
    origin: &Name,
    keys: &[VerifierKey],
    policy: Option<&Policy>,
) -> Result<EntryVerdict, Fault> {
    let index = proof.index;
    let header = Header::parse(first_line(entry));
    if let Ok(header) = &header {
        check_place(header, origin, index)?;
    }
    let log_keys = keys_of(origin, keys);
    let leaf = leaf_hash(entry);
    let shown = proof
        .verify(&leaf, origin.as_str(), &log_keys, policy)
        .map_err(|error| proof_fault(index, &error))?;
    let header = header.map_err(|error| header_fault(index, &error))?;
    let event = check_form(origin, &header, entry)?;
    let producer = check_producer(origin, &header, event, proof, keys)?;
    let keys_used = keys_used(&shown.verified, &log_keys);
    let not_checked = not_checked(&header, &producer, policy.is_some());
    let (checkpoint, policy) = (shown.checkpoint, shown.policy);
    Ok(EntryVerdict { index, leaf, header, checkpoint, keys_used, producer, policy, not_checked })
}

pub(crate) fn check_place(header: &Header, origin: &Name, index: LeafIndex) -> Result<(), Fault> {
    if header.origin != *origin {
        let detail = format!("the entry is of log {}, not of {origin}", header.origin);
        return Err(Fault::at(index, FaultKind::WrongOrigin, detail));
    }
    if header.index != index {
        let detail = format!("the entry is {}, the proof is for entry {index}", header.index);
        return Err(Fault::at(index, FaultKind::WrongIndex, detail));
    }
    Ok(())
}

/// The rest of the entry's form; gives the event.
pub(crate) fn check_form<'a>(
    origin: &Name,
    header: &Header,
    entry: &'a [u8],
) -> Result<&'a [u8], Fault> {
    let index = header.index;
    let parsed = Entry::parse(entry).map_err(|error| entry_fault(index, &error))?;
    let body = read_body(index, entry, first_line(entry).len())?;
    let is_own = header.auth.is_log();
    if body.is_reserved && !is_own {
        let detail = "the action is graven.*, but the log did not write it (auth is not log)";
        return Err(Fault::at(index, FaultKind::OwnEntryForged, detail));
    }
    if is_own {
        read_own(origin, index, body.event)?;
    }
    Ok(parsed.event)
}

fn check_producer(
    origin: &Name,
    header: &Header,
    event: &[u8],
    proof: &TlogProof,
    keys: &[VerifierKey],
) -> Result<ProducerSignature, Fault> {
    let bad = |detail: String| {
        Fault::at(header.index, FaultKind::AttestationBad, format!("extra: {detail}"))
    };
    let Some(extra) = &proof.extra else { return Ok(ProducerSignature::None) };
    let (Some(stream), Some(seq)) = (&header.stream, header.seq) else {
        return Err(bad("the event is in no stream, so no producer can have signed it".into()));
    };
    let extra = Extra::parse(extra).map_err(|error| bad(with_causes(&error)))?;
    let attestation = graven_entry::Attestation::parse(&extra.attestation)
        .map_err(|error| bad(with_causes(&error)))?;
    let key = keys
        .iter()
        .find(|key| key.name().as_str() == stream.as_str() && key.id() == attestation.key_id);
    let Some(key) = key else { return Ok(ProducerSignature::KeyUnknown) };
    extra
        .verify_event(origin, stream, seq, event, std::slice::from_ref(key))
        .map_err(|error| bad(with_causes(&error)))?;
    Ok(ProducerSignature::Verified { key: key.to_string() })
}

fn not_checked(
    header: &Header,
    producer: &ProducerSignature,
    has_policy: bool,
) -> Vec<&'static str> {
    let is_verified = matches!(producer, ProducerSignature::Verified { .. });
    [
        (!is_verified && is_signed(header), "the producer's signature"),
        (header.stream.is_some(), "that the stream's other events are in the log"),
        (!has_policy, "cosignatures: the log's word alone stands for there being one tree"),
    ]
    .into_iter()
    .filter_map(|(applies, what)| applies.then_some(what))
    .collect()
}

pub(crate) fn header_fault(index: LeafIndex, error: &HeaderError) -> Fault {
    entry_fault(index, &graven_entry::EntryError::Header(error.clone()))
}
