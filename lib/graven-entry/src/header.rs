//! The header: the line that the log alone writes, first in every entry.
//!
//! Its keys are a closed set in a fixed order, absent where they do not apply. A header has one
//! encoding; whatever differs from it by a byte is not a version 1 header.

use graven_merkle::{Hash, LeafIndex};

use crate::encode::{write_decimal, write_hash, write_nonce};
use crate::limits::{HEADER_BYTES_MAX, INTEGER_MAX};
use crate::name::{AuthMethod, Name, NameError};
use crate::time::{Time, TimeError};

mod parse;

pub use parse::prev_and_nonce_spans;

/// What the log observed when it wrote an entry.
///
/// The rules that tie fields together are checked by [`Header::check`], which
/// [`build_entry`](crate::build_entry) and [`Header::parse`] both ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The log. Made by [`Name::origin`].
    pub origin: Name,
    /// The entry's stable number, below 2⁵³.
    pub index: LeafIndex,
    /// The sequencer's clock, strictly increasing from entry to entry.
    pub time: Time,
    /// What the kernel knew of that clock.
    pub clock: Clock,
    /// The kernel's bound on the clock's error, below 2⁵³; absent where it gave none.
    pub error_ns: Option<u64>,
    /// The real reading of a clock that stepped back; present exactly where `clock` is held.
    pub wall: Option<Time>,
    /// The leaf hash of the entry before; for entry 0 the hash of the empty tree.
    pub prev: Hash,
    /// Random bytes that blind the leaf.
    pub nonce: [u8; 16],
    /// The principal that handed the event in: an opaque id, never a person's name.
    pub writer: Name,
    /// How the writer was authenticated; `log` marks the log's own entries.
    pub auth: AuthMethod,
    /// How well the actor is known.
    pub grade: Grade,
    /// The producer's stream; present exactly where `seq` is.
    pub stream: Option<Name>,
    /// The event's number in its stream, from 0, below 2⁵³.
    pub seq: Option<u64>,
    /// What was done to an unsigned event, each once and in the order of [`Altered`].
    pub altered: Vec<Altered>,
}

/// What the kernel knew of the sequencer's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Clock {
    /// Disciplined by a time source.
    Synced,
    /// Running free.
    Unsynced,
    /// Stepped back: the time is the last one plus 1 ns, the real reading is in `wall`.
    Held,
}

/// How well an actor is known, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grade {
    /// The producer's signature covers the event.
    Signed,
    /// An authenticated producer says so.
    Asserted,
    /// Taken from the session in which it happened.
    Session,
    /// Taken over from an older record.
    Imported,
    /// Nobody knows.
    Unknown,
}

/// What was done to an unsigned event before it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Altered {
    /// White space outside strings was deleted, because the event held a line break.
    Compacted,
    /// Values were sealed by policy.
    Sealed,
}

/// Why a line is not a version 1 header, or a [`Header`] can't be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// A header of another version: nothing is known against it, it just can't be read here.
    #[error("header version {version} is not supported; this software reads entry/v1")]
    Unsupported {
        /// The version as written, `entry/vN`.
        version: String,
    },
    /// More bytes than a header may have.
    #[error("the header has {length_bytes} bytes; at most {HEADER_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length, the line feed counted.
        length_bytes: usize,
    },
    /// Not the canonical encoding of a header.
    #[error("the header is malformed in field {field} at byte {position}")]
    Malformed {
        /// The field that was read or expected.
        field: &'static str,
        /// Offset in the line.
        position: usize,
        /// What is wrong there.
        #[source]
        fault: HeaderFault,
    },
    /// Fields that contradict each other or a limit.
    #[error("header field {field} breaks a rule: {rule}")]
    Rule {
        /// The field.
        field: &'static str,
        /// The rule.
        rule: &'static str,
    },
}

/// What is wrong at one place of a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderFault {
    /// Other bytes than the canonical encoding has here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// Not a name.
    #[error("not a valid name")]
    Name(#[source] NameError),
    /// Not a time.
    #[error("not a valid time")]
    Time(#[source] TimeError),
    /// Not a canonical integer below 2⁵³.
    #[error("not an integer from 0 to 2^53 - 1 without leading zeros")]
    Integer,
    /// Not canonical base64 of the right length.
    #[error("not canonical padded base64 of {bytes} bytes")]
    Base64 {
        /// How many bytes it should give.
        bytes: usize,
    },
    /// Not one of the field's words.
    #[error("not one of {allowed}")]
    Word {
        /// The words.
        allowed: &'static str,
    },
}

impl Header {
    /// Reads a header line, its line feed included.
    ///
    /// Whatever is accepted is byte for byte what [`Header::write_to`] writes. A line that calls
    /// itself another version is [`HeaderError::Unsupported`], whatever else it holds.
    pub fn parse(line: &[u8]) -> Result<Self, HeaderError> {
        parse::header(line)
    }

    /// Appends the canonical line, its line feed included.
    ///
    /// A header that breaks a rule gives a line that [`Header::parse`] refuses: ask
    /// [`Header::check`] first where the fields were not made by this crate.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"graven\":\"entry/v1\",\"origin\":\"");
        out.extend_from_slice(self.origin.as_str().as_bytes());
        out.extend_from_slice(b"\",\"index\":");
        write_decimal(out, self.index.0);
        out.extend_from_slice(b",\"time\":\"");
        out.extend_from_slice(&self.time.to_bytes());
        out.extend_from_slice(b"\",\"clock\":\"");
        out.extend_from_slice(self.clock.as_str().as_bytes());
        out.push(b'"');
        if let Some(error_ns) = self.error_ns {
            out.extend_from_slice(b",\"error_ns\":");
            write_decimal(out, error_ns);
        }
        if let Some(wall) = self.wall {
            out.extend_from_slice(b",\"wall\":\"");
            out.extend_from_slice(&wall.to_bytes());
            out.push(b'"');
        }
        out.extend_from_slice(b",\"prev\":\"");
        write_hash(out, &self.prev);
        out.extend_from_slice(b"\",\"nonce\":\"");
        write_nonce(out, &self.nonce);
        out.extend_from_slice(b"\",\"writer\":\"");
        out.extend_from_slice(self.writer.as_str().as_bytes());
        out.extend_from_slice(b"\",\"auth\":\"");
        out.extend_from_slice(self.auth.as_str().as_bytes());
        out.extend_from_slice(b"\",\"grade\":\"");
        out.extend_from_slice(self.grade.as_str().as_bytes());
        out.push(b'"');
        if let Some(stream) = &self.stream {
            out.extend_from_slice(b",\"stream\":\"");
            out.extend_from_slice(stream.as_str().as_bytes());
            out.push(b'"');
        }
        if let Some(seq) = self.seq {
            out.extend_from_slice(b",\"seq\":");
            write_decimal(out, seq);
        }
        write_altered(out, &self.altered);
        out.extend_from_slice(b"}\n");
    }

    /// Checks what the types of the fields don't say: integers below 2⁵³, an origin's own rules,
    /// `wall` exactly where the clock is held, `stream` and `seq` together, `altered` in order.
    pub fn check(&self) -> Result<(), HeaderError> {
        let rule = |holds: bool, field: &'static str, rule: &'static str| {
            if holds { Ok(()) } else { Err(HeaderError::Rule { field, rule }) }
        };
        let integer = "an integer is below 2^53";
        let order = "each alteration stands once, compacted before sealed";
        let is_origin = crate::name::check_origin(self.origin.as_str()).is_ok();
        rule(is_origin, "origin", "an origin starts with a letter and is not graven/stream/v1")?;
        rule(self.index.0 <= INTEGER_MAX, "index", integer)?;
        rule(self.error_ns.is_none_or(|ns| ns <= INTEGER_MAX), "error_ns", integer)?;
        let is_held = self.clock == Clock::Held;
        rule(is_held == self.wall.is_some(), "wall", "present exactly where the clock is held")?;
        let is_paired = self.stream.is_some() == self.seq.is_some();
        rule(is_paired, "seq", "stream and seq stand together or not at all")?;
        rule(self.seq.is_none_or(|seq| seq <= INTEGER_MAX), "seq", integer)?;
        rule(self.altered.is_sorted_by(|a, b| a < b), "altered", order)
    }
}

impl Clock {
    /// The word in the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Unsynced => "unsynced",
            Self::Held => "held",
        }
    }

    /// The clock state that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Synced, Self::Unsynced, Self::Held].into_iter().find(|c| c.as_str() == word)
    }
}

impl Grade {
    /// Every grade, best first.
    pub const ALL: [Self; 5] =
        [Self::Signed, Self::Asserted, Self::Session, Self::Imported, Self::Unknown];

    /// The word in the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Asserted => "asserted",
            Self::Session => "session",
            Self::Imported => "imported",
            Self::Unknown => "unknown",
        }
    }

    /// The grade that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grade| grade.as_str() == word)
    }
}

impl Altered {
    /// The word in the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compacted => "compacted",
            Self::Sealed => "sealed",
        }
    }
}

fn write_altered(out: &mut Vec<u8>, altered: &[Altered]) {
    for (position, what) in altered.iter().enumerate() {
        out.extend_from_slice(if position == 0 { b",\"altered\":[\"" } else { b",\"" });
        out.extend_from_slice(what.as_str().as_bytes());
        out.push(b'"');
    }
    if !altered.is_empty() {
        out.push(b']');
    }
}

#[cfg(test)]
mod tests;
