//! Verification of a simulated data directory by `graven-verify`, as anyone could do who has only the files.

use crate::history::History;
use crate::limits::SIGNATURES_CHECKED_MAX;
use crate::world::DATA;
use env::Disk;
use graven_entry::{Entry, LogName, with_causes};
use graven_note::{Checkpoint, Note};
use graven_verify::{Entries, KeySource, LogVerifier, VerifyOptions, check_run_with};
use log::offline::{OfflineCell, OfflineLog};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// Verifies every log that the directory holds, as it is after a start: no frame is half-written. The text says what is wrong, with its causes.
pub fn verify(disk: Arc<dyn Disk>, history: &History) -> Result<(), String> {
    let cell = OfflineCell::open(disk, Path::new(DATA)).map_err(|error| with_causes(&error))?;
    if let Some(torn) = &cell.journal().unfinished {
        return Err(format!("slot {} is not whole: {}", torn.slot, torn.why));
    }
    for name in cell.logs() {
        verify_log(&cell, &name, history).map_err(|what| format!("log {name}: {what}"))?;
    }
    Ok(())
}

fn verify_log(cell: &OfflineCell, name: &LogName, history: &History) -> Result<(), String> {
    let log = cell.log(name).map_err(|error| with_causes(&error))?;
    if log.size().0 == 0 {
        // A log whose creation a crash cut off; the next start opens it.
        return Ok(());
    }
    let mut verifier = LogVerifier::new(log.origin().clone(), VerifyOptions { policy: None });
    for stated in log.stated_roots() {
        let expected = verifier.expect_root(stated.size, stated.root, &stated.place);
        expected.map_err(|fault| fault.to_string())?;
    }
    for (size, root) in history.signed.get(name.as_str()).into_iter().flatten() {
        let expected = verifier.expect_root(*size, *root, "a checkpoint that was seen");
        expected.map_err(|fault| fault.to_string())?;
    }
    let mut notes = Vec::new();
    for note in log.checkpoints().map_err(|error| with_causes(&error))? {
        let checkpoint = stated(&note)?;
        let expected =
            verifier.expect_root(checkpoint.size, checkpoint.root, "a checkpoint in a file");
        expected.map_err(|fault| fault.to_string())?;
        notes.push((checkpoint.size, note));
    }
    push_chunks(&log, &mut verifier)?;
    notes.sort();
    notes.dedup();
    // Every stated root is compared; the signatures of the newest are enough, each takes longer than all the rest. The
    // very last is the verdict's own.
    for (_, note) in notes.iter().rev().take(SIGNATURES_CHECKED_MAX).skip(1) {
        let head = verifier.check_head(note.as_bytes(), &KeySource::FromLog);
        head.map_err(|fault| fault.to_string())?;
    }
    let verdict = match notes.last() {
        Some((_, note)) => verifier.finish(note.as_bytes(), &KeySource::FromLog),
        None => verifier.finish_unsigned(),
    };
    verdict.map(drop).map_err(|fault| fault.to_string())
}

fn push_chunks(log: &OfflineLog, verifier: &mut LogVerifier) -> Result<(), String> {
    for chunk in log.chunks() {
        log.check_file(&chunk).map_err(|error| with_causes(&error))?;
        let mut entries = Entries::default();
        let mut each = |_, entry: &[u8]| ControlFlow::Continue(entries.push(entry));
        log.read(&chunk, &mut each).map_err(|error| with_causes(&error))?;
        if chunk.first.0 == 0 {
            check_opening(log, entries.iter().next())?;
        }
        let keys = verifier.stream_keys();
        let run = check_run_with(log.origin(), chunk.first, &entries, &keys);
        let pushed = run.and_then(|run| verifier.push_run(run));
        pushed.map_err(|fault| fault.to_string())?;
    }
    Ok(())
}

/// The meta file repeats the event of entry 0.
fn check_opening(log: &OfflineLog, first: Option<&[u8]>) -> Result<(), String> {
    let first = first.ok_or("it has no entry 0")?;
    let entry = Entry::parse(first).map_err(|error| error.to_string())?;
    if entry.event == log.opening().as_bytes() {
        return Ok(());
    }
    Err("its meta file states another opening event than entry 0".to_owned())
}

fn stated(note: &str) -> Result<Checkpoint, String> {
    let note = Note::parse(note.as_bytes()).map_err(|error| error.to_string())?;
    Checkpoint::parse(note.text()).map_err(|error| error.to_string())
}
