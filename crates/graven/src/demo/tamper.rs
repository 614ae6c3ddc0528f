//! What anyone can do who can write to the disk: flip a byte, drop the tail.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use env::{BLOCK_BYTES, RealDisk};
use graven_entry::LogName;
use graven_merkle::LeafIndex;
use log::offline::OfflineCell;
use store::limits::ENVELOPE_BYTES;
use store::segments::SegmentStore;

use super::LOG;
use crate::exit::Exit;
use crate::failure::Failure;

/// Entries of a stored bundle.
const BUNDLE_ENTRIES: u64 = 256;
/// How a frame begins in a journal file; its body's length follows in bytes 8 to 11 (`docs/format.md`).
const FRAME_MAGIC: &[u8] = b"GRFR";

/// A byte that was flipped.
#[derive(Debug)]
pub(super) struct Flipped {
    /// The file, within the data directory.
    pub(super) file: PathBuf,
    pub(super) offset: usize,
    pub(super) before: u8,
    pub(super) after: u8,
    /// Entries of the bundle that it lies in.
    pub(super) first: u64,
    pub(super) last: u64,
}

/// A tail that was dropped.
#[derive(Debug)]
pub(super) struct Dropped {
    pub(super) frames: usize,
    pub(super) size_before: u64,
    pub(super) size_after: u64,
}

/// Flips a bit in the stored bundle that holds an entry.
pub(super) fn flip_byte(data: &Path, index: LeafIndex) -> Result<Flipped, Failure> {
    let store = SegmentStore::new(Arc::new(RealDisk), data);
    let unreadable = |error| Failure::caused(Exit::Bad, "cannot read the stored parts", &error);
    let parts = store.list(LOG).map_err(unreadable)?;
    let meta = parts.iter().find(|part| part.first <= index.0 && index.0 < part.end());
    let meta = meta.ok_or_else(|| Failure::bad(format!("entry {index} is in no stored part")))?;
    let place = index.0 / BUNDLE_ENTRIES - meta.first / BUNDLE_ENTRIES;
    let part = store.open(meta).map_err(unreadable)?;
    let bundle = part.bundle(usize::try_from(place).unwrap_or(usize::MAX)).map_err(unreadable)?;
    let first = index.0 - index.0 % BUNDLE_ENTRIES;
    let (first, last) = (first.max(meta.first), (first + BUNDLE_ENTRIES).min(meta.end()) - 1);
    let folder = Path::new("logs").join(LOG).join("segments");
    for name in names_in(&data.join(&folder))? {
        let file = folder.join(name);
        let mut bytes = read(&data.join(&file))?;
        let Some(start) = bytes.windows(bundle.len()).position(|window| window == bundle) else {
            continue;
        };
        let offset = start + bundle.len() / 2;
        let Some(byte) = bytes.get_mut(offset) else { continue };
        let before = *byte;
        *byte ^= 1;
        let after = *byte;
        write(&data.join(&file), &bytes)?;
        return Ok(Flipped { file, offset, before, after, first, last });
    }
    Err(Failure::bad(format!("the bundle of entry {index} is in no file")))
}

/// Zeroes whole frames from the journal's end until the log has lost an entry: what is left is as a journal is that
/// never had them.
pub(super) fn drop_tail(data: &Path) -> Result<Dropped, Failure> {
    let size_before = size_of(data)?;
    let mut frames = 0;
    let folder = data.join("journal");
    let mut names = names_in(&folder)?;
    names.retain(|name| name.ends_with(".journal"));
    for (place, name) in names.iter().enumerate().rev() {
        let path = folder.join(name);
        let mut bytes = read(&path)?;
        for edge in frame_edges(&bytes).into_iter().rev() {
            frames += 1;
            bytes.get_mut(edge..).unwrap_or_default().fill(0);
            write(&path, &bytes)?;
            let size_after = size_of(data)?;
            if size_after < size_before {
                return Ok(Dropped { frames, size_before, size_after });
            }
        }
        if place > 0 {
            fs::remove_file(&path).map_err(|error| Failure::file("remove", &path, &error))?;
        }
    }
    Err(Failure::bad("the journal holds no entry of the log"))
}

/// Where the frames of a journal file begin.
fn frame_edges(file: &[u8]) -> Vec<usize> {
    let mut edges = Vec::new();
    let mut at = BLOCK_BYTES;
    while let Some(frame) = file.get(at..).filter(|rest| rest.starts_with(FRAME_MAGIC)) {
        edges.push(at);
        let Some(length) = frame.get(8..12).and_then(|bytes| bytes.first_chunk::<4>()) else {
            break;
        };
        let body_bytes = u32::from_be_bytes(*length) as usize;
        at += (ENVELOPE_BYTES + body_bytes).next_multiple_of(BLOCK_BYTES);
    }
    edges
}

/// How many entries of the log a data directory holds.
fn size_of(data: &Path) -> Result<u64, Failure> {
    let unreadable =
        |error| Failure::caused(Exit::Bad, format!("cannot read {}", data.display()), &error);
    let cell = OfflineCell::open(Arc::new(RealDisk), data).map_err(unreadable)?;
    let name = LogName::new(LOG).map_err(Failure::usage)?;
    Ok(cell.log(&name).map_err(unreadable)?.size().0)
}

/// The names in a folder, sorted.
fn names_in(folder: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error| Failure::file("read", folder, &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::file("read", path, &error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|error| Failure::file("write", path, &error))
}
