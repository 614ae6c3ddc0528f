//! Reading a data directory without its lock and without a server: for verification, backup and export.
//!
//! This reads bytes and says what they state. Whether they are right is judged by `graven-verify` alone; here only what
//! `store`'s digests and the codecs themselves cannot read is an error, with the first index that it touches.

use crate::frame::{self, Record};
use crate::limits::{BUNDLE_ENTRIES, SEGMENT_ENTRIES};
use crate::meta::{ENDED_FILE, META_FILE, Meta, VKEY_FILE, VKEYS_FILE};
pub use crate::part::EachEntry;
use crate::part::{OpenPart, PartError, store_error};
use crate::state;
use env::Disk;
use graven_entry::{LogName, Name};
use graven_merkle::{Hash, LeafIndex, TreeSize};
use graven_note::VerifierKey;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::segments::{PartMeta, SegmentStore};
use store::{JournalCheck, JournalError, StoreError, check_journal};

/// A data directory cannot be read as one.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The journal.
    #[error("the journal is damaged")]
    Journal(#[source] JournalError),
    /// A file of a log.
    #[error("a file of log {log} is damaged")]
    Store {
        /// The log.
        log: String,
        /// The cause.
        #[source]
        source: StoreError,
    },
    /// A part.
    #[error("entries {first} and later of log {log} cannot be read")]
    Part {
        /// The log.
        log: String,
        /// The first index that is touched.
        first: LeafIndex,
        /// The cause.
        #[source]
        source: Box<PartError>,
    },
    /// A file of a log does not say what it should.
    #[error("{} of log {log}: {why}", path.display())]
    File {
        /// The log.
        log: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Entries that should be there are in no part and in no frame.
    #[error("log {log} lacks entry {first}, later ones are there")]
    Missing {
        /// The log.
        log: String,
        /// The first missing index.
        first: LeafIndex,
    },
    /// The directory cannot be read at all.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: StoreError,
    },
    /// There is no such log.
    #[error("there is no log {0} in this data directory")]
    NoLog(String),
}

impl OfflineError {
    /// The first index of a log that the damage touches, where it is known.
    pub fn first_index(&self) -> Option<LeafIndex> {
        match self {
            OfflineError::Part { first, .. } | OfflineError::Missing { first, .. } => Some(*first),
            _ => None,
        }
    }

    /// Whether nothing could be read, as against read and found damaged.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, OfflineError::Unreadable { .. } | OfflineError::NoLog(_))
            || matches!(self, OfflineError::Journal(JournalError::Io(_)))
    }
}

/// A root that something in the directory states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedRoot {
    /// At this size.
    pub size: TreeSize,
    /// This root.
    pub root: Hash,
    /// Where it is stated.
    pub place: String,
}

/// What is read in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Index of the first entry.
    pub first: LeafIndex,
    /// Number of entries, at most 65,536.
    pub count: u64,
    source: ChunkSource,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ChunkSource {
    Part(PartMeta),
    Journal,
}

impl Chunk {
    /// Index after the last entry.
    pub fn end(&self) -> u64 {
        self.first.0 + self.count
    }

    /// The chunk in pieces that end at multiples of `bundles` bundles, so that none needs a bundle that another needs.
    pub fn pieces(&self, bundles: u64) -> impl Iterator<Item = Chunk> {
        let (mut next, end, step) = (self.first.0, self.end(), bundles * BUNDLE_ENTRIES);
        std::iter::from_fn(move || {
            let first = next;
            next = end.min(first - first % step + step);
            let count = next - first;
            let piece = || Chunk { first: LeafIndex(first), count, source: self.source.clone() };
            (count > 0).then(piece)
        })
    }
}

/// Where an entry stands in the journal.
type Place = (usize, u32, u32);

/// A data directory, open for reading.
pub struct OfflineCell {
    store: SegmentStore,
    data: PathBuf,
    frames: Arc<Vec<Vec<u8>>>,
    journal: JournalCheck,
    logs: BTreeMap<String, FromJournal>,
}

/// What the journal holds of one log.
#[derive(Clone, Debug, Default)]
struct FromJournal {
    /// By index.
    entries: BTreeMap<u64, Place>,
    roots: Vec<StatedRoot>,
    checkpoints: Vec<String>,
}

/// One log of a data directory.
pub struct OfflineLog {
    name: String,
    store: SegmentStore,
    frames: Arc<Vec<Vec<u8>>>,
    meta: Meta,
    parts: Vec<PartMeta>,
    journal: FromJournal,
    state: Option<state::LogState>,
    vkeys: Vec<VerifierKey>,
    ended: Option<String>,
    size: u64,
}

impl OfflineCell {
    /// Opens the directory: reads the journal whole, and lists the logs.
    pub fn open(disk: Arc<dyn Disk>, data: &Path) -> Result<OfflineCell, OfflineError> {
        let unreadable = |source| OfflineError::Unreadable { path: data.to_owned(), source };
        store::read_format(&*disk, data).map_err(unreadable)?;
        let mut frames: Vec<Vec<u8>> = Vec::new();
        let mut logs: BTreeMap<String, FromJournal> = BTreeMap::new();
        let journal = check_journal(&*disk, &data.join("journal"), &mut |slot, body| {
            index_frame(&mut logs, frames.len(), body).map_err(|why| JournalError::Corrupt {
                file: data.join("journal"),
                offset_bytes: 0,
                why: format!("slot {slot}: {why}"),
            })?;
            frames.push(body.to_vec());
            Ok(())
        })
        .map_err(OfflineError::Journal)?;
        // Listed after the journal was read: what has left the journal since then is in a part by now.
        let store = SegmentStore::new(disk, data);
        for name in store.logs().map_err(unreadable)? {
            if logs.contains_key(&name) || !is_unmade(&store, &name)? {
                logs.entry(name).or_default();
            }
        }
        Ok(OfflineCell { store, data: data.to_owned(), frames: Arc::new(frames), journal, logs })
    }

    /// What the check of the journal found.
    pub fn journal(&self) -> &JournalCheck {
        &self.journal
    }

    /// The logs, by name; those that only the journal names included.
    pub fn logs(&self) -> Vec<LogName> {
        self.logs.keys().filter_map(|name| LogName::new(name).ok()).collect()
    }

    /// Opens one log.
    pub fn log(&self, name: &LogName) -> Result<OfflineLog, OfflineError> {
        let name = name.as_str();
        let journal = self.logs.get(name).ok_or_else(|| OfflineError::NoLog(name.to_owned()))?;
        let damaged = |source| OfflineError::Store { log: name.to_owned(), source };
        let meta = self.meta(name)?;
        if let Some(path) = self.store.stray(name).map_err(damaged)?.into_iter().next() {
            let why = "nothing vouches for this file".to_owned();
            return Err(OfflineError::File { log: name.to_owned(), path, why });
        }
        let parts = self.store.list(name).map_err(damaged)?;
        let parts = contiguous(name, parts)?;
        let state = match self.store.read_state(name).map_err(damaged)? {
            None => None,
            Some((_, bytes)) => Some(
                state::decode(&bytes)
                    .map_err(|why| self.file_error(name, "state", why.to_string()))?,
            ),
        };
        let vkeys = self.vkeys(name)?;
        let ended = self.store.read_file(name, ENDED_FILE).map_err(damaged)?;
        let ended = ended.map(|reason| String::from_utf8_lossy(&reason).trim_end().to_owned());
        let stored = parts.last().map_or(0, end_of);
        let size = journal_end(name, stored, journal)?;
        let (store, frames) = (self.store.clone(), Arc::clone(&self.frames));
        let (name, journal) = (name.to_owned(), journal.clone());
        Ok(OfflineLog { name, store, frames, meta, parts, journal, state, vkeys, ended, size })
    }

    fn meta(&self, name: &str) -> Result<Meta, OfflineError> {
        let text = self.text_file(name, META_FILE)?;
        let meta = Meta::parse(&text).filter(|meta| meta.name.as_str() == name);
        meta.ok_or_else(|| {
            self.file_error(name, META_FILE, "it is not this log's meta file".to_owned())
        })
    }

    fn vkeys(&self, name: &str) -> Result<Vec<VerifierKey>, OfflineError> {
        let mut keys = Vec::new();
        for file in [VKEYS_FILE, VKEY_FILE] {
            for line in self.text_file(name, file)?.lines() {
                let key = line.parse::<VerifierKey>();
                let key = key.map_err(|error| self.file_error(name, file, error.to_string()))?;
                if file == VKEY_FILE && !keys.contains(&key) {
                    let why = "it is none of the log's keys in `vkeys`".to_owned();
                    return Err(self.file_error(name, file, why));
                }
                keys.push(key);
            }
        }
        keys.pop();
        Ok(keys)
    }

    fn text_file(&self, name: &str, file: &str) -> Result<String, OfflineError> {
        let bytes = self.store.read_file(name, file);
        let bytes = bytes.map_err(|source| OfflineError::Store { log: name.to_owned(), source })?;
        let bytes = bytes.ok_or_else(|| self.file_error(name, file, "it is missing".to_owned()))?;
        String::from_utf8(bytes)
            .map_err(|_| self.file_error(name, file, "it is not text".to_owned()))
    }

    fn file_error(&self, log: &str, file: &str, why: String) -> OfflineError {
        let path = self.data.join("logs").join(log).join(file);
        OfflineError::File { log: log.to_owned(), path, why }
    }
}

impl OfflineLog {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its origin.
    pub fn origin(&self) -> &Name {
        &self.meta.origin
    }

    /// Whether its tiles are public.
    pub fn public(&self) -> bool {
        self.meta.public
    }

    /// Entries that are there.
    pub fn size(&self) -> TreeSize {
        TreeSize(self.size)
    }

    /// All verifier keys that the directory names, oldest first.
    pub fn vkeys(&self) -> &[VerifierKey] {
        &self.vkeys
    }

    /// Why the log ended, if it did.
    pub fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }

    /// The event of entry 0 as the meta file states it.
    pub fn opening(&self) -> &str {
        &self.meta.opening
    }

    /// What to read, in index order.
    pub fn chunks(&self) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> = Vec::new();
        for part in &self.parts {
            let (first, count) = (LeafIndex(part.first), u64::from(part.count));
            chunks.push(Chunk { first, count, source: ChunkSource::Part(part.clone()) });
        }
        let mut next = self.parts.last().map_or(0, end_of);
        while next < self.size {
            let count = SEGMENT_ENTRIES.min(self.size - next);
            chunks.push(Chunk { first: LeafIndex(next), count, source: ChunkSource::Journal });
            next += count;
        }
        chunks
    }

    /// Hands the entries of a chunk on, in index order, until told to stop.
    pub fn read(&self, chunk: &Chunk, each: &mut EachEntry<'_>) -> Result<(), OfflineError> {
        match &chunk.source {
            ChunkSource::Journal => {
                self.read_journal(chunk, each);
                Ok(())
            }
            ChunkSource::Part(part) => self.read_part(part, chunk, each),
        }
    }

    fn read_journal(&self, chunk: &Chunk, each: &mut EachEntry<'_>) {
        let range = chunk.first.0..chunk.first.0 + chunk.count;
        for (index, (frame, offset, len)) in self.journal.entries.range(range) {
            let (start, end) = (*offset as usize, *offset as usize + *len as usize);
            let bytes = self.frames.get(*frame).and_then(|frame| frame.get(start..end));
            if each(LeafIndex(*index), bytes.unwrap_or_default()).is_break() {
                break;
            }
        }
    }

    fn read_part(
        &self,
        part: &PartMeta,
        chunk: &Chunk,
        each: &mut EachEntry<'_>,
    ) -> Result<(), OfflineError> {
        let mut next = chunk.first.0;
        let mut open = self.open(part, next)?;
        while next < chunk.first.0 + chunk.count {
            if next >= open.end() {
                open = self.reopen(next)?;
            }
            match open.each_from(next, each) {
                Err(error) if is_gone(&error) => open = self.reopen(next)?,
                Err(source) => return Err(self.part_error(next, source)),
                Ok(ControlFlow::Break(())) => return Ok(()),
                Ok(ControlFlow::Continue(end)) => next = end,
            }
        }
        Ok(())
    }

    /// Opens a part; one that a running server merged away is found again under its new name.
    fn open(&self, part: &PartMeta, next: u64) -> Result<OpenPart, OfflineError> {
        match self.store.open(part) {
            Err(StoreError::NotFound { .. }) => self.reopen(next),
            Err(source) => Err(self.part_error(next, store_error(part, source))),
            Ok(open) => OpenPart::open(open).map_err(|source| self.part_error(next, source)),
        }
    }

    fn reopen(&self, next: u64) -> Result<OpenPart, OfflineError> {
        let list = self.store.list(&self.name);
        let list = list.map_err(|source| OfflineError::Store { log: self.name.clone(), source })?;
        let holds = |part: &&PartMeta| part.first <= next && next < end_of(part);
        let missing = || OfflineError::Missing { log: self.name.clone(), first: LeafIndex(next) };
        let part = list.iter().find(holds).ok_or_else(missing)?;
        let open = self
            .store
            .open(part)
            .map_err(|source| self.part_error(next, store_error(part, source)))?;
        OpenPart::open(open).map_err(|source| self.part_error(next, source))
    }

    fn part_error(&self, next: u64, source: PartError) -> OfflineError {
        let first = match &source {
            PartError::Corrupt { near, .. } => LeafIndex(*near),
            PartError::Store { .. } => LeafIndex(next),
        };
        OfflineError::Part { log: self.name.clone(), first, source: Box::new(source) }
    }

    /// Checks every byte of a chunk's file against its digests; a chunk in the journal was checked when it was read.
    pub fn check_file(&self, chunk: &Chunk) -> Result<(), OfflineError> {
        let ChunkSource::Part(part) = &chunk.source else { return Ok(()) };
        let open = self.open(part, chunk.first.0)?;
        open.verify_all().map_err(|source| self.part_error(chunk.first.0, source))
    }

    /// The level-1 tile that a sealed segment states: the hash of each of its 256 bundles. Empty for other chunks.
    pub fn tile(&self, chunk: &Chunk) -> Result<Vec<Hash>, OfflineError> {
        let ChunkSource::Part(part) = &chunk.source else { return Ok(Vec::new()) };
        if !part.sealed {
            return Ok(Vec::new());
        }
        let open = self.open(part, chunk.first.0)?;
        open.tile().map_err(|source| self.part_error(chunk.first.0, source))
    }

    /// Every root that the directory states: in frames and in the state.
    pub fn stated_roots(&self) -> Vec<StatedRoot> {
        let mut roots = self.journal.roots.clone();
        if let Some(state) = &self.state {
            let (size, root) = (state.skeleton.size(), state.skeleton.root());
            roots.push(StatedRoot { size, root, place: "the state file".to_owned() });
        }
        roots
    }

    /// Every signed checkpoint that the directory holds, as notes: those in frames, in parts and in the state.
    pub fn checkpoints(&self) -> Result<Vec<String>, OfflineError> {
        let mut notes = Vec::new();
        for part in &self.parts {
            notes.extend(self.open(part, part.first)?.header.checkpoint);
        }
        notes.extend(self.state.as_ref().and_then(|state| state.checkpoint.clone()));
        notes.extend(self.journal.checkpoints.iter().cloned());
        notes.dedup();
        Ok(notes)
    }
}

/// Whether a log's creation was cut off before its meta file, and so before anything else: a start passes over it too.
fn is_unmade(store: &SegmentStore, name: &str) -> Result<bool, OfflineError> {
    let damaged = |source| OfflineError::Store { log: name.to_owned(), source };
    let has_meta = store.read_file(name, META_FILE).map_err(damaged)?.is_some();
    let has_state = store.read_state(name).map_err(damaged)?.is_some();
    Ok(!has_meta && !has_state && store.list(name).map_err(damaged)?.is_empty())
}

/// Takes note of what a frame holds.
fn index_frame(
    logs: &mut BTreeMap<String, FromJournal>,
    frame_no: usize,
    bytes: &[u8],
) -> Result<(), String> {
    let body = frame::decode(bytes).map_err(|error| error.to_string())?;
    for record in &body.records {
        let Record::Run(run) = record else { continue };
        let footer = body.logs.get(run.log_no as usize);
        let footer = footer.ok_or_else(|| format!("a run names log number {}", run.log_no))?;
        let log = logs.entry(footer.name.clone()).or_default();
        for (place, entry) in run.entries.iter().enumerate() {
            let at = (frame_no, entry.offset as u32, entry.bytes.len() as u32);
            log.entries.insert(run.first + place as u64, at);
        }
    }
    for footer in &body.logs {
        let (size, root) = (footer.size_after, footer.root_after);
        let place = format!("journal frame for size {size}");
        logs.entry(footer.name.clone()).or_default().roots.push(StatedRoot { size, root, place });
    }
    for checkpoint in &body.checkpoints {
        logs.entry(checkpoint.name.clone()).or_default().checkpoints.push(checkpoint.note.clone());
    }
    Ok(())
}

/// Parts in index order from 0; a part that a bigger one covers is left out, a gap is an error.
fn contiguous(log: &str, parts: Vec<PartMeta>) -> Result<Vec<PartMeta>, OfflineError> {
    let mut kept: Vec<PartMeta> = Vec::new();
    let mut by_start = parts;
    by_start.sort_by_key(|part| (part.first, std::cmp::Reverse(part.count)));
    let mut next = 0;
    for part in by_start {
        if end_of(&part) <= next {
            continue;
        }
        if part.first > next {
            return Err(OfflineError::Missing { log: log.to_owned(), first: LeafIndex(next) });
        }
        while kept.last().is_some_and(|last| last.first >= part.first) {
            kept.pop();
        }
        next = end_of(&part);
        kept.push(part);
    }
    Ok(kept)
}

/// Index after the last entry of parts and journal together.
fn journal_end(log: &str, stored: u64, journal: &FromJournal) -> Result<u64, OfflineError> {
    let mut next = stored;
    for index in journal.entries.range(stored..).map(|(index, _)| *index) {
        if index != next {
            return Err(OfflineError::Missing { log: log.to_owned(), first: LeafIndex(next) });
        }
        next += 1;
    }
    Ok(next)
}

fn end_of(part: &PartMeta) -> u64 {
    part.first + u64::from(part.count)
}

fn is_gone(error: &PartError) -> bool {
    matches!(error, PartError::Store { source: StoreError::NotFound { .. }, .. })
}
