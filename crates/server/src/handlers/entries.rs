//! Entries: their bytes and their proofs.

use std::sync::Arc;

use access::{Right, Slice};
use append::Refusal;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use graven_merkle::{LeafIndex, TreeSize, leaf_hash};
use index::query::Ast;

use super::{PRIVATE_FOR_EVER, logged};
use crate::call::{Call, parse_number};
use crate::gate::narrowed;
use crate::json;
use crate::narrowing::may_see;
use crate::refusal::bad_query;
use crate::view;

const TEXT_PLAIN: &str = "text/plain; charset=utf-8";

/// `GET …/entries/{index}`: the entry's raw bytes, tagged with their leaf hash.
pub(crate) async fn entry(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let index = index(call)?;
    let entry = call.shared.blocking(move || log.entry(index)).await?;
    let entry = entry.map_err(|error| logged(call, &error))?;
    check_see(&call.slice(Right::ReadEntries)?, &entry)?;
    view::check(&call.view()?, &entry)?;
    call.show_entries(index.0..index.0 + 1);
    let etag = format!("\"{}\"", leaf_hash(&entry));
    let is_known = is_known(call, &etag);
    let body = if is_known { Body::empty() } else { Body::from(entry) };
    let mut response = text(body, PRIVATE_FOR_EVER);
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let etag = HeaderValue::from_str(&etag).expect("base64 in quotes is plain ASCII");
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

/// `GET …/entries/{index}/proof`: the entry's tlog-proof against the newest checkpoint.
pub(crate) async fn proof(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let index = index(call)?;
    let view = call.view()?;
    if view != Ast::All {
        let (log, shared) = (log.clone(), Arc::clone(&call.shared));
        let entry = shared.blocking(move || log.entry(index)).await?;
        view::check(&view, &entry.map_err(|error| logged(call, &error))?)?;
    }
    let proof = call.shared.blocking(move || log.proof(index)).await?;
    let proof = proof.map_err(|error| logged(call, &error))?;
    Ok(text(Body::from(proof), "no-store"))
}

/// `GET …/consistency`: that the tree of size `old` is the start of that of size `new`.
pub(crate) async fn consistency(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let old = size(call, "old")?;
    let new = size(call, "new")?;
    if old > new {
        return Err(bad_query("old", "`old` is larger than `new`; exchange them"));
    }
    let proof = call.shared.blocking(move || log.consistency(old, new)).await?;
    let proof = proof.map_err(|error| logged(call, &error))?;
    Ok(json::response(StatusCode::OK, json::consistency(old.0, new.0, &proof)))
}

/// Refuses an entry that policies do not show.
pub(super) fn check_see(slice: &Slice, entry: &[u8]) -> Result<(), Refusal> {
    if may_see(slice, entry) {
        return Ok(());
    }
    Err(narrowed("a policy forbids you to read this entry"))
}

pub(super) fn index(call: &Call) -> Result<LeafIndex, Refusal> {
    parse_number("index", call.param("index").unwrap_or_default()).map(LeafIndex)
}

fn size(call: &Call, name: &str) -> Result<TreeSize, Refusal> {
    call.query_number(name)?
        .map(TreeSize)
        .ok_or_else(|| bad_query(name, "the parameter is missing; give a tree size"))
}

/// Whether the client holds these bytes already (RFC 9110 §13.1.2).
fn is_known(call: &Call, etag: &str) -> bool {
    let wanted =
        call.parts.headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    wanted
        .is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag))
}

fn text(body: Body, cache: &'static str) -> Response {
    let mut response = Response::new(body);
    let headers: [(HeaderName, &'static str); 2] =
        [(header::CONTENT_TYPE, TEXT_PLAIN), (header::CACHE_CONTROL, cache)];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
