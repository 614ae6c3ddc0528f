//! The listener: accepts connections within limits, and stops without dropping what is in flight.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use log::Cell;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use crate::connection::{self, Service};
use crate::gate::Gate;
use crate::limits::{BACKLOG_CONNECTIONS, REFUSALS_AT_ONCE_MAX};
use crate::metrics::counters::Counters;
use crate::options::ServerOptions;
use crate::peer::Peer;
use crate::pg;
use crate::routes::{self, router};
use crate::shared::Shared;
use crate::telemetry;
use crate::watch;

/// Pause after a failed accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An HTTP server over one cell, bound but not yet running.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    pg: Option<(TcpListener, SocketAddr)>,
    shared: Arc<Shared>,
    stop: tokio::sync::watch::Sender<bool>,
}

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {listen}; choose another address with --listen")]
pub struct BindError {
    /// The address asked for.
    pub listen: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

impl Server {
    /// Binds the address. From here on connections queue; [`Server::run`] serves them.
    pub fn bind(cell: Cell, gate: Arc<Gate>, options: ServerOptions) -> Result<Server, BindError> {
        let open = |listen| open_listener(listen).map_err(|source| BindError { listen, source });
        let (listener, local_addr) = open(options.listen)?;
        let pg = options.pg_listen.filter(|_| options.lakes.is_some()).map(open).transpose()?;
        let (stop, stopping) = tokio::sync::watch::channel(false);
        let shared = Shared::new(cell, gate, options, Counters::new(routes::names()), stopping);
        Ok(Server { listener, local_addr, pg, shared, stop })
    }

    /// The bound address, with the port that was chosen.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The bound address of PostgreSQL's protocol.
    pub fn pg_addr(&self) -> Option<SocketAddr> {
        self.pg.as_ref().map(|(_, address)| *address)
    }

    /// Serves until `shutdown` is done, then accepts nothing more, answers what is in flight
    /// within [`ServerLimits::shutdown`](crate::ServerLimits::shutdown), stops the followers, and returns. The cell is left to its owner to stop.
    ///
    /// Errors only where the listener cannot be used on this runtime, before anything is served.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let pg = self.pg.map(|(listener, _)| tokio::net::TcpListener::from_std(listener));
        let pg_listener = pg.transpose()?;
        let mut connections = Connections::new(&self.shared);
        let shared = Arc::clone(&self.shared);
        let recorder =
            tokio::spawn(async move { shared.records.run(shared.stopping.clone()).await });
        let shared = Arc::clone(&self.shared);
        let dropping = tokio::spawn(async move {
            shared.drops.run(&shared.cell, shared.stopping.clone()).await;
        });
        let shared = Arc::clone(&self.shared);
        let finding = tokio::spawn(async move {
            if let Ok(sealing) = shared.sealing() {
                sealing.findings.run(&shared.cell, shared.stopping.clone()).await;
            }
        });
        let watching = tokio::spawn(watch::run(Arc::clone(&self.shared)));
        let telling = tokio::spawn(telemetry::run(Arc::clone(&self.shared)));
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = accept(&listener) => connections.take(accepted.0, accepted.1.ip()),
                accepted = accept_pg(pg_listener.as_ref()) => {
                    connections.take_pg(accepted.0, accepted.1.ip());
                }
                Some(ended) = connections.tasks.join_next() => report(ended),
            }
        }
        drop((listener, pg_listener));
        self.stop.send_replace(true);
        connections.end(self.shared.limits.shutdown).await;
        report(recorder.await);
        report(dropping.await);
        report(watching.await);
        report(telling.await);
        let (finders, lakes) = (self.shared.finders.clone(), self.shared.lakes.clone());
        let stop = move || (finders.map(|all| all.stop()), lakes.map(|all| all.stop()));
        report(tokio::task::spawn_blocking(stop).await.map(drop));
        report(finding.await);
        self.shared.records.write().await;
        self.shared.drops.write(&self.shared.cell).await;
        if let Ok(sealing) = self.shared.sealing() {
            sealing.findings.write(&self.shared.cell).await;
        }
        Ok(())
    }
}

/// The connections of a running server.
struct Connections {
    shared: Arc<Shared>,
    router: Router,
    /// Places of those that are told that there is none.
    refusals: Arc<Semaphore>,
    tasks: JoinSet<()>,
}

impl Connections {
    fn new(shared: &Arc<Shared>) -> Self {
        Connections {
            shared: Arc::clone(shared),
            router: router(shared),
            refusals: Arc::new(Semaphore::new(REFUSALS_AT_ONCE_MAX)),
            tasks: JoinSet::new(),
        }
    }

    /// Serves a connection, or sends it away.
    fn take(&mut self, stream: TcpStream, peer: IpAddr) {
        let shared = Arc::clone(&self.shared);
        if let Ok(place) = Arc::clone(&shared.connections).try_acquire_owned() {
            let service = Service {
                router: self.router.clone(),
                peer: Peer { address: peer, certificate: None },
            };
            self.tasks.spawn(async move {
                shared.counters.connection_accepted();
                let stopping = shared.stopping.clone();
                connection::serve(stream, service, &shared, stopping).await;
                drop(place);
            });
            return;
        }
        shared.counters.connection_refused();
        // Behind TLS the answer would cost the handshake that there is no room for.
        if shared.tls.is_none()
            && let Ok(place) = Arc::clone(&self.refusals).try_acquire_owned()
        {
            self.tasks.spawn(async move {
                connection::refuse(stream, shared.limits.connections_max).await;
                drop(place);
            });
        }
    }

    /// Serves a connection of PostgreSQL's protocol, or closes it.
    fn take_pg(&mut self, stream: TcpStream, peer: IpAddr) {
        let shared = Arc::clone(&self.shared);
        let place = Arc::clone(&shared.connections).try_acquire_owned();
        let (Some(lakes), Ok(place)) = (shared.lakes.clone(), place) else {
            shared.counters.connection_refused();
            return;
        };
        let peer = Peer { address: peer, certificate: None };
        let service = Service { router: self.router.clone(), peer };
        self.tasks.spawn(async move {
            shared.counters.connection_accepted();
            pg::serve(stream, service, lakes, &shared).await;
            drop(place);
        });
    }

    /// Waits for what is in flight, then cuts off what is left.
    async fn end(mut self, limit: Duration) {
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                report(ended);
            }
        };
        if timeout(limit, all).await.is_err() {
            let connections = self.tasks.len();
            tracing::warn!(connections, "cut off connections that did not end in time");
            self.tasks.shutdown().await;
        }
    }
}

/// The next connection; waits where there can be none now.
async fn accept(listener: &tokio::net::TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The same of PostgreSQL's protocol, where that is answered.
async fn accept_pg(listener: Option<&tokio::net::TcpListener>) -> (TcpStream, SocketAddr) {
    match listener {
        Some(listener) => accept(listener).await,
        None => std::future::pending().await,
    }
}

/// A request that panics ends its connection and nothing else; somebody must hear of it.
fn report(ended: Result<(), JoinError>) {
    match ended {
        Err(error) if error.is_panic() => tracing::error!(%error, "a connection's task panicked"),
        Ok(()) | Err(_) => {}
    }
}

fn open_listener(listen: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    // The standard library asks for a short queue; a burst of clients would wait for a second.
    socket2::SockRef::from(&listener).listen(BACKLOG_CONNECTIONS)?;
    let local_addr = listener.local_addr()?;
    Ok((listener, local_addr))
}
