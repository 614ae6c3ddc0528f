//! What unloading does for one log: its entries into parts and sealed segments, their sidecars into the vault, its state
//! beside them. The order, and what a crash leaves, stand in [`crate::unload`].

use crate::bundle::{BundleError, Entries};
use crate::limits::{BUNDLE_ENTRIES, SEGMENT_ENTRIES};
use crate::nonce::NonceSeed;
use crate::part::{PartBuilder, PartHeader, segment_of};
use crate::poison::Poison;
use crate::read::{ReadError, Reader};
use crate::shared::LogShared;
use crate::state;
use crate::stats::Stats;
use crate::vault;
use graven_merkle::{EMPTY_ROOT, Hash, LeafIndex, complete_tree_root, leaf_hash};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::segments::{PartMeta, SegmentStore};
use store::{StoreError, VaultStore};

/// Unloads logs, one at a time on each thread that does.
pub(crate) struct LogUnloader {
    pub(crate) store: SegmentStore,
    pub(crate) vault: VaultStore,
    pub(crate) reader: Reader,
    pub(crate) stats: Arc<Stats>,
    pub(crate) poison: Poison,
    /// Threads that unload logs side by side.
    pub(crate) threads: usize,
    /// Sizes of the states on disk, by log.
    pub(crate) persisted: Mutex<BTreeMap<String, Persisted>>,
}

/// What the state on disk of one log says: its size, and the size of the newest signed checkpoint in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Persisted {
    pub(crate) size: u64,
    pub(crate) signed_size: u64,
}

/// Why unloading did not get through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnloadError {
    #[error("the disk is full")]
    Full,
    #[error("the cell is stopping")]
    Stopping,
    #[error("store")]
    Store(#[source] StoreError),
    #[error("read")]
    Read(#[from] ReadError),
    #[error("encode")]
    Encode(#[from] BundleError),
    #[error("{0}")]
    Mismatch(String),
}

impl From<StoreError> for UnloadError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full { .. } => UnloadError::Full,
            other => UnloadError::Store(other),
        }
    }
}

impl LogUnloader {
    /// Unloads logs side by side: with many small ones most of the time is waiting for flushes, and the file system makes
    /// one of those that come together. Each worker ends with the first error of any.
    pub(crate) fn unload_each(&self, logs: &[Arc<LogShared>]) -> Result<(), UnloadError> {
        let next = AtomicUsize::new(0);
        let has_failed = AtomicBool::new(false);
        let work = || {
            while let Some(log) = logs.get(next.fetch_add(1, Ordering::Relaxed)) {
                if has_failed.load(Ordering::Relaxed) || self.poison.check().is_err() {
                    return Err(UnloadError::Stopping);
                }
                self.unload(log).inspect_err(|_| has_failed.store(true, Ordering::Relaxed))?;
            }
            Ok(())
        };
        let helpers = self.threads.min(logs.len()).saturating_sub(1);
        std::thread::scope(|scope| {
            let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(work)).collect();
            let mut results = vec![work()];
            results.extend(helpers.into_iter().map(|helper| match helper.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }));
            first_cause(results)
        })
    }

    /// Seals the log's next complete segment.
    pub(crate) fn seal_segment(&self, log: &Arc<LogShared>) -> Result<(), UnloadError> {
        let segment = segment_of(log.stored());
        let first = segment * SEGMENT_ENTRIES;
        let (tile, stated_root) = {
            let state = log.state();
            (state.tile(segment).cloned(), state.skeleton.segment_root(segment))
        };
        let Some(tile) = tile else {
            return Err(UnloadError::Mismatch(format!("segment {segment} has no tile")));
        };
        if complete_tree_root(&tile) != stated_root {
            return Err(UnloadError::Mismatch(format!("tile of segment {segment} lost its root")));
        }
        self.write_sidecars(log, first + SEGMENT_ENTRIES)?;
        let meta = self.write_range(log, first, first + SEGMENT_ENTRIES, Some(&tile))?;
        self.replace_parts(log, meta)?;
        let mut state = log.state_mut();
        state.tiles.remove(&segment);
        state.seeds.remove(&segment);
        drop(state);
        self.stats.sealed();
        Ok(())
    }

    /// Writes entries `first..end`, all of one segment, as one part. With a tile each bundle is compared with it: what
    /// was hashed at the commit must be what is stored.
    fn write_range(
        &self,
        log: &Arc<LogShared>,
        first: u64,
        end: u64,
        tile: Option<&[Hash]>,
    ) -> Result<PartMeta, UnloadError> {
        let signed = log.signer().last.clone();
        let header = PartHeader {
            origin: log.origin.to_string(),
            seed: seed(log, first)?,
            checkpoint: signed.map(|signed| signed.note.clone()),
        };
        let prev = match first.checked_sub(1) {
            None => EMPTY_ROOT,
            Some(before) => leaf_hash(&self.reader.entry(log, LeafIndex(before))?),
        };
        let mut builder = PartBuilder::new(first, prev, &header)?;
        let mut entries = Entries::default();
        while builder.next() < end {
            let at = builder.next();
            let until = end.min(at - at % BUNDLE_ENTRIES + BUNDLE_ENTRIES);
            self.reader.gather_into(log, (at, until), &mut entries)?;
            builder.push(&entries)?;
            let place = (at % SEGMENT_ENTRIES / BUNDLE_ENTRIES) as usize;
            let stated = tile.and_then(|tile| tile.get(place));
            if stated.is_some() && complete_tree_root(entries.leaves()).as_ref() != stated {
                let what = format!("bundle at entry {at} is not what was committed");
                return Err(UnloadError::Mismatch(what));
            }
        }
        Ok(self.store.write_part(log.name.as_str(), &builder.finish(tile))?)
    }

    /// Puts a new part in the place of those that it covers, lets the tail go, and removes the old files.
    fn replace_parts(&self, log: &LogShared, new: PartMeta) -> Result<(), UnloadError> {
        let end = new.first + u64::from(new.count);
        let mut parts = log.parts_mut();
        let keep = parts.partition_point(|part| part.first < new.first);
        let old = parts.split_off(keep);
        parts.push(new);
        drop(parts);
        log.tail_mut().trim(end);
        for part in old {
            self.store.remove(&part)?;
        }
        Ok(())
    }

    /// Unloads what is committed of a log, unless the disk has it already.
    ///
    /// The journal thread takes a frame into the tail, then into the state: what the state covers can be read. The frames
    /// that hold the newest signature may be released afterwards, so the state is then the record of what was signed.
    fn unload(&self, log: &Arc<LogShared>) -> Result<(), UnloadError> {
        let mut state = log.state().clone();
        let signed = log.signer().last.clone();
        let signed_size = signed.as_ref().map_or(0, |signed| signed.head.size.0);
        state.checkpoint = signed.map(|signed| signed.note.clone());
        let persisted = Persisted { size: state.size(), signed_size };
        if self.persisted().get(log.name.as_str()) == Some(&persisted) {
            return Ok(());
        }
        while segment_of(log.stored()) < segment_of(state.size()) {
            self.seal_segment(log)?;
        }
        self.write_tail_part(log, state.size())?;
        self.store.write_state(log.name.as_str(), state.size(), &state::encode(&state))?;
        self.persisted().insert(log.name.to_string(), persisted);
        Ok(())
    }

    /// The entries from the last part to `end` as a new part; the parts before it that are not larger are merged into
    /// it, so that a log has few parts and rewrites each entry only a logarithmic number of times.
    fn write_tail_part(&self, log: &Arc<LogShared>, end: u64) -> Result<(), UnloadError> {
        let mut first = log.stored();
        if first >= end {
            return Ok(());
        }
        for part in log.parts().iter().rev() {
            if part.sealed
                || segment_of(part.first) != segment_of(end - 1)
                || u64::from(part.count) > end - first
            {
                break;
            }
            first = part.first;
        }
        self.write_sidecars(log, end)?;
        let meta = self.write_range(log, first, end, None)?;
        self.replace_parts(log, meta)
    }

    /// Writes the sidecars of the entries that are about to leave the tail, before those entries stand in a part: what a part
    /// covers has its sidecars in the vault.
    fn write_sidecars(&self, log: &LogShared, end: u64) -> Result<(), UnloadError> {
        let first = log.stored();
        let chunks: Vec<_> = log.tail().chunks().cloned().collect();
        let in_range = chunks.iter().flat_map(|chunk| chunk.sidecars());
        let in_range = in_range.filter(|(index, _, _)| (first..end).contains(index));
        for (name, object) in vault::encode((first, end), in_range) {
            self.vault.write_vault(log.name.as_str(), &name, &object)?;
        }
        Ok(())
    }

    fn persisted(&self) -> MutexGuard<'_, BTreeMap<String, Persisted>> {
        self.persisted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The nonce seed of the segment that an index belongs to.
fn seed(log: &LogShared, first: u64) -> Result<NonceSeed, UnloadError> {
    let kept = log.state().seeds.get(&segment_of(first)).copied();
    kept.ok_or_else(|| UnloadError::Mismatch(format!("no nonce seed for entry {first}")))
}

/// The error that made the others stop, if there was one.
fn first_cause(results: Vec<Result<(), UnloadError>>) -> Result<(), UnloadError> {
    let (stopped, causes): (Vec<_>, Vec<_>) = results
        .into_iter()
        .filter_map(Result::err)
        .partition(|error| matches!(error, UnloadError::Stopping));
    causes.into_iter().chain(stopped).next().map_or(Ok(()), Err)
}
