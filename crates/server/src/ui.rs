//! The web UI: frames of pages, and the files that browsers run (ADR 0013).
//!
//! What entries hold is nothing of this: the page draws it from the bytes that it has verified.

mod assets;
mod desk;
mod explore;
mod frame;
mod pages;

use append::{Code, Refusal};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::call::Call;

pub(crate) use desk::{access, export, view};
pub(crate) use explore::{explore, queries, resource, timeline};
pub(crate) use pages::{entry, integrity, overview};

/// What a page may load and do. WebAssembly needs its own word.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// `GET /`: the UI is at `/ui/`.
pub(crate) fn home() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/ui/"));
    response
}

/// `GET /ui/assets/{version}/{file}`: what pages load; the version is in the address, so it never changes.
pub(crate) fn asset(call: &Call) -> Result<Response, Refusal> {
    let name = call.param("file").unwrap_or_default();
    let is_current = call.param("version") == Some(assets::version());
    let asset = assets::find(name).filter(|_| is_current).ok_or_else(|| {
        Refusal::new(Code::NotFound, "no such file of this version; load the page again")
            .in_field("file")
    })?;
    let (body, coding) = match asset.brotli {
        Some(bytes) if takes(call, "br") => (bytes, Some("br")),
        _ if takes(call, "gzip") => (asset.gzipped(), Some("gzip")),
        _ => (asset.bytes, None),
    };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    let cache = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, cache);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    Ok(response)
}

/// Whether the client says that it takes a coding (RFC 9110 §12.5.3), and does not say that it would rather not.
fn takes(call: &Call, coding: &str) -> bool {
    let accepted = call.parts.headers.get(header::ACCEPT_ENCODING);
    let accepted = accepted.and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|taken| taken.trim() == coding)
}

/// A page that others may embed, where their origins are allowed.
fn embedded(call: &Call, markup: maud::Markup) -> Response {
    let mut response = page(StatusCode::OK, markup);
    let origins = &call.shared.gate.view_origins;
    if !origins.is_empty() {
        let allowed = format!("frame-ancestors {}", origins.join(" "));
        let policy = POLICY.replace("frame-ancestors 'none'", &allowed);
        let policy =
            HeaderValue::from_str(&policy).expect("origins are checked where they are set");
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// A page of the UI.
fn page(status: StatusCode, markup: maud::Markup) -> Response {
    let mut response = Response::new(Body::from(markup.into_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    response
}
