//! The checker: whether a log that has recovered is what everyone outside was told (I1 to I5, I7, I8, I10).

use crate::history::{History, Outcome, Sent, Violation};
use crate::offline;
use crate::world::World;
use graven_entry::{Entry, Time};
use graven_merkle::{EMPTY_ROOT, Frontier, Hash, LeafIndex, TreeSize, leaf_hash, verify_inclusion};
use graven_note::{TlogProof, VerifierKey};
use log::{Cell, LogHandle, LogInfo};
use std::collections::BTreeMap;

/// One log, read whole.
struct Whole {
    leaves: Vec<Hash>,
    /// Roots by size, from 0.
    roots: Vec<Hash>,
    /// Where each event stands, by its bytes.
    events: BTreeMap<Vec<u8>, Vec<LeafIndex>>,
    times: Vec<Time>,
}

/// Checks every log of a cell against the history, and remembers what it read.
pub fn check_cell(cell: &Cell, history: &mut History) -> Result<(), Violation> {
    let mut names = Vec::new();
    for log in cell.logs() {
        let name = log.info().name.to_string();
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

/// Verifies the data directory as it lies there, without a server (I7).
pub fn check_offline(world: &World, history: &History) -> Result<(), Violation> {
    offline::verify(world.seen_disk(), history).map_err(|what| Violation::new("I7", what))
}

fn check_log(log: &LogHandle, name: &str, history: &mut History) -> Result<(), Violation> {
    let whole = read_whole(log, name)?;
    check_prefix(&whole, name, history)?;
    check_signed(&whole, name, history)?;
    for (number, sent) in history.sent.iter().filter(|(_, sent)| sent.log == name) {
        check_sent(&whole, *number, sent)?;
        check_blob(log, *number, sent)?;
    }
    check_foreign(&whole, name, history)?;
    check_proof(log, &whole, name, history)?;
    history.read.insert(name.to_owned(), whole.leaves);
    Ok(())
}

/// Reads every entry: contiguous, chained, in time (I3, I10).
fn read_whole(log: &LogHandle, name: &str) -> Result<Whole, Violation> {
    let LogInfo { size, root, .. } = log.info();
    let mut whole = Whole {
        leaves: Vec::new(),
        roots: vec![EMPTY_ROOT],
        events: BTreeMap::new(),
        times: Vec::new(),
    };
    let (mut frontier, mut prev) = (Frontier::new(), EMPTY_ROOT);
    for index in (0..size.0).map(LeafIndex) {
        let bad = |invariant, what: String| {
            Violation::new(invariant, format!("log {name}, entry {index}: {what}"))
        };
        let bytes = log.entry(index).map_err(|error| bad("I3", error.to_string()))?;
        let entry = Entry::parse(&bytes).map_err(|error| bad("I8", error.to_string()))?;
        if entry.header.index != index || entry.header.prev != prev {
            return Err(bad("I3", "its header does not continue the log".to_owned()));
        }
        if whole.times.last().is_some_and(|last| *last >= entry.header.time) {
            return Err(bad("I10", format!("its time {} does not increase", entry.header.time)));
        }
        prev = leaf_hash(&bytes);
        frontier.push(prev);
        whole.leaves.push(prev);
        whole.roots.push(frontier.root());
        whole.times.push(entry.header.time);
        if !entry.header.auth.is_log() {
            whole.events.entry(entry.event.to_vec()).or_default().push(index);
        }
    }
    if frontier.root() != root {
        return Err(Violation::new("I7", format!("log {name} states another root at {size}")));
    }
    Ok(whole)
}

/// What a reader saw once stays as it was (I8).
fn check_prefix(whole: &Whole, name: &str, history: &History) -> Result<(), Violation> {
    let Some(read) = history.read.get(name) else { return Ok(()) };
    match whole.leaves.get(..read.len()) {
        Some(prefix) if prefix == read => Ok(()),
        Some(_) => Err(Violation::new("I8", format!("log {name}: an entry that was read changed"))),
        None => Err(Violation::new("I8", format!("log {name}: an entry that was read is gone"))),
    }
}

/// Every checkpoint that anyone saw is of this tree (I4, I5).
fn check_signed(whole: &Whole, name: &str, history: &History) -> Result<(), Violation> {
    for (size, root) in history.signed.get(name).into_iter().flatten() {
        match whole.roots.get(size.0 as usize) {
            Some(have) if have == root => {}
            Some(_) => {
                let what = format!("log {name} has another root at the signed size {size}");
                return Err(Violation::new("I5", what));
            }
            None => {
                let have = whole.leaves.len();
                let what = format!("log {name} has {have} entries, size {size} was signed");
                return Err(Violation::new("I4", what));
            }
        }
    }
    Ok(())
}

/// An acknowledged event is there once, where and as its receipt says; an unknown one at most once; a refused one never
/// (I1, I2).
fn check_sent(whole: &Whole, number: u64, sent: &Sent) -> Result<(), Violation> {
    let places = whole.events.get(&sent.event).map_or(&[][..], Vec::as_slice);
    match &sent.outcome {
        Outcome::Acked { index, leaf, time } => {
            if places != [*index] || whole.leaves.get(index.0 as usize) != Some(leaf) {
                let what =
                    format!("event {number} was acknowledged at {index}, it is at {places:?}");
                return Err(Violation::new("I1", what));
            }
            if whole.times[index.0 as usize].to_string() != *time {
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
    let stored = stored.map_err(|error| Violation::new("I1", format!("sidecars: {error}")))?;
    if stored.len() == 1 && stored[0].bytes == *blob {
        return Ok(());
    }
    let what = format!("event {number} has {} sidecars, it brought one", stored.len());
    Err(Violation::new("I1", what))
}

/// Nothing is there that nobody sent (I8).
fn check_foreign(whole: &Whole, name: &str, history: &History) -> Result<(), Violation> {
    let mut ours: Vec<&[u8]> =
        history.sent.values().filter(|sent| sent.log == name).map(|sent| &sent.event[..]).collect();
    ours.sort_unstable();
    for (event, places) in &whole.events {
        if ours.binary_search(&&event[..]).is_err() {
            return Err(Violation::new("I8", format!("log {name}: nobody sent entry {places:?}")));
        }
    }
    Ok(())
}

/// The last entry's proof verifies against a checkpoint with the log's signature (I7).
fn check_proof(
    log: &LogHandle,
    whole: &Whole,
    name: &str,
    history: &mut History,
) -> Result<(), Violation> {
    let Some(last) = whole.leaves.len().checked_sub(1) else { return Ok(()) };
    let bad = |what: String| Violation::new("I7", format!("log {name}, proof of {last}: {what}"));
    let index = LeafIndex(last as u64);
    let text = log.proof(index).map_err(|error| bad(error.to_string()))?;
    let proof = TlogProof::parse(text.as_bytes()).map_err(|error| bad(error.to_string()))?;
    let vkeys = log.info().all_vkeys;
    let keys: Vec<VerifierKey> = vkeys.iter().filter_map(|vkey| vkey.parse().ok()).collect();
    let checkpoint = history.saw_checkpoint(name, &proof.checkpoint, &keys)?;
    let (size, root): (TreeSize, Hash) = (checkpoint.size, checkpoint.root);
    verify_inclusion(index, size, &whole.leaves[last], &proof.hashes, &root)
        .map_err(|error| bad(error.to_string()))
}
