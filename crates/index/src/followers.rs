//! The followers of all logs together, on the threads that they share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::derived::{Derived, DerivedError};
use crate::follower::{Follower, OnProgress, Run, Source};
use crate::pool::Pool;

/// Threads that follow logs. Stops when dropped.
pub struct Followers {
    pool: Arc<Pool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Followers {
    /// Starts so many threads of this name.
    pub fn start(name: &str, threads: usize) -> std::io::Result<Followers> {
        let followers = Followers { pool: Arc::default(), threads: Mutex::default() };
        for _ in 0..threads {
            let pool = Arc::clone(&followers.pool);
            let thread = std::thread::Builder::new().name(name.to_owned());
            let thread = thread.spawn(move || pool.run())?;
            followers.threads().push(thread);
        }
        Ok(followers)
    }

    /// Follows a log into what `open` gives, which is called on a thread of these, again after it failed.
    pub fn follow<D: Derived>(
        &self,
        source: impl Source,
        open: impl FnMut() -> Result<D, DerivedError> + Send + 'static,
        on_progress: OnProgress,
    ) -> Follower {
        let (run, progress) = Run::new(source, Box::new(open), on_progress, self.pool.awake());
        let id = self.pool.add(Box::new(run));
        Follower { pool: Arc::clone(&self.pool), id, progress }
    }

    /// Ends every follower and the threads. What was taken and not committed is taken again at the next start.
    pub fn stop(&self) {
        self.pool.stop();
        for thread in std::mem::take(&mut *self.threads()) {
            if thread.join().is_err() {
                tracing::error!("a thread of the followers panicked");
            }
        }
        self.pool.clear();
    }

    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Followers {
    fn drop(&mut self) {
        self.stop();
    }
}
