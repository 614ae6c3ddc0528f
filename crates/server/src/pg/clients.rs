//! Who asks by this protocol.

use std::sync::Arc;

use pgwire::api::{ConnectionManager, RandomPidSecretKeyGenerator};
use tokio::sync::Semaphore;

use crate::limits::PG_CONNECTIONS_MAX;

/// The clients of this protocol that are connected.
pub(crate) struct Clients {
    pub(super) places: Arc<Semaphore>,
    pub(super) keys: RandomPidSecretKeyGenerator,
    /// By which one connection cancels what another asks.
    pub(super) running: Arc<ConnectionManager>,
}

impl Clients {
    /// Nobody yet.
    pub(crate) fn new() -> Clients {
        Clients {
            places: Arc::new(Semaphore::new(PG_CONNECTIONS_MAX)),
            keys: RandomPidSecretKeyGenerator::default(),
            running: Arc::new(ConnectionManager::new()),
        }
    }
}
