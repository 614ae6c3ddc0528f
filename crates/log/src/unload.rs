//! The unloader: moves entries from the journal into parts and sealed segments, then lets the journal's space go.
//!
//! Order, and what a crash between the steps leaves: (1) the frame that carries what recovery needs of the old frames is
//! permanent; (2) sidecars stand in the vault; (3) each log's entries stand in a part, flushed and read back from the
//! device; (4) the log's state is written; (5) the journal releases the frames. A crash before (5) leaves frames that the
//! next start reads again and finds covered; parts that a merge replaced are removed by the next start's tidying.

use crate::bundle::{BundleError, Entries};
use crate::inbox::{Inbox, Work};
use crate::limits::{BUNDLE_ENTRIES, SEGMENT_ENTRIES};
use crate::messages::{Ask, Errand, ToJournal};
use crate::nonce::NonceSeed;
use crate::pace::Pace;
use crate::part::{PartBuilder, PartHeader, segment_of};
use crate::poison::{PanicGuard, Poison};
use crate::read::{ReadError, Reader};
use crate::registry::Registry;
use crate::room::Room;
use crate::shared::LogShared;
use crate::state::{self, CapturedState, LogState};
use crate::stats::Stats;
use crate::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel};
use crate::vault;
use graven_merkle::{EMPTY_ROOT, Hash, LeafIndex, complete_tree_root, leaf_hash};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::segments::{PartMeta, SegmentStore};
use store::{Slot, StoreError, VaultStore};

/// What counts as the beginning of a segment: this part of it.
const SEGMENT_START_DIVISOR: u64 = 4;
/// How often an idle unloader looks whether a full disk has room again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the unloader works with.
pub(crate) struct Unloader {
    pub(crate) registry: Arc<Registry>,
    pub(crate) store: SegmentStore,
    pub(crate) vault: VaultStore,
    pub(crate) reader: Reader,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) journal: SyncSender<ToJournal>,
    pub(crate) asks: Receiver<Ask>,
    pub(crate) room: Arc<Room>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) unload_at_bytes: u64,
    pub(crate) pace: Pace,
    pub(crate) poison: Poison,
    /// Sizes of the states on disk.
    pub(crate) persisted: BTreeMap<String, Persisted>,
}

/// What the state on disk of one log says: its size, and the size of the newest signed checkpoint in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Persisted {
    pub(crate) size: u64,
    pub(crate) signed_size: u64,
}

/// Why unloading did not get through.
#[derive(Debug, thiserror::Error)]
enum UnloadError {
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

impl Unloader {
    /// Runs until nobody asks any more or the cell is poisoned.
    pub(crate) fn run(mut self) {
        let _guard = PanicGuard(self.poison.clone(), "unloader");
        loop {
            let asked = match self.asks.recv_timeout(self.pace.patience(LOOK_EVERY)) {
                Ok(Ask::Look) if !self.pace.is_by_clock() => continue,
                Ok(Ask::Look) | Err(RecvTimeoutError::Timeout) => None,
                Ok(Ask::UnloadAll(reply)) => Some(reply),
                Ok(Ask::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            };
            if self.poison.check().is_err() {
                return;
            }
            let all = asked.is_some() || self.is_due();
            let result = if all { self.unload_all() } else { self.seal_all() };
            let told = self.report(result);
            if let Some(reply) = asked {
                drop(reply.send(told));
            }
        }
    }

    /// Whether the journal holds enough to be unloaded. From half of it on that is done when a log has just completed a
    /// segment: what the journal holds of the next one goes into a part that is compressed again with its segment, and
    /// is little then.
    fn is_due(&self) -> bool {
        let retained = self.room.retained_bytes();
        retained >= self.unload_at_bytes
            || (retained >= self.unload_at_bytes / 2
                && self.registry.all().iter().any(|log| has_just_filled_a_segment(log)))
    }

    /// A full disk is waited out; anything else means that the store cannot be trusted any more.
    fn report(&self, result: Result<(), UnloadError>) -> Result<(), String> {
        let error = match result {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let text = crate::intake::with_cause(&error);
        match error {
            UnloadError::Full => self.room.set_disk_full(true),
            UnloadError::Stopping => {}
            _ => drop(self.poison.fatal(format!("unloading failed: {text}"))),
        }
        Err(text)
    }

    /// Seals every complete segment of every log.
    fn seal_all(&self) -> Result<(), UnloadError> {
        for log in self.registry.all() {
            while segment_of(log.stored()) < segment_of(log.head().size.0) {
                self.seal_segment(&log)?;
            }
        }
        Ok(())
    }

    fn seal_segment(&self, log: &Arc<LogShared>) -> Result<(), UnloadError> {
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

    /// Unloads every log, then lets the journal release what was unloaded.
    fn unload_all(&mut self) -> Result<(), UnloadError> {
        let carried = self.carry()?;
        for log in self.registry.all() {
            let mut state = LogState::clone(&*self.capture(&log)?);
            // The frames that hold it may be released: the state is then the record of what was signed.
            let signed = log.signer().last.clone();
            let signed_size = signed.as_ref().map_or(0, |signed| signed.head.size.0);
            state.checkpoint = signed.map(|signed| signed.note.clone());
            let persisted = Persisted { size: state.size(), signed_size };
            if self.persisted.get(log.name.as_str()) == Some(&persisted) {
                continue;
            }
            self.unload(&log, &state)?;
            self.persisted.insert(log.name.to_string(), persisted);
        }
        self.send(Errand::Release { below: carried })?;
        self.stats.unloaded();
        Ok(())
    }

    fn unload(&self, log: &Arc<LogShared>, state: &LogState) -> Result<(), UnloadError> {
        while segment_of(log.stored()) < segment_of(state.size()) {
            self.seal_segment(log)?;
        }
        self.write_tail_part(log, state.size())?;
        self.store.write_state(log.name.as_str(), state.size(), &state::encode(state))?;
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

    fn carry(&self) -> Result<Slot, UnloadError> {
        let (reply, answer) = channel();
        self.inbox.push(Work::Carry { reply });
        answer.recv().map_err(|_| UnloadError::Stopping)
    }

    fn capture(&self, log: &Arc<LogShared>) -> Result<CapturedState, UnloadError> {
        let (reply, answer) = channel();
        self.send(Errand::Capture { log: Arc::clone(log), reply })?;
        answer.recv().map_err(|_| UnloadError::Stopping)
    }

    fn send(&self, errand: Errand) -> Result<(), UnloadError> {
        self.journal.send(ToJournal::Errand(errand)).map_err(|_| UnloadError::Stopping)
    }
}

/// Whether a complete segment waits to be sealed, and little of the next one is there.
fn has_just_filled_a_segment(log: &LogShared) -> bool {
    let size = log.head().size.0;
    segment_of(log.stored()) < segment_of(size)
        && size % SEGMENT_ENTRIES < SEGMENT_ENTRIES / SEGMENT_START_DIVISOR
}

/// The nonce seed of the segment that an index belongs to.
fn seed(log: &LogShared, first: u64) -> Result<NonceSeed, UnloadError> {
    let kept = log.state().seeds.get(&segment_of(first)).copied();
    kept.ok_or_else(|| UnloadError::Mismatch(format!("no nonce seed for entry {first}")))
}
