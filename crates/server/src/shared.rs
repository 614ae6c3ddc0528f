//! What all requests of one server share.

use std::sync::Arc;

use append::{Code, Refusal};
use log::Cell;
use tokio::sync::{Semaphore, watch};

use crate::body::Budget;
use crate::gate::Gate;
use crate::limits::ServerLimits;
use crate::metrics::Counters;

/// The state behind every handler. Cheap to reach, never locked.
pub(crate) struct Shared {
    pub(crate) cell: Cell,
    pub(crate) gate: Arc<dyn Gate>,
    pub(crate) limits: ServerLimits,
    pub(crate) counters: Counters,
    /// Connections that may be served at once.
    pub(crate) connections: Arc<Semaphore>,
    /// Requests that may be worked on at once.
    pub(crate) requests: Semaphore,
    /// Tails that may be open at once.
    pub(crate) tails: Arc<Semaphore>,
    /// Reads of files that may run at once.
    pub(crate) blocking: Arc<Semaphore>,
    pub(crate) bodies: Arc<Budget>,
    /// Turns true when the server stops: what would go on for ever ends then.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Shared {
    pub(crate) fn new(
        cell: Cell,
        gate: Arc<dyn Gate>,
        limits: ServerLimits,
        stopping: watch::Receiver<bool>,
    ) -> Arc<Self> {
        Arc::new(Shared {
            cell,
            gate,
            counters: Counters::default(),
            connections: Arc::new(Semaphore::new(limits.connections_max)),
            requests: Semaphore::new(limits.requests_max),
            tails: Arc::new(Semaphore::new(limits.tail_streams_max)),
            blocking: Arc::new(Semaphore::new(limits.blocking_reads_max)),
            bodies: Budget::new(limits.bodies_bytes_max),
            limits,
            stopping,
        })
    }

    /// Runs what may wait for a disk, or computes for long, on a thread that may; bounded.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = Arc::clone(&self.blocking).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let task = tokio::task::spawn_blocking(move || {
            let answer = work();
            drop(permit);
            answer
        });
        task.await.map_err(|error| {
            tracing::error!(%error, "a task of a request broke off");
            Refusal::new(Code::Unavailable, "the server failed at this request; see its own log")
        })
    }
}
