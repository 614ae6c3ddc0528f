//! Names: of origins, streams, writers and keys, of logs, and of ways to authenticate.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::limits::{AUTH_BYTES_MAX, LOG_NAME_BYTES_MAX, NAME_BYTES_MAX};

/// The first line of an attestation, and of what the first link of a stream hashes: no origin may be it.
pub(crate) const STREAM_LINE: &str = "graven/stream/v1";

/// The name of an origin, a stream, a writer or a key: 1 to 255 bytes of printable ASCII without
/// `"`, `\`, `+` and space, so that it stands unescaped in JSON and in a signed note.
///
/// A clone shares the text: a log stamps its own origin on every header.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// The name of a log inside a server: `[a-z0-9-]{1,63}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogName(Arc<str>);

/// How a writer was authenticated: `[a-z0-9-]{1,32}`. `log` marks the log's own entries.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthMethod(Arc<str>);

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing there.
    #[error("the {what} is empty; give at least one character")]
    Empty {
        /// What the name was to be of.
        what: &'static str,
    },
    /// Longer than its limit.
    #[error("the {what} has {length_bytes} bytes; at most {max_bytes} are allowed")]
    TooLong {
        /// What the name was to be of.
        what: &'static str,
        /// Its length.
        length_bytes: usize,
        /// The limit.
        max_bytes: usize,
    },
    /// A byte outside the name's alphabet.
    #[error("the {what} holds byte 0x{byte:02x} at {position}; allowed are only {allowed}")]
    Character {
        /// What the name was to be of.
        what: &'static str,
        /// The offending byte.
        byte: u8,
        /// Its offset in bytes.
        position: usize,
        /// The alphabet in words.
        allowed: &'static str,
    },
    /// An origin that does not start with a letter.
    #[error("the origin starts with 0x{byte:02x}; it must start with a letter")]
    OriginStart {
        /// The first byte.
        byte: u8,
    },
    /// An origin that could be taken for the first line of an attestation.
    #[error("the origin is \"graven/stream/v1\", which is kept for attestations; choose another")]
    OriginReserved,
}

const NAME_ALPHABET: &str = "printable ASCII without '\"', '\\', '+' and space";
const WORD_ALPHABET: &str = "a-z, 0-9 and '-'";

impl Name {
    /// Takes a text that its parser has already checked.
    pub(crate) fn from_checked(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// Checks `text` as the name of a stream, a writer or a key.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check_name("name", text)?;
        Ok(Self(Arc::from(text)))
    }

    /// Checks `text` as an origin: a name that starts with a letter and is not
    /// `graven/stream/v1`, so that no checkpoint can pass for an attestation.
    pub fn origin(text: &str) -> Result<Self, NameError> {
        check_origin(text)?;
        Ok(Self(Arc::from(text)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl LogName {
    /// Checks `text` as a log's name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check_word("log name", text, LOG_NAME_BYTES_MAX)?;
        Ok(Self(Arc::from(text)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AuthMethod {
    /// Takes a text that its parser has already checked.
    pub(crate) fn from_checked(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// Checks `text` as the name of a way to authenticate.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check_word("auth", text, AUTH_BYTES_MAX)?;
        Ok(Self(Arc::from(text)))
    }

    /// The mark of the log's own entries, `log`.
    pub fn log() -> Self {
        Self(Arc::from("log"))
    }

    /// Whether this marks one of the log's own entries.
    pub fn is_log(&self) -> bool {
        &*self.0 == "log"
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Implements the conversions that all three share.
macro_rules! text_conversions {
    ($($name:ident)*) => {$(
        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
        impl TryFrom<&str> for $name {
            type Error = NameError;
            fn try_from(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }
        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }
    )*};
}
text_conversions! { Name LogName AuthMethod }

/// Checks a name without keeping it.
pub(crate) fn check_name(what: &'static str, text: &str) -> Result<(), NameError> {
    let allowed = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'+');
    check_alphabet(what, text, NAME_BYTES_MAX, NAME_ALPHABET, allowed)
}

/// Checks an origin without keeping it.
pub(crate) fn check_origin(text: &str) -> Result<(), NameError> {
    check_name("origin", text)?;
    match text.as_bytes().first() {
        Some(&byte) if !byte.is_ascii_alphabetic() => Err(NameError::OriginStart { byte }),
        _ if text == STREAM_LINE => Err(NameError::OriginReserved),
        _ => Ok(()),
    }
}

/// Checks a word of lower-case letters, digits and hyphens without keeping it.
pub(crate) fn check_word(what: &'static str, text: &str, max: usize) -> Result<(), NameError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    check_alphabet(what, text, max, WORD_ALPHABET, allowed)
}

fn check_alphabet(
    what: &'static str,
    text: &str,
    max_bytes: usize,
    allowed: &'static str,
    is_allowed: impl Fn(u8) -> bool,
) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    if text.len() > max_bytes {
        return Err(NameError::TooLong { what, length_bytes: text.len(), max_bytes });
    }
    match text.bytes().enumerate().find(|(_, byte)| !is_allowed(*byte)) {
        Some((position, byte)) => Err(NameError::Character { what, byte, position, allowed }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
