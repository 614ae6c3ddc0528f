//! What the watchers of saved queries share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use access::QueryName;
use tokio::sync::{Semaphore, watch};

use crate::limits::WEBHOOKS_AT_ONCE;
use crate::webhook::{Networks, Webhooks};

/// What watchers share.
pub(crate) struct Watching {
    /// Rung with each change of a saved query.
    pub(super) changed: watch::Sender<()>,
    pub(super) webhooks: Arc<Webhooks>,
    /// Webhooks that may still be sent beside those that are.
    pub(super) sending: Semaphore,
    /// Where places lie.
    pub(super) places: Option<PathBuf>,
    states: Mutex<BTreeMap<QueryName, State>>,
}

/// How a watcher goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// The first index that it has not looked at.
    pub(crate) next: u64,
    /// Why it stands still, where it does.
    pub(crate) stands: Option<String>,
    /// Attempts to tell what is pending.
    pub(crate) attempts: u32,
    /// Why the last of them failed.
    pub(crate) why: Option<String>,
}

impl Watching {
    pub(crate) fn new(time: Duration, networks: Networks, places: Option<PathBuf>) -> Watching {
        Watching {
            changed: watch::Sender::new(()),
            webhooks: Arc::new(Webhooks::new(time, networks)),
            sending: Semaphore::new(WEBHOOKS_AT_ONCE),
            places,
            states: Mutex::default(),
        }
    }

    /// A saved query changed.
    pub(crate) fn change(&self) {
        self.changed.send_replace(());
    }

    /// How the watcher of a query goes.
    pub(crate) fn state(&self, name: &QueryName) -> State {
        self.states().get(name).cloned().unwrap_or_default()
    }

    /// How all go.
    pub(super) fn states(&self) -> MutexGuard<'_, BTreeMap<QueryName, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how a watcher goes.
    pub(super) fn set(&self, name: &QueryName, change: impl FnOnce(&mut State)) {
        change(self.states().entry(name.clone()).or_default());
    }
}
