//! What the routes do: convert the request, call the log, convert the answer.

pub(crate) mod approvals;
pub(crate) mod blobs;
pub(crate) mod entries;
pub(crate) mod events;
pub(crate) mod factors;
pub(crate) mod keys;
pub(crate) mod logs;
pub(crate) mod pages;
pub(crate) mod policies;
pub(crate) mod queries;
pub(crate) mod scope;
pub(crate) mod sealed;
pub(crate) mod search;
pub(crate) mod session;
pub(crate) mod sql;
pub(crate) mod state;
pub(crate) mod streams;
pub(crate) mod subjects;
pub(crate) mod tail;
pub(crate) mod tiles;
pub(crate) mod tokens;
pub(crate) mod views;

use graven_entry::with_causes;
use std::sync::Arc;

use access::Standing;
use append::{Code, Refusal};
use axum::http::{HeaderMap, header};
use log::ReadError;
use serde::de::DeserializeOwned;

use crate::body::{BodyShape, encoding};
use crate::call::{Call, for_log};
use crate::gate::Gate;
use crate::limits::{BODY_SMALL_BYTES_MAX, LIST_ITEMS_MAX};
use crate::refusal::bad_query;

/// How long a client may keep what never changes and is not for everyone.
const PRIVATE_FOR_EVER: &str = "private, max-age=31536000, immutable";

/// The media type of the request's body, in lower case and without parameters. The only parameter
/// taken is `charset=utf-8`.
fn media_type(headers: &HeaderMap) -> Result<String, Refusal> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let text = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_utf8 = |param: &str| {
        let param = param.to_ascii_lowercase();
        param.is_empty() || param == "charset=utf-8" || param == "charset=\"utf-8\""
    };
    if values.next().is_some() || !parts.all(is_utf8) {
        return Err(unsupported_type("one content type, in UTF-8 where a charset is named"));
    }
    Ok(name)
}

fn unsupported_type(expected: &str) -> Refusal {
    let detail = format!("unknown content type; send {expected}");
    Refusal::new(Code::UnsupportedType, detail).in_field("content-type")
}

/// Reads a small JSON body with known fields only.
async fn read_json<T: DeserializeOwned>(call: &mut Call) -> Result<T, Refusal> {
    let bytes = read_text(call).await?;
    serde_json::from_slice(&bytes).map_err(|error| bad_json(&bytes, &error))
}

/// Reads a small JSON body as it is written.
async fn read_text(call: &mut Call) -> Result<Vec<u8>, Refusal> {
    let headers = &call.parts.headers;
    if media_type(headers)? != "application/json" {
        return Err(unsupported_type("application/json"));
    }
    let encoding = encoding(headers)?;
    let shape = BodyShape { encoding, bytes_max: BODY_SMALL_BYTES_MAX, lines_max: None };
    Ok(call.read_body(shape).await?.bytes)
}

/// Makes a change of access on a task of its own: one whose client has gone must still be taken in once it is permanent.
async fn apply(
    call: &mut Call,
    plan: impl FnOnce(&Standing) -> Result<Vec<Vec<u8>>, Refusal> + Send + 'static,
) -> Result<(), Refusal> {
    let shared = Arc::clone(&call.shared);
    let task = async move { shared.gate.change(&shared.cell, plan).await };
    tokio::spawn(task).await.unwrap_or_else(|error| Err(Gate::broke_off(&error)))
}

/// What serde says about JSON of ours, with the place as a byte from 0.
fn bad_json(bytes: &[u8], error: &serde_json::Error) -> Refusal {
    let lines_before = error.line().saturating_sub(1);
    let line_start: usize =
        bytes.split_inclusive(|byte| *byte == b'\n').take(lines_before).map(<[u8]>::len).sum();
    let position = (line_start + error.column().saturating_sub(1)).min(bytes.len());
    Refusal::new(Code::BadJson, format!("the body is not as this path wants it: {error}"))
        .in_field("body")
        .at_position(position)
}

/// The `limit` of a list: 1 up to the page's most, which is also the default.
fn page_limit(call: &Call) -> Result<usize, Refusal> {
    let limit = call.query_number("limit")?.unwrap_or(LIST_ITEMS_MAX as u64);
    if limit == 0 || limit > LIST_ITEMS_MAX as u64 {
        let detail = format!("a page holds 1 to {LIST_ITEMS_MAX} items; go on with `after`");
        return Err(bad_query("limit", &detail));
    }
    Ok(limit as usize)
}

/// A failed read as its refusal; one that somebody must look at is written down, here and only here.
fn logged(call: &Call, error: &ReadError) -> Refusal {
    let refusal = Refusal::from(error);
    if refusal.code == Code::Unavailable {
        let log = call.param("log").unwrap_or_default();
        tracing::error!(log = %for_log(log), error = %with_causes(error), "a read failed");
    }
    refusal
}
