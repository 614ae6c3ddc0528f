//! Data directories as targets, read through `log::offline`, without a server.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use env::{Disk, RealDisk};
use graven_entry::{Entry, LogName, Name, with_causes};
use graven_merkle::{Hash, TILE_WIDTH, TileKind, TilePath, TreeSize};
use graven_note::VerifierKey;
use graven_verify::{Entries, FaultKind};
use log::offline::{Chunk, OfflineCell, OfflineError, OfflineLog};
use store::DirectoryLock;

use super::bundles::stated;
use super::check::{Asked, Outside, check_log};
use super::remember::Memory;
use super::source::{Evidence, Finding, ReadFault, Source, Span, StatedRoot, bad};
use super::told::Told;
use super::verdict::{LogReport, Verdict};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Entries of a sealed segment, under one tile of level 1.
const SEGMENT_ENTRIES: u64 = (TILE_WIDTH * TILE_WIDTH) as u64;

/// Bundles that a thread reads and checks in one go: a few megabytes, which stay in the processor's cache.
const SPAN_BUNDLES: u64 = 16;

/// Room that is made for the entries of a span before they are read.
const SPAN_ROOM_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One log of a data directory.
struct DataLog {
    log: OfflineLog,
    pieces: Vec<Piece>,
    /// The newest signed checkpoint, and all others.
    newest: Option<Vec<u8>>,
    older: Vec<Vec<u8>>,
    /// Roots that the `system` log of the same directory tells.
    told: Vec<StatedRoot>,
}

/// Verifies a data directory: every byte of the journal and of the logs' files, then every log or the one asked for.
pub(crate) fn check_data(
    context: &Context,
    data: &Path,
    only: Option<&str>,
    asked: &Asked,
    mut memory: Option<&mut Memory>,
    verdict: &mut Verdict,
) -> Result<(), Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let cell = match OfflineCell::open(Arc::clone(&disk), data) {
        Ok(cell) => cell,
        Err(error) => {
            verdict.fault = Some(fault_of(error, Some(data)).finding()?);
            return Ok(());
        }
    };
    verdict.checked.insert("journal_files".to_owned(), cell.journal().files.into());
    verdict.checked.insert("journal_frames".to_owned(), cell.journal().frames.into());
    verdict.fault = unfinished(&cell, &*disk, data)?;
    let names = match only {
        Some(name) => vec![LogName::new(name).map_err(Failure::usage)?],
        None => cell.logs(),
    };
    let told = Told::read(&cell);
    for name in &names {
        let asked = asked.for_log(names.len() > 1, name.as_str());
        let report = check_one(context, (&cell, &told), name, &asked, memory.as_deref_mut())?;
        verdict.logs.push(report);
    }
    if only.is_none() && verdict.fault.is_none() {
        let origins = verdict.logs.iter().filter_map(|log| log.origin.clone()).collect();
        verdict.fault = told.vanished(&origins);
    }
    Ok(())
}

fn check_one(
    context: &Context,
    (cell, told): (&OfflineCell, &Told),
    name: &LogName,
    asked: &Asked,
    memory: Option<&mut Memory>,
) -> Result<LogReport, Failure> {
    let log = Some(name.to_string());
    match DataLog::open(cell, name, told) {
        Ok(source) => {
            let outside = Outside { memory, sink: None };
            let mut report = check_log(context, log, &source, asked, outside)?;
            if report.fault.is_none() {
                report.fault = told.missing(source.origin().as_str(), source.size());
            }
            Ok(report)
        }
        Err(fault) => {
            let fault = Some(fault.finding()?);
            Ok(LogReport { log, fault, ..LogReport::default() })
        }
    }
}

/// A last frame that is not whole is what a crash leaves, until a start recovers it; a running server is just writing it.
fn unfinished(
    cell: &OfflineCell,
    disk: &dyn Disk,
    data: &Path,
) -> Result<Option<Finding>, Failure> {
    let Some(torn) = &cell.journal().unfinished else {
        return Ok(None);
    };
    let is_held = DirectoryLock::is_held(disk, data)
        .map_err(|error| Failure::caused(Exit::Unreachable, "cannot ask for the lock", &error))?;
    let detail = format!(
        "the last frame of {}, slot {}, at byte {}, is not whole: {}; nobody had a receipt for it, and the next start \
         leaves it out",
        torn.file.display(),
        torn.slot,
        torn.offset_bytes,
        torn.why,
    );
    Ok((!is_held).then_some(Finding { index: None, what: "frame_unfinished", detail }))
}

/// What a span is read from.
struct Piece {
    chunk: Chunk,
    /// The whole chunk, where this is its last piece: what is to be checked of its file is checked then.
    ends: Option<Chunk>,
}

impl DataLog {
    fn open(cell: &OfflineCell, name: &LogName, told: &Told) -> Result<DataLog, ReadFault> {
        let log = cell.log(name).map_err(|error| fault_of(error, None))?;
        let mut notes = Vec::new();
        for note in log.checkpoints().map_err(|error| fault_of(error, None))? {
            notes.push((stated(note.as_bytes())?.size, note.into_bytes()));
        }
        notes.sort();
        notes.dedup();
        let newest = notes.pop().map(|(_, note)| note);
        let older = notes.into_iter().map(|(_, note)| note).collect();
        let pieces = log.chunks().into_iter().flat_map(Piece::of).collect();
        let told = told.roots.get(log.origin().as_str()).cloned().unwrap_or_default();
        Ok(DataLog { log, pieces, newest, older, told })
    }

    fn piece(&self, span: Span) -> Option<&Piece> {
        let place = self.pieces.binary_search_by_key(&span.first, |piece| piece.chunk.first.0);
        self.pieces.get(place.ok()?)
    }

    /// The meta file repeats the event of entry 0; what it says must be what the log says.
    fn check_opening(&self, entries: &Entries) -> Result<(), ReadFault> {
        let entry = entries.iter().next().unwrap_or_default();
        match Entry::parse(entry) {
            Ok(entry) if entry.event != self.log.opening().as_bytes() => {
                let detail = "the log's meta file states another opening event than entry 0";
                Err(bad(None, FaultKind::OwnEntryMalformed, detail))
            }
            // What is wrong with the entry itself is for the judge to say.
            _ => Ok(()),
        }
    }
}

impl Piece {
    fn of(chunk: Chunk) -> Vec<Piece> {
        let piece = |piece: Chunk| {
            let is_last = piece.end() == chunk.end();
            Piece { ends: is_last.then(|| chunk.clone()), chunk: piece }
        };
        chunk.pieces(SPAN_BUNDLES).map(piece).collect()
    }
}

impl Source for DataLog {
    fn origin(&self) -> &Name {
        self.log.origin()
    }

    fn size(&self) -> TreeSize {
        self.log.size()
    }

    fn spans(&self) -> Vec<Span> {
        let span = |piece: &Piece| Span { first: piece.chunk.first.0, count: piece.chunk.count };
        self.pieces.iter().map(span).collect()
    }

    fn read(&self, span: Span) -> Result<Evidence, ReadFault> {
        let missing = || bad(Some(span.first), FaultKind::MissingEntry, "no part holds it");
        let piece = self.piece(span).ok_or_else(missing)?;
        let mut entries = Entries::default();
        let count = usize::try_from(span.count).unwrap_or(0);
        let mut each = |_, entry: &[u8]| {
            if entries.is_empty() {
                // As if all were as large as the first.
                entries.reserve(count, (entry.len() * count).min(SPAN_ROOM_BYTES_MAX));
            }
            ControlFlow::Continue(entries.push(entry))
        };
        // The entries first: damage within a bundle is named by that bundle, not by its file.
        self.log.read(&piece.chunk, &mut each).map_err(|error| fault_of(error, None))?;
        if span.first == 0 {
            self.check_opening(&entries)?;
        }
        let Some(whole) = &piece.ends else { return Ok(Evidence { entries, tiles: Vec::new() }) };
        self.log.check_file(whole).map_err(|error| fault_of(error, None))?;
        let hashes = self.log.tile(whole).map_err(|error| fault_of(error, None))?;
        Ok(Evidence { entries, tiles: tile_of(whole, &hashes).into_iter().collect() })
    }

    fn stated_roots(&self) -> Vec<StatedRoot> {
        let roots = self.log.stated_roots().into_iter();
        let stated =
            roots.map(|root| StatedRoot { size: root.size, root: root.root, place: root.place });
        let size = self.size();
        stated.chain(self.told.iter().filter(|told| told.size <= size).cloned()).collect()
    }

    fn checkpoint(&self) -> Option<&[u8]> {
        self.newest.as_deref()
    }

    fn older_checkpoints(&self) -> &[Vec<u8>] {
        &self.older
    }

    fn key_files(&self) -> &[VerifierKey] {
        self.log.vkeys()
    }
}

/// The level-1 tile that a sealed segment states, as the tile that it is.
fn tile_of(chunk: &Chunk, hashes: &[Hash]) -> Option<(TilePath, Vec<u8>)> {
    if hashes.is_empty() {
        return None;
    }
    let width = u16::try_from(hashes.len()).ok()?;
    let path =
        TilePath { kind: TileKind::Hashes(1), index: chunk.first.0 / SEGMENT_ENTRIES, width };
    Some((path, hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()))
}

/// What could not be read at all is told apart from what was read and is damaged.
fn fault_of(error: OfflineError, data: Option<&Path>) -> ReadFault {
    let is_unreadable = error.is_unreadable();
    let index = error.first_index().map(|index| index.0);
    if is_unreadable {
        let place = data.map(|data| format!("{}: ", data.display())).unwrap_or_default();
        let exit = match &error {
            OfflineError::NoLog(_) => Exit::Bad,
            _ => Exit::Unreachable,
        };
        let message = format!("{place}{}", with_causes(&error));
        return ReadFault::Unreadable(Failure::new(exit, message));
    }
    let what = match &error {
        OfflineError::Missing { .. } => FaultKind::MissingEntry.as_str(),
        _ => "storage_damaged",
    };
    ReadFault::Bad(Finding { index, what, detail: with_causes(&error) })
}
