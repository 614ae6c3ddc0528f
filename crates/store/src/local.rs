//! The journal in a local directory.
//!
//! Files `<number>.journal`, each a header block and frames one after the other, every frame padded
//! to whole blocks so that a torn write never touches a committed byte. Past its last frame a file
//! is all zero. One frame is in flight at a time, made durable by one write.
//!
//! What a crash means, step by step:
//!
//! | step | a crash here leaves | the next open |
//! |---|---|---|
//! | a frame's write | a torn frame, or a whole one that nobody was told of | leaves it out, or keeps it |
//! | the header of the next file | a spare, or a torn header | removes the file |
//! | making a file (spare, first, copy) | a temporary file | removes it |
//! | the rename of a copy | original and copy | reads the copy, removes both after copying again |
//! | the rename of a released file | it or a file whose frames lie in segments | removes it, or reads it again |

mod check;
mod create;
mod envelope;
mod file_header;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod names;
mod position;
mod recover;
mod scan;
mod spare;
mod walk;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use env::{BLOCK_BYTES, Disk, DiskFile, OpenMode, Random};

pub use check::{JournalCheck, check_journal};
pub use spare::SpareMaker;

use crate::directory::create_dir_durably;
use crate::frame_buf::frame_bytes;
use crate::limits::{
    FRAME_BODY_BYTES_MAX, JOURNAL_FILE_BYTES_FIRST, JOURNAL_FILE_BYTES_MAX, RELEASED_FILES_MAX,
};
use crate::{Completed, EachBody, Epoch, FrameBuf, Journal, JournalError, Slot};
pub(crate) use envelope::field;
use envelope::{Envelope, FrameKind};
use file_header::FileHeader;
use position::Position;
use recover::{Opened, cut_at_bad_frame, open_chain};
use scan::{Tail, scan_frames};
use walk::FileInfo;

/// How a frame is made durable; `docs/adr/0002-durable-write.md` has the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurableWrite {
    /// One write around the page cache (O_DIRECT and O_DSYNC). A failed write says so itself and the
    /// page cache cannot lie. Falls back to `Flush` where the file system has no direct I/O.
    Direct,
    /// A write and `fdatasync`.
    Flush,
}

/// How a local journal is kept.
#[derive(Clone)]
pub struct LocalJournalOptions {
    /// Draws the id of a new journal.
    pub random: Arc<dyn Random>,
    /// Size of a new journal's first file: whole blocks, at least two.
    pub file_bytes_first: u64,
    /// Size up to which files double: whole blocks.
    pub file_bytes_max: u64,
    /// How a frame is made durable.
    pub write: DurableWrite,
    /// A deliberate fault: the journal is cut off at the first bad frame, whatever stands behind it. Without effect
    /// outside of test builds and the feature `mutants`.
    pub truncate_bad_frames: bool,
}

/// What an open found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Whole frames, fences included.
    pub frames: u64,
    /// The oldest slot that is still held.
    pub first_slot: Slot,
    /// The slot that comes next.
    pub next_slot: Slot,
    /// The last frame, where it was not whole and has been left out.
    pub truncated: Option<TornTail>,
    /// The last file has been copied into a new one.
    pub copied_forward: bool,
    /// There was no journal: this one is new.
    pub created: bool,
}

/// A last frame that is not whole, and was therefore never acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The slot that it was to be.
    pub slot: Slot,
    /// The file.
    pub file: PathBuf,
    /// Where it starts.
    pub offset_bytes: u64,
    /// What is not whole.
    pub why: String,
}

/// The journal of a local directory, open for writing. The caller holds the directory's lock.
pub struct LocalJournal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: LocalJournalOptions,
    spares: SpareMaker,
    /// The chain, oldest first; the last file is the one that is written to. Never empty.
    files: VecDeque<FileInfo>,
    file: Box<dyn DiskFile>,
    /// Each write to `file` is durable when it returns.
    direct: bool,
    direct_fallback: Option<String>,
    in_flight: Option<InFlight>,
    /// Slot and size of every frame that has not been released.
    retained: VecDeque<(Slot, u64)>,
    retained_bytes: u64,
    /// A write or a flush failed: what is on the disk is not known any more.
    failed: bool,
}

struct InFlight {
    envelope: Envelope,
    body: FrameBuf,
}

impl LocalJournalOptions {
    /// What a server uses.
    pub fn new(random: Arc<dyn Random>) -> Self {
        LocalJournalOptions {
            random,
            file_bytes_first: JOURNAL_FILE_BYTES_FIRST,
            file_bytes_max: JOURNAL_FILE_BYTES_MAX,
            write: DurableWrite::Direct,
            truncate_bad_frames: false,
        }
    }
}

impl LocalJournal {
    /// Opens the journal in `dir`, or makes a new one there, and recovers it: see `recover` for what
    /// is trusted. [`JournalError::Full`] means that the copy found no room: free some (the reserve
    /// is there for this) and open again. The caller holds the lock of the data directory.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: LocalJournalOptions,
    ) -> Result<(LocalJournal, Recovered), JournalError> {
        let block = BLOCK_BYTES as u64;
        let size_bytes = options.file_bytes_first.max(2 * block).next_multiple_of(block);
        create_dir_durably(&*disk, dir).map_err(JournalError::Io)?;
        if options.truncate_bad_frames {
            cut_at_bad_frame(&*disk, dir)?;
        }
        let opened = open_chain(&*disk, dir, size_bytes, &*options.random)?;
        let recovered = describe(&opened);
        let last = opened.files.last().expect("an open journal has a file");
        let (file, direct_fallback) = open_for_frames(&*disk, &last.path, options.write)?;
        let wanted_bytes = next_size(last.header.size_bytes, &options);
        let spares = SpareMaker::new(disk.clone(), dir, last.header.number + 1, wanted_bytes);
        let journal = LocalJournal {
            direct: options.write == DurableWrite::Direct && direct_fallback.is_none(),
            disk,
            dir: dir.to_owned(),
            options,
            spares,
            files: opened.files.into(),
            file,
            direct_fallback,
            in_flight: None,
            retained_bytes: opened.frames.iter().map(|(_, size_bytes)| size_bytes).sum(),
            retained: opened.frames.into(),
            failed: false,
        };
        Ok((journal, recovered))
    }

    /// Makes the next file ahead, where there is none yet. To do so on another thread, take
    /// [`LocalJournal::spare_maker`] there.
    pub fn prepare_spare(&self) -> Result<(), JournalError> {
        self.spares.prepare_spare()
    }

    /// What makes the next file ahead, for another thread.
    pub fn spare_maker(&self) -> SpareMaker {
        self.spares.clone()
    }

    /// Why direct writes were asked for and are not used.
    pub fn direct_fallback(&self) -> Option<&str> {
        self.direct_fallback.as_deref()
    }

    fn current(&self) -> &FileInfo {
        self.files.back().expect("an open journal has a file")
    }

    fn current_mut(&mut self) -> &mut FileInfo {
        self.files.back_mut().expect("an open journal has a file")
    }

    fn check_failed(&self) -> Result<(), JournalError> {
        if self.failed {
            let why = "an earlier write failed: only a new start can tell what is on the disk";
            return Err(JournalError::Io(std::io::Error::other(why)));
        }
        Ok(())
    }

    /// Remembers that the disk can no longer be trusted. The cause goes to the caller, who aborts.
    fn poison<T>(&mut self, result: Result<T, JournalError>) -> Result<T, JournalError> {
        let goes_on = matches!(
            result,
            Ok(_) | Err(JournalError::Full { .. } | JournalError::TooLarge { .. })
        );
        self.failed |= !goes_on;
        result
    }

    /// Makes room for a frame, in the next file where this one has none, and builds its envelope.
    fn stage(
        &mut self,
        kind: FrameKind,
        epoch: Epoch,
        body: FrameBuf,
    ) -> Result<Slot, JournalError> {
        let size_bytes = frame_bytes(body.len()) as u64;
        let current = self.current();
        if current.end.offset_bytes + size_bytes > current.header.size_bytes {
            let switched = self.switch_file(size_bytes);
            self.poison(switched)?;
        }
        let current = self.current();
        let envelope = Envelope {
            kind,
            body_bytes: u32::try_from(body.len()).expect("a body is within its limit"),
            body_crc: body.crc(),
            epoch,
            slot: current.end.slot,
            journal: current.header.journal,
            prev: current.end.prev,
            file_number: current.header.number,
            offset_bytes: current.end.offset_bytes,
        };
        let slot = envelope.slot;
        self.in_flight = Some(InFlight { envelope, body });
        Ok(slot)
    }

    /// Makes the staged frame durable.
    fn write_staged(&mut self) -> Result<Completed, JournalError> {
        let InFlight { envelope, mut body } =
            self.in_flight.take().expect("complete follows a submit");
        let written = write_frame(&*self.file, self.direct, &envelope, &mut body);
        self.poison(written)?;
        let end = self.current().end.after(&envelope);
        let size_bytes = end.offset_bytes - envelope.offset_bytes;
        self.current_mut().end = end;
        self.retained.push_back((envelope.slot, size_bytes));
        self.retained_bytes += size_bytes;
        Ok(Completed { slot: envelope.slot, body })
    }

    /// Begins the next file: its header is durable before any frame is written to it.
    fn switch_file(&mut self, frame_bytes: u64) -> Result<(), JournalError> {
        let block = BLOCK_BYTES as u64;
        let options = self.options.clone();
        let spare = self.spares.take(block + frame_bytes, |wanted| next_size(wanted, &options))?;
        let end = self.current().end.clone();
        let header = FileHeader {
            journal: self.current().header.journal,
            number: spare.number,
            size_bytes: spare.size_bytes,
            first: end.slot,
            epoch: end.epoch,
            prev: end.prev,
            copied_from: None,
        };
        let file = self.disk.open(&spare.path, OpenMode::ReadWrite).map_err(JournalError::Io)?;
        file.write_at(&header.encode(), 0).map_err(JournalError::Io)?;
        file.sync_all().map_err(JournalError::Io)?;
        let (file, fallback) = open_for_frames(&*self.disk, &spare.path, options.write)?;
        self.direct = options.write == DurableWrite::Direct && fallback.is_none();
        self.file = file;
        self.files.push_back(FileInfo { path: spare.path, end: header.start(), header });
        Ok(())
    }

    /// Takes the oldest file out of the chain, durably; its frames all lie in segments.
    fn release_file(&mut self, file: &FileInfo) -> Result<(), JournalError> {
        if self.spares.released() >= RELEASED_FILES_MAX {
            return create::remove_files(&*self.disk, &self.dir, std::slice::from_ref(&file.path));
        }
        let released = names::released_path(&self.dir, file.header.number);
        self.disk.rename(&file.path, &released).map_err(JournalError::Io)?;
        self.disk.sync_dir(&self.dir).map_err(JournalError::Io)?;
        self.spares.add_released(released);
        Ok(())
    }
}

impl Journal for LocalJournal {
    fn epoch(&self) -> Epoch {
        self.current().end.epoch
    }

    fn next_slot(&self) -> Slot {
        let in_flight = u64::from(self.in_flight.is_some());
        Slot(self.current().end.slot.0 + in_flight)
    }

    fn in_flight_max(&self) -> usize {
        1
    }

    fn ready_bytes(&self) -> u64 {
        let current = self.current();
        let left_bytes = current.header.size_bytes.saturating_sub(current.end.offset_bytes);
        left_bytes.max(self.spares.ready_bytes())
    }

    fn submit(&mut self, body: FrameBuf) -> Result<Slot, JournalError> {
        assert!(self.in_flight.is_none(), "complete a frame before the next");
        self.check_failed()?;
        let (size_bytes, limit_bytes) = (body.len(), FRAME_BODY_BYTES_MAX);
        if size_bytes > limit_bytes {
            return Err(JournalError::TooLarge { size_bytes, limit_bytes });
        }
        self.stage(FrameKind::Body, self.epoch(), body)
    }

    fn complete(&mut self) -> Result<Completed, JournalError> {
        self.check_failed()?;
        self.write_staged()
    }

    fn read(&self, from: Slot, each: EachBody<'_>) -> Result<(), JournalError> {
        let oldest = self.files.front().map_or(Slot(0), |file| file.header.first);
        if from < oldest {
            let why = format!("slot {from} is not held any more, the oldest is slot {oldest}");
            return Err(JournalError::Corrupt { file: self.dir.clone(), offset_bytes: 0, why });
        }
        for file in self.files.iter().filter(|file| file.end.slot > from) {
            read_file(&*self.disk, file, from, each)?;
        }
        Ok(())
    }

    fn fence(&mut self) -> Result<Epoch, JournalError> {
        assert!(self.in_flight.is_none(), "a fence follows the frames in flight");
        self.check_failed()?;
        self.stage(FrameKind::Fence, Epoch(self.epoch().0 + 1), FrameBuf::with_capacity(0))?;
        self.write_staged()?;
        Ok(self.epoch())
    }

    fn release(&mut self, below: Slot) -> Result<(), JournalError> {
        self.check_failed()?;
        while let Some((_, size_bytes)) = self.retained.pop_front_if(|(slot, _)| *slot < below) {
            self.retained_bytes -= size_bytes;
        }
        while self.files.len() > 1 && self.files[0].end.slot <= below {
            let file = self.files.pop_front().expect("there is more than one file");
            let released = self.release_file(&file);
            self.poison(released)?;
        }
        Ok(())
    }

    fn retained_bytes(&self) -> u64 {
        self.retained_bytes
    }
}

fn describe(opened: &Opened) -> Recovered {
    let (first, last) = (opened.files.first(), opened.files.last());
    Recovered {
        frames: opened.frames.len() as u64,
        first_slot: first.map_or(Slot(0), |file| file.header.first),
        next_slot: last.map_or(Slot(0), |file| file.end.slot),
        truncated: opened.torn.clone(),
        copied_forward: !opened.created,
        created: opened.created,
    }
}

/// Files double from the first size up to the largest; one made for a big frame counts as largest.
fn next_size(size_bytes: u64, options: &LocalJournalOptions) -> u64 {
    let block = BLOCK_BYTES as u64;
    let doubled = size_bytes.saturating_mul(2).min(options.file_bytes_max);
    doubled.max(options.file_bytes_first).max(2 * block).next_multiple_of(block)
}

type FrameFile = (Box<dyn DiskFile>, Option<String>);

fn open_for_frames(
    disk: &dyn Disk,
    path: &Path,
    write: DurableWrite,
) -> Result<FrameFile, JournalError> {
    match write {
        DurableWrite::Direct => {
            let opened = disk.open_direct(path).map_err(JournalError::Io)?;
            Ok((opened.file, opened.fallback))
        }
        DurableWrite::Flush => {
            let file = disk.open(path, OpenMode::ReadWrite).map_err(JournalError::Io)?;
            Ok((file, None))
        }
    }
}

/// The commit point: when this returns, the frame is on the device.
fn write_frame(
    file: &dyn DiskFile,
    direct: bool,
    envelope: &Envelope,
    body: &mut FrameBuf,
) -> Result<(), JournalError> {
    let body_bytes = body.len();
    let sealed = body.seal(&envelope.encode());
    file.write_at(sealed, envelope.offset_bytes).map_err(JournalError::Io)?;
    if !direct {
        file.sync_data().map_err(JournalError::Io)?;
    }
    body.unseal(body_bytes);
    Ok(())
}

/// Hands the bodies of one file from slot `from` on to `each`, up to where its frames end.
fn read_file(
    disk: &dyn Disk,
    info: &FileInfo,
    from: Slot,
    each: EachBody<'_>,
) -> Result<(), JournalError> {
    let file = disk.open(&info.path, OpenMode::Read).map_err(JournalError::Io)?;
    // Read no further than what is committed: the tail beyond is the verifier's business.
    let header = FileHeader { size_bytes: info.end.offset_bytes, ..info.header.clone() };
    let (end, tail) = scan_frames(&*file, &header, header.start(), &mut |envelope, body| {
        if envelope.kind == FrameKind::Body && envelope.slot >= from {
            each(envelope.slot, body)?;
        }
        Ok(())
    })?;
    check_whole(info, &end, tail)
}

fn check_whole(info: &FileInfo, end: &Position, tail: Tail) -> Result<(), JournalError> {
    let (offset_bytes, why) = match tail {
        Tail::Corrupt { offset_bytes, why } => (offset_bytes, why),
        Tail::Torn { why } => (end.offset_bytes, why),
        Tail::Zero if *end == info.end => return Ok(()),
        Tail::Zero => (end.offset_bytes, format!("committed slot {} is gone", end.slot)),
    };
    Err(JournalError::Corrupt { file: info.path.clone(), offset_bytes, why })
}

#[cfg(test)]
mod tests;
