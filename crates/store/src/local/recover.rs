//! Opening a journal: reading what is there, and copying the last file forward.
//!
//! The page cache may show what the device never got: a flush that failed before the process ended
//! has marked its pages clean (reliability of fsync: Rebello et al., USENIX ATC 2020). Nothing tells
//! a later process, so every open copies the whole frames of the last file into a new file, flushes
//! and reads it back from the device, and removes the old one. Earlier files need no copy: a later
//! file is begun only after the flush of their last frame returned.

use std::path::{Path, PathBuf};

use env::{Disk, DiskFile, OpenMode, Random};

use super::create::{create_file, remove_files};
use super::envelope::{Envelope, JournalId};
use super::file_header::FileHeader;
use super::names;
use super::position::Position;
use super::scan::{Tail, scan_frames};
use super::walk::{FileInfo, Walk, walk};
use crate::frame_buf::frame_bytes;
use crate::{Epoch, FrameBuf, FrameHash, JournalError, Slot};

/// What a recovery leaves to the writer.
pub(crate) struct Opened {
    /// The chain as it is on the disk now; the last file is the one to write to.
    pub(crate) files: Vec<FileInfo>,
    /// Slot and size on the disk of every frame.
    pub(crate) frames: Vec<(Slot, u64)>,
    pub(crate) torn: Option<crate::TornTail>,
    pub(crate) created: bool,
}

pub(crate) fn open_chain(
    disk: &dyn Disk,
    dir: &Path,
    size_bytes: u64,
    random: &dyn Random,
) -> Result<Opened, JournalError> {
    // Names that a crashed process left unflushed must not be believed before they are durable.
    disk.sync_dir(dir).map_err(JournalError::Io)?;
    let mut frames = Vec::new();
    let walk = walk(disk, dir, &mut |envelope, _| {
        frames.push((envelope.slot, frame_bytes(envelope.body_bytes as usize) as u64));
        Ok(())
    })?;
    remove_files(disk, dir, &walk.leftovers)?;
    if walk.files.is_empty() {
        let file = create_first(disk, dir, size_bytes, random)?;
        return Ok(Opened { files: vec![file], frames, torn: None, created: true });
    }
    let files = copy_forward(disk, dir, &walk)?;
    Ok(Opened { files, frames, torn: walk.torn, created: false })
}

/// Mutant: zeroes the journal from the first bad frame on, as if it had been the last.
pub(crate) fn cut_at_bad_frame(disk: &dyn Disk, dir: &Path) -> Result<(), JournalError> {
    let is_on = cfg!(any(test, feature = "mutants"));
    match walk(disk, dir, &mut |_, _| Ok(())) {
        Err(JournalError::Corrupt { file, offset_bytes, .. }) if is_on => {
            let file = disk.open(&file, OpenMode::ReadWrite).map_err(JournalError::Io)?;
            let len_bytes = file.len_bytes().map_err(JournalError::Io)?;
            let rest_bytes = len_bytes.saturating_sub(offset_bytes);
            file.write_zeros_at(offset_bytes, rest_bytes).map_err(JournalError::Io)?;
            file.sync_all().map_err(JournalError::Io)
        }
        _ => Ok(()),
    }
}

fn create_first(
    disk: &dyn Disk,
    dir: &Path,
    size_bytes: u64,
    random: &dyn Random,
) -> Result<FileInfo, JournalError> {
    let mut id = [0; 16];
    random.fill(&mut id);
    let header = FileHeader {
        journal: JournalId(id),
        number: 0,
        size_bytes,
        first: Slot(0),
        epoch: Epoch(0),
        prev: FrameHash([0; 32]),
        copied_from: None,
    };
    create_file(disk, dir, header.number, size_bytes, &mut |file| {
        file.write_at(&header.encode(), 0).map_err(JournalError::Io)
    })?;
    let end = header.start();
    Ok(FileInfo { path: names::file_path(dir, header.number), header, end })
}

/// The order matters. The spare goes first and gives its space back. The copy is durable and read
/// back before it has a name; from then on it stands for the original (a crash here leaves both, and
/// the walk reads the copy). Then the original goes, durably, before any frame follows the copy.
fn copy_forward(disk: &dyn Disk, dir: &Path, walk: &Walk) -> Result<Vec<FileInfo>, JournalError> {
    remove_files(disk, dir, walk.spare.as_slice())?;
    let mut files = walk.files.clone();
    let last = files.pop().expect("a walk without files makes a first one");
    let number = walk.number_max.map_or(0, |max| max + 1);
    let size_bytes = last.header.size_bytes;
    let copy = match copy_file(disk, dir, &last, number, size_bytes) {
        // The frames alone may still fit where a whole file does not.
        Err(JournalError::Full { .. }) if last.end.offset_bytes < size_bytes => {
            copy_file(disk, dir, &last, number, last.end.offset_bytes)?
        }
        other => other?,
    };
    let mut old: Vec<PathBuf> = walk.superseded.clone();
    old.push(last.path);
    remove_files(disk, dir, &old)?;
    files.push(copy);
    Ok(files)
}

fn copy_file(
    disk: &dyn Disk,
    dir: &Path,
    from: &FileInfo,
    number: u64,
    size_bytes: u64,
) -> Result<FileInfo, JournalError> {
    let copied_from = Some(from.header.number);
    let header = FileHeader { number, size_bytes, copied_from, ..from.header.clone() };
    let source = disk.open(&from.path, OpenMode::Read).map_err(JournalError::Io)?;
    create_file(disk, dir, number, size_bytes, &mut |target| {
        target.write_at(&header.encode(), 0).map_err(JournalError::Io)?;
        copy_frames(&*source, from, target, &header)?;
        target.sync_all().map_err(JournalError::Io)?;
        read_back(target, &header, &from.end, dir)
    })?;
    Ok(FileInfo { path: names::file_path(dir, number), header, end: from.end.clone() })
}

/// Writes every whole frame of `from` to the same offset of `target`, its envelope made for there.
fn copy_frames(
    source: &dyn DiskFile,
    from: &FileInfo,
    target: &dyn DiskFile,
    header: &FileHeader,
) -> Result<(), JournalError> {
    let mut offset_bytes = from.header.start().offset_bytes;
    let mut frame = FrameBuf::new();
    let (end, _) =
        scan_frames(source, &from.header, from.header.start(), &mut |envelope, body| {
            let placed = Envelope { file_number: header.number, offset_bytes, ..envelope.clone() };
            frame.clear();
            frame.push(body);
            let sealed = frame.seal(&placed.encode());
            target.write_at(sealed, offset_bytes).map_err(JournalError::Io)?;
            offset_bytes += frame_bytes(body.len()) as u64;
            frame.unseal(body.len());
            Ok(())
        })?;
    check_end(&end, &from.end, &from.path)
}

/// Reads the copy from the device and checks that it holds the same chain.
fn read_back(
    file: &dyn DiskFile,
    header: &FileHeader,
    expected: &Position,
    dir: &Path,
) -> Result<(), JournalError> {
    file.drop_cache().map_err(JournalError::Io)?;
    let path = names::temporary_path(dir, header.number);
    let (end, tail) = scan_frames(file, header, header.start(), &mut |_, _| Ok(()))?;
    if tail != Tail::Zero {
        let (offset_bytes, why) = (end.offset_bytes, format!("the copy ends in {tail:?}"));
        return Err(JournalError::Corrupt { file: path, offset_bytes, why });
    }
    check_end(&end, expected, &path)
}

fn check_end(end: &Position, expected: &Position, file: &Path) -> Result<(), JournalError> {
    if end == expected {
        return Ok(());
    }
    let (offset_bytes, file) = (end.offset_bytes, file.to_owned());
    let why = format!("reading again ends at slot {}, not {}", end.slot, expected.slot);
    Err(JournalError::Corrupt { file, offset_bytes, why })
}
