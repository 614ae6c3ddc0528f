//! Making journal files durable before they get their name.

use std::io;
use std::path::{Path, PathBuf};

use env::{Disk, DiskFile, OpenMode, is_out_of_space};

use super::names;
use crate::JournalError;

/// Makes file `number`: allocated, zero-filled, then filled by `fill`, flushed, and only then named.
///
/// A crash before the rename leaves a temporary file that the next start removes; after it, the file
/// is whole. Where the disk is full nothing is left behind.
pub(crate) fn create_file(
    disk: &dyn Disk,
    dir: &Path,
    number: u64,
    size_bytes: u64,
    fill: &mut dyn FnMut(&dyn DiskFile) -> Result<(), JournalError>,
) -> Result<(), JournalError> {
    let temporary = names::temporary_path(dir, number);
    let file = match disk.open(&temporary, OpenMode::CreateNew) {
        Err(e) if is_out_of_space(&e) => return Err(full(disk, dir, size_bytes)),
        other => other.map_err(JournalError::Io)?,
    };
    match zero_fill(&*file, size_bytes) {
        Err(e) if is_out_of_space(&e) => {
            drop(file);
            disk.remove(&temporary).map_err(JournalError::Io)?;
            return Err(full(disk, dir, size_bytes));
        }
        other => other.map_err(JournalError::Io)?,
    }
    fill(&*file)?;
    file.sync_all().map_err(JournalError::Io)?;
    disk.rename(&temporary, &names::file_path(dir, number)).map_err(JournalError::Io)?;
    disk.sync_dir(dir).map_err(JournalError::Io)
}

/// Makes file `number` out of a released one, whose old frames are zeroed before it gets the name.
pub(crate) fn recycle_file(
    disk: &dyn Disk,
    dir: &Path,
    number: u64,
    released: &Path,
) -> Result<u64, JournalError> {
    // Around the page cache, which nobody reads zeros from: through it, this was a twentieth of what an append costs.
    let file = disk.open_direct(released).map_err(JournalError::Io)?.file;
    let size_bytes = file.len_bytes().map_err(JournalError::Io)?;
    file.write_zeros_at(0, size_bytes).map_err(JournalError::Io)?;
    file.sync_all().map_err(JournalError::Io)?;
    disk.rename(released, &names::file_path(dir, number)).map_err(JournalError::Io)?;
    disk.sync_dir(dir).map_err(JournalError::Io)?;
    Ok(size_bytes)
}

/// Lengthens a spare with real zeros; where the disk is full it stays as it was.
pub(crate) fn lengthen_file(
    disk: &dyn Disk,
    path: &Path,
    old_bytes: u64,
    new_bytes: u64,
) -> Result<(), JournalError> {
    let file = disk.open(path, OpenMode::ReadWrite).map_err(JournalError::Io)?;
    let lengthened = allocate(&*file, new_bytes)
        .and_then(|()| file.write_zeros_at(old_bytes, new_bytes - old_bytes));
    match lengthened {
        Err(e) if is_out_of_space(&e) => {
            file.set_len(old_bytes).map_err(JournalError::Io)?;
            Err(full(disk, path, new_bytes - old_bytes))
        }
        Err(e) => Err(JournalError::Io(e)),
        Ok(()) => file.sync_all().map_err(JournalError::Io),
    }
}

/// Removes files one after the other, each durably, so that a crash leaves a suffix of them.
pub(crate) fn remove_files(
    disk: &dyn Disk,
    dir: &Path,
    paths: &[PathBuf],
) -> Result<(), JournalError> {
    for path in paths {
        disk.remove(path).map_err(JournalError::Io)?;
        disk.sync_dir(dir).map_err(JournalError::Io)?;
    }
    Ok(())
}

pub(crate) fn full(disk: &dyn Disk, path: &Path, needed_bytes: u64) -> JournalError {
    // What is free is said to help an operator; that the disk is full is known without it.
    JournalError::Full { needed_bytes, free_bytes: disk.free_bytes(path).unwrap_or(0) }
}

fn zero_fill(file: &dyn DiskFile, size_bytes: u64) -> io::Result<()> {
    allocate(file, size_bytes)?;
    file.write_zeros_at(0, size_bytes)
}

/// Takes the space at once, so that a full disk says so before anything is written.
fn allocate(file: &dyn DiskFile, size_bytes: u64) -> io::Result<()> {
    match file.allocate(size_bytes) {
        Err(e) if e.kind() == io::ErrorKind::Unsupported => Ok(()),
        other => other,
    }
}
