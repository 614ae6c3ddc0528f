//! Why an event is refused.

use std::fmt;

use crate::limits::DEPTH_MAX;

/// Why an event is refused: what, where, and at which path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventError {
    /// What is wrong.
    pub fault: EventFault,
    /// RFC 6901 pointer to the value or member; `""` is the event itself. Cut at
    /// [`ERROR_PATH_BYTES_MAX`](crate::limits::ERROR_PATH_BYTES_MAX) bytes.
    pub path: String,
    /// Offset in the bytes that were handed in.
    pub position: usize,
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
}

/// The three ways in which an event can be refused, one a stable code of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventErrorKind {
    /// Not the JSON that everybody reads alike.
    BadJson,
    /// JSON, but not an event.
    BadEvent,
    /// Over the limit.
    TooLarge,
}

/// What is wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventFault {
    /// Nothing but white space.
    #[error("nothing here; an event is a JSON object")]
    Empty,
    /// Another JSON value than an object.
    #[error("not an object; an event is a JSON object")]
    NotAnObject,
    /// A byte order mark.
    #[error("a byte order mark; send UTF-8 without one")]
    ByteOrderMark,
    /// Not UTF-8.
    #[error("invalid UTF-8")]
    InvalidUtf8,
    /// The bytes end too early.
    #[error("the event ends where {expected} is needed")]
    UnexpectedEnd {
        /// What is missing.
        expected: &'static str,
    },
    /// A character that JSON does not have here.
    #[error("found {found:?} where {expected} is needed")]
    Unexpected {
        /// What stands there.
        found: char,
        /// What should.
        expected: &'static str,
    },
    /// A control character that is not escaped.
    #[error("control character 0x{byte:02x} in a string; write it as \\u{byte:04x}")]
    ControlCharacter {
        /// The character.
        byte: u8,
    },
    /// A backslash before something that JSON does not escape.
    #[error("not an escape of JSON; write a backslash as \\\\")]
    Escape,
    /// Half of a surrogate pair.
    #[error("a lone surrogate; write the character itself or both halves")]
    LoneSurrogate,
    /// `\u0000`.
    #[error("\\u0000, which many readers cut a text at; leave it out")]
    NulCharacter,
    /// Content after the object.
    #[error("more after the object's end; send one event a line")]
    Trailing,
    /// A key that its object already has.
    #[error("duplicate key; an object may hold a key only once")]
    DuplicateKey,
    /// Too many objects and arrays inside each other.
    #[error("nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// A field that an event must have.
    #[error("field {field} is missing; every event has one")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field of the wrong type.
    #[error("field {field} must be {expected}")]
    Type {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A key that only issuers of credentials write.
    #[error("_sd_alg is not accepted; digests are always SHA-256, send foreign ones as a string")]
    SealAlgorithm,
    /// `_sd` or `...` in another form than sealing gives.
    #[error("{rule}; a foreign original that holds such keys goes in as a string")]
    SealForm {
        /// The form that is needed.
        rule: &'static str,
    },
    /// One digest in two places.
    #[error("the digest stands in two places; each sealed value has its own salt and digest")]
    RepeatedDigest,
    /// More bytes than an event may have.
    #[error("the event has {length_bytes} bytes with its line feed; at most {max_bytes} fit")]
    TooLarge {
        /// Its bytes as they would be written.
        length_bytes: usize,
        /// The limit.
        max_bytes: usize,
    },
}

impl EventError {
    /// The error `fault` at `position` of `bytes`.
    pub(crate) fn new(bytes: &[u8], fault: EventFault, path: String, position: usize) -> Self {
        let before = bytes.get(..position).unwrap_or(bytes);
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |lf| lf + 1);
        let line = before.split(|byte| *byte == b'\n').count();
        // Every byte but the continuations of UTF-8 begins a character.
        let in_line = before.get(line_start..).unwrap_or_default();
        let column = 1 + in_line.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        Self { fault, path, position, line, column }
    }

    /// Which of the three ways to be refused this is.
    pub fn kind(&self) -> EventErrorKind {
        self.fault.kind()
    }
}

impl EventFault {
    /// Which of the three ways to be refused this is.
    pub fn kind(&self) -> EventErrorKind {
        match self {
            Self::Empty
            | Self::NotAnObject
            | Self::ByteOrderMark
            | Self::InvalidUtf8
            | Self::UnexpectedEnd { .. }
            | Self::Unexpected { .. }
            | Self::ControlCharacter { .. }
            | Self::Escape
            | Self::LoneSurrogate
            | Self::NulCharacter
            | Self::Trailing
            | Self::DuplicateKey
            | Self::TooDeep => EventErrorKind::BadJson,
            Self::Missing { .. }
            | Self::Type { .. }
            | Self::SealAlgorithm
            | Self::SealForm { .. }
            | Self::RepeatedDigest => EventErrorKind::BadEvent,
            Self::TooLarge { .. } => EventErrorKind::TooLarge,
        }
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault)?;
        if self.kind() == EventErrorKind::TooLarge {
            return Ok(());
        }
        f.write_str(" (")?;
        if !self.path.is_empty() {
            f.write_str("at ")?;
            // A path holds the producer's keys: nothing in them may steer a terminal.
            for character in self.path.chars() {
                if character.is_control() {
                    write!(f, "{}", character.escape_unicode())?;
                } else {
                    write!(f, "{character}")?;
                }
            }
            f.write_str(", ")?;
        }
        write!(f, "line {}, column {}, byte {})", self.line, self.column, self.position)
    }
}

impl std::error::Error for EventError {}
