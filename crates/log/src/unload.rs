//! The unloader: moves entries from the journal into parts and sealed segments, then lets the journal's space go.
//!
//! Order, and what a crash between the steps leaves: (1) the frame that carries what recovery needs of the old frames is
//! permanent; (2) sidecars stand in the vault; (3) each log's entries stand in a part, flushed and read back from the
//! device; (4) the log's state is written; (5) the journal releases the frames. A crash before (5) leaves frames that the
//! next start reads again and finds covered; parts that a merge replaced are removed by the next start's tidying.

use crate::inbox::{Inbox, Work};
use crate::limits::SEGMENT_ENTRIES;
use crate::messages::{Ask, Errand, ToJournal};
use crate::pace::Pace;
use crate::part::segment_of;
use crate::poison::{PanicGuard, Poison};
use crate::registry::Registry;
use crate::room::Room;
use crate::shared::LogShared;
use crate::stats::Stats;
use crate::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel};
use crate::unload_log::{LogUnloader, UnloadError};
use graven_entry::with_causes;
use std::sync::Arc;
use std::time::Duration;
use store::Slot;

/// What counts as the beginning of a segment: this part of it.
const SEGMENT_START_DIVISOR: u64 = 4;
/// How often an idle unloader looks whether a full disk has room again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the unloader works with.
pub(crate) struct Unloader {
    pub(crate) registry: Arc<Registry>,
    pub(crate) logs: LogUnloader,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) journal: SyncSender<ToJournal>,
    pub(crate) asks: Receiver<Ask>,
    pub(crate) room: Arc<Room>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) unload_at_bytes: u64,
    pub(crate) pace: Pace,
    pub(crate) poison: Poison,
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
        let text = with_causes(&error);
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
                self.logs.seal_segment(&log)?;
            }
        }
        Ok(())
    }

    /// Unloads every log, then lets the journal release what was unloaded.
    fn unload_all(&mut self) -> Result<(), UnloadError> {
        let carried = self.carry()?;
        self.logs.unload_each(&self.registry.all())?;
        self.send(Errand::Release { below: carried })?;
        self.stats.unloaded();
        Ok(())
    }

    fn carry(&self) -> Result<Slot, UnloadError> {
        let (reply, answer) = channel();
        self.inbox.push(Work::Carry { reply });
        let is_full = || self.room.is_disk_full();
        answer.recv().map_err(|_| if is_full() { UnloadError::Full } else { UnloadError::Stopping })
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
