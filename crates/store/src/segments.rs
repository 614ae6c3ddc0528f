//! Segments: the sealed, immutable parts of each log, with its state and its small files.
//!
//! `logs/<log>/segments/<first>-<count>.segment` holds 65,536 entries and stays for ever,
//! `<first>-<count>.part` holds fewer and goes when a bigger one covers it. A part is written under a
//! temporary name, flushed, read back from the device and only then named; its name is durable
//! before `write_part` returns. A name therefore always stands for a whole part, and a crash leaves
//! at most a temporary file, an old state or a covered part, which [`SegmentStore::tidy`] removes.
//!
//! One thread writes to a log; any number read. Clones share the cache of open parts.

mod open_parts;
mod part;
mod part_file;
pub(crate) mod state;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use env::{Disk, OpenMode, is_out_of_space};

use crate::StoreError;
use crate::directory::{
    TEMPORARY_PREFIX, create_dir_durably, read_whole, remove_if_there, write_durably,
    write_temporary,
};
use crate::limits::{SEGMENT_ENTRIES, SMALL_FILE_BYTES_MAX};
use crate::object_name::{check_file_name, check_log_name, is_log_name};
use open_parts::OpenParts;
pub use part::Part;
use part_file::encode_part;

const SEGMENT_SUFFIX: &str = ".segment";
const PART_SUFFIX: &str = ".part";

/// One compressed bundle, as `log` encoded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedBundle {
    /// The bytes, opaque to the store.
    pub bytes: Vec<u8>,
    /// How many entries it holds.
    pub entries: u16,
}

/// What a part is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartContents {
    /// Index of the first entry.
    pub first: u64,
    /// The log's own header, opaque to the store.
    pub header: Vec<u8>,
    /// The bundles, in index order.
    pub bundles: Vec<EncodedBundle>,
    /// CRC32C of every entry, in index order; as many as the bundles have entries.
    pub entry_crcs: Vec<u32>,
    /// The log's level-1 tile, opaque to the store.
    pub tile: Vec<u8>,
}

/// A part by its name and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartMeta {
    /// The log.
    pub log: String,
    /// Index of the first entry.
    pub first: u64,
    /// Number of entries.
    pub count: u32,
    /// A whole segment: 65,536 entries from a multiple of 65,536.
    pub sealed: bool,
    /// Size of the file.
    pub size_bytes: u64,
}

/// The segments, states and small files of every log of a data directory.
#[derive(Clone)]
pub struct SegmentStore {
    disk: Arc<dyn Disk>,
    data_dir: PathBuf,
    open_parts: Arc<Mutex<OpenParts>>,
}

impl PartMeta {
    /// Whether 65,536 entries from `first` make a whole segment.
    pub fn is_sealed(first: u64, count: u32) -> bool {
        count == SEGMENT_ENTRIES && first.is_multiple_of(u64::from(SEGMENT_ENTRIES))
    }

    /// The index after its last entry.
    pub fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }

    /// Whether `self` holds everything that `other` holds, and more.
    fn covers(&self, other: &PartMeta) -> bool {
        self.count > other.count && self.first <= other.first && self.end() >= other.end()
    }
}

impl SegmentStore {
    /// The store of a data directory.
    pub fn new(disk: Arc<dyn Disk>, data_dir: &Path) -> Self {
        let open_parts = Arc::new(Mutex::new(OpenParts::default()));
        SegmentStore { disk, data_dir: data_dir.to_owned(), open_parts }
    }

    /// The names of all logs, sorted.
    pub fn logs(&self) -> Result<Vec<String>, StoreError> {
        let entries = list_dir(&*self.disk, &self.data_dir.join("logs"))?;
        let logs = entries.into_iter().filter(|e| e.is_dir && is_log_name(&e.name));
        Ok(logs.map(|e| e.name).collect())
    }

    /// Makes the directories of a log, durably; those that exist stay.
    pub fn create_log_dir(&self, log: &str) -> Result<(), StoreError> {
        check_log_name(log)?;
        let dirs = [self.data_dir.join("logs"), self.log_dir(log), self.segments_dir(log)];
        dirs.iter().try_for_each(|dir| create_dir_durably(&*self.disk, dir)).map_err(StoreError::Io)
    }

    /// Writes a part durably and reads it back from the device; then its journal space may go.
    ///
    /// A part of the same name with the same bytes is written again, since nothing tells whether an
    /// earlier process made it durable; with other bytes it is [`StoreError::Exists`].
    pub fn write_part(&self, log: &str, contents: &PartContents) -> Result<PartMeta, StoreError> {
        check_log_name(log)?;
        let bytes = encode_part(contents)?;
        let count = contents.entry_crcs.len() as u32;
        let meta = PartMeta {
            log: log.to_owned(),
            first: contents.first,
            count,
            sealed: PartMeta::is_sealed(contents.first, count),
            size_bytes: bytes.len() as u64,
        };
        let dir = self.segments_dir(log);
        let temporary = write_temporary(&*self.disk, &dir, &file_name(&meta), &bytes)?;
        if let Err(e) = self.read_back(&temporary, &bytes) {
            remove_if_there(&*self.disk, &temporary)?;
            return Err(e);
        }
        self.name_part(&temporary, &meta, &bytes)?;
        self.disk.sync_dir(&dir).map_err(StoreError::Io)?;
        self.lock().forget(&meta);
        Ok(meta)
    }

    /// The parts of a log, by first index, then by count.
    pub fn list(&self, log: &str) -> Result<Vec<PartMeta>, StoreError> {
        check_log_name(log)?;
        let dir = self.segments_dir(log);
        let mut parts = Vec::new();
        for entry in list_dir(&*self.disk, &dir)? {
            let Some((first, count)) = parse_name(&entry.name) else { continue };
            let file = self.disk.open(&dir.join(&entry.name), OpenMode::Read);
            let size_bytes = match file.and_then(|file| file.len_bytes()) {
                // Covered by a bigger part and removed since the directory was listed.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(StoreError::Io)?,
            };
            let sealed = PartMeta::is_sealed(first, count);
            parts.push(PartMeta { log: log.to_owned(), first, count, sealed, size_bytes });
        }
        parts.sort_by_key(|part| (part.first, part.count));
        Ok(parts)
    }

    /// Files in a log's segment directory that the store never makes: nothing vouches for them.
    pub fn stray(&self, log: &str) -> Result<Vec<PathBuf>, StoreError> {
        check_log_name(log)?;
        let dir = self.segments_dir(log);
        let known = |name: &str| parse_name(name).is_some() || name.starts_with(TEMPORARY_PREFIX);
        let entries = list_dir(&*self.disk, &dir)?;
        Ok(entries.iter().filter(|e| !known(&e.name)).map(|e| dir.join(&e.name)).collect())
    }

    /// Opens a part and checks its index. Open parts are kept for the next reader, within limits.
    pub fn open(&self, meta: &PartMeta) -> Result<Arc<Part>, StoreError> {
        if let Some(part) = self.lock().get(meta) {
            return Ok(part);
        }
        let path = self.part_path(meta)?;
        let part = Arc::new(Part::open(&*self.disk, &path, meta)?);
        self.lock().keep(part.clone());
        Ok(part)
    }

    /// Removes a part. After a crash it may be there again: what replaced it is durable and covers it, so that
    /// [`SegmentStore::tidy`] removes it again.
    pub fn remove(&self, meta: &PartMeta) -> Result<(), StoreError> {
        self.lock().forget(meta);
        let path = self.part_path(meta)?;
        match self.disk.remove(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::NotFound { file: path })
            }
            other => other.map_err(StoreError::Io),
        }
    }

    /// Writes the state of a log at a size, durably, and removes the older ones. A state of the same
    /// size is replaced.
    pub fn write_state(&self, log: &str, size: u64, bytes: &[u8]) -> Result<(), StoreError> {
        check_log_name(log)?;
        check_size("state", bytes)?;
        let dir = self.log_dir(log);
        let encoded = state::encode(size, bytes);
        write_durably(&*self.disk, &dir, &state::file_name(size), &encoded)?;
        // A crash here leaves an older state beside this one; the newest is the one that is read.
        for old in self.states(log)?.into_iter().filter(|old| *old < size) {
            remove_if_there(&*self.disk, &dir.join(state::file_name(old)))?;
        }
        Ok(())
    }

    /// The newest state of a log with its size; `None` where there is none.
    pub fn read_state(&self, log: &str) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        check_log_name(log)?;
        let Some(size) = self.states(log)?.into_iter().max() else { return Ok(None) };
        let path = self.log_dir(log).join(state::file_name(size));
        match read_whole(&*self.disk, &path, SMALL_FILE_BYTES_MAX + state::FRAME_BYTES)? {
            Some(bytes) => Ok(Some((size, state::decode(&path, size, &bytes)?))),
            None => Err(StoreError::NotFound { file: path }),
        }
    }

    /// Writes a small file of a log durably, replacing the old one. It is not framed: `vkey` is for
    /// people and other programs to read.
    pub fn write_file(&self, log: &str, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        check_log_name(log)?;
        check_file_name(name)?;
        check_size(name, bytes)?;
        write_durably(&*self.disk, &self.log_dir(log), name, bytes)
    }

    /// Reads a small file of a log; `None` where there is none.
    pub fn read_file(&self, log: &str, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        check_log_name(log)?;
        check_file_name(name)?;
        read_whole(&*self.disk, &self.log_dir(log).join(name), SMALL_FILE_BYTES_MAX)
    }

    /// Removes what a crash left: temporary files, old states, parts that a bigger part covers.
    /// Called at open, before the log trusts what `list` says: it also makes the names durable.
    pub fn tidy(&self, log: &str) -> Result<(), StoreError> {
        check_log_name(log)?;
        for dir in [self.log_dir(log), self.segments_dir(log)] {
            match self.disk.sync_dir(&dir) {
                // A crash while the log was created has left the one directory without the other.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(StoreError::Io)?,
            }
            for entry in list_dir(&*self.disk, &dir)? {
                if entry.name.starts_with(TEMPORARY_PREFIX) {
                    remove_if_there(&*self.disk, &dir.join(&entry.name))?;
                }
            }
        }
        let states = self.states(log)?;
        let newest = states.iter().max();
        for old in states.iter().filter(|size| Some(*size) != newest) {
            remove_if_there(&*self.disk, &self.log_dir(log).join(state::file_name(*old)))?;
        }
        let parts = self.list(log)?;
        for part in parts.iter().filter(|part| parts.iter().any(|other| other.covers(part))) {
            self.remove(part)?;
        }
        Ok(())
    }

    /// Reads a new part back from the device, before it has a name.
    fn read_back(&self, temporary: &Path, expected: &[u8]) -> Result<(), StoreError> {
        let file = self.disk.open(temporary, OpenMode::Read).map_err(StoreError::Io)?;
        file.drop_cache().map_err(StoreError::Io)?;
        match part_file::first_difference(&*file, expected)? {
            None => Ok(()),
            Some(offset_bytes) => {
                let why = "the device does not give back what was written".into();
                Err(StoreError::Corrupt { file: temporary.to_owned(), offset_bytes, why })
            }
        }
    }

    /// Gives a part its name, which must be free or stand for the same bytes.
    fn name_part(&self, temporary: &Path, meta: &PartMeta, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.part_path(meta)?;
        match self.disk.link(temporary, &path) {
            Ok(()) => self.disk.remove(temporary).map_err(StoreError::Io),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                let file = self.disk.open(&path, OpenMode::Read).map_err(StoreError::Io)?;
                if part_file::first_difference(&*file, bytes)?.is_some() {
                    self.disk.remove(temporary).map_err(StoreError::Io)?;
                    return Err(StoreError::Exists { file: path });
                }
                self.disk.rename(temporary, &path).map_err(StoreError::Io)
            }
            Err(e) if is_out_of_space(&e) => {
                self.disk.remove(temporary).map_err(StoreError::Io)?;
                let free_bytes = self.disk.free_bytes(&path).unwrap_or(0);
                Err(StoreError::Full { needed_bytes: meta.size_bytes, free_bytes })
            }
            Err(e) => Err(StoreError::Io(e)),
        }
    }

    /// The sizes of the states that are there.
    fn states(&self, log: &str) -> Result<Vec<u64>, StoreError> {
        let entries = list_dir(&*self.disk, &self.log_dir(log))?;
        Ok(entries.iter().filter_map(|entry| state::parse_name(&entry.name)).collect())
    }

    fn log_dir(&self, log: &str) -> PathBuf {
        self.data_dir.join("logs").join(log)
    }

    fn segments_dir(&self, log: &str) -> PathBuf {
        self.log_dir(log).join("segments")
    }

    fn part_path(&self, meta: &PartMeta) -> Result<PathBuf, StoreError> {
        check_log_name(&meta.log)?;
        Ok(self.segments_dir(&meta.log).join(file_name(meta)))
    }

    fn lock(&self) -> MutexGuard<'_, OpenParts> {
        self.open_parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names in a directory; one that does not exist has none.
pub(crate) fn list_dir(disk: &dyn Disk, dir: &Path) -> Result<Vec<env::DirEntry>, StoreError> {
    match disk.list(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(StoreError::Io),
    }
}

fn check_size(what: &str, bytes: &[u8]) -> Result<(), StoreError> {
    if bytes.len() > SMALL_FILE_BYTES_MAX {
        return Err(StoreError::Invalid { what: what.to_owned(), why: "is over 64 MiB" });
    }
    Ok(())
}

fn file_name(meta: &PartMeta) -> String {
    let suffix = if meta.sealed { SEGMENT_SUFFIX } else { PART_SUFFIX };
    format!("{:016x}-{}{suffix}", meta.first, meta.count)
}

/// First index and count of a part's name; `None` for any other name.
fn parse_name(name: &str) -> Option<(u64, u32)> {
    let stem = name.strip_suffix(SEGMENT_SUFFIX).or_else(|| name.strip_suffix(PART_SUFFIX))?;
    let (first, count) = stem.split_once('-')?;
    let (first, count) = (u64::from_str_radix(first, 16).ok()?, count.parse().ok()?);
    let sealed = PartMeta::is_sealed(first, count);
    let meta = PartMeta { log: String::new(), first, count, sealed, size_bytes: 0 };
    (file_name(&meta) == name).then_some((first, count))
}

#[cfg(test)]
mod tests;
