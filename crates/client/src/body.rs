//! A batch as the body of an append: the smallest of the three media types that can carry it.

use append::{Batch, Code, Refusal, Sidecar};
use graven_entry::{pointer, write_json_string};
use graven_note::base64;

/// Media type and bytes of an append.
pub(crate) struct AppendBody {
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// Writes the batch: events verbatim, never re-serialised.
pub(crate) fn of(batch: &Batch) -> Result<AppendBody, Refusal> {
    let is_plain = batch.stream.is_none()
        && batch.cursor.is_none()
        && batch.attestation.is_none()
        && batch.sidecars.is_empty();
    match batch.events.as_slice() {
        [event] if is_plain => {
            Ok(AppendBody { media_type: "application/json", bytes: event.clone() })
        }
        _ if is_plain => Ok(AppendBody {
            media_type: "application/x-ndjson",
            bytes: event_lines(Vec::new(), &batch.events)?,
        }),
        _ => Ok(AppendBody { media_type: "application/vnd.graven.batch", bytes: whole(batch)? }),
    }
}

/// Whether the log can tell a repetition of the batch from a second one: its events have ids, or a `seq`.
pub(crate) fn is_repeatable(batch: &Batch) -> bool {
    let has_seq = batch.attestation.is_some()
        || batch.stream.as_ref().is_some_and(|stream| stream.first_seq.is_some());
    has_seq || batch.events.iter().all(|event| pointer(event, "/id").is_some())
}

fn whole(batch: &Batch) -> Result<Vec<u8>, Refusal> {
    let mut out = first_line(batch);
    out = event_lines(out, &batch.events)?;
    for sidecar in &batch.sidecars {
        push_sidecar(&mut out, sidecar)?;
    }
    Ok(out)
}

fn first_line(batch: &Batch) -> Vec<u8> {
    let mut out =
        format!("{{\"graven\":\"batch/v1\",\"events\":{}", batch.events.len()).into_bytes();
    if let Some(stream) = &batch.stream {
        push_text(&mut out, "stream", &stream.name);
        if let Some(first_seq) = stream.first_seq {
            out.extend(format!(",\"first_seq\":{first_seq}").bytes());
        }
    }
    if let Some(cursor) = &batch.cursor {
        push_text(&mut out, "cursor", cursor);
    }
    if let Some(attestation) = &batch.attestation {
        push_text(&mut out, "attestation", &String::from_utf8_lossy(attestation));
    }
    out.extend(b"}\n");
    out
}

fn event_lines(mut out: Vec<u8>, events: &[Vec<u8>]) -> Result<Vec<u8>, Refusal> {
    for (place, event) in events.iter().enumerate() {
        if let Some(position) = event.iter().position(|byte| *byte == b'\n') {
            let why = "the event holds a line feed, so it cannot stand on one line among others; \
                       take the line break out, or append the event alone";
            return Err(Refusal::new(Code::BadEvent, why).at_event(place).at_position(position));
        }
        out.extend_from_slice(event);
        out.push(b'\n');
    }
    Ok(out)
}

fn push_sidecar(out: &mut Vec<u8>, sidecar: &Sidecar) -> Result<(), Refusal> {
    out.extend(format!("{{\"event\":{}", sidecar.event()).bytes());
    match sidecar {
        Sidecar::Disclosure { disclosure, path, subject, class, .. } => {
            push_text(out, "disclosure", disclosure);
            push_text(out, "path", path);
            push_text(out, "subject", subject);
            push_text(out, "class", class);
        }
        Sidecar::Blob { bytes, .. } => push_text(out, "blob", &base64::encode(bytes)),
        Sidecar::SealedBlob { .. } => {
            let why = "the server alone seals a blob; hand it in on its own";
            return Err(Refusal::new(Code::BadEvent, why).at_event(sidecar.event()));
        }
    }
    out.extend(b"}\n");
    Ok(())
}

fn push_text(out: &mut Vec<u8>, key: &str, value: &str) {
    out.extend(format!(",\"{key}\":").bytes());
    write_json_string(out, value);
}
