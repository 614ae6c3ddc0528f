//! The queue between the journal thread and the signer threads: bounded, and one job wakes one thread.

use crate::sync::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

/// Jobs that may wait for a signer thread; the journal thread waits beyond.
pub(crate) const JOBS_MAX: usize = 8_192;

/// A queue with one producer and some consumers.
struct Jobs<J> {
    queue: Mutex<Queue<J>>,
    /// A job came, or no more will.
    came: Condvar,
    /// A full queue has room again, or nobody takes from it any more.
    went: Condvar,
}

struct Queue<J> {
    waiting: VecDeque<J>,
    /// Threads that take jobs.
    takers: usize,
    /// Those of them that sleep: where there are none, a job needs no system call.
    asleep: usize,
    /// No more will come.
    is_over: bool,
}

/// The producer's end; when it goes, the consumers end after what waits.
pub(crate) struct Door<J>(Arc<Jobs<J>>);

/// A consumer's end.
pub(crate) struct Taker<J>(Arc<Jobs<J>>);

impl<J> Door<J> {
    /// A queue that nobody takes from yet.
    pub(crate) fn new() -> Door<J> {
        let queue = Queue { waiting: VecDeque::new(), takers: 0, asleep: 0, is_over: false };
        let (queue, came, went) = (Mutex::new(queue), Condvar::new(), Condvar::new());
        Door(Arc::new(Jobs { queue, came, went }))
    }

    /// Adds a job, once there is room. Dropped, where no thread is left to take it: its waiters learn that from the closed
    /// reply.
    pub(crate) fn push(&self, job: J) {
        let mut queue = self.0.lock();
        while queue.waiting.len() >= JOBS_MAX && queue.takers > 0 {
            queue = self.0.went.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if queue.takers == 0 {
            return;
        }
        queue.waiting.push_back(job);
        let wakes = queue.asleep > 0;
        drop(queue);
        if wakes {
            self.0.came.notify_one();
        }
    }

    /// A consumer of these jobs, for a thread that is about to start.
    pub(crate) fn taker(&self) -> Taker<J> {
        self.0.lock().takers += 1;
        Taker(Arc::clone(&self.0))
    }
}

impl<J> Drop for Door<J> {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.came.notify_all();
    }
}

impl<J> Taker<J> {
    /// The next job; none, once no more will come.
    pub(crate) fn take(&self) -> Option<J> {
        let mut queue = self.0.lock();
        loop {
            if let Some(job) = queue.waiting.pop_front() {
                let had_no_room = queue.waiting.len() + 1 == JOBS_MAX;
                drop(queue);
                if had_no_room {
                    self.0.went.notify_one();
                }
                return Some(job);
            }
            if queue.is_over {
                return None;
            }
            queue.asleep += 1;
            queue = self.0.came.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.asleep -= 1;
        }
    }
}

#[cfg(test)]
impl<J> Taker<J> {
    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.0.lock().waiting.len()
    }
}

/// A thread that ends, however it does, takes nothing more.
impl<J> Drop for Taker<J> {
    fn drop(&mut self) {
        self.0.lock().takers -= 1;
        self.0.went.notify_one();
    }
}

impl<J> Jobs<J> {
    fn lock(&self) -> MutexGuard<'_, Queue<J>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
