//! A follower: takes a log's committed entries in index order into something derived, whose cursor is persisted with it.
//!
//! ```text
//! log (committed entries) -> batch -> Derived::take ... -> Derived::commit (entries and cursor in one) -> shown
//! ```
//!
//! A crash loses what was taken since the last commit, and the next start takes it again. The log never waits for a follower.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use graven_entry::{Name, with_causes};
use graven_merkle::{LeafIndex, TreeSize, leaf_hash};
use log::{LogHandle, ReadError};

use crate::derived::{Derived, DerivedError};
use crate::limits::{
    BATCH_ENTRIES, COMMIT_ENTRIES_MAX, COMMIT_IDLE_MS, COMMIT_MS_MAX, FOLLOWERS_AWAKE_MAX,
    PANIC_RETRY_MS, PANIC_RETRY_MS_MAX, REST_AFTER_MS, RETRY_AFTER_MS,
};
use crate::pool::{Next, Pool, Work};

const COMMIT_IDLE: Duration = Duration::from_millis(COMMIT_IDLE_MS);
const COMMIT_MAX: Duration = Duration::from_millis(COMMIT_MS_MAX);
const REST_AFTER: Duration = Duration::from_millis(REST_AFTER_MS);
const RETRY_AFTER: Duration = Duration::from_millis(RETRY_AFTER_MS);

/// What a follower needs of a log.
pub trait Source: Send + Sync + 'static {
    /// Its name for ever.
    fn origin(&self) -> Name;
    /// The bytes of a committed entry.
    fn entry(&self, index: LeafIndex) -> Result<Vec<u8>, ReadError>;
    /// Resolves with the committed size as soon as it is beyond `size`.
    fn wait_past(&self, size: TreeSize) -> Growth;
}

/// The committed size to come.
pub type Growth = Pin<Box<dyn Future<Output = TreeSize> + Send>>;

impl Source for LogHandle {
    fn origin(&self) -> Name {
        self.origin().clone()
    }

    fn entry(&self, index: LeafIndex) -> Result<Vec<u8>, ReadError> {
        LogHandle::entry(self, index)
    }

    fn wait_past(&self, size: TreeSize) -> Growth {
        let log = self.clone();
        Box::pin(async move { LogHandle::wait_past(&log, size).await })
    }
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

/// Called with each change of the progress, on a thread of the followers.
pub type OnProgress = Box<dyn Fn(&Progress) + Send>;

/// A log that is followed. Ends when dropped.
pub struct Follower {
    pub(crate) pool: Arc<Pool>,
    pub(crate) id: u64,
    pub(crate) progress: Arc<Mutex<Progress>>,
}

impl Follower {
    /// How far it is.
    pub fn progress(&self) -> Progress {
        lock(&self.progress).clone()
    }

    /// Has it look at what it writes: a reader found that damaged.
    pub fn nudge(&self) {
        self.pool.ring(self.id);
    }

    /// Ends it; what was taken since the last commit is taken again when the log is next followed.
    pub fn stop(self) {}
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.pool.end(self.id);
    }
}

/// Opens what is derived.
type Open<D> = Box<dyn FnMut() -> Result<D, DerivedError> + Send>;

/// The work of following one log.
pub(crate) struct Run<S, D> {
    source: S,
    open: Open<D>,
    on_progress: OnProgress,
    progress: Arc<Mutex<Progress>>,
    /// Opened by the first step.
    derived: Option<D>,
    /// Whether what is derived is known to be of this log as it is.
    is_checked: bool,
    /// Entries that the log had when it was last asked.
    size: TreeSize,
    /// Rings when the log grows; absent where it has grown.
    growth: Option<Growth>,
    pending: Pending,
    /// Not before this, after an error.
    retry_at: Option<Instant>,
    /// Steps that panicked since the last commit.
    panics: u32,
    awake: Option<Awake>,
    all_awake: Arc<AtomicUsize>,
}

/// What was taken and is not committed.
struct Pending {
    entries: usize,
    since: Instant,
    last_commit: Instant,
}

/// Stands for threads and memory that entries are taken with.
struct Awake(Arc<AtomicUsize>);

impl Awake {
    fn new(all: &Arc<AtomicUsize>) -> Awake {
        all.fetch_add(1, Ordering::Relaxed);
        Awake(Arc::clone(all))
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<S: Source, D: Derived> Run<S, D> {
    pub(crate) fn new(
        source: S,
        open: Open<D>,
        on_progress: OnProgress,
        all_awake: &Arc<AtomicUsize>,
    ) -> (Run<S, D>, Arc<Mutex<Progress>>) {
        let none = TreeSize(0);
        let progress = Progress { through: none, size: none, failure: None };
        let progress = Arc::new(Mutex::new(progress));
        let run = Run {
            source,
            open,
            on_progress,
            progress: Arc::clone(&progress),
            derived: None,
            is_checked: false,
            size: none,
            growth: None,
            pending: Pending::none(),
            retry_at: None,
            panics: 0,
            awake: None,
            all_awake: Arc::clone(all_awake),
        };
        (run, progress)
    }

    fn follow(&mut self, derived: &mut D, waker: &Waker) -> Result<Next, DerivedError> {
        if !self.is_checked {
            self.check_history(derived)?;
        }
        if derived.is_damaged() {
            self.awake = None;
            self.is_checked = false;
            derived.begin_anew("a search found a file that is not what was written")?;
            return Ok(Next::Now);
        }
        self.look(derived.cursor().next, waker);
        self.take_batch(derived)?;
        // Too many are at it: this one ends here and goes on when it has its turn again.
        let is_crowded = self.all_awake.load(Ordering::Relaxed) > FOLLOWERS_AWAKE_MAX;
        let caught_up = derived.cursor().next == self.size;
        if self.pending.entries > 0 && (is_crowded || self.pending.is_due(caught_up)) {
            derived.commit()?;
            (self.pending, self.panics) = (Pending::none(), 0);
            let through = derived.cursor().next;
            self.report(|progress| (progress.through, progress.failure) = (through, None));
        }
        let is_tired = is_crowded || self.pending.last_commit.elapsed() >= REST_AFTER;
        if self.pending.entries == 0 && is_tired && self.awake.is_some() {
            derived.rest()?;
            self.awake = None;
        }
        Ok(self.next())
    }

    /// What is derived must be from this log as it is: not longer than it, and with the same last entry.
    fn check_history(&mut self, derived: &mut D) -> Result<(), DerivedError> {
        let cursor = derived.cursor().clone();
        if let Some(place) = cursor.next.0.checked_sub(1) {
            let why = match self.source.entry(LeafIndex(place)) {
                Ok(entry) if cursor.last == Some(leaf_hash(&entry)) => None,
                Ok(_) => Some(format!("its last entry, {place}, is another in the log")),
                Err(ReadError::NotFound { size, .. }) => {
                    Some(format!("it has {} entries, the log {size}", cursor.next))
                }
                Err(error) => return Err(error.into()),
            };
            if let Some(why) = why {
                derived.begin_anew(&why)?;
            }
        }
        self.is_checked = true;
        self.pending = Pending::none();
        self.size = derived.cursor().next;
        let through = self.size;
        self.report(|progress| {
            (progress.through, progress.size) = (through, through.max(progress.size));
        });
        Ok(())
    }

    /// Asks the log whether it has entries beyond `next`, and to ring when it has.
    fn look(&mut self, next: TreeSize, waker: &Waker) {
        let mut growth = self.source.wait_past(next);
        match growth.as_mut().poll(&mut Context::from_waker(waker)) {
            Poll::Pending => self.growth = Some(growth),
            Poll::Ready(size) => {
                (self.size, self.growth) = (size, None);
                self.report(|progress| (progress.size, progress.failure) = (size, None));
            }
        }
    }

    fn take_batch(&mut self, derived: &mut D) -> Result<(), DerivedError> {
        let first = derived.cursor().next.0;
        let end = self.size.0.min(first + BATCH_ENTRIES);
        if first < end && self.pending.entries == 0 {
            self.pending.since = Instant::now();
        }
        for index in (first..end).map(LeafIndex) {
            self.awake.get_or_insert_with(|| Awake::new(&self.all_awake));
            let entry = self.source.entry(index)?;
            derived.take(index, &entry)?;
            self.pending.entries += 1;
        }
        Ok(())
    }

    fn next(&self) -> Next {
        if self.growth.is_none() {
            return Next::Now;
        }
        match (self.pending.entries, &self.awake) {
            (0, None) => Next::WhenRung,
            (0, Some(_)) => Next::At(self.pending.last_commit + REST_AFTER),
            _ => Next::At(self.pending.last_commit + COMMIT_IDLE),
        }
    }

    fn fail(&mut self, error: &DerivedError) -> Next {
        let why = with_causes(error);
        tracing::warn!(origin = %self.source.origin(), error = why, "a follower cannot go on, trying again");
        self.report(|progress| progress.failure = Some(why));
        (self.is_checked, self.growth) = (false, None);
        let at = Instant::now() + RETRY_AFTER;
        self.retry_at = Some(at);
        Next::At(at)
    }

    fn report(&self, change: impl FnOnce(&mut Progress)) {
        let mut progress = lock(&self.progress);
        let before = progress.clone();
        change(&mut progress);
        let now = progress.clone();
        drop(progress);
        if now != before {
            (self.on_progress)(&now);
        }
    }
}

impl<S: Source, D: Derived> Work for Run<S, D> {
    fn step(&mut self, waker: &Waker) -> Next {
        if let Some(at) = self.retry_at
            && Instant::now() < at
        {
            return Next::At(at);
        }
        self.retry_at = None;
        let mut derived = match self.derived.take().map_or_else(&mut self.open, Ok) {
            Ok(derived) => derived,
            Err(error) => return self.fail(&error),
        };
        let followed = self.follow(&mut derived, waker);
        let next = followed.unwrap_or_else(|error| {
            if let Err(error) = derived.go_back() {
                let error = with_causes(&error);
                tracing::warn!(error, "a follower cannot go back to its last commit");
            }
            self.awake = None;
            self.fail(&error)
        });
        self.derived = Some(derived);
        next
    }

    fn broke_off(&mut self) -> Next {
        let pause = panic_pause(self.panics);
        let why = "a step of it panicked; see the server's own log";
        tracing::error!(origin = %self.source.origin(), ?pause, "a follower panicked and begins again");
        self.panics = self.panics.saturating_add(1);
        (self.derived, self.awake, self.growth) = (None, None, None);
        (self.is_checked, self.pending) = (false, Pending::none());
        self.report(|progress| progress.failure = Some(why.to_owned()));
        let at = Instant::now() + pause;
        self.retry_at = Some(at);
        Next::At(at)
    }
}

impl Pending {
    fn none() -> Pending {
        let now = Instant::now();
        Pending { entries: 0, since: now, last_commit: now }
    }

    fn is_due(&self, caught_up: bool) -> bool {
        let idle = caught_up && self.last_commit.elapsed() >= COMMIT_IDLE;
        idle || self.entries >= COMMIT_ENTRIES_MAX || self.since.elapsed() >= COMMIT_MAX
    }
}

/// How long a follower rests after one panic more than so many: twice as long each time.
pub(crate) fn panic_pause(panics: u32) -> Duration {
    let times = 1u32.checked_shl(panics).unwrap_or(u32::MAX).max(1);
    let most = Duration::from_millis(PANIC_RETRY_MS_MAX);
    Duration::from_millis(PANIC_RETRY_MS).saturating_mul(times).min(most)
}

fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}
