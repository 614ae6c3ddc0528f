//! What somebody is given of a search: entries, and one proof for all of them.
//!
//! Lines of JSON: `{"graven":"results/v1"}`, then `{"index":i,"entry":"…"}` for each entry, in the
//! order of their indexes, and last `{"checkpoint":"…","proof":["…",…]}`: the signed note, and the
//! hashes of [`inclusion_proof_of_many`](graven_merkle::inclusion_proof_of_many) in base64. The
//! members stand in this order and no others do, so that every reader of JSON sees what is
//! verified here.

use graven_entry::{Header, Name, with_causes, write_json_string};
use graven_merkle::{Hash, LeafIndex, leaf_hash, verify_inclusion_of_many};
use graven_note::{Checkpoint, Policy, PolicyVerdict, VerifierKey};

use crate::checkpoint::{CheckpointVerdict, verify_checkpoint};
use crate::entry::{check_form, check_place, header_fault};
use crate::export::{Cursor, ExportLine, parse_export_line, write_export_entry};
use crate::fault::{Fault, FaultKind};
use crate::form::{first_line, is_signed};
use crate::limits::{RESULTS_BYTES_MAX, RESULTS_ENTRIES_MAX};

/// The first line.
const FIRST_LINE: &[u8] = b"{\"graven\":\"results/v1\"}";

/// Entries with one proof. Reading them judges nothing: [`verify_results`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// Index and bytes of each entry.
    pub entries: Vec<(LeafIndex, Vec<u8>)>,
    /// The signed note of the checkpoint whose tree has them.
    pub checkpoint: Vec<u8>,
    /// The hashes that lead from the entries to that tree's root, left to right.
    pub proof: Vec<Hash>,
}

/// What a proof has shown of some entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsVerdict {
    /// How many entries.
    pub entries: usize,
    /// The tree that has them.
    pub checkpoint: Checkpoint,
    /// The verifier keys of the log whose signatures on the checkpoint hold.
    pub keys_used: Vec<String>,
    /// What the policy says, where one was given.
    pub policy: Option<PolicyVerdict>,
    /// What this verdict does not say, one short phrase each.
    pub not_checked: Vec<&'static str>,
}

impl Results {
    /// Reads the lines.
    pub fn parse(bytes: &[u8]) -> Result<Results, Fault> {
        if bytes.len() > RESULTS_BYTES_MAX {
            let detail = format!("it has {} bytes, at most {RESULTS_BYTES_MAX} fit", bytes.len());
            return Err(malformed(&detail));
        }
        let mut lines = bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(malformed("the first line is not {\"graven\":\"results/v1\"}"));
        }
        let mut entries = Vec::new();
        while let Some(line) = lines.next() {
            if let Some((checkpoint, proof)) = last_line(&mut Cursor { rest: line }) {
                if lines.next().is_some() {
                    let detail = "a line stands after the checkpoint, which must be the last";
                    return Err(Fault::of_log(FaultKind::TrailingBytes, detail));
                }
                return Ok(Results { entries, checkpoint, proof });
            }
            let ExportLine::Entry { index, entry } = parse_export_line(line)? else {
                return Err(malformed("the checkpoint's line has no \"proof\":[...] behind it"));
            };
            if entries.len() == RESULTS_ENTRIES_MAX {
                return Err(malformed(&format!("more than {RESULTS_ENTRIES_MAX} entries")));
            }
            entries.push((index, entry));
        }
        let detail = "it ends without its checkpoint and proof: it was cut off";
        Err(Fault::of_log(FaultKind::MissingEntry, detail))
    }

    /// Writes the lines, each with its line feed.
    pub fn write(&self) -> Vec<u8> {
        let mut out = [FIRST_LINE, b"\n"].concat();
        for (index, entry) in &self.entries {
            write_export_entry(&mut out, *index, entry);
        }
        out.extend_from_slice(b"{\"checkpoint\":");
        write_json_string(&mut out, &String::from_utf8_lossy(&self.checkpoint));
        out.extend_from_slice(b",\"proof\":[");
        for (place, hash) in self.proof.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            out.extend_from_slice(format!("{comma}\"{hash}\"").as_bytes());
        }
        out.extend_from_slice(b"]}\n");
        out
    }
}

/// Verifies entries by their one proof, offline: that the checkpoint is the log's and satisfies the
/// policy, that its tree has each entry at its index, and each entry's form.
///
/// `keys` are the log's; where there are none, the policy's logs are taken. That these are all
/// entries that a search should have found is not shown: the absence of an entry can't be.
pub fn verify_results(
    results: &Results,
    origin: &Name,
    keys: &[VerifierKey],
    policy: Option<&Policy>,
) -> Result<ResultsVerdict, Fault> {
    let headers: Vec<_> =
        results.entries.iter().map(|(_, entry)| Header::parse(first_line(entry))).collect();
    for ((index, _), header) in results.entries.iter().zip(&headers) {
        if let Ok(header) = header {
            check_place(header, origin, *index)?;
        }
    }
    let CheckpointVerdict { checkpoint, keys_used, policy } =
        verify_checkpoint(&results.checkpoint, origin, keys, policy)?;
    let leaves: Vec<_> =
        results.entries.iter().map(|(index, entry)| (*index, leaf_hash(entry))).collect();
    verify_inclusion_of_many(&leaves, checkpoint.size, &results.proof, &checkpoint.root)
        .map_err(|error| Fault::of_log(FaultKind::LeafMismatch, with_causes(&error)))?;
    let mut is_any_signed = false;
    for ((index, entry), header) in results.entries.iter().zip(headers) {
        let header = header.map_err(|error| header_fault(*index, &error))?;
        check_form(origin, &header, entry)?;
        is_any_signed |= is_signed(&header);
    }
    Ok(ResultsVerdict {
        entries: leaves.len(),
        checkpoint,
        keys_used,
        not_checked: not_checked(is_any_signed, policy.is_some()),
        policy,
    })
}

fn not_checked(is_any_signed: bool, has_policy: bool) -> Vec<&'static str> {
    [
        (
            true,
            "absence and totals: whether these are all entries that the search should have found",
        ),
        (is_any_signed, "the producers' signatures"),
        (!has_policy, "cosignatures: the log's word alone stands for there being one tree"),
    ]
    .into_iter()
    .filter_map(|(applies, what)| applies.then_some(what))
    .collect()
}

fn last_line(cursor: &mut Cursor<'_>) -> Option<(Vec<u8>, Vec<Hash>)> {
    cursor.token(b"{")?;
    cursor.token(b"\"checkpoint\"")?;
    cursor.token(b":")?;
    let checkpoint = cursor.string()?.into_bytes();
    cursor.token(b",")?;
    cursor.token(b"\"proof\"")?;
    cursor.token(b":")?;
    cursor.token(b"[")?;
    let mut proof = Vec::new();
    while cursor.token(b"]").is_none() {
        if !proof.is_empty() {
            cursor.token(b",")?;
        }
        proof.push(cursor.string()?.parse().ok()?);
    }
    cursor.token(b"}")?;
    cursor.rest.is_empty().then_some((checkpoint, proof))
}

fn malformed(detail: &str) -> Fault {
    Fault::of_log(FaultKind::ExportMalformed, detail)
}
