//! The search indexes of a server: each log has one, which a few threads keep up to date. Nothing of an append waits for them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use graven_merkle::TreeSize;
use index::limits::FOLLOWER_THREADS;
use index::{DerivedError, Follower, Followers, Index, Progress, SearchWriter};
use log::LogHandle;
use tokio::sync::watch;

/// All search indexes of a server.
pub struct Finders {
    /// The folder of what is derived from logs, one folder each.
    folder: PathBuf,
    followers: Followers,
    /// By the log's name.
    by_log: Mutex<BTreeMap<String, Arc<Finder>>>,
    told: OnIndexed,
}

/// Called with a log's name and how far its index is, whenever that changes, on a thread of the followers.
pub type OnIndexed = Arc<dyn Fn(&str, &Progress) + Send + Sync>;

/// The search index of one log.
pub(crate) struct Finder {
    /// Nothing until it is open: that reads all of it.
    pub(crate) index: watch::Receiver<Option<Index>>,
    follower: Follower,
}

impl Finders {
    /// Starts the threads. The indexes lie in `derived`, which may be deleted while the server stands.
    pub fn start(derived: &Path, told: OnIndexed) -> std::io::Result<Finders> {
        let followers = Followers::start("graven-find", FOLLOWER_THREADS)?;
        Ok(Finders { folder: derived.to_owned(), followers, by_log: Mutex::default(), told })
    }

    /// Opens a log's index, or begins one, and keeps it up to date from now on.
    pub(crate) fn follow(&self, log: &LogHandle) {
        let info = log.info();
        let folder = self.folder.join(info.name.as_str());
        let (opened, index) = watch::channel(None);
        let open = move || -> Result<SearchWriter, DerivedError> {
            let index = Index::open(&folder, &info.origin)?;
            let writer = index.writer();
            opened.send_replace(Some(index));
            Ok(writer)
        };
        let (name, told) = (log.name().to_string(), Arc::clone(&self.told));
        let of = name.clone();
        let on_progress = Box::new(move |progress: &Progress| told(&of, progress));
        let follower = self.followers.follow(log.clone(), open, on_progress);
        let finder = Arc::new(Finder { index, follower });
        self.lock().insert(name, finder);
    }

    /// A log's index.
    pub(crate) fn of(&self, log: &str) -> Option<Arc<Finder>> {
        self.lock().get(log).cloned()
    }

    /// How many entries of each log can be found.
    pub(crate) fn through(&self) -> Vec<(String, TreeSize)> {
        let finders = self.lock();
        finders.iter().map(|(log, finder)| (log.clone(), finder.through())).collect()
    }

    /// Stops to follow; waits for what is being written.
    pub(crate) fn stop(&self) {
        self.followers.stop();
        drop(std::mem::take(&mut *self.lock()));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Finder>>> {
        self.by_log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Finder {
    fn through(&self) -> TreeSize {
        self.index.borrow().as_ref().map_or(TreeSize(0), Index::indexed_through)
    }

    /// A search found the index damaged: it is built anew.
    pub(crate) fn rebuild(&self) {
        self.follower.nudge();
    }
}

impl std::fmt::Debug for Finders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finders").field("folder", &self.folder).finish_non_exhaustive()
    }
}
