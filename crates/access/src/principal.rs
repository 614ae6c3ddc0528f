//! Principals: whoever holds a credential. Their ids stand in entries for ever.

use std::borrow::Borrow;
use std::fmt;

use graven_entry::Name;

use crate::limits::PRINCIPAL_ID_BYTES_MAX;

/// Ids that mean something of their own: the holder of `admin.token`, nobody, the log itself.
const RESERVED: [&str; 3] = ["admin", "anonymous", "graven"];

/// The opaque id of a principal, `[a-z0-9][a-z0-9._-]{0,62}`: the `writer` of its entries. Never a person's name, never
/// used twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrincipalId(Name);

/// Why a text is no principal's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalIdError {
    /// Not of the form.
    #[error(
        "a principal's id has 1 to {PRINCIPAL_ID_BYTES_MAX} of a-z, 0-9, '.', '_' and '-', and starts with a letter or digit"
    )]
    Form,
    /// Kept for the server's own use.
    #[error("{0} is reserved; choose another name")]
    Reserved(String),
}

impl PrincipalId {
    /// Checks `text` as the id of a new principal.
    pub fn new(text: &str) -> Result<PrincipalId, PrincipalIdError> {
        if RESERVED.contains(&text) {
            return Err(PrincipalIdError::Reserved(text.to_owned()));
        }
        PrincipalId::parse(text)
    }

    /// Checks `text` as the id of a principal that there may be, the admin included.
    pub fn parse(text: &str) -> Result<PrincipalId, PrincipalIdError> {
        let is_inner = |byte: u8| is_outer(byte) || matches!(byte, b'.' | b'_' | b'-');
        let is_good = text.len() <= PRINCIPAL_ID_BYTES_MAX
            && text.bytes().next().is_some_and(is_outer)
            && text.bytes().all(is_inner);
        let name = Name::new(text).ok().filter(|_| is_good);
        name.map(PrincipalId).ok_or(PrincipalIdError::Form)
    }

    /// Whoever holds `admin.token`.
    pub fn admin() -> PrincipalId {
        PrincipalId(Name::new("admin").expect("a word of ASCII letters is a name"))
    }

    /// The server itself, as the actor of what nobody asked it for.
    pub fn graven() -> PrincipalId {
        PrincipalId(Name::new("graven").expect("a word of ASCII letters is a name"))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The id as the name that stands in headers.
    pub fn name(&self) -> &Name {
        &self.0
    }

    /// Whether a stream of this name is the principal's own: named by its id, or by its id, `/` and more.
    pub fn owns_stream(&self, stream: &str) -> bool {
        stream.split('/').next() == Some(self.as_str())
    }
}

impl Borrow<str> for PrincipalId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

fn is_outer(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

#[cfg(test)]
mod tests;
