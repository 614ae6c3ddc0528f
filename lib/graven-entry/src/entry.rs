//! The entry: header, event and perhaps an attestation, each ended by a line feed.

use crate::attestation::{Attestation, AttestationError};
use crate::header::{Header, HeaderError};
use crate::json::find_byte;
use crate::limits::{
    ATTESTATION_BYTES_MAX, ENTRY_BYTES_MAX, EVENT_BYTES_MAX, HEADER_BYTES_MAX, INTEGER_MAX,
};
use crate::name::STREAM_LINE;

/// The three parts of an entry, as they lie in its bytes. Every line feed is included, so the
/// parts one after the other are the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryParts<'a> {
    /// The first line: what the log observed.
    pub header_line: &'a [u8],
    /// The second line: what the producer said.
    pub event_line: &'a [u8],
    /// The rest, if any: the producer's signature over its stream.
    pub attestation: Option<&'a [u8]>,
}

/// An entry whose header and attestation have been read. The event is left as it lies: ask
/// [`check_event`](crate::check_event) what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What the log observed.
    pub header: Header,
    /// What the producer said, its line feed excluded.
    pub event: &'a [u8],
    /// The producer's signature over its stream up to this event; not yet verified.
    pub attestation: Option<Attestation>,
}

/// Why bytes are not an entry, or parts can't become one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The header can't be read or written.
    #[error("the entry's header can't be used")]
    Header(#[source] HeaderError),
    /// A part does not end in a line feed.
    #[error("the entry's {part} does not end in a line feed")]
    NoLineFeed {
        /// `header`, `event` or `attestation`.
        part: &'static str,
    },
    /// A part is larger than its limit.
    #[error("the {part} has {length_bytes} bytes with its line feeds; at most {max_bytes} fit")]
    TooLarge {
        /// `entry`, `header`, `event` or `attestation`.
        part: &'static str,
        /// Its length, line feeds counted.
        length_bytes: usize,
        /// The limit.
        max_bytes: usize,
    },
    /// The event holds a line break, so it would not be one line.
    #[error("the event holds a line break at byte {position}; compact it first")]
    EventBreak {
        /// Offset in the event.
        position: usize,
    },
    /// The event is not an object without white space around it.
    #[error("the event does not begin with '{{' and end with '}}'; trim the white space around it")]
    EventForm,
    /// The attestation can't be read.
    #[error("the entry's attestation can't be read")]
    Attestation(#[source] AttestationError),
    /// The attestation says other than the header above it.
    #[error("the attestation's {field} is not that of the header above it")]
    AttestationMismatch {
        /// `origin`, `stream` or `length`.
        field: &'static str,
    },
}

impl<'a> EntryParts<'a> {
    /// Splits an entry at its first two line feeds and checks every part against its limit.
    ///
    /// Nothing inside the parts is read.
    pub fn split(entry: &'a [u8]) -> Result<Self, EntryError> {
        check_size("entry", entry.len(), ENTRY_BYTES_MAX)?;
        let (header_line, rest) = split_line("header", entry)?;
        let (event_line, rest) = split_line("event", rest)?;
        check_size("header", header_line.len(), HEADER_BYTES_MAX)?;
        check_size("event", event_line.len(), EVENT_BYTES_MAX)?;
        if rest.is_empty() {
            return Ok(Self { header_line, event_line, attestation: None });
        }
        check_size("attestation", rest.len(), ATTESTATION_BYTES_MAX)?;
        if rest.last() != Some(&b'\n') {
            return Err(EntryError::NoLineFeed { part: "attestation" });
        }
        Ok(Self { header_line, event_line, attestation: Some(rest) })
    }

    /// The event without its line feed: the bytes that [`event_hash`](crate::event_hash) takes.
    pub fn event(&self) -> &'a [u8] {
        self.event_line.strip_suffix(b"\n").unwrap_or(self.event_line)
    }
}

impl<'a> Entry<'a> {
    /// Reads an entry: its header, the form of its event line, its attestation, and that the
    /// attestation speaks of this origin, stream and `seq`.
    ///
    /// An entry of another version is an [`EntryError::Header`] that holds
    /// [`HeaderError::Unsupported`], whatever its other parts look like.
    pub fn parse(entry: &'a [u8]) -> Result<Self, EntryError> {
        let first_line = entry.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        let header = Header::parse(first_line).map_err(EntryError::Header)?;
        let parts = EntryParts::split(entry)?;
        let event = parts.event();
        check_event_form(event)?;
        let attestation = match parts.attestation {
            Some(bytes) => Some(Attestation::parse(bytes).map_err(EntryError::Attestation)?),
            None => None,
        };
        if let Some(attestation) = &attestation {
            check_match(attestation, &header)?;
        }
        Ok(Self { header, event, attestation })
    }
}

/// Appends the entry of these parts to `out` and returns how many bytes it has; after an error
/// `out` is as it was.
///
/// `event` comes without white space around it and without line breaks. `attestation` is the
/// whole signed note; it is copied as it is, since whoever accepted it has verified it.
pub fn build_entry(
    out: &mut Vec<u8>,
    header: &Header,
    event: &[u8],
    attestation: Option<&[u8]>,
) -> Result<usize, EntryError> {
    header.check().map_err(EntryError::Header)?;
    check_size("event", event.len().saturating_add(1), EVENT_BYTES_MAX)?;
    check_event_form(event)?;
    if let Some(attestation) = attestation {
        check_attestation_form(attestation)?;
    }
    let start = out.len();
    header.write_to(out);
    if let Err(error) = check_size("header", out.len() - start, HEADER_BYTES_MAX) {
        out.truncate(start);
        return Err(error);
    }
    out.extend_from_slice(event);
    out.push(b'\n');
    out.extend_from_slice(attestation.unwrap_or_default());
    Ok(out.len() - start)
}

fn split_line<'a>(part: &'static str, bytes: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), EntryError> {
    let end = find_byte(bytes, b'\n');
    end.and_then(|end| bytes.split_at_checked(end + 1)).ok_or(EntryError::NoLineFeed { part })
}

fn check_size(part: &'static str, length_bytes: usize, max_bytes: usize) -> Result<(), EntryError> {
    if length_bytes > max_bytes {
        Err(EntryError::TooLarge { part, length_bytes, max_bytes })
    } else {
        Ok(())
    }
}

fn check_event_form(event: &[u8]) -> Result<(), EntryError> {
    if let Some(position) = find_byte(event, b'\n').or_else(|| find_byte(event, b'\r')) {
        return Err(EntryError::EventBreak { position });
    }
    match event {
        [b'{', .., b'}'] => Ok(()),
        _ => Err(EntryError::EventForm),
    }
}

fn check_attestation_form(attestation: &[u8]) -> Result<(), EntryError> {
    check_size("attestation", attestation.len(), ATTESTATION_BYTES_MAX)?;
    if attestation.last() != Some(&b'\n') {
        return Err(EntryError::NoLineFeed { part: "attestation" });
    }
    let first_line = attestation.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if first_line == STREAM_LINE.as_bytes() {
        Ok(())
    } else {
        Err(EntryError::Attestation(AttestationError::FirstLine))
    }
}

/// Pairs an attestation with the header above it: it stands on the last event that it covers.
fn check_match(attestation: &Attestation, header: &Header) -> Result<(), EntryError> {
    let mismatch = |field| Err(EntryError::AttestationMismatch { field });
    if attestation.origin != header.origin {
        return mismatch("origin");
    }
    if Some(&attestation.stream) != header.stream.as_ref() {
        return mismatch("stream");
    }
    // No overflow: a header's seq is at most INTEGER_MAX.
    if Some(attestation.length) != header.seq.filter(|seq| *seq <= INTEGER_MAX).map(|seq| seq + 1) {
        return mismatch("length");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
