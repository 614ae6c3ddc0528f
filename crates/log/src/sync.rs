//! What the threads of a cell wait for each other by: the standard library's, or, with the feature `model`, that of
//! `shuttle`, which runs the very same code on one thread and tries the orders in which its steps can come.
//!
//! Only what a thread can wait in stands here. Other locks are held for a few lines without a wait in between, so in a
//! model they are always free.

#[cfg(not(feature = "model"))]
mod chosen {
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, mpsc};
    pub(crate) use std::thread::{Builder, JoinHandle, sleep};

    /// Waits for an answer on this thread.
    pub(crate) fn wait_for<T>(
        answer: tokio::sync::oneshot::Receiver<T>,
    ) -> Result<T, tokio::sync::oneshot::error::RecvError> {
        answer.blocking_recv()
    }
}

#[cfg(feature = "model")]
mod chosen {
    pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard, mpsc};
    pub(crate) use shuttle::thread::{Builder, JoinHandle, sleep};

    /// Waits for an answer on this thread.
    pub(crate) fn wait_for<T>(
        answer: tokio::sync::oneshot::Receiver<T>,
    ) -> Result<T, tokio::sync::oneshot::error::RecvError> {
        shuttle::future::block_on(answer)
    }
}

pub(crate) use chosen::{Builder, Condvar, JoinHandle, Mutex, MutexGuard, mpsc, sleep, wait_for};
