//! What a request of this protocol asks, and what it is told.

use std::sync::{Arc, Mutex, PoisonError};

use sql::{PgAsked, PgPrepared, PgRows, QueryError};
use tokio::sync::watch;

/// A request's question instead of a body, and where the answer goes; travels as its extension.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) asked: Asked,
    /// Whether its asker is there still.
    pub(crate) gone: watch::Receiver<()>,
    pub(super) reply: Arc<Mutex<Option<Result<Told, QueryError>>>>,
}

/// What is asked.
#[derive(Clone)]
pub(crate) enum Asked {
    /// Whether anything may be asked at all.
    SignIn,
    /// What a statement takes and gives.
    Prepare(String),
    /// The rows of one of a text's statements.
    Rows(String, PgAsked),
}

/// The answer.
pub(crate) enum Told {
    SignedIn,
    Prepared(PgPrepared),
    Rows(PgRows),
}

impl Ask {
    /// Gives the answer to whoever waits for it.
    pub(super) fn tell(&self, told: Result<Told, QueryError>) {
        *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
    }
}
