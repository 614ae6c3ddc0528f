//! The event: what a producer may say, and what an index needs to know of it.
//!
//! An event is hashed as it was written, so it is never built anew from what was understood:
//! two readers must understand the same from the same bytes. That is why duplicate keys, lone
//! surrogates and the like, which readers take differently, are refused.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::json::Walk;
use crate::limits::{DEPTH_MAX, EVENT_BYTES_MAX, EVENT_INPUT_BYTES_MAX};
use crate::scan::{Scan, scan};

/// What [`check_event`] learned of an event in its one pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFacts<'a> {
    /// Where the event lies in the bytes: white space around the object is not part of it.
    pub range: Range<usize>,
    /// Its bytes after [`compact`](crate::compact), its line feed not counted.
    pub compacted_bytes: usize,
    /// Whether CR or LF stands in it: an unsigned event is compacted then, a signed one refused.
    pub has_line_break: bool,
    /// `action`, never empty.
    pub action: Cow<'a, str>,
    /// Whether the action is `graven.*`, which only the log itself may write.
    pub is_reserved_action: bool,
    /// `actor.type`.
    pub actor_type: Option<Cow<'a, str>>,
    /// `actor.id`.
    pub actor_id: Option<Cow<'a, str>>,
    /// `id`, with the writer the event's identity.
    pub id: Option<Cow<'a, str>>,
    /// The digests of its sealed values, in the order written, each different.
    pub digests: Vec<SealedDigest<'a>>,
}

/// The digest of a sealed value, where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedDigest<'a> {
    /// 43 characters of base64url: SHA-256 over the encoded disclosure.
    pub digest: &'a str,
    /// Whether it stands for a member of an object or for an element of an array.
    pub place: Place,
    /// RFC 6901 pointer: of the object whose `_sd` holds the digest, or of the array element
    /// `{"...":d}`.
    pub path: String,
    /// The bytes that opening replaces: the whole member `"_sd":[…]`, or the whole element.
    pub span: Range<usize>,
}

/// What a digest stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A member of the object whose `_sd` holds the digest; the name goes with the value.
    Member,
    /// An element of an array.
    Element,
}

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

/// Reads one event as its producer sent it, white space around it allowed, and checks everything
/// that does not depend on a log's policy.
///
/// The first fault in the bytes is reported, of JSON before those of the event. A `graven.*`
/// action, digests without a disclosure and a line break are reported as facts: whether they are
/// refused is for the caller to say.
pub fn check_event(bytes: &[u8]) -> Result<EventFacts<'_>, EventError> {
    if bytes.len() > EVENT_INPUT_BYTES_MAX {
        return Err(too_large(bytes.len(), EVENT_INPUT_BYTES_MAX));
    }
    let scan = scan(bytes)?;
    let compacted_bytes = scan.range.len() - scan.white_bytes;
    let stored_bytes = if scan.has_line_break { compacted_bytes } else { scan.range.len() };
    if stored_bytes >= EVENT_BYTES_MAX {
        return Err(too_large(stored_bytes + 1, EVENT_BYTES_MAX));
    }
    let fields = Fields { bytes, scan: &scan };
    let (actor_type, actor_id) = fields.actor()?;
    let action = fields.action()?;
    let id = match &scan.id {
        Some(range) => Some(fields.string("id", range)?),
        None => None,
    };
    Ok(EventFacts {
        compacted_bytes,
        has_line_break: scan.has_line_break,
        is_reserved_action: action.starts_with("graven."),
        action,
        actor_type,
        actor_id,
        id,
        range: scan.range,
        digests: scan.digests,
    })
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

/// The event's own fields, by the ranges that the scan has found.
struct Fields<'a, 's> {
    bytes: &'a [u8],
    scan: &'s Scan<'a>,
}

/// A text of the event, or none.
type OptionalText<'a> = Option<Cow<'a, str>>;

impl<'a> Fields<'a, '_> {
    fn action(&self) -> Result<Cow<'a, str>, EventError> {
        let Some(range) = &self.scan.action else { return Err(self.missing("action")) };
        let action = self.string("action", range)?;
        if action.is_empty() {
            return Err(self.wrong_type("action", "a non-empty string", range.start));
        }
        Ok(action)
    }

    fn actor(&self) -> Result<(OptionalText<'a>, OptionalText<'a>), EventError> {
        let Some(range) = &self.scan.actor else { return Err(self.missing("actor")) };
        let raw = self.bytes.get(range.clone()).unwrap_or_default();
        if raw.first() != Some(&b'{') {
            return Err(self.wrong_type("actor", "an object such as {\"id\":\"…\"}", range.start));
        }
        let (mut actor_type, mut actor_id) = (None, None);
        let mut walk = Walk::inside(raw, b'{');
        while let Some((key, value)) = walk.member() {
            let value = range.start + value.start..range.start + value.end;
            match &*key {
                "type" => actor_type = Some(self.string("actor.type", &value)?),
                "id" => actor_id = Some(self.string("actor.id", &value)?),
                _ => {}
            }
        }
        Ok((actor_type, actor_id))
    }

    fn string(
        &self,
        field: &'static str,
        range: &Range<usize>,
    ) -> Result<Cow<'a, str>, EventError> {
        let raw = self.bytes.get(range.clone()).unwrap_or_default();
        crate::json::string_value(raw)
            .ok_or_else(|| self.wrong_type(field, "a string", range.start))
    }

    fn missing(&self, field: &'static str) -> EventError {
        let fault = EventFault::Missing { field };
        EventError::new(self.bytes, fault, format!("/{field}"), self.scan.range.start)
    }

    fn wrong_type(
        &self,
        field: &'static str,
        expected: &'static str,
        position: usize,
    ) -> EventError {
        let fault = EventFault::Type { field, expected };
        EventError::new(self.bytes, fault, format!("/{}", field.replace('.', "/")), position)
    }
}

fn too_large(length_bytes: usize, max_bytes: usize) -> EventError {
    let fault = EventFault::TooLarge { length_bytes, max_bytes };
    EventError { fault, path: String::new(), position: 0, line: 1, column: 1 }
}

#[cfg(test)]
mod tests;
