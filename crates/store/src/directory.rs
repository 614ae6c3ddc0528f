//! The data directory: its lock, its format, and directories that survive a crash.

use std::io;
use std::path::{Path, PathBuf};

use env::{Disk, DiskFile, FilesystemKind, OpenMode, is_out_of_space};

use crate::StoreError;
use crate::limits::FORMAT_BYTES_MAX;

/// Name of the lock file. It is never unlinked: a lock on an unlinked file excludes nobody.
const LOCK_NAME: &str = "LOCK";
/// Name of the format file.
const FORMAT_NAME: &str = "format";
/// What the format file of this version says.
const FORMAT: &str = "graven data format 1\n";
/// Names of files that are being written; a crash leaves them, the next start removes them.
pub(crate) const TEMPORARY_PREFIX: &str = "tmp-";

/// The exclusive right to a data directory, from `acquire` until it is dropped or the process ends.
pub struct DirectoryLock {
    directory: PathBuf,
    /// Owns the lock: dropping it is the release. Close-on-exec, so no child keeps it.
    _file: Box<dyn DiskFile>,
}

impl DirectoryLock {
    /// Takes the lock of `directory`, which must exist, or says that another process has it.
    pub fn acquire(disk: &dyn Disk, directory: &Path) -> Result<DirectoryLock, StoreError> {
        let path = directory.join(LOCK_NAME);
        let opened = match disk.open(&path, OpenMode::CreateNew) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                disk.open(&path, OpenMode::ReadWrite)
            }
            other => other,
        };
        let file = opened.map_err(StoreError::Io)?;
        if !file.try_lock().map_err(StoreError::Io)? {
            return Err(StoreError::Locked { directory: directory.to_owned() });
        }
        Ok(DirectoryLock { directory: directory.to_owned(), _file: file })
    }

    /// Whether a process holds the lock of `directory`. The answer may be out of date at once; it
    /// decides only how a verifier words what it found, and takes the lock for a moment.
    pub fn is_held(disk: &dyn Disk, directory: &Path) -> Result<bool, StoreError> {
        match disk.open(&directory.join(LOCK_NAME), OpenMode::Read) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(StoreError::Io(e)),
            Ok(file) => Ok(!file.try_lock().map_err(StoreError::Io)?),
        }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// Writes the format file at the first start, durably, and refuses every other format. The caller
/// holds the lock.
pub fn ensure_format(disk: &dyn Disk, data_dir: &Path) -> Result<(), StoreError> {
    if read_format(disk, data_dir)? {
        return Ok(());
    }
    write_durably(disk, data_dir, FORMAT_NAME, FORMAT.as_bytes())
}

/// Whether `data_dir` has a format file, and that it is this version's: for readers, who write none.
pub fn read_format(disk: &dyn Disk, data_dir: &Path) -> Result<bool, StoreError> {
    let path = data_dir.join(FORMAT_NAME);
    let Some(found) = read_whole(disk, &path, FORMAT_BYTES_MAX)? else { return Ok(false) };
    if found != FORMAT.as_bytes() {
        let found = String::from_utf8_lossy(&found).into_owned();
        return Err(StoreError::Format { file: path, found, known: FORMAT });
    }
    Ok(true)
}

/// Refuses a file system whose locks or flushes cannot be relied on, unless `force`.
pub fn check_filesystem(disk: &dyn Disk, data_dir: &Path, force: bool) -> Result<(), StoreError> {
    let kind = match disk.filesystem_kind(data_dir).map_err(StoreError::Io)? {
        FilesystemKind::Network(name) => format!("a network file system ({name})"),
        FilesystemKind::Fuse => "a FUSE file system".to_owned(),
        FilesystemKind::Local | FilesystemKind::Memory => return Ok(()),
    };
    if force {
        return Ok(());
    }
    Err(StoreError::Filesystem { directory: data_dir.to_owned(), kind })
}

/// Makes a directory whose name is durable when this returns, whoever made it first.
pub(crate) fn create_dir_durably(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    disk.create_dir(dir)?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => disk.sync_dir(parent),
        _ => disk.sync_dir(Path::new(".")),
    }
}

/// Writes `dir/name` durably, replacing what was there: after a crash it is the old or the new file.
pub(crate) fn write_durably(
    disk: &dyn Disk,
    dir: &Path,
    name: &str,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let temporary = write_temporary(disk, dir, name, bytes)?;
    disk.rename(&temporary, &dir.join(name)).map_err(StoreError::Io)?;
    disk.sync_dir(dir).map_err(StoreError::Io)
}

/// Writes and flushes a file under a temporary name. Where the disk is full nothing is left.
pub(crate) fn write_temporary(
    disk: &dyn Disk,
    dir: &Path,
    name: &str,
    bytes: &[u8],
) -> Result<PathBuf, StoreError> {
    let temporary = dir.join(format!("{TEMPORARY_PREFIX}{name}"));
    remove_if_there(disk, &temporary)?;
    let full = || StoreError::Full {
        needed_bytes: bytes.len() as u64,
        free_bytes: disk.free_bytes(dir).unwrap_or(0),
    };
    let file = match disk.open(&temporary, OpenMode::CreateNew) {
        Err(e) if is_out_of_space(&e) => return Err(full()),
        other => other.map_err(StoreError::Io)?,
    };
    match file.write_at(bytes, 0) {
        Err(e) if is_out_of_space(&e) => {
            drop(file);
            disk.remove(&temporary).map_err(StoreError::Io)?;
            return Err(full());
        }
        other => other.map_err(StoreError::Io)?,
    }
    file.sync_all().map_err(StoreError::Io)?;
    Ok(temporary)
}

/// Reads a whole file; `None` where there is none.
pub(crate) fn read_whole(
    disk: &dyn Disk,
    path: &Path,
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, StoreError> {
    let file = match disk.open(path, OpenMode::Read) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(StoreError::Io)?,
    };
    let len_bytes = file.len_bytes().map_err(StoreError::Io)?;
    if len_bytes > bytes_max as u64 {
        let why = format!("{len_bytes} bytes are over the limit of {bytes_max}");
        return Err(StoreError::Corrupt { file: path.to_owned(), offset_bytes: 0, why });
    }
    let mut bytes = vec![0; len_bytes as usize];
    file.read_exact_at(&mut bytes, 0).map_err(StoreError::Io)?;
    Ok(Some(bytes))
}

pub(crate) fn remove_if_there(disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
    match disk.remove(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(StoreError::Io),
    }
}

#[cfg(test)]
mod tests;
