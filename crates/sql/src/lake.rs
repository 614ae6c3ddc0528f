//! The lake: a log's entries as Parquet files, one of each table for a segment, and the newest entries in memory.
//!
//! Everything here can be deleted and comes back the same. The manifest is the truth: a file that it does not name is
//! removed at the next opening, a file that it names and that is missing or damaged is made anew from the log. So a crash
//! costs what had not reached the manifest, and that is read from the log again.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::RecordBatch;
use env::{Disk, OpenMode};
use graven_merkle::{Hash, LeafIndex, TreeSize, leaf_hash};

use crate::error::LakeError;
use crate::limits::{
    MANIFEST_BYTES_MAX, READ_ENTRIES, REST_TAIL_BYTES_MAX, SEGMENT_ENTRIES, TAIL_BYTES_MAX,
};
use crate::manifest::{FORMAT, FileLine, MANIFEST, Manifest, ManifestError, sha256};
use crate::parquet_file::{LakeFile, encode};
use crate::row::EntryRow;
use crate::source::{EntrySource, SourceError};
use crate::table::{Chunks, Rows, Table};

/// What a file is called until it is whole. Engines that read folders pass over names with `_`.
const NEW_PREFIX: &str = "_new-";
/// How the names of files of columns end.
const SUFFIX: &str = ".parquet";
/// What stands before and behind the name of a damaged file.
const ASIDE: (&str, &str) = ("_damaged-", ".aside");

/// When the tail becomes a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) segment_entries: u64,
    pub(crate) tail_bytes_max: usize,
    pub(crate) rest_bytes_max: usize,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            segment_entries: SEGMENT_ENTRIES,
            tail_bytes_max: TAIL_BYTES_MAX,
            rest_bytes_max: REST_TAIL_BYTES_MAX,
        }
    }
}

/// Where a lake lies and whose it is.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) origin: String,
    pub(crate) shape: Shape,
}

/// A log's columns. One writer; readers take a [`Snapshot`].
pub(crate) struct Lake {
    place: Place,
    manifest: Manifest,
    files: [Vec<Arc<LakeFile>>; 2],
    tail: Tail,
}

/// Everything taken in at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) through: TreeSize,
    /// By table.
    pub(crate) files: [Vec<Arc<LakeFile>>; 2],
    pub(crate) tails: [Vec<RecordBatch>; 2],
}

/// Entries that no file holds.
struct Tail {
    first: u64,
    next: u64,
    bytes: usize,
    /// Leaf hash of the last one that was pushed.
    last: Option<Hash>,
    rows: [Rows; 2],
    chunks: [Chunks; 2],
}

impl Lake {
    /// Opens what is there, or begins. The second half of the answer says what was damaged and has been made anew.
    pub(crate) fn open(
        place: Place,
        source: &dyn EntrySource,
    ) -> Result<(Lake, Vec<String>), LakeError> {
        create_dirs(&*place.disk, &place.dir)?;
        let mut said = Vec::new();
        let manifest = match place.read_manifest()? {
            None => Manifest::new(&place.origin),
            Some(Ok(manifest)) => manifest,
            Some(Err(ManifestError::Format)) => return Err(place.format("unknown")),
            Some(Err(error)) => {
                set_aside(&*place.disk, &place.dir, MANIFEST)?;
                said.push(format!("{MANIFEST} was damaged ({error}): all is made anew"));
                Manifest::new(&place.origin)
            }
        };
        place.check(&manifest, source)?;
        let tail = Tail::new(manifest.head.covered);
        let files = Table::ALL.map(|table| place.lake_files(&manifest, table));
        let mut lake = Lake { place, manifest, files, tail };
        said.extend(lake.mend(source)?);
        lake.sweep()?;
        Ok((lake, said))
    }

    /// Takes in the next entry; its leaf hash.
    pub(crate) fn push(&mut self, index: LeafIndex, entry: &[u8]) -> Result<Hash, LakeError> {
        let bytes_max = self.place.shape.tail_bytes_max;
        // A file that could not be written before is tried first.
        self.seal_at(bytes_max)?;
        let last = self.tail.push(index, entry)?;
        self.seal_at(bytes_max)?;
        Ok(last)
    }

    /// Keeps no more in memory than a log to which nothing comes may.
    pub(crate) fn rest(&mut self) -> Result<(), LakeError> {
        self.seal_at(self.place.shape.rest_bytes_max)
    }

    /// Entries taken in.
    pub(crate) fn through(&self) -> TreeSize {
        TreeSize(self.tail.next)
    }

    /// Leaf hash of the last entry taken in.
    pub(crate) fn last(&self) -> Option<Hash> {
        self.tail.last.or_else(|| self.manifest.head.last.parse().ok())
    }

    /// Everything taken in until now.
    pub(crate) fn snapshot(&mut self) -> Result<Snapshot, LakeError> {
        self.tail.chunk()?;
        Ok(Snapshot {
            through: self.through(),
            files: self.files.clone(),
            tails: [self.tail.chunks[0].queried(), self.tail.chunks[1].queried()],
        })
    }

    /// Compares every file with its digest, and makes damaged ones anew from the log.
    pub(crate) fn mend(&mut self, source: &dyn EntrySource) -> Result<Vec<String>, LakeError> {
        let (mut said, mut ranges) = (Vec::new(), Vec::new());
        for line in &self.manifest.files {
            let Some(why) = self.place.fault(line)? else { continue };
            let (dir, name) = self.place.split(&line.path);
            set_aside(&*self.place.disk, &dir, &name)?;
            said.push(format!("{} {why}: it is made anew from the log", line.path));
            if ranges.last() != Some(&(line.first..line.end)) {
                ranges.push(line.first..line.end);
            }
        }
        for range in ranges {
            self.rebuild(&range, source)?;
        }
        Ok(said)
    }

    /// Writes the files of a range again, from the log.
    fn rebuild(&mut self, range: &Range<u64>, source: &dyn EntrySource) -> Result<(), LakeError> {
        let mut tail = Tail::new(range.start);
        while tail.next < range.end {
            let count = READ_ENTRIES.min((range.end - tail.next) as usize);
            let entries = source.read(LeafIndex(tail.next), count)?;
            if entries.is_empty() {
                return Err(SourceError(format!("entry {} is not there", tail.next)).into());
            }
            for (index, entry) in entries {
                tail.push(index, &entry)?;
            }
        }
        let lines = self.place.write_files(&mut tail)?;
        let is_other = |file: &FileLine| file.first != range.start;
        let mut manifest = self.manifest.clone();
        manifest.files.retain(is_other);
        manifest.files.extend(lines);
        manifest.files.sort_by_key(|file| file.first);
        self.adopt(manifest)
    }

    /// Writes the tail into files when its segment is full, or when it takes so many bytes of memory.
    fn seal_at(&mut self, bytes_max: usize) -> Result<(), LakeError> {
        let Tail { first, next, bytes, last, .. } = self.tail;
        let is_full = next.is_multiple_of(self.place.shape.segment_entries) || bytes >= bytes_max;
        let Some(last) = last.filter(|_| is_full && next > first) else { return Ok(()) };
        let lines = self.place.write_files(&mut self.tail)?;
        let mut manifest = self.manifest.clone();
        manifest.files.extend(lines);
        manifest.head.covered = next;
        manifest.head.last = last.to_string();
        self.adopt(manifest)?;
        self.tail = Tail::new(next);
        Ok(())
    }

    /// Makes a manifest permanent, and only then the one in force.
    fn adopt(&mut self, manifest: Manifest) -> Result<(), LakeError> {
        replace(&*self.place.disk, &self.place.dir, MANIFEST, &manifest.encode())?;
        self.files = Table::ALL.map(|table| self.place.lake_files(&manifest, table));
        self.manifest = manifest;
        Ok(())
    }

    /// Removes what a crash left: files that are not whole, or that no manifest names.
    fn sweep(&self) -> io::Result<()> {
        let Place { disk, dir, .. } = &self.place;
        let mut folders = vec![dir.clone()];
        for table in Table::ALL.map(|table| dir.join(table.name())) {
            folders.extend(list(&**disk, &table)?.into_iter().map(|segment| table.join(segment)));
        }
        let is_named = |path: &Path| self.manifest.files.iter().any(|f| dir.join(&f.path) == path);
        for folder in folders {
            for name in list(&**disk, &folder)? {
                let path = folder.join(&name);
                let is_stray = name.ends_with(SUFFIX) && !is_named(&path);
                if is_stray || name.starts_with(NEW_PREFIX) {
                    disk.remove(&path)?;
                }
            }
        }
        Ok(())
    }
}

impl Tail {
    fn new(first: u64) -> Tail {
        Tail {
            first,
            next: first,
            bytes: 0,
            last: None,
            rows: Table::ALL.map(Rows::new),
            chunks: Default::default(),
        }
    }

    fn push(&mut self, index: LeafIndex, entry: &[u8]) -> Result<Hash, LakeError> {
        if index.0 != self.next {
            return Err(LakeError::Order { found: index, wanted: LeafIndex(self.next) });
        }
        let row = EntryRow::read(index.0, entry);
        let [events, changes] = &mut self.rows;
        self.bytes += events.push(row.event());
        for change in row.changes() {
            self.bytes += changes.push(change);
        }
        let last = leaf_hash(entry);
        self.last = Some(last);
        self.next += 1;
        Ok(last)
    }

    /// Makes a batch of what was pushed since the last one.
    fn chunk(&mut self) -> Result<(), LakeError> {
        for (place, table) in Table::ALL.into_iter().enumerate() {
            if let Some(batch) = self.rows[place].take()? {
                self.chunks[place].push(table, batch)?;
            }
        }
        Ok(())
    }
}

impl Place {
    /// None where there is no manifest yet.
    fn read_manifest(&self) -> io::Result<Option<Result<Manifest, ManifestError>>> {
        let bytes = match read(&*self.disk, &self.dir.join(MANIFEST), MANIFEST_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Ok(Some(Err(ManifestError::Digest)));
            }
            Err(error) => return Err(error),
        };
        Ok(Some(Manifest::decode(&bytes)))
    }

    /// Refuses columns that are not this log's, or not of this format.
    fn check(&self, manifest: &Manifest, source: &dyn EntrySource) -> Result<(), LakeError> {
        let head = &manifest.head;
        if head.graven != FORMAT {
            return Err(self.format(&head.graven));
        }
        let dir = self.dir.display().to_string();
        if head.origin != self.origin {
            let (found, origin) = (head.origin.clone(), self.origin.clone());
            return Err(LakeError::Origin { found, origin, dir });
        }
        let (covered, size) = (head.covered, source.size());
        let Some(last) = covered.checked_sub(1) else { return Ok(()) };
        let foreign = || LakeError::Foreign { covered, size, dir: dir.clone() };
        if covered > size.0 {
            return Err(foreign());
        }
        let entries = source.read(LeafIndex(last), 1)?;
        let (_, entry) = entries.first().ok_or_else(foreign)?;
        if leaf_hash(entry).to_string() == head.last { Ok(()) } else { Err(foreign()) }
    }

    fn format(&self, found: &str) -> LakeError {
        let dir = self.dir.display().to_string();
        LakeError::Format { found: found.to_owned(), wanted: FORMAT, dir }
    }

    /// What is wrong with a file, if anything is.
    fn fault(&self, line: &FileLine) -> io::Result<Option<&'static str>> {
        match read(&*self.disk, &self.dir.join(&line.path), line.size_bytes) {
            Ok(bytes) if sha256(&bytes) == line.sha256 => Ok(None),
            Ok(_) => Ok(Some("is not what was written")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some("is missing")),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                Ok(Some("is longer than what was written"))
            }
            Err(error) => Err(error),
        }
    }

    /// Writes a tail as a file of each table, and makes them permanent. No manifest names them yet.
    fn write_files(&self, tail: &mut Tail) -> Result<Vec<FileLine>, LakeError> {
        tail.chunk()?;
        let segment = tail.first / self.shape.segment_entries;
        let mut lines = Vec::new();
        for (chunks, table) in tail.chunks.iter().zip(Table::ALL) {
            let batches: Vec<&RecordBatch> = chunks.written().collect();
            let bytes = encode(table, &batches)?;
            let path = format!(
                "{}/segment={segment:08}/{:012}-{:012}{SUFFIX}",
                table.name(),
                tail.first,
                tail.next
            );
            let (dir, name) = self.split(&path);
            create_dirs(&*self.disk, &dir)?;
            replace(&*self.disk, &dir, &name, &bytes)?;
            lines.push(FileLine {
                table: table.name().to_owned(),
                path,
                first: tail.first,
                end: tail.next,
                rows: chunks.rows() as u64,
                size_bytes: bytes.len() as u64,
                sha256: sha256(&bytes),
            });
        }
        Ok(lines)
    }

    /// The folder and the name of a file of the lake.
    fn split(&self, path: &str) -> (PathBuf, String) {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        (self.dir.join(dir), name.to_owned())
    }

    fn lake_files(&self, manifest: &Manifest, table: Table) -> Vec<Arc<LakeFile>> {
        let file = |line: &FileLine| LakeFile {
            line: line.clone(),
            path: self.dir.join(&line.path),
            disk: Arc::clone(&self.disk),
            metadata: OnceLock::new(),
        };
        manifest.files_of(table).map(|line| Arc::new(file(line))).collect()
    }
}

/// Puts a whole file in the place of one, or of none: a crash leaves the one or the other.
fn replace(disk: &dyn Disk, dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = dir.join(format!("{NEW_PREFIX}{name}"));
    match disk.remove(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.open(&new, OpenMode::CreateNew)?;
    file.write_at(bytes, 0)?;
    file.sync_all()?;
    disk.rename(&new, &dir.join(name))?;
    disk.sync_dir(dir)
}

/// Gives a damaged file another name, for whoever wants to look at it; an older one of that name goes.
fn set_aside(disk: &dyn Disk, dir: &Path, name: &str) -> io::Result<()> {
    let (before, behind) = ASIDE;
    match disk.rename(&dir.join(name), &dir.join(format!("{before}{name}{behind}"))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A whole file, unless it is longer than `bytes_max`.
fn read(disk: &dyn Disk, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = disk.open(path, OpenMode::Read)?;
    let size_bytes = file.len_bytes()?;
    if size_bytes > bytes_max {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    let mut bytes = vec![0; size_bytes as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// The names in a folder; none where it is missing.
fn list(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<String>> {
    match disk.list(dir) {
        Ok(entries) => Ok(entries.into_iter().map(|entry| entry.name).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Makes a folder, and those that it lies in, permanent.
fn create_dirs(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    let Some(parent) = dir.parent() else { return Ok(()) };
    match disk.create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_dirs(disk, parent)?;
            disk.create_dir(dir)?;
        }
        other => other?,
    }
    disk.sync_dir(parent)
}
