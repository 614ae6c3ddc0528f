//! A `.tlog-proof` with its entry, or one proof for many entries, checked offline.

use std::path::Path;

use client::LogKeys;
use graven_entry::{Entry, Name, with_causes};
use graven_note::{Checkpoint, PolicyVerdict, TlogProof};
use graven_verify::limits::{EVIDENCE_BYTES_MAX, RESULTS_BYTES_MAX};
use graven_verify::{
    Evidence, FaultKind, ProducerSignature, Results, compare_heads, open_disclosures, verify_entry,
    verify_results,
};
use serde_json::json;

use super::check::Asked;
use super::remember::Memory;
use super::source::{ReadFault, bad};
use super::verdict::LogReport;
use crate::connect::KeysFrom;
use crate::failure::Failure;
use crate::files;

/// Bytes of a proof, and of an entry that may have a line end too many.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What a proof is checked with.
pub(crate) struct ProofFiles<'a> {
    pub(crate) proof: &'a Path,
    pub(crate) entry: &'a Path,
    /// One encoded disclosure a line.
    pub(crate) disclosures: Option<&'a Path>,
}

/// Verifies an entry by its proof, with the disclosures that are given.
pub(crate) fn check_proof(
    paths: &ProofFiles<'_>,
    asked: &Asked,
    memory: Option<&mut Memory>,
) -> Result<LogReport, Failure> {
    let proof = files::read(paths.proof, FILE_BYTES_MAX)?;
    let entry = files::read(paths.entry, FILE_BYTES_MAX)?;
    let disclosures = match paths.disclosures {
        Some(path) => Some(lines_of(&files::read(path, EVIDENCE_BYTES_MAX as u64)?)),
        None => None,
    };
    check_shown((&proof, &entry), disclosures.as_deref(), asked, memory)
}

/// Verifies what stands of an entry in one file.
pub(crate) fn check_evidence(
    path: &Path,
    asked: &Asked,
    memory: Option<&mut Memory>,
) -> Result<LogReport, Failure> {
    let bytes = files::read(path, EVIDENCE_BYTES_MAX as u64)?;
    match Evidence::parse(&bytes) {
        Ok(Evidence { entry, proof, disclosures }) => {
            let shown = (proof.as_bytes(), entry.as_bytes());
            check_shown(shown, Some(&disclosures), asked, memory)
        }
        Err(fault) => {
            let fault = Some(ReadFault::from(fault).finding()?);
            Ok(LogReport { fault, ..LogReport::default() })
        }
    }
}

/// Verifies what a search found, by the one proof in the file.
pub(crate) fn check_results(
    path: &Path,
    asked: &Asked,
    memory: Option<&mut Memory>,
) -> Result<LogReport, Failure> {
    let (keys, mut report) = begin(asked)?;
    report.is_choice = true;
    let bytes = files::read(path, RESULTS_BYTES_MAX as u64)?;
    if let Err(fault) = judge_results(&bytes, keys, asked, memory, &mut report) {
        report.fault = Some(fault.finding()?);
    }
    Ok(report)
}

fn judge_results(
    bytes: &[u8],
    keys: &LogKeys,
    asked: &Asked,
    memory: Option<&mut Memory>,
    report: &mut LogReport,
) -> Result<(), ReadFault> {
    let results = Results::parse(bytes)?;
    let verdict = verify_results(&results, &keys.origin, &keys.keys, asked.policy.as_ref())?;
    tell_head(&verdict.checkpoint, &verdict.keys_used, verdict.policy.as_ref(), report);
    report.checked.insert("entries".to_owned(), verdict.entries.into());
    report.not_checked.extend(verdict.not_checked.iter().map(|what| (*what).to_owned()));
    if let Some(memory) = memory {
        compare(memory, &verdict.checkpoint, &results.checkpoint, report)?;
    }
    Ok(())
}

/// A proof without a key shows nothing, so one has to be given.
fn begin(asked: &Asked) -> Result<(&LogKeys, LogReport), Failure> {
    let Some(keys) = &asked.keys else {
        return Err(Failure::usage("a proof is checked with the log's key; give --vkey KEY or FILE")
            .hint("It is printed by `graven key list`, and lies in logs/<log>/vkey of the data directory."));
    };
    let report = LogReport {
        origin: Some(keys.origin.to_string()),
        keys_from: Some(KeysFrom::Given),
        ..LogReport::default()
    };
    Ok((keys, report))
}

fn tell_head(
    checkpoint: &Checkpoint,
    keys_used: &[String],
    policy: Option<&PolicyVerdict>,
    report: &mut LogReport,
) {
    report.size = Some(checkpoint.size.0);
    report.root = Some(checkpoint.root.to_string());
    report.keys_used = keys_used.to_vec();
    let witnesses = policy.into_iter().flat_map(|policy| &policy.cosigned_by);
    report.cosigned_by = witnesses.map(ToString::to_string).collect();
}

fn check_shown(
    (proof, entry): (&[u8], &[u8]),
    disclosures: Option<&[String]>,
    asked: &Asked,
    memory: Option<&mut Memory>,
) -> Result<LogReport, Failure> {
    let (keys, mut report) = begin(asked)?;
    let judged = judge(proof, entry, keys, asked, memory, &mut report)
        .and_then(|()| disclosures.map_or(Ok(()), |encoded| open(entry, encoded, &mut report)));
    match judged {
        Ok(()) => Ok(report),
        Err(fault) => {
            report.fault = Some(fault.finding()?);
            Ok(report)
        }
    }
}

fn judge(
    proof: &[u8],
    entry: &[u8],
    keys: &LogKeys,
    asked: &Asked,
    memory: Option<&mut Memory>,
    report: &mut LogReport,
) -> Result<(), ReadFault> {
    let proof = TlogProof::parse(proof).map_err(|error| {
        bad(
            None,
            FaultKind::SignatureBad,
            format!("the proof is malformed: {}", with_causes(&error)),
        )
    })?;
    let origin = origin_of(entry, &keys.origin)?;
    let verdict = verify_entry(entry, &proof, &origin, &keys.keys, asked.policy.as_ref())?;
    tell_head(&verdict.checkpoint, &verdict.keys_used, verdict.policy.as_ref(), report);
    report.checked.insert("entries".to_owned(), 1.into());
    report.checked.insert("index".to_owned(), verdict.index.0.into());
    report.checked.insert("leaf_hash".to_owned(), verdict.leaf.to_string().into());
    report.checked.insert("time".to_owned(), verdict.header.time.to_string().into());
    match &verdict.producer {
        ProducerSignature::None => {}
        ProducerSignature::KeyUnknown => {
            report.not_checked.push("the producer's signature, its key was not given".to_owned());
        }
        ProducerSignature::Verified { key } => {
            report.checked.insert("producer_key".to_owned(), key.as_str().into());
        }
    }
    report.not_checked.extend(verdict.not_checked.iter().map(|what| (*what).to_owned()));
    if let Some(memory) = memory {
        compare(memory, &verdict.checkpoint, &proof.checkpoint, report)?;
    }
    Ok(())
}

/// Opens sealed values of a verified entry.
fn open(entry: &[u8], encoded: &[String], report: &mut LogReport) -> Result<(), ReadFault> {
    let disclosed = open_disclosures(entry, encoded)?;
    let opened = disclosed.opened.iter().map(|value| {
        let text = String::from_utf8_lossy(&value.disclosure.value_json).into_owned();
        json!({ "path": value.path, "value": text })
    });
    report.checked.insert("opened".to_owned(), opened.collect::<Vec<_>>().into());
    if disclosed.withheld > 0 {
        report.not_checked.push(format!("{} sealed values that stay sealed", disclosed.withheld));
    }
    Ok(())
}

fn lines_of(bytes: &[u8]) -> Vec<String> {
    let lines = String::from_utf8_lossy(bytes);
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// A proof brings one checkpoint and no way from another: only the same size can be compared.
fn compare(
    memory: &mut Memory,
    checkpoint: &Checkpoint,
    note: &[u8],
    report: &mut LogReport,
) -> Result<(), ReadFault> {
    match memory.head(&checkpoint.origin)? {
        Some(known) if known.size == checkpoint.size => {
            compare_heads(&known, checkpoint, &[])?;
            report.external_head = Some(("the remembered heads".to_owned(), checkpoint.size.0));
            Ok(())
        }
        Some(known) => {
            let size = known.size;
            report.not_checked.push(format!("that it extends the remembered head of size {size}"));
            Ok(())
        }
        None => memory.learn(checkpoint, note).map_err(ReadFault::from),
    }
}

/// The origin that the entry names, which has to be the key's.
fn origin_of(entry: &[u8], expected: &Name) -> Result<Name, ReadFault> {
    let parsed = Entry::parse(entry).map_err(|error| {
        let why = format!("the entry is malformed: {}", with_causes(&error));
        bad(None, FaultKind::HeaderMalformed, why)
    })?;
    if parsed.header.origin == *expected {
        return Ok(parsed.header.origin);
    }
    let detail = format!("the entry is of {}, the key of {expected}", parsed.header.origin);
    Err(bad(Some(parsed.header.index.0), FaultKind::WrongOrigin, detail))
}
