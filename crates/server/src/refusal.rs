//! Refusals that many handlers give.

use append::{Code, Refusal};

/// A query parameter at fault.
pub(crate) fn bad_query(name: &str, detail: &str) -> Refusal {
    Refusal::new(Code::BadQuery, detail).in_field(name)
}

/// A member of a JSON body at fault.
pub(crate) fn bad_field(field: &str, error: &impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::BadJson, error.to_string()).in_field(field)
}
