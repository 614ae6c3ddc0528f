//! Why a request of the client did not give what was asked for.

use append::Refusal;

/// Why a request failed. What to do differs with each variant, so callers match on it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The URL is none that the client can use.
    #[error("`{url}` is not a server's URL: {why}")]
    BadUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The certificate that the client is to show cannot be used.
    #[error("the client certificate cannot be used: {why}")]
    BadCertificate {
        /// What is wrong with it.
        why: String,
    },
    /// The server could not be reached, or the connection broke. Whether an append took place is open; sending
    /// the same batch again is safe where its events have ids or a `seq`.
    #[error("cannot reach the server at {url}")]
    Unreachable {
        /// The server's URL.
        url: String,
        /// What the transport says.
        source: Box<ureq::Error>,
    },
    /// The connection broke while the answer was read.
    #[error("the answer of {url} broke off")]
    BrokenOff {
        /// The server's URL.
        url: String,
        /// What the transport says.
        source: std::io::Error,
    },
    /// The server refused; nothing was written, unless the code is `unavailable`.
    #[error("the server refused ({}): {}", .0.code, .0.detail)]
    Refused(Refusal),
    /// The answer is none that a Graven server gives.
    #[error("unexpected answer to {request}: {why}")]
    Unexpected {
        /// Method and path.
        request: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// The answer does not hold against the log's keys: the server, its store or the way between lies.
    #[error("{what} does not hold: {why}")]
    Unproved {
        /// What was checked.
        what: String,
        /// What is wrong with it.
        why: String,
    },
}

impl ClientError {
    /// The refusal, where the server refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            ClientError::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// An answer whose evidence fails.
    pub(crate) fn unproved(what: impl Into<String>, why: impl ToString) -> Self {
        ClientError::Unproved { what: what.into(), why: why.to_string() }
    }
}
