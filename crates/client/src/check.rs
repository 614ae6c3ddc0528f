//! Checks of answers against the keys of their log.

use append::{Appended, Batch, EntryProof, Receipt};
use graven_entry::{Altered, Entry, Header, compact, with_causes};
use graven_merkle::{LeafIndex, TreeSize, leaf_hash, leaf_hash_parts, verify_consistency};
use graven_note::{Checkpoint, TlogProof, open_checkpoint};
use graven_verify::{Results, verify_results};
use serde_json::Value;

use crate::{ClientError, LogKeys};

/// What could not be told from an append's answer alone, so that the entry has to be read back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReadBack<'a> {
    pub(crate) receipt: &'a Receipt,
    pub(crate) event: &'a [u8],
}

/// The checkpoint in `note`, if a known key of the log signed it.
pub(crate) fn checkpoint(note: &[u8], keys: &LogKeys) -> Result<Checkpoint, ClientError> {
    open_checkpoint(note, keys.origin.as_str(), &keys.keys, &[])
        .map(|opened| opened.checkpoint)
        .map_err(|error| ClientError::unproved("the checkpoint", with_causes(&error)))
}

/// That the proof puts these entry bytes at this index of the log, and that the entry says so itself.
pub(crate) fn entry(
    entry: &[u8],
    index: LeafIndex,
    proof: &[u8],
    keys: &LogKeys,
) -> Result<(), ClientError> {
    let what = || format!("entry {index}");
    let parsed =
        Entry::parse(entry).map_err(|error| ClientError::unproved(what(), with_causes(&error)))?;
    if parsed.header.index != index || parsed.header.origin != keys.origin {
        let header = &parsed.header;
        let why = format!("its header says entry {} of {}", header.index, header.origin);
        return Err(ClientError::unproved(what(), why));
    }
    inclusion(index, &leaf_hash(entry), proof, keys)
}

/// That the proof puts all of these entries at their indexes of the log, and that `shown` says of each what the entry does.
pub(crate) fn results(
    results: &Results,
    shown: &[Value],
    keys: Option<&LogKeys>,
) -> Result<(), ClientError> {
    if let Some(keys) = keys {
        verify_results(results, &keys.origin, &keys.keys, None)
            .map_err(|fault| ClientError::unproved("the results' proof", fault))?;
    }
    for (shown, (index, bytes)) in shown.iter().rev().zip(&results.entries) {
        let what = || format!("result {index}");
        let entry = Entry::parse(bytes)
            .map_err(|error| ClientError::unproved(what(), with_causes(&error)))?;
        let header = &entry.header;
        let is_same = shown["index"] == header.index.0
            && shown["time"] == header.time.to_string()
            && shown["writer"] == header.writer.as_str()
            && shown["grade"] == header.grade.as_str()
            && serde_json::from_slice(entry.event)
                .is_ok_and(|event: Value| shown["event"] == event);
        if !is_same {
            return Err(ClientError::unproved(
                what(),
                "it is shown otherwise than its entry has it",
            ));
        }
    }
    Ok(())
}

/// That two checkpoints are of one growing tree.
pub(crate) fn consistency(
    old: &Checkpoint,
    new: &Checkpoint,
    proof: &[graven_merkle::Hash],
) -> Result<(), ClientError> {
    let (old_size, new_size): (TreeSize, TreeSize) = (old.size, new.size);
    verify_consistency(old_size, new_size, &old.root, &new.root, proof).map_err(|error| {
        ClientError::unproved(format!("growth from {old_size} to {new_size}"), error)
    })
}

/// The receipts of an append: each is under the signed checkpoint, and where proofs came, each entry is the
/// event that was handed in. Returns the events whose entries have to be read back to be sure.
pub(crate) fn appended<'a>(
    batch: &'a Batch,
    answer: &'a Appended,
    keys: &LogKeys,
) -> Result<Vec<ReadBack<'a>>, ClientError> {
    let checkpoint = checkpoint(answer.checkpoint.as_bytes(), keys)?;
    for receipt in &answer.receipts {
        if !receipt.index.is_in(checkpoint.size) {
            let why = format!("the checkpoint covers only {} entries", checkpoint.size);
            return Err(ClientError::unproved(format!("receipt of entry {}", receipt.index), why));
        }
    }
    // What was not taken has no receipt.
    let taken = batch.events.iter().enumerate();
    let taken: Vec<(usize, &Vec<u8>)> = taken
        .filter(|(place, _)| !answer.dropped.iter().any(|dropped| dropped.event == *place))
        .collect();
    if answer.proofs.is_empty() && batch.proof && !taken.is_empty() {
        return Err(ClientError::unproved("the receipts", "proofs were asked for and none came"));
    }
    if !answer.proofs.is_empty() && answer.proofs.len() != taken.len() {
        return Err(ClientError::unproved("the receipts", "some come without a proof"));
    }
    let mut read_back = Vec::new();
    let receipts = answer.receipts.iter().zip(&answer.proofs);
    for ((place, event), (receipt, proof)) in taken.into_iter().zip(receipts) {
        let is_last = place + 1 == batch.events.len();
        let attestation = batch.attestation.as_deref().filter(|_| is_last);
        if !receipt_of(event, attestation, receipt, proof, keys)? {
            read_back.push(ReadBack { receipt, event });
        }
    }
    Ok(read_back)
}

/// Checks one receipt with its proof; `false` where the entry's bytes can't be told from what was sent.
fn receipt_of(
    event: &[u8],
    attestation: Option<&[u8]>,
    receipt: &Receipt,
    proof: &EntryProof,
    keys: &LogKeys,
) -> Result<bool, ClientError> {
    let what = || format!("receipt of entry {}", receipt.index);
    let line = format!("{}\n", proof.header);
    let header = Header::parse(line.as_bytes())
        .map_err(|error| ClientError::unproved(what(), with_causes(&error)))?;
    if header.index != receipt.index
        || header.origin != keys.origin
        || header.time.to_string() != receipt.time
    {
        return Err(ClientError::unproved(what(), "its header has another origin, index or time"));
    }
    inclusion(receipt.index, &receipt.leaf_hash, proof.proof.as_bytes(), keys)?;
    if header.altered.contains(&Altered::Sealed) {
        return Ok(false);
    }
    let compacted;
    let event = if header.altered.contains(&Altered::Compacted) {
        compacted = compact(event);
        compacted.as_slice()
    } else {
        event.trim_ascii()
    };
    let leaf = leaf_hash_parts(&[line.as_bytes(), event, b"\n", attestation.unwrap_or_default()]);
    if leaf == receipt.leaf_hash {
        return Ok(true);
    }
    // A repeated event may have come in another submission first, with the attestation elsewhere.
    if receipt.repeated {
        return Ok(false);
    }
    Err(ClientError::unproved(what(), "its leaf hash is not that of the event that was sent"))
}

/// That entry bytes read back hold the event as it was sent, or as its header says it was altered.
pub(crate) fn holds_event(entry: &[u8], event: &[u8]) -> Result<bool, ClientError> {
    let parsed = Entry::parse(entry)
        .map_err(|error| ClientError::unproved("an entry read back", with_causes(&error)))?;
    let altered = &parsed.header.altered;
    Ok(altered.contains(&Altered::Sealed)
        || parsed.event == event.trim_ascii()
        || (altered.contains(&Altered::Compacted) && parsed.event == compact(event)))
}

fn inclusion(
    index: LeafIndex,
    leaf: &graven_merkle::Hash,
    proof: &[u8],
    keys: &LogKeys,
) -> Result<(), ClientError> {
    let what = || format!("the proof of entry {index}");
    let proof = TlogProof::parse(proof)
        .map_err(|error| ClientError::unproved(what(), with_causes(&error)))?;
    if proof.index != index {
        let why = format!("it is the proof of entry {}", proof.index);
        return Err(ClientError::unproved(what(), why));
    }
    proof
        .verify(leaf, keys.origin.as_str(), &keys.keys, None)
        .map(drop)
        .map_err(|error| ClientError::unproved(what(), with_causes(&error)))
}
