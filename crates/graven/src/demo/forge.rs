//! Another history: one entry is rewritten, and everything above it that takes no key is computed again.
//!
//! The forger reads the logs as they lie on the disk and writes a data directory that never knew otherwise: entries with
//! their `prev` chain, stream heads, roots, frames with their checksums and hashes. What cannot be made without the signing
//! key is a checkpoint; the forger leaves the old ones or leaves them out.

mod frame;

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use env::{Disk, RealDisk, SystemRandom};
use graven_entry::{
    Entry, EntryParts, LogName, Name, build_entry, chain_next, chain_start, event_hash, pointer,
    with_causes,
};
use graven_merkle::{EMPTY_ROOT, Frontier, Hash, LeafIndex, TreeSize, leaf_hash};
use graven_note::{Checkpoint, Note};
use log::offline::{OfflineCell, OfflineError, OfflineLog};
use store::{FrameBuf, Journal, JournalError, LocalJournal, LocalJournalOptions};

use super::LOG;
use crate::exit::Exit;
use crate::failure::Failure;
use frame::{FrameLog, SignedCheckpoint, StreamAfter};

/// Entries of one frame.
const FRAME_ENTRIES: usize = 4_096;
/// Bytes of entries of one frame, below the journal's limit by a wide margin.
const FRAME_BYTES: usize = 8 << 20;

/// Size of the journal's files: no more than a few megabytes of one are empty.
const JOURNAL_FILE_BYTES: u64 = 16 << 20;
/// Entries under one nonce seed.
const SEGMENT_ENTRIES: u64 = 65_536;

/// What to do with the checkpoints that contradict the new history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signatures {
    /// Leave them.
    Keep,
    /// Leave out all of the log.
    Remove,
}

/// The rewriting of one entry.
#[derive(Clone, Debug)]
pub(super) struct Rewrite {
    pub(super) index: LeafIndex,
    /// Who is to have done it, as a JSON object.
    pub(super) actor: String,
}

/// What the forger did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forged {
    /// Entries whose bytes are others than before.
    pub(super) entries: u64,
    /// The root that the log has now.
    pub(super) root: Hash,
    /// Checkpoints that were left out.
    pub(super) removed: usize,
}

/// Writes the other history of `from` into the new directory `to`.
pub(super) fn forge(
    from: &Path,
    to: &Path,
    rewrite: &Rewrite,
    signatures: Signatures,
) -> Result<Forged, Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let cell = OfflineCell::open(Arc::clone(&disk), from).map_err(|error| unreadable(&error))?;
    let failed = |error| Failure::file("create", to, &error);
    fs::create_dir(to).map_err(failed)?;
    fs::copy(from.join("format"), to.join("format")).map_err(failed)?;
    let options = LocalJournalOptions {
        file_bytes_first: JOURNAL_FILE_BYTES,
        file_bytes_max: JOURNAL_FILE_BYTES,
        ..LocalJournalOptions::new(Arc::new(SystemRandom))
    };
    let opened = LocalJournal::open(disk, &to.join("journal"), options);
    let mut journal = opened.map_err(|error| unwritable(&error))?.0;
    let mut forged = Forged { entries: 0, root: EMPTY_ROOT, removed: 0 };
    for name in cell.logs() {
        copy_small_files(from, to, &name)?;
        let log = cell.log(&name).map_err(|error| unreadable(&error))?;
        let is_target = name.as_str() == LOG;
        let mut forger = Forger::new(&log, &mut journal, is_target.then_some(rewrite));
        forger.read_all()?;
        let signatures = if is_target { signatures } else { Signatures::Keep };
        let removed = forger.finish(signatures)?;
        if is_target {
            forged = Forged { entries: forger.changed, root: forger.frontier.root(), removed };
        }
    }
    Ok(forged)
}

/// One log on its way into the other history.
struct Forger<'a> {
    log: &'a OfflineLog,
    journal: &'a mut LocalJournal,
    rewrite: Option<&'a Rewrite>,
    frontier: Frontier,
    prev: Hash,
    streams: BTreeMap<Name, (u64, Hash)>,
    /// Entries that differ from the first history.
    changed: u64,
    /// Entries of the frame in the making, with the hash of each event.
    entries: Vec<(Vec<u8>, Hash)>,
    bytes: usize,
}

impl<'a> Forger<'a> {
    fn new(
        log: &'a OfflineLog,
        journal: &'a mut LocalJournal,
        rewrite: Option<&'a Rewrite>,
    ) -> Self {
        Forger {
            log,
            journal,
            rewrite,
            frontier: Frontier::new(),
            prev: EMPTY_ROOT,
            streams: BTreeMap::new(),
            changed: 0,
            entries: Vec::new(),
            bytes: 0,
        }
    }

    fn read_all(&mut self) -> Result<(), Failure> {
        let log = self.log;
        for chunk in log.chunks() {
            let mut failure = None;
            let mut each = |_, entry: &[u8]| match self.take(entry) {
                Ok(()) => ControlFlow::Continue(leaf_hash(entry)),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            };
            log.read(&chunk, &mut each).map_err(|error| unreadable(&error))?;
            failure.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// Takes the next entry over: as it is, rewritten, or with another `prev` where one below it was.
    fn take(&mut self, original: &[u8]) -> Result<(), Failure> {
        let bad = |error: &dyn std::error::Error| Failure::caused(Exit::Bad, "cannot forge", error);
        let parts = EntryParts::split(original).map_err(|error| bad(&error))?;
        let entry = Entry::parse(original).map_err(|error| bad(&error))?;
        let mut header = entry.header;
        let mut event = entry.event.to_vec();
        if let Some(rewrite) = self.rewrite.filter(|rewrite| rewrite.index == header.index) {
            event = with_actor(&event, rewrite.actor.as_bytes())?;
        }
        header.prev = self.prev;
        let mut bytes = Vec::with_capacity(original.len());
        build_entry(&mut bytes, &header, &event, parts.attestation).map_err(|error| bad(&error))?;
        let hash = event_hash(&event);
        if let (Some(stream), Some(seq)) = (header.stream, header.seq) {
            let start = || (0, chain_start(self.log.origin(), &stream));
            let (_, head) = self.streams.get(&stream).copied().unwrap_or_else(start);
            self.streams.insert(stream, (seq + 1, chain_next(&head, &hash)));
        }
        self.changed += u64::from(bytes != original);
        self.prev = leaf_hash(&bytes);
        self.frontier.push(self.prev);
        self.bytes += bytes.len();
        self.entries.push((bytes, hash));
        if self.entries.len() >= FRAME_ENTRIES || self.bytes >= FRAME_BYTES {
            self.write_frame(&[])?;
        }
        Ok(())
    }

    /// Ends the log; gives the number of checkpoints that were left out.
    fn finish(&mut self, signatures: Signatures) -> Result<usize, Failure> {
        let notes = self.log.checkpoints().map_err(|error| unreadable(&error))?;
        if signatures == Signatures::Remove {
            self.write_frame(&[])?;
            return Ok(notes.len());
        }
        let mut checkpoints = Vec::new();
        for note in notes {
            let size =
                size_of(&note).ok_or_else(|| Failure::bad("a stored checkpoint is malformed"))?;
            checkpoints.push(SignedCheckpoint { size, note });
        }
        self.write_frame(&checkpoints)?;
        Ok(0)
    }

    fn write_frame(&mut self, checkpoints: &[SignedCheckpoint]) -> Result<(), Failure> {
        let entries = std::mem::take(&mut self.entries);
        self.bytes = 0;
        let size_after = self.frontier.size();
        let first = size_after.0 - entries.len() as u64;
        let log = FrameLog {
            name: self.log.name(),
            size_before: TreeSize(first),
            size_after,
            root_after: self.frontier.root(),
            segments: (first.div_ceil(SEGMENT_ENTRIES)..size_after.0.div_ceil(SEGMENT_ENTRIES))
                .collect(),
        };
        let streams = self.streams.iter();
        let streams: Vec<StreamAfter<'_>> = streams
            .map(|(name, (next_seq, head))| StreamAfter { name, next_seq: *next_seq, head })
            .collect();
        let body = frame::body(&log, &entries, &streams, checkpoints);
        let submitted = self.journal.submit(FrameBuf::from(&body[..]));
        submitted.and_then(|_| self.journal.complete()).map_err(|error| unwritable(&error))?;
        Ok(())
    }
}

/// The event with another actor.
fn with_actor(event: &[u8], actor: &[u8]) -> Result<Vec<u8>, Failure> {
    let none = || Failure::bad("the event to rewrite has no actor");
    let old = pointer(event, "/actor").ok_or_else(none)?;
    let start = event.windows(old.len()).position(|window| window == old).ok_or_else(none)?;
    let (before, rest) = event.split_at(start);
    let after = rest.get(old.len()..).unwrap_or_default();
    Ok([before, actor, after].concat())
}

/// What a log has beside its entries and state, none of which the forger has to change.
fn copy_small_files(from: &Path, to: &Path, log: &LogName) -> Result<(), Failure> {
    let folder = Path::new("logs").join(log.as_str());
    let (from, to) = (from.join(&folder), to.join(&folder));
    let failed = |error| Failure::file("copy", &from, &error);
    fs::create_dir_all(to.join("segments")).map_err(failed)?;
    for name in ["meta", "vkey", "vkeys"] {
        fs::copy(from.join(name), to.join(name)).map_err(failed)?;
    }
    Ok(())
}

fn size_of(note: &str) -> Option<TreeSize> {
    let note = Note::parse(note.as_bytes()).ok()?;
    Some(Checkpoint::parse(note.text()).ok()?.size)
}

fn unreadable(error: &OfflineError) -> Failure {
    Failure::bad(format!("cannot read the history: {}", with_causes(error)))
}

fn unwritable(error: &JournalError) -> Failure {
    Failure::new(
        Exit::Unreachable,
        format!("cannot write the other history: {}", with_causes(error)),
    )
}
