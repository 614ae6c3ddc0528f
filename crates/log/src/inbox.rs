//! The commit thread's inbox: what waits to be numbered, and what the other threads report.
//!
//! It is bounded by the budgets that a submission passes before it gets here.

use crate::budget::Reservation;
use crate::intake::Prepared;
use crate::shared::LogShared;
use crate::sync::mpsc::Sender;
use crate::sync::{Condvar, Mutex, MutexGuard};
use append::{Appended, Refusal};
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use store::Slot;
use tokio::sync::oneshot;

/// Where an answer goes.
pub(crate) type Reply = oneshot::Sender<Result<Appended, Refusal>>;

/// A message to the commit thread.
pub(crate) enum Work {
    /// A prepared batch for a log.
    Append { log: Arc<LogShared>, prepared: Box<Prepared>, room: Option<Reservation>, reply: Reply },
    /// Entries of the log's own.
    Own { log: Arc<LogShared>, events: Vec<Vec<u8>>, reply: Option<Reply> },
    /// A new log, before its first entry.
    Register { log: Arc<LogShared> },
    /// Write down what recovery needs from frames that are about to be released; answers with the slot of the frame
    /// that holds it.
    Carry { reply: Sender<Slot> },
    /// Write down the checkpoints that were signed since the last frame, even if nothing else comes; answers with the
    /// frame's slot once it is permanent.
    Seal { reply: Option<Sender<Slot>> },
    /// Finish what is here, then end.
    Stop,
}

/// What the commit thread finds in its inbox.
#[derive(Default)]
pub(crate) struct Taken {
    /// In the order of arrival.
    pub(crate) work: VecDeque<Work>,
    /// Frames that became permanent. Not among the work: a frame that is full waits for one of these, whatever work
    /// came before it.
    pub(crate) commits: usize,
    /// What the work weighs.
    pub(crate) weight: usize,
}

/// A queue with one consumer.
#[derive(Default)]
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: Taken,
    /// The commit thread sleeps until this much waits or a frame is permanent: whoever brings that wakes it, nobody
    /// else makes a system call.
    asleep_until: Option<usize>,
    /// Nobody takes messages any more.
    is_closed: bool,
}

impl Inbox {
    /// Adds a message and wakes the commit thread. A closed inbox drops it: whoever waits for its answer learns that.
    pub(crate) fn push(&self, work: Work) {
        let mut queue = self.lock();
        if queue.is_closed {
            return;
        }
        queue.waiting.weight = queue.waiting.weight.saturating_add(work.weight());
        queue.waiting.work.push_back(work);
        self.wake(queue);
    }

    /// A frame that was submitted is permanent.
    pub(crate) fn note_commit(&self) {
        let mut queue = self.lock();
        queue.waiting.commits += 1;
        self.wake(queue);
    }

    /// Whether something waits to be numbered.
    pub(crate) fn has_work(&self) -> bool {
        !self.lock().waiting.work.is_empty()
    }

    /// Drops what waits and all that comes: the cell has stopped.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        queue.is_closed = true;
        let dropped = std::mem::take(&mut queue.waiting);
        drop(queue);
        drop(dropped);
        self.arrived.notify_all();
    }

    /// Takes what is there, perhaps nothing.
    pub(crate) fn take_now(&self) -> Taken {
        std::mem::take(&mut self.lock().waiting)
    }

    /// Takes what is there once it weighs `enough` or a frame is permanent; nothing from a closed inbox; `None` after
    /// `patience` with nothing there.
    pub(crate) fn take_all(&self, enough: usize, patience: Option<Duration>) -> Option<Taken> {
        let mut queue = self.lock();
        while !queue.waiting.is_enough(enough) && !queue.is_closed {
            queue.asleep_until = Some(enough);
            let Some(patience) = patience else {
                queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let waited = self.arrived.wait_timeout(queue, patience);
            let (after, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            queue = after;
            if timeout.timed_out() && queue.waiting.is_empty() {
                queue.asleep_until = None;
                return None;
            }
        }
        queue.asleep_until = None;
        Some(std::mem::take(&mut queue.waiting))
    }

    fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
        let waiting = &queue.waiting;
        if !queue.asleep_until.is_some_and(|enough| waiting.is_enough(enough)) {
            return;
        }
        queue.asleep_until = None;
        drop(queue);
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    /// What it weighs when the commit thread decides whether to get up: a batch its events, all else as much as can be.
    fn weight(&self) -> usize {
        match self {
            Work::Append { prepared, .. } => prepared.events.len(),
            _ => usize::MAX,
        }
    }
}

impl Taken {
    /// Whether the commit thread gets up for it. A frame that became permanent always does: without that it would sleep
    /// on work that nobody adds to.
    pub(crate) fn is_enough(&self, enough: usize) -> bool {
        self.weight >= enough || self.commits > 0
    }

    fn is_empty(&self) -> bool {
        self.work.is_empty() && self.commits == 0
    }
}

/// Closes the inbox when a thread that it needs ends, however it ends.
pub(crate) struct CloseOnEnd(pub(crate) Arc<Inbox>);

impl Drop for CloseOnEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}
