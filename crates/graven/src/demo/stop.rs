//! The end of the demo: asked for by a signal, or by the demo itself.

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit::Exit;
use crate::failure::Failure;

/// Whether the demo is to end. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    asked: watch::Sender<bool>,
}

impl Stop {
    /// Set by the first SIGINT or SIGTERM. The handlers are in place when this returns, so that nothing is left behind.
    pub(super) fn on_signals(runtime: &Runtime) -> Result<Stop, Failure> {
        let _guard = runtime.enter();
        let handle = |kind| {
            let failed =
                |error| Failure::new(Exit::Unreachable, format!("cannot handle signals: {error}"));
            signal(kind).map_err(failed)
        };
        let (mut interrupt, mut terminate) =
            (handle(SignalKind::interrupt())?, handle(SignalKind::terminate())?);
        let stop = Stop { asked: watch::Sender::new(false) };
        let asked = stop.clone();
        runtime.spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            asked.ask();
        });
        Ok(stop)
    }

    /// Asks for the end.
    pub(super) fn ask(&self) {
        self.asked.send_replace(true);
    }

    /// An error where the end was asked for while there is still something to do.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if *self.asked.borrow() {
            return Err(Failure::bad("interrupted before the tour was over"));
        }
        Ok(())
    }

    /// Done when the end was asked for.
    pub(super) async fn wait(&self) {
        // The sender lives as long as `self`, so this ends only with the value.
        drop(self.asked.subscribe().wait_for(|is_asked| *is_asked).await);
    }
}
