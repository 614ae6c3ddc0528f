//! Streams: where a producer resumes.

use append::{Code, Refusal};
use axum::http::StatusCode;
use axum::response::Response;

use super::page_limit;
use crate::call::Call;
use crate::json;

/// `GET …/streams`: the streams of a log by name, in pages.
pub(crate) async fn list(call: &mut Call) -> Result<Response, Refusal> {
    let limit = page_limit(call)?;
    let after = call.query("after").map(str::to_owned);
    let log = call.log()?;
    let mut streams =
        call.shared.blocking(move || log.streams(after.as_deref(), limit + 1)).await?;
    let has_more = streams.len() > limit;
    streams.truncate(limit);
    let next = streams.last().filter(|_| has_more).map(|(name, _)| name.as_str());
    let body = json::page("streams", &streams, next, |out, (name, stream)| {
        json::push_stream(out, Some(name), stream);
    });
    Ok(json::response(StatusCode::OK, body))
}

/// `GET …/streams/{stream}`: one stream.
pub(crate) fn show(call: &Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let name = call.param("stream").unwrap_or_default();
    let stream = log.stream(name).ok_or_else(|| {
        Refusal::new(Code::NotFound, "no event of this stream yet; its first seq is 0")
            .in_field("stream")
    })?;
    let mut body = Vec::with_capacity(256);
    json::push_stream(&mut body, None, &stream);
    body.push(b'\n');
    Ok(json::response(StatusCode::OK, body))
}
