//! The next journal file, prepared ahead and off the commit path.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use env::{BLOCK_BYTES, Disk};

use super::create::{create_file, lengthen_file, recycle_file, remove_files};
use super::names;
use crate::JournalError;

/// Prepares spare files; clones share one journal, so that another thread can do it.
#[derive(Clone)]
pub struct SpareMaker {
    shared: Arc<Shared>,
}

struct Shared {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Held while a spare is being made: the commit thread that needs it waits for just that.
    next: Mutex<Next>,
    /// Files that have left the chain, oldest first. Never held during I/O.
    released: Mutex<VecDeque<PathBuf>>,
}

struct Next {
    number: u64,
    wanted_bytes: u64,
    spare: Option<SpareFile>,
}

/// A zero-filled, durable file without a header.
pub(crate) struct SpareFile {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    pub(crate) size_bytes: u64,
}

impl SpareMaker {
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: &Path, number: u64, wanted_bytes: u64) -> Self {
        let next = Mutex::new(Next { number, wanted_bytes, spare: None });
        let released = Mutex::new(VecDeque::new());
        SpareMaker { shared: Arc::new(Shared { disk, dir: dir.to_owned(), next, released }) }
    }

    /// Makes the spare file unless there is one: created or recycled, zero-filled, flushed, named.
    /// `Full` leaves nothing behind; `Io` is fatal as everywhere.
    pub fn prepare_spare(&self) -> Result<(), JournalError> {
        self.prepare(&mut self.lock_next(), 0)
    }

    /// The same; where no file of the usual size finds room, one of `least_bytes`.
    pub fn prepare_spare_of(&self, least_bytes: u64) -> Result<(), JournalError> {
        self.prepare(&mut self.lock_next(), least_bytes)
    }

    /// Bytes of frames that the spare has room for; 0 where there is none, or it is just being made.
    pub fn ready_bytes(&self) -> u64 {
        let next = match self.shared.next.try_lock() {
            Ok(next) => next,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return 0,
        };
        let size_bytes = next.spare.as_ref().map_or(0, |spare| spare.size_bytes);
        size_bytes.saturating_sub(BLOCK_BYTES as u64)
    }

    /// Whether the next switch finds a spare.
    pub fn has_spare(&self) -> bool {
        self.lock_next().spare.is_some()
    }

    /// Takes the spare, made or lengthened now where it must be, and says how big the one after it
    /// should be.
    pub(crate) fn take(
        &self,
        needed_bytes: u64,
        wanted_after: impl FnOnce(u64) -> u64,
    ) -> Result<SpareFile, JournalError> {
        let mut next = self.lock_next();
        self.prepare(&mut next, needed_bytes)?;
        let mut spare = next.spare.take().expect("prepare has made one");
        if spare.size_bytes < needed_bytes {
            let (disk, old_bytes) = (&*self.shared.disk, spare.size_bytes);
            if let Err(e) = lengthen_file(disk, &spare.path, old_bytes, needed_bytes) {
                next.spare = Some(spare);
                return Err(e);
            }
            spare.size_bytes = needed_bytes;
        }
        next.wanted_bytes = wanted_after(next.wanted_bytes);
        Ok(spare)
    }

    /// Adds a file that has left the chain; how many wait is the caller's to bound.
    pub(crate) fn add_released(&self, path: PathBuf) {
        self.lock_released().push_back(path);
    }

    pub(crate) fn released(&self) -> usize {
        self.lock_released().len()
    }

    fn prepare(&self, next: &mut Next, needed_bytes: u64) -> Result<(), JournalError> {
        if next.spare.is_some() {
            return Ok(());
        }
        let number = next.number;
        // A number is never used twice, whatever becomes of this attempt.
        next.number += 1;
        let size_bytes = match self.recycle(number, next.wanted_bytes)? {
            Some(size_bytes) => size_bytes,
            None => self.create(number, next.wanted_bytes.max(needed_bytes), needed_bytes)?,
        };
        let path = names::file_path(&self.shared.dir, number);
        next.spare = Some(SpareFile { number, path, size_bytes });
        Ok(())
    }

    /// Makes a new file. Where the wanted size finds no room, a frame that is waiting (`needed_bytes`
    /// above 0) may still get a file of its own size: who may write on a disk this full is decided
    /// by whoever lets the frame through.
    fn create(&self, number: u64, size_bytes: u64, needed_bytes: u64) -> Result<u64, JournalError> {
        let (disk, dir) = (&*self.shared.disk, &self.shared.dir);
        match create_file(disk, dir, number, size_bytes, &mut |_| Ok(())) {
            Err(JournalError::Full { .. }) if 0 < needed_bytes && needed_bytes < size_bytes => {
                create_file(disk, dir, number, needed_bytes, &mut |_| Ok(()))?;
                Ok(needed_bytes)
            }
            other => other.map(|()| size_bytes),
        }
    }

    /// Turns a released file into file `number` if one has the wanted size; others are removed.
    fn recycle(&self, number: u64, wanted_bytes: u64) -> Result<Option<u64>, JournalError> {
        let (disk, dir) = (&*self.shared.disk, &self.shared.dir);
        loop {
            let Some(path) = self.lock_released().pop_front() else { return Ok(None) };
            let file = disk.open(&path, env::OpenMode::Read).map_err(JournalError::Io)?;
            let size_bytes = file.len_bytes().map_err(JournalError::Io)?;
            drop(file);
            if size_bytes == wanted_bytes {
                return recycle_file(disk, dir, number, &path).map(Some);
            }
            remove_files(disk, dir, &[path])?;
        }
    }

    fn lock_next(&self) -> MutexGuard<'_, Next> {
        self.shared.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_released(&self) -> MutexGuard<'_, VecDeque<PathBuf>> {
        self.shared.released.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
