//! Why a command failed: one message, its causes, what to do, and the exit code.

use graven_entry::with_causes;
use std::fmt::Display;
use std::path::Path;

use append::Code;
use client::ClientError;

use crate::exit::Exit;

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What failed, lowercase, without a full stop; causes are joined on by `: `.
    pub(crate) message: String,
    /// What to do, a sentence.
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Display) -> Failure {
        Failure { exit, message: message.to_string(), hint: None }
    }

    /// Settings or arguments that don't fit.
    pub(crate) fn usage(message: impl Display) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    /// Evidence that does not hold, or something that does not exist.
    pub(crate) fn bad(message: impl Display) -> Failure {
        Failure::new(Exit::Bad, message)
    }

    /// A file that can't be read or written.
    pub(crate) fn file(what: &str, path: &Path, error: &std::io::Error) -> Failure {
        Failure::new(Exit::Unreachable, format!("cannot {what} {}: {error}", path.display()))
    }

    /// An error with its causes.
    pub(crate) fn caused(exit: Exit, what: impl Display, error: &dyn std::error::Error) -> Failure {
        Failure::new(exit, format!("{what}: {}", with_causes(error)))
    }

    /// The same, telling what to do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        let failure = Failure::new(exit_of(&error), with_causes(&error));
        match &error {
            ClientError::Unreachable { .. } => failure.hint(
                "Is `graven serve` running? Give its address by --url, or its data directory by --data.",
            ),
            ClientError::Refused(refusal) if refusal.code == Code::Unauthenticated => {
                failure.hint("Give a token by GRAVEN_TOKEN, or the server's data directory by --data.")
            }
            ClientError::Unproved { .. } => failure.hint(
                "Keep what you have; compare with `graven verify`, and with a checkpoint kept elsewhere.",
            ),
            _ => failure,
        }
    }
}

fn exit_of(error: &ClientError) -> Exit {
    match error {
        ClientError::Unproved { .. } => Exit::Bad,
        ClientError::BadUrl { .. } | ClientError::BadCertificate { .. } => Exit::Usage,
        ClientError::Refused(refusal) => exit_of_code(refusal.code),
        _ => Exit::Unreachable,
    }
}

/// Exhaustive on purpose: a new code has to be given its place.
fn exit_of_code(code: Code) -> Exit {
    match code {
        Code::NotFound | Code::Expired => Exit::Bad,
        Code::BadJson
        | Code::BadEvent
        | Code::BadAttestation
        | Code::AckUnavailable
        | Code::BadQuery
        | Code::QueryLimit
        | Code::TooLarge
        | Code::UnsupportedType
        | Code::Conflict
        | Code::SeqGap
        | Code::SeqRecorded
        | Code::Exists
        | Code::Held => Exit::Usage,
        Code::Unauthenticated
        | Code::Forbidden
        | Code::ApprovalNeeded
        | Code::Timeout
        | Code::Busy
        | Code::DiskFull
        | Code::Unavailable => Exit::Unreachable,
    }
}
