//! The verifier of a journal directory: reads every byte, takes no lock, changes nothing.

use std::path::Path;

use env::Disk;

use super::envelope::FrameKind;
use super::walk::walk;
use crate::{EachBody, JournalError, Slot, TornTail};

/// What a check found where nothing is corrupt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalCheck {
    /// Files of the chain.
    pub files: u64,
    /// Whole frames, fences included.
    pub frames: u64,
    /// The oldest slot that is held.
    pub first_slot: Slot,
    /// The slot after the last whole frame.
    pub next_slot: Slot,
    /// A last frame or a last header that is not whole: cut off by a crash and to be left out by the
    /// next start, or, while a server holds the lock, just being written.
    pub unfinished: Option<TornTail>,
    /// Files beside the chain that the next start removes: half-made, released or copied ones.
    pub leftovers: u64,
}

/// Checks the journal in `dir` and hands every body to `each`, in slot order. The first thing that
/// no crash can have left is a [`JournalError::Corrupt`] with file and offset. A directory that does
/// not exist holds no files.
pub fn check_journal(
    disk: &dyn Disk,
    dir: &Path,
    each: EachBody<'_>,
) -> Result<JournalCheck, JournalError> {
    let mut frames = 0;
    let walk = walk(disk, dir, &mut |envelope, body| {
        frames += 1;
        if envelope.kind == FrameKind::Body { each(envelope.slot, body) } else { Ok(()) }
    })?;
    if let Some(file) = walk.foreign.into_iter().next() {
        let why = "not a file of the journal, so nothing vouches for it".into();
        return Err(JournalError::Corrupt { file, offset_bytes: 0, why });
    }
    Ok(JournalCheck {
        files: walk.files.len() as u64,
        frames,
        first_slot: walk.files.first().map_or(Slot(0), |file| file.header.first),
        next_slot: walk.files.last().map_or(Slot(0), |file| file.end.slot),
        leftovers: (walk.leftovers.len() + walk.superseded.len()) as u64,
        unfinished: walk.torn,
    })
}
