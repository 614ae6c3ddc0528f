//! The checker: whether a log that has recovered is what everyone outside was told (I1 to I5, I7, I8, I10).

use crate::history::{History, Outcome, ReadEntry, ReadLog, Sent, Source, Violation, number_of};
use crate::offline;
use crate::world::World;
use graven_entry::Entry;
use graven_merkle::{
    EMPTY_ROOT, Hash, LeafIndex, TileKind, TilePath, TreeSize, leaf_hash, parse_bundle,
    tile_width_at, verify_inclusion,
};
use graven_note::TlogProof;
use log::limits::BUNDLE_ENTRIES;
use log::{Cell, LogHandle};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Checks every log of a cell against the history, and remembers what it read: every entry is read, and those that an
/// earlier check saw must have the same bytes, which are then not hashed and parsed again.
pub fn check_cell(cell: &Cell, history: &mut History) -> Result<(), Violation> {
    let mut names = Vec::new();
    for log in cell.logs() {
        let name = log.name().to_string();
        if let Some(reason) = log.info().ended {
            return Err(Violation::new("I4", format!("log {name} has ended: {reason}")));
        }
        check_log(&log, &name, history)?;
        names.push(name);
    }
    for name in history.signed.keys() {
        if !names.contains(name) {
            return Err(Violation::new("I1", format!("log {name} is gone")));
        }
    }
    Ok(())
}

/// Checks as [`check_cell`] does, hashing and parsing everything anew.
pub fn check_cell_anew(cell: &Cell, history: &mut History) -> Result<(), Violation> {
    let before = std::mem::take(&mut history.read);
    check_cell(cell, history)?;
    for (name, read) in before {
        let anew = history.read.get(&name).map_or(&[][..], |anew| &anew.entries);
        let is_same = |(old, new): (&Arc<ReadEntry>, &Arc<ReadEntry>)| old.leaf == new.leaf;
        if anew.len() < read.entries.len() || !read.entries.iter().zip(anew).all(is_same) {
            return Err(Violation::new("I8", format!("log {name}: what was read has changed")));
        }
    }
    Ok(())
}

/// Verifies the data directory as it lies there, without a server (I7).
pub fn check_offline(world: &World, history: &History) -> Result<(), Violation> {
    offline::verify(world.seen_disk(), history).map_err(|what| Violation::new("I7", what))
}

fn check_log(log: &LogHandle, name: &str, history: &mut History) -> Result<(), Violation> {
    let mut read = history.read.get(name).cloned().unwrap_or_default();
    read_all(log, name, &mut read, &history.sent)?;
    check_signed(&read, name, history)?;
    let mut places: BTreeMap<u64, Vec<LeafIndex>> = BTreeMap::new();
    for (index, entry) in (0..).map(LeafIndex).zip(&read.entries) {
        if let Source::Sent(number) = entry.source {
            places.entry(number).or_default().push(index);
        }
    }
    for (number, sent) in history.sent.iter().filter(|(_, sent)| sent.log == name) {
        check_sent(&read, *number, sent, places.get(number).map_or(&[], Vec::as_slice))?;
        check_blob(log, *number, sent)?;
    }
    if let Some(at) = read.entries.iter().position(|entry| entry.source == Source::Nobody) {
        return Err(Violation::new("I8", format!("log {name}: nobody sent entry {at}")));
    }
    check_proof(log, &read, name, history)?;
    history.read.insert(name.to_owned(), read);
    Ok(())
}

/// Reads every entry: those that were read before are as they were (I8), the others contiguous, chained, in time (I3, I10).
fn read_all(
    log: &LogHandle,
    name: &str,
    read: &mut ReadLog,
    sent: &BTreeMap<u64, Sent>,
) -> Result<(), Violation> {
    let info = log.info();
    if (info.size.0 as usize) < read.entries.len() {
        return Err(Violation::new("I8", format!("log {name}: an entry that was read is gone")));
    }
    for number in 0..info.size.0.div_ceil(BUNDLE_ENTRIES) {
        let width = tile_width_at(0, number, info.size);
        let path = TilePath { kind: TileKind::Entries, index: number, width };
        let place = || format!("log {name}, {path}");
        let bytes = log.tile(&path).map_err(|e| Violation::of_read("I3", &place(), &e))?;
        let entries = parse_bundle(&bytes, width)
            .map_err(|error| Violation::new("I3", format!("{}: {error}", place())))?;
        for (index, bytes) in (number * BUNDLE_ENTRIES..).zip(entries) {
            match read.entries.get(index as usize) {
                Some(known) if known.bytes == bytes => {}
                Some(_) => {
                    let what = format!("log {name}: entry {index} was read and has changed");
                    return Err(Violation::new("I8", what));
                }
                None => read_new(read, bytes, name, sent)?,
            }
        }
    }
    if read.frontier.root() != info.root {
        let what = format!("log {name} states another root at {}", info.size);
        return Err(Violation::new("I7", what));
    }
    check_single(log, name, read)
}

/// An entry that is asked for alone is the one of its bundle: the last one, which may be in memory only.
fn check_single(log: &LogHandle, name: &str, read: &ReadLog) -> Result<(), Violation> {
    let Some(entry) = read.entries.last() else { return Ok(()) };
    let index = LeafIndex(read.entries.len() as u64 - 1);
    let place = format!("log {name}, entry {index}");
    let bytes = log.entry(index).map_err(|error| Violation::of_read("I3", &place, &error))?;
    if bytes == entry.bytes {
        return Ok(());
    }
    Err(Violation::new("I8", format!("{place} is another one than in its bundle")))
}

/// Takes in the entry that follows those that were read.
fn read_new(
    read: &mut ReadLog,
    bytes: &[u8],
    name: &str,
    sent: &BTreeMap<u64, Sent>,
) -> Result<(), Violation> {
    let index = LeafIndex(read.entries.len() as u64);
    let bad = |invariant, what: String| {
        Violation::new(invariant, format!("log {name}, entry {index}: {what}"))
    };
    let entry = Entry::parse(bytes).map_err(|error| bad("I8", error.to_string()))?;
    let prev = read.entries.last().map_or(EMPTY_ROOT, |last| last.leaf);
    if entry.header.index != index || entry.header.prev != prev {
        return Err(bad("I3", "its header does not continue the log".to_owned()));
    }
    // All times have the same number of digits.
    let time = entry.header.time.to_string();
    if read.entries.last().is_some_and(|last| last.time >= time) {
        return Err(bad("I10", format!("its time {time} does not increase")));
    }
    let ours = || {
        let number = number_of(entry.event)?;
        let sent = sent.get(&number)?;
        (sent.log == name && *sent.event == *entry.event).then_some(Source::Sent(number))
    };
    let source =
        if entry.header.auth.is_log() { Source::Log } else { ours().unwrap_or(Source::Nobody) };
    let leaf = leaf_hash(bytes);
    read.frontier.push(leaf);
    let root = read.frontier.root();
    read.entries.push(Arc::new(ReadEntry { bytes: bytes.to_vec(), leaf, root, time, source }));
    Ok(())
}

/// Every checkpoint that anyone saw is of this tree (I4, I5).
fn check_signed(read: &ReadLog, name: &str, history: &History) -> Result<(), Violation> {
    for (size, root) in history.signed.get(name).into_iter().flatten() {
        let have = match size.0.checked_sub(1) {
            None => Some(EMPTY_ROOT),
            Some(last) => read.entries.get(last as usize).map(|entry| entry.root),
        };
        match have {
            Some(have) if have == *root => {}
            Some(_) => {
                let what = format!("log {name} has another root at the signed size {size}");
                return Err(Violation::new("I5", what));
            }
            None => {
                let have = read.entries.len();
                let what = format!("log {name} has {have} entries, size {size} was signed");
                return Err(Violation::new("I4", what));
            }
        }
    }
    Ok(())
}

/// An acknowledged event is there once, where and as its receipt says; an unknown one at most once; a refused one never
/// (I1, I2).
fn check_sent(
    read: &ReadLog,
    number: u64,
    sent: &Sent,
    places: &[LeafIndex],
) -> Result<(), Violation> {
    match &sent.outcome {
        Outcome::Acked { index, leaf, time } => {
            let entry = read.entries.get(index.0 as usize);
            if places != [*index] || entry.is_none_or(|entry| entry.leaf != *leaf) {
                let what =
                    format!("event {number} was acknowledged at {index}, it is at {places:?}");
                return Err(Violation::new("I1", what));
            }
            if entry.is_none_or(|entry| entry.time != *time) {
                return Err(Violation::new("I1", format!("event {number} has another time")));
            }
        }
        Outcome::Unknown if places.len() > 1 => {
            return Err(Violation::new("I2", format!("event {number} is there twice: {places:?}")));
        }
        Outcome::Refused if !places.is_empty() => {
            return Err(Violation::new("I2", format!("event {number} was refused and is there")));
        }
        Outcome::Unknown | Outcome::Refused => {}
    }
    Ok(())
}

/// The sidecar of an acknowledged event committed with it.
fn check_blob(log: &LogHandle, number: u64, sent: &Sent) -> Result<(), Violation> {
    let (Outcome::Acked { index, .. }, Some(blob)) = (&sent.outcome, &sent.blob) else {
        return Ok(());
    };
    let stored = log.sidecars(*index);
    let stored = stored.map_err(|error| Violation::of_read("I1", "sidecars", &error))?;
    if stored.len() == 1 && stored[0].bytes == **blob {
        return Ok(());
    }
    let what = format!("event {number} has {} sidecars, it brought one", stored.len());
    Err(Violation::new("I1", what))
}

/// The last entry's proof verifies against a checkpoint with the log's signature (I7).
fn check_proof(
    log: &LogHandle,
    read: &ReadLog,
    name: &str,
    history: &mut History,
) -> Result<(), Violation> {
    let Some(last) = read.entries.len().checked_sub(1) else { return Ok(()) };
    let place = format!("log {name}, proof of {last}");
    let bad = |what: String| Violation::new("I7", format!("{place}: {what}"));
    let index = LeafIndex(last as u64);
    let text = log.proof(index).map_err(|error| Violation::of_read("I7", &place, &error))?;
    let proof = TlogProof::parse(text.as_bytes()).map_err(|error| bad(error.to_string()))?;
    let checkpoint = history.saw_checkpoint(name, &proof.checkpoint, &log.info().all_vkeys)?;
    let (size, root): (TreeSize, Hash) = (checkpoint.size, checkpoint.root);
    verify_inclusion(index, size, &read.entries[last].leaf, &proof.hashes, &root)
        .map_err(|error| bad(error.to_string()))
}
