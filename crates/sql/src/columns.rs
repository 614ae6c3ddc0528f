//! A log's columns: taken in by one follower, asked by many queries.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use env::Disk;
use graven_entry::Name;
use graven_merkle::{Hash, LeafIndex, TreeSize};

use crate::error::LakeError;
use crate::lake::{Lake, Place, Shape, Snapshot};
use crate::source::EntrySource;

/// The columns of one log.
pub struct Columns {
    source: Arc<dyn EntrySource>,
    /// Held by whoever takes entries in.
    lake: Mutex<Lake>,
    /// What queries see: never half a step.
    seen: RwLock<Arc<Snapshot>>,
    said: Vec<String>,
}

impl Columns {
    /// Opens the columns of the log `origin` that lie in `dir`, or begins them there. Every file is read once and compared
    /// with its digest; a damaged one is set aside and made anew from the log before this returns.
    ///
    /// Nothing is taken in yet: a follower hands in what the log has beyond [`Columns::taken`].
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        origin: &Name,
        source: Arc<dyn EntrySource>,
    ) -> Result<Columns, LakeError> {
        let origin = origin.as_str().to_owned();
        let dir = dir.to_owned();
        Columns::open_place(Place { disk, dir, origin, shape: Shape::default() }, source)
    }

    pub(crate) fn open_place(
        place: Place,
        source: Arc<dyn EntrySource>,
    ) -> Result<Columns, LakeError> {
        let (mut lake, said) = Lake::open(place, &*source)?;
        let seen = RwLock::new(Arc::new(lake.snapshot()?));
        Ok(Columns { source, lake: Mutex::new(lake), seen, said })
    }

    /// What was damaged at the opening and has been made anew, a sentence each.
    pub fn mended(&self) -> &[String] {
        &self.said
    }

    /// How many entries were taken in, those that no query sees yet counted, and the leaf hash of the last of them.
    pub fn taken(&self) -> (TreeSize, Option<Hash>) {
        let lake = self.lock();
        (lake.through(), lake.last())
    }

    /// Takes in the next entry, and gives its leaf hash. After an error [`Columns::taken`] says whether it was taken.
    pub fn take(&self, index: LeafIndex, entry: &[u8]) -> Result<Hash, LakeError> {
        self.lock().push(index, entry)
    }

    /// Shows queries everything that was taken in.
    pub fn show(&self) -> Result<(), LakeError> {
        self.show_all(&mut self.lock())
    }

    /// No entry has come for a while: a tail of [`REST_TAIL_BYTES_MAX`](crate::limits::REST_TAIL_BYTES_MAX) or more becomes
    /// files.
    pub fn rest(&self) -> Result<(), LakeError> {
        let mut lake = self.lock();
        lake.rest()?;
        self.show_all(&mut lake)
    }

    /// Entries that every query sees from now on: those below this index.
    pub fn indexed_through(&self) -> TreeSize {
        self.snapshot().through
    }

    /// Compares every file with its digest again, and makes damaged ones anew: for when a query could not read one, or for a
    /// scrubber. Says what it found, a sentence each.
    pub fn mend(&self) -> Result<Vec<String>, LakeError> {
        let mut lake = self.lock();
        let said = lake.mend(&*self.source)?;
        self.show_all(&mut lake)?;
        Ok(said)
    }

    fn lock(&self) -> MutexGuard<'_, Lake> {
        self.lake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show_all(&self, lake: &mut Lake) -> Result<(), LakeError> {
        let snapshot = lake.snapshot()?;
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        Ok(())
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.seen.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn source(&self) -> &Arc<dyn EntrySource> {
        &self.source
    }
}
