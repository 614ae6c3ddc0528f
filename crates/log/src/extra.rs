//! The `extra` line of a proof: what lets one entry's producer signature be checked alone (design §3).
//!
//! One attestation signs a whole batch by the head of its stream's chain. The line carries the chain head before the entry, the
//! hashes of the events that follow it in the batch, and the attestation.

use crate::read::{ReadError, Reader, malformed};
use crate::shared::LogShared;
use append::BATCH_EVENTS_MAX;
use graven_entry::{EntryParts, Extra, Grade, Header, chain_next, event_hash};
use graven_merkle::{Hash, LeafIndex};

/// One entry as the line needs it.
struct Link {
    header: Header,
    event: Hash,
    attestation: Option<Vec<u8>>,
}

/// The line for an entry; `None` for one that no producer signed.
pub(crate) fn extra(
    reader: &Reader,
    log: &LogShared,
    index: LeafIndex,
) -> Result<Option<Vec<u8>>, ReadError> {
    let entry = link(reader, log, index)?;
    if entry.header.grade != Grade::Signed {
        return Ok(None);
    }
    let (first, chain) = batch_start(reader, log, index)?;
    let mut before = chain;
    for at in first..index.0 {
        before = chain_next(&before, &link(reader, log, LeafIndex(at))?.event);
    }
    let (mut following, mut last, mut at) = (Vec::new(), entry, index.0);
    while last.attestation.is_none() {
        if following.len() >= BATCH_EVENTS_MAX {
            return Err(ReadError::Malformed {
                index,
                why: "its batch has no attestation".to_owned(),
            });
        }
        at += 1;
        last = link(reader, log, LeafIndex(at))?;
        following.push(last.event);
    }
    let attestation = last.attestation.unwrap_or_default();
    Ok(Some(Extra { chain: before, following, attestation }.to_bytes()))
}

/// The first entry of the attested batch that `index` belongs to, with the chain head before it. A batch is contiguous.
fn batch_start(
    reader: &Reader,
    log: &LogShared,
    index: LeafIndex,
) -> Result<(u64, Hash), ReadError> {
    let lowest = index.0.saturating_sub(BATCH_EVENTS_MAX as u64);
    for at in (lowest..=index.0).rev() {
        if let Some(chain) = reader.chain_before(log, LeafIndex(at))? {
            return Ok((at, chain));
        }
    }
    Err(ReadError::Malformed { index, why: "the start of its batch is not marked".to_owned() })
}

fn link(reader: &Reader, log: &LogShared, index: LeafIndex) -> Result<Link, ReadError> {
    let bytes = reader.entry(log, index)?;
    let parts = EntryParts::split(&bytes).map_err(|error| malformed(index, &error))?;
    let header = Header::parse(parts.header_line).map_err(|error| malformed(index, &error))?;
    let event = event_hash(parts.event());
    Ok(Link { header, event, attestation: parts.attestation.map(<[u8]>::to_vec) })
}
