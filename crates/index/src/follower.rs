//! A follower: takes a log's committed entries in index order into something derived, whose cursor is persisted with it.
//!
//! ```text
//! log (committed entries) -> batch -> Derived::take ... -> Derived::commit (entries and cursor in one) -> shown
//! ```
//!
//! A crash loses what was taken since the last commit, and the next start takes it again. The log never waits for a follower.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use graven_entry::Name;
use graven_merkle::{Hash, LeafIndex, TreeSize, leaf_hash};
use log::{LogHandle, ReadError};
use tantivy::TantivyError;

use crate::index::IndexError;
use crate::limits::{
    BATCH_ENTRIES, COMMIT_ENTRIES_MAX, COMMIT_IDLE_MS, COMMIT_MS_MAX, REST_AFTER_MS, RETRY_AFTER_MS,
};

/// How far something derived is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// How many entries it has taken, from index 0 on.
    pub next: TreeSize,
    /// The leaf hash of the last of them: another history with the same origin shows by it.
    pub last: Option<Hash>,
}

impl Cursor {
    /// Nothing taken yet.
    pub const START: Cursor = Cursor { next: TreeSize(0), last: None };
}

/// What is derived from a log by a follower.
pub trait Derived: Send + 'static {
    /// The log that it is derived from.
    fn origin(&self) -> &Name;
    /// How far it is, uncommitted entries counted.
    fn cursor(&self) -> &Cursor;
    /// Takes the entry that the cursor names.
    fn take(&mut self, index: LeafIndex, entry: &[u8]) -> Result<(), DerivedError>;
    /// Makes all that was taken permanent together with the cursor, and shows it.
    fn commit(&mut self) -> Result<(), DerivedError>;
    /// Lets go of what is needed only while entries come; nothing is uncommitted.
    fn rest(&mut self) -> Result<(), DerivedError>;
    /// Goes back to the last commit, after an error.
    fn go_back(&mut self) -> Result<(), DerivedError>;
    /// Whether a reader found it damaged.
    fn is_damaged(&self) -> bool;
    /// Sets what there is aside and begins with an empty one.
    fn begin_anew(&mut self, why: &str) -> Result<(), DerivedError>;
}

/// What a follower needs of a log.
pub trait Source: Send + Sync + 'static {
    /// Its name for ever.
    fn origin(&self) -> Name;
    /// The bytes of a committed entry.
    fn entry(&self, index: LeafIndex) -> Result<Vec<u8>, ReadError>;
    /// Resolves with the committed size as soon as it is beyond `size`.
    fn wait_past(&self, size: TreeSize) -> Pin<Box<dyn Future<Output = TreeSize> + Send + '_>>;
}

impl Source for LogHandle {
    fn origin(&self) -> Name {
        self.info().origin
    }

    fn entry(&self, index: LeafIndex) -> Result<Vec<u8>, ReadError> {
        LogHandle::entry(self, index)
    }

    fn wait_past(&self, size: TreeSize) -> Pin<Box<dyn Future<Output = TreeSize> + Send + '_>> {
        Box::pin(LogHandle::wait_past(self, size))
    }
}

/// A step that failed.
#[derive(Debug, thiserror::Error)]
pub enum DerivedError {
    /// The log cannot be read.
    #[error("an entry cannot be read")]
    Log(#[from] ReadError),
    /// An entry in the log is not an entry.
    #[error("entry {index} is malformed: {why}")]
    Entry {
        /// Which.
        index: LeafIndex,
        /// What is wrong.
        why: String,
    },
    /// The engine's files cannot be read or written.
    #[error("the index cannot be written")]
    Engine(#[from] TantivyError),
    /// The index cannot be opened.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// How far a follower is, and how it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Entries that are committed in what is derived: what is shown.
    pub through: TreeSize,
    /// Entries that the log had committed when it was last asked.
    pub size: TreeSize,
    /// Why it stands still, where it does; it tries again.
    pub failure: Option<String>,
}

impl Progress {
    /// Entries that are not shown yet.
    pub fn lag(&self) -> u64 {
        self.size.0.saturating_sub(self.through.0)
    }
}

/// Called with each change of the progress, on the follower's thread.
pub type OnProgress = Box<dyn Fn(&Progress) + Send>;

/// A thread that follows a log. Stops when dropped.
pub struct Follower {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    stop: AtomicBool,
    progress: Mutex<Progress>,
}

impl Follower {
    /// Starts to follow, from where `derived` is; `name` is the thread's.
    pub fn spawn(
        name: &str,
        source: impl Source,
        derived: impl Derived,
        on_progress: OnProgress,
    ) -> std::io::Result<Follower> {
        let through = derived.cursor().next;
        let progress = Progress { through, size: through, failure: None };
        let shared =
            Arc::new(Shared { stop: AtomicBool::new(false), progress: Mutex::new(progress) });
        let run = Run { source, derived, on_progress, shared: Arc::clone(&shared) };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run.run())?;
        Ok(Follower { shared, thread: Some(thread) })
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.shared.progress().clone()
    }

    /// Stops; what was taken since the last commit is taken again at the next start.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        let Some(thread) = self.thread.take() else { return };
        thread.thread().unpark();
        if thread.join().is_err() {
            tracing::error!("a follower's thread panicked");
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

struct Run<S, D> {
    source: S,
    derived: D,
    on_progress: OnProgress,
    shared: Arc<Shared>,
}

/// What was taken and is not committed.
struct Pending {
    entries: usize,
    since: Instant,
    last_commit: Instant,
}

impl<S: Source, D: Derived> Run<S, D> {
    fn run(mut self) {
        while !self.shared.is_stopped() {
            let Err(error) = self.follow() else { continue };
            let why = with_causes(&error);
            tracing::warn!(origin = %self.source.origin(), error = why, "a follower cannot go on, trying again");
            self.report(None, Some(why));
            self.shared.wait(std::future::pending::<()>(), Duration::from_millis(RETRY_AFTER_MS));
            if let Err(error) = self.derived.go_back() {
                tracing::warn!(
                    error = with_causes(&error),
                    "a follower cannot go back to its last commit"
                );
            }
        }
    }

    /// Follows until told to stop, or something fails.
    fn follow(&mut self) -> Result<(), DerivedError> {
        self.check_history()?;
        let mut size = self.derived.cursor().next;
        let now = Instant::now();
        let mut pending = Pending { entries: 0, since: now, last_commit: now };
        while !self.shared.is_stopped() {
            if self.derived.is_damaged() {
                self.derived.begin_anew("a search found a file that is not what was written")?;
                return Ok(());
            }
            let next = self.derived.cursor().next;
            let patience = pending.patience(next == size);
            if let Some(now) = self.shared.wait(self.source.wait_past(next), patience) {
                size = now;
                self.report(Some(size), None);
                self.take_batch(size, &mut pending)?;
            } else if pending.entries == 0 {
                self.derived.rest()?;
            }
            if pending.entries > 0 && pending.is_due(self.derived.cursor().next == size) {
                self.derived.commit()?;
                let now = Instant::now();
                pending = Pending { entries: 0, since: now, last_commit: now };
                self.report(None, None);
            }
        }
        Ok(())
    }

    /// What is derived must be from this log as it is: not longer than it, and with the same last entry.
    fn check_history(&mut self) -> Result<(), DerivedError> {
        let cursor = self.derived.cursor().clone();
        let Some(place) = cursor.next.0.checked_sub(1) else { return Ok(()) };
        let why = match self.source.entry(LeafIndex(place)) {
            Ok(entry) if cursor.last == Some(leaf_hash(&entry)) => return Ok(()),
            Ok(_) => format!("its last entry, {place}, is another in the log"),
            Err(ReadError::NotFound { size, .. }) => {
                format!("it has {} entries, the log {size}", cursor.next)
            }
            Err(error) => return Err(error.into()),
        };
        self.derived.begin_anew(&why)
    }

    fn take_batch(&mut self, size: TreeSize, pending: &mut Pending) -> Result<(), DerivedError> {
        let first = self.derived.cursor().next.0;
        let end = size.0.min(first + BATCH_ENTRIES);
        if pending.entries == 0 {
            pending.since = Instant::now();
        }
        for index in (first..end).map(LeafIndex) {
            let entry = self.source.entry(index)?;
            self.derived.take(index, &entry)?;
            pending.entries += 1;
        }
        Ok(())
    }

    fn report(&self, size: Option<TreeSize>, failure: Option<String>) {
        let mut progress = self.shared.progress();
        let through = if size.is_none() && failure.is_none() {
            self.derived.cursor().next
        } else {
            progress.through
        };
        let size = size.unwrap_or(progress.size);
        let now = Progress { through, size, failure };
        if *progress != now {
            *progress = now.clone();
            drop(progress);
            (self.on_progress)(&now);
        }
    }
}

impl Pending {
    /// How long to wait for more entries.
    fn patience(&self, caught_up: bool) -> Duration {
        if self.entries == 0 {
            return Duration::from_millis(REST_AFTER_MS);
        }
        if !caught_up {
            return Duration::ZERO;
        }
        Duration::from_millis(COMMIT_IDLE_MS).saturating_sub(self.last_commit.elapsed())
    }

    fn is_due(&self, caught_up: bool) -> bool {
        let idle = caught_up && self.last_commit.elapsed() >= Duration::from_millis(COMMIT_IDLE_MS);
        idle || self.entries >= COMMIT_ENTRIES_MAX
            || self.since.elapsed() >= Duration::from_millis(COMMIT_MS_MAX)
    }
}

/// Wakes a parked thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Shared {
    /// Waits on this thread for `future`, at most `patience`; nothing if told to stop or out of patience.
    fn wait<F: Future>(&self, future: F, patience: Duration) -> Option<F::Output> {
        let deadline = Instant::now() + patience;
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        while !self.is_stopped() {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            std::thread::park_timeout(left);
        }
        None
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
