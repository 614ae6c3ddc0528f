//! Blobs: handed in on their own, and read back against the digest that their entry states.

use std::sync::Arc;

use access::Right;
use append::Refusal;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use graven_entry::Entry;

use super::entries::{check_see, index};
use super::{PRIVATE_FOR_EVER, events, logged, unsupported_type};
use crate::blob::{self, About};
use crate::body::{BodyShape, encoding};
use crate::call::Call;
use crate::intake;
use crate::limits::MEDIA_TYPE_BYTES_MAX;
use crate::refusal::bad_query;

/// What bytes are that nobody says anything of.
const OCTETS: &str = "application/octet-stream";

/// The header that says whom a blob is about; an id in a query would stay in the records of proxies.
const SUBJECT: &str = "graven-subject";
/// The header that says how sensitive it is.
const CLASS: &str = "graven-class";

/// `POST …/blobs`: appends an event with the blob's digest, and the blob beside it.
pub(crate) async fn add(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let media_type = media_type(&call.parts.headers)?;
    let encoding = encoding(&call.parts.headers)?;
    let about = about(call)?;
    let bytes_max = call.shared.limits.blob_bytes_max;
    let body = call.read_body(BodyShape { encoding, bytes_max, lines_max: None }).await?;
    let (id, writer) = (call.principal()?.id.clone(), call.principal()?.writer.clone());
    let shared = Arc::clone(&call.shared);
    let submit = move || {
        let batch = match about {
            None => blob::batch(&writer.id, &media_type, body.bytes),
            Some(about) => {
                let sealing = shared.sealing()?;
                let by = (&writer.id, media_type.as_str());
                blob::sealed_batch(&log, &sealing, by, &body.bytes, about)?
            }
        };
        intake::submit(&shared, &log, (&id, &writer), batch)
    };
    let taken = call.shared.blocking(submit).await??;
    Ok(events::answer(&taken.finish(&call.shared).await?))
}

/// `GET …/entries/{index}/blobs/{digest}`: the bytes, which have that digest.
pub(crate) async fn get(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let index = index(call)?;
    let digest = call.param("digest").unwrap_or_default().to_owned();
    if !blob::is_digest(&digest) {
        let detail = "not a SHA-256 in 64 hexadecimal digits, lower case";
        return Err(bad_query("digest", detail));
    }
    let read = call.shared.blocking(move || {
        let entry = log.entry(index)?;
        Ok((entry, log.sidecars(index)?))
    });
    let (entry, sidecars) = read.await?.map_err(|error| logged(call, &error))?;
    check_see(&call.slice(Right::ReadEntries)?, &entry)?;
    let event = Entry::parse(&entry).map(|entry| entry.event).unwrap_or_default();
    let bytes = blob::find(event, sidecars, &digest)?;
    call.show_entries(index.0..index.0 + 1);
    let mut response = Response::new(Body::from(bytes));
    // Never what its producer says: a browser would run it.
    for (name, value) in [
        (header::CONTENT_TYPE, OCTETS),
        (header::CONTENT_DISPOSITION, "attachment"),
        (header::CACHE_CONTROL, PRIVATE_FOR_EVER),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

fn media_type(headers: &HeaderMap) -> Result<String, Refusal> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(OCTETS.to_owned()) };
    let text = value.to_str().ok().filter(|text| text.len() <= MEDIA_TYPE_BYTES_MAX);
    text.map(str::to_owned).ok_or_else(|| {
        unsupported_type(&format!(
            "a media type of at most {MEDIA_TYPE_BYTES_MAX} ASCII characters"
        ))
    })
}

/// Whom it is about: both headers, or none.
fn about(call: &Call) -> Result<Option<About>, Refusal> {
    let text = |name| match call.parts.headers.get(name).map(HeaderValue::as_bytes) {
        None => Ok(None),
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(bad_query(name, "the header is not UTF-8")),
        },
    };
    match (text(SUBJECT)?, text(CLASS)?) {
        (None, None) => Ok(None),
        (Some(subject), Some(class)) => Ok(Some(About { subject, class })),
        _ => Err(bad_query(SUBJECT, "a sealed blob has a subject and a class; give both headers")),
    }
}
