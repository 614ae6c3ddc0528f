//! The append: one event, many, or a batch. The server's hot path.

use std::io::BufRead;
use std::sync::Arc;

use append::{AckLevel, Appended, BATCH_EVENTS_MAX, Batch, Code, Refusal};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::{media_type, unsupported_type};
use crate::body::{BodyShape, encoding, too_many_events};
use crate::call::Call;
use crate::limits::{BODY_BYTES_MAX, INLINE_BYTES_MAX};
use crate::refusal::bad_query;
use crate::{batch, intake, json};

/// The three content types of an append.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The whole body is one event.
    Json,
    /// One event a line.
    Ndjson,
    /// Events with what travels beside them ([`batch`]).
    Batch,
}

/// `POST …/events`: appends all events of the body, or none.
pub(crate) async fn append(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let form = form(&call.parts.headers)?;
    let encoding = encoding(&call.parts.headers)?;
    let ack = ack(call)?;
    let proof = proof(call)?;
    let lines_max = (form == Form::Ndjson).then_some(BATCH_EVENTS_MAX);
    let body = call.read_body(BodyShape { encoding, bytes_max: BODY_BYTES_MAX, lines_max }).await?;
    let bytes = body.bytes;
    let is_small = bytes.len() <= INLINE_BYTES_MAX;
    let writer = call.principal()?.writer.clone();
    let (shared, id) = (Arc::clone(&call.shared), call.principal()?.id.clone());
    let submit = move || {
        let batch = match form {
            Form::Json => Batch::of(vec![bytes]),
            Form::Ndjson => Batch::of(split_events(&bytes)?),
            Form::Batch => batch::parse(&bytes)?,
        };
        if let Some(stream) = &batch.stream {
            shared.gate.check_stream(&id, &stream.name)?;
        }
        intake::submit(&shared, &log, (&id, &writer), Batch { ack, proof, ..batch })
    };
    // A megabyte of events is milliseconds of checks: not on a thread that serves others.
    let taken = if is_small { submit()? } else { call.shared.checking(submit).await?? };
    Ok(answer(&taken.finish(&call.shared).await?))
}

pub(super) fn answer(appended: &Appended) -> Response {
    let status = if appended.ack_reached { StatusCode::OK } else { StatusCode::ACCEPTED };
    json::response(status, json::appended(appended))
}

fn form(headers: &HeaderMap) -> Result<Form, Refusal> {
    match media_type(headers)?.as_str() {
        "application/json" => Ok(Form::Json),
        "application/x-ndjson" => Ok(Form::Ndjson),
        "application/vnd.graven.batch" => Ok(Form::Batch),
        _ => Err(unsupported_type(
            "application/json, application/x-ndjson or application/vnd.graven.batch",
        )),
    }
}

fn ack(call: &Call) -> Result<AckLevel, Refusal> {
    let Some(text) = call.query("ack") else {
        return Ok(AckLevel::default());
    };
    let refuse = |detail| Refusal::new(Code::AckUnavailable, detail).in_field("ack");
    text.parse::<AckLevel>().map_err(refuse)
}

fn proof(call: &Call) -> Result<bool, Refusal> {
    match call.query("proof") {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(bad_query("proof", "neither `true` nor `false`")),
    }
}

/// One event a line, split on byte 0x0A alone; line ends and blank lines at the end are no events.
fn split_events(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
    let bytes = bytes.trim_ascii_end();
    if bytes.is_empty() {
        let detail = "no event in the body; send one JSON object a line";
        return Err(Refusal::new(Code::BadJson, detail).in_field("body"));
    }
    // Reading from memory never fails, and finds line ends many bytes at a time.
    let events: Vec<Vec<u8>> = BufRead::split(bytes, b'\n').map_while(Result::ok).collect();
    if events.len() > BATCH_EVENTS_MAX {
        return Err(too_many_events(BATCH_EVENTS_MAX));
    }
    Ok(events)
}
