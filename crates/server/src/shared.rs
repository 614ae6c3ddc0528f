//! What all requests of one server share.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use access::PrincipalId;
use append::{Code, Refusal};
use graven_entry::Time;
use log::Cell;
use tokio::sync::{Semaphore, watch};

use crate::body::Budget;
use crate::collector::Collector;
use crate::drops::Drops;
use crate::find::Finders;
use crate::gate::Gate;
use crate::lakes::Lakes;
use crate::limits::ServerLimits;
use crate::metrics::counters::Counters;
use crate::options::ServerOptions;
use crate::record::Records;
use crate::sealing::Sealing;
use crate::tls::Tls;
use crate::watch::watching::Watching;

/// The state behind every handler. Cheap to reach, never locked.
pub(crate) struct Shared {
    pub(crate) cell: Cell,
    pub(crate) gate: Arc<Gate>,
    pub(crate) records: Records,
    /// What audit policies left out.
    pub(crate) drops: Drops,
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) proxies: Vec<IpAddr>,
    pub(crate) tls: Option<Tls>,
    sealing: Option<Arc<Sealing>>,
    /// What finds entries; nothing where search is off.
    pub(crate) finders: Option<Arc<Finders>>,
    /// What answers SQL; nothing where that is off, or not in this build.
    pub(crate) lakes: Option<Arc<Lakes>>,
    /// What saved queries are at.
    pub(crate) watching: Watching,
    pub(crate) limits: ServerLimits,
    /// When it began.
    pub(crate) started: Time,
    pub(crate) counters: Counters,
    /// Who is told the metrics.
    pub(crate) collector: Option<Arc<Collector>>,
    /// Connections that may be served at once.
    pub(crate) connections: Arc<Semaphore>,
    /// Requests that may be worked on at once.
    pub(crate) requests: Semaphore,
    /// Tails that may be open at once.
    pub(crate) tails: Arc<Semaphore>,
    /// Tails that each principal has open.
    pub(crate) tails_of: Mutex<HashMap<PrincipalId, usize>>,
    /// Reads of files that may run at once.
    pub(crate) blocking: Arc<Semaphore>,
    /// Large batches that may be checked at once.
    checks: Arc<Semaphore>,
    /// Searches that may run at once.
    pub(crate) searches: Arc<Semaphore>,
    pub(crate) bodies: Arc<Budget>,
    /// Turns true when the server stops: what would go on for ever ends then.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Shared {
    pub(crate) fn new(
        cell: Cell,
        gate: Arc<Gate>,
        options: ServerOptions,
        counters: Counters,
        stopping: watch::Receiver<bool>,
    ) -> Arc<Self> {
        let ServerOptions {
            limits, proxies, reads_unrecorded, tls, sealing, finders, lakes, ..
        } = options;
        let (networks, places) = (options.webhook_networks, options.derived);
        let collector = options.collector.map(|url| Collector::new(&url, limits.telemetry_time));
        if let Some(finders) = &finders {
            cell.logs().iter().for_each(|log| finders.follow(log));
        }
        if let Some(lakes) = &lakes {
            cell.logs().iter().for_each(|log| lakes.follow(log));
        }
        Arc::new(Shared {
            records: Records::new(cell.clone(), reads_unrecorded),
            drops: Drops::new(),
            cell,
            started: gate.now(),
            gate,
            proxies,
            tls,
            sealing,
            finders,
            lakes,
            watching: Watching::new(limits.webhook_time, networks, places),
            counters,
            collector: collector.map(Arc::new),
            connections: Arc::new(Semaphore::new(limits.connections_max)),
            requests: Semaphore::new(limits.requests_max),
            tails_of: Mutex::default(),
            tails: Arc::new(Semaphore::new(limits.tail_streams_max)),
            blocking: Arc::new(Semaphore::new(limits.blocking_reads_max)),
            checks: Arc::new(Semaphore::new(limits.batch_checks_max)),
            searches: Arc::new(Semaphore::new(limits.searches_max)),
            bodies: Budget::new(limits.bodies_bytes_max),
            limits,
            stopping,
        })
    }

    /// What opens and erases sealed values.
    pub(crate) fn sealing(&self) -> Result<Arc<Sealing>, Refusal> {
        let none = || Refusal::new(Code::Unavailable, "this server was started without a keyring");
        self.sealing.clone().ok_or_else(none)
    }

    /// Runs what may wait for a disk, or computes for long, on a thread that may; bounded.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        Self::on_a_thread(&self.blocking, work).await
    }

    /// Runs the checks of a large batch on a thread of its own. They compute: more threads than cores would only take memory, as
    /// each keeps some of its own for the next.
    pub(crate) async fn checking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        Self::on_a_thread(&self.checks, work).await
    }

    async fn on_a_thread<T: Send + 'static>(
        places: &Arc<Semaphore>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = Arc::clone(places).acquire_owned().await;
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
