//! What every door to a cell holds: its threads' shared parts, and how they are stopped.

use crate::answer::AnswerParts;
use crate::budget::{Budget, WriterBudgets};
use crate::identity::IdentityHasher;
use crate::inbox::{Inbox, Work};
use crate::limits::CellLimits;
use crate::messages::Ask;
use crate::mutants::Mutants;
use crate::own::Succession;
use crate::pace::Pace;
use crate::poison::Poison;
use crate::read::Reader;
use crate::registry::Registry;
use crate::room::Room;
use crate::sealer::Sealer;
use crate::shared::LogShared;
use crate::stats::Stats;
use crate::sync::JoinHandle;
use crate::sync::mpsc::{Sender, SyncSender};
use append::{Code, Refusal};
use env::{Clock, Disk, Random, RealDisk, SystemClock, SystemRandom};
use graven_entry::Name;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use store::segments::SegmentStore;
use store::{DirectoryLock, VaultStore};

/// The log of the server itself.
pub(crate) const SYSTEM_LOG: &str = "system";
/// The outside world of a cell: real, or simulated in tests.
#[derive(Clone)]
pub struct Env {
    /// Files.
    pub disk: Arc<dyn Disk>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

impl Env {
    /// The machine's own.
    pub fn real() -> Env {
        Env {
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }
}

/// What a new log is.
#[derive(Clone, Debug, Default)]
pub struct NewLog {
    /// Its origin; the default names the installation and the log.
    pub origin: Option<Name>,
    /// Anyone may read its tiles and checkpoint.
    pub public: bool,
    /// The ended log that it continues.
    pub succeeds: Option<Succession>,
}

pub(crate) struct Inner {
    pub(crate) env: Env,
    pub(crate) data: PathBuf,
    pub(crate) registry: Arc<Registry>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) room: Arc<Room>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) reader: Reader,
    pub(crate) vault: VaultStore,
    pub(crate) hasher: IdentityHasher,
    pub(crate) sealer: OnceLock<Arc<dyn Sealer>>,
    pub(crate) queue: Arc<Budget>,
    pub(crate) writers: WriterBudgets,
    pub(crate) answers: AnswerParts,
    pub(crate) mutants: Arc<Mutants>,
    pub(crate) poison: Poison,
    pub(crate) stopping: AtomicBool,
    pub(crate) pace: Pace,
    pub(crate) creator: Mutex<Creator>,
    pub(crate) unloader: SyncSender<Ask>,
    pub(crate) threads: Mutex<Option<Threads>>,
}

/// The running threads, in the order in which they end.
pub(crate) struct Threads {
    /// The keeper with the channel that asks it for a round and whose closing ends it.
    pub(crate) keeper: Option<(Sender<Sender<()>>, JoinHandle<()>)>,
    pub(crate) handles: Vec<JoinHandle<()>>,
    /// Released last, when nothing is written any more.
    pub(crate) lock: Option<DirectoryLock>,
}

impl Inner {
    /// Ends the threads in order; see [`crate::Cell::stop`].
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Threads { keeper, handles, lock }) = threads else { return };
        // The keeper goes first: what it signs last still gets into a frame.
        if let Some((stop, keeper)) = keeper {
            drop(stop);
            join(keeper);
        }
        // The checkpoints of the last receipts are written down too.
        self.inbox.push(Work::Seal { reply: None });
        self.inbox.push(Work::Stop);
        drop(self.unloader.send(Ask::Stop));
        handles.into_iter().for_each(join);
        drop(lock);
    }
}

/// Waits for a thread; its panic has poisoned the cell already.
fn join(handle: JoinHandle<()>) {
    if handle.join().is_err() {
        tracing::error!("a thread of the log ended by a panic");
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Inner {
    /// The newest log of the server's own that has not ended.
    pub(crate) fn system(&self) -> Option<Arc<LogShared>> {
        let mut logs = self.registry.all();
        logs.retain(|log| is_system(log.name.as_str()) && log.ended().is_none());
        logs.into_iter().max_by_key(|log| log.no)
    }

    /// Refuses where nothing is taken any more.
    pub(crate) fn check_open(&self) -> Result<(), Refusal> {
        if let Some(reason) = self.poison.reason() {
            return Err(Refusal::new(Code::Unavailable, reason).retry_after(5));
        }
        if self.stopping.load(Ordering::Acquire) {
            return Err(Refusal::new(
                Code::Unavailable,
                "the server is stopping; send again to the next one",
            )
            .retry_after(5));
        }
        Ok(())
    }
}

/// Creates logs, one at a time.
pub(crate) struct Creator {
    pub(crate) keys_dir: PathBuf,
    pub(crate) store: SegmentStore,
    pub(crate) limits: CellLimits,
    pub(crate) next_no: u32,
}

impl Creator {
    pub(crate) fn new(
        keys_dir: PathBuf,
        store: SegmentStore,
        limits: CellLimits,
        logs: &BTreeMap<String, Arc<LogShared>>,
    ) -> Self {
        let next_no = logs.values().map(|log| log.no + 1).max().unwrap_or(0);
        Creator { keys_dir, store, limits, next_no }
    }
}

/// Whether a log of this name is the server's own.
pub(crate) fn is_system(name: &str) -> bool {
    let is_number = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit());
    name == SYSTEM_LOG || name.strip_prefix("system-").is_some_and(is_number)
}
