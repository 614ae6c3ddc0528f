//! The threads that followers share. A few serve any number of logs: a log is stepped when it has grown or something of it is
//! due, and costs no thread in between.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Wake, Waker};
use std::time::Instant;

/// What the threads share. No lock of it is held while a follower is stepped or dropped.
#[derive(Default)]
pub(crate) struct Pool {
    queue: Mutex<Queue>,
    /// Something is ready, a time has come into the queue, or all is to stop.
    changed: Condvar,
    /// A follower that was to end has.
    ended: Condvar,
    /// Followers that hold threads and memory of their engine.
    awake: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Queue {
    tasks: HashMap<u64, Task>,
    ready: VecDeque<u64>,
    /// When to step whom, if nothing comes before.
    times: BTreeSet<(Instant, u64)>,
    next_id: u64,
    stops: bool,
}

struct Task {
    /// Away while a thread steps it.
    work: Option<Box<dyn Work>>,
    /// Stands in `ready`, or does as soon as it is back.
    is_ready: bool,
    /// Its place in `times`.
    at: Option<Instant>,
    /// To be dropped by the thread that steps it.
    is_over: bool,
}

/// What the threads do for one log, a step at a time.
pub(crate) trait Work: Send {
    /// Does a bounded piece of work; `waker` is rung when there is more.
    fn step(&mut self, waker: &Waker) -> Next;
    /// Lets go of what a step that panicked left, so that nothing half done is seen, and says when to begin again.
    fn broke_off(&mut self) -> Next;
}

/// When to step again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    /// When others had their turn.
    Now,
    /// Then, or when the waker is rung.
    At(Instant),
    /// When the waker is rung.
    WhenRung,
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many followers hold threads and memory of their engine.
    pub(crate) fn awake(&self) -> &Arc<AtomicUsize> {
        &self.awake
    }

    /// Takes up the work for one log; its number.
    pub(crate) fn add(&self, work: Box<dyn Work>) -> u64 {
        let mut queue = self.lock();
        let id = queue.next_id;
        queue.next_id += 1;
        let task = Task { work: Some(work), is_ready: true, at: None, is_over: false };
        queue.tasks.insert(id, task);
        queue.ready.push_back(id);
        drop(queue);
        self.changed.notify_one();
        id
    }

    /// Has a follower stepped soon. Called by whoever commits to the log: does not wait for any step.
    pub(crate) fn ring(&self, id: u64) {
        let mut queue = self.lock();
        let Some(task) = queue.tasks.get_mut(&id).filter(|task| !task.is_ready) else { return };
        task.is_ready = true;
        if task.work.is_some() {
            queue.ready.push_back(id);
            drop(queue);
            self.changed.notify_one();
        }
    }

    /// Drops a follower, after the step that it is in.
    pub(crate) fn end(&self, id: u64) {
        let mut queue = self.lock();
        let Some(task) = queue.tasks.get_mut(&id) else { return };
        if let Some(work) = task.work.take() {
            queue.forget(id);
            drop(queue);
            drop(work);
            return;
        }
        task.is_over = true;
        while queue.tasks.contains_key(&id) {
            queue = self.ended.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What a thread does until all stops.
    pub(crate) fn run(self: Arc<Pool>) {
        while let Some((id, mut work)) = self.next() {
            let waker = Waker::from(Arc::new(Bell { pool: Arc::downgrade(&self), id }));
            let stepped = catch_unwind(AssertUnwindSafe(|| work.step(&waker)));
            let next = stepped.unwrap_or_else(|_| work.broke_off());
            self.put_back(id, work, next);
        }
    }

    /// Has the threads end, each after the step that it is in.
    pub(crate) fn stop(&self) {
        self.lock().stops = true;
        self.changed.notify_all();
    }

    /// Drops all followers; no thread steps any.
    pub(crate) fn clear(&self) {
        let tasks = std::mem::take(&mut self.lock().tasks);
        drop(tasks);
    }

    /// Waits for a follower to step; nothing where all stops.
    fn next(&self) -> Option<(u64, Box<dyn Work>)> {
        let mut queue = self.lock();
        loop {
            if queue.stops {
                return None;
            }
            let now = Instant::now();
            if let Some(taken) = queue.take_ready(now) {
                return Some(taken);
            }
            queue = match queue.times.first() {
                Some((at, _)) => {
                    let left = at.saturating_duration_since(now);
                    let waited = self.changed.wait_timeout(queue, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn put_back(&self, id: u64, work: Box<dyn Work>, next: Next) {
        let mut queue = self.lock();
        let Some(task) = queue.tasks.get_mut(&id).filter(|task| !task.is_over) else {
            drop(queue);
            return self.drop_work(id, work);
        };
        task.work = Some(work);
        task.is_ready |= matches!(next, Next::Now);
        if task.is_ready {
            queue.ready.push_back(id);
        } else if let Next::At(at) = next {
            task.at = Some(at);
            queue.times.insert((at, id));
        }
        drop(queue);
        self.changed.notify_one();
    }

    /// Whoever waits for the end of a follower may open again what it held.
    fn drop_work(&self, id: u64, work: Box<dyn Work>) {
        drop(work);
        self.lock().forget(id);
        self.ended.notify_all();
    }
}

impl Queue {
    /// The next whose turn it is.
    fn take_ready(&mut self, now: Instant) -> Option<(u64, Box<dyn Work>)> {
        while let Some((_, id)) = self.times.first().copied().filter(|(at, _)| *at <= now) {
            self.times.pop_first();
            if let Some(task) = self.tasks.get_mut(&id) {
                task.at = None;
                if !task.is_ready {
                    task.is_ready = true;
                    self.ready.push_back(id);
                }
            }
        }
        while let Some(id) = self.ready.pop_front() {
            let Some(task) = self.tasks.get_mut(&id) else { continue };
            task.is_ready = false;
            if let Some(at) = task.at.take() {
                self.times.remove(&(at, id));
            }
            if let Some(work) = task.work.take() {
                return Some((id, work));
            }
        }
        None
    }

    fn forget(&mut self, id: u64) {
        if let Some(at) = self.tasks.remove(&id).and_then(|task| task.at) {
            self.times.remove(&(at, id));
        }
    }
}

/// Has one follower stepped.
struct Bell {
    pool: Weak<Pool>,
    id: u64,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some(pool) = self.pool.upgrade() {
            pool.ring(self.id);
        }
    }
}
