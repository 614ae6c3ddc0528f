//! Walking the files of a journal as one chain: the shared half of recovery and of the verifier.
//!
//! A file continues the one before it: same journal, next slot, hash of its last frame. A file that
//! is the copy of another stands for it: both exist only where a crash came between the copy and
//! the removal of the original, which is not read. Only the last file may lack a header: a spare,
//! or one whose header was torn when the journal switched to it.
//!
//! The verifier walks while a server may be writing. What looks wrong is therefore read again from
//! the same place, and taken as it is only when nothing has changed in between.

use std::io;
use std::path::{Path, PathBuf};

use env::{BLOCK_BYTES, Disk, DiskFile, OpenMode};

use super::file_header::{FileHeader, HeaderBlock};
use super::names;
use super::position::Position;
use super::scan::{EachFrame, Tail, first_envelope, first_nonzero, scan_frames};
use crate::limits::CHECK_RETRIES_MAX;
use crate::{JournalError, Slot, TornTail};

/// A journal file that has a header.
#[derive(Clone, Debug)]
pub(crate) struct FileInfo {
    pub(crate) path: PathBuf,
    pub(crate) header: FileHeader,
    /// Where its frames end.
    pub(crate) end: Position,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// The files of the chain, in order.
    pub(crate) files: Vec<FileInfo>,
    /// Originals of which a copy stands in the chain.
    pub(crate) superseded: Vec<PathBuf>,
    /// A last file without a header, and without a frame.
    pub(crate) spare: Option<PathBuf>,
    /// A last frame or a last header that is not whole.
    pub(crate) torn: Option<TornTail>,
    /// Names beside the journal files.
    pub(crate) leftovers: Vec<PathBuf>,
    /// Names that the journal never makes.
    pub(crate) foreign: Vec<PathBuf>,
    /// The highest number of any file, for the next to be higher.
    pub(crate) number_max: Option<u64>,
}

struct OpenFile {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    number: u64,
    len_bytes: u64,
    header: HeaderBlock,
}

/// The file whose frames were read last.
struct Current {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    header: FileHeader,
    at: Position,
    tail: Tail,
}

/// Walks the journal in `dir` and hands every whole frame to `each`, in slot order.
pub(crate) fn walk(disk: &dyn Disk, dir: &Path, each: EachFrame<'_>) -> Result<Walk, JournalError> {
    let (mut walk, mut files) = open_files(disk, dir)?;
    set_superseded_aside(&mut walk, &mut files);
    let mut current: Option<Current> = None;
    let count = files.len();
    for (i, mut opened) in files.into_iter().enumerate() {
        let is_last = i + 1 == count;
        if is_last && !matches!(opened.header, HeaderBlock::Whole(_)) {
            // A running server may have begun the file since it was opened.
            opened.read_header()?;
        }
        match &opened.header {
            HeaderBlock::Whole(header) => {
                let header = header.clone();
                let next = continue_chain(current.as_mut(), opened, header, each)?;
                if let Some(done) = current.replace(next) {
                    walk.files.push(done.into_info());
                }
            }
            HeaderBlock::Blank | HeaderBlock::Broken(_) if is_last && current.is_some() => {
                judge_last_without_header(&mut walk, current.as_ref(), &mut opened)?;
            }
            HeaderBlock::Blank => return Err(opened.corrupt(0, "the file header is missing")),
            HeaderBlock::Broken(why) => return Err(opened.corrupt(0, why)),
        }
    }
    if let Some(done) = current {
        if let Tail::Torn { why } = &done.tail {
            let (slot, offset_bytes) = (done.at.slot, done.at.offset_bytes);
            let (file, why) = (done.path.clone(), why.clone());
            walk.torn = Some(TornTail { slot, file, offset_bytes, why });
        }
        walk.files.push(done.into_info());
    }
    Ok(walk)
}

impl Current {
    fn into_info(self) -> FileInfo {
        FileInfo { path: self.path, header: self.header, end: self.at }
    }

    /// Reads on from where it stands until nothing new appears. Corruption that stays is an error.
    fn settle(&mut self, each: EachFrame<'_>) -> Result<(), JournalError> {
        for _ in 0..CHECK_RETRIES_MAX {
            let before = self.at.clone();
            let (at, tail) = scan_frames(&*self.file, &self.header, before.clone(), each)?;
            let settled = tail == Tail::Zero || (tail == self.tail && at == before);
            self.at = at;
            self.tail = tail;
            if settled {
                break;
            }
        }
        match &self.tail {
            Tail::Corrupt { offset_bytes, why } => {
                let (file, why) = (self.path.clone(), why.clone());
                Err(JournalError::Corrupt { file, offset_bytes: *offset_bytes, why })
            }
            Tail::Zero | Tail::Torn { .. } => Ok(()),
        }
    }
}

impl OpenFile {
    /// Reads the header, and then the length: a spare may be lengthened before it gets a header.
    fn read_header(&mut self) -> Result<(), JournalError> {
        let mut block = [0; BLOCK_BYTES];
        match self.file.read_exact_at(&mut block, 0) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(self.corrupt(0, "the file is shorter than its header"));
            }
            other => other.map_err(JournalError::Io)?,
        }
        self.len_bytes = self.file.len_bytes().map_err(JournalError::Io)?;
        self.header = FileHeader::decode(&block);
        Ok(())
    }

    fn corrupt(&self, offset_bytes: u64, why: impl Into<String>) -> JournalError {
        JournalError::Corrupt { file: self.path.clone(), offset_bytes, why: why.into() }
    }
}

/// Opens every journal file and reads its header. While a server runs, files are released and
/// copied, so a name may be gone before it is opened; then the directory is listed again.
fn open_files(disk: &dyn Disk, dir: &Path) -> Result<(Walk, Vec<OpenFile>), JournalError> {
    for attempt in 1.. {
        let names = names::list(disk, dir).map_err(JournalError::Io)?;
        let number_max = names.files.last().map(|(number, _)| *number);
        let opened = names.files.into_iter().map(|(number, path)| open_file(disk, number, path));
        match opened.collect::<Result<Vec<_>, _>>() {
            Err(JournalError::Io(e))
                if e.kind() == io::ErrorKind::NotFound && attempt < CHECK_RETRIES_MAX => {}
            other => {
                let (leftovers, foreign) = (names.leftovers, names.foreign);
                let walk = Walk { leftovers, foreign, number_max, ..Walk::default() };
                return Ok((walk, other?));
            }
        }
    }
    unreachable!("the last attempt returns")
}

fn open_file(disk: &dyn Disk, number: u64, path: PathBuf) -> Result<OpenFile, JournalError> {
    let file = disk.open(&path, OpenMode::Read).map_err(JournalError::Io)?;
    let mut opened = OpenFile { path, file, number, len_bytes: 0, header: HeaderBlock::Blank };
    opened.read_header()?;
    Ok(opened)
}

fn set_superseded_aside(walk: &mut Walk, files: &mut Vec<OpenFile>) {
    let copied: Vec<u64> = files
        .iter()
        .filter_map(|file| match &file.header {
            HeaderBlock::Whole(header) => header.copied_from,
            _ => None,
        })
        .collect();
    let is_superseded = |file: &OpenFile| copied.contains(&file.number);
    walk.superseded = files.iter().filter(|f| is_superseded(f)).map(|f| f.path.clone()).collect();
    files.retain(|file| !is_superseded(file));
}

/// Checks that a file follows the one before it, and reads its frames.
fn continue_chain(
    previous: Option<&mut Current>,
    opened: OpenFile,
    header: FileHeader,
    each: EachFrame<'_>,
) -> Result<Current, JournalError> {
    if header.number != opened.number {
        let why = format!("the file says that it is file {:016x}", header.number);
        return Err(opened.corrupt(0, why));
    }
    if header.size_bytes != opened.len_bytes {
        let (is, was) = (opened.len_bytes, header.size_bytes);
        return Err(opened.corrupt(is.min(was), format!("the file has {is} bytes, not {was}")));
    }
    if let Some(previous) = previous {
        if header.first > previous.at.slot || previous.tail != Tail::Zero {
            previous.settle(each)?;
        }
        check_follows(previous, &opened, &header)?;
    }
    let (path, file, at) = (opened.path, opened.file, header.start());
    let mut current = Current { path, file, header, at, tail: Tail::Zero };
    current.settle(each)?;
    Ok(current)
}

fn check_follows(
    previous: &Current,
    opened: &OpenFile,
    header: &FileHeader,
) -> Result<(), JournalError> {
    let at_end = |why: String| JournalError::Corrupt {
        file: previous.path.clone(),
        offset_bytes: previous.at.offset_bytes,
        why,
    };
    if header.journal != previous.header.journal {
        return Err(opened.corrupt(0, "the file belongs to another journal"));
    }
    if let Tail::Torn { why } = &previous.tail {
        return Err(at_end(format!("{why}, but a later file vouches for it")));
    }
    let end = &previous.at;
    if header.first > end.slot {
        let (from, to) = (end.slot, header.first);
        return Err(at_end(format!(
            "slots {from} to {to} are missing: the next file starts there"
        )));
    }
    if header.first < end.slot || header.prev != end.prev || header.epoch != end.epoch {
        return Err(opened.corrupt(0, "the file does not follow the one before it"));
    }
    Ok(())
}

/// A last file without a whole header holds nothing that was ever acknowledged, unless a frame in it
/// says otherwise: the header is made durable before the first frame is written.
fn judge_last_without_header(
    walk: &mut Walk,
    previous: Option<&Current>,
    opened: &mut OpenFile,
) -> Result<(), JournalError> {
    let envelope = first_envelope(&*opened.file, opened.len_bytes)?;
    let nonzero = first_nonzero(&*opened.file, 0, opened.len_bytes)?;
    if nonzero.is_some() {
        opened.read_header()?;
        if matches!(opened.header, HeaderBlock::Whole(_)) {
            // A running server has begun the file in this moment: the check ends where it began.
            return Ok(());
        }
    }
    if let Some(at) = envelope {
        return Err(
            opened.corrupt(0, format!("the file header is not whole, but byte {at} holds a frame"))
        );
    }
    let Some(offset_bytes) = nonzero else {
        walk.spare = Some(opened.path.clone());
        return Ok(());
    };
    if let Some(Current { tail: Tail::Torn { .. }, .. }) = previous {
        return Err(
            opened.corrupt(offset_bytes, "the file was begun before the last frame was whole")
        );
    }
    let slot = previous.map_or(Slot(0), |file| file.at.slot);
    let why = "the header of the next file is not whole".into();
    walk.torn = Some(TornTail { slot, file: opened.path.clone(), offset_bytes, why });
    walk.spare = Some(opened.path.clone());
    Ok(())
}
