//! Refusals as RFC 9457 problem documents: the one place that knows codes and HTTP statuses.

use append::{Code, Refusal};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use graven_entry::write_json_string;

/// Seconds to wait where a refusal that may pass does not say how long.
const RETRY_AFTER_S: u32 = 1;

/// The media type of a problem document.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// The HTTP status of each code (design §8).
pub fn status(code: Code) -> StatusCode {
    match code {
        Code::BadJson | Code::BadQuery => StatusCode::BAD_REQUEST,
        Code::BadEvent | Code::BadAttestation | Code::AckUnavailable | Code::QueryLimit => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden | Code::ApprovalNeeded => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Expired => StatusCode::GONE,
        Code::Conflict | Code::SeqGap | Code::SeqRecorded | Code::Exists | Code::Held => {
            StatusCode::CONFLICT
        }
        Code::Timeout => StatusCode::REQUEST_TIMEOUT,
        Code::Busy => StatusCode::TOO_MANY_REQUESTS,
        Code::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The sentence that a code stands for, the same in every answer.
pub fn title(code: Code) -> &'static str {
    match code {
        Code::BadJson => "the body is not JSON that everyone reads the same way",
        Code::BadEvent => "the event lacks something, or is not yours to write",
        Code::BadAttestation => "the attestation does not hold, or one is required",
        Code::AckUnavailable => "this server cannot give that ack level",
        Code::BadQuery => "a query parameter is wrong",
        Code::QueryLimit => "the query is over a limit",
        Code::TooLarge => "something is larger than its limit",
        Code::UnsupportedType => "the content type or encoding is not one that is taken here",
        Code::Unauthenticated => "no credential, or a bad one",
        Code::Forbidden => "the credential lacks the right",
        Code::ApprovalNeeded => "a second person has to approve",
        Code::NotFound => "there is nothing here",
        Code::Expired => "gone by retention",
        Code::Conflict => "the same identity was recorded with other bytes",
        Code::SeqGap => "the stream's seq skips or goes back",
        Code::SeqRecorded => "that seq was recorded long ago",
        Code::Exists => "the name is taken",
        Code::Held => "under legal hold",
        Code::Timeout => "the body did not end in time",
        Code::Busy => "over a queue or a rate; try again",
        Code::DiskFull => "out of disk; reads go on",
        Code::Unavailable => "stopping, read-only or ended",
    }
}

/// The answer to a refused request.
pub(crate) fn response(refusal: &Refusal) -> Response {
    response_with_status(refusal, status(refusal.code))
}

/// The answer to a request for a path that exists, by a method that it does not have (RFC 9110
/// §15.5.6).
pub(crate) fn method_not_allowed(allow: &HeaderValue) -> Response {
    let methods = String::from_utf8_lossy(allow.as_bytes());
    let detail = format!("this path has no such method; it has {methods}");
    let refusal = Refusal::new(Code::NotFound, detail).in_field("method");
    let mut response = response_with_status(&refusal, StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(header::ALLOW, allow.clone());
    response
}

/// The problem document as JSON.
pub(crate) fn document(refusal: &Refusal, status: StatusCode) -> Vec<u8> {
    let mut out = Vec::with_capacity(320);
    out.extend_from_slice(b"{\"type\":\"/docs/errors/");
    out.extend_from_slice(refusal.code.as_str().as_bytes());
    out.extend_from_slice(b"\",\"title\":");
    write_json_string(&mut out, title(refusal.code));
    out.extend_from_slice(format!(",\"status\":{},\"code\":\"", status.as_u16()).as_bytes());
    out.extend_from_slice(refusal.code.as_str().as_bytes());
    out.extend_from_slice(b"\",\"detail\":");
    write_json_string(&mut out, &refusal.detail);
    push_number(&mut out, "event", refusal.event);
    if let Some(field) = &refusal.field {
        out.extend_from_slice(b",\"field\":");
        write_json_string(&mut out, field);
    }
    push_number(&mut out, "position", refusal.position);
    push_number(&mut out, "next_seq", refusal.next_seq);
    push_number(&mut out, "retry_after_s", retry_after_s(refusal));
    out.extend_from_slice(b"}\n");
    out
}

fn response_with_status(refusal: &Refusal, status: StatusCode) -> Response {
    let mut response = Response::new(Body::from(document(refusal, status)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = retry_after_s(refusal) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    match refusal.code {
        Code::Unauthenticated => {
            let scheme = HeaderValue::from_static("Bearer realm=\"graven\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        Code::UnsupportedType => {
            let encodings = HeaderValue::from_static("gzip, identity");
            headers.insert(header::ACCEPT_ENCODING, encodings);
        }
        Code::Timeout => {
            // What is left of the body is not waited for, so nothing can follow it.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        _ => {}
    }
    response
}

/// What passes by itself always says when to come back.
fn retry_after_s(refusal: &Refusal) -> Option<u32> {
    match refusal.code {
        Code::Busy | Code::DiskFull | Code::Unavailable => {
            Some(refusal.retry_after_s.unwrap_or(RETRY_AFTER_S))
        }
        _ => refusal.retry_after_s,
    }
}

fn push_number(out: &mut Vec<u8>, name: &str, value: Option<impl std::fmt::Display>) {
    if let Some(value) = value {
        out.extend_from_slice(format!(",\"{name}\":{value}").as_bytes());
    }
}
