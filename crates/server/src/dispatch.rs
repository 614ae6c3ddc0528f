//! One request from its head to its answer: limits, authentication, access, handler, problem.
//!
//! This is the one place that asks the [`Gate`](crate::Gate). It asks before it looks at what was
//! routed, so that without a credential nobody learns which paths, logs or indexes exist.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use access::{Asked, ViewLink};
use append::{Code, Refusal};
use axum::body::HttpBody as _;
use axum::extract::{FromRequestParts as _, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use tokio::time::Instant;

use crate::body;
use crate::call::{Call, Shown, for_log};
use crate::gate::{Principal, no_such_log};
use crate::limits::{HEADER_BYTES_MAX, QUERY_BYTES_MAX, REASON_BYTES_MAX};
use crate::login;
use crate::peer::{self, Peer};
use crate::problem;
use crate::record::{self, Outcome, Recorded};
use crate::refusal::bad_query;
use crate::route::{Access, Route};
use crate::shared::Shared;

/// The header in which a client says why it asks.
const REASON: &str = "graven-reason";
/// The operations that a view link may call.
const VIEWED: [&str; 6] =
    ["showView", "showLog", "search", "getEntry", "getProof", "getConsistency"];
/// The target of what is about no log.
const SERVER: &str = "graven";
/// A request's address, where its connection did not say.
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// What the router found for a request.
#[derive(Clone)]
pub(crate) enum Target {
    Route(&'static Route),
    Unknown,
    /// The path exists, the method does not; the methods that do.
    WrongMethod(HeaderValue),
}

/// Answers one request, whatever becomes of it.
pub(crate) async fn dispatch(shared: Arc<Shared>, target: Target, request: Request) -> Response {
    let started = Instant::now();
    let (mut parts, body) = request.into_parts();
    let params = RawPathParams::from_request_parts(&mut parts, &()).await.ok();
    let peer = parts.extensions.get::<Peer>().map_or(UNKNOWN, |peer| peer.address);
    let source = peer::source(peer, &parts.headers, &shared.proxies);
    let (query, principal, shown) = (Vec::new(), None, Shown::default());
    let mut call = Call { shared, parts, params, query, principal, source, shown, body };
    let result = answer(&mut call, &target).await;
    record_access(&call, &target, result.as_ref().err());
    let refused = result.as_ref().err().map(|refusal| refusal.code);
    let mut response = result.unwrap_or_else(|refusal| problem::response(&refusal));
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    record(&call, &target, &response, refused, started);
    if let Some(code) = refused {
        drain_rest(call, code);
    }
    response
}

async fn answer(call: &mut Call, target: &Target) -> Result<Response, Refusal> {
    let shared = Arc::clone(&call.shared);
    let Ok(_permit) = shared.requests.try_acquire() else {
        let detail = format!(
            "the server works on {} requests already; try again",
            shared.limits.requests_max
        );
        return Err(Refusal::new(Code::Busy, detail));
    };
    check_head(&call.parts)?;
    admit(call, target).await?;
    match target {
        Target::Route(route) => {
            // What a page's address says beside its path is for its own module.
            if !matches!(route.access, Access::Open | Access::Page) {
                call.query = parse_query(&call.parts, route)?;
            }
            (route.handler)(call).await
        }
        Target::Unknown => Err(Refusal::new(
            Code::NotFound,
            "no such path; the API is described at /api/v1/openapi.json",
        )
        .in_field("path")),
        Target::WrongMethod(allow) => Ok(problem::method_not_allowed(allow)),
    }
}

/// Lets the caller pass, if they may; denied unless the route says otherwise.
async fn admit(call: &mut Call, target: &Target) -> Result<(), Refusal> {
    let access = match target {
        Target::Route(route) => route.access,
        Target::Unknown | Target::WrongMethod(_) => Access::AnyPrincipal,
    };
    let is_own = matches!(access, Access::OwnOr(_));
    let is_public = call.param("log").is_some_and(|name| call.is_public(name));
    let right = match access {
        Access::Open => return Ok(()),
        Access::Page => return admit_to_page(call).await,
        Access::PublicLog(_) if is_public => return Ok(()),
        Access::PublicLog(right) | Access::Needs(right) | Access::OwnOr(right) => Some(right),
        Access::AnyPrincipal => None,
    };
    let principal = authenticate(call).await?;
    let link = principal.view.clone();
    let (id, strength) = (principal.id.clone(), principal.strength);
    call.principal = Some(principal);
    if let Some(link) = link {
        let fits = check_view(call, target, &link);
        call.shown.is_denied = fits.is_err();
        fits?;
    }
    let gate = &Arc::clone(&call.shared).gate;
    // Whoever asks about itself needs no right for that.
    let right = right.filter(|_| !is_own || call.param("principal") != Some(id.as_str()));
    if let Some(right) = right {
        let asked = Asked { right, log: call.param("log"), stream: call.param("stream") };
        let authorised = gate.authorise(&id, &asked, is_public);
        let authorised = authorised.and_then(|()| gate.check_strength(strength, right));
        call.shown.is_denied = authorised.is_err();
        authorised?;
    }
    if let Some(Recorded::Always(_)) = target.recorded() {
        call.shared.records.check_room()?;
    }
    gate.check_rate(&id)
}

/// A view link reads what its page needs, of its own log, and nothing else.
fn check_view(call: &Call, target: &Target, link: &ViewLink) -> Result<(), Refusal> {
    if !VIEWED.contains(&target.route_name()) {
        let detail = "a view link only shows entries of one log; use a token of your own";
        return Err(Refusal::new(Code::Forbidden, detail).in_field("authorization"));
    }
    if call.param("log").is_some_and(|log| log != link.log) { Err(no_such_log()) } else { Ok(()) }
}

/// A page knows who brings a good credential; everyone else it tells how to sign in.
async fn admit_to_page(call: &mut Call) -> Result<(), Refusal> {
    if !call.shared.gate.is_brought(&call.parts) {
        return Ok(());
    }
    let Ok(principal) = authenticate(call).await else { return Ok(()) };
    if principal.view.is_some() {
        return Ok(());
    }
    let id = principal.id.clone();
    call.principal = Some(principal);
    call.shared.gate.check_rate(&id)
}

/// Who asks. Whoever is not let in is recorded, and so is a first use for a while.
async fn authenticate(call: &mut Call) -> Result<Principal, Refusal> {
    let gate = &call.shared.gate;
    let authenticated = match gate.issuer_token(&call.parts.headers) {
        Some(token) => gate.by_issuer(&call.shared.cell, token, call.source).await,
        None => gate.authenticate(&call.parts, call.source),
    };
    let principal = authenticated.map_err(|bad| login::refused(call, *bad))?;
    if principal.is_login {
        let id = principal.id.as_str();
        login::record(call, id, principal.method);
    }
    Ok(principal)
}

/// Takes a principal's access into the records, where its kind is to be there.
fn record_access(call: &Call, target: &Target, refusal: Option<&Refusal>) {
    let (Some(principal), Some(recorded)) = (&call.principal, target.recorded()) else { return };
    let is_forbidden = refusal
        .is_some_and(|refusal| matches!(refusal.code, Code::Forbidden | Code::ApprovalNeeded));
    let outcome = match refusal {
        None if matches!(recorded, Recorded::Always(_)) => Outcome::Success,
        Some(_) if is_forbidden || call.shown.is_denied => Outcome::Denied,
        _ => return,
    };
    // Names of logs that are not there are the client's own words: as many as it likes.
    let log = call.param("log").or(call.shown.log.as_deref());
    let log = log.filter(|log| call.shared.cell.log(log).is_some());
    let reason = match (&principal.view, &call.shown.reason) {
        (Some(link), _) => Some(format!("view {}: {}={}", link.id, link.field, link.value)),
        (None, Some(reason)) => Some(reason.clone()),
        (None, None) => reason(&call.parts).map(str::to_owned),
    };
    let reason = reason.filter(|_| outcome == Outcome::Success || principal.view.is_some());
    let access = record::Access {
        actor: principal.id.to_string(),
        action: recorded.action(),
        outcome,
        target: log.map_or(("server", SERVER.to_owned()), |log| ("log", log.to_owned())),
        reason,
        detail: target.route_name(),
        address: call.source,
    };
    match &call.shown.found {
        Some((results, query)) => call.shared.records.add_search(access, *results, query),
        None => call.shared.records.add(access, 1, call.shown.entries.clone()),
    }
}

/// Why the client asks, in its own words.
fn reason(parts: &Parts) -> Option<&str> {
    std::str::from_utf8(parts.headers.get(REASON)?.as_bytes()).ok()
}

/// Refuses heads that are over our limits; far larger ones never get here.
fn check_head(parts: &Parts) -> Result<(), Refusal> {
    let query_bytes = parts.uri.query().map_or(0, str::len);
    if query_bytes > QUERY_BYTES_MAX {
        let detail = format!("the query has {query_bytes} bytes; at most {QUERY_BYTES_MAX}");
        return Err(Refusal::new(Code::TooLarge, detail).in_field("query"));
    }
    if let Some(reason) = parts.headers.get(REASON) {
        let is_good =
            reason.len() <= REASON_BYTES_MAX && std::str::from_utf8(reason.as_bytes()).is_ok();
        if !is_good {
            let detail = format!("a reason is at most {REASON_BYTES_MAX} bytes of UTF-8");
            return Err(bad_query(REASON, &detail));
        }
    }
    let target_bytes = parts.uri.path().len() + query_bytes;
    let headers_bytes: usize =
        parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let head_bytes = target_bytes + headers_bytes;
    if head_bytes > HEADER_BYTES_MAX {
        let detail = format!("the headers have {head_bytes} bytes; at most {HEADER_BYTES_MAX}");
        return Err(Refusal::new(Code::TooLarge, detail).in_field("headers"));
    }
    Ok(())
}

/// The query's parameters: only those that the route's contract names, each once, so that a typing
/// error in `ack` is never taken for the default.
fn parse_query(parts: &Parts, route: &Route) -> Result<Vec<(String, String)>, Refusal> {
    if parts.uri.query().is_none_or(str::is_empty) {
        return Ok(Vec::new());
    }
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map_err(|_| bad_query("query", "the query is not name=value pairs joined by `&`"))?;
    for (place, (name, _)) in pairs.iter().enumerate() {
        let before = pairs.get(..place).unwrap_or_default();
        if !route.doc.query.iter().any(|param| param.name == name) {
            let known: Vec<&str> = route.doc.query.iter().map(|param| param.name).collect();
            let detail = format!("this path has no such parameter; it has: {}", known.join(", "));
            return Err(bad_query(name, &detail));
        }
        if before.iter().any(|(other, _)| other == name) {
            return Err(bad_query(name, "the parameter stands twice; give it once"));
        }
    }
    Ok(pairs)
}

/// Counts the request and writes its one line.
fn record(
    call: &Call,
    target: &Target,
    response: &Response,
    refused: Option<Code>,
    started: Instant,
) {
    let status = response.status().as_u16();
    call.shared.counters.request(target.route_name(), status, refused);
    tracing::debug!(
        method = %call.parts.method,
        path = %for_log(call.parts.uri.path()),
        status,
        code = refused.map(Code::as_str),
        writer = call.principal.as_ref().map(|principal| principal.writer.id.as_str()),
        elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "request"
    );
}

/// Lets the sender of a refused body finish, unless it waits to be told to start, or has had its time.
fn drain_rest(call: Call, code: Code) {
    let waits = call.parts.headers.contains_key(header::EXPECT);
    if waits || code == Code::Timeout || call.body.is_end_stream() {
        return;
    }
    let limit = call.shared.limits.drain;
    // Owned by the connection: when that ends, the body ends, and with it this task.
    drop(tokio::spawn(body::drain(call.body, limit)));
}

impl Target {
    /// What is recorded of it; nothing of what asks nobody.
    fn recorded(&self) -> Option<Recorded> {
        match self {
            Target::Route(route) if route.access == Access::Open => None,
            Target::Route(route) => Some(route.recorded),
            Target::Unknown | Target::WrongMethod(_) => None,
        }
    }

    /// The name under which the request is counted.
    fn route_name(&self) -> &'static str {
        match self {
            Target::Route(route) => route.doc.id,
            Target::Unknown | Target::WrongMethod(_) => "none",
        }
    }
}
