//! Errors as this protocol tells them.

use pgwire::error::{ErrorInfo, PgWireError};

/// An error of this severity, with its SQLSTATE.
pub(super) fn told(severity: &str, code: &str, text: &str) -> PgWireError {
    let info = ErrorInfo::new(severity.to_owned(), code.to_owned(), text.to_owned());
    PgWireError::UserError(Box::new(info))
}

/// An error after which the connection ends.
pub(super) fn fatal(code: &str, text: &str) -> PgWireError {
    told("FATAL", code, text)
}

/// The same error, as one after which the connection ends.
pub(super) fn to_fatal(error: PgWireError) -> PgWireError {
    match error {
        PgWireError::UserError(mut info) => {
            "FATAL".clone_into(&mut info.severity);
            PgWireError::UserError(info)
        }
        other => other,
    }
}
