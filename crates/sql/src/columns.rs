//! A log's columns: taken in by one follower, asked by many queries.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use env::Disk;
use graven_entry::Name;
use graven_merkle::{LeafIndex, TreeSize};

use crate::error::LakeError;
use crate::lake::{Lake, Place, Shape, Snapshot};
use crate::limits::{READ_ENTRIES, STEP_ENTRIES_MAX};
use crate::source::{EntrySource, SourceError};

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
    /// Nothing is taken in yet: a follower calls [`Columns::follow_to`] until it is where the log is.
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

    /// Takes in entries up to `size`, or to the log's end, at most [`STEP_ENTRIES_MAX`] of them, and says how far the
    /// columns are now. A follower calls it again while that is less than it wants; after an error too, once it has waited.
    pub fn follow_to(&self, size: TreeSize) -> Result<TreeSize, LakeError> {
        let mut lake = self.lake.lock().unwrap_or_else(PoisonError::into_inner);
        let from = lake.through().0;
        let end = size.0.min(self.source.size().0).min(from.saturating_add(STEP_ENTRIES_MAX));
        while lake.through().0 < end {
            let next = lake.through();
            let count = READ_ENTRIES.min((end - next.0) as usize);
            let entries = self.source.read(LeafIndex(next.0), count)?;
            if entries.is_empty() {
                return Err(SourceError(format!("entry {} is not there", next.0)).into());
            }
            for (index, entry) in entries {
                lake.push(index, &entry)?;
            }
        }
        self.show(&mut lake)
    }

    /// Entries that every query sees from now on: those below this index.
    pub fn indexed_through(&self) -> TreeSize {
        self.snapshot().through
    }

    /// Compares every file with its digest again, and makes damaged ones anew: for when a query could not read one, or for a
    /// scrubber. Says what it found, a sentence each.
    pub fn mend(&self) -> Result<Vec<String>, LakeError> {
        let mut lake = self.lake.lock().unwrap_or_else(PoisonError::into_inner);
        let said = lake.mend(&*self.source)?;
        self.show(&mut lake)?;
        Ok(said)
    }

    fn show(&self, lake: &mut Lake) -> Result<TreeSize, LakeError> {
        let snapshot = lake.snapshot()?;
        let through = snapshot.through;
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        Ok(through)
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.seen.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn source(&self) -> &Arc<dyn EntrySource> {
        &self.source
    }
}
