//! What happens when the log can no longer be sure: it stops, and never limps on (design §2.2, §5).

use std::sync::{Arc, OnceLock};

/// Shared by every thread of a cell. Once poisoned, nothing is written, signed or answered any more.
#[derive(Clone)]
pub(crate) struct Poison {
    reason: Arc<OnceLock<String>>,
    on_fatal: OnFatal,
}

/// What a fatal fault does to the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFatal {
    /// Ends the process at once; the next start recovers what is provably there.
    #[default]
    Abort,
    /// Only stops this cell: for tests and simulations that go on to look at the remains.
    StopCell,
}

/// The cell has stopped for a fatal fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fatal(pub(crate) String);

impl Poison {
    pub(crate) fn new(on_fatal: OnFatal) -> Self {
        Poison { reason: Arc::new(OnceLock::new()), on_fatal }
    }

    /// Stops everything for `reason`. With [`OnFatal::Abort`] it does not return.
    pub(crate) fn fatal(&self, reason: impl Into<String>) -> Fatal {
        let reason = reason.into();
        tracing::error!(reason, "the log stops: it can no longer be sure of its own state");
        if self.on_fatal == OnFatal::Abort {
            std::process::abort();
        }
        Fatal(self.reason.get_or_init(|| reason).clone())
    }

    /// Why the cell stopped, if it did.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }

    /// Fails where the cell has stopped.
    pub(crate) fn check(&self) -> Result<(), Fatal> {
        self.reason.get().map_or(Ok(()), |reason| Err(Fatal(reason.clone())))
    }
}

/// Poisons the cell when its thread ends by a panic: a half-done step must not be continued.
pub(crate) struct PanicGuard(pub(crate) Poison, pub(crate) &'static str);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(self.0.fatal(format!("the {} thread panicked", self.1)));
        }
    }
}
