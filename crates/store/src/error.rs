//! What can go wrong in the store, by what the caller has to do about it.

use std::io;
use std::path::PathBuf;

use crate::{Epoch, Slot};

/// Why the journal did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another writer owns the slot. Nothing of this writer's may follow: exit.
    #[error(
        "slot {slot} belongs to a writer of epoch {epoch}: this writer is fenced and must stop"
    )]
    Fenced {
        /// The slot that was to be written.
        slot: Slot,
        /// The epoch that owns it.
        epoch: Epoch,
    },
    /// There is no room for the next journal file. Nothing was written: refuse with 507, go on.
    #[error("no room for the next journal file: {needed_bytes} bytes needed, {free_bytes} free")]
    Full {
        /// What the next file takes.
        needed_bytes: u64,
        /// What the disk still has.
        free_bytes: u64,
    },
    /// The journal holds what no crash can have left. Halt and say where; never repair by guess.
    #[error("{} is corrupt at byte {offset_bytes}: {why}", file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// The first byte of the bad block.
        offset_bytes: u64,
        /// What is wrong there.
        why: String,
    },
    /// A read, a write or a flush failed. Fatal: what is on the disk is no longer known, so the
    /// caller aborts the process and the next start copies forward what is provably there.
    #[error("journal i/o failed, the process must stop")]
    Io(#[source] io::Error),
    /// The body is over the limit. Nothing was written.
    #[error(
        "frame body of {size_bytes} bytes is over the limit of {limit_bytes}: send less at once"
    )]
    TooLarge {
        /// Size of the body.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The callback of a read asked to stop; the journal itself never says this.
    #[error("the reader asked to stop")]
    Stopped,
}

/// Why a segment, a state, a vault object or a directory could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no room. Nothing was left behind: refuse with 507, go on.
    #[error("no room on the disk: {needed_bytes} bytes needed, {free_bytes} free")]
    Full {
        /// What the object takes.
        needed_bytes: u64,
        /// What the disk still has.
        free_bytes: u64,
    },
    /// The object does not hold what was written.
    #[error("{} is corrupt at byte {offset_bytes}: {why}", file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// The first byte of the bad part.
        offset_bytes: u64,
        /// What is wrong there.
        why: String,
    },
    /// An immutable object of that name exists with other bytes.
    #[error("{} exists with other bytes", file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// There is no such object.
    #[error("{} does not exist", file.display())]
    NotFound {
        /// The file.
        file: PathBuf,
    },
    /// Another process has the data directory.
    #[error("data directory {} is in use by another process: stop it, or give --data another directory", directory.display())]
    Locked {
        /// The data directory.
        directory: PathBuf,
    },
    /// The data directory has a format that this version does not know.
    #[error("{} says {found:?}, this version knows only {known:?}: use the version that wrote it", file.display())]
    Format {
        /// The format file.
        file: PathBuf,
        /// What it says.
        found: String,
        /// What this version writes.
        known: &'static str,
    },
    /// The file system's locks and flushes cannot be relied on.
    #[error("{} lies on {kind}: put the data directory on a local disk, or force it", directory.display())]
    Filesystem {
        /// The data directory.
        directory: PathBuf,
        /// The kind of file system.
        kind: String,
    },
    /// A name that the store does not take, or contents over a limit.
    #[error("{what}: {why}")]
    Invalid {
        /// What was handed in.
        what: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// A read, a write or a flush failed. After a failed write or flush the caller aborts.
    #[error("store i/o failed")]
    Io(#[source] io::Error),
}
