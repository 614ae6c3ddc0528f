//! Reading a header: a cursor that accepts the canonical encoding and nothing else.

use std::ops::Range;

use graven_merkle::{Hash, LeafIndex};

use super::{Altered, Clock, Grade, Header, HeaderError, HeaderFault};
use crate::encode::{NONCE_BYTES, read_decimal, read_nonce};
use crate::json::find_byte;
use crate::limits::{AUTH_BYTES_MAX, HEADER_BYTES_MAX, INTEGER_MAX};
use crate::name::{AuthMethod, Name, NameError, check_name, check_origin, check_word};
use crate::time::Time;

/// How every header of every version begins.
const VERSION_START: &[u8] = b"{\"graven\":\"";
/// The one version that is read here.
const VERSION: &str = "entry/v1";
/// The version of an entry, before its number.
const VERSION_PREFIX: &str = "entry/v";
/// Digits of a version number that is still taken for one.
const VERSION_DIGITS_MAX: usize = 9;

/// A header whose names still lie in the line.
struct Fields<'a> {
    origin: &'a str,
    index: u64,
    time: Time,
    clock: Clock,
    error_ns: Option<u64>,
    wall: Option<Time>,
    prev: (Hash, Range<usize>),
    nonce: ([u8; NONCE_BYTES], Range<usize>),
    writer: &'a str,
    auth: &'a str,
    grade: Grade,
    stream: Option<&'a str>,
    seq: Option<u64>,
    altered: Vec<Altered>,
}

/// The byte ranges of the base64 values of `prev` and `nonce` in a header line, quotes excluded.
///
/// A bundle leaves these 44 and 24 bytes out, because both can be computed again. The whole line
/// is checked, so what is cut out of it can be put back to the same bytes.
pub fn prev_and_nonce_spans(
    header_line: &[u8],
) -> Result<(Range<usize>, Range<usize>), HeaderError> {
    fields(header_line).map(|fields| (fields.prev.1, fields.nonce.1))
}

pub(super) fn header(line: &[u8]) -> Result<Header, HeaderError> {
    let fields = fields(line)?;
    // The cursor has checked every name while it read it.
    Ok(Header {
        origin: Name::from_checked(fields.origin),
        index: LeafIndex(fields.index),
        time: fields.time,
        clock: fields.clock,
        error_ns: fields.error_ns,
        wall: fields.wall,
        prev: fields.prev.0,
        nonce: fields.nonce.0,
        writer: Name::from_checked(fields.writer),
        auth: AuthMethod::from_checked(fields.auth),
        grade: fields.grade,
        stream: fields.stream.map(Name::from_checked),
        seq: fields.seq,
        altered: fields.altered,
    })
}

fn fields(line: &[u8]) -> Result<Fields<'_>, HeaderError> {
    check_version(line)?;
    if line.len() > HEADER_BYTES_MAX {
        return Err(HeaderError::TooLong { length_bytes: line.len() });
    }
    let mut cursor = Cursor { line, at: 0 };
    cursor.literal("graven", "{\"graven\":\"entry/v1\",\"origin\":\"")?;
    let origin = cursor.name("origin", check_origin)?;
    cursor.literal("index", "\",\"index\":")?;
    let index = cursor.integer("index")?;
    cursor.literal("time", ",\"time\":\"")?;
    let time = cursor.time("time")?;
    cursor.literal("clock", "\",\"clock\":\"")?;
    let clock = cursor.word("clock", "synced, unsynced and held", Clock::from_word)?;
    cursor.literal("clock", "\"")?;
    let error_ns =
        cursor.optional(",\"error_ns\":").then(|| cursor.integer("error_ns")).transpose()?;
    let wall = cursor.wall(clock)?;
    cursor.literal("prev", ",\"prev\":\"")?;
    let prev = cursor.hash("prev")?;
    cursor.literal("nonce", "\",\"nonce\":\"")?;
    let nonce = cursor.nonce("nonce")?;
    cursor.literal("writer", "\",\"writer\":\"")?;
    let writer = cursor.name("writer", |text| check_name("writer", text))?;
    cursor.literal("auth", "\",\"auth\":\"")?;
    let auth = cursor.name("auth", |text| check_word("auth", text, AUTH_BYTES_MAX))?;
    cursor.literal("grade", "\",\"grade\":\"")?;
    let grade = cursor.word("grade", "the five grades", Grade::from_word)?;
    cursor.literal("grade", "\"")?;
    let (stream, seq) = cursor.stream()?.unzip();
    let altered = cursor.altered()?;
    cursor.literal("end", "}\n")?;
    cursor.end()?;
    let read = Fields {
        origin,
        index,
        time,
        clock,
        error_ns,
        wall,
        prev,
        nonce,
        writer,
        auth,
        grade,
        stream,
        seq,
        altered,
    };
    Ok(read)
}

/// Tells a header of another version from a malformed one: only its first bytes are looked at,
/// because the rest belongs to a format that is not known here.
fn check_version(line: &[u8]) -> Result<(), HeaderError> {
    let Some(rest) = line.strip_prefix(VERSION_START) else { return Ok(()) };
    let Some(version) = rest.split(|byte| *byte == b'"').next() else { return Ok(()) };
    let is_closed = rest.get(version.len()) == Some(&b'"');
    let Some(number) = version.strip_prefix(VERSION_PREFIX.as_bytes()) else { return Ok(()) };
    let is_number = number.len() <= VERSION_DIGITS_MAX && read_decimal(number).is_some();
    match std::str::from_utf8(version) {
        Ok(version) if is_closed && is_number && version != VERSION => {
            Err(HeaderError::Unsupported { version: version.to_owned() })
        }
        _ => Ok(()),
    }
}

/// A place in a header line that only moves over what the canonical encoding allows.
struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn literal(&mut self, field: &'static str, text: &'static str) -> Result<(), HeaderError> {
        if self.optional(text) {
            Ok(())
        } else {
            let same = self.rest().iter().zip(text.bytes()).take_while(|(a, b)| **a == *b);
            Err(malformed(field, self.at + same.count(), HeaderFault::Expected(text)))
        }
    }

    /// Moves over `text` if it stands here.
    fn optional(&mut self, text: &str) -> bool {
        let is_here = self.rest().starts_with(text.as_bytes());
        if is_here {
            self.at += text.len();
        }
        is_here
    }

    fn end(&self) -> Result<(), HeaderError> {
        let fault = HeaderFault::Expected("the end of the line");
        if self.rest().is_empty() { Ok(()) } else { Err(malformed("end", self.at, fault)) }
    }

    /// The bytes up to the next quote, which stays.
    fn string(&mut self, field: &'static str) -> Result<(&'a str, Range<usize>), HeaderError> {
        let rest = self.rest();
        let found = find_byte(rest, b'"');
        let text = found.and_then(|length| rest.get(..length));
        let Some(text) = text.and_then(|text| std::str::from_utf8(text).ok()) else {
            let fault = HeaderFault::Expected("text up to a closing quote");
            return Err(malformed(field, self.at, fault));
        };
        let span = self.at..self.at + text.len();
        self.at = span.end;
        Ok((text, span))
    }

    fn name(
        &mut self,
        field: &'static str,
        check: impl Fn(&str) -> Result<(), NameError>,
    ) -> Result<&'a str, HeaderError> {
        let (text, span) = self.string(field)?;
        check(text).map_err(|error| name_error(field, span.start, error))?;
        Ok(text)
    }

    fn integer(&mut self, field: &'static str) -> Result<u64, HeaderError> {
        let rest = self.rest();
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let value = rest.get(..length).and_then(read_decimal).filter(|n| *n <= INTEGER_MAX);
        let value = value.ok_or_else(|| malformed(field, self.at, HeaderFault::Integer))?;
        self.at += length;
        Ok(value)
    }

    fn time(&mut self, field: &'static str) -> Result<Time, HeaderError> {
        let (text, span) = self.string(field)?;
        text.parse().map_err(|error| malformed(field, span.start, HeaderFault::Time(error)))
    }

    fn word<T>(
        &mut self,
        field: &'static str,
        allowed: &'static str,
        from_word: impl Fn(&str) -> Option<T>,
    ) -> Result<T, HeaderError> {
        let (text, span) = self.string(field)?;
        let fault = HeaderFault::Word { allowed };
        from_word(text).ok_or_else(|| malformed(field, span.start, fault))
    }

    fn hash(&mut self, field: &'static str) -> Result<(Hash, Range<usize>), HeaderError> {
        let (text, span) = self.string(field)?;
        match text.parse() {
            Ok(hash) => Ok((hash, span)),
            Err(_) => Err(malformed(field, span.start, HeaderFault::Base64 { bytes: 32 })),
        }
    }

    fn nonce(
        &mut self,
        field: &'static str,
    ) -> Result<([u8; NONCE_BYTES], Range<usize>), HeaderError> {
        let (text, span) = self.string(field)?;
        match read_nonce(text.as_bytes()) {
            Some(nonce) => Ok((nonce, span)),
            None => Err(malformed(field, span.start, HeaderFault::Base64 { bytes: NONCE_BYTES })),
        }
    }

    /// The real reading, which stands exactly where the clock is held.
    fn wall(&mut self, clock: Clock) -> Result<Option<Time>, HeaderError> {
        if clock != Clock::Held {
            return Ok(None);
        }
        self.literal("wall", ",\"wall\":\"")?;
        let wall = self.time("wall")?;
        self.literal("wall", "\"")?;
        Ok(Some(wall))
    }

    /// The stream and the number in it, which stand together.
    fn stream(&mut self) -> Result<Option<(&'a str, u64)>, HeaderError> {
        if !self.optional(",\"stream\":\"") {
            return Ok(None);
        }
        let stream = self.name("stream", |text| check_name("stream", text))?;
        self.literal("seq", "\",\"seq\":")?;
        let seq = self.integer("seq")?;
        Ok(Some((stream, seq)))
    }

    fn altered(&mut self) -> Result<Vec<Altered>, HeaderError> {
        if !self.optional(",\"altered\":[") {
            return Ok(Vec::new());
        }
        if self.optional("\"compacted\",\"sealed\"]") {
            Ok(vec![Altered::Compacted, Altered::Sealed])
        } else if self.optional("\"compacted\"]") {
            Ok(vec![Altered::Compacted])
        } else if self.optional("\"sealed\"]") {
            Ok(vec![Altered::Sealed])
        } else {
            let allowed = "\"compacted\", \"sealed\" or both in this order";
            Err(malformed("altered", self.at, HeaderFault::Word { allowed }))
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.line.get(self.at..).unwrap_or_default()
    }
}

fn malformed(field: &'static str, position: usize, fault: HeaderFault) -> HeaderError {
    HeaderError::Malformed { field, position, fault }
}

fn name_error(field: &'static str, position: usize, error: NameError) -> HeaderError {
    malformed(field, position, HeaderFault::Name(error))
}
