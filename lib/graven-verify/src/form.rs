//! The form of one entry: what can be judged without its neighbours.

use graven_entry::{
    EntryError, EntryParts, Grade, Header, HeaderError, Name, Time, check_event, with_causes,
};
use graven_merkle::{Hash, LeafIndex};

use crate::fault::{Fault, FaultKind};
use crate::quick::quick_event;

/// What the checks of a run need of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderFacts {
    /// The entry's time.
    pub time: Time,
    /// The leaf hash that it states for the entry before.
    pub prev: Hash,
    /// Whether the log itself wrote the event.
    pub is_own: bool,
    /// Whether the grade says that the producer signed.
    pub is_signed: bool,
    /// The stream's slot in the run, counted in the order of appearance, and the event's number in
    /// the stream.
    pub stream: Option<(u32, u64)>,
}

/// What stands behind the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Body<'a> {
    /// The event without its line feed.
    pub(crate) event: &'a [u8],
    /// The attestation, its line feeds included; not yet read.
    pub(crate) attestation: Option<&'a [u8]>,
    /// Whether the event's action is `graven.*`.
    pub(crate) is_reserved: bool,
    /// Whether the event holds digests of sealed values.
    pub(crate) has_sealed: bool,
}

/// The header of the entry that stands at `index`: canonical, of this log, with this index.
/// Gives it with the length of its line.
pub(crate) fn read_header(
    origin: &Name,
    index: LeafIndex,
    entry: &[u8],
) -> Result<(Header, usize), Fault> {
    let line = first_line(entry);
    let header = Header::parse(line).map_err(|error| header_fault(index, &error))?;
    if header.origin != *origin {
        let detail = format!("the header is of log {}, this is log {origin}", header.origin);
        return Err(Fault::at(index, FaultKind::WrongOrigin, detail));
    }
    if header.index != index {
        let detail = format!("the header states index {} at position {index}", header.index);
        return Err(Fault::at(index, FaultKind::WrongIndex, detail));
    }
    Ok((header, line.len()))
}

/// What stands behind the header, whose line has `header_bytes`.
pub(crate) fn read_body(
    index: LeafIndex,
    entry: &[u8],
    header_bytes: usize,
) -> Result<Body<'_>, Fault> {
    let rest = entry.get(header_bytes..).unwrap_or_default();
    if let Some(quick) = quick_event(rest)
        && let Some(event) = rest.get(..quick.event_bytes)
        && let Some(after) = rest.get(quick.event_bytes + 1..)
        && after.is_empty()
    {
        let is_reserved = quick.is_reserved;
        return Ok(Body { event, attestation: None, is_reserved, has_sealed: false });
    }
    read_body_slowly(index, entry)
}

/// The fault of an entry whose parts are not as they must be.
pub(crate) fn entry_fault(index: LeafIndex, error: &EntryError) -> Fault {
    let kind = match error {
        EntryError::Header(error) => return header_fault(index, error),
        EntryError::TooLarge { part: "header", .. } | EntryError::NoLineFeed { part: "header" } => {
            FaultKind::HeaderMalformed
        }
        EntryError::TooLarge { part: "attestation", .. }
        | EntryError::NoLineFeed { part: "attestation" }
        | EntryError::Attestation(_)
        | EntryError::AttestationMismatch { .. } => FaultKind::AttestationBad,
        _ => FaultKind::EventInvalid,
    };
    Fault::at(index, kind, with_causes(error))
}

/// Whether the grade says that the producer signed.
pub(crate) fn is_signed(header: &Header) -> bool {
    header.grade == Grade::Signed
}

/// The first line, its line feed included where there is one.
pub(crate) fn first_line(entry: &[u8]) -> &[u8] {
    entry.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// As [`read_body`], by the crate that defines what an event is.
fn read_body_slowly(index: LeafIndex, entry: &[u8]) -> Result<Body<'_>, Fault> {
    let parts = EntryParts::split(entry).map_err(|error| entry_fault(index, &error))?;
    let event = parts.event();
    let invalid = |detail: String| Fault::at(index, FaultKind::EventInvalid, detail);
    let facts = check_event(event).map_err(|error| invalid(error.to_string()))?;
    if facts.range != (0..event.len()) || facts.has_line_break {
        return Err(invalid("the event line holds white space around the event".to_owned()));
    }
    Ok(Body {
        event,
        attestation: parts.attestation,
        is_reserved: facts.is_reserved_action,
        has_sealed: !facts.digests.is_empty(),
    })
}

fn header_fault(index: LeafIndex, error: &HeaderError) -> Fault {
    let kind = match error {
        HeaderError::Unsupported { .. } => FaultKind::UnsupportedVersion,
        _ => FaultKind::HeaderMalformed,
    };
    Fault::at(index, kind, with_causes(error))
}
