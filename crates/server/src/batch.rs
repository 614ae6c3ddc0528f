//! The batch media type, `application/vnd.graven.batch`: events with what travels beside them.
//!
//! Lines end with LF and are split on byte 0x0A alone: a first line that says what follows, then as
//! many event lines as it announces, verbatim, then one line for each sidecar (design §8).

use append::{BATCH_EVENTS_MAX, Batch, Code, Refusal, Sidecar, StreamClaim};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::body::too_many_events;
use crate::limits::SIDECARS_MAX;

/// The version that this server takes.
const VERSION: &str = "batch/v1";

/// The first line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    graven: String,
    events: usize,
    stream: Option<String>,
    first_seq: Option<u64>,
    cursor: Option<String>,
    attestation: Option<String>,
}

/// A line after the events.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SidecarLine {
    event: usize,
    disclosure: Option<String>,
    path: Option<String>,
    subject: Option<String>,
    class: Option<String>,
    blob: Option<String>,
}

/// Reads a batch; the caller adds ack level and proof.
pub(crate) fn parse(bytes: &[u8]) -> Result<Batch, Refusal> {
    let bytes = bytes.trim_ascii_end();
    let mut lines = Lines { bytes, start: 0 };
    let (_, first) = lines.next().unwrap_or((0, b""));
    let head = parse_head(first)?;
    let mut events = Vec::with_capacity(head.events);
    while events.len() < head.events {
        let Some((_, line)) = lines.next() else {
            let detail = format!(
                "the first line announces {} events, {} follow; send as many as announced",
                head.events,
                events.len()
            );
            return Err(refuse(detail, "events").at_position(bytes.len()));
        };
        events.push(line.to_vec());
    }
    let mut sidecars = Vec::new();
    for (start, line) in lines {
        if sidecars.len() == SIDECARS_MAX {
            let detail = format!("a batch holds at most {SIDECARS_MAX} sidecars; split it");
            return Err(Refusal::new(Code::TooLarge, detail).in_field("sidecars"));
        }
        sidecars.push(parse_sidecar(line, start, head.events)?);
    }
    let stream = head.stream.map(|name| StreamClaim { name, first_seq: head.first_seq });
    let attestation = head.attestation.map(String::into_bytes);
    Ok(Batch { events, stream, cursor: head.cursor, attestation, sidecars, ..Batch::default() })
}

fn parse_head(line: &[u8]) -> Result<Head, Refusal> {
    let head: Head = serde_json::from_slice(line).map_err(|error| {
        let detail = format!("the first line of the batch is not its description: {error}");
        refuse(detail, "graven").at_position(error.column().saturating_sub(1).min(line.len()))
    })?;
    if head.graven != VERSION {
        let detail = format!("unknown batch version; this server takes \"{VERSION}\"");
        return Err(Refusal::new(Code::UnsupportedType, detail).in_field("graven"));
    }
    if head.events == 0 {
        return Err(refuse("no event in the batch; send at least one", "events"));
    }
    if head.events > BATCH_EVENTS_MAX {
        return Err(too_many_events(BATCH_EVENTS_MAX));
    }
    let needs_stream = [
        ("first_seq", head.first_seq.is_some()),
        ("cursor", head.cursor.is_some()),
        ("attestation", head.attestation.is_some()),
    ];
    match needs_stream.into_iter().find(|(_, is_there)| *is_there && head.stream.is_none()) {
        Some((field, _)) => Err(refuse(format!("`{field}` needs a `stream` beside it"), field)),
        None => Ok(head),
    }
}

fn parse_sidecar(line: &[u8], start: usize, events: usize) -> Result<Sidecar, Refusal> {
    let sidecar: SidecarLine = serde_json::from_slice(line).map_err(|error| {
        let position = start + error.column().saturating_sub(1).min(line.len());
        refuse(format!("a line after the events is no sidecar: {error}"), "sidecars")
            .at_position(position)
    })?;
    let event = sidecar.event;
    if event >= events {
        let detail = format!("a sidecar is for event {event}, the batch has {events} from 0");
        return Err(refuse(detail, "event").at_position(start));
    }
    let SidecarLine { disclosure, path, subject, class, blob, .. } = sidecar;
    match (disclosure, path, subject, class, blob) {
        (Some(disclosure), Some(path), Some(subject), Some(class), None) => {
            Ok(Sidecar::Disclosure { event, disclosure, path, subject, class })
        }
        (None, None, None, None, Some(text)) => match STANDARD.decode(&text) {
            Ok(bytes) => Ok(Sidecar::Blob { event, bytes }),
            Err(error) => {
                let detail = format!("the blob is not padded standard base64: {error}");
                Err(refuse(detail, "blob").at_event(event).at_position(start))
            }
        },
        _ => {
            let detail = "a sidecar has `disclosure`, `path`, `subject` and `class`, or `blob`";
            Err(refuse(detail, "sidecars").at_event(event).at_position(start))
        }
    }
}

fn refuse(detail: impl Into<String>, field: &str) -> Refusal {
    Refusal::new(Code::BadJson, detail).in_field(field)
}

/// Lines with the offset at which each starts.
struct Lines<'a> {
    bytes: &'a [u8],
    start: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.start..)?;
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = (self.start, rest.get(..length)?);
        // One past the end once the last line is out: the next call finds nothing there.
        self.start += length + 1;
        Some(line)
    }
}

#[cfg(test)]
#[path = "tests/batch.rs"]
mod tests;
