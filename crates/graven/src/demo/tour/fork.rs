//! The fork: a thief with the signing key opens another history and signs it.

use std::fs;
use std::path::{Path, PathBuf};

use append::Batch;
use graven_entry::{AuthMethod, Grade, Name, with_causes};
use graven_note::{VerifierKey, open_checkpoint};
use graven_verify::compare_heads;
use log::{Cell, CellLimits, CellOptions, Env, LogHandle, OnFatal, Writer};

use super::super::LOG;
use super::super::place::Place;
use super::check::Seen;
use crate::commands::serve::open_failure;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

/// The event with which the other history goes on.
const NEXT_EVENT: &[u8] = br#"{"actor":{"type":"service","id":"backup-rotation"},"action":"backup.rotate","outcome":"success"}"#;

/// A signed other history.
#[derive(Debug)]
pub(super) struct Forked {
    /// Its checkpoint at the size that the first history had when it was stolen.
    note: PathBuf,
    pub(super) size: u64,
    pub(super) size_after: u64,
}

/// Opens the data directory `data` with the keys of the demo's server, signs what is there and appends to it.
pub(super) fn sign(place: &Place, data: &Path) -> Result<Forked, Failure> {
    files::copy_tree(&place.data().join("keys"), &data.join("keys"))?;
    // The journal is longer than a server's would ever be, and need not be unloaded for one event.
    let limits = CellLimits {
        journal_unload_bytes: u64::MAX,
        journal_max_bytes: u64::MAX,
        ..CellLimits::default()
    };
    let options = CellOptions { limits, on_fatal: OnFatal::StopCell, ..CellOptions::new(data) };
    let (cell, _) = Cell::open(Env::real(), options).map_err(|error| open_failure(data, &error))?;
    let note = place.tour().join("4-forked.checkpoint");
    let result = cell.log(LOG).ok_or_else(|| Failure::bad("the fork has no log")).and_then(|log| {
        let size = log.size().0;
        let checkpoint = log.checkpoint();
        let checkpoint = checkpoint
            .map_err(|error| Failure::caused(Exit::Bad, "the fork was not signed", &error))?;
        files::write(&note, &checkpoint)?;
        append_next(&log)?;
        Ok(Forked { note, size, size_after: log.size().0 })
    });
    cell.stop();
    result
}

/// Compares the checkpoint of the fork with the one of a receipt: both signed by the log's key.
pub(super) fn compare(place: &Place, forked: &Forked) -> Result<Seen, Failure> {
    let vkey = read(&place.vkey())?;
    let bad = |what: &str, error: &dyn std::error::Error| {
        Failure::bad(format!("{what}: {}", with_causes(error)))
    };
    let key: VerifierKey = vkey.trim().parse().map_err(|error| bad("the log's key", &error))?;
    let origin = key.name().to_string();
    let keys = [key];
    let open = |path: &Path| {
        let opened = open_checkpoint(read(path)?.as_bytes(), &origin, &keys, &[]);
        opened
            .map(|opened| opened.checkpoint)
            .map_err(|error| bad(&path.display().to_string(), &error))
    };
    let (receipt, fork) = (open(&place.receipt())?, open(&forked.note)?);
    let is_same_size = receipt.size == fork.size;
    let fault = compare_heads(&receipt, &fork, &[]).err().filter(|_| is_same_size);
    let last = receipt.size.0.checked_sub(1);
    Ok(Seen {
        is_good: Some(fault.is_none()),
        what: fault.as_ref().map(|fault| fault.kind.as_str().to_owned()),
        first_bad_index: fault.as_ref().and(last),
        words: format!(
            "size {}: root {} in the receipt, root {} in the fork",
            fork.size, receipt.root, fork.root
        ),
        not_checked: Vec::new(),
    })
}

fn append_next(log: &LogHandle) -> Result<(), Failure> {
    let id = Name::new("backup-rotation").map_err(Failure::usage)?;
    let auth = AuthMethod::new("token").map_err(Failure::usage)?;
    let writer = Writer { id, auth, grade: Grade::Asserted };
    let appended =
        log.submit(&writer, Batch::of(vec![NEXT_EVENT.to_vec()])).and_then(log::Pending::wait);
    appended
        .map(drop)
        .map_err(|refusal| Failure::bad(format!("the fork did not go on: {}", refusal.detail)))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))
}
